"""The whole main job in one readable function; with `messages`, the only caller of `codec`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import codec
from codec.metrics import Metric, choose_metric, metric_info
from codec.photos import enlarged, reduced
from satsim.costs import costs
from satsim.events import Event
from satsim.linkspec import LinkError, Passes
from satsim.orbit import epoch_notice
from satsim.outbox import Outbox, fill_outbox
from satsim.packets import PacketError
from satsim.photo import load_photo
from satsim.presets import assumed_numbers
from satsim.scenario import Scenario, ScenarioError, SchemeSpec
from satsim.simulation import simulate
from satsim.timeline import Picture, Point, Screen, build_timeline, summarise

DEFAULT_LEVELS = {
    "dists": (0.35, 0.25, 0.2),
    "lpips-vgg": (0.6, 0.45, 0.35),
    "lpips-squeeze": (0.3, 0.2, 0.15),
    "dists-lite": (0.3, 0.2, 0.15),
    "ms-ssim": (0.7, 0.8, 0.9),
    "psnr": (18.0, 21.0, 24.0),
}
"""Levels reported where the scenario names none: about "something is there", "usable", "good" at these sizes."""


class SchemeEvent(NamedTuple):
    """An event and the scheme it belongs to; a row of events.csv."""

    scheme: str
    time_s: float
    kind: str
    slot: int
    payload_index: int
    message_bytes: int
    created_s: float
    sender: int


@dataclass(frozen=True)
class Result:
    """Everything one run found out."""

    scenario: Scenario
    reference: Picture
    points: list[Point]
    events: list[SchemeEvent]
    frames: dict[str, Picture]
    """By file name, as in the rows."""
    summary: dict[str, Any]
    notices: list[str]
    """Lines the user must see: a metric that stands in for another, say."""


def run(scenario: Scenario, progress: Callable[[str], None] = lambda step: None) -> Result:
    """Encode, send, replay and score every scheme of `scenario`; `progress` hears one line before each long step.

    Raises ScenarioError, PhotoError or codec.CodecError for what the user can mend.
    """
    progress("reading the photo")
    reference = load_photo(scenario.image)
    metrics, notices = choose_metrics(scenario, min(reference.shape[:2]))
    levels = {metric.name: scenario.quality_levels.get(metric.name, DEFAULT_LEVELS[metric.name]) for metric in metrics}
    points: list[Point] = []
    events: list[SchemeEvent] = []
    frames: dict[str, Picture] = {}
    schemes: dict[str, Any] = {}
    coders = [load_coder(scenario, scheme) for scheme in scenario.schemes]
    links = {link.preset: link for link in map(scenario.link_of, scenario.schemes) if link.preset}
    for preset, link in links.items():
        if assumed := assumed_numbers(link):
            notices.append(f"{preset}: assumed, neither measured nor published: {', '.join(assumed)}")
    notices += orbit_notices(scenario)
    for scheme, coder in zip(scenario.schemes, coders, strict=True):
        progress(f"{scheme.name}: coding and sending")
        story = run_scheme(scenario, scheme, coder, reference, metrics, levels)
        points += story.points
        events += [SchemeEvent(scheme.name, *event) for event in story.events]
        frames |= story.frames
        schemes[scheme.name] = story.summary
        notices += story.notices
    summary = {
        "scenario": scenario.name,
        "title": scenario.title,
        "duration_s": scenario.duration_s,
        "interval_s": scenario.link.interval_s,
        "link": {"preset": scenario.link.preset, "assumed": assumed_numbers(scenario.link)},
        "senders": scenario.senders.model_dump(),
        "image": {"width": reference.shape[1], "height": reference.shape[0]},
        "metrics": {
            m.name: {"label": m.label, "unit": m.unit, "higher_is_better": m.higher_is_better} for m in metrics
        },
        "schemes": schemes,
        "notices": notices,
    }
    return Result(scenario, reference, points, events, frames, summary, notices)


class Story(NamedTuple):
    """What became of one scheme."""

    points: list[Point]
    events: list[Event]
    frames: dict[str, Picture]
    summary: dict[str, Any]
    notices: list[str]


def load_coder(scenario: Scenario, scheme: SchemeSpec) -> codec.Codec:
    """The scheme's codec. Raises CodecError with the names of scenario and scheme before it."""
    try:
        return codec.load_codec(scheme.codec, **scheme.options)
    except codec.CodecError as error:
        raise type(error)(f"scenario {scenario.name}, scheme {scheme.name!r}: {error}") from error


