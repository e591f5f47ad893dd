"""One folder for one study: every design, the front, a figure, and a scenario that runs; whole or not at all."""

from __future__ import annotations

import csv
import json
import math
import platform
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codec.files import fresh_folder
from satsim.notices import about_link, write_notes
from satsim.scenario.scenario import save_scenario
from satsim.scoring.digests import versions
from satsim.study.outcome import Outcome
from satsim.study.run import Study, photos_met
from satsim.study.space import schemes
from satsim.sweep.quantiles import share
from satsim.words import headline

FIELDS = (
    "design", "codec", "options", "scale", "transport", "copies", "repair", "runs", "share", "share_low", "share_high",
    "goal", "goal_s", "at_goal_time", "first_image_s", "final", "messages", "bytes", "price", "energy_j", "minutes",
    "over_budget", "on_front", "recommended",
)  # fmt: skip
LIBRARIES = ("satsim", "numpy", "simpy", "torch", "pillow", "optuna")


def write_study(study: Study, out: Path) -> None:
    """Write `out`; a folder already there is moved aside (`fresh_folder`). Raises OSError where the disk is full."""
    outcomes = study.found.outcomes
    with fresh_folder(out) as folder:
        _write_rows(folder / "designs.csv", study, outcomes)
        _write_rows(folder / "front.csv", study, drawn_of(study))
        about = json.dumps(summary(study), indent=2, ensure_ascii=False) + "\n"
        (folder / "study.json").write_text(about, encoding="utf-8")
        if study.recommended:
            save_recommended(study, folder / "recommended.yaml")
        if study.confirmed and study.plan.photos:
            _write_photos(folder / "photos.csv", study, study.confirmed)
        write_notes(folder, study.notices)
        from satsim.figures.study import draw_study

        draw_study(folder)


def drawn_of(study: Study) -> list[Outcome]:
    """The front, and the recommended design where it is not on it."""
    beside = [study.recommended] if study.recommended and study.recommended not in study.front else []
    return sorted([*study.front, *beside], key=lambda each: (each.first_image_s, each.spent[study.cost]))


def summary(study: Study) -> dict[str, Any]:
    """study.json: the question, what was weighed, and the answer."""
    plan, scenario = study.plan, study.plan.scenario
    goal = plan.goal
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "goal": {
            "text": str(goal), "metric": goal.metric, "level": goal.level, "by_s": goal.by_s,
            "probability": goal.probability,
        },
        "metric": study.metric,
        "budgets": [str(budget) for budget in plan.budgets],
        "cost": study.cost,
        "currency": scenario.link.cost.currency,
        "duration_s": scenario.duration_s,
        "interval_s": scenario.link.interval_s,
        "link": about_link(scenario.link),
        "photos": [photo.name for photo in plan.photos] or None,
        "image": {"width": scenario.image.width, "height": scenario.image.height},
        "senders": scenario.senders.model_dump(),
        "space": {key: list(value) for key, value in vars(plan.space).items()},
        "searched": study.found.how,
        "designs": len(study.found.outcomes),
        "left_out": study.found.left_out,
        "replications": plan.replications,
        "seeds": [scenario.seed, scenario.seed + plan.replications - 1],
        "answer": study.sentence,
        "recommended": study.recommended.name if study.recommended else None,
        "confirmed": _confirmation(study),
        "notices": study.notices,
        "versions": {"python": platform.python_version()} | versions(LIBRARIES),
    }  # fmt: skip


def _confirmation(study: Study) -> dict[str, Any] | None:
    again, plan = study.confirmed, study.plan
    if again is None:
        return None
    first = plan.scenario.seed + plan.replications
    told = {"share": again.share, "low": again.low, "high": again.high, "seeds": [first, first + again.runs - 1]}
    return told | ({"photos_that_meet_the_goal": photos_met(again, plan.goal)} if plan.photos else {})


def save_recommended(study: Study, path: Path) -> None:
    """Write a scenario file of the recommended design alone, headed by why and how sure."""
    plan, chosen = study.plan, study.recommended
    assert chosen is not None
    scenario = plan.scenario.model_copy(
        update={
            "name": f"{plan.scenario.name[:60]}-recommended",
            "title": headline(vars(plan.scenario)),
            "schemes": tuple(schemes([chosen.design])),
        }
    )
    limits = f", with {' and '.join(map(str, plan.budgets))}" if plan.budgets else ""
    weighed = f"Of {len(study.found.outcomes)} designs weighed in {plan.replications} runs each."
    words = [f"Goal: {plan.goal}{limits}. {study.sentence} {weighed}", *(f"Note: {each}." for each in study.notices)]
    if plan.photos:
        words.append(f"For all {len(plan.photos)} photos: satsim run recommended.yaml --images FOLDER.")
    head = "".join(f"# {line}\n" for each in words for line in textwrap.wrap(each, 116))
    save_scenario(scenario, path, short=True, head=head)


def _write_photos(path: Path, study: Study, again: Outcome) -> None:
    """How often the recommended design meets the goal on each photo, in its fresh runs."""
    runs = again.runs // len(again.shares)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("photo", "runs", "share", "share_low", "share_high", "goal_met"))
        for photo, met in zip(study.plan.photos, again.shares, strict=True):
            estimate = share(round(met * runs), runs)
            writer.writerow([_cell(cell) for cell in (photo.name, runs, *estimate, met >= study.plan.goal.probability)])


def _write_rows(path: Path, study: Study, outcomes: Sequence[Outcome]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        writer.writerows([_cell(cell) for cell in _row(study, each)] for each in outcomes)


def _row(study: Study, each: Outcome) -> list[Any]:
    design, coding = each.design, each.design.coding
    return [
        each.name, Path(coding.codec).name, json.dumps(coding.options), coding.scale, design.transport, design.copies,
        design.repair, each.runs, each.share, each.low, each.high, each.verdict, each.goal_s, each.at_goal_time,
        each.first_image_s, each.final, *(each.spent[k] for k in ("messages", "bytes", "price", "energy", "minutes")),
        "; ".join(each.over), each in study.front, each == study.recommended,
    ]  # fmt: skip


def _cell(value: Any) -> Any:
    """A number to six digits, nothing for one that is not there, and yes or no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value
