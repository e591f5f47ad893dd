"""What is done of a sweep, a set or a study while it goes on: parts on disk, which survive whatever stops it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from codec.files import only_one, write_whole
from satsim.errors import SweepError

DIGEST_BYTES = 32
"""At the start of a part: SHA-256 of the rest, which of a sweep is a Parquet file."""


KEPT_FORMAT = 1
"""Of what `kept_beside` keeps."""


class Unfinished:
    """The folder DIR.unfinished beside the results to come: the plan, and a file for each job that is done."""

    def __init__(self, out: Path, what: str = "sweep") -> None:
        self.what = what
        """In words, what has not finished."""
        self.folder = out.absolute().with_name(f"{out.absolute().name}.unfinished")
        self._made_parent = self._told = False
        self._out, self._plan = out, self.folder / "plan.json"

    def check(self, plan: Mapping[str, Any], resume: bool, done: Any, tell: Callable[[str], None]) -> None:
        """Say by `tell`, once, where `resume` finds nothing of `plan` to go on with; `done` is the plan of the finished
        results at `out`, None for none. Raises SweepError where what is done of another plan must not be mixed with it.
        """
        plan = json.loads(json.dumps(plan, default=str))
        if self._plan.exists() and self.parts():
            if not resume:
                raise SweepError(
                    f"{self.folder}: holds a {self.what} that has not finished ({len(self.parts())} parts done); go on"
                    " with it by --resume, delete it, or name another --out"
                )
            if other := _others(_read_json(self._plan), plan):
                raise SweepError(
                    f"{self.folder}: holds a {self.what} of another {other}; give what was given then, or begin anew in"
                    " another --out"
                )
        elif resume and not self._told and (done is None or _others(done, plan)):
            self._told = True
            if done is None:
                tell(f"--resume finds nothing to go on with at {self._out}: the {self.what} begins afresh")
            else:
                tell(
                    f"{self._out} holds a {self.what} of another {_others(done, plan)}: --resume begins afresh, and"
                    " moves that aside"
                )

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Write the plan of what begins or, being checked, goes on. Raises OSError."""
        write_whole(self._plan, json.dumps(plan, indent=1, default=str).encode())

    def parts(self) -> list[Path]:
        """The files of jobs that are done; those with a dot in front are being written, or were when a kill came."""
        return sorted(self.folder.glob("[!.]*.part"))

    def part(self, point: int, first: int) -> Path:
        """The file of one job."""
        return self.folder / f"{point:06d}_{first:09d}.part"

    def has(self, point: int, first: int) -> bool:
        """Whether this job is done; a file that is damaged is none, and goes."""
        try:
            self.read(point, first)
        except (FileNotFoundError, SweepError):
            return False
        return True

    def write(self, point: int, first: int, content: bytes) -> None:
        """Keep what came of a job, whole or not at all. Raises OSError where the disk is full."""
        self._write(self.part(point, first), content)

    def read(self, point: int, first: int) -> bytes:
        """What `write` wrote. Raises SweepError, and deletes the file, where it is not that any more."""
        return self._read(self.part(point, first))

    def _write(self, path: Path, content: bytes) -> None:
        write_whole(path, hashlib.sha256(content).digest() + content)

    def _read(self, path: Path) -> bytes:
        written = path.read_bytes()
        content = written[DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != written[:DIGEST_BYTES]:
            path.unlink()
            raise SweepError(f"{path}: was damaged, and is gone; make it again by --resume")
        return content

    def find(self, name: str) -> bytes | None:
        """What `keep` kept under `name`, letters and digits; None for none, or where it is damaged, and gone."""
        try:
            return self._read(self.folder / f"{name}.part")
        except (FileNotFoundError, SweepError):
            return None

    def keep(self, name: str, content: bytes) -> None:
        """As `write`, by a name in place of a job."""
        self._write(self.folder / f"{name}.part", content)

    def remove(self) -> None:
        """Delete it, all it holds being in the results now, and the empty folder that it was made in."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            if self._made_parent:
                self.folder.parent.rmdir()

    @contextmanager
    def locked(self, system: str = os.name) -> Iterator[None]:
        """No other process works on this sweep. Raises SweepError where one does."""
        self._made_parent = self._made_parent or not self.folder.parent.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with only_one(self.folder / "lock", system) as alone:
                if not alone:
                    raise SweepError(
                        f"{self.folder}: another {self.what} is at work there; wait for it, or name another --out"
                    )
                try:
                    yield
                finally:
                    if not self.parts():
                        self.remove()
        finally:
            if system == "nt":  # where a folder stays as long as a file in it is open
                with suppress(OSError):
                    self.folder.rmdir()


@contextmanager
def kept_beside(out: Path, what: str, resume: bool, tell: Callable[[str], None]) -> Iterator[Unfinished]:
    """Where answers are kept until the block that fills `out` ends well; then they go. Raises SweepError where another
    process is at it, or where `resume` is not given and there are some.

    Each is known by what it was made of, so that what is kept of other photos, weights or options is never taken.
    """
    unfinished, plan = Unfinished(out, what), {"kind": what, "format": KEPT_FORMAT}
    with unfinished.locked():
        unfinished.check(plan, resume, None, tell)
        unfinished.begin(plan)
        yield unfinished
        unfinished.remove()


def _others(before: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """What of `plan` was another before, in words; empty where all is the same."""
    return " and another ".join(key for key in plan if before.get(key) != plan[key])


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise SweepError(f"{path}: cannot be read as JSON; delete the folder and begin anew") from None
    return data
