"""The sending process: photos in a queue on disk, a modem on a wire, and what was acknowledged."""
