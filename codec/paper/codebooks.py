"""What codewords carry: entropy, range coding and maps of latents (the paper's Fig. 12, 13 and 14)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from codec.analysis.analyse import Coded, Floats, code_folder, codeword_use, count_codewords, show
from codec.analysis.latents import map_stages
from codec.analysis.range_coding import MISSING, has_coder, learn_prior, rate_change, savings
from codec.analysis.tsne import tsne
from codec.base import CodecError
from codec.metrics import METRICS, load_metric
from codec.paper.intervals import Drawn, interval
from codec.paper.measured import at_hand, set_folder, stands_for
from codec.paper.plots import Curve, curves, latent_maps
from codec.paper.result import BITS, POINTS, Asked, Picture, Result, Row
from codec.paper.theirs import number, said
from codec.progic.model import load_model
from codec.progic.shape import model_path

SIDE = 256
MAPPED = 900
"""Latent cells that a map shows; of more, a random sample."""


def fig14(asked: Asked) -> Result:
    """Each stage's vectors by t-SNE, and the number of directions they spread over."""
    photos, books = code(asked)
    latents = np.concatenate([photo.latents for photo in photos])
    picked = np.concatenate([photo.indices.reshape(len(books), -1)[:, photo.cells] for photo in photos], axis=1)
    some = np.random.default_rng(1).permutation(len(latents))[:MAPPED]
    sets: dict[str, Floats] = {"y, not quantized": latents[some]}
    for stage, book in enumerate(books):
        name = f"stage {stage + 1}: {'residual' if stage else 'base vector'}"
        sets[name] = book[picked[stage, some]]
    maps = {}
    for name, vectors in sets.items():
        asked.tell(f"t-SNE of {len(vectors):,} vectors, {name}")
        maps[name] = tsne(vectors)
    asked.tell("directions that each stage spreads over")
    found = directions(photos, books)
    rows = []
    for stage in range(1, len(books)):
        low, high = interval(len(photos), lambda drawn, k=stage: found(tuple(drawn))[k], draws=100)  # type: ignore[misc]
        what = f"directions of stage {stage + 1}'s residuals, over those of stage 1"
        ours = found(tuple(range(len(photos))))[stage]
        claim = Row(what, "times", place="appendix C.3", neutral=1.0, side="above")
        rows.append(replace(claim, ours=ours, low=low, high=high, n=len(photos)))
    luma = np.concatenate([photo.luminance for photo in photos])[some]
    picture = Picture("latents.png", latent_maps(maps, luma), "t-SNE of y and of what each stage adds.")
    return Result(
        rows,
        [picture],
        photos=f"kodak at {SIDE}x{SIDE}, {len(photos)}; {len(some):,} of {len(latents):,} latent cells",
        differs=[
            f"the paper's maps are of Kodak whole; ours of squares of {SIDE} pixels, which the model was made for"
        ],
        notes=[
            "The paper says in words that residuals lie more evenly than base vectors. What is compared is a number for"
            " that: the participation ratio of the variances, the directions that a set really spreads over. Maps by"
            " t-SNE keep neighbours and no distances."
        ],
    )


def fig12(asked: Asked) -> Result:
    """Entropy of each codebook's use."""
    photos, books = code(asked)
    uses = codeword_use("kodak", np.stack([count_codewords(photo.indices, books.shape[1]) for photo in photos]))
    cell = said("entropy")
    rows = []
    for use in uses:
        error = 1.96 * use.standard_error_bits
        low, high = (None, None) if math.isnan(error) else (use.corrected_bits - error, use.corrected_bits + error)
        rows.append(Row(f"stage {use.stage}: entropy (Miller-Madow)", "bits", use.corrected_bits, low, high,
                        len(photos), cell.value, cell.place, "higher", margin=BITS, bound="at least"))  # fmt: skip
    stages = [float(use.stage) for use in uses]
    lines = [
        Curve("corrected (Miller-Madow)", stages, [use.corrected_bits for use in uses]),
        Curve("observed", stages, [use.plug_in_bits for use in uses]),
        Curve("the paper's bound, on ImageNet", stages, [cell.value or 0.0] * len(uses)),
        Curve("equal use, as so few cells would show it", stages, [use.uniform_bits for use in uses]),
    ]
    drawn = curves({"entropy, bits a codeword": lines}, "stage")
    return Result(rows, [Picture("entropy.png", drawn, "Entropy by stage.")],
                  f"kodak at {SIDE}x{SIDE}, {len(photos)}",
                  differs=[f"the paper counted all of ImageNet; here {uses[0].indices:,} cells a stage"])  # fmt: skip


