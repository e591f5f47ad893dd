"""A river valley under brown water, from a drone: fields, hedges and a village road going under, sun on the flood."""

import numpy as np

from scenes.common import Camera, develop, fractal, mix, ramp, sample
from scenes.world import BRIDGE, GROUND, ROAD, ROOF, TREE, World, grow_tree

EXTENT_M = 520.0
BRIDGE_AT = 60.0, 168.0
SUN_AZIMUTH, SUN_ELEVATION = 1.05, 0.52
SUN, SKY, HAZE = np.array([2.9, 2.45, 1.85]), np.array([0.50, 0.60, 0.74]), np.array([0.74, 0.78, 0.80])
MUD = np.array([0.235, 0.165, 0.095])


def river_middle(y):
    """World x of the river's old bed."""
    return 60 + 42 * np.sin((y - 168) / 95) + 0.06 * (y - 168)


def road_middle(y):
    """World x of the village road."""
    return -34 + 30 * np.sin(y / 120 + 2.4) + 0.02 * y


def crossing(x):
    """World y of the lane that crosses the river on the bridge."""
    return 168 + 0.12 * (x - 60) + 12 * np.sin((x - 60) / 70)


def lay_ground(world, tile):
    """Land height around the flood level 0, with fields, their crops, and the roads."""
    x, y = world.x + 0 * world.y, world.y + 0 * world.x
    broad = sample(tile, x / 9 + 30, y / 9 + 60)
    land = (
        -1.25 + 0.9 * broad + 0.0125 * np.abs(x - river_middle(y)) - 2.0 * np.exp(-(((x - river_middle(y)) / 20) ** 2))
    )
    land -= 2.3 * ramp(y, 95, 150) * ramp(y, 330, 260) * np.exp(-(((x - road_middle(y)) / 55) ** 2))
    land += 3.2 * ramp(-x, 70, 230) + 2.0 * ramp(60 - y - 0.4 * x, 0, 60)
    # parcels: rotated, bent cells with their own crop, tone and row direction
    a, b = 0.94 * x + 0.34 * y + 3 * broad, -0.34 * x + 0.94 * y
    i = np.floor(a / 74)
    shifted = b + 37 * (np.sin(i * 12.9) + 1)
    j = np.floor(shifted / 58)
    code = np.abs(np.sin(i * 127.1 + j * 311.7) * 43758.5) % 1
    border = np.minimum(np.minimum(a % 74, 74 - a % 74), np.minimum(shifted % 58, 58 - shifted % 58))
    crops = np.array(
        [[0.10, 0.125, 0.045], [0.14, 0.155, 0.06], [0.28, 0.235, 0.12], [0.17, 0.12, 0.08], [0.085, 0.11, 0.042]]
    )
    colour = crops[(code * 5).astype(int)]
    rows = np.where(code * 7 % 1 > 0.5, a, b) / (1.1 + 1.2 * (code * 13 % 1))
    fine = sample(tile, x * 3, y * 3)
    colour = colour * np.exp(0.16 * np.sin(rows * 2 * np.pi)[..., None] * (code * 3 % 1)[..., None])
    tramlines = ramp(np.abs((np.where(code * 7 % 1 > 0.5, a, b) % 18) - 9), 0.9, 0.3)
    colour = mix(colour, [0.20, 0.16, 0.09], 0.45 * tramlines)
    colour *= np.exp(0.20 * fine + 0.22 * sample(tile, x / 2.2, y / 2.2))[..., None]
    colour = mix(colour, [0.07, 0.11, 0.03], ramp(-border, -2.0, -1.0))
    colour = mix(colour, MUD * 0.75, 0.75 * ramp(-land + 0.25 * fine, -0.45, 0.05))
    land = land + 0.05 * fine
    world.material[:] = GROUND
    for side, width, raise_m in ((x - road_middle(y), 3.2, 0.55), ((y - crossing(x)), 2.3, 0.35)):
        on = np.abs(side) < width
        bank = ramp(-np.abs(side), -width - 3.5, -width)
        land = land + raise_m * bank
        asphalt = np.array([0.125, 0.125, 0.13]) * np.exp(0.10 * fine)[..., None]
        lines = np.maximum(
            ramp(np.abs(np.abs(side) - width + 0.4), 0.28, 0.02), ramp(np.abs(side), 0.28, 0.02) * (y % 9 < 4)
        )
        asphalt = mix(asphalt, [0.42, 0.41, 0.38], lines * (width > 3) * (0.7 + 0.2 * fine))
        asphalt = mix(asphalt, MUD * 0.8, ramp(sample(tile, x / 1.5, y / 4), 0.2, 1.6) * 0.7)
        colour = np.where(on[..., None], asphalt, colour)
        world.material[on] = ROAD
    world.height[:], world.albedo[:] = land, colour
    return land.copy(), border


