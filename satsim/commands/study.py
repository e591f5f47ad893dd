"""`satsim study`: which way to send a photo meets a goal at least cost."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satsim.commands import options
from satsim.commands.main import print_table, screen
from satsim.commands.scenarios.completion import codec_names
from satsim.words import visible

if TYPE_CHECKING:
    from satsim.photoset.photos import Photo
    from satsim.study.outcome import Outcome
    from satsim.study.plan import StudyPlan
    from satsim.study.run import Study


def study(
    scenario: options.Scenario,
    goal: Annotated[
        str | None, typer.Option(help="'dists-lite <= 0.3 by 10 min with 0.95'  [needed, here or in the study file]")
    ] = None,
    budget: Annotated[
        list[str] | None, typer.Option(help="'messages <= 12'; also bytes, price, energy (J) and minutes.")
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:key=value]", help="Codec to weigh.  [default: progic and avif]", autocompletion=codec_names
        ),
    ] = None,
    stages: Annotated[
        str | None, typer.Option(help="Stages sent; of files, messages they may fill.  [default: 1,2,3,5]")
    ] = None,
    scales: Annotated[str | None, typer.Option(help="Shares of the frame's sides.  [default: 1,0.5]")] = None,
    transports: Annotated[str | None, typer.Option(help="once, carousel, arq.  [default: all that make sense]")] = None,
    copies: Annotated[str | None, typer.Option(help="Copies of the first stage.  [default: 1,2]")] = None,
    repair: Annotated[str | None, typer.Option(help="Repair packets.  [default: 0,1,2,3]")] = None,
    replications: Annotated[int | None, typer.Option(help="Runs of each design.  [default: 400]")] = None,
    trials: Annotated[
        int | None, typer.Option(help="Most designs; of more, an optimizer picks.  [default: 300]")
    ] = None,
    workers: options.Workers = None,
    image: options.Image = None,
    images: options.Images = None,
    first: options.First = None,
    settings: options.Settings = None,
    allow_code: options.AllowCode = False,
    cache: options.Cache = None,
    out: Annotated[Path | None, typer.Option(help="Results folder  [default: results/<file>_study]")] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the cheapest way to send a photo, or a set of photos, that meets a goal, and show what else there is."""
    from codec.files import prepared
    from codec.own import CODE_ALLOWED
    from satsim.errors import StudyError
    from satsim.scenario.finding import find_scenario
    from satsim.study.plan import read_plan

    CODE_ALLOWED.set(allow_code)
    space = space_of(codec, stages, scales, transports, copies, repair)
    given: dict[str, Any] = {"goal": goal, "budget": budget, "replications": replications, "trials": trials}
    given["space"] = {key: value for key, value in space.items() if value is not None}
    scenario, photos = find_scenario(scenario), photos_of(images, first, image)
    plan = read_plan(scenario, given, list(settings or []), image, photos)
    folder = out or Path("results") / f"{scenario.stem}_study"
    with prepared(folder):
        done = weigh(plan, workers, cache, folder, quiet)
    if json:
        typer.echo((folder / "study.json").read_text(encoding="utf-8"), nl=False)
    elif not quiet:
        print_study(done, folder)
    if done.recommended is None:
        raise StudyError(done.sentence)


def space_of(
    codec: list[str] | None,
    stages: str | None,
    scales: str | None,
    transports: str | None,
    copies: str | None,
    repair: str | None,
) -> dict[str, Any]:
    """`space` of a study, as the options say it; None where one says nothing. Raises StudyError."""
    from satsim.study.plan import read_list

    return {
        "codecs": codec or None,
        "stages": read_list(stages, int, "--stages"),
        "scales": read_list(scales, float, "--scales"),
        "transports": read_list(transports, str, "--transports"),
        "copies": read_list(copies, int, "--copies"),
        "repair": read_list(repair, int, "--repair"),
    }


def photos_of(images: list[Path] | None, first: int | None, image: Path | None) -> list[Photo]:
    """The set of photos, if one is asked for. Raises StudyError for options that do not go together, PhotoError."""
    from satsim.errors import StudyError
    from satsim.photoset.photos import find_photos

    if image is not None and images:
        raise StudyError("--image and --images are two ways to say which photos to send; give one")
    if first is not None and not images:
        raise StudyError("--first is for a set of photos; give --images FOLDER")
    return find_photos(images, first) if images else []


def weigh(plan: StudyPlan, workers: int | None, cache: Path | None, folder: Path, quiet: bool) -> Study:
    """Run the study and write its folder, telling the steps and, at the end, the notices."""
    console = screen(sys.stderr, quiet)
    with console.status("starting") as status:
        from rich.text import Text

        from satsim.commands.sweep import choose_workers
        from satsim.scoring.coding import default_folder
        from satsim.study.results import write_study
        from satsim.study.run import run_study

        done = run_study(
            plan,
            choose_workers(workers, None),
            cache or default_folder(),
            lambda step: status.update(Text(visible(step))),
        )
        status.update("drawing the figure")
        write_study(done, folder)
    for notice in done.notices:
        console.print(f"note: {notice}", style="yellow")
    return done


def print_study(done: Study, folder: Path) -> None:
    """The front as a table, the recommended design marked, and one sentence."""
    from satsim.study.results import drawn_of
    from satsim.words import headline

    console, plan, drawn = screen(sys.stdout), done.plan, drawn_of(done)
    heads = ["goal\nmet in", "95%\ninterval", "first\npicture", "at the\nend", "mes-\nsages", "minutes"]
    columns = {"design": [f"{'> ' if each is done.recommended else ''}{each.name}" for each in drawn]}
    columns |= {head: [cells_of(each)[k] for each in drawn] for k, head in enumerate(heads)}
    if done.cost == "price":
        columns[plan.scenario.link.cost.currency] = [_number(each.spent["price"], ".2f") for each in drawn]
    print_table(console, headline(vars(plan.scenario)), columns, ("95%\ninterval", "minutes"))
    met = sum(each.meets for each in done.found.outcomes)
    certainty = f"{plan.goal.probability:g}"
    console.print(
        f"{len(done.found.outcomes)} designs in {plan.replications} runs each; {met} meet the goal {plan.goal}."
        f" Shown: those that no other beats in first picture, quality and {done.cost}, at a certainty of {certainty}."
        f" At the end: {done.metric['label']}, {'higher' if done.metric['higher_is_better'] else 'lower'} is better."
    )
    if done.recommended:
        more = " --images FOLDER" if plan.photos else ""
        console.print(f"> {done.sentence}")
        console.print(f"Run it: satsim run {folder / 'recommended.yaml'}{more}", soft_wrap=True)
    console.print(f"Tables and figure: {folder}", soft_wrap=True)


def cells_of(each: Outcome) -> list[str]:
    """What the table says of a design, but for its name and price."""
    from satsim.words import clock

    return [
        f"{each.share:.1%}",
        f"{100 * each.low:.1f} to {each.high:.1%}",
        clock(each.first_image_s),
        _number(each.final, ".3f"),
        _number(each.spent["messages"], "g"),
        _number(each.spent["minutes"], ".1f"),
    ]


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else f"{value:{form}}"
