"""Sealed packets: only who has a sender's key can write or read them, and each counts once.

AES-CCM (RFC 3610, NIST SP 800-38C) by the library cryptography (`pip install 'satsim-link[auth]'`). The header is
authenticated and stays readable; position, time and payload are encrypted too; the tag ends the message. The tag's
length belongs to the key and is never read off a message.

Nonce, 13 bytes: "satsim" (6), the header's version (1), the sender's number (2), the message counter (4), integers
big-endian. A sender counts every message it seals, never twice with the same number and whatever its header, so no
nonce serves a key twice; two senders that were given one key by mistake differ in their numbers. At 2**32 messages the
key is used up.

Replays are refused by a sliding window over the counters of each sender (RFC 4303 section 3.4.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from satsim.air import compact
from satsim.air.packets import COMPACT_BYTES, HEADER_BYTES, SEALED, Packet, write_packet
from satsim.errors import PacketError, RefusedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

COUNTERS = 2**32
COUNTER_BYTES = 4
"""At the end of a header of either form; those of the CRC where nothing is sealed."""
WINDOW = 4096
"""Counters below the highest one taken that a receiver still tells apart."""
LONGEST_BYTES = 2**16 - 1
"""A nonce of 13 bytes leaves two for the length of what is encrypted."""


@dataclass(frozen=True)
class SenderKey:
    """The secret that one sender shares with its receivers, and how long its tags are."""

    sender: int
    key: bytes = field(repr=False)
    """16 or 32 bytes, for AES-128 or AES-256, of this sender alone."""
    tag_bytes: int = 8
    """A forger who tries once succeeds with a chance of 2 to the minus 8 times this."""

    def __post_init__(self) -> None:
        """Raises PacketError, naming the field, never showing the key."""
        if not 0 <= self.sender < 2**16:
            raise PacketError(f"sender is {self.sender}; expected 0 to 65535")
        if len(self.key) not in (16, 32):
            raise PacketError(f"key has {len(self.key)} bytes; expected 16 or 32")
        if self.tag_bytes not in range(8, 17, 2):
            raise PacketError(f"tag_bytes is {self.tag_bytes}; expected 8, 10, 12, 14 or 16")

    @cached_property
    def _cipher(self) -> AESCCM:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESCCM
        except ImportError:
            raise PacketError("sealed packets need the library cryptography: pip install 'satsim-link[auth]'") from None
        return AESCCM(self.key, self.tag_bytes)

    def nonce(self, header: bytes) -> bytes:
        """The 13 bytes for the message of this sender that has this header."""
        return b"satsim" + bytes([header[0] >> 4]) + self.sender.to_bytes(2, "big") + header[-COUNTER_BYTES:]

    def encrypt(self, header: bytes, body: bytes) -> bytes:
        """What follows `header`, of either form, whose last four bytes are the counter.

        Raises PacketError if `body` is too long.
        """
        if len(body) > LONGEST_BYTES:
            raise PacketError(f"{len(body)} bytes to seal; expected at most {LONGEST_BYTES}")
        return self._cipher.encrypt(self.nonce(header), body, header)

    def decrypt(self, header: bytes, sealed: bytes) -> bytes:
        """Extension and payload of a message. Raises RefusedError unless this key made it, every bit of it."""
        cipher = self._cipher
        from cryptography.exceptions import InvalidTag

        if not 0 < len(sealed) - self.tag_bytes <= LONGEST_BYTES:
            raise RefusedError(f"message of {len(header) + len(sealed)} bytes is none that sender {self.sender} seals")
        try:
            return cipher.decrypt(self.nonce(header), sealed, header)
        except InvalidTag:
            raise RefusedError(
                f"seal of sender {self.sender} is broken; the message was forged, or damaged on the way"
            ) from None


def header_of(message: bytes) -> bytes:
    """The first 12 bytes of a message under a compact header, of any other the first 20."""
    return message[: COMPACT_BYTES if message[:1] and message[0] >> 4 == compact.VERSION else HEADER_BYTES]


def counter_of(message: bytes) -> int:
    """The counter in the header of a sealed message."""
    return int.from_bytes(header_of(message)[-COUNTER_BYTES:], "big")


def open_sealed(message: bytes, sender: int, keys: Mapping[int, SenderKey]) -> bytes:
    """Extension and payload of a sealed message in clear. Raises RefusedError unless the key of `sender` made it."""
    if sender not in keys:
        raise RefusedError(f"sealed by sender {sender}, whose key is not among those given")
    header = header_of(message)
    return keys[sender].decrypt(header, message[len(header) :])


class Sealer:
    """Turns packets of one sender into sealed messages; each takes one counter."""

    def __init__(self, key: SenderKey, next_counter: int) -> None:
        """No counter from `next_counter` on was ever used with this key; the caller sees to it, across restarts too."""
        self.key = key
        self.next_counter = next_counter

    def seal(self, packet: Packet) -> bytes:
        """The message. Raises PacketError for another sender's packet, and when the counters are used up."""
        if packet.sender != self.key.sender:
            raise PacketError(f"sender is {packet.sender}; expected {self.key.sender}, whose key seals the packet")
        front, body = write_packet(packet, SEALED)
        if not 0 <= self.next_counter < COUNTERS:
            raise PacketError(f"key of sender {self.key.sender} has sealed {COUNTERS} messages; make a new one")
        header = front + self.next_counter.to_bytes(COUNTER_BYTES, "big")
        self.next_counter += 1
        return header + self.key.encrypt(header, body)


@dataclass
class ReplayWindow:
    """Which counters of one sender were taken: the highest, and a bit for each of the 4096 up to it."""

    highest: int = -1
    taken: int = 0
    """Bit k: counter `highest` - k was taken."""

    def take(self, counter: int) -> bool:
        """Whether `counter`, of a message whose seal was checked, is new; from now on it is not.

        Raises RefusedError for one that lies below the window, new or not.
        """
        behind = self.highest - counter
        if behind >= WINDOW:
            raise RefusedError(
                f"counter {counter} is {behind} behind the latest; expected less than {WINDOW}, for safety"
            )
        if behind >= 0:
            is_new = not self.taken >> behind & 1
            self.taken |= 1 << behind
            return is_new
        shifted = self.taken << -behind if -behind < WINDOW else 0
        self.taken = (shifted | 1) & ((1 << WINDOW) - 1)
        self.highest = counter
        return True
