"""`satsim paper`: the paper's figures and tables made anew, ours beside the paper's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from satsim.commands import options
from satsim.commands.mending import echo


def paper(
    keys: Annotated[list[str] | None, typer.Argument(help="fig1 ... fig23, table1 ... table6  [default: all]")] = None,
    out: Annotated[Path, typer.Option(help="Folder of results, taken up again where it is there.")] = Path(
        "results/paper"
    ),
    photos: Annotated[int, typer.Option(min=1, help="At most so many photos of each set.")] = 12,
    model: Annotated[str, typer.Option(help="Shipped ProGIC model, or weights file.")] = "small",
    device: Annotated[str, typer.Option(help="cpu, or cuda for times on a GPU.")] = "cpu",
    runs: Annotated[int, typer.Option(min=1, help="Timings after a warm-up; medians are told.")] = 5,
    ablations: Annotated[
        Path | None, typer.Option(help="Scores of ablations that you trained; else of those that we did.")
    ] = None,
    rival: Annotated[
        list[str] | None, typer.Option(help="A further codec to measure, as `codec evaluate --codec` names it.")
    ] = None,
    learned: Annotated[
        Path | None,
        typer.Option(envvar="SATSIM_LEARNED", help="Python of an environment with learned rivals, timed by table2."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Make also what is there already.")] = False,
    workers: options.Workers = None,
) -> None:
    """Every figure and table of the paper by one command, ours beside the paper's numbers, with a verdict by one rule.

    Sets of photos are found below SATSIM_DATA/eval: kodak, fire, and tecnick, div2k and clic where you have them.
    """
    from dataclasses import replace

    from codec.paper.items import chosen, name_of
    from codec.paper.result import Asked, verdict
    from codec.paper.run import PAGE, run
    from satsim.commands.evaluation import crew
    from satsim.scoring.measuring import made_with

    wanted = chosen(keys or [])
    rivals = checked(device, rival or (), learned)
    crew(workers, jobs=0)  # a number of processes that is none is told before anything is measured
    with telling(wanted) as (begin, tell):
        begin(0)
        asked = Asked(out, photos, model, device, runs, rivals=rivals, learned=learned, tell=tell,
                      workers=lambda work, tasks: crew(workers, len(tasks))(work, tasks),
                      made_with=made_with)  # fmt: skip
        if ablations:
            asked = replace(asked, ablations=ablations)
        for done, each in enumerate(run(wanted, asked, again), 1):
            here = "" if each.anew else " (from an earlier run)"
            echo(f"{name_of(each.key)}: {verdict(each.result)}{here}")
            if done < len(wanted):
                begin(done)
    echo(f"in {out}: {PAGE} and a folder for each item")


@contextmanager
def telling(wanted: Sequence[str]) -> Iterator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """Two functions: one says which item begins, one what is being done for it, on screen or now and then in a log."""
    import time

    from codec.paper.items import ITEMS, name_of
    from satsim.commands.sweep import live_line

    began_s, number = time.monotonic(), 0
    with live_line() as show:

        def tell(line: str, now: bool = False) -> None:
            spent = (time.monotonic() - began_s) / 60
            where = f"{name_of(wanted[number])}, item {number + 1} of {len(wanted)}, {spent:.0f} min so far"
            show(f"{where}: {line}", now)

        def begin(which: int) -> None:
            nonlocal number
            number = which
            tell(ITEMS[wanted[which]].title, now=True)

        yield begin, tell


def checked(device: str, rivals: Sequence[str], learned: Path | None) -> tuple[str, ...]:
    """The rivals' labels. Raises CodecError for an option that cannot be, before anything is measured."""
    from shutil import which

    from codec.base import CodecError
    from codec.evaluation.contenders import read_contender

    if device not in ("cpu", "cuda"):
        raise CodecError(f"--device is {device!r}; expected cpu or cuda")
    if learned and not which(learned):
        raise CodecError(f"--learned (or SATSIM_LEARNED) is {str(learned)!r}; expected a Python, as learned/bin/python")
    return tuple(read_contender(each).label for each in rivals)
