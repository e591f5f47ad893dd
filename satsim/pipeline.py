"""The whole main job in one readable file: a scenario to rows, pictures and numbers, and these to a results folder."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from codec.base import Codec, CodecError
from codec.files import fresh_folder
from codec.loading import load_codec
from codec.metrics import Metric
from codec.photos import reduced
from satsim.links.costs import costs
from satsim.notices import about_link, image_notices, link_notices, links_of, scheme_notices, write_notes
from satsim.scenario.scenario import Scenario, SchemeSpec, save_scenario
from satsim.scoring.judge import Judge, Memory, Tools
from satsim.scoring.labels import distinct, label_of
from satsim.scoring.outbox import Outbox, Picture, Sending, fill_outbox, load_photo, naming, title_of
from satsim.scoring.summary import Measures, TimelineRow, about_metrics, build_timeline, choose_measures, summarise
from satsim.simulation.events import Event, blank, note_run
from satsim.simulation.simulation import simulate


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
    rows: list[TimelineRow]
    events: list[SchemeEvent]
    frames: dict[str, Picture]
    """By file name, as in the rows."""
    summary: dict[str, Any]
    notices: list[str]
    """Lines the user must see: a metric that stands in for another, say."""


def run(scenario: Scenario, progress: Callable[[str], None] = lambda step: None) -> Result:
    """Encode, send, replay and score every scheme of `scenario`; `progress` hears one line before each long step.

    Raises ScenarioError, PhotoError or CodecError for what the user can mend.
    """
    progress("reading the photo")
    reference, noted = load_photo(scenario.image)
    metrics, measures, notices = choose_measures(scenario, min(reference.shape[:2]))
    notices += [*image_notices(scenario), *noted, *scenario.notes, *link_notices(links_of(scenario))]
    rows: list[TimelineRow] = []
    events: list[SchemeEvent] = []
    frames: dict[str, Picture] = {}
    schemes: dict[str, Any] = {}
    for number, scheme in enumerate(scenario.schemes, 1):
        progress(f"coding and sending {Path(scheme.codec).name}, {number} of {len(scenario.schemes)}")
        try:
            part = run_scheme(scenario, scheme, reference, metrics, measures, schemes)
        except CodecError:
            from satsim.scenario.settings import check_codecs

            check_codecs([scenario.schemes], f"scenario {scenario.name}")  # where one is wrong, more may be
            raise
        rows += part.rows
        events += [SchemeEvent(part.label, *event) for event in part.events]
        frames |= part.frames
        schemes[part.label] = part.summary
        notices += [notice for notice in part.notices if notice not in notices]
    summary = {
        "scenario": scenario.name,
        "title": scenario.title,
        "duration_s": scenario.duration_s,
        "interval_s": scenario.link.interval_s,
        "link": about_link(scenario.link),
        "senders": scenario.senders.model_dump(),
        "image": {"width": reference.shape[1], "height": reference.shape[0], "drawn": scenario.image.drawn},
        "metrics": about_metrics(metrics),
        "schemes": schemes,
        "notices": notices,
    }
    return Result(scenario, reference, rows, events, frames, summary, notices)


class SchemeResult(NamedTuple):
    """What became of one scheme."""

    label: str
    rows: list[TimelineRow]
    events: list[Event]
    frames: dict[str, Picture]
    summary: dict[str, Any]
    notices: list[str]


def run_scheme(
    scenario: Scenario,
    scheme: SchemeSpec,
    reference: Picture,
    metrics: Sequence[Metric],
    measures: Measures,
    taken: Collection[str] = (),
) -> SchemeResult:
    """One scheme from pixels to rows, under a label that none of `taken` looks like.

    Raises CodecError, PacketError or LinkError, scenario and scheme named first.
    """
    title, link = title_of(scenario, scheme), scenario.link_of(scheme)
    with naming(title):
        photo = reduced(reference, scheme.scale)
        height, width = photo.shape[:2]
        outbox, coders, encode_s, decode_s = code(photo, scenario, scheme)
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
    names = tuple(metric.name for metric in metrics)
    sending = Sending(title, reference, (height, width), outbox, scheme.codec, outbox.options, names)
    label = distinct(label_of(scenario, scheme, [outbox]), taken)
    pictures: dict[str, Picture] = {}
    judge = Judge(sending, Memory(), lambda: Tools(coders[-1], metrics), pictures)
    start_gap_s = scenario.senders.start_gap_s
    rows, files = build_timeline(label, events, judge, [k * start_gap_s for k in range(scenario.senders.count)])
    note_run(showings := blank(outbox.messages, 1, "events"), 0, events, link.cost)
    payload_bytes = sum(map(len, outbox.payloads))
    summary = {
        "name": scheme.name,
        "codec": Path(scheme.codec).name,
        **outbox.options,
        "link": about_link(link),
        "transport": scheme.transport.model_dump(exclude_defaults=True) | {"name": Path(scheme.transport.name).name},
        **({"note": f"nothing fits: {outbox.why_empty}"} if outbox.why_empty else {}),
        "payloads": len(outbox.payloads),
        "repair_packets": len(outbox.repairs),
        "payload_bytes": payload_bytes,
        "header_bytes": outbox.header_bytes,
        "coded": {"width": width, "height": height},
        "bpp": round(8 * payload_bytes / (height * width), 4),
        **summarise(showings, judge.look_up, measures, start_gap_s),
        "cost": costs(events, link.cost),
        "measured_encode_s": round(encode_s, 3),
        "measured_decode_s": round(decode_s, 3),
    }
    shown = {file: pictures[frame] for file, frame in files.items()}
    return SchemeResult(label, rows, events, shown, summary, scheme_notices(scenario, scheme, outbox))


def code(photo: Picture, scenario: Scenario, scheme: SchemeSpec) -> tuple[Outbox, list[Codec], float, float]:
    """What a scheme sends of `photo`, its codec as the last of those tried, and the seconds to code and to decode."""
    coders: list[Codec] = []
    loading_s = 0.0

    def load(options: dict[str, Any]) -> Codec:
        nonlocal loading_s
        began = time.perf_counter()
        coders.append(load_codec(scheme.codec, **options))
        loading_s += time.perf_counter() - began
        return coders[-1]

    began = time.perf_counter()
    outbox = fill_outbox(load, photo, scenario, scheme)
    coded = time.perf_counter()
    if outbox.payloads:
        coders[-1].decode(dict(enumerate(outbox.payloads)), *photo.shape[:2])
    return outbox, coders, coded - began - loading_s, time.perf_counter() - coded


def save(result: Result, out: Path) -> None:
    """Write `out`; a folder already there is moved aside (`fresh_folder`). Raises OSError where the disk is full."""
    with fresh_folder(out) as folder:
        write(result, folder)
        from satsim.figures.run import draw_run

        draw_run(folder)


def write(result: Result, folder: Path) -> None:
    """Write tables and pictures into `folder`, which is there: all that figures are drawn from."""
    (folder / "frames").mkdir()
    _write_rows(folder / "timeline.csv", TimelineRow._fields, result.rows)
    _write_rows(folder / "events.csv", SchemeEvent._fields, result.events)
    (folder / "summary.json").write_text(json.dumps(_finite(result.summary), indent=2) + "\n", encoding="utf-8")
    save_scenario(result.scenario, folder / "scenario.yaml")
    Image.fromarray(result.reference).save(folder / "frames" / "original.png")
    for file, picture in result.frames.items():
        Image.fromarray(picture).save(folder / "frames" / file)
    write_notes(folder, result.notices)


def _finite(value: Any) -> Any:
    """`value` with every infinite number, which JSON has not, as the text "inf" (the PSNR of equal pictures)."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _write_rows(path: Path, fields: Iterable[str], rows: Iterable[NamedTuple]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(fields)
        writer.writerows(rows)
