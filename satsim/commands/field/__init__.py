"""Commands for the field: the emulated modem, the sender and the command post."""
