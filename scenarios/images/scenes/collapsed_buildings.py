"""A street after an earthquake, from a low drone: a pancaked block, a sheared one, rubble, dust, and rescuers."""

import numpy as np

from scenes.common import Camera, blur, develop, fractal, mix, ramp, sample
from scenes.world import GROUND, ROAD, ROOF, RUBBLE, SLAB, VEHICLE, World, grow_tree

EXTENT_M = 170.0
SUN_AZIMUTH, SUN_ELEVATION = 3.75, 0.62
SUN, SKY, HAZE = np.array([3.3, 2.75, 2.1]), np.array([0.42, 0.50, 0.63]), np.array([0.86, 0.78, 0.68])
CONCRETE, DUST = np.array([0.36, 0.335, 0.30]), np.array([0.42, 0.375, 0.31])
STOREY_M = 3.1
STREET_X = 3.0
BLOCKS = (  # x, y, length, width, storeys
    (-17.5, 24, 15, 20, 4),
    (-17, 98, 15, 22, 5),
    (22, 103, 17, 20, 4),
    (-36, 40, 14, 24, 5),
    (-38, 75, 15, 26, 4),
    (44, 62, 15, 24, 5),
    (43, 96, 14, 22, 4),
    (-18, 128, 15, 22, 6),
    (23, 134, 17, 22, 5),
    (47, 130, 15, 26, 6),
    (-42, 112, 18, 24, 6),
    (-44, 148, 18, 24, 5),
    (44, 26, 13, 24, 4),
    (-68, 95, 18, 30, 6),
    (70, 110, 18, 30, 6),
    (0, 163, 16, 10, 6),
    (66, 150, 20, 20, 7),
    (-68, 140, 18, 22, 7),
)
SPILLS = (  # x, y, radius, height, pieces
    (9, 36, 7, 1.2, 1500),
    (-6, 44, 6, 0.9, 700),
    (6, 70, 7, 1.1, 600),
    (3, 20, 4, 0.3, 160),
    (23, 22, 9, 1.6, 1300),
)


def lay_street(world, tile, rough):
    """Asphalt with cracks and markings, kerbs, pavements and yards."""
    x, y = world.x + 0 * world.y, world.y + 0 * world.x
    fine = sample(rough, x * 5, y * 5)
    side = np.abs(x - STREET_X)
    colour = mix([0.235, 0.215, 0.185], [0.17, 0.165, 0.10], ramp(sample(tile, x * 1.5, y * 1.5), -0.8, 1.2))
    slabs = ramp(np.minimum(x % 1.5, y % 1.5), 0.10, 0.02)
    colour = np.where((side < 9.5)[..., None], mix([0.30, 0.285, 0.26], [0.2, 0.19, 0.17], slabs), colour)
    asphalt = mix([0.115, 0.115, 0.118], [0.165, 0.16, 0.152], ramp(sample(tile, x / 1.2, y / 2.5), -1, 1.5))
    asphalt = mix(asphalt, [0.5, 0.49, 0.46], ramp(side, 0.16, 0.07) * (y % 6 < 3) * ramp(fine, -1.2, 0))
    asphalt = mix(asphalt, [0.48, 0.47, 0.45], (np.abs(y - 47) < 1.6) * (x % 1.2 < 0.6) * ramp(fine, -1.3, 0.2))
    road = side < 6
    colour = np.where(road[..., None], asphalt, colour) * np.exp(0.13 * fine)[..., None]
    crack = np.abs(sample(tile, x * 4 + 60, y * 4) + 0.25 * sample(rough, x * 3, y * 3)) + 0.5 * ramp(
        -sample(tile, x / 2, y / 2), -0.5, 0.8
    )
    crack = ramp(crack, 0.10, 0.02)
    colour = mix(colour, [0.03, 0.03, 0.03], 0.85 * crack)
    dusty = ramp(blur_cover(x, y) + 0.5 * sample(tile, x / 1.5, y / 1.5), 0.1, 1.3)
    world.albedo[:] = mix(colour, DUST * np.exp(0.1 * fine)[..., None], 0.75 * dusty)
    world.height[:] = 0.13 * ~road + 0.012 * fine - 0.10 * crack + 0.04 * sample(tile, x, y)
    world.material[:] = np.where(road, ROAD, GROUND)


