"""What is to be done with a set of photos, before it is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from satsim.durations import parse_duration
from satsim.errors import SweepError
from satsim.notices import link_notices, links_of
from satsim.photoset.photos import Photo, check_photos, left_out
from satsim.scenario.scenario import Scenario
from satsim.scenario.settings import check_codecs
from satsim.scoring.digests import code_digest, file_digest
from satsim.scoring.judge import digest
from satsim.scoring.summary import Measures, choose_measures
from satsim.sweep.plan import own_codes, own_versions, paths_in
from satsim.words import span

FIRST, END = "first", "end"
"""Moments by name: when both of two schemes first show a picture, and the end of the run."""


class Moment(NamedTuple):
    """When two schemes are compared, both at the same time."""

    name: str
    """first, end, or a time in words."""
    time_s: float
    """NaN for first, which differs from photo to photo."""


@dataclass(frozen=True)
class PhotosetPlan:
    """All that a run over a set of photos does."""

    scenario: Scenario
    """Its own photo does not matter."""
    photos: tuple[Photo, ...]
    sizes: tuple[tuple[int, int], ...]
    """Height and width of each photo in its frame."""
    measures: Measures
    moments: tuple[Moment, ...]
    notices: tuple[str, ...]
    cache: Path | None

    def scenario_of(self, number: int) -> Scenario:
        """The scenario of one photo, with a seed of its own."""
        image = self.photos[number].framed(self.scenario.image)
        return self.scenario.model_copy(update={"image": image, "seed": self.scenario.seed + number})

    def fingerprint(self) -> dict[str, Any]:
        """What must be equal for a run to be gone on with, by what it is called when it is not."""
        own = self.scenario.model_dump() | {"image": self.scenario.image.model_dump(exclude={"path"})}
        photos = [text for photo in self.photos for text in (photo.name, file_digest(photo.path))]
        return {
            "scenario": digest([json.dumps(own, default=str), *map(file_digest, sorted(set(paths_in(own))))]),
            "set of photos": digest(photos),
            "metric": [metric.name for metric in self.measures.metrics],
            "moments": [moment.name for moment in self.moments],
            "code of a loss, delay or transport": own_codes([self.scenario]),
            "version of satsim or a library": [own_versions(), code_digest("satsim")],
        }


def make_plan(
    scenario: Scenario, photos: Sequence[Photo], moments: Sequence[str] = (FIRST, END), cache: Path | None = None
) -> PhotosetPlan:
    """The plan for `scenario` with each of `photos` in place of its own, but for those that cannot be read.

    Raises SweepError, ScenarioError, PhotoError or codec.CodecError.
    """
    check_codecs([scenario.schemes], f"scenario {scenario.name}")
    for scheme in scenario.schemes:
        if scenario.link_of(scheme).measured_times:
            raise SweepError(
                f"{scheme.name}: link.measured_times gives other numbers each time; set encode_s and decode_s"
            )
    chosen = tuple(read_moment(text, scenario.duration_s) for text in moments)
    sizes, noted = check_photos(photos, scenario.image)
    photos = tuple(sizes)
    _, measures, notices = choose_measures(scenario, min(map(min, sizes.values())))
    notices += [*left_out(photos), *noted, *scenario.notes, *link_notices(links_of(scenario))]
    if len(photos) > 1 and chances_differ(scenario):
        last = scenario.seed + len(photos) - 1
        notices.append(
            f"each photo meets chances of its own, seeds {scenario.seed} to {last}, the same ones for every scheme"
        )
    return PhotosetPlan(scenario, photos, tuple(sizes.values()), measures, chosen, tuple(notices), cache)


def chances_differ(scenario: Scenario) -> bool:
    """Whether another seed may make another run, as far as one can tell without trying."""
    sure = {"loss_ratio", "bit_error_ratio", "duplicate_ratio", "reorder_ratio", "ground_loss_ratio"}
    links = links_of(scenario)
    drawn = any(link.loss or link.delay or link.windows or any(getattr(link, name) for name in sure) for link in links)
    return drawn or scenario.senders.slot_s is not None


def read_moment(text: str, duration_s: float) -> Moment:
    """ "first", "end" or a time such as "2 min". Raises SweepError for none of these, or what is beyond the run."""
    text = text.strip()
    if text in (FIRST, END):
        return Moment(text, duration_s if text == END else float("nan"))
    try:
        time_s = parse_duration(text, bare_s=1.0)
    except ValueError as error:
        raise SweepError(f"--at: {error}, or {FIRST}, or {END}") from None
    if not 0 < time_s < duration_s:
        raise SweepError(f"--at is {time_s:g} s; expected more than 0 and less than the run, which is {duration_s:g} s")
    return Moment(span(time_s), time_s)
