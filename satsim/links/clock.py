"""Time in floating point."""

ROUNDING_S = 1e-6
"""Clock differences below this come from floating point: 3 * 8.2 s is a little less than 24.6 s.

What comes so shortly before a bound is taken as at it, be it the end of a run, of contact, of a stay, or a goal's time.
"""
