"""A scenario over a grid of settings, many times each, as a program or a notebook sees it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codec.own import KINDS
from codec.own.finding import registered
from satsim.api.rows import Rows
from satsim.api.story import PhotoLike, ScenarioLike, Story, as_list, code_allowed, find, fresh_place, read_story
from satsim.durations import parse_duration
from satsim.errors import SweepError
from satsim.scenario.scenario import Scenario
from satsim.sweep.grid import Factor, factor_of, read_factor
from satsim.sweep.run import Workers

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure


def run_sweep(
    scenario: ScenarioLike,
    vary: Mapping[str, Sequence[Any] | str] | None = None,
    *,
    replications: int | None = None,
    image: PhotoLike | None = None,
    at: Sequence[str | float] | None = None,
    workers: int = 1,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    allow_code: bool = False,
    **changes: Any,
) -> SweepResult:
    """Run a scenario over a grid of settings, many times each: how sure is a picture, and how soon?

    >>> result = satsim.run_sweep("forest_fire", {"link.loss_ratio": [0, 0.1, 0.2]}, replications=200)
    >>> result.quantiles.to_pandas()

    Args:
        scenario: as for `run`; a sweep file's own `vary`, `replications` and `at` hold where nothing is given.
        vary: by dotted key the values, as a list or as a text such as "0:0.4:0.1"; every combination is a point.
        replications: runs at each point, of other seeds. 1000 where neither this nor the file says.
        at: times at which quality is told, as "2 min" or in seconds.
        workers: processes. What was registered in this program alone is known to one only, this.
        out: results folder, which stays; none: one that goes when the program ends.
        resume: go on with a sweep of `out` that was interrupted.
        allow_code, changes: as for `run`.

    Raises:
        SweepError, ScenarioError, codec.PhotoError, codec.CodecError, OSError: for what the caller can mend.
    """
    from satsim.scoring.coding import default_folder
    from satsim.sweep.files import read_request
    from satsim.sweep.plan import make_plan
    from satsim.sweep.run import run_sweep as run_plan

    axes: dict[str, Factor] = {}
    if isinstance(scenario, Scenario | Mapping):
        story = read_story(scenario)
    else:
        request = read_request(find(scenario), (), (), Path.cwd())
        story = Story(request.data, request.path)
        axes = {axis.key: axis for axis in request.axes}
        replications, at = replications or request.replications, request.moments if at is None else at
    story = story.changed(changes, image)
    for key, values in (vary or {}).items():
        text = isinstance(values, str)
        axis = read_factor(f"{key}={values}", Path.cwd()) if text else factor_of(key, list(values), f"vary {key}")
        axes[axis.key] = axis
    folder = fresh_place("sweep") if out is None else Path(out)
    moments = [_seconds(moment) for moment in as_list(at)]
    with code_allowed(allow_code):
        times = 1000 if replications is None else replications
        plan = make_plan(story.data, story.path, list(axes.values()), times, moments, default_folder())
        check_reach(workers, [name for place in plan.places for name in place.scenario.names])
        record = run_plan(plan, folder, workers_of(workers), resume=resume, draw=out is not None)
    return SweepResult(folder, [*plan.notices, *record.notices])


class SweepResult:
    """What a sweep found out, read from its results folder when it is asked for."""

    def __init__(self, folder: Path, notices: Sequence[str] = ()) -> None:
        self.folder = folder
        """Its results folder."""
        self.notices = list(notices)

    @property
    def quantiles(self) -> Rows:
        """A row for each point, scheme and quantity: its value in a share of the runs, with its 95 % interval."""
        manifest = self.manifest
        labels = [dict(zip(manifest["schemes"], point["labels"], strict=True)) for point in manifest["points"]]
        rows = self._table("quantiles").to_pylist()
        return Rows(row | {"scheme": labels[row["point"]][row["scheme"]]} for row in rows)

    @property
    def runs(self) -> pa.Table:
        """A row for each run, as a pyarrow.Table (`.to_pandas()`, `.to_pylist()`): there may be very many."""
        return self._table("runs")

    @property
    def manifest(self) -> dict[str, Any]:
        """What was run, by what, and how to run any row again."""
        found: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        return found

    def figure(self, which: str | None = None) -> Figure:
        """A figure by its name, such as "heat_first_image_s"; none: the first. Raises ValueError, with the names."""
        from satsim.api.figures import sweep_figure

        return sweep_figure(self.folder, which)

    def _table(self, name: str) -> pa.Table:
        import pyarrow.parquet as pq

        return pq.read_table(self.folder / f"{name}.parquet")

    def __repr__(self) -> str:
        """Where its tables are."""
        return f"<SweepResult: {self.folder}>"


def check_reach(workers: int, names: Iterable[str]) -> None:
    """Raise SweepError where processes would have to know what only this program does."""
    known = {name for kind in KINDS for name in registered(kind)}
    if workers > 1 and (alone := [name for name in names if name.split(":")[0] in known]):
        raise SweepError(
            f"workers is {workers}, but {alone[0]!r} is registered in this program alone; use 1, or name it from a file"
            " beside the scenario (module:attribute and allow_code=True)"
        )


def workers_of(count: int) -> Workers:
    """Where work is done. Raises SweepError for a number of processes that is none."""
    from satsim.sweep.local import run_here, run_in_processes

    if not 1 <= count <= 1000:
        raise SweepError(f"workers is {count}; expected 1 to 1000")
    return run_here if count == 1 else lambda function, tasks: run_in_processes(function, tasks, count)


def _seconds(moment: str | float) -> float:
    try:
        return parse_duration(str(moment), bare_s=1.0)
    except ValueError as error:
        raise SweepError(f"at: {error}") from None
