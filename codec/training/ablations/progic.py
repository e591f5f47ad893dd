"""A run of ProGIC in the queue: trained by the trainer, decoded stage by stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch

from codec.base import Image
from codec.progic.codec import to_image
from codec.progic.layout import packed_bytes
from codec.progic.model import ProGIC
from codec.training.ablations.ablated import count_flops, without
from codec.training.ablations.scores import SIDE, Coder, Decoded
from codec.training.recipe import TrainConfig

ALL_UP_TO = 16
"""Stages of which every prefix is decoded; of more, about a dozen."""


def read_coder(recipe: TrainConfig) -> Coder:
    """The run's averaged weights, as a coder. Raises OSError where it has left none."""
    from safetensors.torch import load_file

    shape = recipe.shape()
    model = without(ProGIC(shape), recipe)
    weights = load_file(recipe.out / "model.safetensors")
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    model.eval().requires_grad_(False)

    def decode_parts(image: Image) -> Iterator[Decoded]:
        x = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.inference_mode():
            indices = model.encode(x)
            for held in prefixes(shape.stages):
                partial = indices.clone()
                partial[:, held:] = -1
                size_bytes = held * packed_bytes(indices[0, 0].numel(), shape.index_bits)
                yield Decoded(held, size_bytes, to_image(model.decode(partial)))

    parameters = sum(each.numel() for each in model.parameters()) + model.quantizer.codebooks.numel()
    rate = "packed indices, whole bytes a stage"
    return Coder(decode_parts, parameters, count_flops(model, SIDE), dataclasses.asdict(shape), rate)


def prefixes(stages: int) -> list[int]:
    """Numbers of stages to decode."""
    if stages <= ALL_UP_TO:
        return list(range(1, stages + 1))
    return sorted({1, 2, 3, *range(4, stages, 4), stages})