def blur_cover(x, y):
    """How near a place is to the collapsed blocks, 0..1."""
    return sum(np.exp(-(((x - a) / 17) ** 2 + ((y - b) / 15) ** 2)) for a, b in ((19, 36), (-16, 67), (20, 74)))


def build_block(world, rng, rough, x, y, long, wide, floors, angle=0.0, broken=None):
    """A flat-roofed block of flats; `broken` gives storeys left standing as a function of (along, across)."""
    where, along, across = world.window(x, y, np.hypot(long, wide) / 2 + 1, angle)
    inside = (np.abs(along) < long / 2) & (np.abs(across) < wide / 2)
    left = (
        np.full(along.shape, float(floors)) if broken is None else np.clip(np.floor(broken(along, across)), 0, floors)
    )
    whole = left >= floors
    top = left * STOREY_M + np.where(whole, 0.010, 0.07) * sample(rough, along * 4, across * 4)
    rim = np.minimum(long / 2 - np.abs(along), wide / 2 - np.abs(across))
    tone = np.exp(0.16 * sample(rough, along * 2 + x * 9, across * 2 + y * 9))[..., None]
    bitumen = mix([0.20, 0.195, 0.19], [0.29, 0.27, 0.25], ramp(sample(rough, along * 0.5 + y, across * 0.5), -1, 1))
    colour = (
        np.where(whole[..., None], bitumen, np.where((left % 2 == 0)[..., None], CONCRETE, [0.30, 0.22, 0.17])) * tone
    )
    style = rng.uniform(0.02, 0.98)
    world.put(
        where,
        top + 0.7 * ((rim < 0.35) & whole),
        inside,
        np.where((rim < 0.35)[..., None], CONCRETE * 1.15, colour),
        ROOF,
    )
    world.remember_walls(where, inside, along, across, long / 2, wide / 2, angle, 0.0, style)
    if broken is not None:
        # the torn section shows rooms: mark its faces by a negative style
        torn = inside & (rim > 0.8) & ~(blur(whole.astype(np.float32), 0.5 / world.cell_m) > 0.999)
        layer = world.wall[where]
        layer[..., 3] = np.where(torn | (inside & ~whole & (rim > 0.8)), -style, layer[..., 3])
    for _ in range(rng.integers(5, 10)):
        a, b = rng.uniform(-0.4, 0.4) * long, rng.uniform(-0.36, 0.36) * wide
        size_a, size_b, up = rng.choice([(0.6, 0.5, 0.9), (1.6, 1.3, 2.3), (0.9, 0.7, 0.8)], p=[0.5, 0.2, 0.3])
        box = (np.abs(along - a) < size_a) & (np.abs(across - b) < size_b) & whole
        world.put(where, np.full_like(top, floors * STOREY_M + up), box, CONCRETE * rng.uniform(0.7, 1.5), ROOF)


def drop_slab(world, rng, tile, rough, x, y, long, wide, angle, level, lean_a, lean_b):
    """A fallen floor: a tilted plate with torn edges, cracks and a coat of dust."""
    place = world.window(x, y, np.hypot(long, wide) / 2 + 1, angle)
    if place is None:
        return
    where, along, across = place
    torn = 0.28 * sample(tile, along * 7 + x * 3, across * 7 + y * 3) + 0.08 * sample(rough, along * 6, across * 6)
    inside = (np.abs(along) + torn < long / 2) & (np.abs(across) + 0.7 * torn < wide / 2)
    bent = 0.5 * ramp(np.abs(along + 0.12 * long) * 1.0, 2.2, 0.0)
    top = level + lean_a * along + lean_b * across - bent + 0.012 * sample(rough, along * 5, across * 5)
    crack = ramp(np.abs(sample(tile, along * 6 + y, across * 6 + x)), 0.10, 0.02)
    colour = mix(CONCRETE * rng.uniform(0.65, 1.15), DUST, 0.7 * ramp(sample(tile, along * 3, across * 3 + x), -0.5, 2))
    colour = colour * np.exp(0.15 * sample(rough, along * 4, across * 4 + y))[..., None]
    world.put(where, top - 0.1 * crack, inside, mix(colour, [0.06, 0.055, 0.05], 0.8 * crack), SLAB)
    world.remember_walls(where, inside, along, across, long / 2, wide / 2, angle, 0.0, 0.9 if long > 9 else 0.1)


