"""The work of an analysis, photo by photo: one coded, decoded from its stages and scored, as one process does it."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from codec.analysis.analyse import Coded, Score, code_photo, show, stage_bytes
from codec.base import CodecError, Image
from codec.evaluation.datasets import Dataset, pixels_digest
from codec.evaluation.work import Form, name_of
from codec.folders import read_photo
from codec.metrics import Metric, load_metric
from codec.progic.model import load_model
from codec.progic.shape import model_path


class Job(NamedTuple):
    """A photo to code and, where a metric is named, to decode and score."""

    folder: str
    """Name of its folder in results."""
    number: int
    """Of the photo within it."""
    name: str
    """Path inside the folder."""
    path: Path
    side: int | None
    digest: str
    """Of its pixels when the folder was opened."""
    model: str
    metric: str | None
    """None for a photo of the prior, of which indices are all that is needed."""
    pictures: bool
    """Whether a sheet shows what comes of it."""
    round: str
    """The model of another round is loaded anew, since its file may be another."""

    def kept_as(self, *made_with: object) -> str:
        """A name for what comes of the job, which follows from `made_with` too."""
        return name_of(*self._replace(path=Path(), round=""), *made_with)


class Answer(NamedTuple):
    """What came of a job."""

    coded: Coded
    cases: list[tuple[Score, Image | None]]
    """By `cases_of`; pictures where they are shown."""


def jobs_of(name: str, dataset: Dataset, model: str, metric: str | None, shown: int, round_: str) -> list[Job]:
    """A job for each photo; the first `shown` are to be seen."""
    jobs = []
    for k, (path, digest) in enumerate(zip(dataset.photos, dataset.digests, strict=True)):
        own = str(path.relative_to(dataset.folder))
        jobs.append(Job(name, k, own, path, dataset.side, digest, model, metric, k < shown, round_))
    return jobs


def cases_of(stages: int) -> list[tuple[int, int]]:
    """(stages held, stage lost or 0): the first 1 to N, then all but stage 1, all but 2 ... N (none where N is 1)."""
    every = range(1, stages + 1)
    return [(held, 0) for held in every] + [(stages - 1, lost) for lost in every if stages > 1]


def run_job(job: Job) -> Answer:
    """Code the photo on one thread of torch, and score what its stages show. Raises CodecError."""
    import torch

    torch.set_num_threads(1)
    model = _model(job.model, job.round)
    image, notes = read_photo(job.path, job.side)
    if pixels_digest(image) != job.digest:
        raise CodecError(f"{job.path}: has changed since the analysis began; begin anew")
    coded = code_photo(job.name, image, notes, job.number, model)
    if job.metric is None:
        return Answer(coded, [])
    cases = decode_cases(job.folder, coded, model, _metric(job.metric, job.round))
    return Answer(coded, [(score, picture if job.pictures else None) for score, picture in cases])


def decode_cases(name: str, photo: Coded, model: Any, metric: Metric) -> list[tuple[Score, Image]]:
    """Scores and pictures of `cases_of`."""
    every = range(1, model.config.stages + 1)
    height, width = photo.image.shape[:2]
    stage_bpp = 8 * stage_bytes(photo, model.config.index_bits) / (height * width)
    found = []
    for held, lost in cases_of(model.config.stages):
        picture = show(model, photo, [stage for stage in every if (stage != lost if lost else stage <= held)])
        facts = name, photo.name, held, lost, held * stage_bpp
        found.append((Score(*facts, metric.name, metric(photo.image, picture)), picture))
    return found


@lru_cache(maxsize=2)
def _model(name: str, round_: str) -> Any:
    return load_model(model_path(name))[0]


@lru_cache(maxsize=2)
def _metric(name: str, round_: str) -> Metric:
    return load_metric(name)


def pack(answer: Answer) -> bytes:
    """An answer as NumPy's archive, without pickles; `unpack` gives it back as it was."""
    coded, scores = answer.coded, [score for score, _ in answer.cases]
    pictures = [picture for _, picture in answer.cases if picture is not None]
    arrays: dict[str, Any] = {
        "texts": np.array([coded.name, *coded.notes]),
        "image": coded.image,
        "indices": coded.indices,
        "cells": coded.cells,
        "latents": coded.latents,
        "luminance": coded.luminance,
        "who": np.array([[score.folder, score.image, score.metric] for score in scores]),
        "cases": np.array([[score.held, score.lost] for score in scores], np.int64),
        "values": np.array([[score.bpp, score.value] for score in scores]),
        "pictures": np.array(pictures, np.uint8),
    }
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def unpack(content: bytes) -> Answer:
    """What `pack` packed."""
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        kept = dict(held)
    name, *notes = kept["texts"].tolist()
    coded = Coded(name, kept["image"], kept["indices"], kept["cells"], kept["latents"], kept["luminance"], tuple(notes))
    table = zip(kept["who"].tolist(), kept["cases"].tolist(), kept["values"].tolist(), strict=True)
    scores = [
        Score(folder, image, held, lost, bpp, metric, value)
        for (folder, image, metric), (held, lost), (bpp, value) in table
    ]
    shown = list(kept["pictures"]) or [None] * len(scores)
    return Answer(coded, list(zip(scores, shown, strict=True)))


FORM = Form(pack, unpack)
