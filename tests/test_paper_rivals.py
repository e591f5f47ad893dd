"""Rivals of the paper: named as it names them, measured where they are at hand, else said to be missing; and curves."""

from pathlib import Path

import pytest
from measurements import row

from codec.evaluation.published import PublishedCurve, published_curves
from codec.evaluation.rate_plots import near
from codec.paper.plots import latency, rate_curves
from codec.paper.quality import bd_row, measured_curves, rate_picture, reach_of, scores
from codec.paper.result import Asked
from codec.paper.theirs import number, table
from codec.paper.theirs.published import published_lines, undrawn
from codec.paper.theirs.rivals import not_measured, paper_name, shown_name, unmeasured

ILLM = "external:encode=/opt/bin/python rivals/msillm.py encode {input} {output} {quality},decode=x,qualities=[0.1]"
ASKED = Asked(Path("out"), rivals=(ILLM,))
OURS = "progic:model=small"


@pytest.mark.parametrize(
    ("label", "theirs", "shown"),
    [
        (ILLM, "MS-ILLM", "MS-ILLM"),
        (ILLM.replace("encode {", "encode --weights random {"), "", "msillm"),
        ('external:encode=["/usr/bin/cjxl", "{input}"],decode=x', "", "cjxl"),
        ("external:encode=python /home/me/other.py {input},decode=x", "", "other"),
        ("progic:model=nano", "", "progic:model=nano"),
    ],
)
def test_a_rival_is_named_by_the_adapter_that_it_calls(label, theirs, shown):
    assert (paper_name(label), shown_name(label)) == (theirs, shown)


def test_every_rival_of_the_papers_tables_that_was_not_measured_is_told_with_what_it_takes():
    theirs = {name for name in table("table1")["rows"] if not name.startswith("ProGIC")}
    lines = {line.partition(" was not measured: ")[0]: line for line in not_measured([])}
    assert set(lines) == theirs
    assert "rivals/msillm.py takes the package neuralcompression, and from https://dl.fba" in lines["MS-ILLM"]
    assert all("API" not in line and "\n" not in line and line.endswith(".") for line in lines.values())
    assert [line for line in not_measured([]) if line not in not_measured([ILLM])] == [lines["MS-ILLM"]]
    assert unmeasured([ILLM])[0].startswith("VTM-23.10, LIC-HPCM, DCVC-RT, HiFiC, DiffEIC, Control-GIC, OSCAR of the")


def measured(metric, **curves):
    """Rows of three photos, all alike."""
    named = {"ours": OURS, "vvc": "vvc", "illm": ILLM}
    return [
        row(named[name], k, bpp, value, metric, image, dataset="kodak-whole", width=768, height=512)
        for name, points in curves.items()
        for k, (bpp, value) in enumerate(points, 1)
        for image in ("a.png", "b.png", "c.png")
    ]


def test_a_measured_rival_is_an_anchor_beside_the_papers_own_number_against_it():
    pytest.importorskip("bjontegaard")
    curve = [(0.1, 0.4), (0.2, 0.3), (0.4, 0.2)]
    rows = measured("lpips-squeeze", ours=[(bpp / 2, value) for bpp, value in curve], illm=curve, vvc=curve)
    found = bd_row(ASKED, rows, "kodak", "lpips-vgg", "table1", ILLM)
    assert found.ours == pytest.approx(-50)
    assert found.theirs == pytest.approx(number("table1", "ProGIC-s", "kodak").value)  # MS-ILLM is at 0 there
    assert found.what == "kodak: BD-rate of ProGIC-s against MS-ILLM by LPIPS (VGG-16)"
    against_vvc = bd_row(ASKED, rows, "kodak", "lpips-vgg", "table1", "vvc")
    assert against_vvc.theirs == pytest.approx(100 * ((1 - 0.5273) / (1 + 3.1384) - 1))


def test_curves_of_others_are_named_as_published_within_the_rates_measured_and_their_files_in_the_caption():
    rows = measured("psnr", ours=[(0.04, 22), (0.2, 25)], illm=[(0.05, 23), (0.5, 28)])
    found = scores(rows, "psnr")
    theirs = near([each for each in published_curves("kodak-whole") if each.metric == "psnr"], *reach_of(found))
    assert all(0.04 / 1.15 <= bpp <= 0.5 * 1.15 for each in theirs for bpp, _ in each.points)
    lines = measured_curves(ASKED, found) + published_lines(theirs)
    assert [each.label for each in lines[:2]] == ["ProGIC-s (ours)", "MS-ILLM"]
    assert "MS-ILLM (published)" in [each.label for each in lines if each.published]
    picture = rate_picture("kodak", rows, {"psnr": lines}, theirs)
    assert "over 3 photos of kodak, 768x512 pixels" in picture.caption
    assert "MS-ILLM from NeuralCompression, projects/illm/results.csv" in picture.caption
    assert "published" not in rate_picture("kodak", rows, {"psnr": lines[:2]}, []).caption


def test_what_is_published_of_another_measure_is_said_not_to_be_drawn():
    published = [PublishedCurve("MS-ILLM", "a/b", metric, [(0.1, 0.2)], "MS-ILLM") for metric in ("dists", "lpips")]
    assert undrawn(published, "dists", "dists", "kodak") == []
    assert "published DISTS (MS-ILLM) is not drawn" in undrawn(published, "dists", "dists-lite", "kodak")[0]
    assert "do not tell its network" in undrawn(published, "lpips-vgg", "lpips-vgg", "kodak")[0]


def test_pictures_are_the_same_for_the_same_numbers():
    lines = published_lines([PublishedCurve("MS-ILLM", "a/b", "psnr", [(0.1, 25.0), (0.2, 27.0)])])
    lines += measured_curves(ASKED, scores(measured("psnr", ours=[(0.04, 22), (0.2, 25)]), "psnr"))
    sides = {"here": ({"ProGIC-s": (8.0, -40.0), "VVC": (80.0, 0.0)}, "BD-rate, %")}
    for draw in (
        lambda: rate_curves({"psnr": lines}, "Title", "Below it. " * 30),
        lambda: latency(sides, "T", "u", "P"),
    ):
        first = draw()
        assert first.startswith(b"\x89PNG")
        assert draw() == first


def test_a_rival_that_is_none_ends_the_command_before_anything_is_written(tmp_path, in_process):
    wrong = in_process("paper", "fig5", "--rival", "external:encode=x", "--out", str(tmp_path / "out"))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: ")
    assert not (tmp_path / "out").exists()
