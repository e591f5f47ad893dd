"""`satsim codec analyse`: from folders of photos to a folder of tables, figures and a text that ties them together.

Nothing is left of an analysis that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codec.analysis.analyse import Coded, Score, code_folder, codeword_use, count_codewords, show, stage_bytes
from codec.analysis.latents import map_stages
from codec.analysis.range_coding import MISSING, Saving, has_coder, learn_prior, savings
from codec.analysis.result import FolderResult, Settings, write_tables
from codec.base import CodecError, Image
from codec.files import fresh_folder
from codec.folders import few, left_out_of, list_photos
from codec.metrics import choose_metric
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
) -> tuple[Settings, list[FolderResult]]:
    """Fill `out`, which must not exist yet, with tables, figures and analysis.md; on any error there is no `out`.

    `prior` names photos to learn the range coder's prior from, none of which may be among those analysed; by default
    each photo is coded by a prior of all others of its folder. Sheets show the first `sheet_photos` of each folder.
    Raises CodecError for what the caller can mend, OSError where the disk will not take it.
    """
    from codec.analysis.text import analysis_text

    check_folders(folders, prior, out)
    learn_prior(np.zeros(1, np.int64), smoothing)
    model, model_id = load_model(model_path(model_name))
    left: list[str] = []
    coded = {name_of(folder): code_photos(folder, model, side, tell, left) for folder in folders}
    learned, source, least = find_prior(coded, prior, model, side, tell, left)
    shortest = min(min(photo.image.shape[:2]) for photos in coded.values() for photo in photos)
    scorer, notice = choose_metric(metric, shortest_side=shortest)
    notices = [] if notice is None else [notice]
    notices += [note for folder in folders for note in left_out_of(folder)]
    notices += few(left)
    notices += few(note for photos in coded.values() for photo in photos for note in photo.notes)
    if not has_coder():
        notices.append(f"sizes are ideal code lengths, not those of a real coder: {MISSING}")
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
            analyse_folder(name, photos, model, learned, settings, partial, sheet_photos, tell)
            for name, photos in coded.items()
        ]
        tell("drawing and writing")
        write_tables(results, partial)
        write_figures(results, settings, partial)
        (partial / "analysis.md").write_text(analysis_text(settings, results), encoding="utf-8")
    return settings, results


def find_prior(
    coded: Mapping[str, Sequence[Coded]], prior: Path | None, model: Any, side: int | None, tell: Tell, left: list[str]
) -> tuple[Indices | None, str, int]:
    """Counts int64[N, K] of the folder `prior`, or None for those of all other photos of a folder; whose counts these
    are, in words; and the least number of indices that a stage's prior is counted from.

    Raises CodecError for a folder of one photo, which has no others.
    """
    if prior is not None:
        learned, photos = count_folder(prior, model, side, tell, left)
        return learned, f"{photos} other photos, of the folder {name_of(prior)}", int(learned[0].sum())
    if alone := [name for name, photos in coded.items() if len(photos) < 2]:
        raise CodecError(f"{alone[0]}: one photo; a prior from the others needs two (or name photos by --prior)")
    sizes = [[photo.indices[0].size for photo in photos] for photos in coded.values()]
    return None, "all other photos of the same folder", min(sum(each) - max(each) for each in sizes)


def analyse_folder(
    name: str,
    photos: Sequence[Coded],
    model: Any,
    learned: Indices | None,
    settings: Settings,
    out: Path,
    sheet_photos: int,
    tell: Tell,
) -> FolderResult:
    """All numbers of one folder of photos; sheets of the first `sheet_photos` of them are written to `out`."""
    from codec.analysis import plots
    from codec.figures import PIXELS_DPI, png

    counts = np.stack([count_codewords(photo.indices, model.config.codewords) for photo in photos])
    saved = save_bytes(name, photos, counts, learned, settings)
    scores, pages = [], []
    for first in range(0, len(photos), PAGE_PHOTOS):
        page = []
        for photo in photos[first : first + PAGE_PHOTOS]:
            tell(f"decoding {name}: {photo.name}")
            page.append((photo, decode_cases(name, photo, model, settings)))
        scores += [score for _, cases in page for score, _ in cases]
        if wanted := page[: max(0, sheet_photos - first)]:
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


def code_photos(folder: Path, model: Any, side: int | None, tell: Tell, left: list[str]) -> list[Coded]:
    """Every photo of the folder, coded, but for those that `left` tells of."""
    photos = []
    for photo in code_folder(folder, model, side, left):
        tell(f"coding {name_of(folder)}: {photo.name}")
        photos.append(photo)
    return photos


def count_folder(folder: Path, model: Any, side: int | None, tell: Tell, left: list[str]) -> tuple[Indices, int]:
    """Uses int64[N, K] of each codeword over a folder of photos, and how many photos these are."""
    total, photos = np.zeros(model.quantizer.codebooks.shape[:2], np.int64), 0
    for photo in code_folder(folder, model, side, left):
        tell(f"counting the prior's codewords: {photo.name}")
        total += count_codewords(photo.indices, model.config.codewords)
        photos += 1
    return total, photos


def save_bytes(
    name: str, photos: Sequence[Coded], counts: Indices, learned: Indices | None, settings: Settings
) -> list[Saving]:
    """What range coding saves on each photo, by the learned counts int64[N, K] or by those of all other photos."""
    rows: list[Saving] = []
    for photo, own in zip(photos, counts, strict=True):
        table = learn_prior(counts.sum(axis=0) - own if learned is None else learned, settings.smoothing)
        rows += savings(name, photo.name, photo.indices, table, settings.index_bits)
    return rows


def decode_cases(name: str, photo: Coded, model: Any, settings: Settings) -> list[tuple[Score, Image]]:
    """Scores and pictures of the first 1 to N stages, then of all but stage 1, all but 2 ... N (none where N is 1)."""
    every = range(1, settings.stages + 1)
    cases = [(held, 0) for held in every] + [(settings.stages - 1, lost) for lost in every if settings.stages > 1]
    height, width = photo.image.shape[:2]
    stage_bpp = 8 * stage_bytes(photo, settings.index_bits) / (height * width)
    found = []
    for held, lost in cases:
        picture = show(model, photo, [stage for stage in every if (stage != lost if lost else stage <= held)])
        facts = name, photo.name, held, lost, held * stage_bpp
        found.append((Score(*facts, settings.metric.name, settings.metric(photo.image, picture)), picture))
    return found
