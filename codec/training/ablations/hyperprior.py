"""The scale hyperprior with tails that may be dropped: ProgDTD's network, and its bytes.

    x --analysis (f = 16)--> y, M channels;  |y| --hyper-analysis (4)--> z, N channels
    z --hyper-synthesis--> the deviation of each number of y;  y --synthesis--> picture

Sources: Hojjat, Haberer and Landsiedel, "ProgDTD: Progressive Learned Image Compression with Double-Tail-Drop
Training" (CVPR Workshops 2023); Ballé et al., "Variational image compression with a scale hyperprior" (ICLR 2018), of
which all is as published but for the widths, and the prior of z: a mixture of three logistics for each channel.
Channels are sent first to last, in parts that end after so many as ENDS says; a part is one range-coded stream, of its
channels of z, then of y under the deviations that all of z so far tells. Nothing that came is ever sent again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.progic.coding.range_coder import RangeDecoder, RangeEncoder

WIDTH, LATENT = 48, 64
"""N and M; so one coding costs about as much as one of the ablations' ProGIC."""
ENDS = (1, 2, 4, 8, 16, 32, 48, 64)
"""Fine at first, for that is where tails that are dropped by chance leave most of the picture."""
DOWNSAMPLING = 64
"""Pixels a side that one cell of z covers; sides are multiples of it."""
LEAST_DEVIATION, LEAST_LIKELIHOOD = 0.11, 1e-9
SCALES = torch.exp(torch.linspace(torch.tensor(LEAST_DEVIATION).log(), torch.tensor(64.0).log(), 64))
"""Deviations that the range coder has a table for."""
HYPER_MOST = 30
"""Rounded values of z lie within; what is beyond is coded as this."""
FREQUENCIES = 1 << 16


