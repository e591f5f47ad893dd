"""A fire front climbing a spruce slope at dusk, its smoke lit from below; a ranger's truck waits in the clearing."""

import numpy as np

from scenes.common import Camera, develop, fractal, mix, ramp, resize, sample

SKY_HIGH, SKY_LOW = np.array([0.20, 0.26, 0.36]), np.array([0.95, 0.56, 0.30])
HAZE = np.array([0.50, 0.38, 0.30])
SKYLIGHT, SUNLIGHT, FIRELIGHT = np.array([0.44, 0.47, 0.56]), np.array([1.5, 0.85, 0.42]), np.array([2.6, 0.75, 0.14])
FIRE_DEPTH_M = 430
TRUCK_X, TRUCK_Y = -5.0, 39.0


def make_spruce(rng, height):
    """A spruce as an image of (ambient shade, light from the left, alpha), from a 3-D cloud of needles."""
    whorls = rng.integers(30, 40)
    crown = rng.uniform(0.04, 0.16)
    level = np.repeat(crown + (0.985 - crown) * (np.arange(whorls) / whorls) ** 0.9, 9)
    level = level + rng.normal(0, 0.006, level.size)
    reach = (
        rng.uniform(0.15, 0.22) * (1 - level) ** rng.uniform(0.7, 0.95) * rng.uniform(0.55, 1.15, level.size) + 0.008
    )
    azimuth = rng.uniform(0, 2 * np.pi, level.size)
    tone = rng.uniform(0.7, 1.2, level.size)
    count = np.maximum(reach / 0.2 * 1700 * min(height / 600, 1), 60).astype(int)
    branch = np.repeat(np.arange(level.size), count)
    t = np.sqrt(rng.uniform(0, 1, branch.size))
    length = reach[branch]
    side = rng.normal(0, 0.16, branch.size) * length * (1.15 - t)
    hang = -np.abs(rng.normal(0, 0.10, branch.size)) * (length + 0.02)
    droop = -0.55 * length * t**1.3 + 0.22 * length * t**3
    out = length * t
    x = out * np.cos(azimuth[branch]) - side * np.sin(azimuth[branch])
    z = out * np.sin(azimuth[branch]) + side * np.cos(azimuth[branch])
    y = np.clip(level[branch] + droop + hang, 0, 1)
    ambient = (0.25 + 0.75 * t) * tone[branch] * np.clip(1 + 7 * hang / (length + 0.02), 0.25, 1)
    ambient *= np.clip(0.75 + 2.5 * z / (reach.max() + 1e-6) * 0.2, 0.4, 1.2) * rng.uniform(0.75, 1.25, t.size)
    ambient *= 0.30 + 0.85 * y
    direct = ambient * np.clip(0.15 - 1.0 * np.cos(azimuth[branch]) * t, 0, 1)
    trunk = rng.uniform(0, 1, 6000)
    x = np.r_[x, rng.uniform(-1, 1, 6000) * 0.012 * (1 - trunk)]
    y, z = np.r_[y, trunk], np.r_[z, np.full(6000, 0.0)]
    ambient, direct = np.r_[ambient, np.full(6000, 0.35)], np.r_[direct, np.full(6000, 0.1)]
    width = int(height * 0.5)
    order = np.argsort(z)
    row = np.clip(((1 - y) * (height - 2)).astype(int), 0, height - 2)[order]
    column = np.clip((x * height + width / 2).astype(int), 0, width - 2)[order]
    tree = np.zeros((height, width, 3), np.float32)
    values = np.stack([ambient, direct, np.ones_like(x)], -1)[order]
    for down, right in ((0, 1), (1, 0), (0, 0)):
        tree[row + down, column + right] = values
    return tree


class Sprites:
    """Images drawn at any size from a few originals, each size computed once."""

    def __init__(self, originals):
        self.originals, self.sizes = originals, {}

    def at(self, kind, height):
        """Original `kind` scaled to about `height` pixels (in steps of 8 percent)."""
        step = round(np.log(max(height, 2)) / 0.08)
        if (kind, step) not in self.sizes:
            original = self.originals[kind]
            rows = max(round(np.exp(step * 0.08)), 2)
            self.sizes[kind, step] = resize(original, rows, max(round(rows * original.shape[1] / original.shape[0]), 1))
        return self.sizes[kind, step]


