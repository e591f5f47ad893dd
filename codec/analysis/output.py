"""`satsim codec analyse`: from folders of photos to a folder of tables, figures and a text that ties them together.

Nothing is left of an analysis that fails.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codec.analysis.analyse import Coded, codeword_use, count_codewords
from codec.analysis.jobs import FORM, Answer, Job, jobs_of, run_job
from codec.analysis.latents import map_stages
from codec.analysis.range_coding import MISSING, Saving, has_coder, learn_prior, savings
from codec.analysis.result import FolderResult, Settings, write_tables
from codec.base import CodecError
from codec.evaluation.datasets import Dataset, open_dataset
from codec.evaluation.work import Kept, Progress, Workers, answers
from codec.files import fresh_folder
from codec.folders import list_photos
from codec.metrics import Metric, choose_metric
from codec.progic.layout import Indices
from codec.progic.model import load_model
from codec.progic.shape import model_path

PAGE_PHOTOS = 6
"""Photos on one page of a visual sheet."""
Tell = Callable[[str], None]


def write_analysis(
    folders: Sequence[Path],
    model_name: str,
    out: Path,
    *,
    side: int | None = 256,
    prior: Path | None = None,
    smoothing: float = 1.0,
    metric: str = "dists",
    sheet_photos: int = PAGE_PHOTOS,
    tell: Tell = lambda step: None,
    workers: Workers | None = None,
    kept: Kept | None = None,
    made_with: Callable[[Metric], str] = lambda metric: "",
    progress: Progress = lambda done, of: None,
) -> tuple[Settings, list[FolderResult]]:
    """Fill `out`, which must not exist yet, with tables, figures and analysis.md; on any error there is no `out`.

    `prior` names photos to learn the range coder's prior from, none of which may be among those analysed; by default
    each photo is coded by a prior of all others of its folder. Sheets show the first `sheet_photos` of each folder.
    With `kept`, a photo is there once it is done; one done by the same model, metric and `made_with` is taken from it.
    Raises CodecError for what the caller can mend, OSError where the disk will not take it.
    """
    from codec.analysis.text import analysis_text

    check_folders(folders, prior, out)
    learn_prior(np.zeros(1, np.int64), smoothing)
    model, model_id = load_model(model_path(model_name))
    datasets = {name_of(folder): open_dataset(name_of(folder), folder, side) for folder in folders}
    others = None if prior is None else open_dataset(name_of(prior), prior, side)
    check_alone(datasets, others)
    scorer, notice = choose_metric(metric, shortest_side=min(each.shortest_side for each in datasets.values()))
    jobs = list_jobs(datasets, others, model_name, scorer, sheet_photos)
    names = [job.kept_as(model_id, made_with(scorer)) for job in jobs]
    found = answers(run_job, jobs, names=names, form=FORM, workers=workers, kept=kept, progress=progress)
    parts = {name: [a for a, j in zip(found, jobs, strict=True) if j.metric and j.folder == name] for name in datasets}
    coded = {name: [answer.coded for answer in mine] for name, mine in parts.items()}
    learned, source, least = find_prior(coded, [answer.coded for answer in found if not answer.cases], prior, model)
    notices = told(notice, [*datasets.values(), *([others] if others else [])])
    settings = Settings(
        model=Path(model_name).name,
        model_id=model_id,
        stages=model.config.stages,
        index_bits=model.config.index_bits,
        side=side,
        prior=source,
        prior_indices=least,
        smoothing=smoothing,
        metric=scorer,
        notices=tuple(notices),
    )
    with fresh_folder(out) as partial:
        results = [
            analyse_folder(name, mine, model, learned, settings, partial, sheet_photos) for name, mine in parts.items()
        ]
        tell("drawing and writing")
        write_tables(results, partial)
        write_figures(results, settings, partial)
        (partial / "analysis.md").write_text(analysis_text(settings, results), encoding="utf-8")
    return settings, results


def told(notice: str | None, datasets: Sequence[Dataset]) -> list[str]:
    """What a reader would not guess: of the metric, of photos, and of a range coder that is missing."""
    notices = [] if notice is None else [notice]
    notices += [note for each in datasets for note in each.notes]
    if not has_coder():
        notices.append(f"sizes are ideal code lengths, not those of a real coder: {MISSING}")
    return notices


def list_jobs(
    datasets: Mapping[str, Dataset], prior: Dataset | None, model: str, metric: Metric, sheet_photos: int
) -> list[Job]:
    """A job for each photo, those of the prior last."""
    round_, judge = secrets.token_hex(8), metric.loads_as or metric.name
    jobs = [job for name, each in datasets.items() for job in jobs_of(name, each, model, judge, sheet_photos, round_)]
    return jobs if prior is None else [*jobs, *jobs_of(prior.name, prior, model, None, 0, round_)]


def check_alone(datasets: Mapping[str, Dataset], prior: Dataset | None) -> None:
    """Raise CodecError where a folder of one photo has neither others nor a prior."""
    if prior is None and (alone := [name for name, each in datasets.items() if len(each.photos) < 2]):
        raise CodecError(f"{alone[0]}: one photo; a prior from the others needs two (or name photos by --prior)")


def find_prior(
    coded: Mapping[str, Sequence[Coded]], others: Sequence[Coded], prior: Path | None, model: Any
) -> tuple[Indices | None, str, int]:
    """Counts int64[N, K] of the folder `prior`, whose photos `others` are, or None for those of all other photos of a
    folder; whose counts these are, in words; and the least number of indices that a stage's prior is counted from.
    """
    if prior is not None:
        learned = np.sum([count_codewords(photo.indices, model.config.codewords) for photo in others], axis=0)
        return learned, f"{len(others)} other photos, of the folder {name_of(prior)}", int(learned[0].sum())
    sizes = [[photo.indices[0].size for photo in photos] for photos in coded.values()]
    return None, "all other photos of the same folder", min(sum(each) - max(each) for each in sizes)


def analyse_folder(
    name: str,
    parts: Sequence[Answer],
    model: Any,
    learned: Indices | None,
    settings: Settings,
    out: Path,
    sheet_photos: int,
) -> FolderResult:
    """All numbers of one folder of photos; sheets of the first `sheet_photos` of them are written to `out`."""
    from codec.analysis import plots
    from codec.figures import PIXELS_DPI, png

    photos = [part.coded for part in parts]
    counts = np.stack([count_codewords(photo.indices, model.config.codewords) for photo in photos])
    saved = save_bytes(name, photos, counts, learned, settings)
    scores, pages = [score for part in parts for score, _ in part.cases], []
    for first in range(0, min(len(photos), sheet_photos), PAGE_PHOTOS):
        wanted = [
            (part.coded, [(score, picture) for score, picture in part.cases if picture is not None])
            for part in parts[first : min(first + PAGE_PHOTOS, sheet_photos)]
        ]
        for kind, sheet in plots.sheets(name, wanted, settings).items():
            pages.append(f"{kind}_{name}_{first // PAGE_PHOTOS + 1}.png")
            (out / pages[-1]).write_bytes(png(sheet, PIXELS_DPI))
    maps = map_stages(photos, model.quantizer.codebooks.numpy())
    return FolderResult(name, codeword_use(name, counts), saved, maps, scores, pages)


def write_figures(results: Sequence[FolderResult], settings: Settings, out: Path) -> None:
    """codewords.png, range_coding.png, and for each folder latents_FOLDER.png."""
    from codec.analysis import plots
    from codec.figures import png

    (out / "codewords.png").write_bytes(png(plots.codewords_figure(results, settings)))
    (out / "range_coding.png").write_bytes(png(plots.range_coding_figure(results, settings)))
    for result in results:
        (out / f"latents_{result.name}.png").write_bytes(png(plots.latents_figure(result, settings)))


def check_folders(folders: Sequence[Path], prior: Path | None, out: Path) -> None:
    """Raise CodecError for folders without photos or of one name, a prior that knows the photos, an `out` in use."""
    if out.exists():
        raise CodecError(f"{out}: is there already; name a new folder by --out")
    for folder in [*folders, *([prior] if prior else [])]:
        if not folder.is_dir():
            raise CodecError(f"{folder}: no such folder of photos")
    names = [name_of(folder) for folder in folders]
    if twice := [name for name in names if names.count(name) > 1]:
        raise CodecError(f"two folders are called {twice[0]}; their results would mix (rename one)")
    photos = {path.resolve() for folder in folders for path in list_photos(folder)}
    if prior and (known := sorted(photos & {path.resolve() for path in list_photos(prior)})):
        raise CodecError(f"{known[0]}: is among the prior's photos too; a prior must not know what it codes")


def name_of(folder: Path) -> str:
    """The folder's own name, also where it is given as `.`."""
    return folder.resolve().name


def save_bytes(
    name: str, photos: Sequence[Coded], counts: Indices, learned: Indices | None, settings: Settings
) -> list[Saving]:
    """What range coding saves on each photo, by the learned counts int64[N, K] or by those of all other photos."""
    rows: list[Saving] = []
    for photo, own in zip(photos, counts, strict=True):
        table = learn_prior(counts.sum(axis=0) - own if learned is None else learned, settings.smoothing)
        rows += savings(name, photo.name, photo.indices, table, settings.index_bits)
    return rows
