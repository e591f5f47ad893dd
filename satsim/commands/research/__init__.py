"""Commands for who works on the codec rather than with it."""
