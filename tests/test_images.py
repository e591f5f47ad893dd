import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FOLDER = Path(__file__).parent.parent / "scenarios" / "images"
NAMES = ["forest_fire", "flooded_valley", "collapsed_buildings"]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("render_images", FOLDER / "render.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_there_in_colour_and_small_enough_to_ship(name):
    path = FOLDER / f"{name}.png"
    with Image.open(path) as picture:
        assert (picture.size, picture.mode) == ((512, 512), "RGB")
    assert path.stat().st_size < 700_000


def test_the_script_knows_these_pictures(script):
    assert list(script.NAMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_rendering_twice_gives_the_same_pixels_and_a_thumbnail_is_quick(script, name):
    started_s = time.process_time()
    first, second = script.render(name, size=32), script.render(name, size=32)
    assert first.shape == (32, 32, 3)
    assert first.dtype == np.uint8
    assert first.tobytes() == second.tobytes()
    assert first.std() > 10
    assert time.process_time() - started_s < 60
