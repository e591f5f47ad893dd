"""The runs of the queue, as `queue.yaml` tells them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from codec.base import CodecError
from codec.training.recipe import TrainConfig, make_recipe
from codec.yaml_reader import YamlError, read_text, read_yaml

QUEUE = Path(__file__).with_name("queue.yaml")
KEYS = ("of", "set", "progdtd")


class Planned(NamedTuple):
    """One run."""

    name: str
    of: list[str]
    """Tables and figures of the paper that it is for, as `satsim paper` calls them; `spread`: another seed."""
    changes: dict[str, Any]
    """Keys of the recipe that differ from the common ones."""
    progdtd: float | None
    """Its lambda where the model is ProgDTD; None: ProGIC."""
    recipe: TrainConfig


def read_queue(path: Path, data: Path, out: Path, settings: dict[str, Any]) -> list[Planned]:
    """The runs in `path`, in order, each in its own folder below `out`; `settings` take the place of common keys.

    Raises CodecError for a file that is not such a queue.
    """
    try:
        told = read_yaml(read_text(path))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise CodecError(f"{path}: {error}") from None
    if not isinstance(told, dict) or not isinstance(told.get("runs"), dict):
        raise CodecError(f"{path}: has no runs; expected keys common and runs")
    planned = []
    for name, run in told["runs"].items():
        run = run or {}
        if unknown := sorted(set(run) - set(KEYS)):
            raise CodecError(f"{path}: runs.{name}.{unknown[0]} is no key; expected one of: {', '.join(KEYS)}")
        changes = run.get("set", {})
        keys = {**told.get("common", {}), **changes, **settings, "data": data, "out": out / "runs" / str(name)}
        planned.append(Planned(str(name), run.get("of", []), changes, run.get("progdtd"), make_recipe(path, keys)))
    return planned