def heap(world, rng, tile, rough, x, y, radius, tall, pieces):
    """A mound of dusty fines under tilted angular debris of every size."""
    where, along, across = world.window(x, y, radius * 1.6)
    r = np.hypot(along, across) / radius * (1 + 0.22 * sample(tile, along * 2.5 + x, across * 2.5 + y))
    mound = tall * np.clip(1 - r, 0, 1) ** 1.1 * (1 + 0.25 * sample(tile, along * 4, across * 4))
    mound = mound + (0.07 * sample(rough, along * 6, across * 6) + 0.22 * sample(tile, along * 9, across * 9)) * ramp(
        mound, 0, 0.5
    )
    grit = np.exp(0.28 * sample(rough, along * 5 + 9, across * 5))[..., None]
    world.put(where, mound + 0.05, mound > 0.06, DUST * 0.62 * grit, RUBBLE)
    kinds = np.array(
        [CONCRETE, CONCRETE * 1.3, DUST, [0.33, 0.17, 0.11], [0.47, 0.44, 0.39], [0.16, 0.13, 0.10], [0.22, 0.24, 0.27]]
    )
    for _ in range(int(pieces * min(world.cells / 2000, 1))):  # fewer in a thumbnail
        away, turn = radius * np.abs(rng.normal(0, 0.62)), rng.uniform(0, 2 * np.pi)
        px, py = x + away * np.cos(turn), y + away * np.sin(turn)
        long = min(0.16 * (1 - rng.uniform()) ** -0.55, 3.2)
        wide = long * rng.uniform(0.25, 1.0)
        place = world.window(px, py, long * 0.75, rng.uniform(0, np.pi))
        if place is None:
            continue
        spot, a, b = place
        base = float(world.nearest(world.height, px, py))
        if base > tall + 1.5:
            continue
        shape = (
            (np.abs(a) < long / 2)
            & (np.abs(b) < wide / 2)
            & (a * rng.uniform(-1, 1) + b < wide * rng.uniform(0.2, 0.6))
        )
        plate = base + rng.uniform(0.05, 0.22) * long + rng.normal(0, 0.30) * a + rng.normal(0, 0.30) * b
        colour = kinds[rng.choice(7, p=[0.34, 0.14, 0.2, 0.14, 0.08, 0.06, 0.04])] * rng.lognormal(-0.12, 0.3)
        world.put(spot, plate, shape, colour, RUBBLE)


def park(world, x, y, angle, parts):
    """A vehicle from boxes (along, across, length, width, height, colour), rounded a little at the edges."""
    where, along, across = world.window(x, y, 10, angle)
    for a, b, long, wide, up, colour in parts:
        edge = np.minimum(long / 2 - np.abs(along - a), wide / 2 - np.abs(across - b))
        raised = world.put(where, up + 0.12 * ramp(edge, 0, 0.25), edge > 0, np.array(colour), VEHICLE)
        world.remember_walls(where, raised, along - a, across - b, long / 2, wide / 2, angle, 0.0, 0.5)


def car(colour):
    """Parts of a small car."""
    glass = (0.04, 0.05, 0.06)
    return [(0, 0, 4.2, 1.75, 0.85, colour), (-0.2, 0, 2.5, 1.6, 1.25, glass), (-0.25, 0, 1.7, 1.45, 1.45, colour)]