def place(canvas, depth_map, sprite, column, base, depth):
    """Slices of canvas and of a sprite standing at (column, base), and where it shows; None if outside."""
    rows, columns = sprite.shape[:2]
    top, left = round(base) - rows, round(column - columns / 2)
    t, b = max(top, 0), min(top + rows, canvas.shape[0])
    lft, r = max(left, 0), min(left + columns, canvas.shape[1])
    if t >= b or lft >= r:
        return None
    seen = depth_map[t:b, lft:r] > depth * 0.93
    return (slice(t, b), slice(lft, r)), (slice(t - top, b - top), slice(lft - left, r - left)), seen


def road_middle(y):
    """World x of the gravel road at distance y."""
    return 5 + 8 * np.sin(y / 26) * ramp(y, 5, 50)


def truck_axes(x, y):
    """Position along (front is negative) and across the parked truck, in metres."""
    dx, dy = x - TRUCK_X, y - TRUCK_Y
    return dx * np.cos(0.35) + dy * np.sin(0.35), dy * np.cos(0.35) - dx * np.sin(0.35)


def truck_height(x, y):
    """A pick-up's outline above the grass: bonnet, cab with light bar, bed."""
    along, across = truck_axes(x, y)
    cab = np.interp(along, [-1.35, -0.7, 0.75, 0.9], [1.2, 1.95, 1.95, 1.2])
    bar = 0.16 * ((np.abs(along + 0.1) < 0.22) & (np.abs(across) < 0.7))
    body = np.where((along > -1.35) & (along < 0.9) & (np.abs(across) < 0.85), cab + bar, 1.15)
    return np.where((np.abs(along) < 2.7) & (np.abs(across) < 1.0), body + 0.1, 0)


def paint_truck(colour, x, y, above):
    """Body paint, glass, wheels and lights where the picture shows the truck; `above` is height over the ground."""
    along, across = truck_axes(x, y)
    on = (np.abs(along) < 3.0) & (np.abs(across) < 1.3) & (above > 0.12)
    paint = mix([0.42, 0.43, 0.41], [0.05, 0.20, 0.10], (above > 0.62) & (above < 0.80))
    side = across < -0.8
    wheel = np.minimum(np.hypot(along + 1.75, above - 0.42), np.hypot(along - 1.75, above - 0.42))
    glass = (
        (above > 1.3) & (above < 1.88) & (np.abs(along + 0.22) < 0.98 + (1.9 - above) * 0.5) & (np.abs(along) > 0.05)
    )
    paint = mix(paint, [0.03, 0.04, 0.05], glass | (side & ((wheel < 0.45) | (above < 0.35))))
    paint = mix(paint, [0.30, 0.30, 0.30], side & (wheel < 0.20))
    paint = paint * (0.55 + 0.45 * ramp(above, 0.2, 1.1))[..., None]
    paint = mix(paint, [2.5, 2.2, 1.6], (along < -2.45) & (np.abs(above - 0.82) < 0.13))
    paint = mix(paint, [3.5, 0.35, 0.15], (above > 2.0) & (across < 0.0))
    paint = mix(paint, [0.3, 0.5, 4.0], (above > 2.0) & (across >= 0.0))
    near = ramp(np.maximum(np.abs(along) - 2.6, np.abs(across) - 1.0), 0.9, 0.0)
    return mix(colour * (1 - 0.8 * near)[..., None], paint, on), on


def make_terrain(rng, rough):
    """Height in metres above the valley road as a function of world x, y (y away from the camera)."""
    tile, ridged = fractal(rng, (512, 512), 1.35), fractal(rng, (512, 512), 1.35)

    def terrain(x, y):
        warp = sample(tile, x / 14 + 90, y / 14)
        roll = sample(tile, x / 5, y / 5 + 40)
        ground = -4 - 46 * ramp(y, 45, 230) + 0.35 * roll * ramp(y, 5, 60) + 8 * warp * ramp(y, 150, 400)
        crest = 92 + 52 * np.tanh(x / 220) + 12 * np.sin(x / 60) + 8 * warp
        slope = (crest + 55) * ramp(y + 22 * warp + x * 0.25, 210, 760) - 120 * ramp(y, 800, 1500)
        far = 0
        for k, (start, rise, wide) in enumerate(((1500, 430, 900), (2700, 1000, 1500), (4800, 2300, 2900))):
            profile = 0.72 + 0.30 * sample(ridged, x / (wide / 34) + 77 * k, y / (wide / 20) + 31 * k)
            far = np.maximum(far, rise * profile * (1 - np.abs((y - start - wide / 2) / (wide / 2))))
            far = far + 6 * sample(ridged, x / 9, y / 9 + 50 * k) * (far > 0)
        tussock = 0.5 * sample(rough, x * 5, y * 5) + 0.6 * sample(tile, x * 0.7, y * 0.7 + 9)
        grass = 0.16 * np.clip(tussock + 0.8, 0, 3) * ramp(np.abs(x - road_middle(y)), 1.8, 3.2) * ramp(y, 140, 100)
        return (np.maximum(ground + slope, far - 30) + grass + truck_height(x, y)).astype(np.float32)

    return terrain


