"""Figures of sweeps, drawn from small folders whose numbers come from a formula."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import FillBetweenPolyCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from satsim.figures.look import STYLE
from satsim.figures.sweep.bands import final_bands, share_bands, time_bands
from satsim.figures.sweep.curves import intervals, open_ended, y_limits
from satsim.figures.sweep.data import Axis, read_sweep
from satsim.figures.sweep.distributions import class_names, class_shares, distribution
from satsim.figures.sweep.draw import draw_sweep, drawings, left_out
from satsim.figures.sweep.heat_maps import COLOURS, FEW, heat_map, late_words, share_words
from satsim.figures.sweep.panels import Drawing, pick, plan_ticks
from satsim.figures.sweep.quantities import Quantity, first_image, times_to
from satsim.figures.sweep.win_maps import judge, win_map
from satsim.sweep.grid import axis_words

Floats = npt.NDArray[np.float64]
METRICS: dict[str, dict[str, Any]] = {
    "dists-lite": {"label": "DISTS-lite (ours)", "unit": "", "higher_is_better": False},
    "psnr": {"label": "PSNR", "unit": "dB", "higher_is_better": True},
}
LEVELS = {"dists-lite": [0.3, 0.2, 0.15], "psnr": [24.0, 28.0]}
LABELS = {"link.loss_ratio": "share of packets lost", "link.interval_s": "seconds from packet to packet"}
QUANTITY = Quantity("first_image_s", "Time", "Time", "a picture", False, True)
Scheme = tuple[int, bool, float]
"""Packets, whether its picture builds up with them, and how good it is: 1 is good, more is worse."""
SIX: dict[str, Scheme] = {
    "ProGIC progressive": (5, True, 1.0),
    "ProGIC whole, 1 packet": (1, False, 2.0),
    "ProGIC whole, 5 packets": (5, False, 1.0),
    "AVIF whole, 1 packet": (1, False, 3.4),
    "AVIF whole, 5 packets": (5, False, 1.4),
    "JPEG 2000 progressive": (5, True, 1.9),
}
LOSS = {"link.loss_ratio": [round(0.05 * k, 2) for k in range(9)]}
INTERVAL = {"link.interval_s": [10, 30, 60]}
SPEED = {"short burst": 10.0, "iridium_sbd": 30.0, "beidou_3": 60.0, "sbd_9603_canopy": 90.0}
COPIES = {"once": 1, "repeat": 100, "arq": 100}


def show(setting: Mapping[str, Any], scheme: Scheme, luck: Floats, duration_s: float) -> dict[str, Floats]:
    """A run a row of `luck`: packets go out in turn, again and again; one whose luck is below the loss is lost.

    A picture of n packets of which h are there scores 0.09 times the scheme's badness, and 0.75 to the minus (n - h);
    in dB it is 30 less 2 for each missing packet and 4 for each point of badness.
    """
    packets, builds_up, badness = scheme
    loss = float(setting.get("link.loss_ratio", 0.2))
    interval_s = float(setting.get("link.interval_s", SPEED.get(str(setting.get("link")), 60.0)))
    most = packets * COPIES.get(str(setting.get("schemes.*.transport")), 3)
    sent_s = np.arange(min(most, luck.shape[1])) * interval_s
    came = (luck[:, : len(sent_s)] >= loss) & (sent_s + 5 < duration_s)
    arrivals = np.full((len(luck), packets), np.nan)
    for k in range(packets):
        mine = came[:, k::packets]
        first = np.where(mine.any(axis=1), mine.argmax(axis=1), -1)
        arrivals[:, k] = np.where(first >= 0, 5 + interval_s * (k + packets * first), np.nan)
    held_s = np.sort(arrivals, axis=1)  # NaN comes last
    if not builds_up:
        held_s[:, :-1] = np.nan
    scores = {
        "dists-lite": np.array([0.09 * badness * 0.75 ** -(packets - h - 1) for h in range(packets)]),
        "psnr": np.array([30.0 - 2 * (packets - h - 1) - 4 * badness for h in range(packets)]),
    }

    def at(moment_s: float, metric: str) -> Floats:
        held = (held_s <= moment_s).sum(axis=1) if builds_up else packets * (held_s[:, -1] <= moment_s)
        return np.where(held > 0, scores[metric][held - 1], np.nan)

    columns = {"first_image_s": held_s[:, 0] if builds_up else held_s[:, -1]}
    for metric, info in METRICS.items():
        sign = 1 if info["higher_is_better"] else -1
        columns[f"final_{metric}"] = at(duration_s, metric)
        for level in LEVELS[metric]:
            good = np.flatnonzero(sign * scores[metric] >= sign * level)
            columns[f"time_to_{metric}_{level:g}_s"] = held_s[:, good[0]] if len(good) else np.full(len(luck), np.nan)
            if len(good) and not builds_up:
                columns[f"time_to_{metric}_{level:g}_s"] = held_s[:, -1]
        for moment_s in (60.0, 180.0):
            columns[f"{metric}_at_{moment_s:g}_s"] = at(moment_s, metric)
    return columns


def estimate(values: Floats, p: float, higher_is_better: bool) -> tuple[float, float, float]:
    """The value that a share p of the runs is at least as good as, and a 95% interval by normal ranks; NaN is worst."""
    bad = np.sort(np.where(np.isnan(values), np.inf, -values if higher_is_better else values))
    n = len(bad)
    half = 1.96 * math.sqrt(n * p * (1 - p))
    ranks = [math.ceil(n * p) - 1, math.floor(n * p - half) - 1, math.ceil(n * p + half) - 1]
    found = [np.nan if not 0 <= rank < n or np.isinf(bad[rank]) else float(bad[rank]) for rank in ranks]
    value, near, far = (-v for v in found) if higher_is_better else found
    if n == 1:
        near = far = np.nan
    return (value, far, near) if higher_is_better else (value, near, far)


def share_of(values: Floats) -> tuple[float, float, float]:
    """The share that is not NaN, and a 95% interval by the normal approximation."""
    share, n = float((~np.isnan(values)).mean()), len(values)
    half = 1.96 * math.sqrt(share * (1 - share) / n)
    return share, max(0.0, share - half), min(1.0, share + half)


def write_sweep(
    folder: Path,
    schemes: Mapping[str, Scheme],
    axes: Mapping[str, Sequence[Any]],
    replications: int = 200,
    duration_s: float = 420.0,
    metrics: Sequence[str] = ("dists-lite",),
    notices: Sequence[str] = (),
    **more: Any,
) -> Path:
    """A sweep's folder; every scheme and point has the same luck. `more` goes into the manifest."""
    folder.mkdir(parents=True)
    manifest: dict[str, Any] = {
        "name": "fire",
        "title": "A forest fire over a 360-byte-a-minute satellite link",
        "duration_s": duration_s,
        "image": {"width": 256, "height": 256},
        "schemes": list(schemes),
        "axes": [
            {"key": key, "label": LABELS.get(key, key.split(".")[-1]), "values": list(values),
             "labels": [f"{value:g}" if isinstance(value, float) else str(value) for value in values]}
            for key, values in axes.items()
        ],
        "replications": replications,
        "seed": 1,
        "metrics": {metric: METRICS[metric] for metric in metrics},
        "levels": {metric: LEVELS[metric] for metric in metrics},
        "moments_s": [60.0, 180.0],
        "notices": list(notices),
        "scenario": {"link": {"preset": None, "interval_s": 60.0, "loss_ratio": 0.2}, "senders": {"count": 1}},
        **more,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    luck = np.random.default_rng(1).random((replications, 120))
    runs: list[pa.Table] = []
    tidy: list[dict[str, Any]] = []
    for point, values in enumerate(product(*axes.values())):
        setting = dict(zip(axes, values, strict=True))
        for name, scheme in schemes.items():
            columns = show(setting, scheme, luck, duration_s)
            columns = {c: v for c, v in columns.items() if c == "first_image_s" or any(m in c for m in metrics)}
            fixed = {"point": point, **setting, "scheme": name}
            nulls = {c: pa.array(v, from_pandas=True) for c, v in columns.items()}
            same = {key: pa.array([value] * replications) for key, value in fixed.items()}
            runs.append(pa.table({**same, "replication": pa.array(range(replications)), **nulls}))
            for column, each in columns.items():
                higher = column in ("final_psnr",)
                if "_at_" not in column:
                    for p in (0.05, 0.5, 0.95):
                        row = estimate(each, p, higher)
                        tidy.append(fixed | numbers(column, "certainty", p, row, replications))
                if column == "first_image_s" or column.startswith("time_to"):
                    tidy.append(fixed | numbers(column, "share", None, share_of(each), replications))
    pq.write_table(pa.concat_tables(runs), folder / "runs.parquet")
    pq.write_table(pa.Table.from_pylist(tidy), folder / "quantiles.parquet")
    return folder


def numbers(quantity: str, statistic: str, p: float | None, row: Sequence[float], runs: int) -> dict[str, Any]:
    """The last columns of a row of the tidy table."""
    value, low, high = (None if math.isnan(v) else v for v in row)
    return {"quantity": quantity, "statistic": statistic, "certainty": p, "value": value, "low": low, "high": high,
            "runs": runs}  # fmt: skip


@pytest.fixture(scope="module")
def fire(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three schemes, three losses, two intervals."""
    few = {name: SIX[name] for name in ("ProGIC progressive", "ProGIC whole, 5 packets", "AVIF whole, 1 packet")}
    axes = {"link.loss_ratio": [0.0, 0.2, 0.4], "link.interval_s": [10, 60]}
    return write_sweep(tmp_path_factory.mktemp("sweep") / "fire", few, axes, metrics=("dists-lite", "psnr"))


def cells(drawing: Drawing) -> list[dict[str, Any]]:
    """The rows of a figure's data."""
    return [dict(row) for row in drawing.rows]


def texts(figure: Figure) -> list[str]:
    """All that is written in it, each text on one line, its layout done."""
    with matplotlib.rc_context(STYLE):
        FigureCanvasAgg(figure).draw()
    return [" ".join(text.get_text().split()) for text in figure.findobj(Text) if text.get_text()]


def tidy_rows(folder: Path, quantity: str, statistic: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Value, low and high of a quantity, by loss, interval and scheme, straight from the table."""
    rows = pq.read_table(folder / "quantiles.parquet").to_pylist()
    return {
        (str(r["link.loss_ratio"]), str(r["link.interval_s"]), r["scheme"]): (r["value"], r["low"], r["high"])
        for r in rows
        if r["quantity"] == quantity and r["statistic"] == statistic and r["certainty"] in (0.95, None)
    }


def test_every_figure_is_a_picture_with_its_data_beside_it(fire: Path) -> None:
    names = draw_sweep(fire)
    assert names == [
        "heat_first_image_s.png",
        "heat_time_to_dists-lite_0.3_s.png",
        "heat_time_to_dists-lite_0.2_s.png",
        "heat_time_to_dists-lite_0.15_s.png",
        "bands_times.png",
        "bands_shares.png",
        "bands_final_dists-lite.png",
        "wins_dists-lite.png",
        "quality_dists-lite_at_60_s.png",
        "quality_dists-lite_at_180_s.png",
        "bands_final_psnr.png",
        "wins_psnr.png",
        "quality_psnr_at_60_s.png",
        "quality_psnr_at_180_s.png",
    ]
    assert {path.name for path in fire.glob("*.png")} == set(names)
    assert {path.stem for path in fire.glob("*.csv")} == {path.stem for path in fire.glob("*.png")}
    assert left_out(fire) == []


def test_drawing_twice_gives_the_same_bytes(fire: Path) -> None:
    sweep = read_sweep(fire)
    files: list[list[bytes]] = []
    for _ in range(2):
        heat_map(sweep, sweep.cuts()[0], first_image(sweep)).save(sweep)
        files.append([path.read_bytes() for path in sorted(fire.glob("heat_first_image_s.*"))])
    assert files[0] == files[1]


def test_a_heat_map_shows_what_the_table_holds(fire: Path) -> None:
    sweep = read_sweep(fire)
    drawing = heat_map(sweep, sweep.cuts()[0], times_to(sweep, "dists-lite")[0])
    expected = tidy_rows(fire, "time_to_dists-lite_0.3_s", "certainty")
    drawn = cells(drawing)
    assert len(drawn) == len(expected) == 3 * 2 * 3
    for row in drawn:
        value, low, high = expected[row["link.loss_ratio"], row["link.interval_s"], row["scheme"]]
        for name, known in (("value", value), ("low", low), ("high", high)):
            assert row[name] == known if known is not None else math.isnan(row[name])
    drawing.save(sweep)
    with (fire / f"{drawing.name}.csv").open(newline="", encoding="utf-8") as file:
        saved = list(csv.DictReader(file))
    assert [row["written"] for row in saved] == [row["written"] for row in drawn]
    assert [row["value"] == "" for row in saved] == [math.isnan(row["value"]) for row in drawn]


def test_without_loss_five_packets_ten_seconds_apart_are_there_after_45_seconds(fire: Path) -> None:
    sweep = read_sweep(fire)
    drawing = heat_map(sweep, sweep.cuts()[0], first_image(sweep))
    setting = {"link.loss_ratio": "0.0", "link.interval_s": "10", "scheme": "ProGIC whole, 5 packets"}
    (cell,) = [row for row in cells(drawing) if setting.items() <= row.items()]
    assert cell["written"] == "0:45"
    assert "0:45" in texts(drawing.figure)


def test_a_time_that_no_run_reaches_is_never_and_one_that_few_reach_is_their_share(fire: Path) -> None:
    sweep = read_sweep(fire)
    shares = tidy_rows(fire, "time_to_dists-lite_0.3_s", "share")
    drawing = heat_map(sweep, sweep.cuts()[0], times_to(sweep, "dists-lite")[0])
    late = [row for row in cells(drawing) if math.isnan(row["value"])]
    never = [row for row in late if row["written"] == "never"]
    assert {row["scheme"] for row in never} == {"AVIF whole, 1 packet"}  # its only score is 0.306
    assert len(never) == 6
    for row in late:
        share = shares[row["link.loss_ratio"], row["link.interval_s"], row["scheme"]][0]
        assert row["written"] == ("never" if share == 0 else f"in {share_words(share)}")
    hatched = [c for c in drawing.figure.findobj(PolyCollection) if c.get_hatch()]
    assert sum(len(c.get_paths()) for c in hatched) == len(never)
    written = texts(drawing.figure)
    assert written.count("never") == 6
    assert "fewer than 95% of runs have it within 7 min; written is the share that has it" in written
    assert {row["written"] for row in late} - {"never"} == {text for text in written if re.match(r"in \d", text)}


def test_cells_that_too_few_runs_reach_are_paler_than_any_time(fire: Path) -> None:
    sweep = read_sweep(fire)
    drawing = heat_map(sweep, sweep.cuts()[0], times_to(sweep, "dists-lite")[0])
    faces = [tuple(face) for c in drawing.figure.findobj(PolyCollection) if not c.get_hatch()
             for face in c.get_facecolor()]  # fmt: skip
    late = [row for row in drawing.rows if row["written"].startswith("in ")]
    assert faces.count(to_rgba(FEW)) == len(late) > 0
    assert all(min(to_rgba(FEW)[:3]) > sum(rgba[:3]) / 3 for rgba in COLOURS(np.linspace(0, 1, 100)))


def test_a_share_just_below_enough_does_not_read_as_enough() -> None:
    assert [late_words(share, 0.95) for share in (0.0, 0.004, 0.58, 0.9496, 0.94)] == [
        "never", "in <1%", "in 58%", "in 94%", "in 94%",
    ]  # fmt: skip


def test_shares_are_not_rounded_to_none_or_all() -> None:
    assert [share_words(share) for share in (0.0, 0.001, 0.456, 0.999, 1.0)] == ["never", "<1%", "46%", "99%", "100%"]


def test_the_best_is_the_one_with_the_best_value_and_overlap_is_a_tie() -> None:
    def verdict(rows: Sequence[tuple[float, float, float]], higher: bool = False) -> tuple[int | None, tuple[int, ...]]:
        value, low, high = np.array(rows, np.float64).T
        found = judge(value, low, high, higher)
        return found.best, found.tied

    nan = math.nan
    assert verdict([(30, 29, 31), (20, 19, 21)]) == (1, (1,))
    assert verdict([(30, 21, 31), (20, 19, 21)]) == (1, (1, 0))
    assert verdict([(30, 29, 31), (20, 19, 21)], higher=True) == (0, (0,))
    assert verdict([(30, 25, 31), (26, 24, 27)], higher=True) == (0, (0, 1))
    assert verdict([(nan, nan, nan), (20, 19, nan)]) == (1, (1,))  # the first never gets there, whatever the truth is
    assert verdict([(nan, 40, nan), (20, 19, nan)]) == (1, (1, 0))  # both may come at any time after 40
    assert verdict([(nan, nan, 18), (20, 19, 21)], higher=True) == (1, (1,))
    assert verdict([(nan, nan, 18), (20, nan, 21)], higher=True) == (1, (1, 0))  # either may have nothing to show
    assert verdict([(nan, nan, nan), (nan, nan, nan)]) == (None, ())
    assert verdict([(5, nan, nan), (5, nan, nan), (6, nan, nan)]) == (0, (0, 1))  # one run each: no intervals


def test_a_win_map_marks_winners_ties_and_cells_where_none_gets_there(fire: Path) -> None:
    sweep = read_sweep(fire)
    drawing = win_map(sweep, sweep.cuts()[0], "dists-lite")
    found = {(r["quantity"], r["link.loss_ratio"], r["link.interval_s"]): r for r in cells(drawing)}
    assert len(found) == (1 + 3 + 1) * 6
    for (quantity, loss, interval), row in found.items():
        known = {s: v for (a, b, s), v in tidy_rows(fire, quantity, "certainty").items() if (a, b) == (loss, interval)}
        values = {s: v[0] for s, v in known.items() if v[0] is not None}
        assert row["best"] == (min(values, key=lambda s: (values[s], sweep.schemes.index(s))) if values else "")
        assert row["outcome"] == ("none" if not values else "tie" if row["tied"] else "win")
    # A picture that builds up and one of a single packet begin with the same packet.
    first = found["first_image_s", "0.0", "10"]
    assert (first["outcome"], first["tied"]) == ("tie", "ProGIC progressive; AVIF whole, 1 packet")
    soon = found["time_to_dists-lite_0.3_s", "0.2", "10"]
    assert (soon["outcome"], soon["best"]) == ("win", "ProGIC progressive")
    assert found["time_to_dists-lite_0.15_s", "0.4", "60"]["outcome"] == "none"
    written = texts(drawing.figure)
    assert {"A ProGIC progressive", "B ProGIC whole, 5 packets", "C AVIF whole, 1 packet"} <= set(written)
    assert "framed: tie (a number: of so many schemes)" in written
    hatched = [c for c in drawing.figure.findobj(PolyCollection) if c.get_hatch()]
    assert sum(len(c.get_paths()) for c in hatched) == sum(row["outcome"] == "none" for row in found.values())


def test_where_higher_is_better_the_highest_wins(fire: Path) -> None:
    sweep = read_sweep(fire)
    drawn = {(r["link.loss_ratio"], r["link.interval_s"]): r for r in cells(win_map(sweep, sweep.cuts()[0], "psnr"))}
    assert drawn["0.0", "10"]["quantity"] == "final_psnr"
    assert drawn["0.0", "10"]["value"] == 26  # 30 less 4 for a badness of 1, and nothing missing
    assert drawn["0.0", "10"]["tied"] == "ProGIC progressive; ProGIC whole, 5 packets"


def test_bands_show_value_and_interval_of_every_point(fire: Path) -> None:
    sweep = read_sweep(fire)
    cut = sweep.cuts()[0]
    for drawing, statistic in ((time_bands(sweep, cut, ["dists-lite"]), "certainty"),
                               (share_bands(sweep, cut, ["dists-lite"]), "share"),
                               (final_bands(sweep, cut, "psnr"), "certainty")):  # fmt: skip
        drawn = cells(drawing)
        quantities = {row["quantity"] for row in drawn}
        assert len(drawn) == 18 * len(quantities)
        for row in drawn:
            known = tidy_rows(fire, row["quantity"], statistic)
            for name, value in zip(("value", "low", "high"), known[row["link.loss_ratio"], row["link.interval_s"],
                                   row["scheme"]], strict=True):  # fmt: skip
                assert row[name] == value if value is not None else math.isnan(row[name])
        assert texts(drawing.figure)


def lines_of(drawing: Drawing) -> list[Any]:
    """The bands of a figure."""
    return [c for axes in drawing.figure.axes for c in axes.collections if isinstance(c, FillBetweenPolyCollection)]


def test_so_few_runs_that_no_value_is_bounded_have_no_bands_and_the_figure_says_so(tmp_path: Path) -> None:
    few = dict(list(SIX.items())[:2])
    drawn = {}
    for runs in (71, 72, 400):
        sweep = read_sweep(write_sweep(tmp_path / str(runs), few, LOSS, runs))
        drawing = time_bands(sweep, sweep.cuts()[0], ["dists-lite"])
        drawn[runs] = (" ".join(texts(drawing.figure)), sum(len(band.get_paths()) for band in lines_of(drawing)))
    said = "71 runs are too few to say how sure a value is that 95% of runs reach: that takes 72."
    assert said in drawn[71][0]
    assert "confidence band" not in drawn[71][0]
    assert drawn[71][1] == 0
    assert "too few" not in drawn[72][0]
    assert "95% confidence band" in drawn[400][0]
    assert drawn[400][1] > 0


def test_a_band_ends_at_the_last_point_with_an_interval_and_one_beyond_the_run_is_an_arrow() -> None:
    nan = math.nan
    part = [np.array([[v] for v in row]) for row in ((1.0, 2.0, 3.0, nan), (0.5, 1.5, 2.5, 3.0), (1.5, 2.5, nan, nan))]
    value, low, high = intervals(part, few=False)
    assert np.isnan(low[:, 0]).tolist() == np.isnan(high[:, 0]).tolist() == [False, False, True, True]
    assert value[2, 0] == 3.0
    assert open_ended(part, few=False)[:, 0].tolist() == [False, False, True, False]
    assert not open_ended(part, few=True).any()
    assert np.isnan(intervals(part, few=True)[1]).all()


def test_axes_of_shares_fit_the_curves() -> None:
    def shares(*values: float) -> tuple[float, float]:
        low, high = y_limits([np.array(values)] * 3, QUANTITY, share=True)
        return round(low, 2), round(high, 2)

    assert shares(0.85, 1.0) == (0.84, 1.01)
    assert shares(0.999, 1.0) == (0.89, 1.01)
    assert shares(0.1, 1.0) == (-0.06, 1.06)


def test_keys_of_values_and_axes_are_words_in_figures_and_themselves_in_tables(tmp_path: Path) -> None:
    axes = {"senders.schedule": ["round_robin", "first_come"], "link.loss_ratio": [0.0, 0.3]}
    sweep = read_sweep(write_sweep(tmp_path / "sweep", dict(list(SIX.items())[:2]), axes, 20))
    drawing = heat_map(sweep, sweep.cuts()[0], first_image(sweep))
    written = texts(drawing.figure)
    assert {"in turn", "who waited longest"} <= set(written)
    assert not any("round_robin" in text for text in written)
    assert {row["senders.schedule"] for row in drawing.rows} == {"round_robin", "first_come"}
    words = [axis_words(key) for key in ("link.loss_ratio", "link.loss.mean_bad_s", "schemes.*.options.budget_bytes")]
    assert words == ["share of packets lost", "link, loss, mean bad (seconds)", "budget (bytes)"]


def test_a_sweep_without_a_title_has_its_name_in_words_and_links_of_schemes_are_named(tmp_path: Path) -> None:
    link = {"preset": None, "packet_bytes": 360, "interval_s": 60.0, "loss_ratio": 0.2}
    own = {"preset": "bds3_regional", "packet_bytes": 70, "interval_s": 60.0, "loss_ratio": 0.0}
    scenario = {"link": link, "schemes": [{"link": None}, {"link": own}]}
    more: dict[str, Any] = {"title": "", "name": "who_first", "scenario": scenario}
    sweep = read_sweep(write_sweep(tmp_path / "sweep", dict(list(SIX.items())[:2]), INTERVAL, 20, **more))
    written = texts(heat_map(sweep, sweep.cuts()[0], first_image(sweep)).figure)
    assert "Who first" in written
    assert any("Links: 360 bytes, bds3_regional (70 bytes every 60 s)." in text for text in written)


def test_classes_of_quality_add_up_and_nothing_to_show_is_one_of_them(fire: Path) -> None:
    sweep = read_sweep(fire)
    drawing = distribution(sweep, sweep.cuts()[0], "dists-lite", 180.0)
    runs = pq.read_table(fire / "runs.parquet").to_pylist()
    by_bar: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in cells(drawing):
        by_bar.setdefault((row["link.loss_ratio"], row["link.interval_s"], row["scheme"]), {})[row["class"]] = row[
            "share"
        ]
    assert len(by_bar) == 18
    for bar, shares in by_bar.items():
        mine = [
            r["dists-lite_at_180_s"]
            for r in runs
            if (str(r["link.loss_ratio"]), str(r["link.interval_s"]), r["scheme"]) == bar
        ]
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["nothing to show"] == mine.count(None) / len(mine)
        assert shares["0.15 or better"] == sum(v is not None and v <= 0.15 for v in mine) / len(mine)
    assert "nothing to show" in texts(drawing.figure)


def test_a_score_at_a_level_reaches_it() -> None:
    scores = np.array([0.15, 0.16, 0.2, 0.31, math.nan])
    assert class_shares(scores, [0.2, 0.15], False) == [0.2, 0.4, 0.2, 0.2]
    assert class_names([0.2, 0.15], METRICS["dists-lite"]) == [
        "0.15 or better", "0.2 to 0.15", "worse than 0.2", "nothing to show",
    ]  # fmt: skip
    assert class_shares(np.array([28.0, 25.0, 20.0, 20.0]), [24.0, 28.0], True) == [0.25, 0.25, 0.5, 0.0]


@pytest.mark.parametrize(
    ("schemes", "axes", "replications", "figures"),
    [
        (2, {}, 20, 1),
        (1, {"link.loss_ratio": [0.0, 0.3]}, 20, 8),
        (2, {"link.loss_ratio": [0.0, 0.3]}, 1, 9),
        (6, {"link.loss_ratio": [0.99, 1.0], "link.interval_s": [10, 60]}, 20, 9),
        (2, {"link": list(SPEED), "schemes.*.transport": list(COPIES)}, 20, 9),
        (2, {"link.loss_ratio": [0.1], "link.interval_s": [10, 60]}, 20, 9),
        (1, {"link.loss_ratio": [0.0, 0.3], "link.interval_s": [1, 9], "schemes.*.transport": ["once", "arq"]}, 9, 16),
    ],
)
def test_every_shape_of_sweep_gives_the_figures_it_supports(
    tmp_path: Path, schemes: int, axes: Mapping[str, Sequence[Any]], replications: int, figures: int
) -> None:
    few = dict(list(SIX.items())[:schemes])
    drawn = list(drawings(read_sweep(write_sweep(tmp_path / "sweep", few, axes, replications, moments_s=[60.0]))))
    assert len(drawn) == figures
    assert all(drawing.rows and texts(drawing.figure) for drawing in drawn)


def test_what_is_left_out_is_told_with_the_reason(tmp_path: Path) -> None:
    alone = {"one": (1, True, 1.0)}
    assert left_out(write_sweep(tmp_path / "a", alone, {}, 2)) == ["no maps and no curves: nothing varies"]
    assert left_out(write_sweep(tmp_path / "b", alone, {"link.loss_ratio": [0.0, 0.3]}, 2, moments_s=[])) == [
        "no win maps: there is only one scheme",
        "no distributions: no moment is named",
    ]


def test_of_more_combinations_than_six_only_the_first_is_drawn_and_the_figure_says_so(tmp_path: Path) -> None:
    axes = {"link.loss_ratio": [0.0, 0.1, 0.2], "link.interval_s": [5, 10, 20], "image.path": list("abcdefg")}
    sweep = read_sweep(write_sweep(tmp_path / "sweep", {"one": (1, True, 1.0)}, axes, 5))
    assert [cut.suffix for cut in sweep.cuts()] == [""]
    written = " ".join(texts(heat_map(sweep, sweep.cuts()[0], first_image(sweep)).figure))
    assert "path: a (the first of 7 combinations" in written
    assert left_out(sweep.folder)[-1] == "only the first of 7 combinations of the other axes is drawn"


def test_a_grid_of_thirty_by_thirty_has_no_numbers_and_says_so(tmp_path: Path) -> None:
    axes = {"link.loss_ratio": [k / 100 for k in range(30)], "link.interval_s": list(range(1, 31))}
    sweep = read_sweep(write_sweep(tmp_path / "sweep", dict(list(SIX.items())[:3]), axes, 4))
    drawing = heat_map(sweep, sweep.cuts()[0], first_image(sweep))
    written = texts(drawing.figure)
    assert "0:05" not in written
    assert any("Cells are too small" in text for text in written)
    assert len(drawing.rows) == 30 * 30 * 3
    assert drawing.figure.get_size_inches()[1] < 14


def test_notices_runs_and_certainty_are_told(tmp_path: Path) -> None:
    notice = "quality is measured by DISTS-lite (ours), not DISTS: its weights are missing (mend: `satsim weights`)"
    folder = write_sweep(tmp_path / "sweep", dict(list(SIX.items())[:2]), LOSS, 1000, notices=(notice,))
    sweep = read_sweep(folder)
    written = " ".join(texts(heat_map(sweep, sweep.cuts()[0], first_image(sweep)).figure))
    assert "DISTS-lite (ours) stands in for DISTS; 1 note in notes.md" in written
    assert "`" not in written
    assert "1,000 runs of 7 min of each scheme at each point" in written
    assert "95% of runs have a picture" in written
    assert "One packet every 60 s" in written


def test_a_point_that_was_not_run_is_left_empty(fire: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes((fire / "manifest.json").read_bytes())
    for name in ("runs.parquet", "quantiles.parquet"):
        table = pq.read_table(fire / name)
        pq.write_table(table.filter(pc.not_equal(table["point"], 0)), tmp_path / name)
    sweep = read_sweep(tmp_path)
    drawing = heat_map(sweep, sweep.cuts()[0], first_image(sweep))
    empty = [row for row in drawing.rows if row["written"] == ""]
    assert [(row["link.loss_ratio"], row["link.interval_s"]) for row in empty] == [("0.0", "10")] * 3
    for other in (win_map(sweep, sweep.cuts()[0], "psnr"), distribution(sweep, sweep.cuts()[0], "psnr", 60.0)):
        assert texts(other.figure)
        assert len({(row["link.loss_ratio"], row["link.interval_s"]) for row in other.rows}) == 5


def test_values_that_are_no_plain_text_are_found_by_their_text() -> None:
    axis = Axis("link", "link", ({"preset": "iridium_sbd"}, 3), ("iridium_sbd", "3"))
    assert axis.place('{"preset": "iridium_sbd"}') == 0
    assert axis.place("iridium_sbd") == 0
    assert axis.place("3") == 1
    with pytest.raises(ValueError, match="link is 'beidou' in the table"):
        axis.place("beidou")


def test_labels_are_thinned_where_numbers_and_slanted_where_words() -> None:
    numbers_ = Axis("a", "a", tuple(range(30)), tuple(str(k) for k in range(30)))
    assert plan_ticks(numbers_, 8.0).labels[:3] == ["0", "2", "4"]
    words = Axis("b", "b", ("sbd_9603_canopy", "beidou_3"), ("sbd_9603_canopy", "beidou_3"))
    assert plan_ticks(words, 30.0).slanted
    assert not plan_ticks(words, 200.0).slanted


def test_a_handful_of_places_has_both_ends_and_the_middle() -> None:
    assert pick(9, 3) == [0, 4, 8]
    assert pick(2, 3) == [0, 1]