def build_house(world, rng, tile, x, y, angle, floor, size=(11, 8), eave=4.6):
    """A gabled house with tiled roof and chimney standing on `floor`."""
    place, along, across = world.window(x, y, max(size) * 0.9, angle)
    half_long, half_wide = size[0] / 2, size[1] / 2
    roof = floor + eave + (1 - np.abs(across) / half_wide) * half_wide * 0.85
    tiles = np.exp(
        0.10 * np.sin(across * 2 * np.pi / 0.55)
        + 0.13 * sample(tile, along * 5 + x, across * 5 + y)
        + 0.18 * sample(tile, along * 0.8 + y, across * 0.8 + x)
    )
    base = [(0.30, 0.105, 0.055), (0.24, 0.085, 0.05), (0.10, 0.10, 0.11), (0.34, 0.15, 0.08)][rng.integers(4)]
    colour = np.array(base) * tiles[..., None]
    colour = mix(colour, np.array(base) * 0.6, (np.abs(across) < 0.22))
    inside = (np.abs(along) < half_long) & (np.abs(across) < half_wide)
    world.put(place, roof, inside, colour, ROOF)
    world.remember_walls(place, inside, along, across, half_long, half_wide, angle, floor)
    at = rng.uniform(-0.3, 0.3) * size[0]
    stack = (np.abs(along - at) < 0.5) & (np.abs(across - 0.9) < 0.45)
    world.put(
        place, np.full_like(roof, floor + eave + half_wide * 0.85 + 0.9), stack, np.array([0.22, 0.12, 0.09]), ROOF
    )


def build_bridge(world, tile):
    """A stone road bridge over the river bed, its deck above the flood, parapets on both sides."""
    x, y = BRIDGE_AT
    place, along, across = world.window(x, y, 36, 0.29)
    deck = 2.7 - 0.0011 * along**2
    inside = (np.abs(along) < 31) & (np.abs(across) < 4.6)
    stone = np.array([0.36, 0.33, 0.28]) * np.exp(0.15 * sample(tile, along * 4, across * 4))[..., None]
    asphalt = np.array([0.15, 0.15, 0.155]) * np.exp(0.1 * sample(tile, along * 6, across * 6))[..., None]
    world.put(place, deck + 0 * across, inside, np.where((np.abs(across) < 3.8)[..., None], asphalt, stone), BRIDGE)
    world.put(place, deck + 1.0 + 0 * across, inside & (np.abs(across) > 4.1), stone, BRIDGE)


def settle(world, rng, tile, rough, land, border):
    """The village along the road, then hedges, orchards and river trees."""
    for y in np.arange(62, 400, 19.0):
        for side in (-1, 1):
            if rng.uniform() < 0.18:
                continue
            x = road_middle(y) + side * rng.uniform(13, 19)
            py = y + rng.uniform(-5, 5)
            floor = float(world.nearest(land, x, py))
            floor = min(floor, rng.uniform(-2.4, -0.6)) if floor < 0.15 else floor
            angle = np.arctan2(19, road_middle(y + 19) - road_middle(y)) + rng.choice([0, np.pi / 2])
            build_house(
                world, rng, tile, x, py, angle, floor, (rng.uniform(10, 14), rng.uniform(7.5, 9)), rng.uniform(3.8, 5.4)
            )
    build_house(world, rng, tile, 36, 86, 0.5, -2.2, (24, 11), 4.2)
    build_house(world, rng, tile, 66, 104, 0.5, -2.0, (13, 9), 4.4)
    hedge = np.argwhere((border < 1.6)[::3, ::3]) * 3
    hedge = hedge[rng.permutation(len(hedge))[: int(EXTENT_M * 4.2)]]
    spots = [(c * world.cell_m - EXTENT_M / 2, r * world.cell_m, rng.uniform(1.3, 3.4)) for r, c in hedge]
    spots += [
        (x, y, rng.uniform(2.6, 5.2))
        for y in rng.uniform(20, EXTENT_M, 230)
        for x in [river_middle(y) + rng.choice([-1, 1]) * rng.normal(25, 3)]
    ]
    spots += [(rng.normal(road_middle(y), 26), y, rng.uniform(1.8, 4)) for y in rng.uniform(50, 400, 150)]
    spots += [
        (c[0] + rng.normal(0, 16), c[1] + rng.normal(0, 13), rng.uniform(2.5, 5))
        for c in rng.uniform([-250, 60], [250, 500], (9, 2))
        for _ in range(34)
    ]
    for x, y, radius in spots:
        here, what = world.nearest(land, x, y), world.nearest(world.material, x, y)
        if (
            what in (GROUND, TREE)
            and abs(x - road_middle(y)) > 5 + radius
            and np.hypot(x - BRIDGE_AT[0], (y - BRIDGE_AT[1] + 12) / 0.7) > 36
        ):
            grow_tree(world, rng, rough, x, y, radius, here, rng.uniform(1.1, 1.7), (0.058, 0.074, 0.030))


