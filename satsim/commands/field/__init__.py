"""Commands for the field: a modem that is emulated, a sender, and the command post's inbox."""
