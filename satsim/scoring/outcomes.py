"""What each run came to: the numbers of `timeline.summarise`, for many runs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from satsim.scoring.scores import Score
from satsim.simulation.showings import Showings

Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]
"""By name, one value a run; NaN where there is none (never within the run, nothing to show, not known)."""

TIMES = ("first_image_s", "last_change_s", "last_first_image_s")


class Judge(NamedTuple):
    """A metric without what it needs to score, for workers and tables."""

    name: str
    label: str
    unit: str
    higher_is_better: bool


class Measures(NamedTuple):
    """What is asked of every run."""

    metrics: tuple[Judge, ...]
    """In the order of the scores."""
    levels: Mapping[str, tuple[float, ...]]
    """By metric: levels of which the first time is told."""
    moments_s: tuple[float, ...]
    """Seconds after the photo was taken at which its quality is told."""


def outcomes(
    showings: Showings, look_up: Callable[[frozenset[int]], Score], measures: Measures, start_gap_s: float
) -> Columns:
    """A column for each number of `measures`, and for what was sent, lost and paid.

    Times are seconds since the picture was taken. With several senders times and qualities are medians over their
    photos, the worse of two where their number is even, as in `timeline.summarise`.
    """
    states, sets = held_sets(showings.index)
    scores = [look_up(held) for held in sets]
    digests = {score.frame: k for k, score in enumerate(scores)}
    frames = np.array([0 if score.frame == "" else 1 + digests[score.frame] for score in scores])[states]
    senders = states.shape[1]
    created_s = np.arange(senders)[:, None] * start_gap_s
    times_s = np.concatenate([np.zeros((len(states), senders, 1)), showings.time_s - created_s], axis=2)
    shown = frames > 0
    fresh = shown & (np.diff(frames, axis=2, prepend=0) != 0)
    firsts = first(times_s, shown)
    columns: Columns = {
        "first_image_s": median(firsts),
        "last_change_s": median(np.where(shown.any(axis=2), np.where(fresh, times_s, 0).max(axis=2), np.inf)),
    }
    for k, metric in enumerate(measures.metrics):
        better = -1.0 if metric.higher_is_better else 1.0
        badness = better * np.array([score.values[k] for score in scores])[states]
        badness[~shown] = np.inf
        name = metric.name
        began = np.take_along_axis(badness, shown.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
        columns[f"first_{name}"] = better * median(began)
        columns[f"final_{name}"] = better * median(badness[:, :, -1])
        for level in measures.levels.get(name, ()):
            columns[f"time_to_{name}_{level:g}_s"] = median(first(times_s, badness <= better * level))
        for moment_s in measures.moments_s:
            last = (times_s <= moment_s).sum(axis=2) - 1
            at = np.take_along_axis(badness, last[:, :, None], axis=2)[:, :, 0]
            columns[f"{name}_at_{moment_s:g}_s"] = better * median(at)
    if senders > 1:
        columns["photos"] = np.full(len(states), senders)
        columns["photos_shown"] = shown.any(axis=2).sum(axis=1)
        columns["last_first_image_s"] = never_is_nan(firsts.max(axis=1))
    columns["packets_sent"] = showings.counts["sent"]
    columns |= {f"packets_{kind}": counts for kind, counts in showings.counts.items() if kind != "sent"}
    return columns | {"bytes_sent": showings.bytes_sent, **showings.bill}


def held_sets(index: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int64], list[frozenset[int]]]:
    """What is held before and after every step, as int[runs, senders, 1 + steps] into a list of sets without repeats.

    `index` is as in Showings; a step of -1 changes nothing.
    """
    runs, senders, steps = index.shape
    states = np.zeros((runs, senders, 1 + steps), dtype=np.int64)
    sets = [frozenset[int]()]
    numbers = {sets[0]: 0}
    span = int(index.max(initial=-1)) + 2
    for step in range(steps):
        moves, which = np.unique(states[:, :, step] * span + index[:, :, step] + 1, return_inverse=True)
        after = []
        for move in moves.tolist():
            state, item = divmod(move, span)
            held = sets[state] | {item - 1} if item else sets[state]
            if held not in numbers:
                numbers[held] = len(sets)
                sets.append(held)
            after.append(numbers[held])
        states[:, :, step + 1] = np.array(after, dtype=np.int64)[which].reshape(runs, senders)
    return states, sets


def first(times_s: Floats, reached: npt.NDArray[np.bool_]) -> Floats:
    """The time of the first step at which `reached` holds; inf where it never does."""
    at = np.take_along_axis(times_s, reached.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    return np.where(reached.any(axis=2), at, np.inf)


def median(values: Floats) -> Floats:
    """The one in the middle of each row, of two the larger; NaN where it is inf."""
    return never_is_nan(np.sort(values, axis=1)[:, values.shape[1] // 2])


def never_is_nan(values: Floats) -> Floats:
    """`values` with NaN for inf."""
    return np.where(np.isposinf(values), np.nan, values)


def is_time(column: str) -> bool:
    """Whether a column holds seconds since the photo, NaN for never."""
    return column in TIMES or column.startswith("time_to_")


def higher_is_better(column: str, metrics: Sequence[Judge]) -> bool:
    """Whether larger numbers in a column are better."""
    if is_time(column):
        return False
    names = [m.name for m in metrics if column in (f"first_{m.name}", f"final_{m.name}")]
    names += [m.name for m in metrics if column.startswith(f"{m.name}_at_")]
    return column == "photos_shown" or any(m.higher_is_better for m in metrics if m.name in names)
