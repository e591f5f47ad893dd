"""What a sweep says about itself: enough to run any row again, and to trust or doubt it."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from satsim.notices import write_notes
from satsim.scenario.scenario import save_scenario
from satsim.scoring.labels import distinct, facts_of, fill
from satsim.scoring.outbox import Sending
from satsim.scoring.summary import about_metrics
from satsim.sweep.grid import Factor, Place, axis_words
from satsim.sweep.jobs import Done, Job
from satsim.sweep.plan import SweepPlan, own_versions


@dataclass
class SweepRecord:
    """What a sweep found out about itself, for the manifest."""

    runs: int = 0
    engines: dict[str, set[str]] = field(default_factory=dict)
    checked: int = 0
    scored: int = 0
    repaired: int = 0
    notices: list[str] = field(default_factory=list)

    def hear(self, done: Done, job: Job) -> None:
        """Add what a job tells."""
        self.runs += job.runs
        for scheme, engine in zip(job.scenario.schemes, done.engines, strict=True):
            self.engines.setdefault(scheme.name, set()).add(engine)
        self.checked += done.checked
        self.scored += done.scored
        self.repaired += done.repaired
        self.notices += [notice for notice in done.notices if notice not in self.notices]


def cells(axes: Sequence[Factor], place: Place) -> dict[str, Any]:
    """The values at a point as tables hold them: numbers where an axis has nothing else, and else labels."""
    found: dict[str, Any] = {}
    for axis, value in zip(axes, place.values, strict=True):
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in axis.values)
        found[axis.key] = float(value) if numbers else axis.labels[axis.values.index(value)]
    return found


def write_manifest(
    folder: Path,
    plan: SweepPlan,
    sendings: Sequence[tuple[Sending, ...]],
    story: SweepRecord,
    fingerprint: dict[str, Any],
    seconds: float,
) -> None:
    """manifest.json: what was run, by what, and how any row can be run again; scenario.yaml: what did not vary;
    notes.md: what a reader must know.
    """
    base = save_scenario(plan.base, folder / "scenario.yaml")
    about = describe(plan, sendings, story) | {
        "scenario": base,
        "seconds": round(seconds, 3),
        "fingerprint": fingerprint,
    }
    (folder / "manifest.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    write_notes(folder, about["notices"])


def labels(places: Sequence[Place], sendings: Sequence[tuple[Sending, ...]]) -> list[str]:
    """What each scheme is called in figures and words: its name, filled in with what it sends at these points."""
    found: list[str] = []
    for k, scheme in enumerate(places[0].scenario.schemes):
        facts = [
            facts_of(place.scenario.schemes[k], place.scenario.link_of(place.scenario.schemes[k]), row[k].outbox)
            for place, row in zip(places, sendings, strict=True)
        ]
        found.append(distinct(fill(scheme.name, facts), found))
    return found


def finished(folder: Path) -> dict[str, Any] | None:
    """The fingerprint of the sweep whose results `folder` holds; None where it holds none."""
    try:
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if isinstance(found, dict) else None


def describe(plan: SweepPlan, sendings: Sequence[tuple[Sending, ...]], story: SweepRecord) -> dict[str, Any]:
    """The manifest, but for the time it took."""
    first = plan.first
    notices = [*plan.notices, *story.notices]
    if story.repaired:
        notices.append(f"{story.repaired} damaged entries of the cache were found, and worked out again")
    return {
        "name": first.name,
        "title": first.title,
        "duration_s": min(place.scenario.duration_s for place in plan.places),
        "image": dict(zip(("height", "width"), sendings[0][0].reference.shape[:2], strict=True)),
        "schemes": [scheme.name for scheme in first.schemes],
        "labels": labels(plan.places, sendings),
        "axes": [
            {"key": axis.key, "label": axis_words(axis.key), "values": axis.values, "labels": axis.labels}
            for axis in plan.axes
        ],
        "replications": plan.replications,
        "seed": first.seed,
        "metrics": about_metrics(plan.measures.metrics),
        "levels": plan.measures.levels,
        "moments_s": plan.measures.moments_s,
        "notices": notices,
        "again": "satsim run scenario.yaml --seed SEED, with --set KEY=VALUE for each axis, gives the numbers of a row",
        "points": [
            {
                "values": cells(plan.axes, place),
                "codings": {s.name: sending.key for s, sending in zip(place.scenario.schemes, row, strict=True)},
                "labels": labels([place], [row]),
            }
            for place, row in zip(plan.places, sendings, strict=True)
        ],
        "codings": {
            sending.key: {
                "made_with": sending.made_with,
                "payload_bytes": [len(payload) for payload in sending.outbox.payloads],
                "repair_bytes": [len(payload) for payload in sending.outbox.repairs.values()],
            }
            for row in sendings
            for sending in row
        },
        "engines": {scheme: sorted(engines) for scheme, engines in story.engines.items()},
        "runs": plan.runs,
        "runs_checked_event_by_event": story.checked,
        "sets_scored": story.scored,
        "runs_made_now": story.runs,
        "platform": platform.platform(),
        "versions": own_versions(),
    }
