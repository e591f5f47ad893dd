"""The command line of distillation, and its loop: shards of scored pairs, the three lessons, a checkpoint."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from codec.files import replacing
from codec.progic.model import load_model
from codec.progic.shape import DEFAULT_MODEL, model_path
from codec.training.crops import Photos, list_names
from codec.training.distill.lessons import Pupil, Shard, examine, look, loss_of, save_dists_lite, weigh
from codec.training.distill.teachers import Teachers, make_shard
from codec.training.optimizers import Muon


@dataclass(frozen=True)
class DistillConfig:
    """One run of distillation."""

    data: Path
    vgg_weights: Path
    out: Path
    models: str = DEFAULT_MODEL
    """ProGIC weights whose pictures are judged, separated by commas."""
    shards: int = 36
    groups: int = 24
    """Photos in a shard."""
    steps: int = 1500
    batch: int = 8
    """Photos of 64x64 a step, each with its six pictures; fewer of larger ones."""
    learning_rate: float = 1e-3
    order: float = 0.3
    seed: int = 1


def shards_of(config: DistillConfig, teachers: Teachers) -> list[Shard]:
    """Every shard, made where it is missing; each eighth, from the first on, is of held-out photos."""
    models = [load_model(model_path(name))[0] for name in config.models.split(",")]
    photos = list_names(config.data)
    for number in range(config.shards):
        path = config.out / f"shard_{number:03d}.safetensors"
        if not path.exists():
            mine = [photo for k, photo in enumerate(photos) if (k % 20 == 0) == (number % 8 == 0)]
            make_shard(path, Photos(config.data, mine), config.groups, teachers, models, [config.seed, number])
    return [load_file(config.out / f"shard_{number:03d}.safetensors") for number in range(config.shards)]


def train(config: DistillConfig) -> None:
    """The three lessons, or go on from `out/checkpoint.pt`; leaves `dists-lite.safetensors` and `log.jsonl`."""
    torch.manual_seed(config.seed)
    torch.set_flush_denormal(True)
    config.out.mkdir(parents=True, exist_ok=True)
    teachers = Teachers(config.vgg_weights)
    shards = shards_of(config, teachers)
    held_out, shards = shards[::8], [shard for k, shard in enumerate(shards) if k % 8]
    pupil, step = Pupil(), 0
    matrices = [p for p in pupil.network.parameters() if p.dim() == 4 and p.shape[0] > 16]
    rest = [p for p in pupil.network.parameters() if not any(p is each for each in matrices)]
    groups: list[dict[str, Any]] = [{"params": rest}, {"params": [pupil.logits], "pace": 10.0}]
    optimizers = [Muon(matrices), torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0)]
    if (config.out / "checkpoint.pt").exists():
        state = torch.load(config.out / "checkpoint.pt", weights_only=True)
        pupil.load_state_dict(state["pupil"])
        step = state["step"]
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
    else:
        began = time.process_time()
        look(pupil.network, teachers, shards)
        weigh(pupil, shards, config.order)
        report(config, pupil, {"step": 0, "cpu_s": round(time.process_time() - began)} | examine(pupil, held_out))
    mean = 0.0
    while step < config.steps:
        rng = np.random.default_rng([config.seed, 1, step])
        shard = shards[rng.integers(len(shards))]
        photos = max(2, round(config.batch * (64 / shard["pictures"].shape[3]) ** 2))
        rows = torch.from_numpy(rng.permutation(len(shard["terms"]))[:photos])
        pictures = shard["pictures"][rows]
        terms = pupil.channel_terms(pictures.flip(3) if rng.random() < 0.5 else pictures)
        loss = loss_of(pupil.scores(terms), shard["terms"][rows].flatten(0, 1), config.order)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_([*rest, *matrices], 1.0)
        rate = config.learning_rate * min((step + 1) / 20, 1.3 * (1 - step / config.steps), 1)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("pace", 1.0)
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        mean += (loss.item() - mean) / ((step - 1) % 50 + 1)
        if step % 50 == 0 or step == config.steps:
            row = {"step": step, "loss": round(mean, 4)}
            report(config, pupil, row | examine(pupil, held_out) if step % 100 == 0 or step == config.steps else row)
            states = [optimizer.state_dict() for optimizer in optimizers]
            with replacing(config.out / "checkpoint.pt") as partial:
                torch.save({"pupil": pupil.state_dict(), "optimizers": states, "step": step}, partial)


def report(config: DistillConfig, pupil: Pupil, row: dict[str, float]) -> None:
    """Write the weights so far and one line of the log."""
    save_dists_lite(pupil.graduate(), config.out / "dists-lite.safetensors")
    with (config.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")
    print(row, flush=True)


def main() -> None:
    """Command line: one option for each field of DistillConfig."""
    parser = argparse.ArgumentParser(description="Distil the weights of DISTS-lite; run again to resume.")
    for field in dataclasses.fields(DistillConfig):
        required = field.default is dataclasses.MISSING
        kind = Path if required else type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, required=required, default=field.default)
    train(DistillConfig(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