def fire_line(terrain):
    """World x, y, z of points along the burning front, low on the left and climbing to the right."""
    t = np.linspace(0, 1, 90)
    x = -150 + 330 * t
    y = 330 + 150 * t + 28 * np.sin(7 * t + 0.5) + 10 * np.sin(19 * t)
    return x, y, terrain(x, y)


def make_flame(rng, tile, height):
    """Heat 0..1 of one cluster of flame tongues, a torn and upward-stretched noise under a ragged envelope."""
    v, u = np.mgrid[1 : 0 : height * 1j, -1 : 1 : int(height * 0.8) * 1j]
    offset = rng.uniform(0, 512, 2)
    bend = sample(tile, u * 30 + offset[0], v * 45 + offset[1]) * 0.16 * v + 0.20 * v * v
    u = u - bend
    licks = sample(tile, u * 60 + offset[1], v * 22 + offset[0])
    tongues = 0.62 + 0.30 * sample(tile, u * 36 + offset[0], np.full_like(u, offset[1]))
    body = np.clip(1 - np.abs(u) ** 1.6 - v / np.clip(tongues, 0.15, 1.2), -1, 1)
    heat = ramp(body + 0.22 * licks * (0.3 + v), 0.0, 0.85)
    return (heat * ramp(v, 0.0, 0.04))[..., None].astype(np.float32)


def flame_light(heat):
    """Linear light of flames: deep red edges through orange to a yellow-white core."""
    return np.stack([9 * heat**0.9, 5.2 * heat**1.9, 2.4 * heat**3.6], -1)


