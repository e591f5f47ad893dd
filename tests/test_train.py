"""Training on a toy model: it learns, resumes exactly, and its codebooks follow the data."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codec.base import CodecError, WeightsError
from codec.metrics.lab import to_lab
from codec.progic.gates import SoftClamp
from codec.progic.model import FeedForward, load_model
from codec.progic.shape import PRESETS, ProgicConfig, model_path
from codec.training.adversary import Adversary, PatchDiscriminator, adaptive_weight, discriminator_loss
from codec.training.artefacts import MARGIN, TITLE
from codec.training.clock import LOOK_STEPS, Clock
from codec.training.codebooks import CodebookTrainer, tally
from codec.training.crops import Photos, list_names, random_crops
from codec.training.draws import decode_plan, off_grid
from codec.training.feed import feed
from codec.training.optimizers import Muon, learning_rate, load_optimizer, make_optimizers, orthogonalise
from codec.training.pack import parse_bytes, write_packs
from codec.training.recipe import TrainConfig
from codec.training.state import copied, drift, lost
from codec.training.train import RETURNS, SKIPS, Run, go, train

REPO = Path(__file__).resolve().parent.parent
TOY = ProgicConfig(channels=8, encoder_blocks=1, decoder_blocks=1, latent_channels=8, stages=3, index_bits=4)
pytestmark = pytest.mark.usefixtures("one_thread")


def make_photos(folder: Path, count: int, seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for k in range(count):
        tones = rng.integers(0, 256, (4, 5, 3), np.uint8)
        Image.fromarray(tones).resize((50, 40)).save(folder / f"{seed}-{k}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_photos(tmp_path / "photos", 3)


def toy_config(photos: Path, out: Path, steps: int, **changes: object) -> TrainConfig:
    """A run without pretrained networks, whose steps cut their own crops and are looked at one by one."""
    settings: dict[str, object] = {
        "steps": steps,
        "batch": 4,
        "crop": 32,
        "loaders": 0,
        "lpips": 0,
        "vgg": 0,
        "dists": 0,
        "quantize_from": 3,
        "report_steps": 1,
        "check_steps": 1,
        "warmup": 2,
        "learning_rate": 1e-2,
        "decay": 0.3,
        "discriminator_width": 8,
        "bfloat16": "off",
    }
    if "minutes" in changes:
        del settings["steps"]
    return TrainConfig.model_validate({"data": photos, "out": out, **settings, **changes})


# It learns


def test_the_loss_falls_on_three_photos(photos: Path, tmp_path: Path) -> None:
    rows = list(train(toy_config(photos, tmp_path / "run", 120, check_steps=20), TOY))
    assert np.mean([row["l1"] for row in rows[-5:]]) < 0.75 * rows[0]["l1"]


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"codebooks": "gradient"}, {"every_stage": True}, {"optimizer": "adam"}])
def test_the_papers_ways_learn_too(photos: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    rows = list(train(toy_config(photos, tmp_path / "run", 60, check_steps=20, **changes), TOY))
    assert np.mean([row["l1"] for row in rows[-5:]]) < 0.8 * rows[0]["l1"]


def test_the_trained_file_loads_and_knows_its_shape(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "run", 4), TOY))
    model, _ = load_model(tmp_path / "run" / "model.safetensors")
    assert model.config == TOY


def test_a_run_begins_where_the_weights_it_is_given_end(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 50, check_steps=20), TOY))
    start = str(tmp_path / "first" / "model.safetensors")
    [row] = train(toy_config(photos, tmp_path / "second", 1, start=start), TOY)
    [fresh] = train(toy_config(photos, tmp_path / "fresh", 1), TOY)
    assert row["l1"] < 0.75 * fresh["l1"]


def test_weights_of_another_shape_are_refused(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 1), TOY))
    start = str(tmp_path / "first" / "model.safetensors")
    with pytest.raises(WeightsError, match="another shape"):
        next(train(toy_config(photos, tmp_path / "second", 1, start=start), PRESETS["nano"]))


def test_codebooks_learn_by_gradient_where_asked(photos: Path, tmp_path: Path) -> None:
    rows = list(train(toy_config(photos, tmp_path / "run", 20, check_steps=20, codebooks="gradient"), TOY))
    assert rows[-1]["codebook"] > 0
    begun = list(train(toy_config(photos, tmp_path / "begun", 3), TOY))
    assert "codebook" not in begun[-1]


def test_a_frozen_encoder_and_its_codebooks_stay_while_the_decoder_moves(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 10), TOY))
    start = str(tmp_path / "first" / "model.safetensors")
    list(train(toy_config(photos, tmp_path / "second", 5, start=start, freeze_encoder=True), TOY))
    before, _ = load_model(tmp_path / "first" / "model.safetensors")
    after, _ = load_model(tmp_path / "second" / "model.safetensors")
    moved = {name for name, tensor in after.state_dict().items() if not torch.equal(tensor, before.state_dict()[name])}
    assert moved
    assert all(name.startswith("synthesis.") for name in moved)


def test_a_pupil_comes_nearer_to_its_teachers_latents_and_takes_its_codebooks(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 20, check_steps=20), TOY))
    teacher = str(tmp_path / "first" / "model.safetensors")
    narrow = replace(TOY, channels=6)
    config = toy_config(photos, tmp_path / "second", 60, teacher=teacher, weight_decay=0.5, check_steps=20)
    rows = list(train(config, narrow))
    assert np.mean([row["teach"] for row in rows[-5:]]) < 0.5 * rows[0]["teach"]
    [before, after] = [load_model(tmp_path / run / "model.safetensors")[0] for run in ("first", "second")]
    assert torch.equal(before.quantizer.codebooks, after.quantizer.codebooks)


def test_a_teacher_of_other_codebooks_is_refused(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 1), TOY))
    teacher = str(tmp_path / "first" / "model.safetensors")
    with pytest.raises(WeightsError, match=r"teaches codebooks of \(3, 16, 8\); this run learns \(2, 16, 8\)"):
        next(train(toy_config(photos, tmp_path / "second", 1, teacher=teacher), replace(TOY, stages=2)))


def test_a_decoder_can_learn_for_one_packet_alone(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 10), TOY))
    start = str(tmp_path / "first" / "model.safetensors")
    changes = {"start": start, "freeze_encoder": True, "held": [1], "weight_decay": 0.5}
    list(train(toy_config(photos, tmp_path / "second", 5, **changes), TOY))
    [before, after] = [load_model(tmp_path / run / "model.safetensors")[0] for run in ("first", "second")]
    moved = {name for name, tensor in after.state_dict().items() if not torch.equal(tensor, before.state_dict()[name])}
    assert "synthesis.leave.weight" in moved
    assert all(name.startswith("synthesis.") for name in moved)
    scale = "synthesis.body.blocks.0.scale"
    assert torch.equal(before.state_dict()[scale][1:], after.state_dict()[scale][1:])  # of two stages and more


def test_colours_and_the_network_that_ships_can_be_losses(photos: Path, tmp_path: Path) -> None:
    config = toy_config(photos, tmp_path / "run", 4, color=1.0, color_lab=3.0, dists_lite=0.5, vgg_from=0.5)
    rows = list(train(config, TOY))
    assert [row["step"] for row in rows if "dists_lite" in row] == [3, 4]
    for row in rows:
        expected = row["l1"] + row["color"] + 3.0 * row["color_lab"] + 0.5 * row.get("dists_lite", 0.0)
        assert row["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_missing_file_is_named_with_the_keys_that_do_without(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATSIM_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path / "cache"))
    with pytest.raises(WeightsError, match=r"no VGG-19 weights there; do without by `vgg: 0` and `dists: 0`"):
        next(train(toy_config(photos, tmp_path / "run", 2, vgg=0.5), TOY))
    with pytest.raises(WeightsError, match=r"satsim weights fetch lpips-squeeze.* or do without by `lpips: 0`"):
        next(train(toy_config(photos, tmp_path / "run", 2, lpips=0.5), TOY))


# It goes on where it was cut

DRIVER = """
import sys, time
from pathlib import Path
from tests.test_train import exploding_run
for row in exploding_run(Path(sys.argv[1]), Path(sys.argv[2]), resume=False):
    print(row["step"], flush=True)
    if row["step"] == 13:
        time.sleep(60)  # the kill comes before, unless this machine is very busy
