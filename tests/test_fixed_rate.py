"""The rivals keep the contract: bytes within budget, pictures of the right size, wrong bytes refused."""

import os
import sys
import time
from functools import cache

import numpy as np
import pytest
from conftest import photo_like, skip_where_missing

from codec import load_codec
from codec.base import BudgetError, CodecError
from codec.photos import resize
from codec.rivals.search import likeness

QUICK = ["jpeg", "webp", "avif", "heic", "jpegxl", "jpeg2000"]
FIXED = [*QUICK, "vvc"]


IMAGE = photo_like(37, 53)


@cache
def coded(name):
    """Payloads of at most 50 bytes for IMAGE at 160 bytes, coded once for this module."""
    skip_where_missing(name)
    return load_codec(name, budget_bytes=160).encode(IMAGE, 50)


@pytest.mark.parametrize("name", FIXED)
def test_payloads_keep_their_limit_and_the_budget(name):
    sizes = [len(payload) for payload in coded(name)]
    assert set(sizes[:-1]) == {50}
    assert 1 <= sizes[-1] <= 50
    assert sum(sizes) <= 160


@pytest.mark.parametrize("name", FIXED)
def test_the_whole_file_shows_a_picture_like_the_original_at_its_own_size(name):
    shown = load_codec(name, budget_bytes=160).decode(dict(enumerate(coded(name))), 37, 53)
    assert shown.shape == (37, 53, 3)
    assert shown.dtype == np.uint8
    grey = np.full_like(IMAGE, 128)
    assert likeness(IMAGE, shown) > likeness(IMAGE, grey) + 0.2


@pytest.mark.parametrize("name", FIXED)
def test_a_file_with_a_gap_shows_nothing(name):
    codec, whole = load_codec(name, budget_bytes=160), dict(enumerate(coded(name)))
    for lost in whole:
        assert codec.decode({index: part for index, part in whole.items() if index != lost}, 37, 53) is None
    assert codec.decode({}, 37, 53) is None


@pytest.mark.parametrize("name", QUICK)
def test_order_of_arrival_changes_nothing(name):
    codec, whole = load_codec(name, budget_bytes=160), dict(enumerate(coded(name)))
    backwards = dict(reversed(whole.items()))
    assert np.array_equal(codec.decode(whole, 37, 53), codec.decode(backwards, 37, 53))


@pytest.mark.parametrize("name", QUICK)
def test_the_same_picture_gives_the_same_bytes(name):
    assert load_codec(name, budget_bytes=160).encode(IMAGE.copy(), 50) == coded(name)


@pytest.mark.parametrize("name", QUICK)
def test_a_smaller_budget_never_gives_a_bigger_file(name):
    small = load_codec(name, budget_bytes=80).encode(IMAGE, 50)
    assert sum(map(len, small)) <= min(80, sum(map(len, coded(name))))


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("size", [(16, 16), (61, 18)])
def test_other_sizes_come_back_as_they_were(name, size):
    codec = load_codec(name, budget_bytes=400)
    assert codec.decode(dict(enumerate(codec.encode(photo_like(*size), 360))), *size).shape == (*size, 3)


@pytest.mark.parametrize("name", QUICK)
def test_a_budget_too_small_for_any_picture_is_an_error_with_both_numbers(name):
    with pytest.raises(BudgetError, match=r"takes \d+ bytes; budget_bytes is 6$"):
        load_codec(name, budget_bytes=6).encode(IMAGE, 50)


@pytest.mark.parametrize("name", [*FIXED, "jpeg2000-progressive"])
@pytest.mark.parametrize("payload", [b"\xff" * 60, b"\x01", b"\x01\xff\xff\xff", b"\x00abc"], ids=lambda p: p[:4].hex())
def test_bytes_that_are_not_ours_are_refused_or_show_nothing(name, payload):
    skip_where_missing(name)
    progressive = {"progressive": True} if name.endswith("progressive") else {}
    codec = load_codec(name.removesuffix("-progressive"), budget_bytes=160, **progressive)
    if progressive and payload[:1] == b"\x01":
        codec.decode({0: payload}, 37, 53)  # one layer of rubbish is a legal, if ugly, picture or None
    else:
        with pytest.raises(CodecError):
            codec.decode({0: payload}, 37, 53)


@pytest.mark.parametrize("name", QUICK)
def test_rubbish_in_the_file_is_a_codec_error_or_an_ugly_picture(name):
    codec, rng = load_codec(name, budget_bytes=160), np.random.default_rng(3)
    for _ in range(30):
        parts = [bytearray(payload) for payload in coded(name)]
        for _ in range(4):
            part = parts[rng.integers(len(parts))]
            part[rng.integers(len(part))] = rng.integers(256)
        try:
            shown = codec.decode({n: bytes(part) for n, part in enumerate(parts)}, 37, 53)
        except CodecError:
            continue
        assert shown is None or shown.shape == (37, 53, 3)


def test_a_payload_beyond_the_count_is_refused():
    with pytest.raises(CodecError, match="9"):
        load_codec("webp", budget_bytes=160).decode({**dict(enumerate(coded("webp"))), 9: b"x"}, 37, 53)


def test_one_byte_payloads_work():
    codec = load_codec("webp", budget_bytes=200)
    payloads = codec.encode(IMAGE, 1)
    assert {len(payload) for payload in payloads} == {1}
    assert codec.decode(dict(enumerate(payloads)), 37, 53).shape == (37, 53, 3)


