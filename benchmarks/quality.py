"""What the packets are worth: quality by packets held, and with any one packet of the five lost.

    python benchmarks/quality.py [--model nano] [--codec avif] [SET ...]

Centre squares of 256x256 from the folders below SATSIM_DATA/eval (kodak, fire, aerial); weights from SATSIM_WEIGHTS.
LPIPS is v0.1 with SqueezeNet. DISTS-VGG19 is the DISTS formula on the features of the original VGG-19 (picture,
relu1_2, relu2_2, relu3_4, all of one weight): a stand-in judge, not the official DISTS. It takes the picture as 0 to 1
and a floor of 1e-6 for all maps; the teacher of the same name in `codec/training/distill/teachers.py` takes 0 to 255
and 1, so that their scores differ in the third decimal. "Lost" is LPIPS with one packet missing, over LPIPS with the
first four; the worst packet to lose counts.
"""

import argparse
import os
import statistics
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from codec import load_codec
from codec.folders import list_photos, read_photo
from codec.metrics import load_metric
from codec.metrics.dists_lite import similarities
from codec.training.losses import VggFeatureLoss

DATA = Path(os.environ.get("SATSIM_DATA", "data")) / "eval"
WEIGHTS = Path(os.environ.get("SATSIM_WEIGHTS", "weights"))
PACKET_BYTES, STAGES, SIDE = 340, 5, 256


def load_dists():
    """DISTS-VGG19 of two pictures uint8[H, W, 3]."""
    network = VggFeatureLoss(WEIGHTS / "vgg19_caffe_relu3_4.safetensors")

    def levels(picture):
        x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
        return [x / 255, *network.features(x / 127.5 - 1)]

    @lru_cache(maxsize=1)
    def levels_of_reference(size, pixels):
        return levels(np.frombuffer(pixels, np.uint8).reshape(size))

    @torch.inference_mode()
    def score(reference, picture):
        pairs = zip(levels_of_reference(reference.shape, reference.tobytes()), levels(picture), strict=True)
        return 1 - statistics.fmean(term.mean().item() for a, b in pairs for term in similarities(a, b, floor=1e-6))

    return score


def scores_of(path, codec_name, options, metrics):
    """Metric -> {what was held: score} for one photo."""
    image = read_photo(path, SIDE).pixels
    pictures = {}
    if codec_name == "progic":
        codec = load_codec(codec_name, **options)
        payloads = dict(enumerate(codec.encode(image, PACKET_BYTES)))
        for held in range(1, STAGES + 1):
            pictures[held] = codec.decode({k: payloads[k] for k in range(held)}, SIDE, SIDE)
        for lost in range(STAGES):
            received = {k: payload for k, payload in payloads.items() if k != lost}
            pictures[f"without {lost + 1}"] = codec.decode(received, SIDE, SIDE)
    else:
        for held in (1, STAGES):
            codec = load_codec(codec_name, budget_bytes=held * PACKET_BYTES, **options)
            payloads = codec.encode(image, PACKET_BYTES)
            pictures[held] = codec.decode(dict(enumerate(payloads)), SIDE, SIDE)
    return {name: {held: metric(image, picture) for held, picture in pictures.items()} for name, metric in metrics}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=["kodak", "fire", "aerial"])
    parser.add_argument("--codec", default="progic")
    parser.add_argument("--model", help="shipped ProGIC model or weights file")
    arguments = parser.parse_args()
    options = {"model": arguments.model} if arguments.model else {}
    names = ("lpips-squeeze", "ms-ssim", "psnr")
    metrics = [("DISTS-VGG19", load_dists()), *((name, load_metric(name)) for name in names)]
    for name in arguments.sets:
        scores = [scores_of(path, arguments.codec, options, metrics) for path in list_photos(DATA / name)]
        print(f"{name}, {len(scores)} pictures, {arguments.codec}")
        for metric, _ in metrics:
            mean = {held: statistics.fmean(each[metric][held] for each in scores) for held in scores[0][metric]}
            print(f"  {metric:14}", "  ".join(f"{held}: {value:.3f}" for held, value in mean.items()))
            if metric == "lpips-squeeze" and "without 1" in mean:
                worst = max(range(1, STAGES + 1), key=lambda lost: mean[f"without {lost}"])
                print(f"  {'worst loss':14} packet {worst}: {mean[f'without {worst}'] / mean[4]:.2f} of four in order")


if __name__ == "__main__":
    main()
