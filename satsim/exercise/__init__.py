"""Exercises: what a simulated link delivered, delivered to a command post."""