class Divisive(nn.Module):
    """Generalised divisive normalisation, or with `inverse` its approximate inverse (Ballé et al. 2016)."""

    def __init__(self, width: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta, self.gamma = nn.Parameter(torch.ones(width)), nn.Parameter(0.1 * torch.eye(width))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as `x`, float32."""
        x = x.float()
        with torch.autocast(x.device.type, enabled=False):
            power = functional.conv2d(x.square(), self.gamma.abs()[:, :, None, None], self.beta.abs() + 1e-6)
        return x * power.sqrt() if self.inverse else x * power.rsqrt()


def down(held: int, made: int) -> nn.Conv2d:
    """Half the sides."""
    return nn.Conv2d(held, made, 5, 2, 2)


def up(held: int, made: int) -> nn.ConvTranspose2d:
    """Twice the sides."""
    return nn.ConvTranspose2d(held, made, 5, 2, 2, output_padding=1)


class Told(NamedTuple):
    """A batch, coded with noise in the place of rounding."""

    picture: Tensor
    bits: Tensor
    """Estimated by the likelihoods of what is kept, of the whole batch."""


class Hyperprior(nn.Module):
    """Pictures are float[B, 3, H, W] in -1 to 1, sides multiples of 64."""

    def __init__(self) -> None:
        super().__init__()
        n, m = WIDTH, LATENT
        self.analysis = nn.Sequential(
            down(3, n), Divisive(n), down(n, n), Divisive(n), down(n, n), Divisive(n), down(n, m)
        )
        self.synthesis = nn.Sequential(
            *(up(m, n), Divisive(n, True), up(n, n), Divisive(n, True), up(n, n), Divisive(n, True), up(n, 3))
        )
        self.hyper_analysis = nn.Sequential(nn.Conv2d(m, n, 3, 1, 1), nn.ReLU(), down(n, n), nn.ReLU(), down(n, n))
        self.hyper_synthesis = nn.Sequential(up(n, n), nn.ReLU(), up(n, n), nn.ReLU(), nn.Conv2d(n, m, 3, 1, 1))
        self.places = nn.Parameter(torch.tensor([-1.0, 0.0, 1.0]).repeat(n, 1))
        self.widths, self.shares = nn.Parameter(torch.zeros(n, 3)), nn.Parameter(torch.zeros(n, 3))

    def forward(self, x: Tensor, kept: Tensor) -> Told:
        """Code with the first `kept` (int64[B], 1 to M) channels of y alone, and as large a share of those of z."""
        latent = self.analysis(x).float()
        hyper = self.hyper_analysis(latent.abs()).float()
        first = (torch.arange(LATENT) < kept[:, None])[:, :, None, None]
        first_hyper = (torch.arange(WIDTH) < hyper_kept(kept)[:, None])[:, :, None, None]
        noisy, noisy_hyper = ((each + torch.rand_like(each) - 0.5) for each in (latent, hyper))
        deviations = self.deviations(noisy_hyper * first_hyper)
        likelihoods = normal_mass(noisy, deviations), self.hyper_mass(noisy_hyper)
        bits = [
            -(mass.clamp(min=LEAST_LIKELIHOOD).log2() * mask).sum()
            for mass, mask in zip(likelihoods, (first, first_hyper), strict=True)
        ]
        return Told(self.synthesis(noisy * first), torch.stack(bits).sum())

    def deviations(self, hyper: Tensor) -> Tensor:
        """Of each number of y, from z with zeros where it was dropped."""
        return functional.softplus(self.hyper_synthesis(hyper).float()) + LEAST_DEVIATION

    def hyper_mass(self, hyper: Tensor) -> Tensor:
        """Probability of each number of z, float[B, N, h, w], give or take a half."""
        away, width = hyper.unsqueeze(-1) - self.places[:, None, None], self.widths.exp()[:, None, None]
        masses = torch.sigmoid((away + 0.5) / width) - torch.sigmoid((away - 0.5) / width)
        return (masses * self.shares.softmax(dim=-1)[:, None, None]).sum(dim=-1)

    @torch.no_grad()
    def encode(self, x: Tensor) -> list[bytes]:
        """The parts of one picture, float[1, 3, H, W]."""
        latent = self.analysis(x)
        hyper = self.hyper_analysis(latent.abs()).round().clamp(-HYPER_MOST, HYPER_MOST)
        tables, hyper_tables, parts, sent = normal_tables(), self.hyper_tables(), [], torch.zeros_like(hyper)
        for channels, hyper_channels in cuts():
            coder = RangeEncoder()
            sent[:, hyper_channels] = hyper[:, hyper_channels]
            for channel in range(WIDTH)[hyper_channels]:
                for value in hyper[0, channel].flatten().int().tolist():
                    coder.encode(value + HYPER_MOST, hyper_tables[channel])
            levels = nearest_scales(self.deviations(sent)[0, channels]).flatten().tolist()
            for value, level in zip(latent[0, channels].round().flatten().int().tolist(), levels, strict=True):
                most = len(tables[level]) // 2
                coder.encode(min(max(value, -most), most) + most, tables[level])
            parts.append(coder.finish())
        return parts

    @torch.no_grad()
    def decode(self, parts: list[bytes], rows: int, columns: int) -> Iterator[Tensor]:
        """The picture, float[1, 3, 64 rows, 64 columns], after each of the parts, which come in order."""
        tables, hyper_tables = normal_tables(), self.hyper_tables()
        hyper, latent = torch.zeros(1, WIDTH, rows, columns), torch.zeros(1, LATENT, 4 * rows, 4 * columns)
        for part, (channels, hyper_channels) in zip(parts, cuts(), strict=False):
            coder = RangeDecoder(part)
            for channel in range(WIDTH)[hyper_channels]:
                found = [coder.decode(hyper_tables[channel]) - HYPER_MOST for _ in range(rows * columns)]
                hyper[0, channel] = torch.tensor(found).view(rows, columns)
            levels = nearest_scales(self.deviations(hyper)[0, channels])
            found = [coder.decode(tables[level]) - len(tables[level]) // 2 for level in levels.flatten().tolist()]
            latent[0, channels] = torch.tensor(found).view(levels.shape).float()
            yield self.synthesis(latent)

    @torch.no_grad()
    def hyper_tables(self) -> list[list[int]]:
        """Frequencies of z from -30 to 30, for each of its channels."""
        values = torch.arange(-HYPER_MOST, HYPER_MOST + 1.0)
        return [frequencies(row) for row in self.hyper_mass(values.expand(1, WIDTH, 1, -1))[0, :, 0]]


def hyper_kept(kept: Tensor) -> Tensor:
    """Channels of z that go with so many of y."""
    return -(-kept * WIDTH // LATENT)


def cuts() -> list[tuple[slice, slice]]:
    """The channels of y and z in each part."""
    ends = [(end, int(hyper_kept(torch.tensor(end)))) for end in ENDS]
    return [(slice(a, b), slice(c, d)) for (a, c), (b, d) in pairwise([(0, 0), *ends])]


def normal_mass(values: Tensor, deviations: Tensor) -> Tensor:
    """Probability, under a normal law around 0, of a value give or take a half."""
    away = values.abs()
    mass: Tensor = torch.special.ndtr((0.5 - away) / deviations) - torch.special.ndtr((-0.5 - away) / deviations)
    return mass


def normal_tables() -> list[list[int]]:
    """Frequencies of whole numbers around 0 for each of SCALES, as far as ten deviations."""
    made = []
    for scale in SCALES:
        most = int(10 * scale) + 4
        made.append(frequencies(normal_mass(torch.arange(-most, most + 1.0), scale)))
    return made


def nearest_scales(deviations: Tensor) -> Tensor:
    """int64 of the same shape: which of SCALES stands for each."""
    middles = (SCALES[1:] * SCALES[:-1]).sqrt()
    found: Tensor = torch.bucketize(deviations.contiguous(), middles)
    return found


def frequencies(masses: Tensor) -> list[int]:
    """Whole numbers, 1 or more, as probabilities are."""
    found: list[int] = ((masses / masses.sum() * FREQUENCIES).round().long() + 1).tolist()
    return found
