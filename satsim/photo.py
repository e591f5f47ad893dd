"""A photo from disk to the frame it is sent in.

PhotoError            a file that is missing, not an image, or of a size that cannot be used
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from codec.base import CodecError
from satsim.scenario.spec import ImageSpec

MAX_PIXELS = 100_000_000
"""Photos above this are refused before they are decoded (decompression bombs)."""
GREY = (127, 127, 127)


class PhotoError(CodecError):
    """A photo that cannot be read or fitted."""


def load_photo(spec: ImageSpec) -> npt.NDArray[np.uint8]:
    """The photo as uint8[H, W, 3] RGB, turned upright by its EXIF note and fitted as `spec` says.

    Raises PhotoError, naming the file and the mend.
    """
    path = spec.path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size is checked below; a broken EXIF note does not spoil the picture
            with Image.open(path) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise PhotoError(
                        f"{path}: is {opened.width}x{opened.height} pixels; expected at most {MAX_PIXELS:,} in all"
                        " (shrink it first)"
                    )
                photo = _eight_bits(ImageOps.exif_transpose(opened)).convert("RGB")
    except FileNotFoundError:
        raise PhotoError(f"{path}: no such image file; check the path") from None
    except UnidentifiedImageError:
        raise PhotoError(
            f"{path}: is not an image that Pillow can read; expected JPEG, PNG, WebP or the like"
        ) from None
    except Image.DecompressionBombError:
        raise PhotoError(f"{path}: has far more than {MAX_PIXELS:,} pixels; shrink it first") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, PhotoError):
            raise
        raise PhotoError(f"{path}: cannot be read as an image ({error})") from None
    return np.asarray(_fit(photo, spec))


def _eight_bits(photo: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey, which Pillow would clip to white; any other mode as it is."""
    if not photo.mode.startswith("I;16"):
        return photo
    return Image.fromarray((np.asarray(photo).astype(np.uint16) >> 8).astype(np.uint8))


def _fit(photo: Image.Image, spec: ImageSpec) -> Image.Image:
    frame = (spec.width, spec.height)
    if spec.fit == "crop":
        return ImageOps.fit(photo, frame, Image.Resampling.LANCZOS)
    if spec.fit == "pad":
        return ImageOps.pad(photo, frame, Image.Resampling.LANCZOS, color=GREY)
    if not (16 <= photo.width <= 4096 and 16 <= photo.height <= 4096):
        raise PhotoError(
            f"{spec.path}: is {photo.width}x{photo.height} pixels; expected sides of 16 to 4096 with image.fit keep"
            " (use crop or pad)"
        )
    return photo


def reduced(picture: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
    """`picture` with both sides times `scale`, rounded, at least 16 pixels; itself where nothing changes."""
    height, width = (max(16, round(side * scale)) for side in picture.shape[:2])
    return _resized(picture, height, width, Image.Resampling.LANCZOS)


def enlarged(picture: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    """`picture` at this size, bicubic, as a screen would show it; itself where nothing changes."""
    return _resized(picture, height, width, Image.Resampling.BICUBIC)


def _resized(picture: npt.NDArray[np.uint8], height: int, width: int, how: Image.Resampling) -> npt.NDArray[np.uint8]:
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), how))
