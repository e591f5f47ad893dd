"""A modem that is none: a 9603 on a pty or a TCP port, whose sessions fare as the simulator's links have it."""
