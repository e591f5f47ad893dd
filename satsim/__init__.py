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
    from satsim.errors import LinkError, PacketError, SatsimError, ScenarioError, StudyError, SweepError
    from satsim.library.links import list_links
    from satsim.library.packets import decode, encode
    from satsim.library.registering import register_delay, register_loss, register_transport
    from satsim.library.run import RunResult, run
    from satsim.library.story import load_scenario
    from satsim.library.study import StudyResult, run_study
    from satsim.library.sweep import SweepResult, run_sweep
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
    "satsim.library.links": ("list_links",),
    "satsim.library.packets": ("decode", "encode"),
    "satsim.library.registering": ("register_delay", "register_loss", "register_transport"),
    "satsim.library.run": ("RunResult", "run"),
    "satsim.library.story": ("load_scenario",),
    "satsim.library.study": ("StudyResult", "run_study"),
    "satsim.library.sweep": ("SweepResult", "run_sweep"),
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