"""
EXPLODING_STEP = 17


def exploding_run(photos, out, resume):
    """Thirty steps, a checkpoint at each; before one of them the decoder is scaled up, and after it back.

    By a power of two, so that nothing is rounded: if that step moves nothing, it leaves no trace but in the log.
    """
    changes = {"adversarial": 0.1, "adversarial_from": 0.3, "dists_lite": 0.5, "checkpoint_s": 0.0, "loaders": 1}
    config = toy_config(photos, out, 30, weight_decay=0.9, **changes)
    run = Run(config, TOY, resume)

    def scale(factor):
        for parameter in run.learned.model.synthesis.parameters():
            parameter.detach().mul_(factor)

    if run.step == EXPLODING_STEP - 1:
        scale(2.0**40)
    for row in go(run):
        if row["step"] == EXPLODING_STEP:
            scale(2.0**-40)
        yield row
        if row["step"] == EXPLODING_STEP - 1:
            scale(2.0**40)


def without_times(path):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def all_equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(all_equal(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(all_equal, one, other))
    return one == other


def test_two_programs_never_train_in_one_folder(photos: Path, tmp_path: Path) -> None:
    config = toy_config(photos, tmp_path / "run", 2)
    going = train(config, TOY)
    assert next(going)["step"] == 1
    with pytest.raises(CodecError, match="another run is at work there; wait for it, or name another folder"):
        next(train(config, TOY, resume=True))
    assert [row["step"] for row in going] == [2]
    assert "lock" not in [path.name for path in config.out.iterdir()]
    assert list(train(config, TOY, resume=True)) == [], "it is over"


FULL = """
import resource, sys
from pathlib import Path
import torch
from codec.progic.model import ProGIC, save_model
from codec.progic.shape import PRESETS
from codec.training.artefacts import write_checkpoint

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
out = Path(sys.argv[1])
for write in (lambda: write_checkpoint(out, {"weights": torch.ones(10_000)}),
              lambda: save_model(ProGIC(PRESETS["nano"]), out / "model.safetensors")):
    try:
        write()
    except OSError as error:
        print(error.strerror)
