"""Payloads of ProGIC range-coded, each by itself, in whole numbers: see `coded`."""