def test_progressive_jpeg2000_gets_better_with_every_payload():
    image = photo_like(96, 96)
    codec = load_codec("jpeg2000", budget_bytes=900, progressive=True)
    payloads = codec.encode(image, 300)
    assert len(payloads) == 3
    assert all(1 <= len(payload) <= 300 for payload in payloads)
    shown = [codec.decode(dict(enumerate(payloads[: n + 1])), 96, 96) for n in range(3)]
    scores = [likeness(image, picture) for picture in shown]
    assert scores == sorted(scores)
    assert scores[2] > scores[0]


def test_progressive_jpeg2000_ignores_what_lies_behind_a_gap():
    codec = load_codec("jpeg2000", budget_bytes=900, progressive=True)
    first, second, third = codec.encode(photo_like(96, 96), 300)
    only_first = codec.decode({0: first}, 96, 96)
    assert np.array_equal(codec.decode({2: third, 0: first}, 96, 96), only_first)
    assert codec.decode({1: second, 2: third}, 96, 96) is None


def test_unknown_options_name_the_valid_ones():
    with pytest.raises(CodecError, match="no option 'progressive'; expected one of: budget_bytes"):
        load_codec("avif", budget_bytes=100, progressive=True)
    with pytest.raises(CodecError, match="needs budget_bytes"):
        load_codec("jpeg")
    with pytest.raises(CodecError, match="expected a whole number"):
        load_codec("jpeg", budget_bytes=0)


COPY = [sys.executable, "-c", "import shutil, sys; shutil.copy(*sys.argv[1:])", "{input}", "{output}"]


def external(**changes):
    options = {"budget_bytes": 20_000, "encode": COPY, "decode": COPY, "qualities": [1]}
    return load_codec("external", **options | changes)


def test_any_external_command_can_be_a_codec():
    payloads = external().encode(IMAGE, 360)  # the command copies the PNG, so the picture comes back exactly
    assert np.array_equal(external().decode(dict(enumerate(payloads)), 37, 53), IMAGE)


FAMILY = """
import subprocess, sys
child = 'import sys, time; pipe = open(sys.argv[1], "wb", buffering=0); pipe.write(b"born"); time.sleep(120)'
subprocess.run([sys.executable, "-c", child, sys.argv[1]])
"""


@pytest.mark.skipif(os.name == "nt", reason="there its children stay")
def test_an_external_command_that_takes_too_long_takes_its_children_with_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    command = [sys.executable, "-c", FAMILY, str(tmp_path / "pipe"), "{input}", "{output}"]
    with pytest.raises(CodecError, match="took over 3 s; raise timeout_s or mend it"):
        external(encode=command, timeout_s=3).encode(IMAGE, 360)
    assert os.read(reader, 4) == b"born"
    for _ in range(200):  # a pipe ends with the last who could write to it
        try:
            assert os.read(reader, 1) == b""
            break
        except BlockingIOError:
            time.sleep(0.05)
    else:
        raise AssertionError("the child lives on")
    os.close(reader)


def test_external_commands_that_fail_say_so():
    with pytest.raises(CodecError, match="cannot run 'no-such-program'"):
        external(encode="no-such-program {input} {output}").encode(IMAGE, 360)
    with pytest.raises(CodecError, match="exit code 3"):
        external(encode=[sys.executable, "-c", "exit(3)", "{input}", "{output}"]).encode(IMAGE, 360)
    with pytest.raises(CodecError, match="wrote nothing"):
        external(encode=[sys.executable, "-c", "", "{input}", "{output}"]).encode(IMAGE, 360)
    slow = [sys.executable, "-c", "import time; time.sleep(9)", "{input}", "{output}"]
    with pytest.raises(CodecError, match=r"over 0\.2 s"):
        external(encode=slow, timeout_s=0.2).encode(IMAGE, 360)
    with pytest.raises(CodecError, match=r"expected \{input\} and \{output\}"):
        external(encode="tool {input}")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"encode": 5}, "encode command is 5; expected a text, or a list of texts"),
        ({"decode": ["cp", 1, "{input}", "{output}"]}, "decode command is .*; expected a text, or a list of texts"),
        ({"encode": '"cp {input} {output}'}, "it cannot be split"),
        ({"qualities": 5}, "qualities is 5; expected a list"),
        ({"qualities": [[1]]}, "expected a list of numbers or words"),
        ({"qualities": []}, "qualities is empty"),
        ({"suffix": 5}, "suffix is 5; expected the end of a file's name"),
        ({"suffix": "/../../x"}, "suffix is '/../../x'"),
        ({"timeout_s": "long"}, "timeout_s is 'long'; expected more than 0"),
        ({"budget_bytes": True}, "budget_bytes is True; expected a whole number"),
    ],
)
def test_an_option_of_external_of_a_wrong_type_is_one_line(changes, complaint):
    with pytest.raises(CodecError, match=complaint):
        external(**changes)


def test_likeness_is_one_for_equal_pictures_and_falls_with_blur():
    image = photo_like(64, 64)
    blurred = [resize(resize(image, side, side), 64, 64) for side in (32, 8)]
    assert likeness(image, image) == pytest.approx(1)
    assert 1 > likeness(image, blurred[0]) > likeness(image, blurred[1]) > 0