"""


@pytest.mark.skipif(os.name == "nt", reason="the limit on sizes of files is that of POSIX")
def test_a_disk_without_room_for_checkpoint_or_weights_is_an_error_of_the_system_and_the_old_ones_stay(
    tmp_path: Path,
) -> None:
    for name in ("checkpoint.pt", "model.safetensors"):
        (tmp_path / name).write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n" * 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "checkpoint.pt": b"old",
        "model.safetensors": b"old",
    }


def test_thirty_steps_with_an_explosion_and_a_kill_end_as_thirty_without_the_kill(photos: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    uncut = list(exploding_run(photos, whole, resume=False))
    assert [row["step"] for row in uncut if row["skipped"]] == [EXPLODING_STEP]
    command = [sys.executable, "-c", DRIVER, str(photos), str(killed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPO) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 8:
                process.send_signal(signal.SIGKILL)
                break
    cut_at = torch.load(killed / "checkpoint.pt", weights_only=True)["step"]
    assert 7 <= cut_at < EXPLODING_STEP
    with (killed / "log.jsonl").open("a") as log:
        log.write('{"step": 9')  # as a kill within a write would leave it
    assert len(list(exploding_run(photos, killed, resume=True))) == 30 - cut_at
    one, other = (torch.load(out / "checkpoint.pt", weights_only=True) for out in (whole, killed))
    for name in ("model", "average", "books", "optimizer", "discriminator", "opponent", "sums", "skips", "shown"):
        assert all_equal(one[name], other[name]), name
    assert without_times(whole / "log.jsonl") == without_times(killed / "log.jsonl")
    for name in ("model.safetensors", "before-gan.safetensors", "sheet.png"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes()


def test_loaders_change_nothing(photos: Path, tmp_path: Path) -> None:
    alone = list(train(toy_config(photos, tmp_path / "alone", 6), TOY))
    three = list(train(toy_config(photos, tmp_path / "three", 6, loaders=3), TOY))
    assert [row["loss"] for row in alone] == [row["loss"] for row in three]


def test_checks_every_few_steps_change_nothing_in_a_sound_run(photos: Path, tmp_path: Path) -> None:
    each = list(train(toy_config(photos, tmp_path / "each", 7), TOY))
    seldom = list(train(toy_config(photos, tmp_path / "seldom", 7, check_steps=4), TOY))
    assert [row["loss"] for row in each] == [row["loss"] for row in seldom]


def test_what_a_kill_left_behind_or_took_is_written_anew_before_the_run_goes_on(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = toy_config(photos, out, 6, checkpoint_s=0.0)
    run = train(config, TOY)
    list(islice(run, 3))
    run.close()
    names = ("log.jsonl", "model.safetensors", "sheet.png")
    sound = {name: (out / name).read_bytes() for name in names}
    saved = json.loads(sound["log.jsonl"].splitlines()[-1])["step"]
    (out / "log.jsonl").write_text('{"step": 1, "seconds": 0}\n{"step": 77, "seconds": 0}\n')
    (out / "model.safetensors").write_bytes(b"an older one")
    (out / "sheet.png").unlink()
    Run(config, TOY, resume=True)
    assert {name: (out / name).read_bytes() for name in names} == sound
    assert saved == torch.load(out / "checkpoint.pt", weights_only=True)["step"]


def test_each_row_of_the_contact_sheet_says_what_it_is(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "run", 1), TOY))
    with Image.open(tmp_path / "run" / "sheet.png") as sheet:
        assert sheet.size == (MARGIN + 6 * 32, TITLE + 4 * 32)  # original, and one to three packets
        dark = np.asarray(sheet.convert("L")) < 128
    assert dark[:TITLE].any()
    for row in range(4):
        top = TITLE + 32 * row
        assert dark[top : top + 32, :MARGIN].any()


def test_a_run_that_is_there_is_not_begun_anew(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "run", 1), TOY))
    with pytest.raises(CodecError, match="holds a run; go on with it by --resume"):
        next(train(toy_config(photos, tmp_path / "run", 2), TOY))


def test_a_checkpoint_that_was_cut_is_named(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "run", 1), TOY))
    path = tmp_path / "run" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CodecError, match=r"checkpoint.pt: this run cannot go on from it"):
        next(train(toy_config(photos, tmp_path / "run", 2), TOY, resume=True))


def test_photos_that_come_later_do_not_change_a_run_of_steps_and_those_that_go_end_it(
    photos: Path, tmp_path: Path
) -> None:
    whole = list(train(toy_config(photos, tmp_path / "whole", 6), TOY))
    list(train(toy_config(photos, tmp_path / "cut", 3, decay=0.0), TOY))
    begun = [row["l1"] for row in whole[:1]]
    make_photos(photos, 2, seed=9)
    rest = list(train(toy_config(photos, tmp_path / "cut", 6, decay=0.0), TOY, resume=True))
    assert len(rest) == 3
    saved = torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)
    assert saved["photos"] == ["0-0.png", "0-1.png", "0-2.png"]
    assert saved["rows"][0]["l1"] == begun[0]
    (photos / "0-1.png").unlink()
    with pytest.raises(CodecError, match=r"1 photos that the run began with are gone: 0-1\.png"):
        next(train(toy_config(photos, tmp_path / "cut", 9), TOY, resume=True))


# It cannot break


def planted(run: Run, where: str) -> None:
    """One number that is none."""
    learned = run.learned
    assert learned.adversary is not None
    momentum = next(iter(learned.optimizers[0].state.values()))
    moment = next(iter(learned.adversary.optimizer.state.values()))
    tensor = {
        "model": next(learned.model.parameters()),
        "average": next(learned.average.parameters()),
        "codebooks": learned.model.quantizer.codebooks,
        "books": learned.books.sums,
        "optimizer": momentum["exp_avg"],
        "discriminator": next(learned.adversary.discriminator.parameters()),
        "opponent": moment["exp_avg_sq"],
    }[where]
    tensor.detach()[(0,) * tensor.dim()] = float("nan")


@pytest.mark.parametrize("where", ["model", "average", "codebooks", "books", "optimizer", "discriminator", "opponent"])
def test_a_number_that_is_none_leads_back_to_the_last_sound_state(photos: Path, tmp_path: Path, where: str) -> None:
    notes: list[str] = []
    config = toy_config(photos, tmp_path / "run", 9, adversarial=0.1, adversarial_from=0.1, adversarial_ramp=0.0)
    run = Run(config, TOY, tell=notes.append)
    rows = go(run)
    list(islice(rows, 5))
    before = copied(run.sound)
    planted(run, where)
    row = next(rows)
    assert row["went_back"] == 1
    assert notes[-1].startswith("step 6: ")
    assert ("model" if where == "codebooks" else where) in notes[-1]
    assert "no longer finite; back to the state of step 5" in notes[-1]
    assert all_equal(before, run.learned.state())
    after = list(rows)
    assert [row["step"] for row in after] == [7, 8, 9]
    assert all("went_back" not in row and row["skipped"] == 0 for row in after)
    assert not lost(run.learned.state())


def test_a_discriminator_lost_between_two_checks_does_not_end_the_run(photos: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    changes = {"adversarial": 0.1, "adversarial_from": 0.0, "adversarial_ramp": 0.0, "check_steps": 12}
    run = Run(toy_config(photos, tmp_path / "run", 40, **changes), TOY, tell=notes.append)
    rows = go(run)
    list(islice(rows, 12))
    planted(run, "discriminator")
    skipped = [row["skipped"] for row in islice(rows, 12)]
    assert sum(skipped) == 12  # each of them moved nothing
    assert notes == ["step 24: discriminator no longer finite; back to the state of step 12"]
    assert sum(row["skipped"] for row in rows) == 0


def test_a_state_that_is_lost_again_and_again_ends_the_run(photos: Path, tmp_path: Path) -> None:
    run = Run(toy_config(photos, tmp_path / "run", 30), TOY)
    rows = go(run)
    list(islice(rows, 4))

    def spoil() -> None:
        for _ in range(RETURNS):
            run.learned.average.quantizer.codebooks.fill_(float("inf"))
            next(run.learned.average.parameters()).fill_(float("nan"))
            next(rows)

    with pytest.raises(CodecError, match="stopped at step 7, as it lost its state 3 times in a row"):
        spoil()
    model, _ = load_model(tmp_path / "run" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


@pytest.mark.parametrize("check_steps", [1, 4])
def test_ten_steps_in_a_row_that_explode_end_the_run_with_its_best_weights(
    photos: Path, tmp_path: Path, check_steps: int
) -> None:
    out = tmp_path / "run"
    run = Run(toy_config(photos, out, 60, check_steps=check_steps), TOY)
    rows = go(run)
    list(islice(rows, 8))
    average = copied(run.learned.average.state_dict())
    # Clipped at next to nothing, every gradient counts as exploded.
    run.stepper.config = run.config.model_copy(update={"clip": 1e-30})
    stopped = 8 + SKIPS if check_steps == 1 else 20
    with pytest.raises(CodecError, match=rf"stopped at step {stopped}, as \d+ steps in a row exploded") as raised:
        list(rows)
    assert "\n" not in str(raised.value)
    assert all_equal(average, run.learned.average.state_dict())
    model, _ = load_model(out / "model.safetensors")
    assert torch.equal(model.quantizer.codebooks, average["quantizer.codebooks"].half().float())
    logged = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert logged[-1]["step"] == stopped
    assert logged[-1]["skipped"] == 1


def test_a_step_whose_gradient_explodes_moves_nothing(photos: Path, tmp_path: Path) -> None:
    list(train(toy_config(photos, tmp_path / "first", 6), TOY))
    start = str(tmp_path / "first" / "model.safetensors")
    changes = {"start": start, "clip": 1e-30, "codebook_decay": 0.5, "adversarial": 0.1, "adversarial_from": 0.0}
    run = Run(toy_config(photos, tmp_path / "second", 3, **changes), TOY)
    before = copied(run.learned.state())
    assert [row["skipped"] for row in go(run)] == [1, 1, 1]
    after = run.learned.state()
    for name in ("model", "average", "books", "discriminator"):
        assert all_equal(before[name], after[name]), name
    assert all(saved["state"] == {} for saved in [*after["optimizer"], after["opponent"]])


def test_a_batch_that_does_not_fit_is_named(photos: Path, tmp_path: Path) -> None:
    run = Run(toy_config(photos, tmp_path / "run", 1), TOY)
    endless = np.lib.stride_tricks.as_strided(np.zeros(3, np.uint8), (1, 1 << 24, 1 << 24, 3), (0, 0, 0, 1))
    with pytest.raises(CodecError, match=r"batch is 1 .* does not fit in the memory of cpu; lower batch first"):
        run.advance(endless, 0.0)


def test_the_soft_clamp_leaves_what_is_below_and_bends_what_is_above() -> None:
    x = torch.linspace(-300, 300, 2001, dtype=torch.float64, requires_grad=True)
    y = SoftClamp.apply(x, 64.0)
    (slope,) = torch.autograd.grad(y.sum(), x)
    inside = x.abs() <= 64
    assert torch.equal(y[inside], x[inside])
    assert bool((slope[inside] == 1).all())
    assert 64 < float(y.max().detach()) < 128
    measured = torch.gradient(y.detach(), spacing=(x.detach(),))[0]
    assert torch.allclose(measured, slope, atol=0.01)


def test_in_bfloat16_too_no_product_passes_twice_the_limit() -> None:
    x = torch.tensor([0.3, 63.5, -64.0, 65.0, 1e3, -1e5, 1e12, 3e38], dtype=torch.bfloat16, requires_grad=True)
    y = SoftClamp.apply(x, 64.0)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(y[:3], x[:3])
    assert bool((y.abs() <= 128).all())
    assert torch.equal(y.sign(), x.sign())
    assert bool((slope[:3] == 1).all())
    assert bool((slope >= 0).all())
    assert bool((slope <= 1).all())


def test_a_gate_is_bounded_in_training_and_only_there() -> None:
    torch.manual_seed(0)
    block = FeedForward(4, 4)
    x = torch.full((1, 4, 2, 2), 1e6)
    with torch.no_grad():
        bounded = block.train()(x).abs().max()
        assert bounded < 0.01 * block.eval()(x).abs().max()


def test_the_shipped_weights_do_not_notice_the_bound() -> None:
    model, _ = load_model(model_path("nano"))
    rng = np.random.default_rng(0)
    tones = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).resize((64, 64))
    x = torch.from_numpy(np.array(tones)).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        expected = model.decode(model.encode(x))
        assert torch.equal(model.train().decode(model.encode(x)), expected)


# By the clock


def ticking(seconds: float):
    """A clock that goes on by so much each time it is looked at."""
    ticks = iter(range(10**9))
    return lambda: next(ticks) * seconds


def test_a_run_of_minutes_goes_by_the_clock(photos: Path, tmp_path: Path) -> None:
    changes = {"minutes": 10, "late_from": 0.5, "late_crop": 64, "late_batch": 2, "dists_lite": 0.1, "vgg_from": 0.7}
    config = toy_config(photos, tmp_path / "run", 0, decay=0.5, warmup=1, **changes)
    run = Run(config, TOY, now=ticking(2.5))
    shapes, advance = [], run.stepper.advance

    def noting(crops, step, over, rate):
        shapes.append((over, crops.shape))
        return advance(crops, step, over, rate)

    run.stepper.advance = noting
    rows = list(go(run))
    assert rows[-1]["over"] >= 1
    assert all(row["over"] < 1 for row in rows[:-1])
    assert {shape for over, shape in shapes if over < 0.46} == {(4, 32, 32, 3)}
    assert {shape for over, shape in shapes if over > 0.54} == {(2, 64, 64, 3)}
    for (over, _), row in zip(shapes, rows, strict=True):
        assert row["learning_rate"] == pytest.approx(1e-2 * min(1, (1 - over) / 0.5))
        assert ("dists_lite" in row) == (over >= 0.7)


def test_in_a_run_of_steps_crops_grow_at_their_step_whoever_cuts_them(photos: Path, tmp_path: Path) -> None:
    for loaders in (0, 2):
        changes = {"late_from": 0.5, "late_crop": 64, "late_batch": 2, "loaders": loaders}
        run = Run(toy_config(photos, tmp_path / str(loaders), 6, **changes), TOY)
        shapes, advance = [], run.advance

        def noting(crops, over, shapes=shapes, advance=advance):
            shapes.append(crops.shape)
            advance(crops, over)

        run.advance = noting
        list(go(run))
        assert shapes == [(4, 32, 32, 3)] * 3 + [(2, 64, 64, 3)] * 3


def test_the_minutes_may_be_changed_while_a_run_goes_on(photos: Path, tmp_path: Path) -> None:
    out, now = tmp_path / "run", [0.0]
    clock = Clock(toy_config(photos, out, 0, minutes=10), lambda: now[0])
    clock.post()
    assert (out / "minutes").read_text() == "10\n"
    now[0] = 300.0
    assert clock.share(0) == 0.5
    (out / "minutes").write_text("20")
    assert [clock.share(0) for _ in range(LOOK_STEPS)][-1] == 0.25
    (out / "minutes").write_text("a while")
    assert [clock.share(0) for _ in range(LOOK_STEPS)][-1] == 0.25
    (out / "minutes").write_text("5")
    assert [clock.share(0) for _ in range(LOOK_STEPS)][-1] == 1


def test_time_spent_before_a_resume_counts(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = toy_config(photos, out, 0, minutes=1, checkpoint_s=0.0)
    first = train(config, TOY, now=ticking(1.0))
    rows = list(islice(first, 4))
    first.close()
    (out / "seconds").write_text("50.0\n")  # worked after the checkpoint, then killed
    rest = list(train(config, TOY, resume=True, now=ticking(1.0)))
    assert rows[-1]["seconds"] < 30
    assert rest[0]["step"] <= 5
    assert 50 < rest[0]["seconds"] < 60
    assert rest[-1]["seconds"] >= 60
    assert len(rest) < 8


def test_a_run_begun_anew_forgets_what_another_left_that_never_reached_a_checkpoint(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    for name, text in (("log.jsonl", '{"step": 5}\n'), ("minutes", "99"), ("seconds", "50")):
        (out / name).write_text(text)
    config = toy_config(photos, out, 0, minutes=1)
    rows = list(train(config, TOY, now=ticking(3.0)))
    assert rows[0]["seconds"] < 40
    assert rows[-1]["over"] == pytest.approx(1, abs=0.2)
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [
        row["step"] for row in rows
    ]


def test_steps_and_minutes_are_not_set_both() -> None:
    with pytest.raises(ValueError, match="steps and minutes are both set"):
        TrainConfig(data=Path(), out=Path(), steps=10, minutes=3)


# Photos, packs and loaders


def crops_by(folder: Path, loaders: int, count: int, growing: bool = False, told: list[str] | None = None) -> list:
    photos, notes = Photos(folder, list_names(folder)), [] if told is None else told
    stream = feed(photos, 1, loaders, lambda step: (2, 32), 0, notes.append, growing)
    crops = [next(stream) for _ in range(count)]
    stream.close()
    return crops


def test_crops_made_ahead_come_in_order_whoever_cuts_them(photos: Path) -> None:
    alone, three = crops_by(photos, 0, 7), crops_by(photos, 3, 7)
    assert all(np.array_equal(one, other) for one, other in zip(alone, three, strict=True))
    assert not np.array_equal(alone[0], alone[1])


def test_crops_depend_on_the_generator_alone_and_have_the_size_asked_for(photos: Path) -> None:
    first, second = (
        random_crops(Photos(photos, list_names(photos)), 5, 32, np.random.default_rng(7)) for _ in range(2)
    )
    assert first.shape == (5, 32, 32, 3)
    assert np.array_equal(first, second)


def test_photos_smaller_than_the_crop_are_enlarged(photos: Path) -> None:
    crops = random_crops(Photos(photos, list_names(photos)), 2, 64, np.random.default_rng(7))
    assert crops.shape == (2, 64, 64, 3)


def test_without_room_to_keep_photos_the_crops_are_the_same(photos: Path) -> None:
    kept, read_anew = (
        random_crops(Photos(photos, list_names(photos), room), 5, 32, np.random.default_rng(7)) for room in (10**9, 0)
    )
    assert np.array_equal(kept, read_anew)


@pytest.mark.parametrize("loaders", [0, 2])
def test_a_photo_that_cannot_be_read_is_named_once_and_left_out(photos: Path, loaders: int) -> None:
    (photos / "0-1.png").write_text("words")
    told: list[str] = []
    crops_by(photos, loaders, 8, told=told)
    assert told == [
        f"left out: {photos / '0-1.png'}: is not an image of a kind that is read here;"
        " expected JPEG, PNG, WebP, HEIC, AVIF, TIFF or the like"
    ]


def test_where_no_photo_can_be_read_the_run_ends_before_it_begins(photos: Path, tmp_path: Path) -> None:
    for path in photos.iterdir():
        path.write_text("words")
    with pytest.raises(CodecError, match=r"no photo below .* can be read: .*\.png: is not an image"):
        next(train(toy_config(photos, tmp_path / "run", 2), TOY))
    assert not (tmp_path / "run").exists()


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="no photo below it"):
        list_names(tmp_path)


def test_packs_hold_every_photo_keep_to_their_size_and_are_the_same_each_time(tmp_path: Path) -> None:
    folder = make_photos(tmp_path / "photos", 6)
    make_photos(folder / "more", 2, seed=5)
    Image.new("RGB", (500, 700), (200, 30, 30)).save(folder / "large.jpg")
    Image.new("RGB", (64, 48), (30, 200, 30)).save(folder / "small.webp")
    (folder / "none.png").write_text("words")
    left_out: list[str] = []
    first = list(write_packs(folder, tmp_path / "one", 1500, left_out))
    second = list(write_packs(folder, tmp_path / "two", 1500))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert len(first) > 2
    assert all(path.stat().st_size <= 1500 for path in first)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [path.name for path in first]
    [reason] = left_out
    assert "none.png: is not an image" in reason
    names = {name.partition("!")[2] for name in list_names(tmp_path / "one")}
    assert names >= {"large.jpg.webp", "small.webp", "0-0.png.webp", "more/5-1.png.webp"}
    assert len(names) == 10
    photos = Photos(tmp_path / "one", [name for name in list_names(tmp_path / "one") if "large" in name])
    assert photos.draw(np.random.default_rng(0)).size == (320, 448)


def test_packs_are_not_written_over(photos: Path, tmp_path: Path) -> None:
    list(write_packs(photos, tmp_path / "packs", 10**6))
    with pytest.raises(CodecError, match=r"photos-000\.zip: is there already"):
        next(write_packs(photos, tmp_path / "packs", 10**6))


def test_sizes_in_words() -> None:
    assert [parse_bytes(text) for text in ("45MB", "800 kB", "1G", "300")] == [45_000_000, 800_000, 10**9, 300]
    with pytest.raises(ValueError, match="expected such as 45MB"):
        parse_bytes("large")


def test_a_run_takes_its_photos_from_packs(photos: Path, tmp_path: Path) -> None:
    list(write_packs(photos, tmp_path / "packs", 10**6))
    rows = list(train(toy_config(tmp_path / "packs", tmp_path / "run", 2, loaders=2), TOY))
    assert len(rows) == 2


@pytest.mark.parametrize("loaders", [0, 2])
def test_packs_that_come_while_it_runs_are_drawn_from_once_they_are_whole(
    photos: Path, tmp_path: Path, loaders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codec.training.feed.LOOK_S", 0.0)
    white, packs = tmp_path / "white", tmp_path / "packs"
    white.mkdir()
    Image.new("RGB", (50, 40), (255, 255, 255)).save(white / "w.png")
    list(write_packs(photos, packs, 10**6))
    [coming] = write_packs(white, tmp_path / "away", 10**6)
    known = Photos(packs, list_names(packs))
    stream = feed(known, 1, loaders, lambda step: (2, 32), 0, lambda note: None, True)
    before = np.stack([next(stream) for _ in range(6)])
    (packs / "photos-001.zip").write_bytes(coming.read_bytes()[:-30])
    half = np.stack([next(stream) for _ in range(20)])
    os.replace(coming, packs / "photos-001.zip")
    after = np.stack([next(stream) for _ in range(30)])
    stream.close()
    seen = [(crops == 255).all(axis=(2, 3, 4)).any() for crops in (before, half, after)]
    assert seen == [False, False, True]


LOADING = """
import sys, time
from pathlib import Path
from codec.training.crops import Photos, list_names
from codec.training.feed import Loaders
folder = Path(sys.argv[1])
made = Loaders(Photos(folder, list_names(folder)), 1, 2, lambda step: (2, 32), 0, False)
made.next()
print(*(process.pid for process in made.processes), flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_loader_processes_end_with_the_process_that_trains(photos: Path) -> None:
    command = [sys.executable, "-c", LOADING, str(photos)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPO) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(is_alive, pids))
        process.kill()
    waited = time.monotonic() + 10
    while any(map(is_alive, pids)) and time.monotonic() < waited:
        time.sleep(0.05)
    assert not any(map(is_alive, pids))


