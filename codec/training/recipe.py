"""What one training run does, read from a YAML file; every mistake is one line that names file, key and mend."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from codec.base import CodecError
from codec.progic.shape import PRESETS, ProgicConfig
from codec.yaml_reader import YamlError, read_text, read_yaml

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


SHAPE_KEYS = (
    "channels",
    "encoder_blocks",
    "decoder_blocks",
    "latent_channels",
    "stages",
    "index_bits",
    "downsampling",
)


class TrainConfig(BaseModel):
    """One training run. Some ship: the paper's schedule, and ours for small budgets."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: Path
    """Folder of photos, or of packs of photos (`codec/training/pack.py`). With `minutes` more may come as it runs."""
    out: Path
    """Folder of the run: checkpoint, weights, log, contact sheet."""
    preset: Literal["base", "small", "nano", "fine16", "fine48"] = "nano"
    channels: Annotated[int, Field(ge=8)] | None = None
    """C1 in place of the preset's, and so on for the next six; none: the preset's."""
    encoder_blocks: Count | None = None
    decoder_blocks: Count | None = None
    latent_channels: Annotated[int, Field(ge=8)] | None = None
    stages: Annotated[int, Field(ge=2)] | None = None
    """The paper's N."""
    index_bits: Annotated[int, Field(ge=1, le=16)] | None = None
    """The paper's L."""
    downsampling: Annotated[int, Field(ge=8, multiple_of=8)] | None = None
    """The paper's f."""
    attention: bool = True
    """Without, for the paper's Table 4, no receiver reads the weights: see `ablated.py`."""
    modulation: bool = True
    """As `attention`."""
    start: str = ""
    """Weights file to begin from, of the preset's shape; codebooks are then in place from the first step."""
    teacher: str = ""
    """Weights file whose latents analysis learns, and from nothing else; its codebooks are taken over and stay."""
    seed: Annotated[int, Field(ge=0)] = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    bfloat16: Literal["auto", "on", "off"] = "auto"
    """Autocast of the networks; auto: where the device multiplies bfloat16 in hardware."""
    loaders: Annotated[int, Field(ge=0)] = 2
    """Processes that cut crops ahead of the steps; 0: each step cuts its own."""

    steps: Count = 2400
    """Length of the whole run; may change when a run is resumed."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Length in place of `steps`: whatever has a share of the run goes by the clock then (see `clock.py`)."""
    batch: Count = 12
    crop: Annotated[int, Field(ge=32)] = 160
    """Pixels a side; a multiple of the preset's downsampling."""
    late_crop: Annotated[int, Field(ge=32)] | None = None
    """Crops from `late_from` on; none: as before."""
    late_batch: Count | None = None
    late_from: Share = 0.7
    optimizer: Literal["muon", "adamw", "adam"] = "muon"
    """muon: orthogonalised momentum for matrices, AdamW for the rest; adam: the paper's, betas 0.5 and 0.9."""
    learning_rate: Annotated[float, Field(gt=0)] = 1.5e-3
    warmup: Count = 100
    schedule: Literal["linear", "step"] = "linear"
    """linear: a fall to `final_rate` over the last `decay` of the run; step: a jump to it where `decay` begins."""
    decay: Share = 0.6
    final_rate: Share = 0.0
    """Share of `learning_rate` that is left at the end."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    weight_decay: Share = 0.999
    """Of the moving average of the weights, which is what is shipped."""

    earlier_stages: Share = 0.5
    """The paper's p (eq. 7)."""
    every_stage: bool = False
    """Decode every number of stages each step (eq. 6 as it stands), not the last and one drawn for each crop."""
    held: tuple[Count, ...] = ()
    """Numbers of stages to decode, undamaged, each in every step and all of one weight; none: as the keys above say."""
    damage: Share = 0.15
    """Share of the partial decodes that also miss a stage or cells."""
    damage_first: Share = 0.2
    """Where one stage is missing, how often it is the first, without which the others say little; the rest alike."""
    freeze_encoder: bool = False
    """Keep analysis and codebooks as they are and train the decoder alone."""
    codebooks: Literal["average", "gradient"] = "average"
    """average: moving averages of what chooses them, the unused revived; gradient: the codebook loss of VQ-VAE."""
    codebook_decay: Share = 0.99
    quantize_from: Annotated[int, Field(ge=0)] = 150
    """Steps of plain autoencoding before codebooks are placed by k-means."""

    l1: Weight = 1.0
    color: Weight = 0.0
    """Weight of the L1 distance of means of 8x8 pixels: right colours at one packet."""
    color_lab: Weight = 0.0
    """The same in CIELAB, where chroma counts as much as lightness: Euclidean distance of the means, over 100."""
    commitment: Weight = 0.25
    codebook: Weight = 1.0
    """Weight of the codebook loss, where `codebooks` is gradient."""
    lpips: Weight = 0.5
    lpips_network: Literal["squeeze", "vgg"] = "squeeze"
    lpips_crops: Count = 12
    """Decoded crops a step that the LPIPS term looks at."""
    vgg: Weight = 0.25
    """Weight of the relative L1 distance of VGG-19 features."""
    dists: Weight = 0.5
    """Weight of the DISTS formula on the same features."""
    dists_lite: Weight = 0.0
    """Weight of DISTS-lite, whose weights ship with the package; on the same windows, from `vgg_from` on too."""
    vgg_weights: Path = Path("vgg19_caffe_relu3_4.safetensors")
    """As a path, or a file in the folder SATSIM_WEIGHTS; not needed where `vgg` and `dists` are 0."""
    vgg_from: Share = 0.38
    """Share of the run after which the terms on VGG-19 and DISTS-lite begin."""
    vgg_crops: Count = 3
    vgg_size: Annotated[int, Field(ge=16)] = 128
    """Side of their windows; at most the crop less 7 pixels, so that windows lie off the decoder's grid."""
    adversarial: Weight = 0.0
    """Weight of the adversarial term, before it is adapted to the size of the others' gradient."""
    adversarial_from: Share = 0.8
    """Share of the run after which the PatchGAN joins; it trains alone for the first tenth of what is left."""
    adversarial_ramp: Share = 0.05
    """Share of the run over which its weight then rises from 0."""
    adversarial_crops: Count = 6
    discriminator_width: Annotated[int, Field(ge=8, multiple_of=8)] = 64
    discriminator_rate: Annotated[float, Field(gt=0)] = 1e-4
    discriminator_noise: Weight = 0.0
    """Deviation of the noise on whatever it is shown, of pictures in -1 to 1: a handicap, as details tell too much."""
    feature_matching: Weight = 0.0
    """Weight, in the adversarial term, of the relative L1 distance of the discriminator's features."""
    discriminator_clip: Annotated[float, Field(gt=0)] = 10.0

    checkpoint_s: Annotated[float, Field(ge=0)] = 240.0
    report_steps: Count = 20
    check_steps: Count = 10
    """Steps between two looks at whether all numbers are finite; a sound state is kept in memory, for a way back."""

    @model_validator(mode="after")
    def _fits(self) -> TrainConfig:
        shape = self.shape()
        factor, stages = shape.downsampling, shape.stages
        named = self.preset if shape == PRESETS[self.preset] else "this recipe"
        for key in ("crop", "late_crop"):
            side = getattr(self, key)
            if side and side % factor:
                raise ValueError(f"{key} is {side}; expected a multiple of {factor}, the downsampling of {named}")
        if self.held and max(self.held) > stages:
            raise ValueError(f"held is {list(self.held)}; expected at most {stages}, the stages of {named}")
        if not (self.attention and self.modulation) and (self.start or self.teacher):
            raise ValueError("attention or modulation is off; such a run begins from nothing, without start or teacher")
        if self.minutes and "steps" in self.model_fields_set:
            raise ValueError("steps and minutes are both set; write one of them")
        return self

    def shape(self) -> ProgicConfig:
        """The preset's shape, with the keys of this recipe in place of its own."""
        given = {key: value for key in SHAPE_KEYS if (value := getattr(self, key)) is not None}
        return replace(PRESETS[self.preset], **given)

    def batch_of(self, share: float) -> tuple[int, int]:
        """How many crops a step takes when `share` of the run is over, and their side."""
        if share < self.late_from:
            return self.batch, self.crop
        return self.late_batch or self.batch, self.late_crop or self.crop

    def vgg_path(self) -> Path:
        """Where the VGG-19 weights are: as given, else below SATSIM_WEIGHTS."""
        folder = os.environ.get("SATSIM_WEIGHTS")
        return self.vgg_weights if self.vgg_weights.exists() or not folder else Path(folder) / self.vgg_weights


