"""Which way to send a photo meets a goal at least cost, as a program or a notebook sees it."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satsim.api.rows import Rows
from satsim.api.story import PhotoLike, ScenarioLike, Story, as_list, code_allowed, fresh_place, read_story
from satsim.api.sweep import check_reach, workers_of
from satsim.errors import StudyError
from satsim.scenario.scenario import Scenario, load_scenario, read_mapping
from satsim.scenario.settings import with_settings
from satsim.study.run import Study
from satsim.words import headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_study(
    scenario: ScenarioLike,
    goal: str | None = None,
    *,
    budget: str | Sequence[str] = (),
    image: PhotoLike | None = None,
    images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    first: int | None = None,
    space: dict[str, Any] | None = None,
    replications: int | None = None,
    trials: int | None = None,
    workers: int = 1,
    out: str | os.PathLike[str] | None = None,
    allow_code: bool = False,
    **changes: Any,
) -> StudyResult:
    """Find the cheapest way to send a photo, or a set of photos, that meets a goal.

    >>> result = satsim.run_study("forest_fire", "dists-lite <= 0.3 by 5 min with 0.95", budget="messages <= 12")
    >>> result.sentence

    Args:
        scenario: as for `run`; a study file's own keys hold where nothing is given.
        goal: such as "dists-lite <= 0.3 by 10 min with 0.95".
        budget: such as "messages <= 12", one or several; also bytes, price, energy (J) and minutes.
        images: folders of photos over which the goal is to hold, in place of one photo; `first` of each at most.
        space: what to try: codecs, stages, scales, transports, copies, repair, each a list.
        replications, trials: runs of each design, and designs at most.
        workers, out, allow_code, changes: as for `run_sweep`.

    Raises:
        StudyError, ScenarioError, codec.PhotoError, codec.CodecError, OSError: for what the caller can mend. That no
            design meets the goal is no error: `recommended` is None then, and `sentence` says how close the best came.
    """
    from satsim.photoset.photos import find_photos
    from satsim.scoring.coding import default_folder
    from satsim.study.goal import parse_budget, parse_goal
    from satsim.study.plan import check_study, make_plan, over_photos, with_places
    from satsim.study.results import write_study
    from satsim.study.run import run_study as run_plan

    story, keys = _read(scenario)
    given = {"goal": goal, "budget": as_list(budget), "replications": replications, "trials": trials}
    keys |= {key: value for key, value in given.items() if value not in (None, [])}
    keys["space"] = (keys.get("space") or {}) | (space or {})
    spec = check_study({"scenario": str(story.path)} | keys, "run_study")
    if spec.goal is None:
        raise StudyError("a study needs a goal, such as 'dists-lite <= 0.3 by 10 min with 0.95'")
    folders = [Path(each) for each in as_list(images)]
    folder = fresh_place("study") if out is None else Path(out)
    with code_allowed(allow_code):
        told, budgets = story.changed(changes, image).scenario(), tuple(map(parse_budget, spec.budget))
        plan = make_plan(told, parse_goal(spec.goal), budgets, with_places(spec, story.path.parent))
        plan = over_photos(plan, find_photos(folders, first) if folders else [])
        check_reach(workers, [*plan.scenario.names, plan.goal.metric, *plan.space.codecs])
        done = run_plan(plan, workers_of(workers), default_folder())
        write_study(done, folder)
    return StudyResult(done, folder)


def _read(scenario: ScenarioLike) -> tuple[Story, dict[str, Any]]:
    """The scenario of a study, and what a study file says besides."""
    story = read_story(scenario)
    if "scenario" not in story.data:
        return story, {}
    keys = {key: value for key, value in story.data.items() if key not in ("scenario", "set", "title")}
    base, title = story.path.parent / str(story.data["scenario"]), story.data.get("title")
    data = with_settings(read_mapping(base, "scenario"), story.data.get("set", []))
    return Story(data | ({"title": title} if title else {}), base), keys


class StudyResult:
    """What a study found out."""

    def __init__(self, done: Study, folder: Path) -> None:
        self._done, self.folder = done, folder

    @property
    def sentence(self) -> str:
        """What to do, or how close the best design came."""
        return self._done.sentence

    @property
    def recommended(self) -> Scenario | None:
        """A scenario of the recommended design, to `run`; None where no design meets the goal."""
        return load_scenario(self.folder / "recommended.yaml") if self._done.recommended else None

    @property
    def designs(self) -> Rows:
        """Every design that was weighed, as in designs.csv."""
        return self._rows("designs")

    @property
    def front(self) -> Rows:
        """Those that no other beats in first picture, quality and cost at once."""
        return self._rows("front")

    @property
    def notices(self) -> list[str]:
        """What a reader would not guess."""
        return self._done.notices

    def figure(self) -> Figure:
        """The designs, and the front."""
        from satsim.api.figures import study_figure

        return study_figure(self.folder)

    def _rows(self, name: str) -> Rows:
        with (self.folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            return Rows({key: _value(text) for key, text in row.items()} for row in csv.DictReader(file))

    def __repr__(self) -> str:
        """The title, and the answer."""
        return f"<StudyResult: {headline(vars(self._done.plan.scenario))}. {self.sentence}>"


def _value(text: str) -> Any:
    """A cell of a table: a number where it is one, None where it is empty, True or False for yes and no."""
    if text in ("yes", "no", ""):
        return {"yes": True, "no": False}.get(text)
    try:
        return float(text) if "." in text or "e" in text else int(text)
    except ValueError:
        return text
