"""Which scenarios a sweep runs: axes from `--vary` texts, and a point for every combination of their values."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from codec.folders import few, is_photo, left_out_of, read_each
from codec.photos import open_photo
from codec.yaml_reader import YamlError, read_yaml
from satsim.errors import ScenarioError
from satsim.scenario.scenario import Scenario, make_scenario
from satsim.scenario.settings import put, without_doubles
from satsim.words import visible

SHORT = {
    "image": "image.path",
    "preset": "link",
    "codec": "schemes.*.codec",
    "transport": "schemes.*.transport",
    "loss": "link.loss_ratio",
    "interval": "link.interval_s",
}
"""What may be written for short, and the key that it means."""
LABELS = {
    "link.loss_ratio": "share of packets lost",
    "link.interval_s": "seconds between packets",
    "link": "link",
    "image.path": "photo",
    "schemes.*.codec": "codec",
    "schemes.*.transport": "transport",
    "link.packet_bytes": "bytes in a packet at most",
    "link.delay_s": "seconds from sending to arrival",
    "senders.count": "senders",
    "senders.schedule": "who sends next",
    "senders.start_gap_s": "seconds from photo to photo",
    "senders.slot_s": "seconds between slots",
    "duration_s": "seconds that a run lasts",
}
"""How figures name an axis; a key that is not here goes by its words."""
UNITS = {"s": "seconds", "bytes": "bytes", "db": "dB", "deg": "degrees", "ratio": "share"}
"""What the last part of a key says, in words."""
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
MOST_VALUES = 1_000_000
"""Of a range."""
FIXED = ("seed", "metrics", "quality_levels", "name", "title")
"""Keys that no axis may have: rows under them could not be compared."""


class Factor(NamedTuple):
    """A key that varies."""

    key: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    """The values in a few letters each, no two alike."""
    notes: tuple[str, ...] = ()
    """On files of a folder that are not among the values."""


def axis_words(key: str) -> str:
    """How figures name the axis of a key: "link.loss.mean_bad_s" is "link, loss, mean bad (seconds)"."""
    if key in LABELS:
        return LABELS[key]
    parts = [part for part in key.split(".") if part not in ("schemes", "*", "options")]
    *words, unit = parts[-1].split("_")
    last = f"{' '.join(words)} ({UNITS[unit]})" if words and unit in UNITS else " ".join([*words, unit])
    return ", ".join([*(part.replace("_", " ") for part in parts[:-1]), last])


class Place(NamedTuple):
    """A point of the grid."""

    values: tuple[Any, ...]
    """One for each axis."""
    scenario: Scenario

    def labels(self, axes: Sequence[Factor]) -> list[str]:
        """The values in a few letters each."""
        return [axis.labels[axis.values.index(value)] for axis, value in zip(axes, self.values, strict=True)]


def read_factor(text: str, folder: Path) -> Factor:
    """The axis of "link.loss_ratio=0:0.4:0.05", "link.interval_s=10,30,60", "link.interval_s=log:1:100:5" or
    "image=photos/".

    Ranges include their end; a log range has so many values of equal ratio. Paths are relative to `folder`, where files
    are concerned. Raises ScenarioError, one line, for what is none of these or has no value.
    """
    key, equals, written = text.partition("=")
    source = f"--vary {text}"
    if not equals or not key:
        raise ScenarioError(
            f"{source}: expected key=values, such as link.loss_ratio=0:0.4:0.1 or link.interval_s=10,30"
        )
    key = SHORT.get(key, key)
    if key.split(".")[0] in FIXED:
        raise ScenarioError(f"{source}: {key} cannot vary; rows of different {key} could not be compared")
    if key == "image.path":
        return Factor(key, *_photos(written, folder, source))
    return factor_of(key, _range(written, source) or _list(written, source), source)


def factor_of(key: str, values: Sequence[Any], source: str) -> Factor:
    """`values` as an axis. Raises ScenarioError where there is none, or one twice."""
    key = SHORT.get(key, key)
    labels = tuple(_label(value) for value in values)
    if not labels:
        raise ScenarioError(f"{source}: has no value; expected at least one")
    if twice := [label for label, count in Counter(labels).items() if count > 1]:
        raise ScenarioError(f"{source}: has {twice[0]} twice; leave one out")
    return Factor(key, tuple(values), labels)


def _range(text: str, source: str) -> list[float] | None:
    """The values of start:stop:step or log:start:stop:count; None for a text that is neither."""
    plain = re.fullmatch(rf"({NUMBER}):({NUMBER}):({NUMBER})", text)
    log = re.fullmatch(rf"log:({NUMBER}):({NUMBER}):(\d+)", text)
    if log:
        start, stop, count = float(log[1]), float(log[2]), float(log[3])
        if not (0 < start < stop < math.inf and 2 <= count <= MOST_VALUES):
            raise ScenarioError(
                f"{source}: expected log:start:stop:count with 0 < start < stop and a count of 2 to {MOST_VALUES:,}"
            )
        return [float(f"{start * (stop / start) ** (k / (count - 1)):.12g}") for k in range(int(count))]
    if not plain:
        if ":" in text and re.fullmatch(r"[\w.:+-]+", text):
            raise ScenarioError(f"{source}: expected start:stop:step or log:start:stop:count, such as 0:0.4:0.05")
        return None
    start, stop, step = map(float, plain.groups())
    if not all(map(math.isfinite, (start, stop, step))):
        raise ScenarioError(f"{source}: is beyond all numbers; expected a range such as 0:0.4:0.05")
    if step == 0 or (stop - start) / step < 0:
        raise ScenarioError(
            f"{source}: the range from {start:g} to {stop:g} by {step:g} is empty; expected a step towards its end"
        )
    whole = all(re.fullmatch(r"[-+]?\d+", part) for part in plain.groups())
    if (stop - start) / step >= MOST_VALUES:
        raise ScenarioError(f"{source}: the range has more than {MOST_VALUES:,} values; expected a larger step")
    count = math.floor((stop - start) / step + 1e-9) + 1
    values = [float(f"{start + k * step:.12g}") for k in range(count)]
    return [int(value) for value in values] if whole else values


def _list(text: str, source: str) -> list[Any]:
    """The values of a list with commas between them, each read as YAML."""
    try:
        values: list[Any] = read_yaml(f"[{text}]")
    except YamlError as error:
        raise ScenarioError(f"{source}: the values are {error}") from None
    return values


def _photos(text: str, folder: Path, source: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The photos in a folder, in order of their names, or those of a list, their names, and what is left out."""
    paths: list[Path] = []
    notes: list[str] = []
    for part in text.split(","):
        path = folder / part.strip()
        inside = [path]
        if path.is_dir():
            left: list[str] = []
            named = sorted(each for each in path.iterdir() if is_photo(each.name))
            inside = [each for each, _ in read_each(named, open_photo, left)]
            notes += [*left_out_of(path, deep=False), *few(left)]
        if not inside:
            raise ScenarioError(f"{source}: there is no picture in {path}; expected files such as .png or .jpg")
        paths += inside
    if missing := next((path for path in paths if not path.is_file()), None):
        raise ScenarioError(f"{source}: {missing} is no file or folder; check the path")
    stems = [path.stem for path in paths]
    names = [visible(path.stem if stems.count(path.stem) == 1 else path.name) for path in paths]
    return tuple(str(path.resolve()) for path in paths), factor_of("image.path", names, source).labels, tuple(notes)


