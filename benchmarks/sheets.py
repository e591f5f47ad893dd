"""Sheets of photos beside what ProGIC makes of them: where it fails, and what it invents.

    python benchmarks/sheets.py failures --model small     # four fixed photos, of kodak, fire and aerial
    python benchmarks/sheets.py worst --model small        # the two worst of each set, by LPIPS at one packet
    python benchmarks/sheets.py invented --model small     # ten photos of kodak, with a part of each enlarged

Centre squares of 256x256 from the folders below SATSIM_DATA/eval, at 340 bytes a packet. LPIPS is v0.1 with SqueezeNet.
Each sheet goes to --out (default codec/zoo, whose pictures are shown in a checkout and not passed on), and names in its
JPEG comment the command and the weights.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from codec import load_codec
from codec.folders import list_photos, read_photo
from codec.metrics import load_metric

REPO = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SATSIM_DATA", REPO.parent / "shared" / "data")) / "eval"
SETS = ("kodak", "fire", "aerial")
SIDE, PACKET_BYTES, STAGES = 256, 340, 5
FIXED = ("kodak/05.png", "kodak/08.png", "fire/fire_0027.png", "aerial/gParking_0002.png")
WORST = 2
HELD = {
    "1 packet": (0,),
    "2 packets": (0, 1),
    "3 packets": (0, 1, 2),
    "5 packets": (0, 1, 2, 3, 4),
    "4 packets, the first lost": (1, 2, 3, 4),
}
INVENTED = {
    "03": (0, 72, "lettering"),
    "04": (140, 84, "eye"),
    "05": (132, 0, "number"),
    "08": (192, 112, "lettering"),
    "09": (176, 112, "number"),
    "12": (48, 32, "faces"),
    "14": (176, 176, "lettering"),
    "19": (0, 160, "life ring"),
    "20": (56, 120, "lettering"),
    "24": (128, 112, "wall"),
}
"""Photo of kodak -> left and top of the part that is enlarged, and what it shows."""
PART, WIDE = 64, 128
LINE = 18
PAPER, INK, MARK = "white", "black", (255, 0, 255)


class Decoded(NamedTuple):
    """One photo, what is made of it by what is held, and how far each is from it."""

    name: str
    photo: Image.Image
    decodes: dict[str, Image.Image]
    lpips: dict[str, float]


def name_of(path: Path) -> str:
    """What a photo is called: kodak 5, fire_0027."""
    return f"{path.parent.name} {int(path.stem)}" if path.stem.isdigit() else path.stem


class Bench:
    """The codec with one model, and LPIPS."""

    def __init__(self, model: str) -> None:
        self.codec = load_codec("progic", model=model)
        self.metric = load_metric("lpips-squeeze")

    def decoded(self, path: Path, held: Iterable[str] = HELD) -> Decoded:
        """The photo with its decodes."""
        image = read_photo(path, SIDE).pixels
        payloads = dict(enumerate(self.codec.encode(image, PACKET_BYTES)))
        decodes = {name: self.codec.decode({k: payloads[k] for k in HELD[name]}, SIDE, SIDE) for name in held}
        lpips = {name: self.metric(image, decode) for name, decode in decodes.items()}
        pictures = {name: Image.fromarray(decode) for name, decode in decodes.items()}
        return Decoded(name_of(path), Image.fromarray(image), pictures, lpips)

    def worst(self, folder: Path) -> list[Path]:
        """The photos of a folder that are farthest from themselves at one packet, the worst first."""
        first = next(iter(HELD))
        return sorted(list_photos(folder), key=lambda path: -self.decoded(path, [first]).lpips[first])[:WORST]


def captioned(picture: Image.Image, words: str) -> Image.Image:
    """The picture with a line above it."""
    sheet = Image.new("RGB", (picture.width, picture.height + LINE), PAPER)
    font = ImageFont.load_default(12)
    ImageDraw.Draw(sheet).text((3, LINE / 2), words, INK, font, anchor="lm")
    sheet.paste(picture, (0, LINE))
    return sheet


def laid_out(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """Pictures of one size in rows."""
    width, height = pictures[0].size
    sheet = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height), PAPER)
    for k, picture in enumerate(pictures):
        sheet.paste(picture, (k % columns * width, k // columns * height))
    return sheet


def rows_of(found: Sequence[Decoded], leave_out: str = "2 packets") -> Image.Image:
    """A row a photo, each decode with its LPIPS above it."""
    cells = []
    for each in found:
        cells.append(captioned(each.photo, f"{each.name}, photo"))
        held = [name for name in each.decodes if name != leave_out]
        cells += [captioned(each.decodes[name], f"{name}: LPIPS {each.lpips[name]:.3f}") for name in held]
    return laid_out(cells, len(cells) // len(found))


def with_part(each: Decoded, left: int, top: int, what: str) -> Image.Image:
    """The photo and its decodes, and below them one part of each, enlarged; a frame in the photo shows where."""
    pictures = {f"{each.name}, photo": each.photo, **each.decodes}
    box = (left, top, left + PART, top + PART)
    parts = [picture.crop(box).resize((WIDE, WIDE), Image.Resampling.BICUBIC) for picture in pictures.values()]
    framed = each.photo.copy()
    ImageDraw.Draw(framed).rectangle((left - 1, top - 1, left + PART, top + PART), outline=MARK)
    whole = laid_out(
        [captioned(picture, words) for words, picture in ({**pictures, next(iter(pictures)): framed}).items()], 3
    )
    words = (f"{what}: photo", "1", "2", "3", "5 packets", "first lost")
    below = laid_out([captioned(part, word) for part, word in zip(parts, words, strict=True)], len(parts))
    sheet = Image.new("RGB", (whole.width, whole.height + below.height), PAPER)
    sheet.paste(whole, (0, 0))
    sheet.paste(below, (0, whole.height))
    return sheet


def save(sheet: Image.Image, path: Path, said: str) -> None:
    """Write a JPEG that tells how it was made."""
    sheet.save(path, quality=82, optimize=True, comment=said)
    print(f"{path}: {sheet.width}x{sheet.height}, {path.stat().st_size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("failures", "worst", "invented"))
    parser.add_argument("--model", default="small", help="shipped ProGIC model, or weights file")
    parser.add_argument("--out", type=Path, default=REPO / "codec" / "zoo")
    asked = parser.parse_args()
    bench = Bench(asked.model)
    name = f"progic-{Path(asked.model).stem.removeprefix('progic-')}"
    said = f"python benchmarks/sheets.py {asked.what} --model {asked.model}; weights {bench.codec.model_id:08x}"
    if asked.what == "invented":
        for photo, (left, top, shown) in INVENTED.items():
            sheet = with_part(bench.decoded(DATA / "kodak" / f"{photo}.png"), left, top, shown)
            save(sheet, asked.out / f"{name}-invented-{photo}.jpg", said)
        return
    worst = asked.what == "worst"
    paths = [path for each in SETS for path in bench.worst(DATA / each)] if worst else [DATA / each for each in FIXED]
    save(rows_of([bench.decoded(path) for path in paths]), asked.out / f"{name}-{asked.what}.jpg", said)


if __name__ == "__main__":
    main()
