"""What a command says of the photos that it is given: the same line whichever command it is."""

import json

import numpy as np
import pytest
from PIL import Image

from codec.training.crops import Photos, list_names

WHITE = "photo.png: its transparent parts are shown on white"


@pytest.fixture
def desk(story, tmp_path, monkeypatch):
    """The story with a photo of which the left half is transparent, in a folder `photos` with files that are none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path / "cache"))
    pixels = np.random.default_rng(3).integers(0, 256, (48, 64, 4), np.uint8)
    pixels[..., 3] = np.where(np.arange(64) < 32, 0, 255)
    Image.fromarray(pixels).save("photo.png")
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(pixels).save(photos / "photo.png")
    (photos / "._photo.png").write_bytes(b"of a Mac")
    (photos / "clip.mov").write_bytes(b"a film")
    (photos / "bad.png").write_bytes(b"no photo")
    return tmp_path


def said(done):
    """How often standard error, whatever its width, says the note, what was left out, and which photo is bad."""
    assert done.returncode == 0, done.stderr
    told = "".join(done.stderr.split())
    files = "photos: left out 2 files: 1 hidden (._photo.png); 1 not photos by name (1 .mov)"
    bad = "bad.png: is not an image of a kind that is read here"
    return [told.count("".join(line.split())) for line in (WHITE, files, bad)]


def test_a_run_says_it_on_the_screen_in_its_summary_and_in_its_notes(desk, in_process):
    done = in_process("run", "story.yaml", "--out", "out")
    assert said(done)[0] == 1
    assert WHITE in json.loads((desk / "out" / "summary.json").read_text())["notices"]
    assert f"- {WHITE}\n" in (desk / "out" / "notes.md").read_text()


def test_a_run_over_photos_says_it_and_what_was_left_out(desk, in_process):
    done = in_process("run", "story.yaml", "--images", "photos", "--out", "out", "--workers", "1")
    assert said(done) == [1, 1, 1]
    assert f"- {WHITE}\n" in (desk / "out" / "notes.md").read_text()


def test_a_sweep_over_a_folder_says_it_once_and_what_was_left_out(desk, in_process):
    vary = ["--vary", "image=photos", "--vary", "link.loss_ratio=0,0.5"]
    done = in_process("sweep", "story.yaml", *vary, "--replications", "2", "--workers", "1", "--out", "out")
    assert done.returncode == 0, done.stderr
    notes = (desk / "out" / "notes.md").read_text()
    assert notes.count(WHITE) == 1
    assert notes.count("photos: left out 2 files: 1 hidden") == 1
    assert notes.count("bad.png: is not an image of a kind that is read here") == 1


def test_a_study_says_it_and_what_was_left_out(desk, in_process):
    space = ["--codec", "codec.fake:FakeCodec:strips=1", "--scales", "1", "--copies", "7", "--repair", "0"]
    goal = ["--goal", "psnr >= 1 by 100 s with 0.5", "--transports", "once"]
    done = in_process("study", "story.yaml", "--images", "photos", *space, *goal, "--workers", "1", "--out", "out")
    assert said(done) == [1, 1, 1]


def test_encode_says_it(desk, in_process):
    assert said(in_process("encode", "photo.png", "-o", "out", "--codec", "jpeg"))[0] == 1


def test_an_evaluation_says_it_once_for_all_sizes_and_what_was_left_out(desk, in_process):
    sizes = ["--side", "32", "--whole"]
    done = in_process("codec", "evaluate", "photos", "--codec", "codec.fake:FakeCodec", "--metric", "psnr", *sizes)
    assert said(done) == [1, 1, 1]


def test_runtimes_say_it(desk, in_process):
    done = in_process("codec", "runtimes", "photo.png", "--codec", "jpeg", "--side", "32", "--bpp", "4", "--runs", "1")
    assert said(done)[0] == 1


@pytest.mark.parametrize("loaders", [0, 2])
def test_training_says_it_once_and_what_was_left_out(desk, in_process, loaders):
    (desk / "mine.yaml").write_text(
        f"{{lpips: 0, vgg: 0, dists: 0, batch: 2, crop: 32, steps: 3, preset: nano, loaders: {loaders}}}"
    )
    assert said(in_process("codec", "train", "mine.yaml", "--data", "photos", "--out", "out")) == [1, 1, 1]


def test_of_many_photos_in_training_the_first_notes_are_told_and_the_rest_in_a_line(tmp_path):
    for k in range(9):
        Image.new("LA", (40, 40), (k, 0)).save(tmp_path / f"{k}.png")
    photos, rng = Photos(tmp_path, list_names(tmp_path), kept_bytes=0), np.random.default_rng(1)
    for _ in range(60):
        photos.draw(rng)
    assert len(photos.news) == len(set(photos.news)) == 7
    assert sum(": its transparent parts are shown on white" in line for line in photos.news) == 6
    assert photos.news[-1] == "more notes of this kind are not said"


def test_an_analysis_says_it_and_what_was_left_out(desk, in_process, tiny_weights):
    Image.new("RGB", (64, 48), (9, 99, 199)).save(desk / "photos" / "second.png")
    done = in_process("codec", "analyse", "photos", "--model", str(tiny_weights), "--side", "32", "--metric", "psnr",
                      "--out", "out")  # fmt: skip
    assert said(done) == [1, 1, 1]


def test_a_photo_that_no_decoder_takes_is_one_line_with_exit_code_2(desk, in_process):
    (desk / "photo.png").write_bytes(b"\x00\x00\x00\x1cftypavif" + bytes(40))
    for arguments in (["run", "story.yaml", "--out", "out"], ["encode", "photo.png", "-o", "out"]):
        done = in_process(*arguments)
        assert done.returncode == 2
        [line] = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert "photo.png: " in line
        assert not (desk / "out").exists()
