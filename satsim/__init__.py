"""What will the command post see, and when? Images over satellite short messages, simulated.

>>> import satsim
>>> result = satsim.run("forest_fire", image="my_photo.jpg", seed=7)
>>> result.summary.to_pandas()
>>> result.figure("time")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codec.own.registering import register_codec, register_metric
    from satsim.api.links import list_links
    from satsim.api.packets import decode, encode
    from satsim.api.registering import register_delay, register_loss, register_transport
    from satsim.api.run import RunResult, run
    from satsim.api.story import load_scenario
    from satsim.api.study import StudyResult, run_study
    from satsim.api.sweep import SweepResult, run_sweep
    from satsim.errors import LinkError, PacketError, SatsimError, ScenarioError, StudyError, SweepError
    from satsim.scenario.scenario import Scenario

__version__ = "0.2.0"

__all__ = [
    "LinkError",
    "PacketError",
    "RunResult",
    "SatsimError",
    "Scenario",
    "ScenarioError",
    "StudyError",
    "StudyResult",
    "SweepError",
    "SweepResult",
    "decode",
    "encode",
    "list_links",
    "load_scenario",
    "register_codec",
    "register_delay",
    "register_loss",
    "register_metric",
    "register_transport",
    "run",
    "run_study",
    "run_sweep",
]

_PLACES = {
    "codec.own.registering": ("register_codec", "register_metric"),
    "satsim.api.links": ("list_links",),
    "satsim.api.packets": ("decode", "encode"),
    "satsim.api.registering": ("register_delay", "register_loss", "register_transport"),
    "satsim.api.run": ("RunResult", "run"),
    "satsim.api.story": ("load_scenario",),
    "satsim.api.study": ("StudyResult", "run_study"),
    "satsim.api.sweep": ("SweepResult", "run_sweep"),
    "satsim.scenario.scenario": ("Scenario",),
}


def __getattr__(name: str) -> Any:
    """Public names come in at first use, so that `import satsim` costs nothing (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'satsim' has no attribute {name!r}")
    place = next((place for place, names in _PLACES.items() if name in names), "satsim.errors")
    return getattr(importlib.import_module(place), name)


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]
