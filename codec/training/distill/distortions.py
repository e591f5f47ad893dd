"""What can happen to a picture: kinds of damage with a strength from 0 (faint) to 1 (heavy).

They teach and test a metric, and so must not be those of one codec alone. All but the codecs' are drawn here; codecs
code a perhaps smaller picture at a poor quality, as they would at a few hundred bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture
from PIL import ImageEnhance, ImageFilter

from codec.base import Image
from codec.photos import resize
from codec.rivals import load_format
from codec.rivals.search import coded_size

if TYPE_CHECKING:
    from codec.progic.model import ProGIC

Damage = Callable[[Image, float, np.random.Generator], Image]

QUALITIES = {"jpeg": (60, 2), "webp": (60, 0), "avif": (60, 3), "heic": (60, 3), "jpegxl": (55, 0), "vvc": (36, 6)}
"""Index into the format's qualities at strength 0 and 1; JPEG 2000 goes by bits a pixel."""


def _codec(name: str) -> Damage:
    """`name` at one of a few coding resolutions and the quality that `strength` stands for."""

    def damage(image: Image, strength: float, rng: np.random.Generator) -> Image:
        form, (height, width) = load_format(name), image.shape[:2]
        scale = float(rng.choice([1.0, 1.0, 0.75, 0.5, 0.375]))
        least = max(form.min_side, 32 if name == "vvc" else 16)
        rows, columns = coded_size(height, width, max(scale, min(1.0, least / min(height, width))))
        if name == "jpeg2000":
            wanted_bytes = rows * columns / 8 * 0.8 * (0.05 / 0.8) ** strength
            index = round(math.log(max(wanted_bytes, 48) / 16) / math.log(1.03))
        else:
            first, last = QUALITIES[name]
            index = round(first + (last - first) * strength)
        file = form.write(resize(image, rows, columns), form.qualities[index], False, True)
        return resize(np.asarray(form.read(file, rows, columns)), height, width)

    return damage


def _blur(image: Image, strength: float, rng: np.random.Generator) -> Image:
    return np.asarray(Picture.fromarray(image).filter(ImageFilter.GaussianBlur(float(0.4 * 10**strength))))


