"""What scenarios, sweeps and studies there are by name, and which question each one asks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from satsim.errors import ScenarioError
from satsim.scenario.scenario import read_mapping
from satsim.scenario.shipped import folders, listed

KINDS = ("scenario", "sweep", "study")
_OF_A_STUDY = {"goal", "budget", "space", "trials"}


class Listed(NamedTuple):
    """One file that a command can be given by name."""

    name: str
    kind: str
    """One of KINDS."""
    title: str
    """Its question; of a file that cannot be read, why not."""
    path: Path

    @property
    def command(self) -> str:
        """What makes something of it."""
        return "satsim run" if self.kind == "scenario" else f"satsim {self.kind}"


def list_scenarios() -> list[Listed]:
    """Every one that a bare name stands for: scenarios first, then sweeps and studies, each by name.

    Files that are none of these are left out.
    """
    known = {path.stem: path for folder in folders()[::-1] for path in listed(folder)}
    rows = [row for name, path in known.items() if (row := _read(name, path))]
    return sorted(rows, key=lambda row: (KINDS.index(row.kind), row.name))


def _read(name: str, path: Path) -> Listed | None:
    try:
        data = read_mapping(path, "scenario")
    except ScenarioError as error:
        return Listed(name, "scenario", f"cannot be used: {error}", path)
    if not {"scenario", "schemes"} & data.keys():
        return None
    kind = "scenario" if "schemes" in data else "study" if _OF_A_STUDY & data.keys() else "sweep"
    return Listed(name, kind, str(data.get("title") or ""), path)