RED, WHITE, GLASS, BLUE = (0.42, 0.025, 0.02), (0.55, 0.55, 0.55), (0.03, 0.04, 0.05), (0.05, 0.15, 1.6)
FIRE_ENGINE = [
    (0, 0, 7.6, 2.5, 2.5, RED),
    (3.25, 0, 1.1, 2.3, 2.55, GLASS),
    (2.7, 0, 1.7, 2.4, 2.85, RED),
    (2.8, 0.6, 0.5, 0.6, 3.1, BLUE),
    (2.8, -0.6, 0.5, 0.6, 3.1, BLUE),
    (-0.9, 0, 5.4, 1.9, 2.75, (0.30, 0.30, 0.31)),
    (-0.6, 0.45, 6.2, 0.12, 3.2, WHITE),
    (-0.6, -0.45, 6.2, 0.12, 3.2, WHITE),
] + [(-3.4 + 0.55 * k, 0, 0.12, 0.9, 3.15, WHITE) for k in range(11)]
AMBULANCE = [
    (0, 0, 5.6, 2.1, 1.2, WHITE),
    (-0.7, 0, 4.0, 2.1, 2.5, WHITE),
    (1.7, 0, 0.9, 1.9, 1.9, GLASS),
    (-0.6, 0, 3.8, 0.45, 2.55, RED),
    (0.9, 0, 0.35, 1.5, 2.8, BLUE),
]
YELLOW = (0.62, 0.36, 0.02)
EXCAVATOR = (
    [
        (0, 1.0, 3.6, 0.6, 0.9, (0.06, 0.06, 0.06)),
        (0, -1.0, 3.6, 0.6, 0.9, (0.06, 0.06, 0.06)),
        (-0.4, 0, 3.0, 2.3, 1.9, YELLOW),
        (0.5, 0.6, 1.2, 1.0, 2.8, GLASS),
        (0.5, 0.6, 1.0, 0.9, 2.95, YELLOW),
    ]
    + [(1.3 + 0.25 * k, -0.3, 0.3, 0.4, 2.0 + 0.22 * k, YELLOW) for k in range(12)]
    + [(4.3 + 0.2 * k, -0.3, 0.25, 0.4, 4.4 - 0.35 * k, YELLOW) for k in range(9)]
)


def scatter_slabs(world, rng, tile, rough, x, y, spread, count, biggest):
    """Broken pieces of floor lying at odd angles on the rubble around a place."""
    for _ in range(count):
        px, py = x + rng.normal(0, spread), y + rng.normal(0, spread)
        long, wide = rng.uniform(0.3, 1, 2) * biggest
        level = float(world.nearest(world.height, px, py)) + rng.uniform(0.1, 0.6)
        lean = rng.normal(0, 0.25, 2)
        drop_slab(world, rng, tile, rough, px, py, long, 0.7 * wide, rng.uniform(0, 3), level, *lean)


def build_scene(world, rng, tile, rough):
    """Everything standing and fallen, near to far."""
    for x, y, long, wide, floors in BLOCKS:
        build_block(world, rng, rough, x, y, long, wide, floors)

    def left_standing(along, across):
        ragged = 0.35 * sample(tile, along * 6, across * 6) + 0.25 * sample(tile, along * 18, across * 18 + 50)
        return 5.6 + 0.42 * np.minimum(across - 2, 0) - 0.28 * np.maximum(along + 1, 0) + ragged

    # the sheared block: its near corner has gone
    build_block(world, rng, rough, -17, 63, 16, 24, 5, broken=left_standing)
    heap(world, rng, tile, rough, -12, 47, 10, 3.6, 2600)
    # the pancaked block: floors stacked like cards, sliding towards the street
    heap(world, rng, tile, rough, 19, 36, 16, 4.2, 2600)
    for k in range(5):
        x, y = np.array([21 - 0.9 * k, 37 + 0.6 * k]) + rng.normal(0, 0.55, 2)
        lean = np.array([0.16, 0.03]) + rng.normal(0, 0.022, 2)
        turn, level = rng.normal(0, 0.07), 2.0 + 1.15 * k
        drop_slab(world, rng, tile, rough, x, y, 17 - 0.9 * k, 21 - 1.1 * k, turn, level, *lean)
    heap(world, rng, tile, rough, 20, 74, 15, 5.5, 2400)
    scatter_slabs(world, rng, tile, rough, 20, 73, 7, 16, 8)
    for x, y, radius, tall, pieces in SPILLS:
        heap(world, rng, tile, rough, x, y, radius, tall, pieces)
    scatter_slabs(world, rng, tile, rough, 19, 30, 8, 26, 5.5)
    scatter_slabs(world, rng, tile, rough, -11, 46, 5, 12, 4.5)
    park(world, 1.0, 29.0, 1.75, FIRE_ENGINE)
    park(world, 5.2, 53.0, 1.45, AMBULANCE)
    park(world, 3.8, 40.0, 0.35, EXCAVATOR)
    for x, y, turn, tone in ((-2.2, 55, 1.57, 0.12), (-2.1, 76, 1.6, 0.4), (8, 84, 1.5, 0.05), (-1.8, 92, 1.55, 0.06)):
        park(world, x, y, turn, car((tone, tone, tone * 1.1)))
    park(world, 7.6, 18, 1.2, car((0.25, 0.06, 0.05)))
    for _ in range(32):
        x, y = rng.normal(4, 4.5), rng.normal(36, 11)
        foot = float(world.nearest(world.height, x, y))
        vest = [(0.55, 0.16, 0.03), (0.42, 0.42, 0.06), (0.05, 0.07, 0.15)][rng.integers(3)]
        if foot < 0.6 and world.nearest(world.material, x, y) != VEHICLE:
            body, helmet = (0, 0, 0.26, 0.42, foot + 1.3, vest), (0, 0, 0.2, 0.2, foot + 1.55, (0.5, 0.45, 0.3))
            park(world, x, y, 0, [body, helmet])
    for x, y in ((-7.5, 84), (13.5, 92), (-7.6, 112), (13.4, 118), (-27, 20), (-28, 52), (33, 84), (34, 50)):
        grow_tree(world, rng, rough, x, y, rng.uniform(2.2, 3.2), 0.3, 1.35, (0.06, 0.085, 0.04))


