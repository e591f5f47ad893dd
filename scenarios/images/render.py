"""Draw the demo pictures, so that no photo of a real disaster has to be shipped.

python scenarios/images/render.py [--out DIR] [--size 512] [NAME ...]
"""

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
NAMES = ("forest_fire", "flooded_valley", "collapsed_buildings")


def render(name: str, size: int = 512) -> np.ndarray:
    """One picture as uint8 [size, size, 3]; the same bytes every time."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return importlib.import_module(f"scenes.{name}").render(size)


def main() -> None:
    """Write the pictures as PNG files."""
    parser = argparse.ArgumentParser(description="Draw the demo pictures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones (default: {', '.join(NAMES)})")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: next to this script)")
    parser.add_argument("--size", type=int, default=512, help="width and height in pixels (default: 512)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or NAMES:
        Image.fromarray(render(name, arguments.size)).save(arguments.out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
