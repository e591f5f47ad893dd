"""What goes wrong on purpose, and when: `--fault KIND:NUMBERS`.

    checksum:3       the 3rd message written over the wire loses a bit of its checksum on the way; the modem answers 2
    timeout:3        the 3rd does not get through the wire; the modem answers 1 after its minute
    power:4          the power goes amid session 4, after the gateway took what there was to take; no answer comes,
                     buffers are empty, and the modem is back in a few seconds with the number (MOMSN) that it had
    power:4:before   the same, before the gateway took anything
    silence:2        the answer of session 2 does not get through the wire

Numbers count from 1 and may be several: checksum:3,5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from satsim.errors import ScenarioError
from satsim.sbd.device import Bend

KINDS = ("checksum", "timeout", "power", "silence")
_FORM = re.compile(r"(\w+):([1-9]\d{0,8}(?:,[1-9]\d{0,8})*)(?::(before|after))?", re.ASCII)


@dataclass(frozen=True)
class Faults:
    """By number from 1."""

    bends: dict[int, Bend] = field(default_factory=dict)
    """Of messages written over the wire."""
    power: dict[int, Literal["before", "after"]] = field(default_factory=dict)
    """Of sessions: when the power goes, seen from the gateway."""
    silence: frozenset[int] = frozenset()
    """Of sessions."""


def read_faults(texts: Iterable[str]) -> Faults:
    """What `--fault` says, each one. Raises ScenarioError."""
    bends: dict[int, Bend] = {}
    power: dict[int, Literal["before", "after"]] = {}
    silence: set[int] = set()
    for text in texts:
        found = _FORM.fullmatch(text.strip())
        if found is None or found[1] not in KINDS or (found[3] and found[1] != "power"):
            raise ScenarioError(
                f"--fault {text[:80]}: expected {', '.join(KINDS[:-1])} or {KINDS[-1]} with numbers from 1, "
                "such as checksum:3, power:4:before or silence:2,5"
            )
        numbers = [int(number) for number in found[2].split(",")]
        match found[1]:
            case "checksum":
                bends |= dict.fromkeys(numbers, "checksum")
            case "timeout":
                bends |= dict.fromkeys(numbers, "timeout")
            case "power":
                power |= dict.fromkeys(numbers, "before" if found[3] == "before" else "after")
            case _:
                silence |= set(numbers)
    return Faults(bends, power, frozenset(silence))
