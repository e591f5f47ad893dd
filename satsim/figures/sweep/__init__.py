"""Figures of a sweep: how soon, how good and how surely over its axes, and which scheme is best where."""
