"""A model begun from a trained one: a wider heir makes the giver's pictures, a narrower one comes near its latents."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codec.base import WeightsError
from codec.progic.model import ProGIC, load_model, save_model
from codec.progic.shape import ProgicConfig
from codec.training.graft.__main__ import main
from codec.training.graft.seams import graft
from codec.training.graft.widen import widen

TOY = ProgicConfig(channels=8, encoder_blocks=1, decoder_blocks=1, latent_channels=8, stages=3, index_bits=4)
pytestmark = pytest.mark.usefixtures("one_thread")


def model(shape: ProgicConfig = TOY, seed: int = 0) -> ProGIC:
    """As training begins it, but for modulations, which begin as ones and zeros: here they tell stages apart."""
    torch.manual_seed(seed)
    made = ProGIC(shape).eval().requires_grad_(False)
    for name, tensor in made.state_dict().items():
        if name.endswith("scale") or ("blocks" in name and tensor.dim() == 2):
            tensor.add_(0.3 * torch.randn_like(tensor))
    return made


def crops(count: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) - 1


def pictures(of: ProGIC, x: torch.Tensor) -> torch.Tensor:
    """Decoded from all stages, and from the first alone."""
    indices = of.encode(x)
    first = torch.cat([indices[:, :1], torch.full_like(indices[:, 1:], -1)], dim=1)
    return torch.stack([of.decode(indices), of.decode(first)])


def test_a_wider_heir_makes_the_givers_latents_and_pictures_and_can_grow() -> None:
    giver = model()
    heir = widen(giver, dataclasses.replace(TOY, channels=12, encoder_blocks=2, decoder_blocks=3))
    x = crops(2)
    assert torch.allclose(heir.analysis(x), giver.analysis(x), atol=1e-5)
    assert torch.allclose(pictures(heir, x), pictures(giver, x), atol=1e-5)
    heir.decode(heir.encode(x)).square().mean().backward()
    new = {
        "a new block": heir.synthesis.body.blocks[2].leave.weight.grad,
        "a new channel that the last layer reads": heir.synthesis.leave.weight.grad[:, 8:],
    }
    assert all(gradient.abs().max() > 0 for gradient in new.values())


def test_halves_of_a_gate_keep_their_sides() -> None:
    giver = model(seed=3)
    heir = widen(giver, dataclasses.replace(TOY, channels=12))
    known, wide = (each.analysis.body.blocks[1].enter.bias for each in (giver, heir))
    assert torch.equal(wide[:16], known[:16])  # the gate: twice the width
    assert torch.equal(wide[24:40], known[16:])  # the value, which begins where the wider gate ends


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"channels": 4}, "channels is 4; expected at least the giver's 8"),
        ({"stages": 4}, "stages is 4; expected the giver's 3"),
        ({"latent_channels": 16}, "latent_channels is 16; expected the giver's 8"),
    ],
)
def test_a_shape_that_cannot_hold_the_giver_is_refused(change: dict[str, int], complaint: str) -> None:
    with pytest.raises(WeightsError, match=complaint):
        widen(model(), dataclasses.replace(TOY, **change))


def test_grafted_onto_itself_a_model_stays_what_it_is() -> None:
    own = model()
    heir = graft(own, own, [crops(8, seed) for seed in range(4)])
    x = crops(2, seed=9)
    assert torch.allclose(heir.analysis(x), own.analysis(x), atol=1e-3)
    assert torch.allclose(pictures(heir, x), pictures(own, x), atol=1e-3)


def test_a_narrower_heir_has_the_givers_codebooks_and_comes_near_its_latents() -> None:
    giver, onto = model(), model(dataclasses.replace(TOY, channels=6), seed=1)
    heir = graft(giver, onto, [crops(8, seed) for seed in range(4)])
    assert torch.equal(heir.quantizer.codebooks, giver.quantizer.codebooks)
    x = crops(2, seed=9)
    wanted = giver.analysis(x)
    gaps = [(each.analysis(x) - wanted).square().mean() for each in (heir, onto)]
    assert gaps[0] < 0.5 * gaps[1]
    assert gaps[0] < 0.5 * wanted.var()


def test_a_graft_needs_codebooks_of_one_shape() -> None:
    with pytest.raises(WeightsError, match="latents of another shape"):
        graft(model(), model(dataclasses.replace(TOY, stages=2)), [crops(2)])


def test_the_command_writes_weights_that_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(tmp_path / "one.png")
    save_model(model(seed=0), tmp_path / "giver.safetensors")
    save_model(model(dataclasses.replace(TOY, channels=6)), tmp_path / "onto.safetensors")
    words = f"graft {tmp_path}/giver.safetensors --onto {tmp_path}/onto.safetensors --data {tmp_path} --batches 1"
    monkeypatch.setattr("sys.argv", [*words.split(), "--out", str(tmp_path / "heir.safetensors")])
    main()
    heir, _ = load_model(tmp_path / "heir.safetensors")
    assert heir.config.channels == 6


def test_the_command_names_what_is_missing_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["graft", "smal", "--shape", "base", "--out", str(tmp_path / "heir.safetensors")])
    with pytest.raises(SystemExit, match=r"error: model is 'smal'; expected a \.safetensors file or one of"):
        main()
    monkeypatch.setattr("sys.argv", ["graft", "small", "--onto", "nano", "--out", str(tmp_path / "heir.safetensors")])
    with pytest.raises(SystemExit):
        main()
    assert "--onto needs photos; write --data FOLDER" in capsys.readouterr().err
    assert not (tmp_path / "heir.safetensors").exists()
