"""What a program means by a scenario, a photo and changes, as the scenario that is run."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from satsim.errors import ScenarioError
from satsim.scenario.scenario import Scenario, make_scenario, read_mapping
from satsim.scenario.settings import put, without_doubles

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

ScenarioLike: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | Scenario"
"""A scenario that ships, by its name; a file; the keys of one; or one that was loaded."""
PhotoLike: TypeAlias = "str | os.PathLike[str] | Image | npt.NDArray[np.uint8]"
"""A file, a Pillow image, or pixels as uint8[H, W, 3]."""


class Story(NamedTuple):
    """The keys of a scenario on their way to a run."""

    data: dict[str, Any]
    path: Path
    """Of the file, or of one that might be: what is relative in the keys is read from its folder."""

    def scenario(self) -> Scenario:
        """The scenario, checked. Raises ScenarioError, a line for each mistake."""
        return make_scenario(self.data, str(self.path), self.path.parent)

    def changed(self, changes: Mapping[str, Any], image: PhotoLike | None = None) -> Story:
        """With other values, another photo, and without schemes that these made equal. Raises ScenarioError."""
        data = self.data
        for key, value in _leaves(changes):
            data = put(data, key, str(value) if isinstance(value, os.PathLike) else value, key)
        if any(key.startswith("schemes") for key in changes):
            (data,) = without_doubles([data])
        if image is not None:
            data = put(data, "image.path", str(photo_file(image)), "image")
        return self._replace(data=data)


def read_story(given: ScenarioLike) -> Story:
    """The scenario that is meant. Raises ScenarioError for a name that is none, and a file that cannot be read."""
    if isinstance(given, Scenario):
        return Story(given.model_dump(), Path(given.name))
    if isinstance(given, Mapping):
        return Story(dict(given), Path("scenario"))
    path = find(given)
    return Story(read_mapping(path, "scenario"), path)


def _leaves(changes: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in changes.items():
        key = within + str(name).replace("__", ".")
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{key}.")
        else:
            yield key, list(value) if isinstance(value, tuple) else value


def find(given: str | os.PathLike[str]) -> Path:
    """The file that a name or path means. Raises ScenarioError for a name that is none."""
    from satsim.scenario.finding import find_scenario

    return find_scenario(Path(given))


def load_scenario(scenario: ScenarioLike, image: PhotoLike | None = None, **changes: Any) -> Scenario:
    """A scenario that ships (`load_scenario("forest_fire")`), of a file, or of a dictionary, after `changes`.

    `changes` are keys of the scenario: a dotted or double-underscored name reaches into it ("link.loss_ratio" or
    link__loss_ratio), a dictionary changes the keys that it has and leaves the others.
    Raises ScenarioError, with a line for each mistake.
    """
    return read_story(scenario).changed(changes, image).scenario()


def photo_file(image: PhotoLike) -> Path:
    """The file of a photo; of pixels, one that lives as long as this program. Raises ScenarioError for other things."""
    if isinstance(image, str | os.PathLike):
        return Path(image).absolute()
    from PIL import Image

    try:
        picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    except (AttributeError, TypeError, ValueError, KeyError):
        shape = getattr(image, "shape", "")
        raise ScenarioError(
            f"image is {type(image).__name__} {shape}; expected a file, a Pillow image, or pixels as uint8[H, W, 3]"
        ) from None
    path = fresh_place("photo.png")
    picture.save(path)
    return path


def fresh_place(name: str) -> Path:
    """A path of this name in a new folder that goes when the program ends."""
    return Path(tempfile.mkdtemp(dir=_own_folder())) / name


@cache
def _own_folder() -> str:
    folder = tempfile.mkdtemp(prefix="satsim-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def code_allowed(allowed: bool) -> Iterator[None]:
    """Within the block a scenario may name code of its own, or may not: see `codec.own`."""
    from codec.own import CODE_ALLOWED

    before = CODE_ALLOWED.set(allowed)
    try:
        yield
    finally:
        CODE_ALLOWED.reset(before)


def as_list(given: str | os.PathLike[str] | Sequence[Any] | None) -> list[Any]:
    """One thing, several, or none, as a list."""
    if given is None:
        return []
    return [given] if isinstance(given, str | os.PathLike) else list(given)
