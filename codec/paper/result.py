"""What an item is asked for and what it returns; and the one rule by which its rows become a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from codec.evaluation.contenders import Contender
from codec.evaluation.work import Workers

COUNTS, TIMES, POINTS, BITS = 0.05, 0.5, 10.0, 0.2
"""Margins: of parameters and FLOPs, as a share, for counters differ in what they count; of ratios of times, as a share,
for processors differ; of BD-rates, in percentage points; of entropies, in bits."""
REPRODUCED, DIRECTION, NOT = "reproduced", "same direction", "not"
RULE = """\
A row is compared where both sides have a number, or the paper's text says on which side of a value its own lies.
It is *reproduced* where ours is on the paper's side of the neutral value (0 % for a change, 1 for a ratio) and no
farther from the paper's number than the margin that the row states; a number without a neutral value needs the margin
alone. It is the *same direction* where only the side agrees, where the text tells no more than the side, or where a
stand-in was measured in place of what the paper measured: a stand-in's number is not the paper's. A side counts only
where the whole 95 % interval lies on it. An item is as good as the worst of its compared rows; where a row is neither,
or nothing was compared, it is *not, because* of what is said there; rows of the paper's without a number of ours are
counted beside the verdict. Margins: 5 % of the paper's number for parameters
and FLOPs, 50 % for ratios of times, 10 percentage points for BD-rates, 0.2 bits for entropies."""


def model_of(rival: Contender, metrics: Sequence[str]) -> str:
    """The id of its weights, where it has some."""
    return f"{rival.codec.model_id:08x}" if rival.codec else ""


@dataclass(frozen=True)
class Asked:
    """What the user asks of every item."""

    out: Path
    photos: int | None = None
    """At most so many of each set; None for all."""
    model: str = "small"
    device: str = "cpu"
    runs: int = 5
    """Timings after a warm-up."""
    ablations: Path = Path(__file__).parent / "trained"
    """What trained ablations scored; ours, where the user has trained no others."""
    rivals: tuple[str, ...] = ()
    """Labels of further codecs to measure, `external` ones among them."""
    learned: Path | None = None
    """The Python of an environment in which learned rivals can be imported, to be timed."""
    tell: Callable[[str], None] = field(default=lambda line: None, compare=False)
    """Takes a line on what is being done."""
    workers: Workers | None = field(default=None, compare=False)
    """Who measures photos; None for this process."""
    made_with: Callable[[Contender, Sequence[str]], str] = field(default=model_of, compare=False)
    """What rows follow from besides photo, codec, metrics and rates; rows kept of something else are made anew."""

    def told(self) -> dict[str, str]:
        """All that decides what comes out, as text, to be kept beside it."""
        told = {name: str(getattr(self, name)) for name in ("photos", "model", "device", "runs")}
        if self.rivals:
            told["rivals"] = " ".join(self.rivals)
        return told | ({"learned": "timed"} if self.learned else {})  # where it lies decides nothing


@dataclass(frozen=True)
class Row:
    """One number of ours beside the paper's."""

    what: str
    unit: str = ""
    ours: float | None = None
    low: float | None = None
    high: float | None = None
    """The 95 % interval, where photos or runs were drawn."""
    n: int = 0
    """Photos or runs behind it."""
    theirs: float | None = None
    place: str = ""
    """Where the paper has it."""
    better: str = ""
    """lower or higher."""
    neutral: float | None = None
    """Where there would be no effect; None for a number that has no sides."""
    side: str = ""
    """below or above the neutral value, where the paper's text says no more than that."""
    margin: float | None = None
    """How far ours may be from theirs, in the unit."""
    bound: str = ""
    """at least or at most, where the paper gives a bound: beyond it is within the margin too."""
    stand_in: str = ""
    """What was measured in place of what the paper measured."""
    note: str = ""
    """Why there is no number, or what it means."""


@dataclass(frozen=True)
class Picture:
    """A file of an item."""

    name: str
    content: bytes
    caption: str


@dataclass(frozen=True)
class Result:
    """What an item found."""

    rows: Sequence[Row] = ()
    pictures: Sequence[Picture] = ()
    photos: str = ""
    """Which, and how many."""
    bytes: str = ""
    """How bytes were counted."""
    differs: Sequence[str] = ()
    """What is not as in the paper."""
    notes: Sequence[str] = ()
    lacks: Sequence[str] = ()
    """What was not at hand, and may be by the next run, which makes the item anew."""
    skipped: str = ""
    """Why nothing was run."""


def grade(row: Row) -> str:
    """reproduced, same direction or not, by `RULE`; nothing where there is nothing to compare."""
    side = row.side or side_of(row.theirs, row.neutral)
    if row.ours is None or not math.isfinite(row.ours) or (row.theirs is None and not row.side):
        return ""
    if row.margin is None and not side:
        return ""
    spread = [value for value in (row.ours, row.low, row.high) if value is not None]
    same_side = all(side_of(value, row.neutral) == side for value in spread)
    if row.theirs is None or row.margin is None:
        return DIRECTION if same_side else NOT
    beyond = {"at least": row.ours >= row.theirs, "at most": row.ours <= row.theirs}.get(row.bound, False)
    within = beyond or abs(row.ours - row.theirs) <= row.margin
    if row.neutral is None:
        return (DIRECTION if row.stand_in else REPRODUCED) if within else NOT
    if not same_side:
        return NOT
    return REPRODUCED if within and not row.stand_in else DIRECTION


def side_of(value: float | None, neutral: float | None) -> str:
    """below, above or at."""
    if value is None or neutral is None:
        return ""
    return "below" if value < neutral else "above" if value > neutral else "at"


def is_noise(row: Row) -> bool:
    """Whether its interval lies on both sides of the neutral value."""
    ends = {side_of(end, row.neutral) for end in (row.low, row.high)}
    return "" not in ends and len(ends) == 2


def verdict(result: Result) -> str:
    """`reproduced`, `same direction`, or `not, because ...`, by `RULE`."""
    if result.skipped:
        return f"{NOT}, because {result.skipped}"
    grades = [(grade(row), row) for row in result.rows]
    grades = [(found, row) for found, row in grades if found]
    if not grades:
        return f"{NOT}, because {nothing_compared(result.rows)}"
    failed = [row for found, row in grades if found == NOT]
    if failed:
        told = []
        for noise, words in ((False, "disagree"), (True, "are within the noise")):
            if rows := [row for row in failed if is_noise(row) == noise]:
                named = "; ".join(row.what for row in rows[:3]) + (" and more" if len(rows) > 3 else "")
                told.append(f"{len(rows)} of {len(grades)} rows {words}: {named}")
        return f"{NOT}, because {'; '.join(told)}"
    without = sum(row.ours is None and (row.theirs is not None or bool(row.side)) for row in result.rows)
    known = f" in {len(grades)} of {len(grades) + without} rows; the others have no number here" if without else ""
    return (REPRODUCED if all(found == REPRODUCED for found, _ in grades) else DIRECTION) + known


def nothing_compared(rows: Sequence[Row]) -> str:
    """Why no row could be compared."""
    said = list(dict.fromkeys(row.note for row in rows if row.ours is None and row.note))
    if said:
        return "; ".join(said[:2])
    return "the paper states no number for it that could be compared" if rows else "there was nothing to measure"


def without_number(row: Row, why: str) -> Row:
    """The row, with why ours is missing."""
    return replace(row, ours=None, low=None, high=None, n=0, note=why)
