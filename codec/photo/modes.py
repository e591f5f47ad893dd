"""Pictures of eight bits a sample that are not plain RGB, made so: what is transparent, or has a profile.

Nothing of this runs for an ordinary photo; `codec/photos.py` comes here where there is more to a file.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageCms

WHITE = (255, 255, 255)
ALPHA_MODES = {"RGBA": "RGBA", "LA": "LA", "PA": "RGBA", "RGBa": "RGBA", "La": "LA"}
"""Modes with transparency, and the mode in which each is read."""
SAME_LEVELS = 2
"""A profile that moves no colour by more than this is sRGB in other words, and the picture stays to the bit."""


def in_rgb(photo: PillowImage.Image) -> tuple[PillowImage.Image, list[str]]:
    """The picture in RGB as a screen shows it on white, and a line for each thing that was done and not to be guessed.

    Colours are turned into sRGB by the profile that the file holds.
    """
    notes: list[str] = []
    profile = photo.info.get("icc_profile", b"none")
    photo, alpha = apart(photo)
    if profile is None:  # so Pillow says that there is one, which it cannot read
        notes.append("its colour profile cannot be read, so its colours are taken as sRGB")
    elif profile != b"none":
        photo, reason = in_srgb(photo, profile)
        notes += [f"its colour profile {reason}, so its colours are taken as sRGB"] if reason else []
    if photo.mode == "LAB":
        photo = of_lab(photo)
    photo = photo if photo.mode == "RGB" else photo.convert("RGB")
    if alpha is not None and np.asarray(alpha).min() < 255:
        white = PillowImage.new("RGB", photo.size, WHITE)
        white.paste(photo, mask=alpha)
        photo = white
        notes.append("its transparent parts are shown on white")
    return photo, notes


def apart(photo: PillowImage.Image) -> tuple[PillowImage.Image, PillowImage.Image | None]:
    """Colours and how opaque they are, uint8; None for a picture that has no such thing."""
    if photo.mode in ALPHA_MODES:
        whole = photo.convert(ALPHA_MODES[photo.mode])
    elif "transparency" in photo.info:
        whole = photo.convert("RGBA")  # of one colour, or of the palette's
    else:
        return photo.convert("RGB") if photo.mode == "P" else photo, None
    alpha = whole.getchannel("A")
    return whole.convert("L" if whole.mode == "LA" else "RGB"), alpha


def in_srgb(photo: PillowImage.Image, profile: bytes) -> tuple[PillowImage.Image, str]:
    """The picture turned into sRGB, and why not, if so; the same one where the profile is sRGB or cannot be used."""
    mode = "RGB" if photo.mode not in ("L", "CMYK", "LAB") else photo.mode
    change, reason = change_of(profile, mode)
    if reason and mode == "L" and "is of RGB" in reason:
        mode = "RGB"
        change, reason = change_of(profile, mode)
    if change is None:
        return photo, reason
    try:
        return ImageCms.applyTransform(photo.convert(mode), change) or photo, ""
    except (ImageCms.PyCMSError, ValueError) as error:
        return photo, f"cannot be used ({one_line(error)})"


@lru_cache(maxsize=16)
def change_of(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """What turns pictures of `mode` into sRGB by `profile`; None where that changes nothing or, and why, cannot be."""
    space = {"L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}.get(mode, "RGB")
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if (own := str(read.profile.xcolor_space).strip()) != space:
            return None, f"is of {own[:4]!a} colours while the picture is {space}".replace("'", "")
        made = ImageCms.buildTransform(read, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode in ("RGB", "L"):
            steps = [0, 16, 32, 64, 96, 128, 160, 192, 224, 255]
            colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(100, 10, 3).astype(np.uint8)
            sample = PillowImage.fromarray(colours).convert(mode)
            changed = np.asarray(ImageCms.applyTransform(sample, made)).astype(int)
            if np.abs(changed - np.asarray(sample.convert("RGB"))).max() <= SAME_LEVELS:
                return None, ""
    except Exception as error:  # a profile is a program of its own, and may be broken in any way
        return None, f"cannot be read ({one_line(error)})"
    return made, ""


def of_lab(photo: PillowImage.Image) -> PillowImage.Image:
    """CIE L*a*b* in sRGB."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.applyTransform(photo, ImageCms.buildTransform(lab, srgb, "LAB", "RGB")) or photo


def one_line(error: BaseException) -> str:
    """What went wrong in one line of at most 200 letters, its kind where it says nothing."""
    said = " ".join("".join(letter if letter.isprintable() else " " for letter in str(error)).split())
    return said[:200] or type(error).__name__