def _label(value: Any) -> str:
    """`value` in a few letters."""
    if isinstance(value, dict):
        named = next((str(value[key]) for key in ("name", "preset", "model") if key in value), "")
        rest = {key: each for key, each in value.items() if key not in ("name", "preset", "model")}
        more = ", ".join(f"{key} {_label(each)}" for key, each in rest.items())
        return ", ".join(part for part in (named, more) if part)
    if isinstance(value, bool) or value is None or isinstance(value, list):
        return yaml.safe_dump(value, default_flow_style=True).splitlines()[0]
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def count_points(axes: Sequence[Factor]) -> int:
    """How many points a grid has."""
    return math.prod(len(axis.values) for axis in axes)


def make_grid(data: dict[str, Any], axes: Sequence[Factor], path: Path) -> list[Place]:
    """A checked scenario for each combination, the last axis changing fastest; `data` is what the file at `path` says.

    Raises ScenarioError, one line that names the values, for a combination that is no scenario, or where two axes have
    one key, or schemes are not the same everywhere.
    """
    keys = [axis.key for axis in axes]
    if twice := next((key for k, key in enumerate(keys) if key in keys[:k]), None):
        raise ScenarioError(f"--vary {twice} is there twice; put all its values into one")
    points, sources, stories = list(itertools.product(*(axis.values for axis in axes))), [], []
    for values in points:
        changed = data
        said = ", ".join(f"{key}={_label(value)}" for key, value in zip(keys, values, strict=True))
        sources.append(f"{path} with {said}" if said else str(path))
        for key, value in zip(keys, values, strict=True):
            changed = put(changed, key, value, sources[-1])
        stories.append(changed)
    if any(key.startswith("schemes.") for key in keys):
        stories = without_doubles(stories)
    places = [
        Place(values, make_scenario(story, source, path.parent))
        for values, story, source in zip(points, stories, sources, strict=True)
    ]
    names = [[scheme.name for scheme in place.scenario.schemes] for place in places]
    if other := next((k for k, each in enumerate(names) if each != names[0]), None):
        raise ScenarioError(
            f"{path}: schemes are {', '.join(names[0])} at one point and {', '.join(names[other])} at another; expected"
            " the same names everywhere"
        )
    return places
