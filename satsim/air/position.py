"""Where and when a photo was taken: the 11 bytes that may follow a packet's header."""

from __future__ import annotations

from typing import NamedTuple

from satsim.air.packets import check_ranges
from satsim.errors import PacketError

MICRO = 1_000_000
LATITUDES = 180 * MICRO + 1
LONGITUDES = 360 * MICRO


class Position(NamedTuple):
    """Where and when a photo was taken. On the air (11 bytes) the angles are in steps of a millionth of a degree.

    Rounding moves a point by at most half a step each way: 0.056 m north or south, as much east or west at the equator
    and less elsewhere, 0.079 m in all. Angles of six decimals come back as they were, but +180 as -180.
    """

    time_unix_s: int
    """Seconds since 1970-01-01 UTC without leap seconds; 32 bits last until February 2106."""
    latitude_deg: float
    longitude_deg: float

    def to_bytes(self) -> bytes:
        """The 11 bytes on the air. Raises PacketError as `check_position` does."""
        check_position(self)
        south = round((self.latitude_deg + 90) * MICRO)
        west = round((self.longitude_deg + 180) * MICRO) % LONGITUDES
        return self.time_unix_s.to_bytes(4, "big") + (south * LONGITUDES + west).to_bytes(7, "big")


def check_position(position: Position) -> None:
    """PacketError, naming the field, for a time or place that no packet can carry."""
    check_ranges(
        {
            "position.time_unix_s": (position.time_unix_s, 0, 2**32 - 1),
            "position.latitude_deg": (position.latitude_deg, -90, 90),
            "position.longitude_deg": (position.longitude_deg, -180, 180),
        }
    )


def read_position(extension: bytes) -> Position:
    """What `Position.to_bytes` wrote. Raises PacketError for a place that it never writes."""
    south, west = divmod(int.from_bytes(extension[4:], "big"), LONGITUDES)
    if south >= LATITUDES:
        raise PacketError("position lies beyond the pole")
    time_unix_s = int.from_bytes(extension[:4], "big")
    return Position(time_unix_s, (south - 90 * MICRO) / MICRO, (west - 180 * MICRO) / MICRO)
