"""What a sweep will cost, from a few runs of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from satsim.scoring.outbox import Sending, load_photo
from satsim.scoring.summary import held_sets
from satsim.sweep.jobs import EncodeTask, encode, judge_of, open_cache, show
from satsim.sweep.plan import SweepPlan

TRIAL = {"table": 2000, "events": 40}
BYTES_A_NUMBER = 3.0
"""In Parquet, as seen in sweeps of forest_fire."""


def cost_words(plan: SweepPlan, workers: int) -> Iterator[str]:
    """Lines for the user: points, runs, how they are made, what must be coded and scored, time and space."""
    grid = "; ".join(f"{axis.key}: {', '.join(axis.labels)}" for axis in plan.axes)
    schemes = plan.first.schemes
    yield f"{plan.first.name}: {len(plan.places):,} points" + (f" ({grid})" if grid else "")
    yield f"{len(schemes)} schemes, {plan.replications:,} replications: {plan.runs:,} runs"
    first = plan.places[0]
    metrics = tuple(metric.loads_as or metric.name for metric in plan.measures.metrics)
    began = time.perf_counter()
    photo = load_photo(first.scenario.image).pixels
    sendings = [encode(EncodeTask(first.scenario, k, photo, metrics, plan.cache)) for k in range(len(schemes))]
    yield f"coding the photo of the first point (from the cache, if it was there): {time.perf_counter() - began:.1f} s"
    total_s = 0.0
    for k, (scheme, reason) in enumerate(zip(schemes, plan.reasons(first.scenario), strict=True)):
        run_s, sets = trial(plan, k, sendings[k])
        total_s += run_s * len(plan.places) * plan.replications
        how = f"event by event, as {reason}" if reason else "by table"
        yield f"{scheme.name}: {how}; about {1 / run_s:,.0f} runs a second; {sets}"
    yield f"about {total_s / workers + 3:.0f} s for the runs with {workers} workers, once all sets are scored"
    numbers = 20 + 8 * len(metrics)
    yield f"about {plan.runs * numbers * BYTES_A_NUMBER / 1e6:.0f} MB of results, and as much again while it runs"


def trial(plan: SweepPlan, number: int, sending: Sending) -> tuple[float, str]:
    """Seconds that a run takes, and words on the sets of packets that a few runs at the worst point received."""
    scenario = plan.places[-1].scenario
    engine = "events" if plan.reasons(scenario)[number] else "table"
    seeds = range(scenario.seed, scenario.seed + min(TRIAL[engine], max(plan.replications, 1)))
    began = time.perf_counter()
    showings = show(scenario, number, sending, seeds)
    run_s = (time.perf_counter() - began) / len(seeds)
    _, sets = held_sets(showings.index)
    judge = judge_of(sending, open_cache(plan.cache))
    missing = [held for held in sets if not judge.knows(held)]
    words = f"{len(sets):,} sets of packets in {len(seeds):,} runs at the last point, {len(missing):,} not scored yet"
    if len(missing) > 1:
        judge.look_up(missing[-1])  # the first of all loads codec and metric
        began = time.perf_counter()
        judge.look_up(missing[-2])
        words += f", at about {time.perf_counter() - began:.2g} s each"
    return run_s, words
