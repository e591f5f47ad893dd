"""How far a run is: by its steps, or by the minutes it has worked."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from codec.training.recipe import TrainConfig

LOOK_STEPS = 5
"""Between two looks at the file of minutes."""
NOTE_S = 2.0
"""Between two notes of the time worked, of which a kill takes no more."""


class Clock:
    """Seconds worked, before a resume too, and the share of the run that is over.

    With `minutes` in the recipe the run's length stands in the file `minutes` of its folder, one number, which may be
    changed while it runs: `echo 14 > runs/mine/minutes`. It is read again every few steps; what is no positive number
    is passed over. A resumed run goes by the file, not by the recipe, and what it has left is the file's minutes less
    the time worked, which the file `seconds` keeps up to a kill.
    """

    def __init__(self, config: TrainConfig, now: Callable[[], float] = time.monotonic) -> None:
        self.steps, self.minutes = config.steps, config.minutes
        self.file, self.note = config.out / "minutes", config.out / "seconds"
        self._now, self._began, self._before_s = now, now(), 0.0
        self._looks, self._noted_s = 0, 0.0

    def seconds(self) -> float:
        """Worked so far, loading included, and what was worked before the last resume."""
        return self._before_s + self._now() - self._began

    def add(self, seconds: float) -> None:
        """Count what was worked before a resume: as of the checkpoint, or up to the kill where the clock rules."""
        self._before_s += seconds if self.minutes is None else max(seconds, read_number(self.note) or 0.0)

    def begin(self, resume: bool) -> None:
        """Where there is no checkpoint: with `resume` count what was worked before a kill, else forget it."""
        if resume:
            self.add(0.0)
        else:
            self.file.unlink(missing_ok=True)
            self.note.unlink(missing_ok=True)

    def share(self, step: int) -> float:
        """0 at the start to 1 at the end, or more: of the steps, or of the minutes."""
        if self.minutes is None:
            return step / self.steps
        if self._looks % LOOK_STEPS == 0:
            self.minutes = read_number(self.file) or self.minutes
        self._looks += 1
        return self.seconds() / (60 * self.minutes)

    def post(self) -> None:
        """Where the clock rules: note the time worked, now and then, and the run's length where it is not noted yet."""
        seconds = self.seconds()
        if self.minutes is None or (self._noted_s and seconds - self._noted_s < NOTE_S):
            return
        self._noted_s = seconds
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.note.write_text(f"{seconds:.1f}\n")
        if not self.file.exists():
            self.file.write_text(f"{self.minutes:g}\n")


def read_number(path: Path) -> float | None:
    """The number in the file; None where there is none, or none above 0."""
    try:
        number = float(path.read_text())
    except (OSError, ValueError):
        return None
    return number if 0 < number < float("inf") else None
