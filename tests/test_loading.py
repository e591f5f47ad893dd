"""From a name to a codec."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import REPO, photo_like, picture, write_tiny_weights

from codec import codec_names, load_codec, load_receiver
from codec.base import CodecError, WeightsError, stages_of
from codec.evaluation.contenders import takes_budget
from codec.fake import FakeCodec
from codec.loading import CODECS
from codec.options import split_options
from codec.progic.codec import ProgicCodec


def test_every_name_on_the_air_can_be_loaded():
    from satsim.air.packets import CODEC_NUMBERS

    assert set(codec_names()) == set(CODEC_NUMBERS)


def test_your_own_class_loads_by_module_and_name():
    codec = load_codec("codec.fake:FakeCodec", strips=4)
    assert isinstance(codec, FakeCodec)
    assert codec.strips == 4


def test_progic_loads_from_a_weights_file_with_its_options(tiny_weights):
    codec = load_codec("progic", model=str(tiny_weights), stages=2)
    assert (codec.name, codec.stages, codec.model_id) == ("progic", 2, ProgicCodec(str(tiny_weights)).model_id)
    assert len(codec.encode(picture(16, 16), 1)) == 2, "one cell of 8 bits a stage"
    assert load_codec("progic-whole", model=str(tiny_weights)).name == "progic-whole"


@pytest.mark.parametrize(("name", "stages"), [("progic", 5), ("avif", 1), ("codec.fake:FakeCodec", 1)])
def test_a_codec_says_how_many_stages_it_sends(name, stages):
    assert stages_of(load_codec(name, **({"budget_bytes": 100} if name == "avif" else {}))) == stages


LIBRARIES = "{'pillow_heif', 'imagecodecs', 'imageio_ffmpeg'}"


@pytest.mark.parametrize(
    ("name", "brought_in"),
    [
        ("progic", []),
        ("avif", []),
        ("webp", []),
        ("jpeg2000", []),
        ("heic", ["pillow_heif"]),
        ("jpegxl", ["imagecodecs"]),
    ],
)
def test_a_codec_brings_in_the_library_it_needs_and_no_other(name, brought_in):
    options = {} if name == "progic" else {"budget_bytes": 300}
    assert python(
        "import sys, numpy, codec; names = codec.codec_names();"
        " assert not any(each.startswith(('codec.rivals', 'codec.progic')) for each in sys.modules), 'names alone';"
        f" coder = codec.load_codec({name!r}, **{options});"
        " received = dict(enumerate(coder.encode(numpy.zeros((16, 16, 3), 'uint8'), 340)));"
        " assert coder.decode(received, 16, 16) is not None;"
        f" print(sorted({LIBRARIES} & set(sys.modules)))"
    ) == str(brought_in)


@pytest.mark.parametrize(
    ("library", "spoiled", "complaint"),
    [
        ("pillow_heif", "heic", "codec heic needs the package pillow-heif: pip install 'satsim-link[rivals]'"),
        ("imagecodecs", "jpegxl", "codec jpegxl needs the package imagecodecs: pip install 'satsim-link[rivals]'"),
        ("imageio_ffmpeg", "vvc", "pip install 'satsim-link[vvc]'"),
    ],
)
def test_a_missing_library_spoils_its_own_codec_alone(library, spoiled, complaint):
    assert complaint in python(
        f"import sys, numpy; sys.modules[{library!r}] = None; from codec import CodecError, codec_names, load_codec;"
        " others = [each for each in codec_names() if each != 'external' and not each.startswith('progic')];"
        f" [load_codec(each, budget_bytes=300) for each in others if each != {spoiled!r}]\n"
        f"try: load_codec({spoiled!r}, budget_bytes=300).encode(numpy.zeros((32, 32, 3), 'uint8'), 340)\n"
        "except CodecError as error: print(error)"
    )


def python(code):
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPO)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("progik", "did you mean 'progic'"),
        ("jpg", "did you mean 'jpeg'"),
        ("telegraph", "expected one of: progic, progic-whole, progic-full"),
        ("", "expected one of"),
        ("codec.fake:Absent", "cannot be imported"),
        ("no_such_module:Codec", "cannot be imported"),
        (":FakeCodec", "cannot be imported"),
        ("codec.base:MIN_SIDE", "which is of type int; expected a class with encode and decode"),
        ("codec.progic.layout:make_cut", "which is of type function; expected a class with encode and decode"),
        ("subprocess:run", "which is of type function; expected a class"),
        ("subprocess:Popen", "which is a class without encode and decode; expected a class"),
        ("json:JSONDecoder", "which is a class without encode; expected"),
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
        ("codec.fake:FakeCodec", {"name": 3}, "no option 'name'; expected one of: strips"),
    ],
)
def test_a_wrong_option_is_refused_by_name(name, options, complaint):
    with pytest.raises(CodecError, match=complaint):
        load_codec(name, **options)


def test_a_receiver_with_the_senders_weights_is_found(tiny_weights):
    sender = ProgicCodec(str(tiny_weights))
    receiver = load_receiver("progic", sender.model_id, str(tiny_weights))
    assert receiver.model_id == sender.model_id
    received = dict(enumerate(sender.encode(picture(32, 48), 340)))
    shown = receiver.decode(received, 32, 48).astype(int)
    assert np.abs(shown - sender.decode(received, 32, 48)).max() <= 1


@pytest.mark.parametrize("name", ["progic", "progic-whole", "progic-full"])
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
    layers = load_codec("jpeg2000", budget_bytes=900, progressive=True).encode(image := photo_like(96, 96), 300)
    assert progressive.decode({0: layers[0]}, 96, 96).shape == image.shape
    whole = load_codec("jpeg2000", budget_bytes=900).encode(image, 300)
    assert plain.decode({0: whole[0]}, 96, 96) is None
    assert plain.decode(dict(enumerate(whole)), 96, 96).shape == image.shape


def test_a_bitstream_of_the_future_is_refused():
    with pytest.raises(CodecError, match="bitstream 77; this version cannot decode it"):
        load_receiver("jpeg", 77)


def test_ours_take_no_budget_and_all_rivals_do():
    ours = ["progic", "progic-whole", "progic-full"]
    assert [name for name in CODECS if not takes_budget(name)] == ours
    assert not takes_budget("codec.fake:FakeCodec")


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("avif", "avif", []),
        ("progic:model=nano,stages=2", "progic", ["model=nano", "stages=2"]),
        ("codec.fake:FakeCodec", "codec.fake:FakeCodec", []),
        ("codec.fake:FakeCodec:strips=4", "codec.fake:FakeCodec", ["strips=4"]),
        (
            "external:encode=cp {input} {output},qualities=[1,2]",
            "external",
            ["encode=cp {input} {output}", "qualities=[1,2]"],
        ),
        ("avif:", "avif:", []),
        ("", "", []),
    ],
)
def test_a_name_and_its_settings_are_told_apart(text, name, settings):
    assert split_options(text) == (name, settings)
