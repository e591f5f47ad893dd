"""The command post's page: what the inbox holds, by team, sharpening as packets arrive."""
