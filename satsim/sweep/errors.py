"""What may be wrong with a sweep.

SweepError            a sweep that cannot be run, or go on, as asked; the user can mend it
"""


class SweepError(Exception):
    """One line: what was found, what was expected, and the mend."""
