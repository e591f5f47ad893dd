"""The command line, and the loop (see the package's docstring); run again, it goes on from its checkpoint."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from codec.files import replacing
from codec.metrics.lpips import load_lpips
from codec.training.guess.lessons import GuessConfig, Lessons, paint_loss, warm_loss
from codec.training.optimizers import Muon

SAVED = 50
"""Steps between two lines of the log, each with a checkpoint; every fourth tells what stays unexplained."""


def train(config: GuessConfig) -> None:
    """Both lessons; leaves `guess.safetensors`, `log.jsonl` and `checkpoint.pt` in `out`."""
    torch.manual_seed(config.seed)
    config.out.mkdir(parents=True, exist_ok=True)
    lessons, lpips, step = Lessons(config), load_lpips("squeeze").requires_grad_(False), 0
    network, modulation = lessons.network, list(lessons.modulation.values())
    matrices = [p for p in network.parameters() if p.dim() == 4 and p.shape[1] > 1]
    rest = [p for p in network.parameters() if not any(p is each for each in matrices)]
    optimizers = [Muon(matrices), torch.optim.AdamW([{"params": rest}, {"params": modulation}], weight_decay=0.0)]
    checkpoint, began_s, mean, left_out = config.out / "checkpoint.pt", time.process_time(), 0.0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        lessons.model.load_state_dict(state["modulation"], strict=False)
        step = state["step"]
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
    while step < config.warm_steps + config.steps:
        rng, warm = np.random.default_rng([config.seed, 2, step]), step < config.warm_steps
        loss = warm_loss(lessons, rng) if warm else paint_loss(lessons, lpips, rng)
        torch.autograd.backward(loss)
        norms = [nn.utils.clip_grad_norm_(each, 1.0) for each in ([*rest, *matrices], modulation)]
        sound = all(bool(norm.isfinite()) for norm in (loss, *norms))  # as few decodes without a first stage are not
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate(config, step)
            if sound:
                optimizer.step()
            optimizer.zero_grad()
        step, left_out = step + 1, left_out + (not sound)
        mean += ((loss.item() if sound else mean) - mean) / ((step - 1) % SAVED + 1)
        if step % SAVED == 0:
            row = {
                "step": step,
                "loss": round(mean, 4),
                "left_out": left_out,
                "cpu_s": round(time.process_time() - began_s),
            }
            row |= lessons.examine() if step % (4 * SAVED) == 0 else {}
            with (config.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            lessons.save(config.out / "guess.safetensors")
            weights = {"network": network.state_dict(), "modulation": lessons.modulation, "step": step}
            with replacing(checkpoint) as partial:
                torch.save(weights | {"optimizers": [each.state_dict() for each in optimizers]}, partial)


def rate(config: GuessConfig, step: int) -> float:
    """Of a step: each lesson begins slowly and ends at zero; the second takes a third of the first's."""
    if step < config.warm_steps:
        return config.learning_rate * min((step + 1) / 30, 1.4 * (1 - step / config.warm_steps), 1)
    step -= config.warm_steps
    return 0.3 * config.learning_rate * min((step + 1) / 30, 1.4 * (1 - step / config.steps), 1)


def main() -> None:
    """Command line: one option for each field of GuessConfig."""
    parser = argparse.ArgumentParser(description="Train a guess of what was lost; run again to resume.")
    for field in dataclasses.fields(GuessConfig):
        required = field.default is dataclasses.MISSING
        kind = Path if required else type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, required=required, default=field.default)
    torch.set_num_threads(1)
    train(GuessConfig(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
