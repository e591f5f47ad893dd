"""One contract for every codec: ProGIC, its rivals, and the fake."""

import itertools
import sys
from functools import cache

import numpy as np
import pytest
from conftest import picture, skip_where_missing

from codec import codec_names, load_codec
from codec.base import BudgetError, CodecError
from codec.evaluation.contenders import takes_budget

FOUR_COLOURS = "import sys, PIL.Image as P; P.open(sys.argv[1]).quantize(4).save(sys.argv[2], 'GIF')"
ALL_COLOURS = "import sys, PIL.Image as P; P.open(sys.argv[1]).convert('RGB').save(sys.argv[2])"
EXTERNAL = {
    "encode": [sys.executable, "-c", FOUR_COLOURS, "{input}", "{output}"],
    "decode": [sys.executable, "-c", ALL_COLOURS, "{input}", "{output}"],
    "qualities": [1],
    "suffix": ".gif",
}
"""A user's own pair of commands: a GIF of four colours."""

BUDGET = 400
PAYLOAD_BYTES = 150
RIVALS = [name for name in codec_names() if takes_budget(name) and name != "external"]
SIZES = [(37, 53), (48, 64)]
CASES = {
    "progic": ("progic", {}),
    "progic-whole": ("progic-whole", {"stages": 3}),
    "progic-full": ("progic-full", {}),
    "fake": ("codec.fake:FakeCodec", {}),
    **{name: (name, {"budget_bytes": BUDGET}) for name in RIVALS},
    "jpeg2000-progressive": ("jpeg2000", {"budget_bytes": BUDGET, "progressive": True}),
}
SHOWS_AT_ONCE = {"progic", "progic-full", "fake", "pcsi"}
"""Codecs that show something of any subset but the empty one."""
WHOLE = set(CASES) - SHOWS_AT_ONCE - {"jpeg2000-progressive", "ssdv"}
"""Codecs that show nothing before all is there."""


@pytest.fixture(scope="module", params=CASES)
def case(request, tiny_weights):
    """(name in CASES, codec), and the same payloads for all tests of one codec: vvc takes seconds to code."""
    name, options = CASES[request.param]
    skip_where_missing(name)
    if name.startswith("progic"):
        options = {**options, "model": str(tiny_weights)}
    codec = load_codec(name, **options)
    return request.param, codec, cache(lambda size: codec.encode(picture(*size), PAYLOAD_BYTES))


def subsets(count):
    """Every subset of up to five payloads; of more, each single one, each prefix, and the odd ones."""
    if count <= 5:
        return [s for n in range(1, count + 1) for s in itertools.combinations(range(count), n)]
    return [*((k,) for k in range(count)), *(tuple(range(n)) for n in range(1, count + 1)), tuple(range(1, count, 2))]


def test_it_has_a_name_and_an_id_of_32_bits(case):
    _, codec, _ = case
    assert codec.name
    assert 0 <= codec.model_id < 2**32


@pytest.mark.parametrize("size", SIZES)
def test_no_payload_is_empty_or_over_its_limit(case, size):
    _, _, encoded = case
    assert encoded(size)
    assert all(1 <= len(payload) <= PAYLOAD_BYTES for payload in encoded(size))


@pytest.mark.parametrize("size", SIZES)
def test_all_payloads_give_a_picture_of_the_same_size_that_does_not_flicker(case, size):
    _, codec, encoded = case
    received = dict(enumerate(encoded(size)))
    shown = codec.decode(received, *size)
    assert shown.shape == (*size, 3)
    assert shown.dtype == np.uint8
    assert np.array_equal(shown, codec.decode(received, *size))


def test_any_subset_decodes_or_is_none(case):
    name, codec, encoded = case
    payloads = encoded((37, 53))
    for subset in subsets(len(payloads)):
        shown = codec.decode({k: payloads[k] for k in subset}, 37, 53)
        assert shown is None or (shown.shape == (37, 53, 3) and shown.dtype == np.uint8), subset
        if name in SHOWS_AT_ONCE:
            assert shown is not None, subset
        if name in WHOLE:
            assert (shown is not None) == (len(subset) == len(payloads)), subset


