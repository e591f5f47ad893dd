"""What a shell offers at the TAB key; each function brings in what it asks only when it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer


def scenario_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names that the command takes, and YAML files of this folder; other folders are left to the shell."""
    from satsim.scenario.shipped import folders, listed

    paths = [path for folder in folders() for path in listed(folder)]
    names = {path.stem for path in paths if ctx.info_name != "run" or path.parent.name != "studies"}
    return _beginning(incomplete, [*sorted(names), *sorted(map(str, Path().glob("*.yaml")))])


def link_names(incomplete: str) -> list[tuple[str, str]]:
    """Presets of links, with their titles."""
    from satsim.links.presets import link_presets

    return [(name, each.title) for name, each in link_presets().items() if name.startswith(incomplete)]


def codec_names(incomplete: str) -> list[str]:
    """Codecs, ours and installed ones."""
    from codec.loading import CODECS
    from codec.own import installed

    return _beginning(incomplete, [*CODECS, *installed()])


def metric_names(incomplete: str) -> list[str]:
    """Metrics."""
    from codec.metrics import METRICS

    return _beginning(incomplete, METRICS)


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
