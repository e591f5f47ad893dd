"""Sheets of pictures: methods at equal bytes (Fig. 6, 18 to 23), stages (10), sizes (11) and minutes (15)."""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from codec.base import BudgetError, CodecError, Image
from codec.evaluation.evaluate import STAGE_BPP, budgets_of
from codec.folders import list_photos, read_photo
from codec.loading import load_codec
from codec.metrics import METRICS, load_metric
from codec.paper.intervals import of_mean
from codec.paper.measured import at_hand, set_folder, stands_for
from codec.paper.result import COUNTS, Asked, Picture, Result, Row
from codec.paper.theirs import said
from codec.photos import enlarged
from codec.progic.layout import packed_bytes
from codec.progic.model import complexity
from codec.progic.shape import PRESETS

RIVALS = ("vvc", "avif", "jpeg2000", "jpeg")
WIDE, LINE = 340, 20
"""Pixels of a picture on a sheet, and of a line of text."""


class Cell(NamedTuple):
    """A picture on a sheet, None where there is none, and the two lines under it."""

    picture: Image | None
    first: str
    second: str


def sheet(rows: Sequence[Sequence[Cell]], wide: int = WIDE) -> bytes:
    """A JPEG: a row a photo, each picture `wide` pixels, larger ones made smaller."""
    font, gap = ImageFont.load_default(14), 8
    shapes = [[cell.picture.shape for cell in row if cell.picture is not None] for row in rows]
    highs = [max((round(shape[0] * wide / shape[1]) for shape in row), default=wide) for row in shapes]
    size = max(map(len, rows)) * (wide + gap) + gap, sum(highs) + len(rows) * (2 * LINE + gap) + gap
    paper = PillowImage.new("RGB", size, "white")
    draw, top = ImageDraw.Draw(paper), gap
    for row, high in zip(rows, highs, strict=True):
        for column, cell in enumerate(row):
            left = gap + column * (wide + gap)
            if cell.picture is None:
                draw.rectangle((left, top, left + wide - 1, top + high - 1), fill="#EEF0F2")
            else:
                shown = PillowImage.fromarray(cell.picture)
                paper.paste(shown.resize((wide, high), PillowImage.Resampling.LANCZOS), (left, top))
            draw.text((left, top + high + 2), cell.first, "black", font)
            draw.text((left, top + high + LINE), cell.second, "#656D76", font)
        top += high + 2 * LINE + gap
    out = io.BytesIO()
    paper.save(out, "JPEG", quality=86, optimize=True)
    return out.getvalue()


def equal_bytes(asked: Asked, name: str, photos: Sequence[int], stages: int = 3) -> Result:
    """Each method at the bytes of three stages of ours: score and bytes under each; ours over VVC's as a row."""
    metric = at_hand("dists")
    score, grid = load_metric(metric), []
    paths = list_photos(set_folder(name))
    chosen = list(dict.fromkeys(paths[k % len(paths)] for k in photos))[: asked.photos]
    scores: dict[str, list[float]] = {}
    for path in chosen:
        image = read_photo(path, None).pixels
        [budget] = budgets_of(image, [stages * STAGE_BPP])
        row = [Cell(image, path.name, f"{image.shape[1]}x{image.shape[0]}")]
        for codec in ("progic", *RIVALS):
            asked.tell(f"{path.name} by {codec}")
            found = coded(codec, asked.model, image, stages, budget)
            if found is None:
                row.append(Cell(None, f"{codec}: none", f"has no picture in {budget:,} bytes"))
                continue
            picture, size = found
            scores.setdefault(codec, []).append(score(image, picture))
            bpp = 8 * size / image.shape[0] / image.shape[1]
            row.append(Cell(picture, f"{codec}: {scores[codec][-1]:.3f}", f"{size:,} bytes, {bpp:.4f} bpp"))
        grid += [row[:3], row[3:]]
    ratio = statistics.fmean(scores["progic"]) / statistics.fmean(scores["vvc"])
    stand_in = "; ".join(filter(None, [stands_for("dists"), "VVenC for VTM"]))
    claim = Row(f"{METRICS[metric].label} of ours over VVC's, these photos", "times", ratio, n=len(chosen), neutral=1.0,
              side="below", place="section 4.2, where ProGIC has the better DISTS", stand_in=stand_in)  # fmt: skip
    caption = f"{name}: {METRICS[metric].label} (lower is better), bytes and bits per pixel under each."
    return Result([claim], [Picture("sheet.jpg", sheet(grid, 420), caption)],
                  f"{name}: {', '.join(path.name for path in chosen)}",
                  "real ones; each rival has at most the bytes of three stages of ours",
                  ["the paper does not name its photos; its rivals besides VTM are not run here"])  # fmt: skip


