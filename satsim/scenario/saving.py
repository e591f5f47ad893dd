"""A scenario written into a folder with the files that it names, so that the folder can be sent away and run again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from satsim.scenario.scenario import Scenario

INPUTS = "inputs"


def save_scenario(scenario: Scenario, path: Path, short: bool = False, head: str = "") -> dict[str, Any]:
    """Write `scenario` to `path` after `head`, in full or, if that says the same, `short`, and return what it says.

    Short is without defaults. The photo, and other files that it names, are copied into `inputs` beside it. Raises
    OSError.
    """
    data = scenario.model_dump()
    less: dict[str, Any] = scenario.model_dump(exclude_defaults=True)
    if short and Scenario.model_validate(less) == scenario:
        data = less
    carried: dict[Path, str] = {}
    written: dict[str, Any] = _carry(data, path.parent, carried)
    text = yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=116)
    path.write_text(head + text, encoding="utf-8")
    return written


def _carry(part: Any, folder: Path, carried: dict[Path, str]) -> Any:
    """`part` as YAML has it, its files copied into `folder` and named from there."""
    if isinstance(part, dict):
        return {key: _carry(value, folder, carried) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_carry(each, folder, carried) for each in part]
    if isinstance(part, Path) or (isinstance(part, str) and Path(part).is_absolute()):
        file = Path(part)
        if file.is_file():
            if file not in carried:
                taken = len({name for name in carried.values() if Path(name).name.endswith(file.name)})
                carried[file] = f"{INPUTS}/{f'{taken + 1}_' if taken else ''}{file.name}"
                (folder / INPUTS).mkdir(exist_ok=True)
                shutil.copyfile(file, folder / carried[file])
            return carried[file]
        return str(part)
    return part