def paint_walls(world, rough, x, y, ray_z, top, what):
    """Colour and facing of upright faces: windows and plaster, torn rooms, slab edges, vehicle sides."""
    along, _, faces, style = np.moveaxis(world.nearest(world.wall, x, y), -1, 0)
    grain = sample(rough, along * 6 + 31 * style, ray_z * 6)
    stain = sample(rough, along * 0.7 + 90 * style, ray_z * 0.35)
    hue = np.abs(style) * 7 % 1
    plaster = mix(
        mix([0.52, 0.44, 0.33], [0.42, 0.40, 0.38], ramp(hue, 0.2, 0.5)), [0.50, 0.34, 0.26], ramp(hue, 0.6, 0.9)
    )
    plaster = plaster * np.exp(0.07 * grain + 0.13 * stain)[..., None]
    bay, storey = 2.7 + 0.8 * (hue * 5 % 1), ray_z / STOREY_M % 1
    a = np.abs(along / bay % 1 - 0.5) * bay
    code = np.abs(np.sin(np.floor(along / bay) * 12.9 + np.floor(ray_z / STOREY_M) * 78.2 + style * 40) * 4375) % 1
    tall = np.abs(storey - 0.55) * STOREY_M
    pane = (a < 0.62) & (tall < 0.78)
    frame = (a < 0.74) & (tall < 0.90) & ~pane | pane & (a < 0.045)
    glass = mix([0.035, 0.042, 0.05], [0.16, 0.19, 0.22], (code > 0.62) * ramp(storey, 0.2, 0.9))
    glass = mix(glass, [0.36, 0.33, 0.27], (code < 0.22) * (storey > 0.48))
    wall = mix(mix(plaster, [0.55, 0.53, 0.5], frame), glass, pane)
    wall = mix(wall, CONCRETE * 0.75, storey < 0.07)
    patch = ramp(stain + 0.5 * grain, 1.5, 1.9)
    wall = mix(wall, [0.27, 0.145, 0.095], patch * ~pane)
    crack = ramp(np.abs(sample(rough, along * 1.1, ray_z * 1.1 + 60 * style)), 0.05, 0.0) * ramp(stain, 0.0, 1.0)
    wall = mix(wall, [0.05, 0.045, 0.04], 0.7 * crack)
    room = np.abs(np.sin(np.floor(along / 3.4) * 3.7 + np.floor(ray_z / STOREY_M) * 9.1)) * 9 % 1
    inner = mix(mix([0.30, 0.25, 0.18], [0.16, 0.22, 0.24], room > 0.4), [0.34, 0.20, 0.17], room > 0.75)
    inner = inner * (np.exp(0.25 * grain) * (0.22 + 0.5 * ramp(storey, 0.95, 0.1)))[..., None]
    inner = mix(inner, [0.02, 0.02, 0.02], (sample(rough, along * 2, ray_z * 2) > 0.8) & (storey < 0.6))
    inner = mix(inner, CONCRETE * 1.1, (storey < 0.10) | (np.abs(along % 3.4 - 1.7) > 1.6))
    wall = np.where((style < 0)[..., None], inner, wall)
    below = top - ray_z
    plate = mix([0.045, 0.04, 0.036], CONCRETE * 1.15, ramp(below % 1.1, 0.34, 0.28) * ((below < 0.4) | (style > 0.5)))
    plate = mix(plate, DUST * 0.5, ramp(sample(rough, along * 3, ray_z * 3) + 0.9 * (style < 0.5), 0.4, 1.2))
    wall = np.where((what == SLAB)[..., None], plate * np.exp(0.15 * grain)[..., None], wall)
    return wall, faces, pane & (what == ROOF) & (style >= 0)


