"""How the shipped weights were made: ProGIC (`train.py`) and the metric DISTS-lite (`distill/`)."""
