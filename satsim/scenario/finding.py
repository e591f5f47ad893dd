"""Where scenarios and recipes lie: a file by its path, or a shipped one by its bare name."""

from __future__ import annotations

import difflib
from pathlib import Path

import satsim
from satsim.errors import ScenarioError

PACKAGE = Path(satsim.__file__).parent
FOLDERS = {"scenario": "scenarios", "recipe": "training"}
"""By kind."""


def shipped(name: str, package: Path = PACKAGE) -> Path:
    """The folder of files that come along, "scenarios" or "training": in an installed package, or in the checkout."""
    inside = package / "shipped" / name
    return inside if inside.is_dir() else package.parent / name


def folders(kind: str = "scenario") -> list[Path]:
    """Where names are looked up, the first place first: here, and among what comes along."""
    return [Path(FOLDERS[kind]), shipped(FOLDERS[kind])]


def find_scenario(given: Path, kind: str = "scenario") -> Path:
    """The file that is meant: `given` itself where it is a path, or NAME.yaml in one of `folders` or in their studies.

    What has a suffix or a folder, or is there, is a path, be it right or wrong. Raises ScenarioError, which names the
    nearest, for a name that is none.
    """
    if given.suffix or given.exists() or len(given.parts) > 1:
        return given
    known = {path.stem: path for folder in folders(kind)[::-1] for path in listed(folder)}
    if given.name in known:
        return known[given.name]
    near = difflib.get_close_matches(given.name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"expected a file, or one of: {', '.join(sorted(known)) or 'none'}"
    raise ScenarioError(f"{given}: no such {kind}; {hint}")


def listed(folder: Path) -> list[Path]:
    """Every scenario in a folder and, before these, every sweep and study below it."""
    return [*sorted(folder.glob("studies/*.yaml")), *sorted(folder.glob("*.yaml"))]