def render(size, seed=21):
    """The picture as uint8 [size, size, 3]."""
    rng = np.random.default_rng(seed)
    full = size * 2
    tile, rough = fractal(rng, (512, 512), 1.4), fractal(rng, (512, 512), 0.8)
    world = World(max(int(size * 4.5), 96), EXTENT_M)
    lay_street(world, tile, rough)
    build_scene(world, rng, tile, rough)
    direct, open_sky = world.sunlight(SUN_AZIMUTH, SUN_ELEVATION)

    def surface(x, y):
        skyline = 14 + 5 * np.round(2 * sample(tile, np.round(x / 16) * 3.7, np.round(y / 20) * 5.1))
        return np.where(y < EXTENT_M - 1, world.look(world.height, x, y), skyline)

    camera = Camera(full, (3.0, -14.0, 27.0), 0.02, -0.92, 0.16, max(full * 4, 64), 20, 600)
    depth, x, y, ray_z, top = camera.cast(surface)
    sky = np.isinf(depth)
    depth, x, y = np.where(sky, 600, depth), np.where(sky, 0, x), np.where(sky, 0, y)
    x, y, top = world.enter_walls(camera, x, y, ray_z, top)
    what = world.nearest(world.material, x, y)
    albedo = world.look(world.albedo, x, y)
    albedo = albedo * np.exp(0.13 * sample(rough, x * 17, y * 17 + 9 * ray_z))[..., None]
    sunlit, ambient = world.look(direct, x, y), world.look(open_sky, x, y)
    wall = (top - ray_z > 0.25) & np.isin(what, (ROOF, SLAB))
    painted, faces, glass = paint_walls(world, rough, x, y, ray_z, top, what)
    out_x, out_y = x + 0.4 * np.cos(faces), y + 0.4 * np.sin(faces)
    facing = np.clip(np.cos(faces - SUN_AZIMUTH), 0, 1) * np.cos(SUN_ELEVATION)
    lit = facing * ramp(ray_z - world.look(world.skyline, out_x, out_y), -0.2, 0.3)
    side = (top - ray_z > 0.2) & (what == VEHICLE)
    albedo = np.where(wall[..., None], painted, albedo)
    albedo = np.where((side & (ray_z < 0.65))[..., None], 0.03, albedo)
    sunlit = np.where(wall | side, lit, sunlit)
    ambient = np.where(wall | side, 0.30 + 0.35 * ramp(ray_z, 0, 14), ambient)
    light = albedo * (sunlit[..., None] * SUN + ambient[..., None] * SKY + 0.10 * SUN * (wall | side)[..., None])
    light += (wall & glass)[..., None] * SKY * 0.05
    dust = ramp(sample(tile, x / 3 + 20, depth / 5) + 0.6, -0.5, 2.5)
    thick = depth / 560 + 0.30 * blur(dust * ramp(depth, 50, 110), full * 0.012) * ramp(16 - ray_z, 0, 14)
    plume = np.exp(-(((x - 20) / 22) ** 2 + ((y - 84) / 20) ** 2)) * ramp(
        sample(tile, x / 2 + ray_z / 2, ray_z / 1.5 + 90) + 0.3, -0.8, 1.8
    )
    light = mix(light, HAZE, np.where(sky, 1, 1 - np.exp(-thick - 0.9 * blur(plume.astype(np.float32), full * 0.008))))
    v = np.linspace(1, 0, full)[:, None] + 0 * depth
    light = np.where(sky[..., None], mix(HAZE, [0.66, 0.72, 0.80], ramp(v, 0.84, 1.1)), light)
    return develop(light, rng, exposure=0.62, contrast=0.45, bloom=0.10, grain=0.010, size=size)