def run_scheme(
    scenario: Scenario,
    scheme: SchemeSpec,
    coder: codec.Codec,
    reference: Picture,
    metrics: Sequence[Metric],
    levels: Mapping[str, Sequence[float]],
) -> Story:
    """One scheme from pixels to rows. Raises CodecError or PacketError with scenario and scheme named before it."""
    photo = reduced(reference, scheme.scale)
    height, width = photo.shape[:2]

    def decode(held: Mapping[int, bytes]) -> Picture | None:
        picture = coder.decode(outbox.recovered(held), height, width)
        return None if picture is None else enlarged(picture, *reference.shape[:2])

    try:
        began = time.perf_counter()
        outbox = fill_outbox(coder, photo, scenario, scheme)
        encode_s = time.perf_counter() - began
        began = time.perf_counter()
        coder.decode(dict(enumerate(outbox.payloads)), height, width)
        decode_s = time.perf_counter() - began
        link = scenario.link_of(scheme)
        if link.measured_times:
            link = link.model_copy(update={"encode_s": encode_s, "decode_s": decode_s})
        events = simulate(
            outbox.messages,
            link,
            scenario.seed,
            transport=scheme.transport,
            order=outbox.order,
            duration_s=scenario.duration_s,
            senders=scenario.senders,
        )
        carried = [*outbox.payloads, *outbox.repairs.values()]
        screen = Screen(scheme.name, carried, decode, reference, metrics)
        points = [
            point
            for sender in range(scenario.senders.count)
            for point in build_timeline(events, screen, sender, sender * scenario.senders.start_gap_s)
        ]
    except (codec.CodecError, PacketError, LinkError) as error:
        raise type(error)(f"scenario {scenario.name}, scheme {scheme.name!r}: {error}") from error
    payload_bytes = sum(map(len, outbox.payloads))
    summary = {
        "codec": scheme.codec,
        **scheme.options,
        "link": {"preset": link.preset, "assumed": assumed_numbers(link)},
        "transport": scheme.transport.model_dump(exclude_defaults=True) | {"name": scheme.transport.name},
        "payloads": len(outbox.payloads),
        "repair_packets": len(outbox.repairs),
        "payload_bytes": payload_bytes,
        "coded": {"width": width, "height": height},
        "bpp": round(8 * payload_bytes / (height * width), 4),
        **summarise(points, events, metrics, levels),
        "cost": costs(events, link.cost),
        "measured_encode_s": round(encode_s, 3),
        "measured_decode_s": round(decode_s, 3),
    }
    return Story(points, events, screen.pictures, summary, notes_on(scenario, scheme, coder, outbox))


def notes_on(scenario: Scenario, scheme: SchemeSpec, coder: object, outbox: Outbox) -> list[str]:
    """What a reader would not guess: stages that do not fit a message, acknowledgements that are not there."""
    notes = []
    link = scenario.link_of(scheme)
    if outbox.per_stage > 1 and getattr(coder, "stages", 1) > 1:
        notes.append(
            f"{scheme.name}: a stage does not fit a message of {link.packet_bytes} bytes with a header of"
            f" {scenario.header.bytes_}; it travels in {outbox.per_stage}"
        )
    if scheme.transport.name == "arq" and link.ack.kind == "none":
        notes.append(f"{scheme.name}: nobody acknowledges on this link, so arq sends each message once")
    stages = len(outbox.payloads) // outbox.per_stage
    if len(scheme.transport.repair_by_stage) > stages:
        notes.append(f"{scheme.name}: repair_by_stage has more numbers than the photo has stages, {stages}")
    return notes


def orbit_notices(scenario: Scenario) -> list[str]:
    """A line for each file of orbital elements that is too old for the time of the story."""
    links = [scenario.link_of(scheme) for scheme in scenario.schemes]
    passes = [link.windows for link in links if isinstance(link.windows, Passes)]
    return list(dict.fromkeys(notice for each in passes if (notice := epoch_notice(each))))


def choose_metrics(scenario: Scenario, shortest_side: int) -> tuple[list[Metric], list[str]]:
    """The scenario's metrics, each replaced by the best at hand where it cannot be had, and the lines that say so."""
    metrics: dict[str, Metric] = {}
    notices = []
    for name in [*scenario.metrics, *scenario.quality_levels]:
        try:
            metric_info(name)
        except codec.CodecError as error:
            raise ScenarioError(f"metrics: {error}") from error
    for name in scenario.metrics:
        metric, notice = choose_metric(name, shortest_side=shortest_side)
        metrics[metric.name] = metric
        notices += [notice] if notice else []
    return list(metrics.values()), notices
