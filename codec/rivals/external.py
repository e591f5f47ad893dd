"""Any two commands as a codec: one turns a PNG into a file, one turns that into a PNG."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from codec.base import Codec, CodecError
from codec.rivals.fixed_rate import FixedRateCodec, Format, read_pillow, save


def make_codec(
    budget_bytes: int,
    encode: str | Sequence[str],
    decode: str | Sequence[str],
    qualities: Sequence[int],
    suffix: str = ".bin",
    timeout_s: float = 60.0,
) -> Codec:
    """A codec of any two commands: `encode` turns a PNG into a file of `suffix`, `decode` turns that into a PNG.

    Commands are lists of arguments, or one string split as a POSIX shell would; no shell runs. `{input}`, `{output}`
    and `{quality}` in them are replaced. `qualities` go from the smallest file to the largest. The whole file goes on
    the air: nothing is known about its container. Raises CodecError on wrong templates.
    """
    writer, reader = _arguments("encode", encode), _arguments("decode", decode)
    if not isinstance(qualities, list | tuple) or not all(isinstance(each, str | int | float) for each in qualities):
        raise CodecError(f"external qualities is {qualities!r}; expected a list of numbers or words")
    if not 1 <= len(qualities) <= 256:
        count = f"{len(qualities)} settings" if qualities else "empty"
        raise CodecError(f"external qualities is {count}; expected 1 to 256, from the smallest file to the largest")
    if not isinstance(suffix, str) or not re.fullmatch(r"(\.\w{1,20}){0,3}", suffix):
        raise CodecError(f"external suffix is {suffix!r}; expected the end of a file's name, such as .bin")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s <= 86_400:
        raise CodecError(f"external timeout_s is {timeout_s!r}; expected more than 0, at most 86400")

    def convert(command: Sequence[str], source: bytes, input_suffix: str, output_suffix: str, quality: object) -> bytes:
        with tempfile.TemporaryDirectory(prefix="satsim-") as folder:
            read, written = Path(folder, "input" + input_suffix), Path(folder, "output" + output_suffix)
            read.write_bytes(source)
            values = {"{input}": str(read), "{output}": str(written), "{quality}": str(quality)}
            for key, value in values.items():
                command = [part.replace(key, value) for part in command]
            call(command, timeout_s=timeout_s)
            if not written.is_file() or not written.stat().st_size:
                raise CodecError(f"{shlex.join(command)} wrote nothing to {{output}}")
            return written.read_bytes()

    form = Format(
        tuple(qualities),
        lambda pixels, quality, full, fast: convert(writer, save(pixels, "PNG"), ".png", suffix, quality),
        lambda file, height, width: read_pillow(convert(reader, file, suffix, ".png", ""), height, width),
        lambda file, blank: file,
        lambda payload, blank: payload,
        has_blank=False,
    )
    return FixedRateCodec("external", form, budget_bytes)


def _arguments(name: str, command: Any) -> list[str]:
    """The arguments of a command, as a list or as one string. Raises CodecError for what is no such template."""
    try:
        parts = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise CodecError(f"external {name} command is {command!r}; it cannot be split ({error})") from None
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise CodecError(f"external {name} command is {command!r}; expected a text, or a list of texts")
    if not all(any(key in part for part in parts) for key in ("{input}", "{output}")):
        raise CodecError(f"external {name} command is {command!r}; expected {{input}} and {{output}} in it")
    return list(parts)


def call(command: Sequence[str], feed: bytes = b"", timeout_s: float = 120) -> bytes:
    """Standard output of `command` given `feed`; CodecError where it is missing, fails or takes too long.

    However a wait for it ends too soon, all that it started ends with it (on Windows, it alone).
    """
    pipe = subprocess.PIPE
    try:
        running = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    except OSError as error:
        raise CodecError(f"cannot run {command[0]!r}: {error.strerror} (is it installed and on PATH?)") from error
    with running:
        try:
            told, complaint = running.communicate(feed, timeout_s)
        except subprocess.TimeoutExpired as error:
            end(running)
            raise CodecError(f"{shlex.join(command)} took over {timeout_s:g} s; raise timeout_s or mend it") from error
        except BaseException:
            end(running)
            raise
    if running.returncode:
        said = complaint.decode(errors="replace").strip()[-300:] or "nothing"
        raise CodecError(f"{shlex.join(command)} failed with exit code {running.returncode}, saying: {said}")
    return told


def end(running: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a session of its own, and all that it started there."""
    if os.name == "nt":
        running.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