def test_nothing_received_is_nothing_to_show(case):
    _, codec, _ = case
    assert codec.decode({}, 37, 53) is None


def test_the_same_picture_gives_the_same_bytes(case):
    _, codec, encoded = case
    assert codec.encode(picture(37, 53), PAYLOAD_BYTES) == encoded((37, 53))


def test_the_order_of_arrival_changes_nothing(case):
    _, codec, encoded = case
    payloads = encoded((37, 53))
    forward = dict(enumerate(payloads))
    backward = dict(reversed(forward.items()))
    assert np.array_equal(codec.decode(forward, 37, 53), codec.decode(backward, 37, 53))


def test_decoding_leaves_what_was_received_alone(case):
    _, codec, encoded = case
    received = dict(enumerate(encoded((37, 53))))
    before = dict(received)
    codec.decode(received, 37, 53)
    assert received == before


def test_the_budget_counts_all_bytes(case):
    name, _, encoded = case
    if "budget_bytes" in CASES[name][1]:
        assert sum(map(len, encoded((48, 64)))) <= BUDGET


@pytest.mark.parametrize("seed", range(8))
def test_malformed_bytes_are_a_codec_error_or_a_picture_never_a_crash(case, seed):
    _, codec, encoded = case
    rng = np.random.default_rng(seed)
    payloads = list(encoded((37, 53)))
    spoiled = [
        {0: rng.bytes(rng.integers(1, PAYLOAD_BYTES))},
        {0: b""},
        {k: payload[: len(payload) // 2] for k, payload in enumerate(payloads)},
        {k: payload + b"\0" for k, payload in enumerate(payloads)},
        {k: bytes(rng.permutation(list(payload))) for k, payload in enumerate(payloads)},
        {**dict(enumerate(payloads)), 5000: payloads[0]},
        {
            **dict(enumerate(payloads)),
            0: payloads[0][:8] + rng.bytes(len(payloads[0]) - 8 if len(payloads[0]) > 8 else 0),
        },
    ]
    received = spoiled[seed % len(spoiled)]
    try:
        shown = codec.decode(received, 37, 53)
    except CodecError:
        return
    assert shown is None or shown.shape == (37, 53, 3)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((15, 64, 3), np.uint8),
        np.zeros((64, 4097, 3), np.uint8),
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 3)),
    ],
    ids=["too low", "too wide", "grey", "float"],
)
def test_what_is_no_picture_of_16_to_4096_pixels_a_side_is_refused(case, image):
    _, codec, _ = case
    with pytest.raises(CodecError, match="image is"):
        codec.encode(image, PAYLOAD_BYTES)


def test_payloads_of_no_bytes_are_refused(case):
    _, codec, _ = case
    with pytest.raises(CodecError, match="payload_bytes is 0"):
        codec.encode(picture(37, 53), 0)


@pytest.mark.parametrize("name", [name for name in RIVALS if name != "vvc"])
def test_a_budget_that_no_picture_fits_says_what_would(name):
    with pytest.raises(BudgetError, match="bytes"):
        load_codec(name, budget_bytes=3).encode(picture(37, 53), PAYLOAD_BYTES)


def test_a_users_own_pair_of_commands_meets_the_contract():
    codec = load_codec("external", **EXTERNAL, budget_bytes=BUDGET)
    payloads = codec.encode(picture(37, 53), PAYLOAD_BYTES)
    assert all(1 <= len(payload) <= PAYLOAD_BYTES for payload in payloads)
    assert codec.decode(dict(enumerate(payloads)), 37, 53).shape == (37, 53, 3)
    assert codec.decode({0: payloads[0]}, 37, 53) is None
