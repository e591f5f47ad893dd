"""The checksum under a binary message on the wire to and from a modem."""

from __future__ import annotations


def checksum(payload: bytes) -> bytes:
    """The sum of all bytes, its lowest 16 bits, high byte first: of b"hello", 02 14; of nothing, 00 00."""
    return (sum(payload) & 0xFFFF).to_bytes(2, "big")
