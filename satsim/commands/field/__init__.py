"""Commands of the field: a modem, who sends through one, and the command post."""
