"""One photo by every scheme of a scenario, as a program or a notebook sees it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satsim import pipeline
from satsim.api.rows import Rows, aligned, flat
from satsim.api.story import PhotoLike, ScenarioLike, code_allowed, fresh_place, read_story

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from satsim.scenario.scenario import Scenario

NOT_IN_ROWS = ("name", "link", "transport")
"""Of a scheme's summary: what is longer than a cell."""


def run(
    scenario: ScenarioLike, image: PhotoLike | None = None, *, allow_code: bool = False, **changes: Any
) -> RunResult:
    """Send a photo by every scheme of a scenario, and see what arrives when.

    >>> import satsim
    >>> result = satsim.run("forest_fire", image="my_photo.jpg", seed=7, link={"loss_ratio": 0.2})
    >>> result.summary.to_pandas()

    Args:
        scenario: the name of one that ships, a file, a dictionary of its keys, or a `Scenario`.
        image: a file, a Pillow image or uint8[H, W, 3], in place of the scenario's photo.
        allow_code: whether the scenario may name code as module:attribute, from a file beside it say, and commands;
            what was registered or installed may always be named.
        changes: other values of the scenario's keys; a dictionary changes the keys that it has.

    Raises:
        ScenarioError, codec.PhotoError, codec.CodecError: for what the caller can mend, a line for each mistake.
    """
    with code_allowed(allow_code):
        return RunResult(pipeline.run(read_story(scenario).changed(changes, image).scenario()))


class RunResult:
    """What a run found out. Rows are lists of dictionaries; `.to_pandas()` makes data frames of them."""

    def __init__(self, result: pipeline.Result) -> None:
        self._result = result

    @property
    def scenario(self) -> Scenario:
        """What was run, every value of it."""
        return self._result.scenario

    @property
    def timeline(self) -> Rows:
        """Quality over time: scheme, time_s, packets_held, bytes_held, metric, value, frame, sender.

        `time_s` are seconds after the photo was taken; `value` is None while there is nothing to show.
        """
        return Rows(row._asdict() for row in self._result.rows)

    @property
    def events(self) -> Rows:
        """What became of each message: scheme, time_s, kind, slot, payload_index, message_bytes, created_s, sender."""
        return Rows(event._asdict() for event in self._result.events)

    @property
    def summary(self) -> Rows:
        """A row for each scheme: when its first picture comes, when the last change, how good it is, what it cost."""
        return aligned(
            {"scheme": label, "transport": of["transport"]["name"]}
            | flat({key: value for key, value in of.items() if key not in NOT_IN_ROWS})
            for label, of in self._result.summary["schemes"].items()
        )

    @property
    def notices(self) -> list[str]:
        """What a reader would not guess: a metric that stands in for another, say."""
        return self._result.notices

    @property
    def original(self) -> npt.NDArray[np.uint8]:
        """The photo in its frame, which every score is against: uint8[H, W, 3]."""
        return self._result.reference

    @property
    def pictures(self) -> Mapping[str, npt.NDArray[np.uint8]]:
        """What receivers saw, by `frame` as in `timeline`: uint8[H, W, 3]."""
        return self._result.frames

    def figure(self, which: str = "time", metric: str | None = None) -> Figure:
        """A figure: "time" (quality over time) or "filmstrip", by the first metric or another of the scenario's.

        Raises ValueError for a figure or a metric that there is not.
        """
        from satsim.api.figures import run_figure

        return run_figure(self._folder, which, metric)

    def filmstrip(self) -> Figure:
        """What the receiver sees: a row for each scheme, a column for each time."""
        return self.figure("filmstrip")

    def save(self, out: str | os.PathLike[str]) -> Path:
        """The results folder, as `satsim run` writes it, figures and report.html included; whole or not at all.

        What was there is kept under another name. Raises OSError.
        """
        pipeline.save(self._result, Path(out))
        return Path(out)

    @cached_property
    def _folder(self) -> Path:
        """The tables and pictures that figures are drawn from."""
        folder = fresh_place("run")
        folder.mkdir()
        pipeline.write(self._result, folder)
        return folder

    def __repr__(self) -> str:
        """The title, and how many schemes."""
        return f"<RunResult: {self.scenario.title or self.scenario.name}, {len(self.summary)} schemes>"

    def _repr_html_(self) -> str:
        """Notices, the summary's first columns and the filmstrip, as notebooks show them."""
        from satsim.api.figures import png_of

        metrics = list(self._result.summary["metrics"])
        wanted = ["scheme", "first_image_s", "last_change_s"]
        wanted += [f"{when}_quality_{metric}" for metric in metrics for when in ("first", "final")]
        table = Rows({key: row.get(key) for key in [*wanted, "packets_sent", "bytes_sent"]} for row in self.summary)
        notes = "".join(f"<p>note: {escape(notice)}</p>" for notice in self.notices)
        film = f"data:image/png;base64,{base64.b64encode(png_of(self.filmstrip())).decode()}"
        title = escape(self.scenario.title or self.scenario.name)
        return (
            f"<h4>{title}</h4>{notes}{table._repr_html_()}"
            f'<img alt="what the receiver sees, minute by minute" style="max-width:100%" src="{film}">'
        )
