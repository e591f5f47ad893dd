"""Train ProGIC: a plain loop over random crops, resumable from one file, on CPU or CUDA, by steps or by the clock.

Each step decodes every crop with all N stages (weight 1 - p of eq. 7) and with fewer (weight p): as a rule with a
prefix of the stages drawn at random for each crop, an unbiased sample of eq. 6, and now and then with stages or cells
missing, as on a lossy link.

Whatever is random depends on the seed and the step alone, and is drawn on the CPU. A run of `steps` therefore goes on
exactly where it was cut: on one machine, with the photos it began with, a resumed run gives what an uncut one would.
In a run of `minutes` the crops and draws of a step are the same too, but not its learning rate, nor when losses, larger
crops and new photos come in: those go by the clock, and no two such runs are alike.

Every `check_steps` all that is learned is looked at: while it is finite a copy is kept in memory (as much again as the
model, its average and the optimizers' moments take), and where it is not, that copy is gone back to. Ten steps in a row
that explode end the run, its last sound state saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor

from codec.base import CodecError, Image
from codec.files import only_one, prepared
from codec.folders import left_out_of
from codec.progic.model import save_model
from codec.progic.shape import PRESETS, ProgicConfig
from codec.training.artefacts import (
    Row,
    append_row,
    read_checkpoint,
    unfit,
    write_checkpoint,
    write_followers,
)
from codec.training.clock import Clock
from codec.training.crops import PACK, Photos, list_names, random_crops
from codec.training.feed import Tell, feed
from codec.training.optimizers import learning_rate
from codec.training.recipe import TrainConfig
from codec.training.state import Learned, choose_device, copied, lost
from codec.training.step import EXPLODED, Stepper

SKIPS = 10
"""Steps left out in a row that end a run."""
RETURNS = 3
"""Ways back in a row that do: what spoils the state each time is not chance."""
SHOWN = 6
"""Crops on the contact sheet."""


def train(
    config: TrainConfig,
    shape: ProgicConfig | None = None,
    resume: bool = False,
    tell: Tell = lambda note: None,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Row]:
    """Train, or with `resume` go on from `out/checkpoint.pt`; yields a row of the log every `report_steps` steps.

    A row holds the means of the losses over the steps since the last that were sound, and how many were not. `shape`
    overrides the recipe's, for experiments; `tell` is told what a user should know, line by line. Leaves in `out`:
    `checkpoint.pt` (everything to resume), `model.safetensors` (the moving average of the weights), `log.jsonl` and
    `sheet.png`, which are written anew from the checkpoint when a run is resumed; and, as the discriminator joins,
    `before-gan.safetensors`, the average up to there, for what it gains must be judged.
    Raises CodecError for missing photos, a run that is there and not to be resumed, a batch that does not fit in
    memory, a run that keeps exploding, another process at work in `out`; WeightsError for missing loss weights.
    """
    torch.set_flush_denormal(True)  # numbers next to zero are slow; before any thread is there, as it asks each apart
    try:
        with prepared(config.out / "lock"), only_one(config.out / "lock") as alone:
            if not alone:
                raise CodecError(f"{config.out}: another run is at work there; wait for it, or name another folder")
            yield from go(Run(config, shape or config.shape(), resume, tell, now))
    finally:
        torch.set_flush_denormal(False)


class Run:
    """One training run: what is learned, what is counted, and the last sound state."""

    def __init__(
        self,
        config: TrainConfig,
        shape: ProgicConfig,
        resume: bool = False,
        tell: Tell = lambda note: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        there = (config.out / "checkpoint.pt").exists()
        if there and not resume:
            raise CodecError(f"{config.out}: holds a run; go on with it by --resume, or name another folder as out")
        self.config, self.tell, self.clock = config, tell, Clock(config, now)
        device = choose_device(config)
        if device == "cuda":
            torch.set_float32_matmul_precision("high")
            torch.use_deterministic_algorithms(config.minutes is None, warn_only=True)
            torch.backends.cudnn.benchmark = config.minutes is not None
        self.photos = Photos(config.data, list_names(config.data))
        for note in left_out_of(config.data, also=(PACK,)):
            tell(note)
        self.learned = Learned(config, shape, device)
        self.stepper = Stepper(config, self.learned)
        self.step, self.rows = 0, list[Row]()
        self.sums: dict[tuple[str, ...], Tensor] = {}
        """By names of losses: their sums over the sound steps since the last report, and the number of these."""
        self.skips = torch.zeros(3, device=device)
        """Steps left out since the last report, in a row at this moment, and in a row at most since the last check."""
        self.returned, self.returns_in_a_row, self.rate = 0, 0, 0.0
        self.checked = 0.0
        """Share of the run that was over at the last check."""
        if there:
            self._load()
        else:
            self.shown = random_crops(self.photos, SHOWN, config.crop, np.random.default_rng([config.seed, 0]))
            (config.out / "log.jsonl").unlink(missing_ok=True)  # of a run that was cut before its first checkpoint
            self.clock.begin(resume)
        self.sound = copied(self.learned.state())
        self.sound_step, self.saved_s = self.step, self.clock.seconds()

    def advance(self, crops: Image, over: float) -> None:
        """One step, with `over`, 0 to 1, of the run over."""
        self.rate = learning_rate(self.config, self.step, over)
        losses, sound = self.stepper.advance(crops, self.step, over, self.rate)
        names, held = tuple(losses), torch.stack([*losses.values(), torch.ones_like(losses["l1"])])
        self.sums[names] = self.sums.get(names, 0) + torch.where(sound, held, 0)
        left_out, in_a_row, most = self.skips
        in_a_row = torch.where(sound, 0, in_a_row + 1)
        self.skips = torch.stack([left_out + ~sound, in_a_row, torch.maximum(most, in_a_row)])
        self.step += 1

    def settle(self, over: float) -> Row | None:
        """What is due after a step: a check, a report, a checkpoint; returns the row of the log, if any."""
        config, row = self.config, None
        checked = self.step % config.check_steps == 0 or over >= 1
        why = self._check() if checked else ""
        if checked and not why:
            if config.adversarial and self.checked < config.adversarial_from <= over:
                save_model(self.learned.average, config.out / "before-gan.safetensors")
            self.checked = over
        if self.step % config.report_steps == 0 or why:
            row = self._report(over)
        if why:
            self.skips = torch.zeros_like(self.skips)
            self._save()
            raise CodecError(
                f"{config.out}: stopped at step {self.step}, as {why}; model.safetensors holds the averaged weights of "
                f"step {self.sound_step}, which are sound: start another run from it, at a lower learning_rate"
            )
        if checked and (over >= 1 or self.clock.seconds() - self.saved_s > config.checkpoint_s):
            self._save()
        return row

    def _check(self) -> str:
        """Keep a copy of what is learned, or where that is not finite go back; returns why the run must end, if so."""
        most = int(self.skips[2])
        self.skips[2] = 0
        state = self.learned.state()
        if gone := lost(state):
            self.learned.restore(self.sound)
            self.skips[1] = 0
            self.returned += 1
            self.returns_in_a_row += 1
            what = ", ".join(gone)
            self.tell(f"step {self.step}: {what} no longer finite; back to the state of step {self.sound_step}")
            return f"it lost its state {RETURNS} times in a row" if self.returns_in_a_row >= RETURNS else ""
        self.sound, self.sound_step = copied(state, self.sound), self.step
        self.returns_in_a_row = 0
        if most < SKIPS:
            return ""
        return f"{most} steps in a row exploded (a gradient above {EXPLODED} times clip, or none that is a number)"

    def _report(self, over: float) -> Row:
        row: Row = {"step": self.step, "seconds": round(self.clock.seconds(), 1), "over": round(over, 5)}
        totals: dict[str, list[float]] = {}
        for names, held in self.sums.items():
            *values, count = held.tolist()
            for name, value in zip(names, values, strict=True):
                total = totals.setdefault(name, [0.0, 0.0])
                total[0] += value
                total[1] += count
        row |= {name: value / count for name, (value, count) in totals.items() if count}
        row["learning_rate"] = self.rate
        row["skipped"] = int(self.skips[0])
        if self.returned:
            row["went_back"] = self.returned
        self.sums, self.returned = {}, 0
        self.skips[0] = 0
        self.rows.append(row)
        self.config.out.mkdir(parents=True, exist_ok=True)
        append_row(self.config.out, row)
        return row

    def _save(self) -> None:
        """Checkpoint, and what follows from it; what is learned is the last sound state."""
        counted: dict[str, Any] = {
            "step": self.step,
            "sound_step": self.sound_step,
            "seconds": self.clock.seconds(),
            "rows": self.rows,
            "sums": self.sums,
            "skips": self.skips,
            "returned": [self.returned, self.returns_in_a_row],
            "photos": self.photos.names,
            "shown": torch.from_numpy(self.shown),
        }
        write_checkpoint(self.config.out, self.sound | counted)
        self._write_followers()
        self.saved_s = self.clock.seconds()

    def _write_followers(self) -> None:
        preset, shape = self.config.preset, self.learned.model.config
        named = preset if shape == PRESETS[preset] else f"C1 = {shape.channels}, N = {shape.stages}"
        title = f"{named}, step {self.step}, averaged weights"
        write_followers(self.config.out, self.rows, self.learned.average, self.shown, title)

    def _load(self) -> None:
        """Go on from the checkpoint, whatever kind of device wrote it. Raises CodecError for one that does not fit."""
        out = self.config.out
        state = read_checkpoint(out, self.learned.device)
        try:
            self.learned.restore(state)
            self.step, self.rows, self.sums, self.skips = (state[name] for name in ("step", "rows", "sums", "skips"))
            self.returned, self.returns_in_a_row = state["returned"]
            self.shown, names = state["shown"].cpu().numpy(), state["photos"]
        except Exception as error:
            raise CodecError(unfit(out, error)) from error
        self.clock.add(state["seconds"])
        if self.config.minutes is None:
            if gone := set(names) - set(self.photos.names):
                raise CodecError(
                    f"{self.config.data}: {len(gone)} photos that the run began with are gone: {min(gone)} ..."
                )
            self.photos.names = names
        self.checked = self.clock.share(self.step)
        self._write_followers()


def go(run: Run) -> Iterator[Row]:
    """Step after step to the end of the run; yields the rows of the log. See `train`."""
    config = run.config

    def plan(step: int) -> tuple[int, int]:
        return config.batch_of(run.clock.share(step))

    growing = config.minutes is not None
    stream = feed(run.photos, config.seed, config.loaders, plan, run.step, run.tell, growing)
    with closing(stream) as crops:
        over = run.clock.share(run.step)
        while over < 1:
            run.advance(next(crops), over)
            run.clock.post()
            over = run.clock.share(run.step)
            if (row := run.settle(over)) is not None:
                yield row