def make_smoke(rng, size, base_u, base_v):
    """Premultiplied colour and alpha of the plume: a 3-D density that shades itself and is lit from below."""
    n, thick = min(size // 3, 340), min(size // 3, 340) // 3
    coarse, fine = (
        fractal(rng, (n, n, thick * 2), 1.9)[:, :, :thick],
        fractal(rng, (n, n, thick * 2), 1.45)[:, :, :thick],
    )
    v, u, w = np.meshgrid(
        np.linspace(1, 0, n), np.linspace(0, 1, n), np.linspace(-1, 1, thick), indexing="ij", sparse=True
    )
    shift = (coarse[:, :, thick // 2] * n * 0.02).astype(int)
    rows, columns = np.mgrid[0:n, 0:n]
    billows = np.abs(fine[(rows + shift) % n, (columns - np.roll(shift, n // 3, 0)) % n])
    density = np.zeros((n, n, thick), np.float32)
    for part, width, lean, strength in ((0.12, 0.02, 0.62, 0.5), (0.42, 0.06, 0.52, 1.0), (0.72, 0.07, 0.36, 1.0)):
        u0, v0 = base_u[int(part * len(base_u))], base_v[int(part * len(base_v))]
        h = np.clip(v - v0 + 0.015, 0, 1)
        radius = width + 0.30 * h**0.9
        centre = u0 + lean * h**1.2 + 0.04 * np.sin(9 * h + part * 9)
        inside = 1.0 - ((u - centre) / radius) ** 2 - (w * 0.33 / radius) ** 2 - 8 * np.clip(v0 - 0.02 - v, 0, 1)
        edge = inside + 0.45 * coarse + 0.50 * (billows - 0.75)
        fade = strength * np.exp(-1.1 * h) * ramp(v, v0 - 0.02, v0 + 0.03)
        density = np.maximum(density, fade * ramp(edge, 0.25, 0.75))
    density *= 60 / thick
    pace = 340 / n
    # light travels from the upper left front; a share of it is scattered onwards, which softens the shadows
    depth_left, depth_top = pace * np.cumsum(density, 1), pace * np.cumsum(density, 0)
    depth_front, depth_fire = pace * np.cumsum(density, 2), pace * np.cumsum(density[::-1], 0)[::-1]
    sun = 0.8 * np.exp(-0.10 * depth_left - 0.05 * depth_top - 0.12 * depth_front) + 0.2 * np.exp(-0.02 * depth_left)
    sky = 0.7 * np.exp(-0.06 * depth_top) + 0.3
    near = np.min([(u - bu) ** 2 + (v - bv) ** 2 for bu, bv in zip(base_u[::9], base_v[::9], strict=True)], axis=0)
    fire = np.exp(-0.045 * depth_fire) * 0.012 / (near + 0.006)
    through = np.exp(-np.cumsum(density, 2)) * (np.exp(density) - 1)
    parts = [(through * lit).sum(2)[..., None] for lit in (sun, sky, fire)]
    alpha = 1 - np.exp(-density.sum(2))[..., None]
    light = parts[0] * SUNLIGHT * 0.62 + parts[1] * SKYLIGHT * 0.42 + parts[2] * FIRELIGHT * 0.6
    return resize(np.concatenate([light, alpha], -1), size, size, 3)


def render(size, seed=11):
    """The picture as uint8 [size, size, 3]."""
    rng = np.random.default_rng(seed)
    full = size * 2
    rough = fractal(np.random.default_rng(seed + 1), (512, 512), 0.8)
    terrain = make_terrain(rng, rough)
    tile = fractal(rng, (512, 512), 1.1)
    camera = Camera(full, (0.0, 0.0, 0.0), 0.0, -0.26, 0.60, max(full * 2, 64), 8, 9000)
    depth, x, y, ray_z, _ = camera.cast(terrain)
    sky = np.isinf(depth)
    v, u = np.mgrid[1 : 0 : full * 1j, 0 : 1 : full * 1j]
    clouds = ramp(sample(tile, u * 60 + 6 * sample(tile, u * 40, v * 90), v * 260), -0.4, 2.4) * ramp(v, 0.35, 0.8)
    light = mix(mix(SKY_LOW, SKY_HIGH, ramp(v - 0.25 * (u - 0.4), 0.30, 0.95)), [0.75, 0.5, 0.42], 0.55 * clouds)
    light += np.array([0.9, 0.5, 0.2]) * np.exp(-((u - 0.08) ** 2 + (v - 0.45) ** 2) / 0.05)[..., None]
    # ground: sun from the left on the slopes, forest tones, long tree shadows across the clearing
    x, y = np.where(sky, 0, x), np.where(sky, 100, y)
    step = np.clip(np.where(sky, 1, depth) * 0.002, 0.06, 40)
    east = (terrain(x + step, y) - terrain(x - step, y)) / (2 * step)
    stripes = ramp(sample(tile, x * 0.16 + y * 0.05, y * 1.1) + 0.6 * sample(tile, x * 0.03, y * 0.3 + 70), -0.3, 0.5)
    sunlit = (np.clip(0.35 + 0.7 * east, 0, 1.4) * mix([1], [0.10], (1 - stripes) * ramp(y, 140, 100))[..., 0])[
        ..., None
    ]
    speck = sample(rough, x * 5, y * 3) * 0.8 + sample(tile, x / 2, y / 2) * 0.35
    grass = mix([0.050, 0.062, 0.020], [0.19, 0.170, 0.070], ramp(speck, -1.3, 1.8))
    forest = mix([0.016, 0.024, 0.016], [0.045, 0.055, 0.032], ramp(sample(tile, x / 4, y / 4), -1.5, 2))
    wheel = np.abs(x - road_middle(y))
    gravel = mix([0.30, 0.26, 0.21], [0.15, 0.13, 0.11], ramp(sample(tile, x * 12, y * 12), -1, 1.5))
    rut = 0.45 + 0.55 * ramp(wheel + 0.15 * speck, 0.3, 0.7)
    grass = mix(grass, gravel, ramp(-wheel + 0.4 * speck, -2.6, -1.8) * rut)
    ground = mix(grass, forest, ramp(y, 75, 110))
    floor = -4 - 46 * ramp(y, 45, 230) + 0.35 * sample(tile, x / 5, y / 5 + 40) * ramp(y, 5, 60)
    ground, on_truck = paint_truck(ground, x, y, np.where(sky, 0, ray_z - floor))
    sunlit = np.where(on_truck[..., None], 0.3, sunlit)
    fire_x, fire_y, fire_z = fire_line(terrain)

    def firelight(px, py):
        return (
            sum(1 / ((px - a) ** 2 + (py - b) ** 2 + 150) for a, b in zip(fire_x[::4], fire_y[::4], strict=True)) * 60
        )

    lit = ground * (SKYLIGHT + SUNLIGHT * sunlit + FIRELIGHT * firelight(x, y)[..., None])
    far = np.where(sky, 0, depth)
    lit = mix(lit, HAZE, 1 - np.exp(-far / 3800))
    light = np.where(sky[..., None], light, lit)
    # everything that stands: trees and flames, far to near, with the smoke where the fire is
    tallest = int(full * 0.62)
    spruces = [make_spruce(rng, tallest) for _ in range(8)]
    trees = Sprites(spruces + [s[:, ::-1] * [1, 0.4, 1] for s in spruces])
    flames = Sprites([make_flame(rng, tile, full // 8) for _ in range(8)])
    standing = plant(rng, terrain, tile, fire_x, fire_y)
    for a, b, c in zip(fire_x, fire_y, fire_z, strict=True):
        for _ in range(4):
            px, py = a + rng.normal(0, 4), b + rng.normal(0, 6)
            standing.append((py, px, c - 1, rng.gamma(3, 4.2) + 4, 100 + rng.integers(8), 0))
    standing.sort(key=lambda item: -item[0])
    scale = full / (camera.top - camera.bottom)
    columns, rows, _ = camera.project(fire_x, fire_y, fire_z)
    smoke = make_smoke(rng, full, columns / full, 1 - rows / full)
    smoked = False
    for py, px, pz, tall, kind, tone in standing:
        if py < FIRE_DEPTH_M + 40 and not smoked:
            light, smoked = light * (1 - smoke[..., 3:]) + smoke[..., :3], True
        column, row, distance = camera.project(px, py, pz)
        sprite = (
            flames.at(kind - 100, tall / distance * scale) if kind >= 100 else trees.at(kind, tall / distance * scale)
        )
        where = place(light, depth, sprite, column, row + 1, distance)
        if where is None:
            continue
        target, source, seen = where
        piece = sprite[source]
        if kind >= 100:
            light[target] += flame_light(piece[..., 0]) * seen[..., None] * 0.55
            continue
        glow = firelight(px, py) * (1.0 if py > FIRE_DEPTH_M else 0.8)
        alpha = (piece[..., 2] * seen)[..., None]
        albedo = np.array([0.066 + 0.03 * (kind % 3 == 0), 0.086, 0.046]) * tone
        shade = (
            piece[..., :1] * SKYLIGHT * 1.1 + piece[..., 1:2] * SUNLIGHT * 1.6 + piece[..., :1] * FIRELIGHT * glow * 1.6
        )
        fog = 1 - np.exp(-distance / 3000)
        light[target] = (
            light[target] * (1 - alpha) + (albedo * shade * (1 - fog) + HAZE * fog * piece[..., 2:]) * seen[..., None]
        )
    # embers
    for _ in range(260):
        k = rng.integers(len(columns))
        h = rng.exponential(0.10)
        cx, cy = columns[k] + (h * 0.5 + rng.normal(0, 0.02)) * full, rows[k] - h * full
        if 0 <= cx < full - 2 and 0 <= cy < full - 2:
            light[int(cy) : int(cy) + 2, int(cx) : int(cx) + rng.integers(1, 3)] += np.array(
                [5, 1.6, 0.3]
            ) * rng.uniform(0.2, 1)
    return develop(light, rng, exposure=0.85, bloom=0.22, grain=0.010, size=size)


def plant(rng, terrain, tile, fire_x, fire_y):
    """Trees as (y, x, z, height, kind, tone): dense on the slopes, framing the clearing."""
    count = 6500
    y = np.r_[110 * (1100 / 110) ** rng.uniform(0, 1, count), rng.uniform(24, 115, 260)]
    x = y * rng.uniform(-0.50, 0.50, y.size)
    open_ground = (y < 110) & (np.abs(x - 2) < 13 + y * 0.16 + 3 * sample(tile, y, x))
    keep = ~open_ground & (np.abs(x) > 10)
    x, y = x[keep], y[keep]
    z = terrain(x, y)
    tall = (
        rng.uniform(13, 27, x.size)
        * rng.uniform(0.7, 1.05, x.size)
        * np.clip(1 + 0.15 * sample(tile, x / 6, y / 6), 0.6, 1.3)
    )
    front = np.interp(x, fire_x, fire_y)
    burned = (y < front) & (y > front - 60) & (np.abs(x) < 200)
    tone = rng.lognormal(0, 0.32, x.size) * np.where(burned, 0.35, 1)
    kind = rng.integers(0, 16, x.size)
    return list(zip(y, x, z - 0.3, tall, kind, tone, strict=True))
