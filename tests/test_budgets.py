"""Budgets told in packets become what the codec takes; without one a file fills as many packets as ProGIC."""

import pytest

from codec.base import BudgetError, CodecError
from codec.loading import fit_options, packets_of
from codec.progic.shape import PRESETS


@pytest.mark.parametrize(
    ("name", "options", "payload_bytes", "side", "expected"),
    [
        # a file gets the bytes of its packets
        ("avif", {"budget_packets": 5}, 320, 256, {"budget_bytes": 1600}),
        ("jpeg2000", {"budget_packets": 2, "progressive": True}, 50, 256, {"budget_bytes": 100, "progressive": True}),
        ("avif", {"budget_bytes": 77}, 320, 256, {"budget_bytes": 77}),
        # ProGIC gets the stages that fit: 320 bytes each at 256x256, four times that at 512x512
        ("progic", {"budget_packets": 3}, 320, 256, {"stages": 3}),
        ("progic", {"budget_packets": 9}, 320, 256, {"stages": 5}),
        ("progic", {"budget_packets": 9, "stages": 2}, 320, 256, {"stages": 2}),
        ("progic-whole", {"budget_packets": 9, "model": "nano"}, 320, 512, {"stages": 2, "model": "nano"}),
        ("progic", {}, 320, 256, {}),
        # five stages ride together in 1600 bytes; three, in 1000
        ("progic", {"budget_packets": 1}, 1600, 256, {"stages": 5}),
        ("progic", {"budget_packets": 1}, 1000, 256, {"stages": 3}),
        # a file without a budget fills what ProGIC fills
        ("avif", {}, 320, 256, {"budget_bytes": 5 * 320}),
        ("avif", {}, 50, 256, {"budget_bytes": 5 * 7 * 50}),
        ("avif", {"stages": 2}, 320, 512, {"budget_bytes": 2 * 4 * 320}),
        # a codec of one's own takes what it takes
        ("codec.fake:FakeCodec", {"strips": 3}, 320, 256, {"strips": 3}),
    ],
)
def test_a_budget_by_hand(name, options, payload_bytes, side, expected):
    assert fit_options(name, options, payload_bytes, side, side) == expected


def test_repair_packets_cost_a_file_two_bytes_a_packet_and_progic_none():
    assert fit_options("avif", {}, 320, 256, 256, spare_bytes=2) == {"budget_bytes": 5 * 318}
    assert fit_options("progic", {"budget_packets": 5}, 320, 256, 256, spare_bytes=2) == {"stages": 5}


def test_a_stage_that_does_not_fit_says_what_it_takes():
    with pytest.raises(
        BudgetError, match="a stage of 512x512 pixels takes 4 packets of 320 bytes; budget_packets is 3"
    ):
        fit_options("progic", {"budget_packets": 3}, 320, 512, 512)


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("avif", {"budget_packets": 0}, "avif: budget_packets is 0; expected a whole number, 1 or more"),
        ("avif", {"budget_packets": 2.5}, "budget_packets is 2.5"),
        ("progic", {"budget_packets": True}, "budget_packets is True"),
        ("avif", {"budget_packets": 1, "budget_bytes": 9}, "both given; leave one out"),
        ("avif", {"stages": 6}, "avif: stages is 6; expected 1 to 5"),
        ("codec.fake:FakeCodec", {"budget_packets": 2}, "takes no budget"),
        ("avvif", {}, "did you mean 'avif'"),
    ],
)
def test_a_budget_that_is_none_says_so(name, options, complaint):
    with pytest.raises(CodecError, match=complaint):
        fit_options(name, options, 320, 256, 256)


@pytest.mark.parametrize("payload_bytes", [2, 11, 50, 140, 320, 640, 1604, 100_000])
@pytest.mark.parametrize("side", [256, 512])
def test_packets_of_stages_are_those_that_the_layout_cuts(payload_bytes, side):
    import numpy as np

    from codec.progic.layout import split

    for stages in range(1, 6):
        grid = np.zeros((stages, side // 16, side // 16), np.int64)
        assert packets_of(PRESETS["small"], stages, payload_bytes, side, side) == len(split(grid, 10, payload_bytes))
