"""From a name to a codec."""

import shutil

import pytest
from conftest import write_tiny_weights

from codec import codec_names, load_codec, load_receiver
from codec.base import CodecError, WeightsError
from codec.fake import FakeCodec
from codec.loading import read_contender
from codec.progic.codec import ProgicCodec


def test_every_name_on_the_air_can_be_loaded():
    from satsim.packets import CODEC_NUMBERS

    assert set(codec_names()) == set(CODEC_NUMBERS)


def test_your_own_class_loads_by_module_and_name():
    codec = load_codec("codec.fake:FakeCodec", strips=4)
    assert isinstance(codec, FakeCodec)
    assert codec.strips == 4


def test_progic_loads_from_a_weights_file(tiny_weights):
    assert isinstance(load_codec("progic", model=str(tiny_weights), stages=2), ProgicCodec)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("progik", "did you mean 'progic'"),
        ("jpg", "did you mean 'jpeg'"),
        ("telegraph", "expected one of: progic, progic-whole"),
        ("", "expected one of"),
        ("codec.fake:Absent", "cannot be imported"),
        ("no_such_module:Codec", "cannot be imported"),
        (":FakeCodec", "cannot be imported"),
        ("codec.base:MIN_SIDE", "expected a class or a function"),
    ],
)
def test_an_unknown_name_is_answered_by_one_that_is_near_or_by_all(name, complaint):
    with pytest.raises(CodecError, match=complaint):
        load_codec(name)


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("progic", {"stage": 1}, "no option 'stage'; expected one of: model, stages"),
        ("codec.fake:FakeCodec", {"stripes": 3}, "no option 'stripes'; expected one of: strips"),
        ("codec.fake:FakeCodec", {"strips": "many"}, "strips is 'many'"),
        ("avif", {"budget": 300}, "budget_bytes"),
        ("avif", {}, "needs budget_bytes"),
        ("avif", {"budget_bytes": 0}, "budget_bytes is 0"),
        ("avif", {"budget_bytes": "small"}, "budget_bytes is 'small'"),
        ("codec.progic.layout:make_cut", {}, "needs stages, cells, bits, payload_bytes"),
    ],
)
def test_a_wrong_option_is_refused_by_name(name, options, complaint):
    with pytest.raises(CodecError, match=complaint):
        load_codec(name, **options)


def test_a_receiver_with_the_senders_weights_is_found(tiny_weights):
    sender = ProgicCodec(str(tiny_weights))
    receiver = load_receiver("progic", sender.model_id, str(tiny_weights))
    assert receiver.model_id == sender.model_id


@pytest.mark.parametrize("name", ["progic", "progic-whole"])
def test_a_receiver_with_other_weights_is_refused(tiny_weights, tmp_path, name):
    other = write_tiny_weights(tmp_path / "other.safetensors", seed=5)
    with pytest.raises(WeightsError, match=f"{ProgicCodec(str(other)).model_id:08x}; at hand: .*tiny.safetensors"):
        load_receiver(name, ProgicCodec(str(other)).model_id, str(tiny_weights))


def test_an_id_of_no_shipped_model_is_refused():
    with pytest.raises(WeightsError, match="packets are for ProGIC model deadbeef"):
        load_receiver("progic", 0xDEADBEEF)


def test_a_renamed_weights_file_keeps_its_id(tiny_weights, tmp_path):
    copy = shutil.copy(tiny_weights, tmp_path / "copy.safetensors")
    assert ProgicCodec(str(copy)).model_id == ProgicCodec(str(tiny_weights)).model_id


def test_each_rival_is_found_by_its_bitstream():
    assert load_receiver("jpeg", 1).name == "jpeg"
    plain, progressive = load_receiver("jpeg2000", 1), load_receiver("jpeg2000", 2)
    assert (plain.model_id, progressive.model_id) == (1, 2)
    assert type(plain) is not type(progressive)


def test_a_bitstream_of_the_future_is_refused():
    with pytest.raises(CodecError, match="bitstream 77; this version cannot decode it"):
        load_receiver("jpeg", 77)


@pytest.mark.parametrize(
    ("text", "settings", "label", "options"),
    [
        ("avif", [], "avif", {}),
        ("jpeg2000:progressive=true", [], "jpeg2000:progressive=true", {"progressive": True}),
        ("codec.fake:FakeCodec", [], "codec.fake:FakeCodec", {}),
        ("codec.fake:FakeCodec:strips=4", [], "codec.fake:FakeCodec:strips=4", {"strips": 4}),
        ("codec.fake:FakeCodec", ["strips=4"], "codec.fake:FakeCodec:strips=4", {"strips": 4}),
        ("progic", ["stages=2"], "progic:model=nano,stages=2", {"model": "nano", "stages": 2}),
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
    assert isinstance(read_contender("codec.fake:FakeCodec").codec, FakeCodec)


@pytest.mark.parametrize("text", ["avif:speed=3", "progic:model=nano,steges=3", "progic:model=[", "", "avif:"])
def test_a_codec_in_a_comparison_is_checked_at_once(text):
    with pytest.raises(CodecError, match="codec"):
        read_contender(text)
