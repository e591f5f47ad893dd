"""What a sweep will do, and what that costs, before it does it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.folders import few
from codec.own import shown
from satsim.errors import SweepError
from satsim.links.checks import OUR_TRANSPORTS
from satsim.links.linkspec import Own
from satsim.notices import image_notices, link_notices, links_of
from satsim.scenario.scenario import Scenario, make_scenario
from satsim.scenario.settings import check_codecs
from satsim.scoring.digests import code_digest, file_digest, options_digest, own_code, versions
from satsim.scoring.judge import digest
from satsim.scoring.outbox import load_photo
from satsim.scoring.summary import Measures, choose_measures
from satsim.simulation.table import why_no_table
from satsim.sweep.grid import Factor, Place, make_grid

BLOCK = {"table": 4000, "events": 500}
"""Replications in a job: some seconds of work, so that little is lost with a worker and progress is seen."""
LIBRARIES = ("satsim", "numpy", "simpy", "torch", "pyarrow", "pillow", "pi-heif", "pillow-heif", "imagecodecs")


@dataclass(frozen=True)
class SweepPlan:
    """All that a sweep does, before it does it."""

    base: Scenario
    """Before anything varies."""
    axes: tuple[Factor, ...]
    places: tuple[Place, ...]
    replications: int
    measures: Measures
    notices: tuple[str, ...]
    cache: Path | None

    @property
    def first(self) -> Scenario:
        """The scenario at the first point; what does not vary is the same in all."""
        return self.places[0].scenario

    @property
    def runs(self) -> int:
        """Runs of one scheme each."""
        return len(self.places) * self.replications * len(self.first.schemes)

    def block(self, place: Place) -> int:
        """Replications in each job at this point."""
        return BLOCK["events" if any(self.reasons(place.scenario)) else "table"]

    def blocks(self, place: Place) -> list[tuple[int, int]]:
        """First replication and count of each job at this point."""
        step = self.block(place)
        return [(first, min(step, self.replications - first)) for first in range(0, self.replications, step)]

    @staticmethod
    def reasons(scenario: Scenario) -> list[str | None]:
        """For each scheme why its runs must be made event by event, or None."""
        return [
            why_no_table(scenario.link_of(scheme), scheme.transport, scenario.senders) for scheme in scenario.schemes
        ]

    def fingerprint(self) -> dict[str, Any]:
        """What must be equal for a sweep to be gone on with, by what it is called when it is not."""
        scenarios = [place.scenario.model_dump() for place in self.places]
        files = sorted({path for scenario in scenarios for path in paths_in(scenario)})
        return {
            "scenario, or what varies": digest([json.dumps(scenarios, default=str)]),
            "photo or other file that the scenario names": digest(map(file_digest, files)),
            "count of replications": self.replications,
            "metric": [metric.name for metric in self.measures.metrics],
            "moments": list(self.measures.moments_s),
            "code of a loss, delay or transport": own_codes(place.scenario for place in self.places),
            "version of satsim or a library": [own_versions(), code_digest("satsim")],
        }


def own_codes(scenarios: Iterable[Scenario]) -> dict[str, str]:
    """Digests of the code of all losses, delays and transports of your own."""
    found: dict[str, str] = {}
    for scenario in scenarios:
        for kind, name, options in own_parts(scenario):
            found |= own_code(kind, name) | {f"options of {kind} {shown(name)}, {options}": options_digest(options)}
    return found


def own_parts(scenario: Scenario) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, name and options of each loss, delay and transport of your own."""
    for scheme in scenario.schemes:
        link, transport = scenario.link_of(scheme), scheme.transport
        for kind in ("loss", "delay"):
            if isinstance(part := getattr(link, kind), Own):
                yield kind, part.model, part.options
        if transport.name not in OUR_TRANSPORTS:
            yield "transport", transport.name, transport.options


def paths_in(data: Any) -> Iterator[Path]:
    """Every path in nested dictionaries and sequences."""
    if isinstance(data, Path):
        yield data
    elif isinstance(data, dict | list | tuple):
        for inner in data.values() if isinstance(data, dict) else data:
            yield from paths_in(inner)


def own_versions() -> dict[str, str]:
    """Of satsim and of what its numbers may depend on."""
    return versions(LIBRARIES)


def make_plan(
    data: dict[str, Any],
    path: Path,
    axes: Sequence[Factor],
    replications: int,
    moments_s: Sequence[float] = (),
    cache: Path | None = None,
) -> SweepPlan:
    """The plan for the scenario that `data`, read from `path`, describes.

    Raises SweepError, ScenarioError, PhotoError or codec.CodecError.
    """
    if replications < 1:
        raise SweepError(f"--replications is {replications}; expected at least 1")
    places = make_grid(data, axes, path)
    scenarios = [place.scenario for place in places]
    check_codecs((scenario.schemes for scenario in scenarios), str(path))
    for scenario in scenarios:
        timed = [scheme.name for scheme in scenario.schemes if scenario.link_of(scheme).measured_times]
        if timed:
            raise SweepError(
                f"{path}: {timed[0]}: link.measured_times gives other numbers each time; set encode_s and decode_s"
            )
    photos = [load_photo(image) for image in dict.fromkeys(scenario.image for scenario in scenarios)]
    shortest = min(min(photo.pixels.shape[:2]) for photo in photos)
    shortest_s = min(scenario.duration_s for scenario in scenarios)
    if late := [moment_s for moment_s in moments_s if not 0 < moment_s < shortest_s]:
        raise SweepError(
            f"--at is {late[0]:g} s; expected more than 0 and less than the run, which is {shortest_s:g} s"
        )
    moments_s = tuple(moments_s) or default_moments(shortest_s)
    _, measures, notices = choose_measures(scenarios[0], shortest, moments_s)
    notices += [*(note for axis in axes for note in axis.notes), *few(note for photo in photos for note in photo.notes)]
    notices += [note for scenario in scenarios for note in [*image_notices(scenario), *scenario.notes]]
    notices += link_notices(link for scenario in scenarios for link in links_of(scenario))
    if any(axis.key == "link" or axis.key.startswith("link.") for axis in axes):
        own = [scheme.name for scheme in scenarios[0].schemes if scheme.link]
        notices += [f"{name} has a link of its own, which does not vary" for name in own]
    base = make_scenario(data, str(path), path.parent)
    return SweepPlan(base, tuple(axes), tuple(places), replications, measures, tuple(dict.fromkeys(notices)), cache)


def default_moments(duration_s: float) -> tuple[float, ...]:
    """A quarter, a half and three quarters of the run, in whole minutes where that is possible."""
    unit_s = 60 if duration_s >= 240 else 1
    times = [round(duration_s * part / unit_s) * unit_s for part in (0.25, 0.5, 0.75)]
    return tuple(sorted({float(time_s) for time_s in times if 0 < time_s < duration_s})) or (duration_s / 2,)
