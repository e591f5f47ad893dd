"""How far a run is: by its steps, or by the minutes it has worked."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from codec.training.recipe import TrainConfig

LOOK_STEPS = 5
"""Between two looks at the file of minutes."""


class Clock:
    """Seconds worked, before a resume too, and the share of the run that is over.

    With `minutes` in the recipe the run's length stands in the file `minutes` of its folder, one number, which may be
    changed while it runs: `echo 14 > runs/mine/minutes`. It is read again every few steps; what is no positive number
    is passed over. A resumed run goes by the file, not by the recipe.
    """

    def __init__(self, config: TrainConfig, now: Callable[[], float] = time.monotonic) -> None:
        self.steps, self.minutes = config.steps, config.minutes
        self.file = config.out / "minutes"
        self._now, self._began, self._before_s = now, now(), 0.0
        self._looks = 0

    def seconds(self) -> float:
        """Worked so far, loading included, and what was worked before the last resume."""
        return self._before_s + self._now() - self._began

    def add(self, seconds: float) -> None:
        """Count what was worked before a resume."""
        self._before_s += seconds

    def share(self, step: int) -> float:
        """0 at the start to 1 at the end, or more: of the steps, or of the minutes."""
        if self.minutes is None:
            return step / self.steps
        if self._looks % LOOK_STEPS == 0:
            self.minutes = read_minutes(self.file) or self.minutes
        self._looks += 1
        return self.seconds() / (60 * self.minutes)

    def post(self) -> None:
        """Write the run's length into the file, unless one is there."""
        if self.minutes is not None and not self.file.exists():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(f"{self.minutes:g}\n")


def read_minutes(path: Path) -> float | None:
    """The number in the file; None where there is none, or none above 0."""
    try:
        minutes = float(path.read_text())
    except (OSError, ValueError):
        return None
    return minutes if 0 < minutes < float("inf") else None