def render(size, seed=5):
    """The picture as uint8 [size, size, 3]."""
    rng = np.random.default_rng(seed)
    full = size * 2
    tile, rough = fractal(rng, (512, 512), 1.4), fractal(rng, (512, 512), 0.75)
    world = World(max(int(size * 4.5), 64), EXTENT_M)
    land, border = lay_ground(world, tile)
    build_bridge(world, tile)
    settle(world, rng, tile, rough, land, border)
    direct, open_sky = world.sunlight(SUN_AZIMUTH, SUN_ELEVATION)

    def hills(x, y):
        """Land beyond the mapped square: flooded flats with woods, then the valley sides."""
        wood = np.clip(sample(tile, x / 20, y / 12) + 0.1, 0, 0.4) * 24 + 2.5 * sample(tile, x / 2, y / 2)
        side = 420 * ramp(y + 0.9 * np.abs(x + 60), 1000, 4200) * (0.8 + 0.22 * sample(tile, x / 40, y / 60))
        return np.where(wood > 1.5, wood, -0.6) * ramp(y, EXTENT_M, EXTENT_M + 10) + side

    def surface(x, y):
        near = np.maximum(world.look(world.height, x, y), 0)
        inside = y < EXTENT_M - 1
        return np.where(inside, near, np.maximum(hills(x, y), 0))

    camera = Camera(full, (0.0, -38.0, 62.0), 0.04, -1.02, 0.075, max(full * 3, 64), 40, 6000)
    depth, x, y, ray_z, top = camera.cast(surface)
    sky = np.isinf(depth)
    depth, x, y = np.where(sky, 6000, depth), np.where(sky, 0, x), np.where(sky, EXTENT_M * 2, y)
    x, y, top = world.enter_walls(camera, x, y, ray_z, top)
    outside = y >= EXTENT_M - 1
    detail = sample(rough, x * 7, y * 7 + 5 * ray_z)
    albedo, what = world.look(world.albedo, x, y), world.nearest(world.material, x, y)
    sunlit, ambient = world.look(direct, x, y), world.look(open_sky, x, y)
    ground = world.look(land, x, y)
    # walls: rays that pass below the top of something upright
    wall = (top - ray_z > 0.3) & ~outside & np.isin(what, (ROOF, BRIDGE))
    along, floor, _, _ = np.moveaxis(world.nearest(world.wall, x, y), -1, 0)
    window = (np.abs(along % 2.7 - 1.35) < 0.5) & (np.abs((ray_z - floor) % 2.7 - 1.7) < 0.65) & (ray_z - floor < 5.2)
    plaster = mix([0.50, 0.46, 0.39], [0.08, 0.08, 0.09], window & (what == ROOF)) * np.exp(0.1 * detail)[..., None]
    arch = np.hypot((x - BRIDGE_AT[0]) % 20 - 10, (ray_z + 1.4) * 2.8) < 8.2
    plaster = np.where((what == BRIDGE)[..., None], mix([0.30, 0.27, 0.22], [0.035, 0.03, 0.025], arch), plaster)
    albedo = np.where(wall[..., None], mix(plaster, MUD, 0.7 * ramp(-ray_z, -0.9, -0.1)), albedo)
    sunlit, ambient = np.where(wall, 0.10, sunlit), np.where(wall, 0.75, ambient)
    crown = what == TREE
    albedo = np.where(
        crown[..., None], albedo * np.exp(0.40 * detail)[..., None], albedo * np.exp(0.10 * detail)[..., None]
    )
    ambient = np.where(crown, ambient * (0.35 + 0.65 * ramp(ray_z / np.maximum(top, 0.5), 0.0, 0.9)), ambient)
    far_wood = mix(
        [0.045, 0.060, 0.03], [0.16, 0.17, 0.09], ramp(sample(tile, x / 30, y / 30 + 30), 0, 0.3) * (ray_z > 14)
    )
    albedo = np.where(outside[..., None], far_wood * np.exp(0.3 * sample(tile, x / 3, y / 3))[..., None], albedo)
    sunlit, ambient = np.where(outside, 0.22, sunlit), np.where(outside, 0.8, ambient)
    light = albedo * (sunlit[..., None] * SUN + ambient[..., None] * SKY)
    # water: silt colour, drowned ground showing in the shallows, rippled reflections, sun glitter
    wet = (
        (ray_z < 0.02)
        & (np.where(outside, hills(x, y), ground) < 0)
        & ~(np.isin(what, (ROOF, BRIDGE, TREE)) & (top > 0.3) & ~outside)
    )
    reflected = reflect(world, camera, tile, x, y, depth, wet, full, light, sky)
    light = np.where(wet[..., None], reflected(ground, sunlit, ambient, outside), light)
    fog = 1 - np.exp(-((depth / 2000) ** 1.1))
    light = mix(light, HAZE, fog)
    v = np.linspace(1, 0, full)[:, None] + 0 * depth
    cloud = ramp(sample(tile, np.arange(full)[None, :] / full * 50 + 0 * v, v * 500), -0.8, 1.6)
    light = np.where(sky[..., None], mix([0.70, 0.78, 0.86], [0.98, 0.96, 0.92], cloud), light)
    return develop(light, rng, exposure=0.80, contrast=0.25, bloom=0.10, grain=0.009, size=size)


