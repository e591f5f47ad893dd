"""CLIP-IQA by piq: its own weights are not here, so a package of the same interface stands in for it."""

import sys
import tomllib
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from codec.base import CodecError, WeightsError
from codec.evaluation.clip_iqa import ClipIqa
from codec.own.guards import guarded_metric

CLIP = b"weights of CLIP"


class Brightness:
    """Called as piq.CLIPIQA is: float[N, 3, H, W] up to `data_range` to float[N, 1]."""

    def __init__(self, data_range):
        self.data_range = data_range

    def __call__(self, x):
        assert x.dtype == torch.float32
        return (x / self.data_range).mean((1, 2, 3))[:, None]


@pytest.fixture
def piq(monkeypatch):
    package = ModuleType("piq")
    package.CLIPIQA = Brightness
    monkeypatch.setitem(sys.modules, "piq", package)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where piq looks for both files."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (folder := tmp_path / ".cache/clip").mkdir(parents=True)
    (folder / "RN50.pt").write_bytes(CLIP)
    (folder / "clipiqa_tokens.pt").touch()
    return folder


def test_the_picture_is_scored_and_the_reference_not_looked_at(piq, cache):
    metric = guarded_metric(ClipIqa(sha256(CLIP).hexdigest()), "clip-iqa")
    picture = np.full((40, 50, 3), 51, np.uint8)
    assert metric["score"](picture, picture) == pytest.approx(51 / 255)
    assert metric["score"](255 - picture, picture) == metric["score"](picture, picture)
    assert (metric["name"], metric["higher_is_better"]) == ("clip-iqa", True)


def test_other_weights_are_not_taken_for_clip(piq, cache):
    with pytest.raises(WeightsError, match=r"RN50.pt is not CLIP RN50: its sha256 is .*; mend: fetch https://"):
        ClipIqa()


def test_what_is_missing_is_named_before_piq_would_download_it(piq, cache):
    (cache / "clipiqa_tokens.pt").unlink()
    with pytest.raises(WeightsError) as caught:
        ClipIqa(sha256(CLIP).hexdigest())
    assert "weights of clip-iqa are missing: CLIP RN50 (about 256 MB, sha256" in str(caught.value)
    assert str(caught.value).endswith(f"into {cache}")


def test_without_piq_the_mend_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "piq", None)
    with pytest.raises(CodecError, match=r"CLIP-IQA needs the package piq, which cannot be imported .* mend: pip"):
        ClipIqa()


def test_pyproject_offers_it_as_clip_iqa():
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["satsim.metrics"]["clip-iqa"] == f"{ClipIqa.__module__}:{ClipIqa.__qualname__}"
