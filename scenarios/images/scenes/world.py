"""A square of ground seen from the air: height, colour and material maps, objects put on it, sunlight on them."""

import numpy as np

from scenes.common import blur, ramp, sample, shadow, skyline

GROUND, TREE, ROOF, ROAD, BRIDGE, SLAB, RUBBLE, VEHICLE = range(8)


class World:
    """Maps over x from -extent/2 to extent/2 and y from 0 to extent, in metres."""

    def __init__(self, cells, extent_m):
        self.cells, self.extent_m, self.cell_m = cells, extent_m, extent_m / cells
        self.x = ((np.arange(cells, dtype=np.float32) + 0.5) * self.cell_m - extent_m / 2)[None, :]
        self.y = ((np.arange(cells, dtype=np.float32) + 0.5) * self.cell_m)[:, None]
        self.height = np.zeros((cells, cells), np.float32)
        self.albedo = np.zeros((cells, cells, 3), np.float32)
        self.material = np.zeros((cells, cells), np.uint8)
        self.wall = np.zeros((cells, cells, 4), np.float32)

    def index(self, x, y):
        """Fractional column and row of a point."""
        return (x + self.extent_m / 2) / self.cell_m - 0.5, y / self.cell_m - 0.5

    def look(self, layer, x, y):
        """A layer's smooth value at points, edges extended."""
        column, row = self.index(x, y)
        return sample(layer, np.clip(column, 0, self.cells - 1.001), np.clip(row, 0, self.cells - 1.001))

    def nearest(self, layer, x, y):
        """A layer's value in the cell of each point, edges extended."""
        column, row = self.index(x, y)
        last = self.cells - 1
        return layer[np.clip(row + 0.5, 0, last).astype(np.int32), np.clip(column + 0.5, 0, last).astype(np.int32)]

    def window(self, x, y, reach, angle=0.0):
        """Slices around a point with coordinates along and across a direction; None when outside."""
        column, row = self.index(x, y)
        cells = reach / self.cell_m + 1
        r0, r1 = max(int(row - cells), 0), min(int(row + cells) + 2, self.cells)
        c0, c1 = max(int(column - cells), 0), min(int(column + cells) + 2, self.cells)
        if r0 >= r1 or c0 >= c1:
            return None
        dx, dy = self.x[:, c0:c1] - x, self.y[r0:r1] - y
        c, s = np.cos(angle), np.sin(angle)
        return (slice(r0, r1), slice(c0, c1)), dx * c + dy * s, dy * c - dx * s

    def enter_walls(self, camera, x, y, ray_z, top):
        """Hits on upright faces moved a little way in, so that they read the maps of what stands there."""
        ahead_x, ahead_y = camera.world(2.2 * self.cell_m, camera.sideways[None, :])
        in_x, in_y = x + ahead_x - camera.position[0], y + ahead_y - camera.position[1]
        in_top = self.nearest(self.height, in_x, in_y)
        upright = (in_top - ray_z > max(0.3, 3.5 * self.cell_m)) & (y < self.extent_m - 1)
        return np.where(upright, in_x, x), np.where(upright, in_y, y), np.where(upright, in_top, top)

    def put(self, place, top, inside, colour, material):
        """Raise the ground to `top` where `inside` and higher than before; paint what was raised. Returns that mask."""
        raised = inside & (top > self.height[place])
        self.height[place] = np.where(raised, top, self.height[place])
        self.albedo[place] = np.where(raised[..., None], colour, self.albedo[place])
        self.material[place] = np.where(raised, material, self.material[place])
        return raised

    def remember_walls(self, place, inside, along, across, half_long, half_wide, angle=0.0, floor=0.0, style=0.0):
        """Keep, for upright faces: distance along the wall, height of its foot, direction it faces, a style number."""
        long_side = half_wide - np.abs(across) < half_long - np.abs(along)
        faces = angle + np.where(long_side, np.sign(across) * np.pi / 2, np.where(along > 0, 0, np.pi))
        layers = np.where(long_side, along, across), np.full_like(along, floor), faces, np.full_like(along, style)
        self.wall[place][inside] = np.stack(layers, -1)[inside]

    def sunlight(self, azimuth, elevation, spread=0.035):
        """Direct sun 0..1 from lambert and soft shadows, and open sky 0..1, per cell."""
        slope_y, slope_x = np.gradient(self.height, self.cell_m)
        facing = np.sin(elevation) - np.cos(elevation) * (slope_x * np.cos(azimuth) + slope_y * np.sin(azimuth))
        facing = np.clip(facing / np.sqrt(1 + slope_x**2 + slope_y**2), 0, 1)
        self.skyline = skyline(self.height, self.cell_m, azimuth, elevation)
        lit = (
            sum(
                shadow(self.height, self.cell_m, azimuth + k * spread, elevation + k * spread / 3, 0.35)
                for k in (-1, 0, 1)
            )
            / 3
        )
        hollow = sum(np.clip((blur(self.height, r / self.cell_m) - self.height) / r, -1, 2) for r in (0.8, 3.0)) / 2
        return facing * lit, np.clip(1 - 0.75 * ramp(hollow, -0.35, 1.3), 0, 1) * (
            0.6 + 0.4 / np.hypot(1, np.hypot(slope_x, slope_y))
        )


def grow_tree(world, rng, tile, x, y, radius, ground, tall=1.3, colour=(0.055, 0.085, 0.03)):
    """A broadleaf crown: a lumpy dome with leaf-scale noise."""
    place = world.window(x, y, radius * 1.4)
    if place is None:
        return
    where, along, across = place
    offset = rng.uniform(0, 512, 2)
    leaves = sample(tile, along * 3.2 + offset[1], across * 3.2 + offset[0])
    crown = np.full(np.broadcast(along, across).shape, -1.0, np.float32)
    for k in range(rng.integers(7, 15)):
        away, turn, part = 0.68 * np.sqrt(rng.uniform()) * (k > 0), rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.52)
        distance = np.hypot(along / radius - away * np.cos(turn), across / radius - away * np.sin(turn)) / part
        crown = np.maximum(
            crown,
            (1 - away) * 0.75 + part * (np.sqrt(np.clip(1 - distance**2, 0, 1)) - 3.0 * (distance > 1 + 0.1 * leaves)),
        )
    lumps = crown - 0.7
    top = ground + radius * tall * (0.25 + np.clip(crown, 0, 2)) + 0.20 * leaves * radius**0.5
    tone = np.exp(0.28 * leaves + 0.5 * lumps)[..., None] * rng.uniform(0.75, 1.3)
    hue = np.array(colour) * np.array([rng.uniform(0.8, 1.35), 1, rng.uniform(0.8, 1.1)])
    world.put(where, top, crown > 0, tone * hue, TREE)
