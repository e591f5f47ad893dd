"""Scenarios, studies and recipes that come along, with their pictures: in an installed package, or in the checkout."""

from __future__ import annotations

import difflib
from pathlib import Path

import satsim
from satsim.errors import ScenarioError

PACKAGE = Path(satsim.__file__).parent
FOLDERS = {"scenario": "scenarios", "recipe": "training"}
"""By kind."""


def shipped(name: str, package: Path = PACKAGE) -> Path:
    """The folder of files that come along, "scenarios" or "training"."""
    inside = package / "shipped" / name
    return inside if inside.is_dir() else package.parent / name


def folders(kind: str = "scenario") -> list[Path]:
    """Where names are looked up, the first place first: here, and among what comes along."""
    return [Path(FOLDERS[kind]), shipped(FOLDERS[kind])]


def listed(folder: Path) -> list[Path]:
    """Every scenario in a folder and, before these, every sweep and study below it."""
    return [*sorted(folder.glob("studies/*.yaml")), *sorted(folder.glob("*.yaml"))]


def named(name: str, kind: str = "scenario") -> Path:
    """NAME.yaml in one of `folders` or in their studies. Raises ScenarioError, which names the nearest, for none."""
    known = {path.stem: path for folder in folders(kind)[::-1] for path in listed(folder)}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"expected a file, or one of: {', '.join(sorted(known)) or 'none'}"
    raise ScenarioError(f"{name}: no such {kind}; {hint}")
