"""Who may come in, how often and for how long: addresses, modems, connections, messages a second. No I/O here.

All that grows with strangers is bounded: what is refused is counted by a few reasons, and the latest of it remembered
without its content.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from satsim.errors import ScenarioError
from satsim.words import visible

MOST_ADDRESSES = 4096
"""Whose rates are known at a time; of more the ones that were silent longest are forgotten."""
REMEMBERED = 50
"""Refusals, the latest, that the status tells one by one."""
BURST_S = 2.0
"""So many seconds' worth of messages may come at once."""
MOST_REASONS = 64


class Limits(NamedTuple):
    """What strangers may use up."""

    message_bytes: int = 65_536
    rate_per_s: float = 400.0
    """Messages from one address."""
    connections: int = 256
    connections_each: int = 64
    """From one address."""
    request_s: float = 10.0
    """A message, or a request with its head and body, must be there whole within."""
    idle_s: float = 60.0
    """Between two messages of a connection that may bring several."""
    waiting: int = 4000
    """Messages that may wait to be written; who comes then is told to come again."""
    waiting_bytes: int = 32 << 20
    rejected_bytes: int = 256 << 20
    """Disk for what is not taken; when it is used up, more of the kind is counted, and no longer kept."""


DEFAULTS = Limits()


class Refusal(NamedTuple):
    """What was turned away at the door, without its content."""

    time_unix_s: float
    way: str
    address: str
    reason: str


class Allowed(NamedTuple):
    """Who may send; an empty set of a kind stands for all."""

    imeis: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def imei(self, imei: str) -> bool:
        """Whether messages of this modem are taken."""
        return not self.imeis or imei in self.imeis

    def address(self, address: str) -> bool:
        """Whether this address may come in."""
        if not self.networks:
            return True
        host = _host(address)
        return host is not None and any(host in network for network in self.networks)


ANYBODY = Allowed()


def read_allowed(entries: Iterable[str]) -> Allowed:
    """IMEIs of 15 digits, addresses and networks (203.0.113.0/24). Raises ScenarioError for anything else."""
    imeis, networks = set(), []
    for entry in entries:
        if len(entry) == 15 and entry.isascii() and entry.isdigit():
            imeis.add(entry)
            continue
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            raise ScenarioError(
                f"--allow: {visible(entry)[:60]!r} is none; expected an IMEI of 15 digits, an address or a network"
            ) from None
    return Allowed(frozenset(imeis), tuple(networks))


class Seat:
    """A connection that was let in; `close` is how to end it, `leave` to be called when it has ended."""

    def __init__(self, guard: Guard, place: str) -> None:
        self.close: Callable[[], object] = lambda: None
        self._guard, self._place = guard, place

    def leave(self) -> None:
        """Make room; once more does nothing."""
        self._guard.leave(self, self._place)


class Guard:
    """Counts what each address does, and says whether it may go on."""

    def __init__(self, limits: Limits, allowed: Allowed = ANYBODY, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.allowed = allowed
        self.clock = clock
        self.connections = 0
        self.refused: Counter[str] = Counter()
        """By way and reason."""
        self.latest: deque[Refusal] = deque(maxlen=REMEMBERED)
        self._seats: dict[str, OrderedDict[Seat, None]] = {}
        """By place, the oldest first."""
        self._counts: dict[str, int] = {}
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, way: str, address: str) -> Seat | None:
        """Room for one more connection; None for an address that is not allowed.

        Where there is none left the oldest of this address goes, or of the one that has most: whoever holds many open
        shuts out none who comes with a message and goes.
        """
        if not self.allowed.address(address):
            self.refuse(way, address, "address is not among those allowed")
            return None
        place = place_of(address)
        if self._counts.get(place, 0) >= self.limits.connections_each:
            self._evict(place, way, "connection ended for another of its address")
        elif self.connections >= self.limits.connections:
            self._evict(
                max(self._counts, key=self._counts.__getitem__), way, "connection ended for one of another address"
            )
        seat = Seat(self, place)
        self._seats.setdefault(place, OrderedDict())[seat] = None
        self._counts[place] = self._counts.get(place, 0) + 1
        self.connections += 1
        return seat

    def leave(self, seat: Seat, place: str) -> None:
        """A connection that was admitted has ended, or is about to."""
        seats = self._seats.get(place)
        if seats is None or seat not in seats:
            return
        del seats[seat]
        self.connections -= 1
        self._counts[place] -= 1
        if not seats:
            del self._seats[place], self._counts[place]

    def _evict(self, place: str, way: str, reason: str) -> None:
        oldest = next(iter(self._seats[place]))
        self.refuse(way, place, reason)
        self.leave(oldest, place)
        oldest.close()

    def may_send(self, way: str, address: str) -> bool:
        """Whether one more message from here is within the rate; it counts."""
        place, now = place_of(address), self.clock()
        most = max(1.0, self.limits.rate_per_s * BURST_S)
        left, at = self._left.pop(place, (most, now))
        left = min(most, left + (now - at) * self.limits.rate_per_s)
        self._left[place] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        if left < 1:
            self.refuse(way, address, "too many messages a second from one address")
        return left >= 1

    def refuse(self, way: str, address: str, reason: str) -> None:
        """Count what is turned away, and remember the latest."""
        name = f"{way}: {reason}"
        if name not in self.refused and len(self.refused) >= MOST_REASONS:
            name = f"{way}: other reasons"
        self.refused[name] += 1
        self.latest.append(Refusal(time.time(), way, address[:60], reason))


@lru_cache(MOST_ADDRESSES)
def place_of(address: str) -> str:
    """What counts as one address: of IPv6 the network that one customer gets, /64."""
    host = _host(address)
    if isinstance(host, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(host) >> 64 << 64, 64)))
    return address if host is None else str(host)


def is_loopback(address: str) -> bool:
    """Whether only programs of this machine reach, or have, this address."""
    host = _host(address)
    return host is not None and host.is_loopback


def _host(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        host = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (host.ipv4_mapped or host) if isinstance(host, ipaddress.IPv6Address) else host
