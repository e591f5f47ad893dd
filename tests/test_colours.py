"""CIEDE2000, against the pairs of colours that its implementers are to check themselves by."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from conftest import photo_like

from codec.metrics import load_metric
from codec.metrics.colours import cell_means, ciede2000, colour_error, to_lab

SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.49 -0.001 50 -2.49 0.0009 7.1792
50 2.49 -0.001 50 -2.49 0.0010 7.1792
50 2.49 -0.001 50 -2.49 0.0011 7.2195
50 2.49 -0.001 50 -2.49 0.0012 7.2195
50 -0.001 2.49 50 0.0009 -2.49 4.8045
50 -0.001 2.49 50 0.0010 -2.49 4.8045
50 -0.001 2.49 50 0.0011 -2.49 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
"""Table 1 of Sharma, Wu and Dalal (2005): L, a and b of two colours, and how far apart they are."""
PAIRS = np.array([line.split() for line in SHARMA.split("\n") if line], float)


def test_the_published_pairs_are_as_far_apart_as_published():
    assert len(PAIRS) == 34
    assert ciede2000(PAIRS[:, :3], PAIRS[:, 3:6]) == pytest.approx(PAIRS[:, 6], abs=5e-5)


def test_it_is_the_same_both_ways():
    assert ciede2000(PAIRS[:, 3:6], PAIRS[:, :3]) == pytest.approx(PAIRS[:, 6], abs=5e-5)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 0), (0, 0, 0)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_corners_of_srgb_lie_where_they_do_in_cielab(rgb, lab):
    assert to_lab(np.array(rgb, float)) == pytest.approx(np.array(lab), abs=0.01)


def test_cells_at_the_edges_are_means_of_fewer_pixels():
    image = np.zeros((8, 10, 3), np.uint8)
    image[:, 8:] = 90
    image[:4, :8] = 30
    assert cell_means(image).tolist() == [[[15] * 3, [90] * 3]]


def test_a_checkered_picture_has_the_colour_of_its_mean_and_a_photo_that_of_itself():
    photo = photo_like(24, 32)
    assert colour_error(photo, photo) == 0
    checkered = (np.indices((16, 16)).sum(axis=0) % 2 * 200).astype(np.uint8)[..., None].repeat(3, axis=2)
    assert colour_error(checkered, np.full((16, 16, 3), 100, np.uint8)) == 0
    assert colour_error(checkered, np.full((16, 16, 3), 110, np.uint8)) > 2


def test_the_metric_that_pyproject_offers_as_ciede2000_scores_so():
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
    metric = load_metric(project["entry-points"]["satsim.metrics"]["ciede2000"])
    photo = photo_like(24, 32)
    other = photo // 2
    assert metric(photo, other) == colour_error(photo, other) > 1
    assert (metric.name, metric.higher_is_better, metric.files) == ("ciede2000", False, ())
