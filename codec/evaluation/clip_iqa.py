"""CLIP-IQA (Wang, Chan and Loy, AAAI 2023): how good a picture looks by itself, by the package piq."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from codec.base import CodecError, Image, WeightsError
from codec.metrics.download import file_sha256

CLIP_SHA256 = "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"
CLIP_URL = f"https://openaipublic.azureedge.net/clip/models/{CLIP_SHA256}/RN50.pt"
TOKENS_URL = "https://github.com/photosynthesis-team/piq/releases/download/v0.7.1/clipiqa_tokens.pt"


class ClipIqa:
    """The metric `clip-iqa`, an entry point in pyproject.toml: asked for, never a default. 0 to 1, higher is better.

    The picture is scored alone, at its own size, and the reference is not looked at. piq, which would download what it
    misses, is asked only once both files lie where it looks, ~/.cache/clip, and CLIP's has the hash in its address.
    """

    name, label, unit, higher_is_better, min_side = "clip-iqa", "CLIP-IQA", "", True, 32

    def __init__(self, clip_sha256: str = CLIP_SHA256) -> None:
        """Raises CodecError where piq or torchvision cannot be imported, WeightsError for missing or other weights."""
        try:
            piq = importlib.import_module("piq")
        except (
            ImportError,
            RuntimeError,
            AttributeError,
        ) as error:  # a torchvision of another torch raises any of them
            mend = "pip install piq, and torchvision from where this torch came from"
            raise CodecError(
                f"CLIP-IQA needs the package piq, which cannot be imported ({error}; mend: {mend})"
            ) from error
        folder = Path("~/.cache/clip").expanduser()
        clip, tokens = folder / "RN50.pt", folder / "clipiqa_tokens.pt"
        if not (clip.is_file() and tokens.is_file()):
            what = f"CLIP RN50 (about 256 MB, sha256 {clip_sha256}) and piq's tokens (no hash of them is published)"
            raise WeightsError(
                f"weights of clip-iqa are missing: {what}; mend: fetch {CLIP_URL} and {TOKENS_URL} into {folder}"
            )
        if (found := file_sha256(clip)) != clip_sha256:
            raise WeightsError(f"{clip} is not CLIP RN50: its sha256 is {found}; mend: fetch {CLIP_URL} anew")
        self._scorer: Any = piq.CLIPIQA(data_range=255)

    def score(self, reference: Image, image: Image) -> float:
        """Softmax over "Good photo." and "Bad photo." of the picture's likeness to both."""
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]
            return float(self._scorer(batch))
