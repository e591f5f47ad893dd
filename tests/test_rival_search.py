"""The search for the best picture within a budget, by a format whose sizes can be worked out by hand."""

from collections import Counter

import numpy as np
import pytest
from conftest import photo_like
from PIL import Image

from codec.base import CodecError
from codec.evaluation.contenders import read_contender
from codec.evaluation.datasets import open_datasets
from codec.evaluation.evaluate import Rates, evaluate
from codec.loading import load_codec
from codec.metrics import psnr
from codec.rivals.avif import FORMAT, write
from codec.rivals.fixed_rate import Format
from codec.rivals.search import best_fit
from codec.rivals.written import QUICK_SHARE, Written, steps

IMAGE = photo_like(32, 48)
QUALITIES = range(100)


def size_of(pixels, quality, fast):
    """A quality more is 4 % more bytes, and the slow writer needs 0.9 of the fast one's."""
    return int(pixels.shape[0] * pixels.shape[1] / 50 * 1.04**quality * (1 if fast else 0.9))


def counting(width=1, **changes):
    """A format of such sizes, `width` qualities in a row alike, that shows grey; how often it wrote each file."""
    written = Counter()

    def write(pixels, quality, full, fast):
        same = quality // width * width
        written[pixels.shape[:2], same, fast] += 1
        return bytes([same]) * size_of(pixels, same, fast)

    def read(file, height, width):
        return np.full((height, width, 3), 128, np.uint8)

    form = Format(QUALITIES, write, read, lambda file, blank: file, lambda payload, blank: payload, has_blank=False)
    return form._replace(two_speeds=True, **changes), written


def search(known, room, quick=False):
    known.begin(quick)
    return best_fit("fake", known.form, known.image, room, known)


def slow(written):
    return sum(times for (_, _, fast), times in written.items() if not fast)


@pytest.mark.parametrize(("way", "most"), [("plain", 5), ("shared", 5), ("pointed to", 3)])
@pytest.mark.parametrize("room", [60, 200, 700, 1500])
def test_the_largest_file_that_fits_is_found_by_whichever_search(room, way, most):
    form, written = counting(margin=0.06 if way == "pointed to" else None)
    known = Written(form, IMAGE)
    best = best_fit("fake", form, IMAGE, room) if way == "plain" else search(known, room)
    pixels = np.empty(known.shapes[best.scale])
    assert best.quality == max(quality for quality in QUALITIES if size_of(pixels, quality, fast=False) <= room)
    assert len(best.payload) == size_of(pixels, best.quality, fast=False)
    assert slow(written) <= most


def test_a_quality_that_the_fast_sizes_put_far_beyond_the_room_is_not_tried():
    coarse, written = counting(margin=0.06)
    coarse = coarse._replace(qualities=range(0, 100, 5))  # each 22 % larger than the one before
    assert search(Written(coarse, IMAGE), 700).payload
    assert slow(written) <= 2


@pytest.mark.parametrize("margin", [None, 0.06])
def test_a_quick_search_writes_one_slow_file_where_the_fast_ones_tell_its_size(margin):
    form, written = counting(margin=margin)
    known = Written(form, IMAGE)
    search(known, 300, True)  # which finds out that the slow writer needs 0.9
    before = slow(written)
    found = search(known, 700, True)
    assert QUICK_SHARE * 700 <= len(found.payload) <= 700
    assert slow(written) == before + 1


def test_a_quick_search_of_a_format_of_one_speed_ends_near_the_room():
    form, every = counting()
    one_speed = form._replace(two_speeds=False)
    search(Written(one_speed, IMAGE), 700)
    whole = every.total()
    every.clear()
    found = search(Written(one_speed, IMAGE), 700, True)
    assert QUICK_SHARE * 700 <= len(found.payload) <= 700
    assert every.total() < whole


def test_searches_of_one_photo_write_no_file_twice_and_find_what_each_finds_alone():
    form, together = counting(margin=0.06)
    known, apart = Written(form, IMAGE), Counter()
    for room in (100, 150, 220, 340, 500):
        alone_form, alone = counting(margin=0.06)
        assert search(known, room)[:5] == search(Written(alone_form, IMAGE), room)[:5]
        apart += alone
    assert set(together.values()) == {1}
    assert together.total() < apart.total()


def test_time_that_files_known_before_spare_is_told_and_those_of_the_same_search_are_none():
    form, _ = counting()
    known = Written(form, IMAGE)
    search(known, 300)
    assert known.spared_s == 0
    search(known, 300)
    assert known.spared_s > 0


def test_qualities_of_one_step_are_written_once_and_change_nothing():
    form, often = counting(width=3)
    coarse, once = counting(width=3, coarse=True)
    assert steps(coarse)[:8] == [0, 0, 0, 3, 3, 3, 6, 6]
    once.clear()
    assert search(Written(form, IMAGE), 700)[:5] == search(Written(coarse, IMAGE), 700)[:5]
    assert set(once.values()) == {1}
    assert once.total() < often.total()


@pytest.mark.parametrize(("full", "fast"), [(False, True), (True, False)])
def test_qualities_of_one_step_of_avif_write_the_same_file_and_steps_differ(full, fast):
    first = steps(FORMAT)
    assert len(set(first)) < len(FORMAT.qualities)
    for quality in (3, 4, 5, 43, 44, 45):
        same = write(IMAGE, quality, full, fast) == write(IMAGE, quality + 1, full, fast)
        assert same == (first[quality] == first[quality + 1])


def test_an_evaluation_finds_at_each_rate_what_a_search_alone_would(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "one.png")
    rates = Rates(bpp=[1.0, 1.5, 2.0])
    rows, _ = evaluate(open_datasets([tmp_path], [None]), [read_contender("webp")], ["psnr"], rates)
    for row, bpp in zip(rows, rates.bpp, strict=True):
        codec = load_codec("webp", budget_bytes=int(bpp * 32 * 48 / 8))
        payloads = codec.encode(IMAGE, 1000)
        assert (row.bytes, row.value) == (len(payloads[0]), psnr(IMAGE, codec.decode({0: payloads[0]}, 32, 48)))


def test_what_was_written_of_another_photo_is_not_taken_for_this_one():
    alone, codec = (load_codec("webp", budget_bytes=200) for _ in range(2))
    codec.written = Written(codec.form, IMAGE[::-1].copy())
    search(codec.written, 198)
    assert codec.encode(IMAGE, 100) == alone.encode(IMAGE, 100)


def test_quick_is_true_or_false():
    with pytest.raises(CodecError, match="avif: quick is 2; expected true or false"):
        load_codec("avif", budget_bytes=100, quick=2)