def coded(codec: str, model: str, image: Image, stages: int, budget: int) -> tuple[Image, int] | None:
    """The picture and its bytes; None where none fits."""
    options: dict[str, object] = {"model": model, "stages": stages} if codec == "progic" else {"budget_bytes": budget}
    made = load_codec(codec, **options)
    try:
        payloads = made.encode(image, budget)
    except BudgetError:
        return None
    picture = made.decode(dict(enumerate(payloads)), *image.shape[:2])
    return None if picture is None else (picture, sum(map(len, payloads)))


def fig6(asked: Asked) -> Result:
    """Kodak."""
    return equal_bytes(asked, "kodak", (3, 22))


fig18, fig19 = (partial(equal_bytes, name="tecnick", photos=pair) for pair in ((0, 1), (2, 3)))
fig20, fig21 = (partial(equal_bytes, name="div2k", photos=pair) for pair in ((0, 1), (2, 3)))
fig22, fig23 = (partial(equal_bytes, name="clic", photos=pair) for pair in ((0, 1), (2, 3)))


def growing(asked: Asked, image: Image, model: str) -> list[tuple[Image, int]]:
    """The picture after each stage, and the bytes so far."""
    codec = load_codec("progic", model=model)
    rows, columns = codec.grid(*image.shape[:2])  # type: ignore[attr-defined]
    payloads = codec.encode(image, packed_bytes(rows * columns, codec.config.index_bits))  # type: ignore[attr-defined]
    found = []
    for held in range(1, len(payloads) + 1):
        picture = codec.decode(dict(enumerate(payloads[:held])), *image.shape[:2])
        if picture is not None:
            found.append((picture, sum(map(len, payloads[:held]))))
    return found


def fig10(asked: Asked) -> Result:
    """Pictures as stages arrive, and whether each brings the score down."""
    metric = at_hand("dists")
    score, grid, values = load_metric(metric), [], list[list[float]]()
    paths = list_photos(set_folder("kodak"))[: asked.photos]
    for number, path in enumerate(paths):
        asked.tell(f"decoding {path.name}")
        image = read_photo(path, 256).pixels
        found = growing(asked, image, asked.model)
        values.append([score(image, picture) for picture, _ in found])
        if number in (0, 4, 22) or number == len(paths) - 1 < 4:
            grid.append([Cell(image, path.name, "photo")] + [
                Cell(picture, f"{value:.3f}", f"{8 * size / 256**2:.4f} bpp")
                for (picture, size), value in zip(found, values[-1], strict=True)
            ])  # fmt: skip
    rows = []
    for k in range(1, len(values[0])):
        later, earlier = [each[k] for each in values], [each[k - 1] for each in values]
        low, high = of_mean(later, earlier)
        rows.append(Row(f"{METRICS[metric].label}, {k + 1} stages over {k}", "times",
                        statistics.fmean(later) / statistics.fmean(earlier), low, high, len(values), neutral=1.0,
                        side="below", place="appendix A", stand_in=stands_for("dists")))  # fmt: skip
    caption = f"{METRICS[metric].label} (lower is better) and bits per pixel under each."
    return Result(rows, [Picture("stages.jpg", sheet(grid, 256), caption)], f"kodak at 256x256, {len(values)}",
                  "whole stages, as they are sent", ["the paper shows Kodak whole"])  # fmt: skip


