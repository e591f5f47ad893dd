"""A scenario of one's own to begin with: template.yaml, filled in."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from codec.yaml_reader import YamlError, read_yaml
from satsim.errors import ScenarioError
from satsim.links.estimates import photo_on
from satsim.links.linkspec import DAY_S, LinkSpec
from satsim.links.presets import find_preset
from satsim.scenario.scenario import check_scenario
from satsim.scenario.settings import check_codecs
from satsim.scenario.shipped import folders

PHOTO = "images/forest_fire.png"
"""Of the scenarios that ship: what is sent where no photo is named."""
SUFFIXES = (".yaml", ".yml")
ROOM = 3
"""A run is so many times as long as a photo takes where nothing is lost."""


def new_scenario(path: Path, preset: str | None, codecs: Sequence[str], photo: Path | None) -> str:
    """The text of a scenario that is to lie at `path`; without a preset, photo or codecs, the ones of the template.

    Raises ScenarioError, one line, for a file that is there or has another suffix, and for names that are none.
    """
    if path.suffix not in SUFFIXES:
        raise ScenarioError(f"{path}: expected a name that ends in .yaml, such as {path.stem or 'my'}.yaml")
    if os.path.lexists(path):
        raise ScenarioError(f"{path}: is there already, and stays as it is; give another name, or remove it")
    if photo is not None and not photo.is_file():
        raise ScenarioError(f"--image {photo}: no such photo; check the path")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", path.stem).lstrip("_.-")[:80] or "scenario"
    codecs = list(dict.fromkeys(codecs)) or ["progic", "avif"]
    text = Template((files("satsim.scenario") / "template.yaml").read_text(encoding="utf-8")).substitute(
        command=command_for(path, codecs),
        name=name if re.fullmatch("[a-z][a-z0-9_]*", name) and read_yaml(name) == name else json.dumps(name),
        title=json.dumps(f"{path.stem}: what is seen, and when?", ensure_ascii=False),
        photo=json.dumps(_place(photo or _demo_photo(), path), ensure_ascii=False),
        if_drawn="" if photo is None else "# ",
        if_preset="# " if preset is None else "",
        if_own="" if preset is None else "# ",
        preset=preset or "sbd_9603_open",
        duration_s=900 if preset is None else _duration_s(preset),
        schemes="\n".join(_scheme(codec) for codec in codecs),
    )
    try:
        schemes = check_scenario(read_yaml(text), str(path)).schemes
    except YamlError as error:
        raise ScenarioError(f"{path}: {error}") from None
    check_codecs([[scheme for scheme in schemes if ":" not in scheme.codec]], "--codec")
    return text


def command_for(path: Path, codecs: Sequence[str]) -> str:
    """What runs the scenario."""
    return f"satsim run {shlex.quote(str(path))}" + " --allow-code" * any(":" in codec for codec in codecs)


def _duration_s(preset: str) -> int:
    """Time for a photo over a service, with some to spare. Raises ScenarioError for a name that is none."""
    try:
        find_preset(preset)
    except ValueError as error:
        raise ScenarioError(f"--link: {error}") from None
    photo = photo_on(LinkSpec.model_validate({"preset": preset}))
    seconds = DAY_S if photo is None or photo.seconds is None else ROOM * photo.seconds
    step = 300 if seconds < 3600 else 3600
    return max(900, min(math.ceil(seconds / step) * step, int(30 * DAY_S)))


def _scheme(codec: str) -> str:
    name = json.dumps(f"{codec[-40:]}, {{packets}} packets", ensure_ascii=False)
    written = codec if re.fullmatch(r"[a-z][a-z0-9_-]*", codec) else json.dumps(codec, ensure_ascii=False)
    return f"  - {{name: {name}, codec: {written}}}"


def _demo_photo() -> Path:
    """The photo that comes along. Raises ScenarioError where none does."""
    for folder in reversed(folders()):
        if (folder / PHOTO).is_file():
            return folder / PHOTO
    raise ScenarioError("no photo comes along with this installation; name one by --image")


def _place(photo: Path, path: Path) -> str:
    """How the scenario at `path` names a photo: from where it lies if both are below this folder, else in full."""
    here, photo, folder = Path.cwd(), photo.absolute(), path.absolute().parent
    if photo.is_relative_to(here) and folder.is_relative_to(here):
        return Path(os.path.relpath(photo, folder)).as_posix()
    return photo.as_posix()
