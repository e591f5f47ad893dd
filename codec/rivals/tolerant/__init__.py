"""Rivals made for links that lose packets: each packet shows something by itself."""
