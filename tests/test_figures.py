"""Figures drawn from small results folders written by hand."""

from __future__ import annotations

import ast
import csv
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from satsim.figures.columns import Change, pick_columns
from satsim.figures.filmstrip import columns_of, filmstrip, held_words
from satsim.figures.look import STYLE
from satsim.figures.page import foot_note, spread, subtitle, time_ticks, time_unit
from satsim.figures.photos import median_photo, middle_level, photos_figure, same_frames, times_of_first
from satsim.figures.run import TrackPoint, draw_run, read_tracks, time_figure
from satsim.figures.setting import in_words, name_links

METRICS = {
    "lpips-squeeze": {"label": "LPIPS (SqueezeNet)", "unit": "", "higher_is_better": False},
    "psnr": {"label": "PSNR", "unit": "dB", "higher_is_better": True},
}
Arrivals = list[tuple[float, int, float | None]]
"""(time_s, packets held, value or None) for each packet of a photo."""
Story = tuple[Any, ...]
"""Packets needed, then the arrivals of each sender's photo."""


def write_folder(
    folder: Path,
    stories: Mapping[str, Story],
    metrics: tuple[str, ...] = ("lpips-squeeze",),
    duration_s: float = 420.0,
    size: tuple[int, int] = (32, 32),
    notices: tuple[str, ...] = (),
    title: str = "Five packets",
    levels: tuple[str, ...] = (),
    repairs: int = 0,
    **more: Any,
) -> Path:
    """A results folder whose k-th picture is k shades lighter than the one before; `more` goes into the summary.

    Where there are several senders, timeline.csv has a column for them, which older folders lack.
    """
    many = max(len(photos) for _, *photos in stories.values()) > 1
    (folder / "frames").mkdir(parents=True)
    Image.new("RGB", size, "teal").save(folder / "frames" / "original.png")
    with (folder / "timeline.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        columns = ["scheme", "time_s", "packets_held", "bytes_held", "metric", "value", "frame"]
        rows.writerow([*columns, "sender"] if many else columns)
        for number, (name, (_, *photos)) in enumerate(stories.items()):
            for sender, arrivals in enumerate(photos):
                for time_s, held, value in [(0.0, 0, None), *arrivals]:
                    frame = "" if value is None else f"{number}_{held}.png"
                    if frame:
                        shade = np.full((size[1], size[0], 3), min(255, 20 * held), np.uint8)
                        Image.fromarray(shade).save(folder / "frames" / frame)
                    for metric in metrics:
                        row = [name, time_s, held, 340 * held, metric, "" if value is None else value, frame]
                        rows.writerow([*row, sender] if many else row)
    summary: dict[str, Any] = {
        "title": title,
        "duration_s": duration_s,
        "interval_s": 60.0,
        "image": {"width": size[0], "height": size[1]},
        "metrics": {metric: METRICS[metric] for metric in metrics},
        "schemes": {name: {"payloads": n, "payload_bytes": 320 * n} for name, (n, *_) in stories.items()},
        "notices": list(notices),
        **more,
    }
    for (_, *photos), scheme in zip(stories.values(), summary["schemes"].values(), strict=True):
        if levels:
            scheme["time_to_quality_s"] = {metrics[0]: dict.fromkeys(levels)}
        if repairs:
            scheme["repair_packets"] = repairs
        if many:
            summary["senders"] = {"count": len(photos), "start_gap_s": 0.0, "slot_s": None, **more.get("senders", {})}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return folder


PROGRESSIVE: Story = (3, [(5.0, 1, 0.4), (65.0, 2, 0.3), (125.0, 3, 0.2)])
WHOLE: Story = (3, [(5.0, 1, None), (65.0, 2, None), (125.0, 3, 0.2)])
NEVER: Story = (3, [(5.0, 1, None), (125.0, 2, None)])

FAST: Arrivals = [(5.0, 1, 0.4), (65.0, 2, 0.3), (125.0, 3, 0.2)]
SLOW: Arrivals = [(65.0, 1, 0.4), (185.0, 2, 0.3)]
LOST: Arrivals = []
LONG = (
    "sbd_9603_canopy: assumed, neither measured nor published: " + ", ".join(f"loss.number_{k}" for k in range(20)),
    "ProGIC progressive: a stage does not fit a message of 340 bytes with a header of 31; it travels in 2 " * 2,
    "ProGIC progressive: nobody acknowledges on this link, so arq sends each message once, and no more, " * 2,
)


def figures(folder: Path) -> dict[str, Figure]:
    """Every figure of a folder in its first metric, and its layout done."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    metric = next(iter(summary["metrics"]))
    tracks = read_tracks(folder, summary, metric)
    with matplotlib.rc_context(STYLE):
        drawn = {
            "time": time_figure(summary, metric, tracks),
            "film": filmstrip(folder / "frames", summary, metric, tracks),
        }
        if summary.get("senders", {}).get("count", 1) > 1:
            drawn["photos"] = photos_figure(summary, metric, tracks)
        for figure in drawn.values():
            FigureCanvasAgg(figure).draw()
    return drawn


def texts(figure: Figure) -> list[str]:
    """All that is written in it, each text on one line."""
    return [" ".join(text.get_text().split()) for text in figure.findobj(Text) if text.get_text()]


def test_every_figure_is_named_after_the_metric_really_used(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE, "file": WHOLE}, ("lpips-squeeze", "psnr"))
    draw_run(folder)
    drawn = {path.name for path in folder.iterdir() if path.suffix in {".png", ".svg"}}
    assert drawn == {
        "time_vs_lpips-squeeze.png",
        "time_vs_lpips-squeeze.svg",
        "time_vs_psnr.png",
        "time_vs_psnr.svg",
        "filmstrip.png",
    }


def test_a_run_of_one_sender_is_drawn_by_four_modules_and_their_constants(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE, "file": WHOLE})
    draw = "import sys, pathlib, satsim.figures.run as run; run.draw_run(pathlib.Path(sys.argv[1]));"
    tell = "print([name for name in sys.modules if name.startswith('satsim.figures.')])"
    done = subprocess.run([sys.executable, "-c", draw + tell, str(folder)], capture_output=True, text=True, check=True)
    assert sorted(ast.literal_eval(done.stdout)) == [
        f"satsim.figures.{name}" for name in ("filmstrip", "look", "page", "report", "run")
    ]


def test_drawing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE, "file": WHOLE})
    draw_run(folder)
    once = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    draw_run(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == once


def test_the_filmstrip_shows_the_receivers_pictures_themselves(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE}, size=(256, 256))
    draw_run(folder)
    pixels = np.asarray(Image.open(folder / "filmstrip.png").convert("RGB")).reshape(-1, 3)
    for shade in (20, 40, 60):
        assert np.count_nonzero((pixels == shade).all(axis=1)) >= 256 * 256


@pytest.mark.parametrize(
    ("stories", "options"),
    [
        pytest.param({"file": NEVER}, {}, id="nothing is ever shown"),
        pytest.param({"file": NEVER, "steps": PROGRESSIVE}, {}, id="one scheme shows nothing"),
        pytest.param({"lost": (3, [])}, {}, id="every packet is lost"),
        pytest.param({"steps": PROGRESSIVE, "large": (0, [])}, {}, id="nothing of a scheme fits the link"),
        pytest.param({"large": (0, [])}, {}, id="nothing fits at all"),
        pytest.param({"large": (0, [], []), "steps": (3, FAST, SLOW)}, {"levels": ("0.3",)}, id="two senders, no fit"),
        pytest.param({"copy": (1, [(5.0, 1, math.inf)])}, {"metrics": ("psnr",)}, id="an exact copy"),
        pytest.param({"one": (1, [(5.0, 1, 0.4)])}, {"duration_s": 60.0}, id="one minute"),
        pytest.param({"steps": PROGRESSIVE}, {"duration_s": 36000.0, "size": (320, 200)}, id="ten hours, wide photo"),
        pytest.param({"a $x_ name, " * 12: PROGRESSIVE}, {"title": "long $t " * 40}, id="long names with dollars"),
        pytest.param({f"scheme {k}": WHOLE for k in range(10)}, {"notices": ("stand-in",) * 3}, id="ten schemes"),
        pytest.param({"lost": (3, LOST, LOST)}, {}, id="two senders, of whom nothing comes"),
        pytest.param({"steps": (3, FAST, SLOW)}, {"levels": ("0.3",), "duration_s": 4e5}, id="two senders, five days"),
        pytest.param({"copy": (1, *2 * [[(5.0, 1, math.inf)]])}, {"metrics": ("psnr",)}, id="two exact copies"),
    ],
)
def test_unusual_runs_are_drawn_too(tmp_path: Path, stories: dict[str, Story], options: dict[str, object]) -> None:
    folder = write_folder(tmp_path / "run", stories, **options)  # type: ignore[arg-type]
    draw_run(folder)
    with Image.open(folder / "filmstrip.png") as film:
        assert film.width <= 1700


def test_a_scheme_builds_up_if_it_shows_a_picture_before_its_last_packet(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE, "file": WHOLE, "never": NEVER})
    tracks = read_tracks(folder, json.loads((folder / "summary.json").read_text()), "lpips-squeeze")
    assert [track.builds_up for track in tracks] == [True, False, False]


def test_a_whole_file_does_not_build_up_though_repair_packets_let_it_hold_more_than_it_needs(tmp_path: Path) -> None:
    whole: Story = (3, [(5.0, 1, None), (65.0, 2, None), (185.0, 3, 0.2), (245.0, 4, 0.2)])
    folder = write_folder(tmp_path / "run", {"file": whole, "steps": PROGRESSIVE}, repairs=2)
    tracks = read_tracks(folder, json.loads((folder / "summary.json").read_text()), "lpips-squeeze")
    assert [track.builds_up for track in tracks] == [False, True]
    third, fourth = tracks[0].points[3:]
    assert held_words(third, tracks[0], letters=20) == "3 of 3+2 packets"
    assert held_words(fourth, tracks[0], letters=8) == "4 of 3+2"
    assert {"960 bytes in 3 packets + 2 for repair", "4 of 3+2"} <= set(texts(figures(folder)["film"]))


def points_of(arrivals: Arrivals, created_s: float = 0.0) -> list[TrackPoint]:
    shown = [
        TrackPoint(t, held, math.nan if value is None else value, f"{held}.png" if value else "")
        for t, held, value in arrivals
    ]
    return [TrackPoint(created_s, 0, math.nan, ""), *shown]


def test_the_median_of_three_photos_is_the_second_best_at_each_time() -> None:
    points = median_photo([points_of(FAST), points_of(SLOW), points_of(LOST)], higher_is_better=False)
    assert points[1:] == [TrackPoint(65.0, 1, 0.4, "1.png"), TrackPoint(185.0, 2, 0.3, "2.png")]


def test_of_two_photos_the_worse_is_shown() -> None:
    points = median_photo([points_of(FAST), points_of(SLOW)], higher_is_better=False)
    assert points[1:] == [TrackPoint(65.0, 1, 0.4, "1.png"), TrackPoint(185.0, 2, 0.3, "2.png")]


def test_where_higher_is_better_the_median_of_three_is_in_between_too() -> None:
    photos = [points_of([(5.0, 1, value)]) for value in (20.0, math.inf, 30.0)]
    assert median_photo(photos, higher_is_better=True)[1:] == [TrackPoint(5.0, 1, 30.0, "1.png")]


def test_an_equal_score_from_other_packets_is_no_new_picture() -> None:
    points = [
        TrackPoint(5.0, 1, 0.4, "a.png"),
        TrackPoint(65.0, 2, 0.4, "b.png"),
        TrackPoint(125.0, 3, 0.4, "c.png"),
        TrackPoint(185.0, 4, 0.3, "d.png"),
    ]
    assert [point.frame for point in same_frames(points)] == ["a.png", "a.png", "a.png", "d.png"]


def test_while_half_of_the_photos_are_not_taken_yet_there_is_no_median_picture() -> None:
    points = median_photo([points_of(FAST), points_of([(605.0, 1, 0.4)], created_s=600.0)], higher_is_better=False)
    assert [(point.time_s, point.frame) for point in points] == [(0.0, ""), (605.0, "1.png")]


def test_equal_photos_and_repeated_points_add_nothing_to_the_median() -> None:
    twice = points_of([FAST[0], (6.0, 1, 0.4), *FAST[1:]])
    points = median_photo([twice, twice, twice], higher_is_better=False)
    assert [point.time_s for point in points] == [0.0, 5.0, 65.0, 125.0]


def test_the_median_of_photos_that_wait_is_the_one_with_the_middle_number_of_packets() -> None:
    photos = [points_of([(5.0, held, None)]) for held in (1, 2, 4)]
    assert median_photo(photos, higher_is_better=False)[-1].packets_held == 2


def test_several_senders_get_a_figure_that_counts_their_photos(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": (3, FAST, SLOW, LOST)}, levels=("0.4", "0.3", "0.2"))
    draw_run(folder)
    assert (folder / "photos_vs_time.png").exists()
    assert (folder / "photos_vs_time.svg").exists()
    written = figures(folder)
    assert {"any picture on the screen", "LPIPS (SqueezeNet) of 0.3 or better"} <= set(texts(written["photos"]))
    assert texts(written["photos"]).count("2 steps") == 1, "two pictures, both good: one label"
    for figure in written.values():
        assert any("3 senders" in text for text in texts(figure))
    for name in ("time", "film"):
        assert any("Shown is the median photo" in text for text in texts(written[name]))


def test_a_photo_counts_from_its_first_picture_that_is_good_enough() -> None:
    photos = [points_of(SLOW), points_of(FAST), points_of(LOST)]
    assert times_of_first(photos, lambda point: bool(point.frame)) == [5.0, 65.0]
    assert times_of_first(photos, lambda point: point.value <= 0.3) == [65.0, 185.0]


@pytest.mark.parametrize(
    ("levels", "metric", "middle"),
    [
        (("0.3", "0.2", "0.15"), "lpips-squeeze", 0.2),
        (("0.15", "0.3", "0.2"), "lpips-squeeze", 0.2),
        (("0.3", "0.2"), "lpips-squeeze", 0.2),
        (("18", "21"), "psnr", 21.0),
        ((), "psnr", None),
    ],
)
def test_the_middle_level_counts_or_the_harder_of_two(levels: Any, metric: str, middle: float | None) -> None:
    scheme = {"time_to_quality_s": {metric: dict.fromkeys(levels)}}
    assert middle_level({"schemes": {"a": scheme}, "metrics": METRICS}, metric) == middle


@pytest.mark.parametrize("photos", [1, 20])
def test_no_text_meets_another_or_leaves_the_figure(tmp_path: Path, photos: int) -> None:
    stories: dict[str, Story] = {
        "ProGIC progressive": (3, *(photos * [FAST])),
        "ProGIC whole, 5 packets": (3, *(photos * [[(4000.0, 3, 0.2)]])),
        "JPEG 2000 progressive, round and round": (3, *(photos * [SLOW])),
        "never": (3, *(photos * [LOST])),
    }
    how = {"link": {"preset": "sbd_9603_canopy"}, "levels": ("0.3",), "repairs": 2}
    senders = {"start_gap_s": 30.0, "slot_s": 3.0}
    folder = write_folder(
        tmp_path / "run", stories, notices=LONG, duration_s=90000.0, size=(256, 256), senders=senders, **how
    )
    for name, figure in figures(folder).items():
        sides = [side for axes in figure.axes for side in (axes.xaxis, axes.yaxis)]
        ticks = {text for side in sides for text in side.findobj(Text) if text is not side.label}
        written = [text for text in figure.findobj(Text) if text.get_text() and text not in ticks]
        boxes = [(text.get_text(), text.get_window_extent()) for text in written]
        for text, box in boxes:
            assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, (name, text)
            assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, (name, text)
        for (text, box), (other, its) in combinations(boxes, 2):
            assert not box.padded(-1).overlaps(its.padded(-1)), (name, text, other)


def test_the_subtitle_tells_size_and_pace_of_the_link_and_how_senders_share_it() -> None:
    link = {"preset": "sbd_9603_open", "packet_bytes": 340, "interval_s": 40.0}
    summary = {"interval_s": 60.0, "image": {"width": 256, "height": 256}, "link": link}
    assert subtitle(summary) == [
        "Link: sbd_9603_open, 340 bytes at most, one packet every 40 s. Photo of 256 × 256 pixels."
    ]
    assert subtitle(summary | {"link": link | {"preset": None}})[0].startswith("340 bytes at most, one packet every 40")
    senders = {"count": 20, "start_gap_s": 90.0, "slot_s": 3.0}
    assert subtitle(summary | {"senders": senders}) == [
        "Link: sbd_9603_open, 340 bytes at most, no more than one packet every 40 s from each. Photo of 256 × 256"
        " pixels.",
        "20 senders, photos taken 90 s apart; one channel for all, a slot every 3 s. Times run from the first photo.",
    ]


def test_folders_of_earlier_versions_tell_the_pace_of_their_only_link_and_none_of_several() -> None:
    summary: dict[str, Any] = {"interval_s": 60.0, "image": {"width": 9, "height": 9}, "link": {"preset": None}}
    assert subtitle(summary) == ["One packet every 60 s. Photo of 9 × 9 pixels."]
    summary["schemes"] = {name: {"link": {"preset": name, "assumed": []}} for name in "ab"}
    assert subtitle(summary) == ["Links: a, b.", "Photo of 9 × 9 pixels."]


TWO_LINKS = {
    "steps": {"preset": "sbd_9603_open", "assumed": [], "packet_bytes": 340, "interval_s": 40.0},
    "file": {"preset": "bds3_regional", "assumed": [], "packet_bytes": 70, "interval_s": 60.0},
}


def test_schemes_on_different_links_name_each_with_its_size_and_pace_and_every_label_has_its_own(
    tmp_path: Path,
) -> None:
    folder = write_folder(tmp_path / "run", {"steps": PROGRESSIVE, "file": WHOLE})
    summary = json.loads((folder / "summary.json").read_text())
    for name, link in TWO_LINKS.items():
        summary["schemes"][name]["link"] = link
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    assert subtitle(summary)[0] == ("Links: sbd_9603_open (340 bytes every 40 s), bds3_regional (70 bytes every 60 s).")
    drawn = figures(folder)
    assert {"0.200 steps sbd_9603_open", "file, from 2:05 bds3_regional"} <= set(texts(drawn["time"]))
    assert "960 bytes in 3 packets bds3_regional" in texts(drawn["film"])


def test_two_links_of_one_name_are_told_apart_by_size_and_pace(tmp_path: Path) -> None:
    about = {"a": (None, 340), "b": ("sbd", 340), "c": ("sbd", 100)}
    links = {name: {"preset": preset, "packet_bytes": size, "interval_s": 40} for name, (preset, size) in about.items()}
    summary = {"interval_s": 40, "schemes": {name: {"link": link} for name, link in links.items()}}
    assert name_links(summary) == {
        "a": "340 bytes every 40 s", "b": "sbd (340 bytes every 40 s)", "c": "sbd (100 bytes every 40 s)",
    }  # fmt: skip
    summary["schemes"] = {name: {"link": links["a"]} for name in "ab"}
    assert name_links(summary) == {"a": "", "b": ""}


def test_what_does_not_fit_the_link_is_said_to_and_does_not_wait_for_packets(tmp_path: Path) -> None:
    stories: dict[str, Story] = {"steps": (3, FAST, SLOW, FAST), "large": (0, [], [], [])}
    drawn = figures(write_folder(tmp_path / "run", stories))
    assert "large, nothing fits" in texts(drawn["time"])
    assert {"nothing fits", "nothing fits the link"} <= set(texts(drawn["film"]))
    assert "0 large, nothing fits" in texts(drawn["photos"])
    assert not any("0 of 0" in text for figure in drawn.values() for text in texts(figure))


def test_a_run_without_a_title_has_its_name_in_words_above_every_figure(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "run", {"steps": (3, FAST, SLOW)}, title="", scenario="sbd_hike")
    assert all("Sbd hike" in texts(figure) for figure in figures(folder).values())


def test_under_a_figure_is_one_line_on_stand_ins_and_where_the_notes_are(tmp_path: Path) -> None:
    stand_in = "quality is measured by DISTS-lite (ours), not DISTS: its weights are missing (mend: `satsim weights`)"
    assert foot_note({"notices": []}) == ""
    assert foot_note({"notices": ["one"]}) == "1 note in notes.md"
    assert foot_note({"notices": [stand_in, *LONG]}) == "DISTS-lite (ours) stands in for DISTS; 4 notes in notes.md"
    folder = write_folder(tmp_path / "run", {"steps": (3, FAST, SLOW)}, notices=(stand_in, *LONG))
    for figure in figures(folder).values():
        assert "DISTS-lite (ours) stands in for DISTS; 4 notes in notes.md" in texts(figure)
        assert not any("`" in text for text in texts(figure))


def test_long_names_are_wrapped_whole_in_every_label(tmp_path: Path) -> None:
    name = "AVIF, 5 packets, 2 repair packets a round"
    for figure in figures(write_folder(tmp_path / "run", {name: (3, FAST, SLOW), "b": (3, FAST, SLOW)})).values():
        assert sum(name in text for text in texts(figure)) >= 1
        assert not any("…" in text for text in texts(figure))


def test_keys_are_told_in_words() -> None:
    labels = ("round_robin", "avif 2 messages, arq", "carousel, repair_packets 2", "340")
    assert [in_words(label) for label in labels] == [
        "in turn", "AVIF 2 messages, ARQ", "round and round, repair packets 2", "340",
    ]  # fmt: skip


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


def packets(*times_s: float) -> list[Change]:
    """A new picture of one scheme at each of these times, none of them its first."""
    return [Change(time_s, 1, False) for time_s in times_s]


def test_each_half_slot_gives_one_column_at_its_last_change() -> None:
    assert pick_columns(packets(5.0, 5.2, 65.0, 125.0), slot_s=60, pause_s=600) == [5.2, 65.0, 125.0]


def test_a_first_picture_is_shown_when_it_is_there_and_not_with_what_comes_in_the_same_slot() -> None:
    changes = [Change(4.0, 1, True), Change(8.0, 1, True), *packets(20.0, 25.0)]
    assert pick_columns(changes, slot_s=60, pause_s=600) == [4.0, 8.0, 25.0]
    assert pick_columns([Change(4.0, 1, True), Change(4.3, 1, True)], slot_s=60, pause_s=600) == [4.3], (
        "one second on clocks"
    )


def test_of_many_changes_the_first_picture_of_each_scheme_and_the_last_change_have_a_column() -> None:
    changes = packets(*(60.0 * k for k in range(60)))
    for k in (3, 4, 31):
        changes[k] = changes[k]._replace(first=True)
    columns = pick_columns(changes, slot_s=60, pause_s=600)
    assert len(columns) == 8
    assert {180.0, 240.0, 1860.0, 3540.0} <= set(columns)


def test_a_fast_link_does_not_hide_the_first_pictures_of_a_slow_one() -> None:
    fast = [Change(4.0 * k, 1, k == 1) for k in range(1, 200)]
    slow = [Change(60.5 + 60 * k, 1, k == 0) for k in range(5)]
    columns = pick_columns(sorted(fast + slow), slot_s=4, pause_s=600)
    assert {4.0, 60.5, 796.0} <= set(columns)
    assert len(columns) == 8


def test_sixty_equal_changes_become_eight_columns_about_eight_changes_apart() -> None:
    columns = pick_columns(
        [change._replace(first=change.time_s == 0) for change in packets(*range(0, 3600, 60))], 60, 600
    )
    assert (columns[0], columns[-1], len(columns)) == (0, 3540, 8)
    assert {(b - a) // 60 for a, b in pairwise(columns)} <= {8, 9}


def test_columns_are_chosen_where_pictures_change_rather_than_where_packets_come() -> None:
    waiting = [Change(60.0 * k, 0, False) for k in range(1, 40)]
    changing = [Change(6000.0 + 60 * k, 3, k == 0) for k in range(6)]
    assert [time_s for time_s in pick_columns(waiting + changing, 60, 600) if time_s >= 6000] == [
        change.time_s for change in changing
    ]


def test_a_pass_every_hundred_minutes_gets_a_column_at_its_end() -> None:
    passes = [[6000.0 * n + 60 * k for k in range(5)] for n in range(4)]
    columns = pick_columns(packets(*(time_s for each in passes for time_s in each)), 60, 600)
    assert len(columns) == 8
    assert {each[-1] for each in passes} <= set(columns)


def test_of_twenty_passes_eight_are_shown_the_first_and_the_last_among_them() -> None:
    columns = pick_columns(packets(*(6000.0 * n + 60 * k for n in range(20) for k in range(2))), 60, 600)
    assert len(columns) == 8
    assert (columns[0], columns[-1]) == (60.0, 114060.0)
    assert all(time_s % 6000 == 60 for time_s in columns)


def test_first_pictures_of_more_schemes_than_columns_are_shown_as_far_as_columns_go() -> None:
    columns = pick_columns([Change(60.0 * k, 1, True) for k in range(30)], 60, 600)
    assert (columns[0], columns[-1], len(columns)) == (0.0, 1740.0, 8)


def test_a_filmstrip_of_two_paces_has_both_first_pictures(tmp_path: Path) -> None:
    fast: Story = (9, [(4.0 * k, k, 0.5 - k / 50) for k in range(1, 10)])
    slow: Story = (3, [(8.5, 1, 0.4), (68.5, 2, 0.3), (128.5, 3, 0.2)])
    folder = write_folder(tmp_path / "run", {"fast": fast, "slow": slow})
    summary = json.loads((folder / "summary.json").read_text())
    for name, interval_s in (("fast", 4.0), ("slow", 60.0)):
        summary["schemes"][name]["link"] = {"preset": None, "packet_bytes": 340, "interval_s": interval_s}
    columns = columns_of(read_tracks(folder, summary, "lpips-squeeze"), summary)
    assert {4.0, 8.5, 128.5} <= set(columns)
    assert len(columns) == 8


@pytest.mark.parametrize(
    ("end_s", "unit", "ticks"),
    [
        (7200, "minutes", [0, 20, 40, 60, 80, 100, 120]),
        (7260, "hours", [0, 0.5, 1, 1.5, 2]),
        (86400, "hours", [0, 3, 6, 9, 12, 15, 18, 21, 24]),
        (345600, "hours", [0, 12, 24, 36, 48, 60, 72, 84, 96]),
        (518400, "days", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_time_is_told_in_minutes_up_to_two_hours_and_in_days_beyond_four(end_s: float, unit: str, ticks: Any) -> None:
    unit_s, name = time_unit(end_s)
    assert name == unit
    assert [tick for tick in time_ticks(end_s).tick_values(0, end_s / unit_s) if 0 <= tick <= end_s / unit_s] == ticks
