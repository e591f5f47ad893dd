"""Fractal noise, a perspective camera for height fields, sun shadows, and the film that develops linear light."""

import numpy as np
from PIL import Image


def fractal(rng, shape, slope=1.0):
    """Periodic Gaussian noise with amplitude spectrum 1/f**slope per axis pair, mean 0 and deviation 1."""
    axes = np.meshgrid(
        *[np.fft.fftfreq(n) * max(shape) for n in shape[:-1]], np.fft.rfftfreq(shape[-1]) * max(shape), indexing="ij"
    )
    frequency = np.sqrt(sum(axis**2 for axis in axes))
    frequency.flat[0] = 1.0
    spectrum = np.fft.rfftn(rng.standard_normal(shape, dtype=np.float32)) * frequency ** -(slope + len(shape) / 2 - 1)
    spectrum.flat[0] = 0.0
    noise = np.fft.irfftn(spectrum, shape, axes=range(len(shape))).astype(np.float32)
    return noise / noise.std()


def sample(tile, x, y):
    """Bilinear look-up of `tile[row y, column x]`, repeating beyond its edges; x and y are in cells."""
    rows, columns = tile.shape[:2]
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    if tile.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    x0, y0 = x0.astype(np.int32) % columns, y0.astype(np.int32) % rows
    x1, y1 = (x0 + 1) % columns, (y0 + 1) % rows
    return (tile[y0, x0] * (1 - fx) + tile[y0, x1] * fx) * (1 - fy) + (tile[y1, x0] * (1 - fx) + tile[y1, x1] * fx) * fy


def ramp(value, low, high):
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(first, second, weight):
    """Blend two colours (or colour images) by a weight image."""
    weight = np.asarray(weight, np.float32)[..., None]
    return np.asarray(first, np.float32) * (1 - weight) + np.asarray(second, np.float32) * weight


def blur(image, sigma):
    """Gaussian blur of an H x W or H x W x C array, edges reflected."""
    pad = min(int(3 * sigma) + 1, min(image.shape[:2]) - 1)
    padded = np.pad(image, [(pad, pad), (pad, pad)] + [(0, 0)] * (image.ndim - 2), mode="reflect")
    for axis in (0, 1):
        n = padded.shape[axis]
        response = np.exp(-2 * (np.pi * sigma * np.fft.rfftfreq(n)) ** 2)
        response = response.reshape([-1 if a == axis else 1 for a in range(padded.ndim)])
        padded = np.fft.irfft(np.fft.rfft(padded, axis=axis) * response, n, axis=axis)
    return padded[pad : pad + image.shape[0], pad : pad + image.shape[1]].astype(np.float32)


def resize(image, height, width, resample=Image.Resampling.BOX):
    """Resize a float H x W x C array, one channel at a time."""
    channels = [
        Image.fromarray(np.ascontiguousarray(c)).resize((width, height), resample)
        for c in np.moveaxis(np.asarray(image, np.float32), -1, 0)
    ]
    return np.stack([np.asarray(c) for c in channels], -1)


class Camera:
    """A level pinhole camera with lens shift: the picture spans slopes `bottom` to `top`, as wide as it is tall."""

    def __init__(self, size, position, heading, bottom, top, steps, near, far):
        self.size, self.position, self.heading = size, position, heading
        self.bottom, self.top = bottom, top
        self.sideways = ((np.arange(size) + 0.5) / size - 0.5) * (top - bottom)
        self.upward = top - (np.arange(size) + 0.5) / size * (top - bottom)
        self.depths = np.geomspace(near, far, steps).astype(np.float32)

    def world(self, depth, sideways):
        """World x, y of points at a depth along the axis and a sideways slope."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        return (self.position[0] + depth * (s + sideways * c)).astype(np.float32), (
            self.position[1] + depth * (c - sideways * s)
        ).astype(np.float32)

    def cast(self, surface):
        """Per pixel depth (inf: sky), x, y, ray height and surface height where rays meet `surface(x, y)`."""
        depth = self.depths[:, None]
        height = surface(*self.world(depth, self.sideways[None, :]))
        slope = (height - self.position[2]) / depth
        skyline = np.maximum.accumulate(slope, axis=0)
        hit = np.stack([np.searchsorted(skyline[:, c], self.upward) for c in range(self.size)], 1)
        sky = hit >= len(self.depths)
        hit = np.minimum(hit, len(self.depths) - 1)
        before = np.maximum(hit - 1, 0)
        columns = np.arange(self.size)[None, :]
        low, high = slope[before, columns], slope[hit, columns]
        part = np.clip((self.upward[:, None] - low) / np.maximum(high - low, 1e-9), 0, 1)
        distance = self.depths[before] + (self.depths[hit] - self.depths[before]) * part
        x, y = self.world(distance, self.sideways[None, :])
        ray_height = self.position[2] + self.upward[:, None] * distance
        return np.where(sky, np.inf, distance), x, y, ray_height, height[hit, columns]

    def project(self, x, y, z):
        """Column, row and depth of world points."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        dx, dy = x - self.position[0], y - self.position[1]
        depth, side = dx * s + dy * c, dx * c - dy * s
        scale = self.size / (self.top - self.bottom)
        return (side / depth) * scale + self.size / 2, (self.top - (z - self.position[2]) / depth) * scale, depth


def skyline(height, cell, azimuth, elevation):
    """Height up to which each cell lies in shadow, the sun at `azimuth` (from +x towards +row); by doubling."""
    edge, reach = height.copy(), 1.0
    while reach < max(height.shape) / 2 and reach * cell * np.tan(elevation) < np.ptp(height) * 2:
        dx, dy = round(reach * np.cos(azimuth)), round(reach * np.sin(azimuth))
        drop = np.hypot(dx, dy) * cell * np.tan(elevation)
        edge = np.maximum(edge, np.roll(edge, (-dy, -dx), (0, 1)) - drop)
        reach *= 2
    return edge


def shadow(height, cell, azimuth, elevation, softness=0.6):
    """Sunlight 0..1 that other parts of a height map let through."""
    return 1 - ramp(skyline(height, cell, azimuth, elevation) - height, 0.0, softness)


def develop(light, rng, exposure=1.0, contrast=0.0, grain=0.012, bloom=0.0, vignette=0.25, size=None):
    """Linear light to an 8-bit photo: lens bloom, vignette, filmic curve, downsampling, grain."""
    full = light.shape[0]
    light = light * exposure
    if bloom:
        glare = sum(weight * blur(light, full * sigma) for sigma, weight in ((0.004, 0.5), (0.02, 0.3), (0.07, 0.2)))
        light = light * (1 - bloom) + glare * bloom
    y, x = np.mgrid[-1 : 1 : full * 1j, -1 : 1 : full * 1j]
    light = np.maximum(light * (1 - vignette * (x * x + y * y)[..., None] / 2), 0)
    curve = np.clip(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 0, 1)
    photo = resize(curve ** (1 / 2.2), size or full // 2, size or full // 2, Image.Resampling.LANCZOS)
    photo = np.clip(photo, 0, 1)
    photo = photo + contrast * (photo * photo * (3 - 2 * photo) - photo)
    noise = rng.standard_normal(photo.shape[:2])[..., None] + 0.4 * rng.standard_normal(photo.shape)
    photo = photo + grain * blur(noise, 0.55) * 1.8 * (0.4 + 0.6 * np.sqrt(np.clip(1 - photo, 0, 1)))
    return (np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8)
