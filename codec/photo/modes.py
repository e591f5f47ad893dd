"""Pictures that are not plain RGB or grey of eight bits, made so: what is deep, transparent, or has a profile.

Nothing of this runs for an ordinary photo; `codec/photos.py` comes here where there is more to a file.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageCms

WHITE = (255, 255, 255)
ALPHA_MODES = {"RGBA": "RGBA", "LA": "LA", "PA": "RGBA", "RGBa": "RGBA", "La": "LA"}
"""Modes with transparency, and the mode in which each is read."""
FULL_SHARE = 0.25
"""Of the format's range: values that spread over less are scaled by their own range, not to look all one grey."""
SAME_LEVELS = 2
"""A profile that moves no colour by more than this is sRGB in other words, and the picture stays to the bit."""
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
"""Tags of TIFF."""
SIGNED, WHITE_IS_ZERO = 2, 0
STRIP = 1 << 22
"""Deep pixels that are scaled at a time, so that large ones fit in memory."""


def in_rgb(photo: PillowImage.Image) -> tuple[PillowImage.Image, list[str]]:
    """The picture in RGB as a screen shows it on white, and a line for each thing that was done and not to be guessed.

    Deep grey is scaled by the range of its format, or by its own where it uses little of that; colours are turned into
    sRGB by the profile that the file holds.
    """
    notes: list[str] = []
    profile = photo.info.get("icc_profile")
    if is_deep(photo):
        photo, alpha, note = eight_bits(photo)
        notes.append(note)
    else:
        photo, alpha = apart(photo)
    if profile:
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


def is_deep(photo: PillowImage.Image) -> bool:
    """Whether this is grey of more than eight bits, which Pillow would clip or wrap."""
    return photo.mode in ("I", "F") or photo.mode.startswith("I;16")


def eight_bits(photo: PillowImage.Image) -> tuple[PillowImage.Image, PillowImage.Image | None, str]:
    """Deep grey as grey of eight bits, how opaque it is (None: all of it), and by which range it was scaled."""
    values, least, most, kind = deep_values(photo)
    low, high = extremes(values)
    by_format = most > least and (high - low >= FULL_SHARE * (most - least) or high == low)
    by_format &= least <= low and high <= most
    found = f"its {kind} values, {low:.6g} to {high:.6g}, are shown as 0 to 255 by "
    if by_format:
        note = f"{found}the range of the format, {least:.6g} to {most:.6g}"
        low, high = least, most
    else:
        note = f"{found}their own range"
    if (least, most) == (0, 65535) and by_format:
        grey: Any = (values >> 8).astype(np.uint8)
    else:
        grey = np.empty(values.shape, np.uint8)
        rows = max(1, STRIP // values.shape[1])
        for top in range(0, len(values), rows):
            part = np.nan_to_num(values[top : top + rows].astype(np.float64), nan=low, posinf=high, neginf=low)
            grey[top : top + rows] = np.clip((part - low) * (255 / (high - low or 1)), 0, 255).round()
    if getattr(photo, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO:
        grey = 255 - grey
    alpha = None
    if isinstance(clear := photo.info.get("transparency"), int):
        alpha = PillowImage.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
    return PillowImage.fromarray(grey), alpha, note


def deep_values(photo: PillowImage.Image) -> tuple[Any, float, float, str]:
    """Samples [H, W], least and most that their format holds (0 to 1 for floats; equal where it holds signed ones, of
    which a picture has none), and what they are called."""
    if photo.mode.startswith("I;16"):
        return np.asarray(photo).astype(np.uint16), 0, 65535, "16-bit"
    if photo.mode == "F":
        return np.asarray(photo), 0, 1, "floating-point"
    tags, values = getattr(photo, "tag_v2", {}), np.asarray(photo)
    bits, kind = (int(tags.get(tag, (0,))[0]) for tag in (BITS_PER_SAMPLE, SAMPLE_FORMAT))
    if tags and kind == SIGNED:
        return values, 0, 0, f"signed {bits}-bit"
    if bits == 32:
        return values.view(np.uint32), 0, 2**32 - 1, "32-bit"
    if values.min() < 0 or values.max() > 65535:
        return values, 0, 0, "signed 32-bit"
    return values, 0, 65535, "16-bit"  # as Pillow reads PGM, whatever its own greatest value


def extremes(values: Any) -> tuple[float, float]:
    """Least and greatest of the values that are numbers; zeros where there is none."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


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
