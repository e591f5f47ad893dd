"""What `satsim modem` is told, checked at the door."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from satsim.errors import ScenarioError
from satsim.links.linkspec import Checked, LinkSpec
from satsim.modem.faults import Faults, read_faults
from satsim.sbd.commands import IMEI, MO_BYTES
from satsim.scenario.explaining import explain_all
from satsim.scenario.settings import put, read_setting

MOST_SPEED = 10_000
LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """A place to listen at, or to send to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


HOOK_PATH = "/rockblock"
"""Of an inbox of ours."""


class Target(NamedTuple):
    """Where the gateway sends what the modem sent: a DirectIP address, or a web hook."""

    name: str
    address: Address | None
    """None: `name` is the hook's."""


class _Linked(Checked):
    """For its key, so that mistakes name it."""

    link: LinkSpec


@dataclass(frozen=True)
class ModemSettings:
    """All of it."""

    link: LinkSpec
    seed: int = 0
    speed: float = 1.0
    pty: Path | None = None
    """A link to the pty, for hosts that want a name that stays."""
    tcp: Address | None = None
    """In place of a pty."""
    to: tuple[Target, ...] = ()
    confirm: bool = False
    """Whether a DirectIP server's confirmation is waited for."""
    mt: Address | None = None
    imei: str = IMEI
    state: Path | None = None
    faults: Faults = field(default_factory=Faults)

    @property
    def mo_bytes(self) -> int:
        """The longest message that the modem takes."""
        return min(MO_BYTES, self.link.packet_bytes)

    def notices(self) -> list[str]:
        """What a user would not guess, in lines."""
        notices, link_bytes = [], self.link.packet_bytes
        if link_bytes > MO_BYTES:
            notices.append(f"the link takes {link_bytes} bytes a message; this modem {MO_BYTES}, as any 9603 does")
        elif link_bytes < MO_BYTES:
            notices.append(f"the modem takes {link_bytes} bytes a message, as its link does")
        if self.link.ack.kind == "none":
            notices.append("the link has no acknowledgements; this modem hears at the end of a session all the same")
        if not self.to:
            notices.append("what it sends goes nowhere; name --to directip:HOST:PORT or --to http://...")
        for option, address in (("--tcp", self.tcp), ("--mt", self.mt)):
            if address is not None and not address.is_local:
                notices.append(f"{option} {address}: whoever reaches this address can use the modem")
        return notices


def read_settings(
    link: str,
    changes: Sequence[str] = (),
    *,
    seed: int = 0,
    speed: float = 1.0,
    pty: Path | None = None,
    tcp: str | None = None,
    to: Sequence[str] = (),
    confirm: bool = False,
    mt: str | None = None,
    imei: str | None = None,
    state: Path | None = None,
    faults: Sequence[str] = (),
) -> ModemSettings:
    """The settings that these options mean. Raises ScenarioError, one line that names the option and the mend."""
    if not 0 < speed <= MOST_SPEED:
        raise ScenarioError(f"--speed is {speed:g}; expected more than 0 and at most {MOST_SPEED:,} (1: real time)")
    if seed < 0:
        raise ScenarioError(f"--seed is {seed}; expected 0 or more")
    if pty is not None and tcp is not None:
        raise ScenarioError("--pty and --tcp are both given; a modem has one wire: leave one out")
    if imei is not None and not re.fullmatch(r"[0-9]{15}", imei):
        raise ScenarioError(f"--imei is {imei[:40]!r}; expected 15 digits")
    return ModemSettings(
        read_link(link, changes),
        seed,
        speed,
        pty,
        read_address("--tcp", tcp) if tcp is not None else None,
        tuple(map(read_target, to)),
        confirm,
        read_address("--mt", mt) if mt is not None else None,
        imei or IMEI,
        state,
        read_faults(faults),
    )


def read_link(preset: str, changes: Sequence[str]) -> LinkSpec:
    """The preset with changes such as loss_ratio=0.2, also written link.loss_ratio=0.2. Raises ScenarioError."""
    data = {"link": {"preset": preset}}
    for change in changes:
        key, value = read_setting("--set", change, "loss_ratio=0.2")
        data = put(data, key if key.startswith("link.") else f"link.{key}", value, f"--set {change[:80]}")
    try:
        return _Linked.model_validate(data).link
    except ValidationError as error:
        lines = explain_all(error.errors(), _Linked, "--set" if changes else "--link").splitlines()
        raise ScenarioError("\n".join(lines)) from None


def read_address(option: str, text: str) -> Address:
    """HOST:PORT, or a port alone on this machine; port 0 takes any that is free. Raises ScenarioError."""
    found = re.fullmatch(r"(?:(\[[0-9A-Fa-f:.%]+\]|[\w.-]+):)?(\d{1,5})", text.strip(), re.ASCII)
    if found is None or int(found[2]) > 65_535:
        raise ScenarioError(f"{option} {text[:80]!r}: expected HOST:PORT, such as {LOOPBACK}:10800")
    return Address((found[1] or LOOPBACK).strip("[]"), int(found[2]))


def read_target(text: str) -> Target:
    """directip:HOST:PORT, or the address of a web hook, without a path that of an inbox. Raises ScenarioError."""
    scheme, _, rest = text.partition(":")
    if scheme == "directip":
        return Target(text, read_address("--to directip:", rest))
    try:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname and text.isascii() and parts.port != 0:
            return Target(text if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}{HOOK_PATH}", None)
    except ValueError:
        pass
    raise ScenarioError(f"--to {text[:80]!r}: expected directip:HOST:PORT or http://HOST:PORT/PATH")