def test_a_loader_that_dies_is_named(photos: Path) -> None:
    from codec.training.feed import Loaders

    made = Loaders(Photos(photos, list_names(photos)), 1, 1, lambda step: (2, 32), 0, False)
    made.next()
    made.processes[0].kill()
    with pytest.raises(CodecError, match="a loader process ended by itself"):
        list(iter(made.next, None))
    made.close()


# Its parts


def test_the_discriminator_joins_late_and_is_kept_in_the_checkpoint(photos: Path, tmp_path: Path) -> None:
    changes = {"adversarial": 0.1, "adversarial_from": 0.5}
    rows = list(train(toy_config(photos, tmp_path / "run", 20, **changes), TOY))
    assert [row["step"] for row in rows if "discriminator" in row] == list(range(11, 21))
    assert [row["step"] for row in rows if "adversarial" in row] == list(range(13, 21))
    assert "discriminator" in torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)


def test_the_weights_are_kept_as_they_were_before_the_discriminator_joined(photos: Path, tmp_path: Path) -> None:
    run = Run(toy_config(photos, tmp_path / "run", 20, adversarial=0.1, adversarial_from=0.5), TOY)
    steps = go(run)
    while run.step < 10:
        next(steps)
    before = copied(run.learned.average.state_dict())
    list(steps)
    kept, _ = load_model(tmp_path / "run" / "before-gan.safetensors")
    assert all(
        torch.equal(tensor, before[name].half().float()) for name, tensor in kept.state_dict().items() if tensor.dim()
    )


