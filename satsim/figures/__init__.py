"""Figures of one run, of a study and of a sweep, drawn from saved rows alone."""