def _resize(image: Image, strength: float, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    small = coded_size(height, width, 1 / (1.3 * 6**strength))
    way = Picture.Resampling(int(rng.choice([0, 1, 2, 3, 4, 5])))
    shrunk = Picture.fromarray(image).resize(small[::-1], Picture.Resampling.BOX)
    return np.asarray(shrunk.resize((width, height), way))


def _noise(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Gaussian, of one tone or three, white or soft."""
    height, width = image.shape[:2]
    noise = rng.normal(size=(height, width, int(rng.choice([1, 3]))))
    if rng.random() < 0.3:
        noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))) / 2
    return _pixels(image + noise * 2 * 25**strength)


def _grid(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Dots, lines or waves of a short period: what decoders leave behind, and strided judges overlook."""
    period, height, width = int(rng.choice([2, 4, 8, 16])), *image.shape[:2]
    rows, columns = (np.arange(side) + rng.integers(period) for side in (height, width))
    marks = [rows[:, None] % period == 0, columns[None, :] % period == 0]
    waves = np.cos(2 * np.pi * rows / period)[:, None] * np.cos(2 * np.pi * columns / period)[None, :]
    shape = [marks[0] & marks[1], marks[0] | marks[1], np.broadcast_to(marks[rng.integers(2)], (height, width)), waves]
    chosen = shape[rng.integers(4)].astype(np.float64)
    return _pixels(image + 4 * 15**strength * rng.choice([-1, 1]) * chosen[:, :, None] * rng.choice([1.0, 0.5], 3))


def _colour(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """A cast, or colours faded or overdone."""
    if rng.random() < 0.3:
        kept = 1 - strength if rng.random() < 0.7 else 1 + 2 * strength
        return np.asarray(ImageEnhance.Color(Picture.fromarray(image)).enhance(kept))
    return _pixels(image + rng.normal(size=3) * 3 * 12**strength)


def _contrast(image: Image, strength: float, rng: np.random.Generator) -> Image:
    gain = math.exp(rng.choice([-1, 1]) * (0.1 + 0.9 * strength))
    if rng.random() < 0.4:
        return _pixels(255 * (image / 255) ** gain)
    middle = image.mean()
    return _pixels(middle + (image - middle) * gain)


def _posterise(image: Image, strength: float, rng: np.random.Generator) -> Image:
    step = 12 * 8**strength
    return _pixels((np.floor(image / step) + 0.5) * step)


def _warp(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Pixels moved along a smooth random field: lines wobble, textures stay."""
    height, width = image.shape[:2]
    reach = 0.4 * 10**strength
    coarse = rng.normal(size=(2, max(2, height // 16), max(2, width // 16))).astype(np.float32)
    moves = [np.asarray(Picture.fromarray(move).resize((width, height), Picture.Resampling.BICUBIC)) for move in coarse]
    rows = np.clip(np.arange(height)[:, None] + reach * moves[0], 0, height - 1)
    columns = np.clip(np.arange(width)[None, :] + reach * moves[1], 0, width - 1)
    top, left = np.minimum(rows.astype(int), height - 2), np.minimum(columns.astype(int), width - 2)
    down, right = (rows - top)[:, :, None], (columns - left)[:, :, None]
    upper = image[top, left] * (1 - right) + image[top, left + 1] * right
    lower = image[top + 1, left] * (1 - right) + image[top + 1, left + 1] * right
    return _pixels(upper * (1 - down) + lower * down)


def _squares(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Squares of 8 to 32 pixels lost: grey, or filled with what lies elsewhere."""
    damaged, (height, width) = image.copy(), image.shape[:2]
    for _ in range(round(1 + 15 * strength)):
        side = min(int(rng.choice([8, 16, 32])), height, width)
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        from_top, from_left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        patch = image[from_top : from_top + side, from_left : from_left + side]
        damaged[top : top + side, left : left + side] = 128 if rng.random() < 0.5 else patch
    return damaged


CODECS: dict[str, Damage] = {name: _codec(name) for name in (*QUALITIES, "jpeg2000")}
SYNTHETIC: dict[str, Damage] = {
    "blur": _blur,
    "noise": _noise,
    "resize": _resize,
    "grid": _grid,
    "colour": _colour,
    "contrast": _contrast,
    "posterise": _posterise,
    "warp": _warp,
    "squares": _squares,
}


def progic_pictures(model: ProGIC, image: Image, kinds: Sequence[str], rng: np.random.Generator) -> list[Image]:
    """`image` through `model`, once for each of `kinds`; sides must be multiples of its downsampling.

    "1" to "5": that many stages. "hole": some stages, or some cells of them, never came. "swap": some cells hold
    random codewords. "shake": noise on the latents, as another model's errors.
    """
    import torch

    tensor = torch.from_numpy(image.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.inference_mode():
        whole = model.encode(tensor)[0]
        pictures = []
        for kind in kinds:
            grid, stages = whole.clone(), model.config.stages
            if kind.isdigit():
                grid[int(kind) :] = -1
            elif kind == "hole":
                grid[int(rng.integers(2, stages + 1)) :] = -1
                grid[int(rng.integers(stages))] = -1
                if rng.random() < 0.5:
                    lost = torch.from_numpy(rng.random(tuple(grid.shape)) < rng.uniform(0.02, 0.4))
                    grid = torch.where(lost, -1, whole)
            else:
                grid[int(rng.integers(1, stages + 1)) :] = -1
                lost = torch.from_numpy(rng.random(tuple(grid.shape)) < rng.uniform(0.01, 0.3)) & (grid >= 0)
                random = torch.from_numpy(rng.integers(0, model.config.codewords, tuple(grid.shape)))
                grid = torch.where(lost, random, grid) if kind == "swap" else grid
            latent = model.quantizer.decode(grid[None])
            if kind == "shake":
                noise = torch.from_numpy(rng.normal(size=tuple(latent.shape))).float()
                latent = latent + noise * latent.std() * float(rng.uniform(0.05, 0.6))
            held = (grid >= 0).flatten(1).any(dim=1).sum()[None].clamp(min=1)
            shown = (model.synthesis(latent, held)[0].clamp(-1, 1) + 1) * 127.5
            pictures.append(shown.round().byte().permute(1, 2, 0).numpy())
    return pictures


def _pixels(values: object) -> Image:
    return np.clip(np.rint(np.asarray(values, np.float64)), 0, 255).astype(np.uint8)
