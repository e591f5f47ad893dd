"""Times as people write them."""

from __future__ import annotations


def clock(seconds: float | None) -> str:
    """Minutes and seconds, "4:05", from two hours on with hours, "2:04:05"; "never" for None."""
    if seconds is None:
        return "never"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 120 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
