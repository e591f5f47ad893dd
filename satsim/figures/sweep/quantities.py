"""What figures of sweeps tell of each run, and in which words."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from satsim.figures.setting import Link, link_lines
from satsim.figures.sweep.data import Cut, Sweep
from satsim.words import clock, number, span, with_unit


class Quantity(NamedTuple):
    """A column of the runs."""

    name: str
    title: str
    short: str
    """A title for narrow panels."""
    what: str
    """What a run has from that time on, or at its end."""
    higher_is_better: bool
    is_time: bool

    def words(self, value: float, end_s: float = 0.0) -> str:
        """`value` in few letters; NaN is "never" or, of a quality, "nothing"."""
        if np.isnan(value):
            return "never" if self.is_time else "nothing"
        return clock(value, end_s) if self.is_time else number(value)


def first_image(sweep: Sweep) -> Quantity:
    """Seconds from the photo to the first picture of it."""
    return Quantity("first_image_s", "Time to the first picture", "Time to the first picture", "a picture", False, True)


def first_images(sweep: Sweep) -> list[Quantity]:
    """`first_image`, and with several senders the time until every photo shows something."""
    if not sweep.several:
        return [first_image(sweep)]
    title = "Time until every photo shows something"
    return [
        first_image(sweep)._replace(
            title="Time to the first picture of the median photo", short="Median first picture"
        ),
        Quantity("last_first_image_s", title, "Every photo shows", "something of every photo", False, True),
    ]


def times_to(sweep: Sweep, metric: str) -> list[Quantity]:
    """Seconds from the photo to each of the metric's levels, the easiest first."""
    info: dict[str, Any] = sweep.manifest["metrics"][metric]
    unit = f" {info['unit']}" if info["unit"] else ""
    levels = sorted(sweep.manifest["levels"].get(metric, ()), reverse=not info["higher_is_better"])
    return [
        Quantity(
            f"time_to_{metric}_{level:g}_s",
            f"Time to {info['label']} of {level:g}{unit} or better",
            f"Time to {info['label']} {level:g}{unit}",
            f"{info['label']} of {level:g}{unit} or better",
            False,
            True,
        )
        for level in levels
    ]


def final(sweep: Sweep, metric: str) -> Quantity:
    """Quality when the run ends."""
    info: dict[str, Any] = sweep.manifest["metrics"][metric]
    better = "higher is better" if info["higher_is_better"] else "axis runs downwards: lower is better"
    title = f"{with_unit(info)} when the run ends ({better})"
    return Quantity(f"final_{metric}", title, f"Final {with_unit(info)}", "a picture", info["higher_is_better"], False)


def runs_words(sweep: Sweep) -> str:
    """How many runs there are, and how long each is."""
    count, length = sweep.manifest["replications"], span(sweep.manifest["duration_s"])
    if count == 1:
        return f"One run of {length} of each scheme at each point, so chance plays its part"
    return f"{count:,} runs of {length} of each scheme at each point, all schemes under the same random numbers"


def most_runs(sweep: Sweep, verb: bool = False) -> str:
    """Of how many runs a figure's values are true; with `verb`, what they have."""
    if sweep.manifest["replications"] == 1:
        return "the run has" if verb else "the run"
    return f"{100 * sweep.certainty:g}% of runs{' have' * verb}"


def few_words(sweep: Sweep) -> str:
    """What so few runs cannot tell; empty where there are enough."""
    if not sweep.few:
        return ""
    return (
        f"{sweep.manifest['replications']} runs are too few to say how sure a value is that {most_runs(sweep)} reach:"
        f" that takes {sweep.few}."
    )


def setting_words(sweep: Sweep, cut: Cut) -> list[str]:
    """The link, the photo, the runs, and where the other axes are held; a line each."""
    scenario = sweep.manifest.get("scenario", {})
    varied = {axis.key for axis in sweep.axes if len(axis.values) > 1}
    base = scenario.get("link", {})
    told = [scheme.get("link") or base for scheme in scenario.get("schemes", [])] or [base]
    links = [] if varied & {"link", "link.preset"} else [
        Link(*(None if f"link.{key}" in varied and link is base else link.get(key) for key in Link._fields))
        for link in told
    ]  # fmt: skip
    senders, image = scenario.get("senders") or {}, sweep.manifest["image"]
    photo = f"Photo of {image['width']} × {image['height']} pixels."
    losses = {link.get("loss_ratio") for link in told if not link.get("loss")}
    if links and len(losses) == 1 and None not in losses and "link.loss_ratio" not in varied:
        photo = f"{100 * losses.pop():g}% of packets lost. {photo}"
    lines = [*(link_lines(links, senders, photo) if links else [photo]), f"{runs_words(sweep)}."]
    if (count := senders.get("count", 1)) > 1 and "senders.count" not in varied:
        lines.append(f"{count} senders; of each run, what is told is its median photo.")
    here = [f"{axis.label}: {axis.words[k]}" for axis, k in zip(sweep.axes[2:], cut.held, strict=True)]
    here += [f"{axis.label}: {axis.words[0]}" for axis in sweep.axes[:2] if axis.key and len(axis.values) == 1]
    if here:
        more = f" (figure {cut.number} of {cut.of})" if cut.number else ""
        if cut.of > 1 and not cut.number:
            more = f" (the first of {cut.of} combinations; the others are not drawn, their numbers are in the tables)"
        lines.append(f"Here, {'; '.join(here)}{more}.")
    return lines
