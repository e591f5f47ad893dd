"""A search for better indices: it pays, never costs, and changes nothing for a receiver."""

import itertools

import numpy as np
import pytest
import torch
from conftest import photo_like, picture

from codec import load_codec
from codec.base import CodecError, WeightsError
from codec.options import check_options
from codec.progic import layout
from codec.progic.codec import ProgicCodec, to_tensor
from codec.progic.search import Search, windows_of
from codec.progic.shape import model_path, read_weights


@pytest.fixture(scope="module")
def plain(tiny_weights):
    return ProgicCodec(str(tiny_weights))


@pytest.fixture(scope="module")
def searching(tiny_weights):
    return ProgicCodec(str(tiny_weights), search=3, judge="dists-lite")


def indices_of(codec, image):
    """int64[1, stages, rows, columns] that `codec` sends, as a tensor."""
    height, width = image.shape[:2]
    config = codec.config
    payloads = dict(enumerate(codec.encode(image, 340)))
    grid = layout.join(payloads, config.stages, *config.grid(height, width), config.index_bits)
    return torch.from_numpy(grid)[None]


def losses_of(codec, image, model):
    """What the search seeks the least of, after each stage that `codec` sends."""
    search = Search(read_weights(model_path(model)), 1, "dists-lite")
    x = to_tensor(image, codec.config.downsampling)
    return search.losses(x, *image.shape[:2], indices_of(codec, image))


def test_after_a_few_steps_each_packets_picture_is_nearer_to_the_photo_and_the_first_no_farther():
    image = photo_like(96, 80)
    before, after = (
        losses_of(load_codec("progic", model="nano", search=n, judge="dists-lite"), image, "nano") for n in (0, 5)
    )
    assert after[0] <= before[0]
    assert all(found < nearest for nearest, found in zip(before[1:], after[1:], strict=True))


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("size", [(16, 16), (37, 53), (80, 64)])
def test_the_first_stage_is_never_worse_than_the_nearest_codewords(tiny_weights, plain, steps, size):
    image = picture(*size)
    codecs = (plain, ProgicCodec(str(tiny_weights), search=steps, judge="dists-lite"))
    nearest, found = (losses_of(codec, image, str(tiny_weights))[0] for codec in codecs)
    assert found <= nearest


def test_the_same_steps_give_the_same_bytes_also_from_a_new_codec(tiny_weights, searching):
    image = picture(53, 61)
    again = ProgicCodec(str(tiny_weights), search=3, judge="dists-lite")
    assert searching.encode(image, 50) == searching.encode(image, 50) == again.encode(image, 50)


@pytest.mark.parametrize("size", [(16, 16), (37, 53), (64, 48)])
def test_payloads_are_as_many_and_as_long_as_without_a_search(plain, searching, size):
    ours, theirs = (codec.encode(picture(*size), 20) for codec in (searching, plain))
    assert [len(payload) for payload in ours] == [len(payload) for payload in theirs]


def test_a_search_finds_other_indices(plain, searching):
    assert searching.encode(picture(64, 48), 340) != plain.encode(picture(64, 48), 340)


def test_a_receiver_that_never_searched_shows_any_of_its_packets(plain, searching):
    payloads = searching.encode(picture(37, 53), 12)
    assert len(payloads) == 5
    for held in (set(s) for n in range(1, 6) for s in itertools.combinations(range(5), n)):
        assert plain.decode({k: payloads[k] for k in held}, 37, 53).shape == (37, 53, 3)


def test_sending_two_stages_searches_the_same_first_two(tiny_weights, searching):
    two = ProgicCodec(str(tiny_weights), stages=2, search=3, judge="dists-lite")
    image = picture(48, 48)
    assert two.encode(image, 9) == searching.encode(image, 9)[:2]


def test_a_photo_too_small_for_the_judges_is_searched_without_them():
    assert windows_of(torch.zeros(1, 3, 38, 64)) == []
    assert len(windows_of(torch.zeros(1, 3, 39, 64))) == 2


def test_windows_stay_within_the_photo_and_off_the_decoders_grid():
    windows = windows_of(torch.zeros(1, 3, 50, 70))
    assert [tuple((s.start, s.stop) for s in window[2:]) for window in windows] == [
        ((1, 44), (4, 67)),
        ((6, 49), (7, 70)),
    ]


@pytest.mark.parametrize("steps", [-1, True, 2.5, "fast", 1001])
def test_a_number_of_steps_that_is_none_is_refused(tiny_weights, steps):
    for refuse in (
        lambda **options: load_codec("progic", **options),
        lambda **options: check_options("progic", options),
    ):
        with pytest.raises(CodecError, match=r"search is .*expected steps a stage, 1 to 1000"):
            refuse(model=str(tiny_weights), search=steps)


def test_an_unknown_judge_is_refused(tiny_weights):
    for refuse in (
        lambda **options: load_codec("progic", **options),
        lambda **options: check_options("progic", options),
    ):
        with pytest.raises(CodecError, match="judge is 'vgg'; a search goes by lpips-squeeze or dists-lite"):
            refuse(model=str(tiny_weights), search=2, judge="vgg")


def test_without_its_weights_a_search_by_lpips_says_how_to_get_them_or_do_without(tiny_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("SATSIM_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        WeightsError, match=r"weights fetch lpips-squeeze.*or search by what ships, with judge=dists-lite"
    ):
        load_codec("progic", model=str(tiny_weights), search=2)


def test_a_photo_too_large_for_memory_is_refused_at_once(searching):
    with pytest.raises(CodecError, match="the photo has 1040x1024 pixels; expected at most 1048576 together"):
        searching.encode(np.zeros((1024, 1040, 3), np.uint8), 340)


def test_the_command_line_takes_it_as_an_option_of_the_codec(small_photo, tiny_weights, tmp_path, in_process):
    frame = ("--width", "64", "--height", "48", "--option", f"model={tiny_weights}")
    for out, more in (("plain", ()), ("found", ("--option", "search=2", "--option", "judge=dists-lite"))):
        assert in_process("encode", str(small_photo), "-o", str(tmp_path / out), *frame, *more).returncode == 0
    plain, found = (sorted(path.read_bytes() for path in (tmp_path / out).iterdir()) for out in ("plain", "found"))
    assert len(plain) == len(found)
    assert plain != found
    done = in_process("decode", *map(str, (tmp_path / "found", "-o", tmp_path / "shown.png", "--model", tiny_weights)))
    assert (done.returncode, (tmp_path / "shown.png").exists()) == (0, True)


def test_the_command_line_refuses_steps_that_are_none_in_a_line(small_photo, tmp_path, in_process):
    done = in_process("encode", str(small_photo), "-o", str(tmp_path / "out"), "--option", "search=fast")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: search is 'fast'; expected steps a stage, 1 to 1000 (or leave it out)\n"
    assert not (tmp_path / "out").exists()
