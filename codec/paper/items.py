"""Every figure and table of the paper, in its order: what it shows, and the function that makes it anew."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from codec.base import CodecError
from codec.paper.result import Asked, Result


class Item(NamedTuple):
    """A figure or table."""

    title: str
    """What it shows, after the paper's caption."""
    makes: str
    """module:function, imported when it is asked for; nothing for what is not made."""
    reason: str = ""
    """Why it is not made."""

    @property
    def make(self) -> Callable[[Asked], Result]:
        """The function."""
        if not self.makes:
            return lambda asked: Result(skipped=self.reason)
        module, _, name = self.makes.partition(":")
        found: Callable[[Asked], Result] = getattr(importlib.import_module(module), name)
        return found


DRAWING = "it is a drawing of the method, which measures nothing; "
ITEMS = {
    "fig1": Item("BD-rate by decoding time on Kodak, DISTS", "codec.paper.quality:fig1"),
    "fig2": Item("Why residuals: a base vector and a sequence of residual vectors", "",
                 DRAWING + "its sum is `ResidualQuantizer` in codec/progic/model.py"),
    "fig3": Item("The architecture and its blocks", "",
                 DRAWING + "it is built in codec/progic/model.py"),
    "fig4": Item("Feature modulation in a feed-forward network", "",
                 DRAWING + "it is built in codec/progic/model.py"),
    "fig5": Item("Rate-distortion on four sets, LPIPS and DISTS", "codec.paper.quality:fig5"),
    "table1": Item("BD-rate (LPIPS) and computational complexity", "codec.paper.cost:table1"),
    "fig6": Item("Pictures of each method on Kodak at similar bits per pixel", "codec.paper.sheets:fig6"),
    "fig7": Item("Rate-distortion beside ProgDTD with several lambdas", "codec.paper.ablations:fig7"),
    "table2": Item("Times on a laptop's CPU", "codec.paper.cost:table2"),
    "table3": Item("Times on phones' CPUs", "codec.paper.cost:table3"),
    "table4": Item("Ablation: attention, modulation, entropy coding", "codec.paper.ablations:table4"),
    "fig8": Item("Rate-distortion with other numbers of codebooks", "codec.paper.ablations:fig8"),
    "fig9": Item("Rate-distortion with other weights p of the stages", "codec.paper.ablations:fig9"),
    "fig10": Item("Pictures as stages arrive", "codec.paper.sheets:fig10"),
    "fig11": Item("1,280 bytes: all pixels at few bits each, or a quarter at more", "codec.paper.sheets:fig11"),
    "fig12": Item("Entropy of each codebook's use", "codec.paper.codebooks:fig12"),
    "fig13": Item("Rate-distortion with and without entropy coding", "codec.paper.codebooks:fig13"),
    "fig14": Item("Maps of latents and residuals by t-SNE", "codec.paper.codebooks:fig14"),
    "fig15": Item("A forest fire over a satellite link: progressive and not", "codec.paper.sheets:fig15"),
    "fig16": Item("Finer steps: 16 codebooks of f 32, 48 of f 64", "codec.paper.ablations:fig16"),
    "table5": Item("BD-rate by DISTS on four sets", "codec.paper.quality:table5"),
    "table6": Item("Times and memory on a GPU by resolution", "codec.paper.cost:table6"),
    "fig17": Item("Rate-distortion by PSNR, MS-SSIM and CLIP-IQA", "codec.paper.quality:fig17"),
    "fig18": Item("Pictures of each method on Tecnick, first sheet", "codec.paper.sheets:fig18"),
    "fig19": Item("Pictures of each method on Tecnick, second sheet", "codec.paper.sheets:fig19"),
    "fig20": Item("Pictures of each method on DIV2K, first sheet", "codec.paper.sheets:fig20"),
    "fig21": Item("Pictures of each method on DIV2K, second sheet", "codec.paper.sheets:fig21"),
    "fig22": Item("Pictures of each method on CLIC 2020, first sheet", "codec.paper.sheets:fig22"),
    "fig23": Item("Pictures of each method on CLIC 2020, second sheet", "codec.paper.sheets:fig23"),
}  # fmt: skip


def name_of(key: str) -> str:
    """fig1 as people write it: Fig. 1."""
    return key.replace("fig", "Fig. ").replace("table", "Table ")


def chosen(keys: Sequence[str]) -> list[str]:
    """The items that these keys mean, in the paper's order; all of them for none, or for `all`. Raises CodecError."""
    for key in keys:
        if key not in ITEMS and key != "all":
            raise CodecError(f"item is {key!r}; expected all or one of: {', '.join(ITEMS)}")
    return [key for key in ITEMS if not keys or "all" in keys or key in keys]
