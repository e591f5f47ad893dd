"""`satsim sweep`: a scenario over a grid of settings, many times each."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satsim.commands import options
from satsim.commands.main import screen
from satsim.commands.mending import echo
from satsim.words import visible

if TYPE_CHECKING:
    from satsim.sweep.files import Request
    from satsim.sweep.plan import SweepPlan
    from satsim.sweep.run import Progress, Workers

MANY_POINTS = 2000
MANY_RUNS = 20_000_000
"""More than this is asked about first, or refused where there is nobody to ask."""
LINE_EVERY_S = 10.0


def sweep(
    scenario: options.Scenario,
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUES", help="link.loss_ratio=0:0.4:0.05, link.interval_s=10,30,60, image=photos/"),
    ] = None,
    replications: Annotated[
        int | None, typer.Option(help="Runs at each point, of other seeds.  [default: 1000, or the file's]")
    ] = None,
    workers: options.Workers = None,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler: tcp://host:8786.")] = None,
    out: Annotated[Path | None, typer.Option(help="Results folder  [default: results/<file>_sweep]")] = None,
    resume: options.Resume = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and its cost, and run nothing.")] = False,
    at: Annotated[str | None, typer.Option(help="Times at which quality is told: '2 min, 5 min'.")] = None,
    image: options.Image = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first replication; the next has the next.")] = None,
    settings: options.Settings = None,
    allow_code: options.AllowCode = False,
    cache: options.Cache = None,
    yes: Annotated[bool, typer.Option("--yes", help="Run very large sweeps without asking.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Run a scenario over a grid of settings, many times each: how sure is a picture, and how soon?"""
    from codec.own import CODE_ALLOWED
    from satsim.scenario.finding import find_scenario
    from satsim.scoring.coding import default_folder
    from satsim.sweep.files import read_request
    from satsim.sweep.plan import make_plan

    CODE_ALLOWED.set(allow_code)
    scenario = find_scenario(scenario)
    changes = list(settings or []) + ([] if seed is None else [f"seed={seed}"])
    request = read_request(scenario, changes, list(vary or []), Path.cwd())
    if image is not None:
        from satsim.scenario.settings import put

        request = request._replace(data=put(request.data, "image.path", str(image.absolute()), "--image"))
    times = replications if replications is not None else request.replications or 1000
    ask_if_large(request, times, yes)
    moments = [seconds(text) for text in (at.split(",") if at else request.moments)]
    where = choose_workers(workers, cluster)
    plan = make_plan(request.data, request.path, request.axes, times, moments, cache or default_folder())
    folder = out or Path("results") / f"{scenario.stem}_sweep"
    if dry_run:
        show_plan(plan, workers or cores())
        return
    from satsim.sweep.run import run_sweep

    with telling(quiet) as tell, keeping(folder):
        story = run_sweep(plan, folder, where, resume=resume, progress=tell, tell=noting(quiet))
    for notice in [*plan.notices, *story.notices]:
        screen(sys.stderr, quiet).print(f"note: {notice}", style="yellow")
    if json:
        from satsim.commands.sweep_table import as_json

        echo(as_json(folder))
    elif not quiet:
        print_sweep(plan, folder)


def ask_if_large(request: Request, times: int, yes: bool) -> None:
    """Go on with very many points or runs only if the user says so."""
    from satsim.sweep.grid import count_points

    schemes = request.data.get("schemes")
    points = count_points(request.axes)
    runs = points * max(times, 0) * (len(schemes) if isinstance(schemes, list) else 1)
    if (points > MANY_POINTS or runs > MANY_RUNS) and not yes:
        ask(f"{points:,} points and {runs:,} runs in all")


def ask(what: str) -> None:
    """Go on only if the user says so. Raises SweepError where nobody can."""
    from satsim.errors import SweepError

    if not sys.stdin.isatty():
        raise SweepError(f"this sweep has {what}; give --yes to run it, or larger steps and fewer --replications")
    try:
        wanted = typer.confirm(f"This sweep has {what}. Run it?", err=True)
    except typer.Abort:
        wanted = False
    if not wanted:
        raise SystemExit(130)


