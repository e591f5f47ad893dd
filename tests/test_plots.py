"""Figures drawn from small results folders written by hand."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from satsim.plots import clock, draw, pick_columns, read_tracks, spread

METRICS = {
    "lpips-squeeze": {"label": "LPIPS (SqueezeNet)", "unit": "", "higher_is_better": False},
    "psnr": {"label": "PSNR", "unit": "dB", "higher_is_better": True},
}
Story = tuple[int, list[tuple[float, int, float | None]]]
"""Packets needed, then (time_s, packets held, value or None) for each arrival."""


def write_folder(
    folder: Path,
    stories: Mapping[str, Story],
    metrics: tuple[str, ...] = ("lpips-squeeze",),
    duration_s: float = 420.0,
    size: tuple[int, int] = (32, 32),
    notices: tuple[str, ...] = (),
    title: str = "Five packets",
) -> Path:
    """A results folder whose k-th picture is k shades lighter than the one before."""
    (folder / "frames").mkdir(parents=True)
    Image.new("RGB", size, "teal").save(folder / "frames" / "original.png")
    with (folder / "timeline.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["scheme", "time_s", "packets_held", "bytes_held", "metric", "value", "frame"])
        for number, (name, (_, arrivals)) in enumerate(stories.items()):
            for time_s, held, value in [(0.0, 0, None), *arrivals]:
                frame = "" if value is None else f"{number}_{held}.png"
                if frame:
                    shade = np.full((size[1], size[0], 3), min(255, 20 * held), np.uint8)
                    Image.fromarray(shade).save(folder / "frames" / frame)
                for metric in metrics:
                    rows.writerow([name, time_s, held, 340 * held, metric, "" if value is None else value, frame])
    summary = {
        "title": title,
        "duration_s": duration_s,
        "interval_s": 60.0,
        "image": {"width": size[0], "height": size[1]},
        "metrics": {metric: METRICS[metric] for metric in metrics},
        "schemes": {name: {"payloads": n, "payload_bytes": 320 * n} for name, (n, _) in stories.items()},
        "notices": list(notices),
    }
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return folder


PROGRESSIVE: Story = (3, [(5.0, 1, 0.4), (65.0, 2, 0.3), (125.0, 3, 0.2)])
WHOLE: Story = (3, [(5.0, 1, None), (65.0, 2, None), (125.0, 3, 0.2)])
NEVER: Story = (3, [(5.0, 1, None), (125.0, 2, None)])


def test_every_figure_is_named_after_the_metric_really_used(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE, "file": WHOLE}, ("lpips-squeeze", "psnr"))
    draw(folder)
    drawn = {path.name for path in folder.iterdir() if path.suffix in {".png", ".svg"}}
    assert drawn == {
        "time_vs_lpips-squeeze.png",
        "time_vs_lpips-squeeze.svg",
        "time_vs_psnr.png",
        "time_vs_psnr.svg",
        "filmstrip.png",
    }


def test_drawing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE, "file": WHOLE})
    draw(folder)
    once = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    draw(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == once


def test_the_filmstrip_shows_the_receivers_pictures_themselves(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE}, size=(256, 256))
    draw(folder)
    pixels = np.asarray(Image.open(folder / "filmstrip.png").convert("RGB")).reshape(-1, 3)
    for shade in (20, 40, 60):
        assert np.count_nonzero((pixels == shade).all(axis=1)) >= 256 * 256


@pytest.mark.parametrize(
    ("stories", "options"),
    [
        pytest.param({"file": NEVER}, {}, id="nothing is ever shown"),
        pytest.param({"file": NEVER, "steps": PROGRESSIVE}, {}, id="one scheme shows nothing"),
        pytest.param({"lost": (3, [])}, {}, id="every packet is lost"),
        pytest.param({"copy": (1, [(5.0, 1, math.inf)])}, {"metrics": ("psnr",)}, id="an exact copy"),
        pytest.param({"one": (1, [(5.0, 1, 0.4)])}, {"duration_s": 60.0}, id="one minute"),
        pytest.param({"steps": PROGRESSIVE}, {"duration_s": 36000.0, "size": (320, 200)}, id="ten hours, wide photo"),
        pytest.param({"a $x_ name, " * 12: PROGRESSIVE}, {"title": "long $t " * 40}, id="long names with dollars"),
        pytest.param({f"scheme {k}": WHOLE for k in range(10)}, {"notices": ("stand-in",) * 3}, id="ten schemes"),
    ],
)
def test_unusual_runs_are_drawn_too(tmp_path: Path, stories: dict[str, Story], options: dict[str, object]) -> None:
    folder = write_folder(tmp_path / "run", stories, **options)  # type: ignore[arg-type]
    draw(folder)
    with Image.open(folder / "filmstrip.png") as film:
        assert film.width <= 1700


def test_a_scheme_builds_up_if_it_shows_a_picture_before_its_last_packet(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE, "file": WHOLE, "never": NEVER})
    tracks = read_tracks(folder, json.loads((folder / "summary.json").read_text()), "lpips-squeeze")
    assert [track.builds_up for track in tracks] == [True, False, False]


def test_labels_far_apart_stay_where_they_are() -> None:
    assert spread([10, 50, 90], [10, 10, 10], room=100) == [10, 50, 90]


def test_two_labels_at_one_height_move_half_a_label_each() -> None:
    assert sorted(spread([50, 50], [10, 10], room=100)) == [45, 55]


def test_labels_at_the_edge_move_inwards() -> None:
    assert spread([0, 100], [10, 20], room=100) == [5, 90]


def test_labels_keep_their_order_and_never_overlap() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        wanted, sizes = rng.uniform(0, 100, 6).tolist(), rng.uniform(5, 15, 6).tolist()
        got = spread(wanted, sizes, room=100)
        order = sorted(range(6), key=lambda k: wanted[k])
        assert all(got[b] - got[a] >= (sizes[a] + sizes[b]) / 2 - 1e-9 for a, b in pairwise(order))
        assert all(sizes[k] / 2 - 1e-9 <= got[k] <= 100 - sizes[k] / 2 + 1e-9 for k in range(6))


def test_labels_that_cannot_fit_share_the_room_evenly() -> None:
    assert spread([0, 0], [100, 100], room=100) == [25, 75]


def test_each_slot_gives_one_column_at_its_last_change() -> None:
    assert pick_columns([5.0, 65.0, 5.2, 125.0], interval_s=60) == [5.2, 65.0, 125.0]


def test_sixty_changes_become_eight_columns_with_the_first_and_the_last() -> None:
    columns = pick_columns([60.0 * k for k in range(60)], interval_s=60)
    assert columns == [60.0 * k for k in (0, 8, 17, 25, 34, 42, 51, 59)]


def test_a_clock_reads_minutes_and_seconds_and_hours_when_needed() -> None:
    assert [clock(5), clock(65), clock(3605)] == ["0:05", "1:05", "1:00:05"]
