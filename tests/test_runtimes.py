"""Timings: what is timed, how often, and that it is really measured."""

import time

import pytest

from codec.base import CodecError
from codec.evaluation.contenders import Contender, read_contender
from codec.evaluation.runtimes import cpu_name, runtime_sheet, time_codec
from codec.fake import FakeCodec


class SlowFirst(FakeCodec):
    """Half a second in its first encoding; 20 ms in each encoding and 10 ms in each decoding."""

    calls = 0

    def encode(self, image, payload_bytes):
        time.sleep(0.02 if self.calls else 0.5)
        self.calls += 1
        return super().encode(image, payload_bytes)

    def decode(self, received, height, width):
        time.sleep(0.01)
        return super().decode(received, height, width)


def test_times_are_of_every_run_but_the_first(small_photo):
    timed = list(time_codec(Contender("slow", "slow", {}, SlowFirst()), small_photo, 32, 1.0, runs=3))
    assert [each.run for each in timed] == [1, 2, 3]
    assert all(each.encode_ms >= 20 and each.decode_ms >= 10 for each in timed)
    assert min(each.encode_ms for each in timed) < 500, "the warm-up is left out"
    assert {(each.side, each.bytes, each.model_id) for each in timed} == {(32, 30, "00000001")}


def test_a_codec_with_a_budget_is_given_it(small_photo):
    [timed] = time_codec(read_contender("jpeg"), small_photo, 64, 1.0, runs=1)
    assert 256 < timed.bytes <= 512


def test_the_table_has_the_medians_and_says_where_they_are_from(small_photo):
    timed = [
        each._replace(encode_ms=float(k), decode_ms=10.0)
        for side in (16, 32)
        for k, each in enumerate(time_codec(read_contender("codec.fake:FakeCodec"), small_photo, side, 1.0, runs=3))
    ]
    sheet = runtime_sheet(timed, small_photo)
    assert sheet.headings[1:4] == ["16: bytes", "16: encode ms", "16: decode ms"]
    assert sheet.lines == [["codec.fake:FakeCodec", "30", "1.0", "10.0", "30", "1.0", "10.0"]]
    for fact in ("3 runs after a warm-up", "thread", cpu_name(), small_photo.name):
        assert fact in sheet.title


def test_a_budget_that_is_too_small_names_the_codec(small_photo):
    with pytest.raises(CodecError, match="webp at 64x64: webp: the smallest 64x64 picture takes"):
        list(time_codec(read_contender("webp"), small_photo, 64, 0.002, runs=1))
