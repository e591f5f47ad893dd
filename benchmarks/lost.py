"""What a guess of lost packets is worth: quality with each packet of five lost, and with a few of a 512x512's twenty.

    python benchmarks/lost.py [--every N] [--deals] [SET ...]

Centre squares from the folders below SATSIM_DATA/eval (kodak, fire, aerial), whole packets of 340 bytes of payload.
Before: `progic`, which takes what is lost for zero; after: `progic:guess=true`. Figures
are means over photos; ratios are to the first four packets in order, without loss; differences after less before come
with 95 % bootstrap intervals over photos, paired. With --deals three draws of 1, 2 and 3 lost packets of the twenty
of each photo at 512x512, and its first 1, 2 and 3 packets, in place of single packets.

The plain rival at equal bytes is four stages and a repair packet, of which any four of five show the four in order. The
last line of a metric sets it beside five stages, over no loss and one, at a loss ratio of 0.1.
"""

import argparse
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from codec import load_codec
from codec.folders import list_photos, read_photo
from codec.metrics import load_metric

DATA = Path(os.environ.get("SATSIM_DATA", "../shared/data")) / "eval"
CODECS, PACKET_BYTES, METRICS = ("before", "after"), 340, ("lpips-squeeze", "dists-lite", "ms-ssim", "psnr")
DRAWS, RESAMPLES, LOSS_RATIO = 3, 2000, 0.1


def holdings(count, deals, rng):
    """What was lost -> payloads held, as lists."""
    if not deals:
        return {f"without {k + 1}": [[j for j in range(count) if j != k]] for k in range(count)}
    drawn = {n: [rng.choice(count, n, replace=False) for _ in range(DRAWS)] for n in (1, 2, 3)}
    lacking = {f"{n} of {count} lost": [[j for j in range(count) if j not in lost] for lost in drawn[n]] for n in drawn}
    return lacking | {f"first {n} of {count}": [list(range(n))] for n in (1, 2, 3)}


def scores_of(image, codecs, deals, rng):
    """{(what was lost, codec): a score for each metric} for one photo, and of ("four in order", "before")."""
    side = len(image)
    payloads = codecs["before"].encode(image, PACKET_BYTES)
    metrics = [load_metric(name) for name in METRICS]

    @lru_cache
    def judged(pixels):
        picture = np.frombuffer(pixels, np.uint8).reshape(image.shape)
        return [metric(image, picture) for metric in metrics]

    def score(codec, held):
        return judged(codecs[codec].decode({k: payloads[k] for k in held}, side, side).tobytes())

    found = {("four in order", "before"): score("before", range(len(payloads) * 4 // 5))}
    found["all", "before"] = score("before", range(len(payloads)))
    for lost, choices in holdings(len(payloads), deals, rng).items():
        for codec in codecs:
            found[lost, codec] = np.mean([score(codec, held) for held in choices], axis=0)
    return found


def interval(values, rng):
    """Ends of the 95 % bootstrap interval of the mean of float[photos]."""
    means = values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1)
    return np.quantile(means, [0.025, 0.975])


def show(name, scores):
    """Print a table of one set."""
    rng = np.random.default_rng(1)
    table = {key: np.array([each[key] for each in scores]) for key in scores[0]}
    in_order = table["four in order", "before"]
    print(f"{name}, {len(scores)} photos")
    for number, metric in enumerate(METRICS):
        whole, four = table["all", "before"][:, number].mean(), in_order[:, number].mean()
        print(f"  {metric}: all {whole:.4f}, four fifths in order {four:.4f}")
        for lost in dict.fromkeys(lost for lost, codec in table if codec == "after"):
            before, after = (table[lost, codec][:, number] for codec in ("before", "after"))
            low, high = interval(after - before, rng)
            print(
                f"    {lost:14} {before.mean():8.4f} -> {after.mean():8.4f}"
                f"   ({after.mean() - before.mean():+.4f}; {low:+.4f} to {high:+.4f})"
                f"   of four in order: {before.mean() / four:.2f} -> {after.mean() / four:.2f}"
            )
        singles = [key for key in table if key[0].startswith("without")]
        if singles:
            none, one = (1 - LOSS_RATIO) ** 5, LOSS_RATIO * (1 - LOSS_RATIO) ** 4
            sums = {codec: sum(table[k][:, number].mean() for k in singles if k[1] == codec) for codec in CODECS}
            before, after = ((none * whole + one * sums[codec]) / (none + 5 * one) for codec in CODECS)
            print(f"    one lost at most {before:8.4f} -> {after:8.4f}   four stages and a repair packet: {four:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["kodak", "fire", "aerial"])
    parser.add_argument("--every", type=int, default=1, help="take each so many-th photo of a set")
    parser.add_argument("--deals", action="store_true", help="512x512 in twenty packets")
    asked = parser.parse_args()
    codecs = {"before": load_codec("progic"), "after": load_codec("progic", guess=True)}
    for name in asked.sets:
        rng = np.random.default_rng(17)
        photos = list_photos(DATA / name)[:: asked.every]
        side = 512 if asked.deals else 256
        show(name, [scores_of(read_photo(path, side).pixels, codecs, asked.deals, rng) for path in photos])


if __name__ == "__main__":
    main()
