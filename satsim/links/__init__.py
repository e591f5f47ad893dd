"""Message services as data, and what chance and orbits do to a message."""
