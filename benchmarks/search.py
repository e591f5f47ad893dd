"""What a search for better indices is worth: quality by packets held, without and with it, on the same photos.

    python benchmarks/search.py [--model nano] [--steps 8] [--judge dists-lite] [--every 1] [SET ...]

Centre squares of 256x256 from the folders below SATSIM_DATA/eval (kodak, fire, aerial), every N-th photo of each;
weights from SATSIM_WEIGHTS. Each line: what is held, means before and after, their difference in percent, in brackets
its 95 % interval (bootstrap over photos, each photo with both its scores), and for how many photos it is better.
DISTS-lite and the colour difference (mean CIE 1976 of 8x8 means) are in the loss, and LPIPS-squeeze where it is
the judge; DISTS-VGG19 (see `quality.py`) and MS-SSIM are not.
"""

import argparse
import time

import numpy as np
from quality import DATA, PACKET_BYTES, SIDE, STAGES, load_dists

from codec import load_codec
from codec.evaluation.intervals import interval
from codec.folders import list_photos, read_photo
from codec.metrics import load_metric
from codec.metrics.lab import colors_of, difference
from codec.progic.codec import to_tensor

HELD = {"1": {0}, "2": {0, 1}, "5": set(range(STAGES)), "2 to 5": {1, 2, 3, 4}}
"""Packets of a photo, by what they are called."""
HIGHER = {"ms-ssim", "psnr"}
BOOTSTRAPS = 2000


def color_difference(reference, picture):
    """Mean CIE 1976 difference of 8x8 means."""
    return difference(*(colors_of(to_tensor(each, 8)) for each in (reference, picture))).mean().item()


def scores_of(image, codec, metrics):
    """Scores float[held, metrics] of one photo, and seconds of CPU that its encoding took."""
    begun = time.process_time()
    payloads = codec.encode(image, PACKET_BYTES)
    took = time.process_time() - begun
    pictures = [codec.decode({k: payloads[k] for k in held}, SIDE, SIDE) for held in HELD.values()]
    return [[metric(image, picture) for metric in metrics.values()] for picture in pictures], took


def tell(scores, names):
    """Lines on float[photos, 2, held, metrics]."""
    photos = len(scores)
    for m, name in enumerate(names):
        print(f"  {name}")
        for h, held in enumerate(HELD):
            before, after = scores[:, 0, h, m], scores[:, 1, h, m]
            low, high = (100 * (ratio - 1) for ratio in interval(after, before, BOOTSTRAPS, seed=0))
            better = int(((after > before) if name in HIGHER else (after < before)).sum())
            change = 100 * (after.mean() / before.mean() - 1)
            print(
                f"    {held:10} {before.mean():7.4f} {after.mean():7.4f} {change:+6.1f} % [{low:+.1f}, {high:+.1f}]"
                f"  better: {better} of {photos}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=["kodak", "fire", "aerial"])
    parser.add_argument("--model", default="small")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--judge", default="lpips-squeeze", help="or dists-lite")
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    metrics = {name: load_metric(name) for name in ("lpips-squeeze", "dists-lite", "ms-ssim", "psnr")}
    metrics |= {"DISTS-VGG19": load_dists(), "colour": color_difference}
    codecs = [
        load_codec("progic", model=arguments.model, search=steps, judge=arguments.judge)
        for steps in (0, arguments.steps)
    ]
    for name in arguments.sets:
        paths = list_photos(DATA / name)[:: arguments.every]
        images = [read_photo(path, SIDE).pixels for path in paths]
        done = [[scores_of(image, codec, metrics) for codec in codecs] for image in images]
        took = [np.mean([each[k][1] for each in done]) for k in (0, 1)]
        print(
            f"{name}, {len(images)} photos, {arguments.model}, {arguments.steps} steps a stage by {arguments.judge}: "
            f"{took[0]:.2f} and {took[1]:.1f} s of CPU to encode one"
        )
        tell(np.array([[score for score, _ in each] for each in done]), metrics)


if __name__ == "__main__":
    main()
