"""Payloads of ProGIC, range-coded where that makes them shorter; each decodes by itself, and none is longer than plain.

Cells are cut as by `layout`. A plain payload is as `progic` sends it and is told by its length, one that a cut of this
picture has (`is_plain`); any other length is coded:

    byte 0      1 to 127: a stage is dealt over so many payloads; 128 + s: s stages, 2 or more, are in each
    byte 1 on   the range-coded indices (`range_coder`), in the order in which `layout` packs them, without filling

An index is two symbols, its class and its place in the class, with frequencies by `contexts`; stages that share a
payload follow one another. Zeros are added behind where the length would be one of a plain payload. Whoever decodes
codes again and compares, so that bytes which no encoder writes are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from codec.base import CodecError
from codec.progic.coding.contexts import StageTables, neighbours, offset_numbers
from codec.progic.coding.range_coder import RangeDecoder, RangeEncoder
from codec.progic.layout import Cut, Indices, deal, pack_indices, packed_bytes, unpack_indices
from codec.progic.shape import ProgicConfig

MOST_PARTS, TOGETHER = 127, 128
"""Stages dealt over more payloads stay plain: their cells have no neighbours near."""
ROWS = 1024
"""Cells whose frequencies are found at a time."""


class PayloadCoder:
    """Plain payloads of a ProGIC model to coded ones, and back."""

    def __init__(self, config: ProgicConfig, tables: Sequence[StageTables]) -> None:
        """By the tables of each stage; without any, all payloads stay plain."""
        self._config, self._tables = config, tables

    def shrink(self, plain: bytes, k: int, rows: int, columns: int) -> bytes:
        """Payload `k` of a picture of so many cells, coded if that makes it shorter."""
        bits = self._config.index_bits
        cut = Cut(rows * columns, len(plain) * 8 // bits)
        head = TOGETHER + cut.stages_per_payload if cut.stages_per_payload > 1 else cut.payloads_per_stage
        if not self._tables or head > 255 or (head > MOST_PARTS and cut.stages_per_payload == 1):
            return plain
        indices = unpack_indices(plain, bits)
        encoder = RangeEncoder()
        for tables, places, begun in self._parts(cut, k, rows, columns):
            _encode(encoder, tables, indices[begun : begun + len(places)], places, rows, columns, cut)
        coded = bytes([head]) + encoder.finish()
        while self.is_plain(len(coded), cut.cells):
            coded += b"\0"
        return coded if len(coded) < len(plain) else plain

    def expand(self, payload: bytes, k: int, rows: int, columns: int) -> bytes:
        """The plain payload `k`. Raises CodecError for bytes that no encoder with these tables writes."""
        cells, bits = rows * columns, self._config.index_bits
        if self.is_plain(len(payload), cells):
            return payload
        if not self._tables:
            raise CodecError(f"payload {k} is coded by tables, and this model has none beside it")
        cut = self._cut(payload[:1], cells)
        decoder = RangeDecoder(payload[1:])
        found = np.zeros(cut.indices, np.int64)
        for tables, places, begun in self._parts(cut, k, rows, columns):
            found[begun : begun + len(places)] = _decode(decoder, tables, places, rows, columns, cut)
        plain = pack_indices(found, bits)
        if self.shrink(plain, k, rows, columns) != payload:
            raise CodecError(f"payload {k} says what no encoder writes; it is damaged or coded by other tables")
        return plain

    def is_plain(self, length: int, cells: int) -> bool:
        """Whether payloads of this length are plain: as long as `make_cut` makes one of a picture of so many cells."""
        bits, stages = self._config.index_bits, self._config.stages
        cut = Cut(cells, length * 8 // bits)
        if cut.indices < 1 or packed_bytes(cut.indices, bits) != length:
            return False
        if cut.indices > cells:
            return cut.indices % cells == 0 and stages % cut.stages_per_payload == 0
        return cut.indices == -(-cells // cut.payloads_per_stage)

    def _cut(self, head: bytes, cells: int) -> Cut:
        """The cut that the first byte of a coded payload tells."""
        told = head[0] if head else 0
        together, parts = (told - TOGETHER, 1) if told > TOGETHER else (1, told)
        if 1 <= parts <= min(cells, MOST_PARTS) and self._config.stages % together == 0 and told != TOGETHER + 1:
            cut = Cut(cells, together * -(-cells // parts))
            if cut.payloads_per_stage == parts:
                return cut
        raise CodecError(f"coded payload begins with {told}, which tells no cut of {cells} cells; it is damaged")

    def _parts(self, cut: Cut, k: int, rows: int, columns: int) -> Iterator[tuple[StageTables, Indices, int]]:
        """For each stage in payload `k`: its tables, raster positions in order, and where it begins in the payload."""
        order = deal(rows, columns, cut.payloads_per_stage)
        first, part = divmod(k, cut.payloads_per_stage)
        first *= cut.stages_per_payload
        if not 0 <= first <= len(self._tables) - cut.stages_per_payload:
            raise CodecError(f"payload {k} would hold stage {first + 1}; this model has {len(self._tables)} stages")
        places = order[part * cut.indices : (part + 1) * cut.indices]
        for number in range(cut.stages_per_payload):
            yield self._tables[first + number], places, number * cut.cells


def _encode(
    encoder: RangeEncoder, tables: StageTables, indices: Indices, places: Indices, rows: int, columns: int, cut: Cut
) -> None:
    numbers = offset_numbers(cut.payloads_per_stage)
    near = neighbours(places, rows, columns, cut.payloads_per_stage)
    groups, members = np.divmod(tables.ranks[indices], tables.size)
    for begun in range(0, len(places), ROWS):
        at = near[begun : begun + ROWS]
        features = tables.features(np.where(at >= 0, indices[at], -1), numbers)
        by_class = tables.class_frequencies(features).tolist()
        for n, frequencies in enumerate(by_class):
            group = int(groups[begun + n])
            encoder.encode(group, frequencies)
            within = tables.member_frequencies(features[n : n + 1], group)[0].tolist()
            encoder.encode(int(members[begun + n]), within)


def _decode(decoder: RangeDecoder, tables: StageTables, places: Indices, rows: int, columns: int, cut: Cut) -> Indices:
    numbers = offset_numbers(cut.payloads_per_stage)
    found = np.full(len(places) + 1, -1, np.int64)  # the last stands for a neighbour that is none
    for n, at in enumerate(neighbours(places, rows, columns, cut.payloads_per_stage)):
        features = tables.features(found[at][None], numbers)
        group = decoder.decode(tables.class_frequencies(features)[0].tolist())
        member = decoder.decode(tables.member_frequencies(features, group)[0].tolist())
        found[n] = tables.codewords[group * tables.size + member]
    return found[:-1]