def load_recipe(path: Path, settings: Mapping[str, Any]) -> TrainConfig:
    """The recipe in `path` with `settings` in place of its own values.

    Raises CodecError, one line, for a file that is missing, unreadable, not YAML, or not a recipe.
    """
    try:
        data = read_yaml(read_text(path))
    except FileNotFoundError:
        raise CodecError(f"{path}: no such recipe; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CodecError(f"{path}: cannot be read as text ({error})") from None
    except YamlError as error:
        raise CodecError(f"{path}: {error}") from None
    if not isinstance(data, dict):
        raise CodecError(f"{path}: holds {type(data).__name__}; expected keys such as preset, steps, batch")
    for one, other in (("steps", "minutes"), ("minutes", "steps")):
        if one in settings and other not in settings:
            data.pop(other, None)
    return make_recipe(path, {**data, **settings})


def make_recipe(where: Path, data: Mapping[str, Any]) -> TrainConfig:
    """The recipe of these keys, which stand in `where`. Raises CodecError, a line for each mistake."""
    try:
        return TrainConfig.model_validate(data)
    except ValidationError as error:
        lines = dict.fromkeys(f"{where}: {_explain(each)}" for each in error.errors()[:20])
        raise CodecError("\n".join(lines)) from None


def _explain(first: Any) -> str:
    key = ".".join(map(str, first["loc"]))
    known = list(TrainConfig.model_fields)
    match first["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(key, known, n=1)
            return f"{key} is no key; " + (
                f"did you mean {near[0]}?" if near else f"expected one of: {', '.join(known)}"
            )
        case "missing":
            return f"{key} is missing; write it in the file or give --{key}"
        case "value_error":
            return str(first["ctx"]["error"])
        case _:
            return f"{key} is {first['input']!r}; {first['msg'][0].lower()}{first['msg'][1:]}"
