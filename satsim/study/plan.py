"""What a study is to do: from a scenario file, or a study file that names one, and options over both."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from codec.folders import few, read_each
from satsim.errors import SatsimError, StudyError
from satsim.links.linkspec import Checked, LinkSpec
from satsim.photoset.photos import Photo
from satsim.scenario.explaining import explain_all
from satsim.scenario.scenario import Scenario, load_scenario, read_mapping
from satsim.scoring.outbox import load_photo
from satsim.study.goal import Budget, Goal, parse_budget, parse_goal
from satsim.study.space import TRANSPORTS, Space, check_codecs, placed

Item = TypeVar("Item")
Numbers = tuple[Annotated[int, Field(ge=1, le=1000)], ...]


class SpaceSpec(Checked):
    """`space` of a study file; what is left out is as in `Space`."""

    codecs: tuple[str, ...] | None = None
    stages: Numbers | None = None
    scales: tuple[Annotated[float, Field(gt=0, le=1)], ...] | None = None
    transports: tuple[str, ...] | None = None
    copies: tuple[Annotated[int, Field(ge=1, le=20)], ...] | None = None
    repair: tuple[Annotated[int, Field(ge=0, le=200)], ...] | None = None


class StudySpec(Checked):
    """A study file, or the options of the command that stand for one."""

    scenario: Path
    """Relative to the study file."""
    title: Annotated[str, Field(max_length=200)] = ""
    set: tuple[str, ...] = ()
    """key=value, as for --set."""
    goal: str | None = None
    budget: tuple[str, ...] = ()
    space: SpaceSpec = SpaceSpec()
    replications: Annotated[int, Field(ge=1, le=1_000_000)] = 400
    trials: Annotated[int, Field(ge=1, le=100_000)] = 300


@dataclass(frozen=True)
class StudyPlan:
    """All that a study does."""

    scenario: Scenario
    goal: Goal
    budgets: tuple[Budget, ...]
    space: Space
    replications: int
    """Runs of each design; of a set of photos, as many on each."""
    trials: int
    notices: tuple[str, ...]
    photos: tuple[Photo, ...] = ()
    """The set that the goal must hold over; none: the scenario's own photo."""


def read_plan(
    path: Path,
    options: dict[str, Any],
    settings: Sequence[str] = (),
    image: Path | None = None,
    photos: Sequence[Photo] = (),
) -> StudyPlan:
    """The plan of a scenario or study file; `options`, named as in StudySpec, take the place of what the file says,
    and `image` or the set `photos` that of its photo.

    Raises StudyError or ScenarioError, one line.
    """
    data = read_mapping(path, "scenario or study")
    given = data if "scenario" in data else {"scenario": path.name}
    given = given | {key: value for key, value in options.items() if key != "space" and value not in (None, [])}
    source = str(path)
    if options.get("space"):
        space = given.get("space") or {}
        given["space"] = (space if isinstance(space, dict) else {}) | options["space"]
    spec = check_study(given, source)
    if spec.goal is None:
        raise StudyError("a study needs a goal; give --goal 'dists-lite <= 0.3 by 10 min with 0.95', say")
    base = path.parent / spec.scenario
    goal, *budgets, scenario = together(
        [
            partial(parse_goal, spec.goal),
            *(partial(parse_budget, text) for text in spec.budget),
            partial(load_scenario, base, [*spec.set, *settings]),
        ]
    )
    if image is not None:
        scenario = scenario.model_copy(update={"image": scenario.image.with_photo(image)})
    if spec.title:
        scenario = scenario.model_copy(update={"title": spec.title})
    return over_photos(make_plan(scenario, goal, tuple(budgets), with_places(spec, base.parent)), photos)