def fig13(asked: Asked) -> Result:
    """Rate-distortion with and without range coding, and the change of rate at equal quality."""
    row, lines, metric, n = coded(asked)
    drawn = curves({METRICS[metric].label: lines}, "bits per pixel")
    return Result([row], [Picture("coded.png", drawn, "Range coding by a static prior.")],
                  f"kodak at {SIDE}x{SIDE}, {n}", "of streams that were decoded again to the same indices",
                  ["the paper's prior is of ImageNet; ours of the other photos of the set"])  # fmt: skip


def coded(asked: Asked) -> tuple[Row, list[Curve], str, int]:
    """The row of range coding, both curves, the metric and the number of photos. Raises CodecError without a coder."""
    if not has_coder():
        raise CodecError(MISSING)
    photos, books = code(asked)
    if len(photos) < 2:
        raise CodecError("one photo; a prior from the others needs two (give more by --photos)")
    model, _ = load_model(model_path(asked.model))
    metric, bits = at_hand("dists"), int(np.log2(books.shape[1]))
    score = load_metric(metric)
    counts = np.stack([count_codewords(photo.indices, books.shape[1]) for photo in photos])
    raw, sizes, quality = [], [], []
    for photo, own in zip(photos, counts, strict=True):
        asked.tell(f"range coding {photo.name}")
        saved = savings("kodak", photo.name, photo.indices, learn_prior(counts.sum(axis=0) - own, 1.0), bits)[
            : len(books)
        ]
        pixels = photo.image.shape[0] * photo.image.shape[1]
        raw.append(np.cumsum([8 * each.raw_bytes / pixels for each in saved]))
        sizes.append(np.cumsum([8 * (1 - each.gain) * each.raw_bytes / pixels for each in saved]))
        quality.append([score(photo.image, show(model, photo, range(1, k + 2))) for k in range(len(books))])
    plain, small, values = (np.array(each) for each in (raw, sizes, quality))

    def change(drawn: Drawn) -> float | None:
        found = rate_change(*(list(each[drawn].mean(axis=0)) for each in (plain, small, values)))
        return None if found is None else 100 * found

    low, high = interval(len(photos), change, draws=500)
    cell = number("table4", "+ Entropy Coding", "bd_rate")
    stand_in = stands_for("dists")
    row = Row("range coding: rate at equal quality", "%", change(np.arange(len(photos))), low, high, len(photos),
              cell.value, cell.place, "lower", 0.0, margin=POINTS, stand_in="")  # fmt: skip
    row = replace(
        row, note=f"pictures are equal on both sides, so that {stand_in} only weighs stages" if stand_in else ""
    )
    lines = [Curve("indices as they are", list(plain.mean(axis=0)), list(values.mean(axis=0))),
             Curve("range-coded, stage by stage", list(small.mean(axis=0)), list(values.mean(axis=0)))]  # fmt: skip
    return row, lines, metric, len(photos)


def directions(photos: Sequence[Coded], books: Floats) -> Callable[[tuple[int, ...]], list[float]]:
    """Of drawn photos, the directions that each stage's vectors spread over, over those of the first stage's."""

    @cache
    def found(drawn: tuple[int, ...]) -> list[float]:
        base, *others = (each.dimensions for each in map_stages([photos[k] for k in drawn], books)[1:])
        return [1.0, *(each / base for each in others)]

    return found


def code(asked: Asked) -> tuple[list[Coded], Floats]:
    """Photos of kodak, coded, and the codebooks float[N, K, C2]."""
    asked.tell(f"loading {asked.model}")
    model, _ = load_model(model_path(asked.model))
    photos = []
    for photo in code_folder(set_folder("kodak"), model, SIDE):
        asked.tell(f"coding {photo.name}")
        photos.append(photo)
        if len(photos) == asked.photos:
            break
    return photos, model.quantizer.codebooks.numpy()
