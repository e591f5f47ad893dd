"""What runs came to: rows of what was on the screen when, and from these how soon, how good, and at what cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from codec.base import CodecError
from codec.metrics import Metric, MetricInfo, choose_metric, metric_info
from satsim.errors import ScenarioError
from satsim.links.clock import ROUNDING_S
from satsim.scenario.scenario import Scenario, slug
from satsim.scoring.judge import Judge, Score
from satsim.simulation.events import ENDED, Event, Showings

Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]
"""By name, one value a run; NaN where there is none (never within the run, nothing to show, not known)."""
DEFAULT_LEVELS = {
    "dists": (0.35, 0.25, 0.2),
    "lpips-vgg": (0.6, 0.45, 0.35),
    "lpips-squeeze": (0.3, 0.2, 0.15),
    "dists-lite": (0.3, 0.2, 0.15),
    "ms-ssim": (0.7, 0.8, 0.9),
    "psnr": (18.0, 21.0, 24.0),
}
"""Levels reported where the scenario names none: about "something is there", "usable", "good" at these sizes."""


class TimelineRow(NamedTuple):
    """One score of what one scheme's receiver shows from `time_s` on; a row of timeline.csv."""

    scheme: str
    time_s: float
    packets_held: int
    bytes_held: int
    """On the air, headers included, of the packets held."""
    metric: str
    value: float | None
    """None while there is nothing to show."""
    frame: str
    """File of the picture shown; empty while there is none."""
    sender: int = 0


def build_timeline(
    scheme: str, events: Sequence[Event], judge: Judge, created_s: Sequence[float]
) -> tuple[list[TimelineRow], dict[str, str]]:
    """Rows of each sender's photo, one for each metric when it is taken and whenever the screen may change.

    And the digest of the picture in each file that they name. `created_s` tells when each sender takes its photo.
    """
    rows: list[TimelineRow] = []
    files: dict[str, str] = {}
    for sender, taken_s in enumerate(created_s):
        held, held_bytes = frozenset[int](), 0
        steps = [event for event in events if event.kind == "shown" and event.sender == sender]
        for event in [None, *steps]:
            if event is not None:
                held |= {event.payload_index}
                held_bytes += event.message_bytes
            frame, values = judge.look_up(held)
            file = files.setdefault(frame, f"{slug(scheme)}_{len(files) + 1:03d}.png") if frame else ""
            time_s = taken_s if event is None else event.time_s
            for metric, value in zip(judge.sending.metrics, values, strict=True):
                shown = value if frame else None
                rows.append(TimelineRow(scheme, time_s, len(held), held_bytes, metric, shown, file, sender))
    return rows, {file: frame for frame, file in files.items()}


class Measures(NamedTuple):
    """What is asked of every run."""

    metrics: tuple[MetricInfo, ...]
    """In the order of the scores."""
    levels: Mapping[str, tuple[float, ...]]
    """By metric: levels of which the first time is told."""
    moments_s: tuple[float, ...]
    """Seconds after the photo was taken at which its quality is told."""


def choose_measures(
    scenario: Scenario, shortest_side: int, moments_s: Sequence[float] = ()
) -> tuple[list[Metric], Measures, list[str]]:
    """The scenario's metrics, each replaced by the best at hand where it cannot be had; what is asked of every run of
    it; and the lines that say what was replaced. Raises ScenarioError for a metric that there is not, WeightsError.
    """
    metrics: dict[str, Metric] = {}
    notices = []
    try:
        called = {metric_info(name).name for name in scenario.metrics}
        for name in scenario.quality_levels:
            called.add(name if name in called else metric_info(name).name)
    except CodecError as error:
        raise ScenarioError(f"metrics: {error}") from error
    for name in scenario.metrics:
        metric, notice = choose_metric(name, shortest_side=shortest_side)
        metrics[metric.name] = metric
        notices += [notice] if notice else []
    levels = {name: scenario.quality_levels.get(name, DEFAULT_LEVELS.get(name, ())) for name in metrics}
    infos = tuple(metric_info(metric.loads_as or name) for name, metric in metrics.items())
    measures = Measures(infos, levels, tuple(moments_s))
    return list(metrics.values()), measures, notices


def about_metrics(metrics: Iterable[MetricInfo]) -> dict[str, dict[str, Any]]:
    """By name, how figures and tables call a metric, and which way is better."""
    return {m.name: {"label": m.label, "unit": m.unit, "higher_is_better": m.higher_is_better} for m in metrics}


def outcomes(
    showings: Showings, look_up: Callable[[frozenset[int]], Score], measures: Measures, start_gap_s: float
) -> Columns:
    """A column for each number of `measures`, and for what was sent, lost and paid.

    Times are seconds since the picture was taken. With several senders times and qualities are medians over their
    photos, the worse of two where their number is even, as in the summary of a run.
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
            last = (times_s <= moment_s + ROUNDING_S).sum(axis=2) - 1
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


def summarise(
    showings: Showings, look_up: Callable[[frozenset[int]], Score], measures: Measures, start_gap_s: float
) -> dict[str, Any]:
    """The numbers of a single run, as summary.json has them; None where there is none (never within the run, say)."""
    columns = {
        name: None if np.isnan(values[0]) else values[0].item()
        for name, values in outcomes(showings, look_up, measures, start_gap_s).items()
    }
    names = [metric.name for metric in measures.metrics]
    reached = {
        name: {f"{level:g}": columns[f"time_to_{name}_{level:g}_s"] for level in measures.levels.get(name, ())}
        for name in names
    }
    counted = [f"packets_{kind}" for kind in (*ENDED, "copied", "acknowledged")]
    senders = ("photos", "photos_shown", "last_first_image_s")
    return {
        "first_image_s": columns["first_image_s"],
        "last_change_s": columns["last_change_s"],
        "time_to_quality_s": reached,
        "first_quality": {name: columns[f"first_{name}"] for name in names},
        "final_quality": {name: columns[f"final_{name}"] for name in names},
        "packets_sent": columns["packets_sent"],
        **{name: columns[name] for name in counted},
        "bytes_sent": columns["bytes_sent"],
        **{name: columns[name] for name in senders if name in columns},
    }
