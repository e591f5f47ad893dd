"""Colours that a file names in place of describing them by a profile, and the profile of such a name.

By code points of ITU-T H.273 in HEIC, AVIF and PNG (nclx, cICP), by gamma and primaries in PNG (gAMA, cHRM), by EXIF
where it names Adobe RGB.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from codec.photo.boxes import PNG, chunks

SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
D65 = (0.3127, 0.3290)
PRIMARIES = {
    9: ("BT.2020", ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))),
    12: ("Display P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
}
"""By their code point: those that differ clearly from sRGB's."""
POWERS = {4: 2.2, 5: 2.8, 8: 1.0}
"""Tone curves by their code point; any other of 1 to 15 looks right by that of sRGB."""
HDR = {16: "PQ", 18: "HLG"}
ADOBE_POWER, SRGB_POWER, SAME_POWER = 563 / 256, 2.2, 0.1
"""The power of Adobe RGB; the one by which sRGB's curve is written in a gAMA chunk, and within which share of it."""
EXIF_IFD, INTEROP_IFD, COLOUR_SPACE, UNCALIBRATED, INDEX = 0x8769, 0xA005, 0xA001, 65535, 1
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D50 = np.array([0.9642, 1.0, 0.8249])
Chromaticity = tuple[float, float]


def named_profile(photo: PillowImage.Image, head: bytes) -> tuple[bytes | None, str]:
    """The profile of the colours that a file names, and a line on them; None, and perhaps a line, for those of sRGB.

    `head` are its first bytes. A profile in the file goes before all names, but for cICP, which goes before it.
    """
    own = photo.info.get("icc_profile")
    if head.startswith(PNG):
        for kind, at, _ in chunks(head):
            if kind == b"cICP":
                return by_codes(head[at + 8], head[at + 9])
        if own or "srgb" in photo.info:
            return None, ""
        return by_gamma(photo.info.get("gamma"), photo.info.get("chromaticity"))
    if own:
        return None, ""
    if head[4:8] == b"ftyp" and (at := head.find(b"colrnclx")) >= 0:
        return by_codes(*struct.unpack_from(">HH", head, at + 8))
    exif = photo.getexif()
    if exif.get_ifd(EXIF_IFD).get(COLOUR_SPACE) == UNCALIBRATED:
        if exif.get_ifd(INTEROP_IFD).get(INDEX) == "R03":
            return profile_of(ADOBE, D65, ADOBE_POWER), turned("Adobe RGB")
        return None, "its EXIF note says that its colours are not those of sRGB, but not which; they are taken as sRGB"
    return None, ""


def turned(name: str) -> str:
    """The line on colours that were turned into sRGB by their name."""
    return f"its colours, {name} by a note in the file, are turned into sRGB"


def by_codes(primaries: int, transfer: int) -> tuple[bytes | None, str]:
    """By code points of H.273."""
    if transfer in HDR:
        return None, f"its brightness is coded for HDR ({HDR[transfer]}), and is taken as that of sRGB"
    power = POWERS.get(transfer)
    name, places = PRIMARIES.get(primaries, ("sRGB", SRGB))
    if places == SRGB and (power is None or is_usual(power)):
        return None, ""
    return profile_of(places, D65, power), turned(name if power is None else f"{name} with a gamma of {power:g}")


def is_usual(power: float) -> bool:
    """Whether this is the power by which sRGB's curve is commonly written."""
    return abs(power / SRGB_POWER - 1) <= SAME_POWER


def by_gamma(gamma: float | None, places: tuple[float, ...] | None) -> tuple[bytes | None, str]:
    """By the chunks gAMA and cHRM of a PNG, as Pillow has them; what no camera or screen has is passed over."""
    power = 1 / gamma if gamma and 0.1 < gamma < 10 else SRGB_POWER
    white, *three = [(x, y) for x, y in zip(places[::2], places[1::2], strict=True)] if places else [D65, *SRGB]
    usual = all(abs(a - b) < 0.005 for one, other in zip([white, *three], [D65, *SRGB], strict=True)
                for a, b in zip(one, other, strict=True))  # fmt: skip
    if usual and is_usual(power):
        return None, ""
    if not all(0 < x < 1 and 0 < y < 1 for x, y in (white, *three)):
        return None, "its primaries make no sense, so its colours are taken as sRGB"
    what = "of its own primaries" * (not usual) + " and " * (not usual and not is_usual(power))
    what += "" if is_usual(power) else f"with a gamma of {power:.3g}"
    return profile_of(tuple(three), white, None if is_usual(power) else power), turned(what)


def profile_of(primaries: tuple[Chromaticity, ...], white: Chromaticity, power: float | None) -> bytes:
    """An ICC profile (version 2) of these primaries and white, with a power, or sRGB's curve, as its tone curve."""
    columns = np.stack([xyz(place) for place in primaries], axis=1)
    columns = columns * np.linalg.solve(columns, xyz(white))
    cones = BRADFORD @ D50 / (BRADFORD @ xyz(white))
    columns = np.linalg.inv(BRADFORD) @ np.diag(cones) @ BRADFORD @ columns
    level = np.linspace(0, 1, 1024)
    light = (
        np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4) if power is None else level**power
    )
    curve = b"curv" + bytes(4) + struct.pack(">I", len(light)) + np.rint(light * 65535).astype(">u2").tobytes()
    tags = {b"desc": text_tag("named colours"), b"cprt": text_tag("none"), b"wtpt": xyz_tag(D50)}
    for letter, column in zip((b"r", b"g", b"b"), columns.T, strict=True):
        tags |= {letter + b"XYZ": xyz_tag(column), letter + b"TRC": curve}
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", tag, at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + xyz_tag(D50)[8:]
    return head.ljust(128, b"\0") + table + body


def xyz(place: Chromaticity) -> Any:
    """Tristimulus values of a chromaticity, at full luminance."""
    x, y = place
    return np.array([x / y, 1, (1 - x - y) / y])


def xyz_tag(numbers: Any) -> bytes:
    """Three numbers as a profile has them."""
    return b"XYZ " + bytes(4) + struct.pack(">iii", *(round(float(number) * 65536) for number in numbers))


def text_tag(text: str) -> bytes:
    """A text as a profile has it."""
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text.encode() + bytes(1 + 78)
