"""Bytes on the air: packets, their two headers, repair symbols, seals and keys."""
