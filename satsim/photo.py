"""A photo from disk to the frame it is sent in."""

from __future__ import annotations

from codec.base import Image
from codec.photos import fit_photo
from satsim.scenario import ImageSpec


def load_photo(spec: ImageSpec) -> Image:
    """The photo as uint8[H, W, 3], fitted as `spec` says. Raises PhotoError, naming the file and the mend."""
    return fit_photo(spec.path, spec.width, spec.height, spec.fit)
