"""Which way to send a photo meets a goal at least cost: a space of designs, run many times each, and a front."""