def reflect(world, camera, tile, x, y, depth, wet, full, light, sky):
    """A function that colours flood water from the mirrored scene, traced over the height map."""
    column, row = np.meshgrid(camera.sideways, camera.upward)
    ahead_x, ahead_y = camera.world(1.0, column)
    ahead_x, ahead_y = ahead_x - camera.position[0], ahead_y - camera.position[1]
    length = np.sqrt(ahead_x**2 + ahead_y**2 + row**2)
    calm = np.clip(120 / depth, 0.15, 1)
    ripple_x = 0.020 * sample(tile, x * 5, y * 9) * calm + 0.010 * sample(tile, x * 0.8, y * 1.2)
    ripple_y = 0.030 * sample(tile, x * 5 + 200, y * 9) * calm + 0.014 * sample(tile, x * 0.8 + 90, y * 1.2)
    up = -row / length
    dx, dy = ahead_x / length + 2 * ripple_x * up, ahead_y / length + 2 * ripple_y * up
    mirrored = np.zeros((*x.shape, 3), np.float32)
    blocked = np.zeros(x.shape, bool)
    travelled = 0.3
    while travelled < 90:
        px, py = x + dx * travelled, y + dy * travelled
        hit = wet & ~blocked & (py < EXTENT_M - 2) & (world.nearest(world.height, px, py) > up * travelled)
        if hit.any():
            shade = world.nearest(world.albedo, px[hit], py[hit]) * (0.45 * SKY + 0.12 * SUN)
            mirrored[hit] = np.where(
                (world.nearest(world.material, px[hit], py[hit]) == ROOF)[:, None], shade * 2 + 0.03, shade
            )
            blocked |= hit
        travelled *= 1.13
    sky_colour = mix([0.62, 0.72, 0.86], [1.0, 0.98, 0.94], np.exp(-4 * up))
    mirrored = np.where(blocked[..., None], mirrored, sky_colour)
    fresnel = 0.03 + 0.97 * (1 - np.clip(up, 0, 1)) ** 5
    sun = (
        np.cos(SUN_AZIMUTH) * np.cos(SUN_ELEVATION),
        np.sin(SUN_AZIMUTH) * np.cos(SUN_ELEVATION),
        np.sin(SUN_ELEVATION),
    )
    towards = np.clip(dx * sun[0] + dy * sun[1] + up * sun[2], 0, 1)
    sparkle = np.exp(1.3 * sample(tile, x * 11, y * 16))
    glint = (6 * towards**260 + 0.28 * towards**40) * sparkle * ~blocked
    flow = sample(tile, (x - river_middle(y)) * 1.4 + 3 * sample(tile, x / 3, y / 3), y * 0.22)

    def colour(ground, sunlit, ambient, outside):
        """Light leaving the water surface."""
        shaded = np.where(outside, 0.5, sunlit)[..., None]
        silt = MUD * np.exp(0.13 * flow + 0.10 * sample(tile, x / 4, y / 4))[..., None]
        body = silt * (0.75 * SKY + 0.55 * SUN * (0.3 + shaded))
        body = mix(body, light, 0.7 * np.exp(-np.clip(-ground, 0, 9) / 0.16) * ~outside)
        strength = np.clip(fresnel * 1.6 + 0.04, 0, 0.9)
        return mix(body, mirrored, strength) + (glint * (0.2 + 0.8 * shaded[..., 0]))[..., None] * SUN * 0.30

    return colour
