"""The two kinds of work that a set of photos hands out: a photo by every scheme, and what its screens show at last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from satsim.notices import scheme_notices
from satsim.scenario.scenario import Scenario
from satsim.scoring.cache import Cache
from satsim.scoring.coding import cached_judge, prepare
from satsim.scoring.judge import Score
from satsim.scoring.labels import facts_of
from satsim.scoring.outbox import Picture, Sending, load_photo, naming
from satsim.scoring.summary import Floats, Measures, held_sets, outcomes
from satsim.simulation.events import Showings
from satsim.sweep.jobs import open_cache, show


@dataclass(frozen=True)
class PhotoJob:
    """One photo by every scheme."""

    name: str
    """Of the photo, to lead in what is wrong."""
    scenario: Scenario
    """With this photo, and its seed."""
    measures: Measures
    cache: Path | None


def run_photo(job: PhotoJob) -> dict[str, Any]:
    """What became of the photo, in plain lists and numbers; NaN where there is nothing to show, or never.

    `schemes` holds, in the scenario's order, `columns` (as `summary.outcomes` has them), `times_s` and by metric
    `values` of what is on the screen from then on, and what is known of the coding. Raises what coding and scoring
    raise, the photo named first.
    """
    cache = open_cache(job.cache)
    repaired, noticed = cache.repaired, len(cache.notices)
    scenario, found, notices, scored = job.scenario, [], list[str](), 0
    metrics = [metric.loads_as or metric.name for metric in job.measures.metrics]
    with naming(job.name):
        reference = load_photo(scenario.image).pixels
        for number, scheme in enumerate(scenario.schemes):
            sending = prepare(scenario, scheme, reference, metrics, cache)
            showings = show(scenario, number, sending, [scenario.seed])
            judge = cached_judge(sending, cache)
            columns = outcomes(showings, judge.look_up, job.measures, scenario.senders.start_gap_s)
            states, sets = held_sets(showings.index)
            times_s, values = timeline(showings, states[0], [judge.look_up(held) for held in sets], job)
            found.append(
                {"columns": {name: each[0].item() for name, each in columns.items()}, "times_s": times_s,
                 "values": values, **about(sending, facts_of(scheme, scenario.link_of(scheme), sending.outbox))}
            )  # fmt: skip
            notices += scheme_notices(scenario, scheme, sending.outbox)
            scored += judge.decoded
    notices += cache.notices[noticed:]
    return {"schemes": found, "notices": notices, "scored": scored, "repaired": cache.repaired - repaired}


def about(sending: Sending, facts: dict[str, Any]) -> dict[str, Any]:
    """What is known of a coding; `facts` are what fills in its scheme's name."""
    outbox, (height, width) = sending.outbox, sending.size
    return {
        "facts": facts,
        "coding": sending.key,
        "made_with": sending.made_with,
        "payload_bytes": [len(payload) for payload in outbox.payloads],
        "repair_packets": len(outbox.repairs),
        "coded": [height, width],
    }


def timeline(
    showings: Showings, states: Any, scores: Sequence[Score], job: PhotoJob
) -> tuple[list[float], dict[str, list[float]]]:
    """When the screen of a single run changes, and by metric what it is worth from then on; of several senders, the
    median one's, as in the summary of a run. `states` are int[senders, 1 + steps] into `scores`.
    """
    senders = len(states)
    created_s = np.arange(senders)[:, None] * job.scenario.senders.start_gap_s
    times_s = np.concatenate([np.zeros((senders, 1)), showings.time_s[0] - created_s], axis=1)
    moments_s = np.unique(times_s[np.isfinite(times_s)])
    last = [np.searchsorted(own, moments_s, side="right") - 1 for own in times_s]
    values = {}
    for k, metric in enumerate(job.measures.metrics):
        worth = np.array([score.values[k] for score in scores])
        seen = np.stack([worth[own[at]] for own, at in zip(states, last, strict=True)])
        values[metric.name] = middle(seen, metric.higher_is_better)
    fresh = np.ones(len(moments_s), dtype=bool)
    table = np.nan_to_num(np.stack(list(values.values())), nan=-1e9, posinf=1e9)
    fresh[1:] = (np.diff(table, axis=1) != 0).any(axis=0)
    return moments_s[fresh].tolist(), {name: each[fresh].tolist() for name, each in values.items()}


def middle(seen: Floats, higher_is_better: bool) -> Floats:
    """The one in the middle of each column, of two the worse; NaN, which is nothing, is worse than any number."""
    better = -1.0 if higher_is_better else 1.0
    ordered = np.sort(better * seen, axis=0)  # NaN comes last
    chosen: Floats = better * ordered[len(seen) // 2]
    return chosen


def end_pictures(job: PhotoJob) -> tuple[Picture, list[Picture | None]]:
    """The photo in its frame, and what each scheme shows of it at the end of the run; of several senders, the first."""
    scenario, pictures = job.scenario, []
    with naming(job.name):
        reference = load_photo(scenario.image).pixels
        for number, scheme in enumerate(scenario.schemes):
            sending = prepare(scenario, scheme, reference, (), open_cache(job.cache))
            index = show(scenario, number, sending, [scenario.seed]).index[0, 0]
            shown: dict[str, Picture] = {}
            cached_judge(sending, Cache(None), shown).look_up(frozenset(index[index >= 0].tolist()))
            pictures.append(next(iter(shown.values()), None))
    return reference, pictures
