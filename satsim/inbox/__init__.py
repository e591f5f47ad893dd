"""The command post: every message that came, by whatever way, and the images that they make."""
