"""Which file is meant: one by its path, or a shipped one by its bare name."""

from __future__ import annotations

from pathlib import Path


def find_scenario(given: Path, kind: str = "scenario") -> Path:
    """`given` itself where it is a path, or the scenario (or "recipe") of that name here or among those that ship.

    What has a suffix or a folder, or is there, is a path, be it right or wrong. Raises ScenarioError, which names the
    nearest, for a name that is none.
    """
    if given.suffix or given.exists() or len(given.parts) > 1:
        return given
    from satsim.scenario.shipped import named

    return named(given.name, kind)