def test_the_adversarial_weight_rises_from_nothing_after_the_discriminator_was_alone() -> None:
    config = TrainConfig(data=Path(), out=Path(), adversarial=0.4, adversarial_from=0.5, adversarial_ramp=0.1)
    adversary = Adversary(config, PatchDiscriminator(8))
    shares = (0.5, 0.54, 0.55, 0.6, 0.65, 0.9)
    assert [adversary.weight(share) for share in shares] == pytest.approx([0, 0, 0, 0.2, 0.4, 0.4])


def test_the_discriminators_gradient_is_clipped() -> None:
    torch.manual_seed(0)
    config = TrainConfig(data=Path(), out=Path(), discriminator_clip=1e-3)
    adversary = Adversary(config, PatchDiscriminator(8))
    with torch.no_grad():
        adversary.discriminator[0].weight *= 100
    adversary.learn(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64))
    assert torch.nn.utils.get_total_norm([p.grad for p in adversary.discriminator.parameters()]) > 1e-2
    adversary.step(torch.tensor(True))
    moments = [state["exp_avg"] for state in adversary.optimizer.state.values()]
    assert torch.nn.utils.get_total_norm(moments) == pytest.approx(0.5 * 1e-3, rel=1e-3)  # (1 - beta) * gradient


def test_the_discriminator_learns_to_tell_noise_from_flat_grey() -> None:
    torch.manual_seed(0)
    judge = PatchDiscriminator(8)
    optimizer = torch.optim.Adam(judge.parameters(), 1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = discriminator_loss(judge, torch.rand(2, 3, 64, 64), torch.zeros(2, 3, 64, 64))
        loss.backward()
        optimizer.step()
    assert loss < 0.2


def test_noise_keeps_the_discriminator_from_winning() -> None:
    def loss_after(noise: float) -> float:
        torch.manual_seed(0)
        config = TrainConfig(data=Path(), out=Path(), discriminator_noise=noise, discriminator_rate=1e-3)
        adversary = Adversary(config, PatchDiscriminator(8))
        for _ in range(60):
            loss = adversary.learn(torch.rand(2, 3, 64, 64) - 0.5, torch.zeros(2, 3, 64, 64))
            adversary.step(torch.tensor(True))
        return float(loss)

    assert loss_after(0.0) < 0.3 < 0.7 < loss_after(3.0)


def test_features_that_match_cost_nothing_and_others_do() -> None:
    torch.manual_seed(0)
    plain, matching = (
        Adversary(TrainConfig(data=Path(), out=Path(), feature_matching=weight), PatchDiscriminator(8))
        for weight in (0.0, 3.0)
    )
    matching.discriminator.load_state_dict(plain.discriminator.state_dict())
    real, other = torch.rand(2, 2, 3, 64, 64)
    costs = []
    for shown in (real, other):
        leaf = shown.clone().requires_grad_()
        (alone, push), (both, pull) = (each.oppose(real, leaf, leaf) for each in (plain, matching))
        costs.append(float(both - alone))
        assert torch.isfinite(push).all()
        assert torch.isfinite(pull).all()
    assert costs[0] == 0
    assert costs[1] > 0.1


def test_the_adaptive_weight_is_the_ratio_of_gradients_at_the_last_layer() -> None:
    last = torch.tensor([2.0, -1.0], requires_grad=True)
    picture = last * torch.tensor([3.0, 5.0])
    weight = adaptive_weight(picture, last, torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]))
    assert weight.item() == pytest.approx(3.0 / 10.0, rel=1e-5)


