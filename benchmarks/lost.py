"""What lost packets cost, and what a guess and hints save: each of five lost, or a few of a 512x512's twenty.

    python benchmarks/lost.py [--every N] [--deals] [SET ...]

Centre squares from the folders below SATSIM_DATA/eval (kodak, fire, aerial), payloads of 340 bytes: `progic`, which
takes what is lost for zero; the same packets by `progic:guess=true`; and those of `progic-full`. Figures are means
over photos, ratios are to the first four fifths of plain packets in order; ratios to plain come with 95 % bootstrap
intervals over photos, paired. With --deals three draws of 1, 2 and 3 lost packets of the twenty of each photo at
512x512, and its first 1, 2 and 3 packets, in place of single packets.

The plain rival at equal bytes is four stages and a repair packet, of which any four of five show the four in order. The
last line of a metric sets it beside five stages, over no loss and one, at a loss ratio of 0.1.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from codec import load_codec
from codec.evaluation.intervals import interval
from codec.folders import list_photos, read_photo
from codec.metrics import load_metric

DATA = Path(os.environ.get("SATSIM_DATA", "../shared/data")) / "eval"
CODECS = {"plain": ("progic", {}), "guess": ("progic", {"guess": True}), "full": ("progic-full", {})}
PAYLOAD_BYTES, METRICS = 340, ("lpips-squeeze", "dists-lite", "ms-ssim", "psnr")
DRAWS, RESAMPLES, LOSS_RATIO = 3, 2000, 0.1


def holdings(count, deals, rng):
    """What was lost -> payloads held, as lists."""
    whole = {"four fifths in order": [list(range(count * 4 // 5))], "all": [list(range(count))]}
    if not deals:
        return whole | {f"without {k + 1}": [[j for j in range(count) if j != k]] for k in range(count)}
    drawn = {n: [rng.choice(count, n, replace=False) for _ in range(DRAWS)] for n in (1, 2, 3)}
    lacking = {f"{n} of {count} lost": [[j for j in range(count) if j not in lost] for lost in drawn[n]] for n in drawn}
    return whole | lacking | {f"first {n} of {count}": [list(range(n))] for n in (1, 2, 3)}


def scores_of(image, codecs, metrics, deals, rng):
    """{(what was lost, codec): a score for each metric} for one photo."""
    payloads = {name: codec.encode(image, PAYLOAD_BYTES) for name, codec in codecs.items()}

    def score(name, held):
        shown = codecs[name].decode({k: payloads[name][k] for k in held}, *image.shape[:2])
        return [metric(image, shown) for metric in metrics]

    choices = holdings(len(payloads["plain"]), deals, rng)
    return {
        (lost, name): np.mean([score(name, held) for held in choices[lost]], axis=0)
        for lost in choices
        for name in codecs
    }


def show(title, scores):
    """Print a table of one set."""
    table = {key: np.array([each[key] for each in scores]) for key in scores[0]}
    print(f"{title}, {len(scores)} photos")
    for number, metric in enumerate(METRICS):
        four = table["four fifths in order", "plain"][:, number].mean()
        print(f"  {metric}")
        for lost in dict.fromkeys(lost for lost, _ in table):
            cells = []
            for name in CODECS:
                plain, ours = (table[lost, codec][:, number] for codec in ("plain", name))
                cell = f"{name} {ours.mean():.4f} ({ours.mean() / four:.2f})"
                if name != "plain":
                    low, high = interval(ours, plain, RESAMPLES, seed=1)
                    cell += f" = {ours.mean() / plain.mean():.3f} of plain [{low:.3f}, {high:.3f}]"
                cells.append(cell)
            print(f"    {lost:20} {'; '.join(cells)}", flush=True)
        singles = [key for key in table if key[0].startswith("without")]
        if singles:
            none, one = (1 - LOSS_RATIO) ** 5, LOSS_RATIO * (1 - LOSS_RATIO) ** 4
            for name in CODECS:
                whole = table["all", name][:, number].mean()
                lost = sum(table[key][:, number].mean() for key in singles if key[1] == name)
                print(f"    one lost at most: {name} {(none * whole + one * lost) / (none + 5 * one):.4f}", end="; ")
            print(f"four stages and a repair packet {four:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["kodak", "fire", "aerial"])
    parser.add_argument("--every", type=int, default=1, help="take each so many-th photo of a set")
    parser.add_argument("--deals", action="store_true", help="512x512 in twenty packets")
    asked = parser.parse_args()
    codecs = {name: load_codec(codec, **options) for name, (codec, options) in CODECS.items()}
    metrics = [load_metric(name) for name in METRICS]
    for name in asked.sets:
        rng = np.random.default_rng(17)
        photos = list_photos(DATA / name)[:: asked.every]
        side = 512 if asked.deals else 256
        images = (read_photo(path, side).pixels for path in photos)
        show(name, [scores_of(image, codecs, metrics, asked.deals, rng) for image in images])


if __name__ == "__main__":
    main()
