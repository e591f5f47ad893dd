"""`satsim codec evaluate`, `compare` and `runtimes`: what codecs are worth in bytes, and what they cost in time."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satsim.commands import options
from satsim.commands.mending import echo
from satsim.commands.scenarios.completion import codec_names, metric_names
from satsim.words import visible

if TYPE_CHECKING:
    from rich.table import Table

    from codec.evaluation.distribution import DistributionPoint
    from codec.evaluation.rows import Measurement
    from codec.evaluation.tables import PlainTable
    from codec.evaluation.work import Workers

CODEC_HELP = "Codec, with options as in progic:model=nano,stages=3; repeat  [default: progic]"
Codecs = Annotated[list[str] | None, typer.Option(help=CODEC_HELP, autocompletion=codec_names)]
Anchor = Annotated[
    str | None, typer.Option(help="Codec to give BD-rates against; measured too.", autocompletion=codec_names)
]
Metrics = Annotated[
    list[str] | None, typer.Option(help="Metric; repeat  [default: every one at hand]", autocompletion=metric_names)
]
Distributions = Annotated[
    list[str] | None, typer.Option("--distribution", help="fid or kid, a number for a whole set; repeat.")
]
Folders = Annotated[
    list[Path] | None,
    typer.Argument(help="Folders of photos, or sets below SATSIM_DATA  [default: kodak, fire, aerial]"),
]
Sides = Annotated[
    list[int] | None, typer.Option(min=16, max=4096, help="Photos become centre squares; repeat  [default: 256]")
]
Bpp = Annotated[
    list[float] | None, typer.Option(min=1e-4, max=24, help="Bits per pixel; repeat  [default: 0.0391 to 0.78]")
]


def evaluate(
    folders: Folders = None,
    codec: Codecs = None,
    option: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Option of every --codec.")] = None,
    anchor: Anchor = None,
    allow_code: options.AllowCode = False,
    metric: Metrics = None,
    distribution: Distributions = None,
    side: Sides = None,
    whole: Annotated[bool, typer.Option("--whole", help="Photos stay as they are.")] = False,
    bpp: Bpp = None,
    packets: Annotated[list[int] | None, typer.Option(min=1, help="Packets held instead of bpp; repeat.")] = None,
    payload_bytes: Annotated[int, typer.Option(min=1, help="Room for the codec in a packet, with --packets.")] = 340,
    first: Annotated[int | None, typer.Option(min=1, help="Only so many photos of each folder.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch, in each process.")] = 1,
    workers: options.Workers = None,
    out: Annotated[Path | None, typer.Option(help="Folder for rows.csv, tables and figures.")] = None,
    resume: options.Resume = False,
    quiet: options.Quiet = False,
) -> None:
    """Quality by bytes over folders of photos: every codec, rate and metric, with encode and decode times.

    A codec that takes a byte budget is given each --bpp; a progressive one is decoded after each of its stages. With
    --out, what is measured is kept on disk, and an evaluation that was stopped goes on by --resume.
    """
    from contextlib import nullcontext

    from codec.base import CodecError
    from codec.evaluation import evaluate as measuring
    from codec.evaluation.datasets import open_datasets
    from codec.evaluation.distribution import distributions, find_network
    from codec.evaluation.rows import check_new, write_rows
    from codec.own import CODE_ALLOWED
    from satsim.commands.sweep import keeping, noting
    from satsim.scoring.measuring import made_with
    from satsim.sweep.results import kept_beside

    CODE_ALLOWED.set(allow_code)
    if bpp and packets:
        raise CodecError("--bpp and --packets are two ways to say where to measure; give one")
    if out is not None:
        check_new(out / "rows.csv")
    rivals, label = measuring.gather(codec or ["progic"], option or [], anchor)
    datasets = open_datasets(folders or [], [*(side or []), *([None] if whole else [])], first)
    _say(note for dataset in datasets for note in dataset.notes)
    network = find_network(distribution, datasets) if distribution else None
    rates = measuring.Rates(tuple(bpp or measuring.DEFAULT_BPP), tuple(sorted(set(packets or ()))), payload_bytes)
    jobs = len(rivals) * sum(len(dataset.photos) for dataset in datasets)
    rows_of = kept_beside(out, "measurement", resume, noting(quiet)) if out else nullcontext()
    with keeping(out) if out else nullcontext(), rows_of as kept, at_work("measuring", workers, jobs, quiet) as work:
        told = {"threads": threads, "kept": kept, "made_with": made_with, **work}
        rows, notes = measuring.evaluate(datasets, rivals, metric, rates, **told)
        sets = distributions(distribution or [], network, datasets, rivals, rates, **told) if network else []
        if out is not None:
            write_rows(out / "rows.csv", rows)
    _say(notes)
    _compare(rows, label, out)
    _show_distributions(sets, out)


FEW = 6
"""Jobs that start no processes unless --workers says so: each must first load torch and the codecs."""


@contextmanager
def at_work(step: str, workers: int | None, jobs: int, quiet: bool) -> Iterator[dict[str, Any]]:
    """`workers` and `progress` of `codec.evaluation.work.answers`: processes, and a line with the time left."""
    from satsim.commands.sweep import telling
    from satsim.sweep.run import Progress

    with telling(quiet) as tell:
        yield {
            "workers": crew(workers, jobs),
            "progress": lambda done, of: tell(Progress(step, done, of)),
        }


def crew(workers: int | None, jobs: int) -> Workers:
    """So many processes, or one for each core unless there is little to do. Raises SweepError for what is no number."""
    from satsim.commands.sweep import choose_workers

    return choose_workers(1 if workers is None and jobs <= FEW else workers, None)


def _say(notes: Iterable[str]) -> None:
    """Notes on photos, of one kind only a few."""
    from codec.folders import few

    for note in few(notes):
        echo(f"note: {note}", err=True)


def compare(
    files: Annotated[list[Path], typer.Argument(help="rows.csv of `codec evaluate`, or folders that hold one.")],
    anchor: Annotated[str | None, typer.Option(help="Codec to give BD-rates against.")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Draw what others published for whole photos of kodak too.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for tables and figures.")] = None,
) -> None:
    """Tables, BD-rates and figures of evaluations made earlier, several of them together if need be."""
    from codec.evaluation.rates import find_anchor
    from codec.evaluation.rows import read_rows

    rows = [row for file in files for row in read_rows(file / "rows.csv" if file.is_dir() else file)]
    label = find_anchor(anchor, list(dict.fromkeys(row.codec for row in rows))) if anchor else None
    _compare(rows, label, out, published)


def _compare(rows: list[Measurement], anchor: str | None, out: Path | None, published: bool = False) -> None:
    """Print the tables of `rows`, and write them with the figures to `out`."""
    from rich.console import Console

    from codec.evaluation.rates import bd_rates, make_points
    from codec.evaluation.report import write_report
    from codec.evaluation.tables import bd_sheets, point_sheets

    points = make_points(rows)
    rates = bd_rates(points, anchor, rows) if anchor else []
    console = Console(width=None if sys.stdout.isatty() else 160)
    for sheet in [*point_sheets(points), *(bd_sheets(points, rates) if rates else [])]:
        console.print(for_terminal(sheet))
    if out is not None:
        echo(f"in {out}: {', '.join(write_report(points, rates, out, published))}")


def _show_distributions(points: list[DistributionPoint], out: Path | None) -> None:
    """Print what there is of whole sets, and write it to `out`."""
    from rich.console import Console

    from codec.evaluation.distribution import DistributionPoint, distribution_sheets
    from codec.evaluation.rows import in_csv
    from codec.evaluation.tables import in_markdown
    from codec.files import write_whole

    sheets = distribution_sheets(points)
    for sheet in sheets:
        Console(width=None if sys.stdout.isatty() else 160).print(for_terminal(sheet))
    if sheets and out is not None:
        write_whole(out / "distributions.csv", in_csv(DistributionPoint._fields, points))
        write_whole(out / "distributions.md", "\n".join(map(in_markdown, sheets)).encode(errors="backslashreplace"))
        echo(f"in {out}: distributions.csv, distributions.md")


def runtimes(
    photo: Annotated[Path | None, typer.Argument(help="Photo  [default: the first of kodak]")] = None,
    codec: Codecs = None,
    allow_code: options.AllowCode = False,
    side: Annotated[
        list[int] | None, typer.Option(min=16, max=4096, help="Side of the picture; repeat  [default: 256, 512]")
    ] = None,
    bpp: Annotated[float, typer.Option(min=1e-4, max=24, help="Bits per pixel of codecs with a budget.")] = 0.1953125,
    runs: Annotated[int, typer.Option(min=1, help="Timings after a warm-up; the median is shown.")] = 5,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of torch.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for runtimes.csv and runtimes.md.")] = None,
) -> None:
    """Encode and decode times on this machine, measured now."""
    from contextlib import nullcontext

    from rich.console import Console
    from rich.text import Text

    from codec.evaluation.contenders import read_contender
    from codec.evaluation.datasets import default_photo
    from codec.evaluation.evaluate import set_threads
    from codec.evaluation.rows import in_csv
    from codec.evaluation.runtimes import Runtime, runtime_sheet, time_codec
    from codec.evaluation.tables import in_markdown
    from codec.files import prepared, write_whole
    from codec.own import CODE_ALLOWED
    from codec.photos import open_photo

    CODE_ALLOWED.set(allow_code)
    if threads is not None:
        set_threads(threads)
    photo = photo or default_photo()
    for note in open_photo(photo)[1]:
        echo(f"note: {note}", err=True)
    rivals = {rival.label: rival for rival in map(read_contender, codec or ["progic"])}
    timed = []
    ready = prepared(out / "runtimes.csv") if out else nullcontext()
    with ready, Console(stderr=True).status("timing") as status:
        for rival in rivals.values():
            for each in side or [256, 512]:
                status.update(Text(visible(f"timing {rival.label} at {each}x{each}")))
                timed += list(time_codec(rival, photo, each, bpp, runs))
    sheet = runtime_sheet(timed, photo)
    Console(width=None if sys.stdout.isatty() else 160).print(for_terminal(sheet))
    if out is not None:
        write_whole(out / "runtimes.csv", in_csv(Runtime._fields, timed))
        write_whole(out / "runtimes.md", in_markdown(sheet).encode(errors="backslashreplace"))
        echo(f"in {out}: runtimes.csv, runtimes.md")


def for_terminal(sheet: PlainTable) -> Table:
    """The table as rich prints it."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(visible(sheet.title)), title_justify="left")
    for number, heading in enumerate(sheet.headings):
        table.add_column(Text(heading), justify="right" if number else "left", overflow="fold")
    for line in sheet.lines:
        table.add_row(*(Text(visible(cell)) for cell in line))
    return table
