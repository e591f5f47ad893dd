"""How the shipped weights were made: ProGIC (train) and the metric DISTS-lite (distill)."""
