"""The whole main job in one readable function; with `messages`, the only caller of `codec`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import codec
from codec.metrics import Metric, choose_metric, metric_info
from satsim.packets import PacketError, name_on_air, packetize
from satsim.photo import load_photo
from satsim.scenario import Scenario, ScenarioError, SchemeSpec
from satsim.simulation import Event, simulate
from satsim.timeline import Picture, Point, build_timeline, summarise

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
    for scheme, coder in zip(scenario.schemes, coders, strict=True):
        progress(f"{scheme.name}: coding and sending")
        story = run_scheme(scenario, scheme, coder, reference, metrics, levels)
        points += story.points
        events += [SchemeEvent(scheme.name, *event) for event in story.events]
        frames |= story.frames
        schemes[scheme.name] = story.summary
    summary = {
        "scenario": scenario.name,
        "title": scenario.title,
        "duration_s": scenario.duration_s,
        "interval_s": scenario.link.interval_s,
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
    height, width = reference.shape[:2]
    try:
        began = time.perf_counter()
        payloads = coder.encode(reference, scenario.link.payload_bytes)
        encode_s = time.perf_counter() - began
        check_payloads(payloads, scenario.link.payload_bytes)
        packets = packetize(
            payloads, codec=name_on_air(coder.name), model_id=coder.model_id, height=height, width=width
        )
        began = time.perf_counter()
        coder.decode(dict(enumerate(payloads)), height, width)
        decode_s = time.perf_counter() - began
        link = scenario.link
        if link.measured_times:
            link = link.model_copy(update={"encode_s": encode_s, "decode_s": decode_s})
        events = simulate(packets, link, scenario.seed, transport=scheme.transport, duration_s=scenario.duration_s)
        points, frames = build_timeline(
            scheme.name, events, payloads, lambda held: coder.decode(held, height, width), reference, metrics
        )
    except (codec.CodecError, PacketError) as error:
        raise type(error)(f"scenario {scenario.name}, scheme {scheme.name!r}: {error}") from error
    summary = {
        "codec": scheme.codec,
        **scheme.options,
        "transport": scheme.transport,
        "payloads": len(payloads),
        "payload_bytes": sum(map(len, payloads)),
        "bpp": round(8 * sum(map(len, payloads)) / (height * width), 4),
        **summarise(points, events, metrics, levels),
        "measured_encode_s": round(encode_s, 3),
        "measured_decode_s": round(decode_s, 3),
    }
    return Story(points, events, frames, summary)


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


def check_payloads(payloads: Sequence[bytes], payload_bytes: int) -> None:
    """Raise CodecError for a payload that is empty or larger than the packet leaves room for."""
    for k, payload in enumerate(payloads):
        if not 1 <= len(payload) <= payload_bytes:
            raise codec.CodecError(f"payload {k} has {len(payload)} bytes; expected 1 to {payload_bytes}")
