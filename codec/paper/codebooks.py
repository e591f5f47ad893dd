"""What codewords carry: entropy, range coding and maps of latents (the paper's Fig. 12, 13 and 14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from codec.analysis.analyse import Coded, Floats, code_folder
from codec.analysis.latents import map_stages
from codec.analysis.tsne import tsne
from codec.evaluation.evaluate import default_folder
from codec.paper.intervals import interval
from codec.paper.plots import latent_maps
from codec.paper.result import Asked, Picture, Result, Row
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


def directions(photos: Sequence[Coded], books: Floats) -> Callable[[tuple[int, ...]], list[float]]:
    """Of drawn photos, the directions that each stage's vectors spread over, over those of the first stage's."""

    @cache
    def found(drawn: tuple[int, ...]) -> list[float]:
        base, *others = (each.dimensions for each in map_stages([photos[k] for k in drawn], books)[1:])
        return [1.0, *(each / base for each in others)]

    return found


def code(asked: Asked) -> tuple[list[Coded], Floats]:
    """Photos of kodak, coded, and the codebooks float[N, K, C2]."""
    model, _ = load_model(model_path(asked.model))
    photos = []
    for photo in code_folder(default_folder("kodak"), model, SIDE):
        asked.tell(f"coding {photo.name}")
        photos.append(photo)
        if len(photos) == asked.photos:
            break
    return photos, model.quantizer.codebooks.numpy()
