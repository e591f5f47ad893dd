"""What will the command post see, and when? Images over satellite short messages, simulated."""

__version__ = "0.2.0"