def cores() -> int:
    """Cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_workers(workers: int | None, cluster: str | None) -> Workers:
    """Where the work is done. Raises SweepError for a number of workers that is none."""
    from satsim.errors import SweepError

    if workers is not None and not 1 <= workers <= 1000:
        raise SweepError(f"--workers is {workers}; expected 1 to 1000")
    if cluster is not None:
        from satsim.sweep.cluster import check_address, run_on_cluster

        check_address(cluster)
        return lambda function, tasks: run_on_cluster(function, tasks, cluster)
    from satsim.sweep.local import run_here, run_in_processes

    count = workers or cores()
    return run_here if count == 1 else lambda function, tasks: run_in_processes(function, tasks, count)


def seconds(text: str) -> float:
    """ "2 min", "90 s", "1 h" or "90" in seconds. Raises SweepError."""
    from satsim.durations import parse_duration
    from satsim.errors import SweepError

    try:
        return parse_duration(text, bare_s=1.0)
    except ValueError as error:
        raise SweepError(f"--at: {error}") from None


@contextmanager
def live_line(quiet: bool = False) -> Iterator[Callable[..., None]]:
    """show(line, now=False): one line that changes on a terminal; elsewhere one now and then, and one that is `now`."""
    from rich.text import Text

    console, last_s = screen(sys.stderr, quiet), 0.0
    with console.status("starting") as status:

        def show(line: str, now: bool = False) -> None:
            nonlocal last_s
            status.update(Text(visible(line)))
            if not quiet and not console.is_terminal and (now or time.monotonic() - last_s >= LINE_EVERY_S):
                last_s = time.monotonic()
                echo(line, err=True)

        yield show


@contextmanager
def telling(quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """A function that shows how far a sweep is, with rate and time left."""
    began: dict[str, tuple[float, int]] = {}

    def words(news: Progress) -> str:
        since_s, already = began.setdefault(news.step, (time.monotonic(), news.done))
        if news.of <= 1:
            return news.step
        rate = (news.done - already) / max(1e-9, time.monotonic() - since_s)
        left_s = (news.of - news.done) / rate if rate else None
        left = "" if left_s is None else f", {rate:,.4g} a second, {round(left_s)} s left"
        return f"{news.step}: {news.done:,} of {news.of:,}{left}"

    with live_line(quiet) as show:
        yield lambda news: show(words(news))


def noting(quiet: bool) -> Callable[[str], None]:
    """A function that prints a note, also above a line that changes."""
    return lambda line: screen(sys.stderr, quiet).print(f"note: {line}", style="yellow")


@contextmanager
def keeping(folder: Path) -> Iterator[None]:
    """Say, to whoever stops a sweep that fills `folder` by Ctrl-C, what is not lost."""
    from satsim.sweep.results import Unfinished

    try:
        yield
    except KeyboardInterrupt:
        if not Unfinished(folder).parts():
            raise
        raise SystemExit("stopped; what is done is kept: go on by --resume") from None


def show_plan(plan: SweepPlan, workers: int) -> None:
    """The plan and its cost."""
    from satsim.sweep.cost import cost_words

    console = screen(sys.stdout)
    for line in cost_words(plan, workers):
        console.print(line)


def print_sweep(plan: SweepPlan, folder: Path) -> None:
    """The table a designer reads first: at each point, how soon and how good in 95 of 100 runs."""
    from satsim.commands.sweep_table import print_summary
    from satsim.figures.sweep.draw import left_out

    console = screen(sys.stdout)
    print_summary(console, plan, folder)
    for reason in left_out(folder):
        console.print(f"Not drawn: {reason}")
    console.print(f"Tables and figures: {folder}", soft_wrap=True)