def test_codewords_move_to_the_mean_of_what_chose_them() -> None:
    books = CodebookTrainer(torch.tensor([[[0.0], [10.0]]]), decay=0.5)
    residual = torch.tensor([[1.0], [3.0], [10.0]])
    books.follow(0, *tally(torch.tensor([0, 0, 1]), residual, 2), residual[:2])
    # counts (1 + 2)/2 and (1 + 1)/2; sums (0 + 4)/2 and (10 + 10)/2
    assert books.codebooks[0].flatten().tolist() == pytest.approx([2 / 1.5, 10.0])


def test_a_codeword_that_nothing_chooses_is_put_where_the_data_is() -> None:
    books = CodebookTrainer(torch.tensor([[[0.0], [99.0]]]), decay=0.01)
    residual = torch.tensor([[5.0], [5.0]])
    books.follow(0, *tally(torch.tensor([0, 0]), residual, 2), residual)
    assert books.codebooks[0].flatten().tolist() == pytest.approx([5.0, 5.0], rel=0.02)


def test_what_chose_each_codeword_is_counted_and_summed() -> None:
    index, vectors = torch.tensor([2, 0, 2]), torch.tensor([[1.0, 1.0], [5.0, 6.0], [2.0, 3.0]])
    counts, sums = tally(index, vectors, 4)
    assert counts.tolist() == [1, 0, 2, 0]
    assert sums.tolist() == [[5, 6], [0, 0], [3, 4], [0, 0]]


