"""Commands that meet the world: a modem, the sender, the command post."""
