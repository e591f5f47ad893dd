"""What coding the indices of ProGIC saves: bits an index by stage and context, bytes a stage, and packets.

    python benchmarks/entropy.py --train TRAIN/fire TRAIN/bsds ... --photos EVAL/kodak [--large EVAL/kodak]

All that is known beforehand is learned from the photos of --train alone, none of which may be in --photos. Indices are
kept in the cache folder, so that a run that was cut off goes on. Bits are code lengths: of `static` counts; of counts
given the classes of the cells above and to the left; of these and of the same cell in the stage before; and of the
tables that `progic-full` uses, with a stage whole and dealt over 2, 4 and 9 payloads. Bytes are real, of payloads that
were decoded again; what packets would be saved if payloads were filled up is reckoned, not built. Means over photos,
with intervals of 95 % by drawing photos anew (`codec.evaluation.intervals`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codec.evaluation.intervals import interval
from codec.progic import layout
from codec.progic.codec import ProgicCodec
from codec.progic.coding.coded import PayloadCoder
from codec.progic.coding.contexts import StageTables, neighbours, offset_numbers, read_tables
from codec.progic.layout import Indices
from codec.progic.shape import model_path, read_weights
from codec.training.coding.grids import code_photos, sort_codewords

Floats = npt.NDArray[np.float64]
Grids = Sequence[npt.NDArray[np.int16]]
CLASSES, DEALS = 32, (1, 2, 4, 9)
BACK_OFF = 20.0
"""So many draws from a coarser context are added to the counts of a finer one."""
MESSAGES = 38, 88, 340
"""Bytes of payload in a message of 50, of 100 (header of 12) and of 360 (header of 20)."""


def main() -> None:
    """Print the curve, set by set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", type=Path, required=True)
    parser.add_argument("--photos", nargs="+", type=Path, required=True)
    parser.add_argument("--large", nargs="*", type=Path, default=[], help="folders to try at 512x512 too")
    parser.add_argument("--model", default="small")
    parser.add_argument("--cache", type=Path, default=Path("runs/coding"))
    args = parser.parse_args()
    codec, path = ProgicCodec(args.model), model_path(args.model)
    books = read_weights(path, ("quantizer.",)).arrays["quantizer.codebooks"]
    tables = read_tables(path, books)[0]
    coder = PayloadCoder(codec.config, tables)
    train = [grid for folder in args.train for grid in code_photos(folder, codec, None, args.cache).values()]
    sets = {folder.name: list(code_photos(folder, codec, 256, args.cache).values()) for folder in args.photos}
    large = {folder.name: list(code_photos(folder, codec, 512, args.cache).values()) for folder in args.large}
    print(f"{len(train)} photos to learn from; 256x256 pixels; bits an index, of {codec.config.index_bits}")
    for stage in range(codec.config.stages):
        ranks = [sort_codewords(book, CLASSES) // (books.shape[1] // CLASSES) for book in books]
        counted = {how: Counts(train, stage, ranks, how) for how in ("static", "above, left", "and stage before")}
        for name, grids in sets.items():
            for how, counts in counted.items():
                if how != "and stage before" or stage:
                    say(f"{name} stage {stage + 1} {how}", [counts.bits(grid) for grid in grids])
            for parts in DEALS:
                bits = [bits_of(tables[stage], grid[stage], parts) for grid in grids]
                say(f"{name} stage {stage + 1} tables, dealt over {parts}", bits)
    for side, photos in ((256, sets), (512, large)):
        for name, grids in photos.items():
            packets(f"{name} {side}x{side}", grids, coder, codec.config.index_bits)


def say(what: str, values: Sequence[float]) -> None:
    """A line: mean over photos, interval, and how many."""
    held = np.asarray(values, np.float64)
    low, high = interval(held)
    print(f"{what:48} {held.mean():9.3f}  ({low:.3f} to {high:.3f}, n {len(held)})", flush=True)


class Counts:
    """Codewords of one stage counted by context: first the class, then the codeword in it, each backing off."""

    def __init__(self, grids: Grids, stage: int, ranks: Sequence[Indices], how: str) -> None:
        self._stage, self._ranks, self._how = stage, ranks, how
        codewords, contexts = zip(*(self._seen(grid) for grid in grids), strict=True)
        x, chain = np.concatenate(codewords), np.concatenate(contexts, axis=1)
        size = len(ranks[0])
        shares = (np.bincount(x, minlength=size) + 0.5) / (len(x) + size / 2)
        self._within = shares / np.bincount(ranks[stage], shares)[ranks[stage]]
        group, self._tables = ranks[stage][x], [np.bincount(ranks[stage], shares)[None]]
        for context in chain:
            table = np.zeros((int(context.max()) + 1, CLASSES))
            np.add.at(table, (context, group), 1)
            self._tables.append(table)

    def _seen(self, grid: npt.NDArray[np.int16]) -> tuple[Indices, Indices]:
        """Codewords int64[n] of a photo, and contexts from coarse to fine int64[c, n]; the edge is a class too."""
        classes = np.pad(self._ranks[self._stage][grid[self._stage]] + 1, ((1, 0), (1, 0)))
        above, left = classes[:-1, 1:].reshape(-1), classes[1:, :-1].reshape(-1)
        both = above * (CLASSES + 1) + left
        chain = {"static": [], "above, left": [above, both], "and stage before": [above, both]}[self._how]
        if self._how == "and stage before" and self._stage:
            before = self._ranks[self._stage - 1][grid[self._stage - 1]].reshape(-1)
            chain = [before, before * (CLASSES + 1) + above, before * (CLASSES + 1) ** 2 + both]
        x = grid[self._stage].reshape(-1).astype(np.int64)
        return x, np.array(chain, np.int64).reshape(len(chain), len(x))

    def bits(self, grid: npt.NDArray[np.int16]) -> float:
        """Bits an index of a photo."""
        x, chain = self._seen(grid)
        group = self._ranks[self._stage][x]
        share = np.broadcast_to(self._tables[0], (len(x), CLASSES))[np.arange(len(x)), group]
        for context, table in zip(chain, self._tables[1:], strict=True):
            known = context < len(table)
            rows = table[np.where(known, context, 0)] * known[:, None]
            share = (rows[np.arange(len(x)), group] + BACK_OFF * share) / (rows.sum(axis=1) + BACK_OFF)
        return float(-np.log2(share * self._within[x]).mean())


def bits_of(tables: StageTables, stage: npt.NDArray[np.int16], parts: int) -> float:
    """Bits an index under the tables, the stage dealt over so many payloads."""
    rows, columns = stage.shape
    order, total = layout.deal(rows, columns, parts), 0.0
    count = -(-stage.size // parts)
    for begun in range(0, stage.size, count):
        places = order[begun : begun + count]
        x = stage.reshape(-1)[places].astype(np.int64)
        near = neighbours(places, rows, columns, parts)
        features = tables.features(np.where(near >= 0, x[near], -1), offset_numbers(parts))
        by_class = tables.class_frequencies(features)
        group, member = np.divmod(tables.ranks[x], tables.size)
        total -= np.log2(by_class[np.arange(len(x)), group] / by_class.sum(axis=1)).sum()
        for n in range(len(x)):
            within = tables.member_frequencies(features[n : n + 1], int(group[n]))[0]
            total -= np.log2(within[member[n]] / within.sum())
    return float(total) / stage.size


def packets(what: str, grids: Grids, coder: PayloadCoder, bits: int) -> None:
    """Bytes of each stage of one payload, and what messages of three sizes carry, coded against plain."""
    for payload_bytes in MESSAGES:
        plain = [layout.split(grid.astype(np.int64), bits, payload_bytes) for grid in grids]
        coded = []
        for payloads, grid in zip(plain, grids, strict=True):
            shape = grid.shape[1:]
            coded.append([coder.shrink(each, k, *shape) for k, each in enumerate(payloads)])
            if [coder.expand(each, k, *shape) for k, each in enumerate(coded[-1])] != payloads:
                raise AssertionError(f"{what}: a coded payload is not what it was")
        a_stage = len(plain[0]) // len(grids[0])
        print(f"{what}, payloads of at most {payload_bytes} bytes: {a_stage} of {len(plain[0][0])} bytes a stage")
        sizes = np.array([[len(each) for each in payloads] for payloads in coded])
        for stage in range(len(grids[0])):
            part = sizes[:, stage * a_stage : (stage + 1) * a_stage].sum(axis=1)
            say(f"  stage {stage + 1}: bytes coded", part)
            if a_stage > 1:
                needed = np.minimum(-(-part // payload_bytes), a_stage)
                say(f"  stage {stage + 1}: payloads, were its bytes dealt", needed)
        say("  all stages: bytes coded, of plain", sizes.sum(axis=1) / sum(map(len, plain[0])))
        if a_stage == 1:
            say("  left beside stage 1: bytes", payload_bytes - sizes[:, 0])
            say("  all stages: payloads, were they one stream", -(-sizes.sum(axis=1) // payload_bytes))


if __name__ == "__main__":
    main()