def fig11(asked: Asked) -> Result:
    """The same bytes for one stage of the whole size and for four of half of it, over kodak and fire."""
    rows, grid = [], []
    for preset_side, text in ((512, "FLOPs of 512x512"), (256, "FLOPs of 256x256")):
        cell = said(text)
        rows.append(Row(f"base: FLOPs of {preset_side}x{preset_side}", "G",
                        complexity(PRESETS["base"], preset_side, preset_side).flops / 1e9, theirs=cell.value,
                        place=cell.place, better="lower", margin=COUNTS * (cell.value or 0)))  # fmt: skip
    metrics, photos = ("psnr", "ms-ssim", at_hand("dists")), list[str]()
    for name, side in (("kodak", 512), ("fire", 256)):
        paths = list_photos(set_folder(name))[: asked.photos]
        found: dict[str, tuple[list[float], list[float]]] = {metric: ([], []) for metric in metrics}
        scorers = {metric: load_metric(metric) for metric in metrics}
        for number, path in enumerate(paths):
            asked.tell(f"{path.name} at {side} and {side // 2}")
            image, small = read_photo(path, side).pixels, read_photo(path, side // 2).pixels
            whole, size = growing(asked, image, asked.model)[0]
            half, same = growing(asked, small, asked.model)[3]
            if size != same:
                raise CodecError(
                    f"{size} bytes at {side} and {same} at {side // 2}: model {asked.model} has other steps"
                )
            half = enlarged(half, side, side)
            for metric, (large, less) in found.items():
                large.append(scorers[metric](image, whole))
                less.append(scorers[metric](image, half))
            if number == 0:
                grid.append([Cell(image, path.name, f"{side}x{side}"),
                             Cell(whole, f"{side}x{side}, 1 stage", f"{size:,} bytes, {found['psnr'][0][0]:.1f} dB"),
                             Cell(half, f"{side // 2}x{side // 2}, 4 stages",
                                  f"{same:,} bytes, {found['psnr'][1][0]:.1f} dB")])  # fmt: skip
        photos.append(f"{name} at {side}x{side}, {len(paths)}")
        for metric, (large, less) in found.items():
            low, high = of_mean(less, large)
            faithful = metric in ("psnr", "ms-ssim")
            rows.append(Row(f"{name}: {METRICS[metric].label}, half the size over the whole", "times",
                            statistics.fmean(less) / statistics.fmean(large), low, high, len(paths), neutral=1.0,
                            side="above" if faithful else "", place="appendix B: more faithful" if faithful else
                            "appendix B: slightly blurrier"))  # fmt: skip
    return Result(rows, [Picture("sizes.jpg", sheet(grid), "Equal bytes; half the size is enlarged again, bicubic.")],
                  "; ".join(photos), "1,280 for kodak, 320 for fire, whose photos are 256x256",
                  ["faithful is read as PSNR and MS-SSIM; the paper says it of one picture"])  # fmt: skip


def fig15(asked: Asked) -> Result:
    """Minute by minute: progressive, one stage as a file, all stages as a file; a packet a minute, none lost."""
    metric, minutes = at_hand("dists"), range(5)
    score, values, grid = load_metric(metric), [], []
    paths = list_photos(set_folder("fire"))[: asked.photos]
    for number, path in enumerate(paths):
        asked.tell(f"minutes of {path.name}")
        image = read_photo(path, 256).pixels
        found = growing(asked, image, asked.model)
        values.append([score(image, picture) for picture, _ in found])
        if number == 0:
            shown: list[tuple[str, Callable[[int], int | None]]] = [
                ("progressive", lambda k: k),
                ("1 packet whole", lambda k: 0),
                ("5 packets whole", lambda k: 4 if k == 4 else None),
            ]
            for what, held in shown:
                row = [Cell(image, what, path.name)]
                for k in minutes:
                    at = held(k)
                    row.append(Cell(None, "nothing yet", f"minute {k}") if at is None else
                               Cell(found[at][0], f"{values[0][at]:.3f}", f"minute {k}"))  # fmt: skip
                grid.append(row)
            stage_bytes = found[0][1]
    cell, room = said("bytes of a stage"), said("bytes of a packet")
    rows = [Row("bytes of a stage at 256x256", "bytes", stage_bytes, theirs=cell.value, place=cell.place, margin=0.0),
            Row("bytes of a message, header of 20 included", "bytes", stage_bytes + 20.0, theirs=room.value,
                place=f"{room.place}, the most a packet takes", margin=0.0, bound="at most")]  # fmt: skip
    last, first = [each[-1] for each in values], [each[0] for each in values]
    low, high = of_mean(last, first)
    rows.append(Row(f"{METRICS[metric].label} at minute 4: progressive over 1 packet whole", "times",
                    statistics.fmean(last) / statistics.fmean(first), low, high, len(values), neutral=1.0, side="below",
                    place="appendix D", stand_in=stands_for("dists")))  # fmt: skip
    rows.append(Row("minutes until something is seen: progressive, less 5 packets whole", "min", -4.0, neutral=0.0,
                    side="below", place="appendix D"))  # fmt: skip
    caption = f"{METRICS[metric].label} under each. 15(a), the system, is a drawing."
    return Result(rows, [Picture("minutes.jpg", sheet(grid, 256), caption)], f"fire at 256x256, {len(values)}",
                  "320 of a stage and 20 of header in each packet of at most 360",
                  ["no packet is lost; `satsim run forest_fire` simulates the link"])  # fmt: skip
