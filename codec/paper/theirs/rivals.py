"""The paper's rivals: which adapter runs each, what it needs that is not here, and how long some take."""

from __future__ import annotations

import ast
import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from codec.base import CodecError
from codec.rivals.external import call

FOLDER = Path(__file__).resolve().parents[3] / "rivals"
"""The adapters; a wheel has none, a checkout does."""
ADAPTERS = {
    "VTM-23.10": "vtm.py",
    "LIC-HPCM": "lic_hpcm.py",
    "DCVC-RT": "dcvc_rt.py",
    "HiFiC": "hific.py",
    "MS-ILLM": "msillm.py",
    "DiffEIC": "diffeic.py",
    "Control-GIC": "control_gic.py",
    "OSCAR": "oscar.py",
}
"""By the names of the paper's tables."""
MAKE = "make the environment that the first lines of rivals/times.py name, and give its Python by --learned"
TIMES_S = 3600.0
"""That the timing of all learned rivals may take."""


class Timed(NamedTuple):
    """A learned codec of random weights at one size, as rivals/times.py tells it; or why there is none."""

    name: str
    side: int = 0
    encode_ms: Sequence[float] = ()
    decode_ms: Sequence[float] = ()
    parameters: int = 0
    missing: str = ""

    @property
    def medians_ms(self) -> tuple[float, float]:
        """Of encoding and of decoding."""
        return statistics.median(self.encode_ms), statistics.median(self.decode_ms)


def learned_times(python: Path, sides: Sequence[int], runs: int, threads: int) -> list[Timed]:
    """Times of ours and of learned rivals, by the Python of their environment. Raises CodecError."""
    script = FOLDER / "times.py"
    if not script.is_file():
        raise CodecError("learned rivals are timed by rivals/times.py, which is in a checkout of satsim alone")
    command = [str(python), str(script), "--runs", str(runs), "--threads", str(threads), "--sides", *map(str, sides)]
    told = call(command, timeout_s=TIMES_S).decode()
    try:
        return [Timed(**json.loads(line)) for line in told.splitlines()]
    except (ValueError, TypeError) as error:
        raise CodecError(f"{python} rivals/times.py told what is no time ({error}); {MAKE}") from None


def paper_name(label: str) -> str:
    """The paper's name of the rival whose adapter a codec calls; nothing for one that calls none, or has no weights."""
    called = [] if "--weights random" in label else re.findall(r"\w+\.py\b", label)
    return next((name for name, script in ADAPTERS.items() if script in called), "")


def shown_name(label: str) -> str:
    """A codec's label for figures; of `external`, the rival's name or the command's, not all that it is called with."""
    if not label.startswith("external:"):
        return label
    program = re.findall(r"(\w+)\.py\b", label) or re.findall(r"encode=[\[\"']*([^\s,\"'\]]+)", label)
    return paper_name(label) or (Path(program[0]).name if program else "external")


def not_measured(measured: Sequence[str]) -> list[str]:
    """A line for each of the paper's rivals that none of these codecs is, with what to fetch."""
    found = {paper_name(label) for label in measured}
    return [f"{name} was not measured: {to_fetch(script)}" for name, script in ADAPTERS.items() if name not in found]


def unmeasured(measured: Sequence[str]) -> list[str]:
    """The same in one line, for items beside Fig. 5, which has them all."""
    found = {paper_name(label) for label in measured}
    names = [name for name in ADAPTERS if name not in found]
    return [f"{', '.join(names)} of the paper were not measured; Fig. 5 says what to fetch for each."]


def to_fetch(script: str) -> str:
    """What an adapter's first lines say is to be fetched, on one line."""
    path = FOLDER / script
    if not path.is_file():
        return f"its adapter, rivals/{script} of satsim's repository, says what to fetch."
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    what = re.split(r"What to fetch:\s", told)[-1].partition("\n\n")[0].partition("API:")[0]
    return f"rivals/{script} takes {' '.join(what.split())}"
