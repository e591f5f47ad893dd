"""Wins in words: wins.md, and the cells of any table of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from satsim.photoset.plan import FIRST, PhotosetPlan
from satsim.photoset.wins import SOONER, Win


def wins_page(plan: PhotosetPlan, wins: Sequence[Win], labels: Mapping[str, str]) -> str:
    """wins.md: how the first scheme fares, and a table for each metric and moment, a row for each pair of schemes."""
    scenario = plan.scenario
    lines = [
        f"# {scenario.title or scenario.name}: which scheme is better on how many of {len(plan.photos)} photos",
        "",
    ]
    lines += [f"{line}  " for line in READING]
    wins = [win._replace(first=labels[win.first], second=labels[win.second]) for win in wins]
    metric, moment = plan.measures.metrics[0], plan.moments[-1].name
    lines += ["", f"By {metric.label}, {at_words(moment)}:", ""]
    lines += [
        f"- {sentence(win)}"
        for win in wins
        if (win.first, win.metric, win.at) == (labels[scenario.schemes[0].name], metric.name, moment)
    ]
    for metric_name, at in dict.fromkeys((win.metric, win.at) for win in wins):
        lines += ["", f"## {heading(plan, metric_name, at)}", ""]
        lines += ["| scheme | against | better | worse | equal | p | better by, median (95 %) |",
                  "|---|---|---:|---:|---:|---:|---:|"]  # fmt: skip
        for win in wins:
            if (win.metric, win.at) == (metric_name, at):
                cells = (win.first, win.second, str(win.better), str(win.worse), str(win.equal), p_words(win.p))
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (*cells, by_words(win))) + " |")
    return "\n".join(lines) + "\n"


READING = (
    "Both schemes are compared at equal time on each photo, not at equal bytes; a picture is better than none.",
    "`first`: when both show a picture for the first time (where one never does, the end). `end`: the end of the run.",
    "`p`: exact two-sided sign test over the photos that are not equal, not corrected for how many tests there are.",
    "`better by`: median over all photos, with its 95 % interval by order statistics (none for fewer than six photos);",
    "negative where the scheme is worse, infinite where for half of the photos only one of the two shows a picture.",
)


def heading(plan: PhotosetPlan, metric: str, at: str) -> str:
    """What is compared when."""
    if metric == SOONER:
        return "When the first picture comes, in seconds"
    info = next(each for each in plan.measures.metrics if each.name == metric)
    unit = f" in {info.unit}" if info.unit else ""
    better = "higher" if info.higher_is_better else "lower"
    return f"{info.label}{unit} ({better} is better), {at_words(at)}"


def at_words(at: str) -> str:
    """A moment's name within a sentence."""
    return {FIRST: "at the first picture of both", "end": "at the end"}.get(at, f"after {at}")


def sentence(win: Win) -> str:
    """ "A better than B on 31 of 40, worse on 9, p = 0.00068, n = 40"."""
    equal = f", equal on {win.equal}" if win.equal else ""
    sign = "" if win.p < SMALLEST else "= "
    return (
        f"{win.first} better than {win.second} on {win.better} of {win.photos}, worse on {win.worse}{equal},"
        f" p {sign}{p_words(win.p)}, n = {win.photos}"
    )


SMALLEST = 0.0001


def p_words(p: float) -> str:
    """Two digits, or that it is very small."""
    return "< 0.0001" if p < SMALLEST else f"{p:.2g}"


def by_words(win: Win) -> str:
    """The median and its interval, as far as there is one."""
    bounds = (win.better_by_low, win.better_by_high)
    interval = "" if any(map(math.isnan, bounds)) else f" ({signed(bounds[0])} to {signed(bounds[1])})"
    return f"{signed(win.better_by)}{interval}"


def signed(value: float) -> str:
    """A difference in three digits or so; seconds and decibels in fewer places than scores."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:+.1f}" if abs(value) >= 10 else f"{value:+.3f}" if value else "0"
