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
LATER = "nothing makes it yet"
ITEMS = {
    "fig1": Item("BD-rate by decoding time on Kodak, DISTS", "", LATER),
    "fig2": Item("Why residuals: a base vector and a sequence of residual vectors", "",
                 DRAWING + "its sum is `ResidualQuantizer` in codec/progic/model.py"),
    "fig3": Item("The architecture and its blocks", "",
                 DRAWING + "it is built in codec/progic/model.py"),
    "fig4": Item("Feature modulation in a feed-forward network", "",
                 DRAWING + "it is built in codec/progic/model.py"),
    "fig5": Item("Rate-distortion on four sets, LPIPS and DISTS", "", LATER),
    "table1": Item("BD-rate (LPIPS) and computational complexity", "codec.paper.cost:table1"),
    "fig6": Item("Pictures of each method on Kodak at similar bits per pixel", "", LATER),
    "fig7": Item("Rate-distortion beside ProgDTD with several lambdas", "", LATER),
    "table2": Item("Times on a laptop's CPU", "", LATER),
    "table3": Item("Times on phones' CPUs", "", LATER),
    "table4": Item("Ablation: attention, modulation, entropy coding", "", LATER),
    "fig8": Item("Rate-distortion with other numbers of codebooks", "", LATER),
    "fig9": Item("Rate-distortion with other weights p of the stages", "", LATER),
    "fig10": Item("Pictures as stages arrive", "", LATER),
    "fig11": Item("1,280 bytes: whole size at few bits per pixel, or half the size at more", "", LATER),
    "fig12": Item("Entropy of each codebook's use", "", LATER),
    "fig13": Item("Rate-distortion with and without entropy coding", "", LATER),
    "fig14": Item("Maps of latents and residuals by t-SNE", "codec.paper.codebooks:fig14"),
    "fig15": Item("A forest fire over a satellite link: progressive and not", "", LATER),
    "fig16": Item("Finer steps: 16 codebooks at f = 32, 48 at f = 64", "", LATER),
    "table5": Item("BD-rate by DISTS on four sets", "", LATER),
    "table6": Item("Times and memory on a GPU by resolution", "", LATER),
    "fig17": Item("Rate-distortion by PSNR, MS-SSIM and CLIP-IQA", "", LATER),
    "fig18": Item("Pictures of each method on Tecnick, first sheet", "", LATER),
    "fig19": Item("Pictures of each method on Tecnick, second sheet", "", LATER),
    "fig20": Item("Pictures of each method on DIV2K, first sheet", "", LATER),
    "fig21": Item("Pictures of each method on DIV2K, second sheet", "", LATER),
    "fig22": Item("Pictures of each method on CLIC 2020, first sheet", "", LATER),
    "fig23": Item("Pictures of each method on CLIC 2020, second sheet", "", LATER),
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
