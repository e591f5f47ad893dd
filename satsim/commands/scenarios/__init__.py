"""Scenarios by name, and what completes names in a shell."""
