"""Bytes on the air: packets, repair symbols, seals and keys."""