def test_codebooks_placed_by_k_means_lie_on_the_clusters() -> None:
    torch.manual_seed(0)
    books = CodebookTrainer(torch.zeros(2, 4, 1), decay=0.9, chosen=3.0)
    books.place(torch.tensor([1.0, 2.0, 11.0, 12.0, 21.0, 22.0, 31.0, 32.0])[:, None].repeat(4, 1))
    assert books.codebooks.isfinite().all()
    assert torch.equal(books.counts, torch.full((2, 4), 3.0))
    assert torch.equal(books.sums, books.codebooks * 3.0)
    far = torch.cdist(torch.tensor([[1.5], [11.5], [21.5], [31.5]]), books.codebooks[0]).amin(dim=1)
    assert (far <= 10.5).all()


def test_undamaged_partial_decodes_keep_a_prefix_of_the_stages() -> None:
    config = TrainConfig(data=Path(), out=Path(), damage=0.0)
    kept, _ = decode_plan(config, 5, (20, 2, 2))
    for image in kept[0].permute(1, 0, 2, 3):
        held = [bool(stage.all()) for stage in image]
        assert held in [[True] * k + [False] * (5 - k) for k in range(1, 5)]


def test_the_last_decode_has_everything_even_when_others_are_damaged() -> None:
    kept, _ = decode_plan(TrainConfig(data=Path(), out=Path(), damage=1.0), 5, (20, 2, 2))
    assert kept[-1].all()
    assert not kept[0].flatten(2).all(dim=2).all(dim=0).any()


@pytest.mark.parametrize("first", [0.0, 1.0])
def test_where_a_stage_is_missing_the_recipe_says_how_often_it_is_the_first(first: float) -> None:
    config = TrainConfig(data=Path(), out=Path(), damage=1.0, damage_first=first)
    kept, _ = decode_plan(config, 5, (200, 2, 2))
    held = [tuple(stage.any() for stage in image.flatten(1)) for image in kept[0].unbind(1)]
    lost = {image.index(False) for image in held if sum(image) == 4}
    assert lost - {4} == ({0} if first else {1, 2, 3})


def test_lab_is_that_of_the_standard() -> None:
    colours = torch.tensor([[255, 0, 0], [0, 0, 255], [255, 255, 255], [128, 128, 128], [0, 0, 0]]) / 127.5 - 1
    lab = to_lab(colours.T.reshape(1, 3, 5, 1))[0, :, :, 0].T
    known = [[53.24, 80.09, 67.20], [32.30, 79.19, -107.86], [100.0, 0, 0], [53.59, 0, 0], [0, 0, 0]]
    assert torch.allclose(lab, torch.tensor(known), atol=0.03)