def together(steps: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each step returns. The mistakes of all are told at once: the only one as it is, several as StudyError."""
    returned, mistakes = [], []
    for step in steps:
        try:
            returned.append(step())
        except SatsimError as mistake:
            mistakes.append(mistake)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise StudyError("\n".join(map(str, mistakes)))
    return returned


def with_places(spec: StudySpec, folder: Path) -> StudySpec:
    """`spec` with the files of codecs of your own that lie beside the scenario, in `folder`, named by their paths."""
    if spec.space.codecs is None:
        return spec
    codecs = tuple(placed(text, folder) for text in spec.space.codecs)
    return spec.model_copy(update={"space": spec.space.model_copy(update={"codecs": codecs})})


def over_photos(plan: StudyPlan, photos: Sequence[Photo]) -> StudyPlan:
    """`plan` for those of a set of photos that can be read, each with the same number of runs, so that each weighs the
    same. Raises PhotoError where none can be read.
    """
    if not photos:
        return plan
    left: list[str] = []
    image = plan.scenario.image
    photos = [photo for photo, _ in read_each(photos, lambda photo: load_photo(photo.framed(image)), left)]
    each = math.ceil(plan.replications / len(photos))
    notice = (
        f"the goal is for the {len(photos)} photos together, {each} run{'s' * (each > 1)} of each design on each;"
        " intervals are on the chances of the link over these photos, not over others"
    )
    runs = each * len(photos)
    return replace(plan, photos=tuple(photos), replications=runs, notices=(*plan.notices, *few(left), notice))


def check_study(data: dict[str, Any], source: str) -> StudySpec:
    """`data` as a study. Raises StudyError, a line for each key that is wrong."""
    try:
        return StudySpec.model_validate(data)
    except ValidationError as error:
        raise StudyError(explain_all(error.errors(), StudySpec, source)) from None


def make_plan(scenario: Scenario, goal: Goal, budgets: tuple[Budget, ...], spec: StudySpec) -> StudyPlan:
    """The plan, with notices of what it leaves out and why. Raises StudyError for what cannot be studied."""
    link, notices = scenario.link, []
    if link.measured_times:
        raise StudyError("link.measured_times gives other numbers each time; set encode_s and decode_s")
    for budget in budgets:
        check_known(budget, link)
    own = [scheme.name for scheme in scenario.schemes if scheme.link]
    if own:
        notices.append(f"the study is of the scenario's link; {own[0]!r} has one of its own, which is not looked at")
    space, said = make_space(spec.space, link)
    notices += said
    if scenario.duration_s <= goal.by_s:
        extended_s = goal.by_s + 1
        notices.append(f"runs last {extended_s:g} s, a second beyond the goal's time, not {scenario.duration_s:g} s")
        scenario = scenario.model_copy(update={"duration_s": extended_s})
    levels = {goal.metric: (goal.level,)}
    scenario = scenario.model_copy(update={"metrics": (goal.metric,), "quality_levels": levels})
    return StudyPlan(scenario, goal, budgets, space, spec.replications, spec.trials, tuple(notices))


def make_space(spec: SpaceSpec, link: LinkSpec) -> tuple[Space, list[str]]:
    """The space, less what this link cannot do, and lines that say so."""
    notices = []
    chosen = {key: tuple(dict.fromkeys(value)) for key, value in spec if value is not None}
    if empty := [key for key, value in chosen.items() if not value]:
        raise StudyError(f"{empty[0]} is empty; expected at least one")
    space = replace(Space(), **chosen)
    for name in space.transports:
        if name not in TRANSPORTS:
            raise StudyError(f"transport is {name!r}; expected one of: {', '.join(TRANSPORTS)}")
    check_codecs(space.codecs)
    if link.ack.kind == "none" and "arq" in space.transports:
        space = replace(space, transports=tuple(name for name in space.transports if name != "arq"))
        notices.append("nobody acknowledges on this link, so arq is left out")
    return space, notices


def check_known(budget: Budget, link: LinkSpec) -> None:
    """Raise StudyError for a budget on what the link does not tell."""
    cost = link.cost
    lacking = {
        "price": cost.price_per_message is None and cost.price_per_credit is None,
        "energy": cost.joules_per_message is None,
    }
    if lacking.get(budget.quantity):
        key = "joules_per_message" if budget.quantity == "energy" else "price_per_message"
        raise StudyError(
            f"budget {str(budget)!r}: the {budget.quantity} of a message is not known on this link"
            f" (set link.cost.{key}, or limit messages)"
        )


def read_list(text: str | None, kind: type[Item], option: str) -> list[Item] | None:
    """ "1,2,3" as a list. Raises StudyError for what is none."""
    if text is None:
        return None
    try:
        return [kind(part.strip()) for part in text.split(",")]  # type: ignore[call-arg]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise StudyError(f"{option} is {text!r}; expected {what} with commas between, such as 1,2") from None
