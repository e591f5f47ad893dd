"""Rows of evaluations that never ran, for the tests of curves, tables and figures."""

from codec.evaluation.rows import Measurement


def row(codec="a", rate=1, bpp=0.1, value=30.0, metric="psnr", image="one.png", **other):
    """A measurement of a made-up picture; `other` fields as given."""
    facts = {
        "dataset": "photos-256",
        "image": image,
        "width": 256,
        "height": 256,
        "codec": codec,
        "model_id": "00000001",
        "parameters": None,
        "gflops": None,
        "rate": rate,
        "bytes": round(bpp * 8192),
        "bpp": bpp,
        "encode_s": 0.1,
        "decode_s": 0.2,
        "threads": 1,
        "metric": metric,
        "value": value,
    }
    return Measurement(**facts | other)


def curves(metric, **codecs):
    """Rows of one picture: for each codec (bpp, value) after (bpp, value)."""
    return [
        row(codec, k, bpp, value, metric)
        for codec, points in codecs.items()
        for k, (bpp, value) in enumerate(points, 1)
    ]