def test_every_stage_is_decoded_with_the_weights_of_eq_7() -> None:
    config = TrainConfig(data=Path(), out=Path(), damage=0.0, every_stage=True, earlier_stages=0.4)
    kept, weights = decode_plan(config, 5, (2, 1, 1))
    assert kept[:, :, 0, 0, 0].sum(dim=1).tolist() == [1, 2, 3, 4, 5]
    assert weights.tolist() == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.6])


def test_the_recipe_can_name_the_numbers_of_stages_that_are_decoded() -> None:
    config = TrainConfig(data=Path(), out=Path(), damage=1.0, held=(1, 3))
    kept, weights = decode_plan(config, 5, (2, 4, 4))
    assert kept.flatten(2).all(dim=2).tolist() == [[True] + 4 * [False], 3 * [True] + 2 * [False]]
    assert not kept[0, 1:].any()
    assert weights.tolist() == [0.5, 0.5]


def test_windows_lie_off_the_grid_and_have_one_size() -> None:
    torch.manual_seed(0)
    picture = torch.zeros(1, 3, 64, 64)
    windows = [off_grid(64, 64) for _ in range(60)]
    assert {tuple(picture[window].shape[2:]) for window in windows} == {(57, 57)}
    assert {window[2].start for window in windows} == set(range(8))
    assert picture[off_grid(64, 40)].shape[2:] == (40, 40)


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    matrices = torch.randn(2, 20, 8, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    assert values.min() > 0.6
    assert values.max() < 1.3


@pytest.mark.parametrize("left_out", [False, True])
def test_a_step_left_out_on_the_device_is_no_step(left_out: bool) -> None:
    """`found_inf` is heeded by fused AdamW and by Muon; on CUDA nothing but it says that a step is left out."""
    torch.manual_seed(0)

    def after(found_inf: bool | None) -> list[torch.Tensor]:
        matrix, vector = (torch.nn.Parameter(torch.ones(shape)) for shape in ((8, 6, 1, 1), (5,)))
        optimizers = [Muon([matrix]), torch.optim.AdamW([vector], fused=True)]
        for factor, held in ((1.0, None), (float("nan") if left_out else 2.0, found_inf)):
            matrix.grad = torch.linspace(-1, 1, 48).view_as(matrix) * factor
            vector.grad = torch.linspace(-1, 1, 5) * factor
            for optimizer in optimizers:
                optimizer.param_groups[0]["lr"] = 0.1
                optimizer.found_inf = None if held is None else torch.tensor(float(held))
                optimizer.grad_scale = None
                if held is None and factor != factor:
                    continue
                optimizer.step()
        moments = [optimizers[0].state[matrix]["momentum"], *optimizers[1].state[vector].values()]
        return [matrix.detach(), vector.detach(), *moments]

    # Left out by the device, or never made: the same. Not left out: as if the device had not been asked.
    assert all(map(torch.equal, after(left_out), after(None)))


def test_an_optimizer_takes_over_a_state_and_makes_steps_its_own_way() -> None:
    states = []
    for fused in (False, True):
        vector = torch.nn.Parameter(torch.ones(5))
        optimizer = torch.optim.AdamW([vector], fused=fused)
        if states:
            load_optimizer(optimizer, copied(states[0]))
        vector.grad = torch.linspace(-1, 1, 5)
        optimizer.step()
        states.append(optimizer.state_dict())
    assert [state["param_groups"][0]["fused"] for state in states] == [False, True]
    assert [float(state["state"][0]["step"]) for state in states] == [1, 2]


def test_an_average_moves_by_a_part_that_only_the_device_knows() -> None:
    means, values = [torch.zeros(2), torch.ones(3)], [torch.full((2,), 4.0), torch.zeros(3)]
    drift(means, values, torch.tensor(True) * 0.25)
    assert [mean.tolist() for mean in means] == [[1, 1], [0.75, 0.75, 0.75]]
    drift(means, values, torch.tensor(False) * 0.25)
    assert [mean.tolist() for mean in means] == [[1, 1], [0.75, 0.75, 0.75]]


def test_muon_takes_matrices_and_adamw_the_rest() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(64, 64, 1), torch.nn.Conv2d(8, 8, 3))
    adamw, muon = make_optimizers(model, "muon", [])
    assert [p.shape for p in muon.param_groups[0]["params"]] == [(64, 64, 1, 1)]
    assert len(adamw.param_groups[0]["params"]) == 3


def test_a_narrow_muon_moves_as_the_other_does_but_for_rounding() -> None:
    moved = []
    for narrow in (False, True):
        matrix = torch.nn.Parameter(torch.zeros(20, 8, 1, 1))
        matrix.grad = torch.randn(20, 8, 1, 1, generator=torch.Generator().manual_seed(1))
        muon = Muon([matrix], narrow=narrow)
        muon.param_groups[0]["lr"] = 1.0
        muon.step()
        moved.append(matrix.detach())
    assert not torch.equal(*moved)
    assert (moved[0] - moved[1]).norm() < 0.05 * moved[0].norm()


def test_the_learning_rate_warms_up_stays_and_falls_to_zero() -> None:
    config = TrainConfig(data=Path(), out=Path(), steps=100, warmup=10, decay=0.2, learning_rate=1.0)
    rates = [learning_rate(config, step, step / 100) for step in (0, 9, 50, 80, 90, 100)]
    assert rates == pytest.approx([0.1, 1, 1, 1, 0.5, 0])


def test_the_command_line_says_what_was_left_out_and_why_a_run_ended(photos: Path, tmp_path: Path, in_process) -> None:
    broken, recipe = photos / "none.png", tmp_path / "mine.yaml"
    broken.write_text("words")
    recipe.write_text(
        "{lpips: 0, vgg: 0, dists: 0, batch: 2, crop: 32, quantize_from: 0, clip: 1.0e-30, steps: 40, loaders: 0}"
    )
    done = in_process("codec", "train", str(recipe), "--data", str(photos), "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert f"note: left out: {broken}: is not an image" in done.stderr
    assert "stopped at step 10, as 10 steps in a row exploded" in done.stderr
    load_model(tmp_path / "run" / "model.safetensors")
