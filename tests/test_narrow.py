"""ProGIC in bfloat16 is float32 but for rounding, the same each time, and asked for where it can be had."""

import numpy as np
import pytest
from conftest import picture, random_model

from codec.base import CodecError
from codec.options import check_options
from codec.progic import layout
from codec.progic.codec import ProgicCodec
from codec.progic.model import save_model
from codec.progic.narrow import multiplies_bfloat16, operations_for
from codec.progic.receiver import ProgicReceiver
from codec.progic.shape import ProgicConfig

able = pytest.mark.skipif(not multiplies_bfloat16(), reason="this processor does not multiply bfloat16")


@pytest.fixture(scope="module")
def codecs(tmp_path_factory):
    """(float32, bfloat16, receiver in NumPy) of the same random weights."""
    model = random_model(ProgicConfig(channels=64, encoder_blocks=2, decoder_blocks=3, latent_channels=32))
    save_model(model, path := tmp_path_factory.mktemp("narrow") / "random.safetensors")
    return ProgicCodec(str(path)), ProgicCodec(str(path), arithmetic="bfloat16"), ProgicReceiver(str(path))


def indices(codec, payloads, height, width):
    return layout.join(dict(enumerate(payloads)), 5, *codec.grid(height, width), 10)


@able
def test_most_indices_are_those_of_float32_and_some_are_not(codecs):
    wide, narrow, _ = codecs
    photo = picture(240, 320)
    one, other = (indices(wide, codec.encode(photo, 200), 240, 320) for codec in (wide, narrow))
    assert 0.5 < (one == other).mean() < 1
    assert (one[0] == other[0]).mean() > 0.8, "from the first difference on a cell's residual is another"


@able
@pytest.mark.parametrize("places", [(0,), (0, 1, 2, 3, 4), (1, 3)])
def test_of_the_same_packets_the_picture_is_that_of_float32_but_for_a_few_levels(codecs, places):
    wide, narrow, receiver = codecs
    payloads = wide.encode(picture(69, 80), 32)
    received = {k: payloads[k] for k in places}
    one, other, third = (codec.decode(received, 69, 80).astype(int) for codec in (wide, narrow, receiver))
    assert len(np.unique(one)) > 50
    assert 0 < np.abs(one - other).mean() < 1
    assert np.abs(one - third).max() <= 1


@able
def test_the_same_photo_gives_the_same_packets_and_picture_each_time_and_they_name_the_same_model(codecs, tmp_path):
    wide, narrow, receiver = codecs
    photo = picture(96, 112)
    payloads = narrow.encode(photo, 200)
    assert narrow.encode(photo, 200) == payloads
    seen = narrow.decode(dict(enumerate(payloads)), 96, 112)
    assert (narrow.decode(dict(enumerate(payloads)), 96, 112) == seen).all()
    assert narrow.model_id == wide.model_id == receiver.model_id
    assert np.abs(receiver.decode(dict(enumerate(payloads)), 96, 112).astype(int) - seen).mean() < 1


def test_a_processor_that_does_not_multiply_it_says_so():
    with pytest.raises(
        CodecError, match=r"^arithmetic is 'bfloat16', which this processor does not multiply; .*float32"
    ):
        operations_for("bfloat16", able=False)


def test_an_arithmetic_that_there_is_not_is_told_before_torch_comes_in():
    with pytest.raises(CodecError, match=r"^progic: arithmetic is 'int8'; expected float32 or bfloat16"):
        check_options("progic", {"arithmetic": "int8"})
    check_options("progic-whole", {"arithmetic": "bfloat16"})
    with pytest.raises(CodecError, match=r"^arithmetic is 8; expected float32 or bfloat16"):
        ProgicCodec("nano", arithmetic=8)
