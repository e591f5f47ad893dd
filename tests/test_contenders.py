"""Codecs as comparisons name them."""

import pytest

from codec.base import CodecError
from codec.evaluation.contenders import read_contender


@pytest.mark.parametrize(
    ("text", "settings", "label", "options"),
    [
        ("avif", [], "avif", {}),
        ("jpeg2000:progressive=true", [], "jpeg2000:progressive=true", {"progressive": True}),
        ("codec.fake:FakeCodec", [], "codec.fake:FakeCodec", {}),
        ("codec.fake:FakeCodec:strips=4", [], "codec.fake:FakeCodec:strips=4", {"strips": 4}),
        ("codec.fake:FakeCodec", ["strips=4"], "codec.fake:FakeCodec:strips=4", {"strips": 4}),
        ("progic", ["stages=2"], "progic:model=small,stages=2", {"model": "small", "stages": 2}),
        (
            "external:encode=cp {input} {output},decode=cp {input} {output},qualities=[1,2],suffix=.png",
            [],
            "external:encode=cp {input} {output},decode=cp {input} {output},qualities=[1,2],suffix=.png",
            {"encode": "cp {input} {output}", "decode": "cp {input} {output}", "qualities": [1, 2], "suffix": ".png"},
        ),
    ],
)
def test_a_codec_in_a_comparison_is_named_with_its_options(text, settings, label, options):
    found = read_contender(text, settings)
    assert (found.label, found.options) == (label, options)
    assert read_contender(found.label).label == label, "what rows say can be typed again"


def test_a_codec_with_a_budget_is_made_later_and_any_other_once():
    assert read_contender("avif").codec is None
    assert read_contender("codec.fake:FakeCodec:strips=4").codec.strips == 4


@pytest.mark.parametrize("text", ["avif:speed=3", "progic:model=nano,steges=3", "progic:model=[", "", "avif:"])
def test_a_codec_in_a_comparison_is_checked_at_once(text):
    with pytest.raises(CodecError, match="codec"):
        read_contender(text)
