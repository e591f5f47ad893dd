"""Tables: what stands in which cell, on the terminal and in Markdown."""

import csv
import io

from measurements import curves, row
from rich.console import Console

from codec.evaluation.rates import RdPoint, bd_rates, make_points
from codec.evaluation.rows import in_csv
from codec.evaluation.tables import bd_sheets, in_markdown, point_sheets
from satsim.commands.evaluation import for_terminal


def points():
    rows = curves("psnr", anchor=[(0.1, 20), (0.4, 30)], codec=[(0.05, 20), (0.2, 30)], far=[(0.1, 1), (0.2, 2)])
    return make_points(
        [each._replace(parameters=9750000, gflops=7.5) if each.codec == "codec" else each for each in rows]
    )


def test_a_line_a_codec_and_rate():
    [sheet] = point_sheets(points())
    assert sheet.headings == ["codec", "rate", "bytes", "bpp", "psnr ↑", "encode ms", "decode ms"]
    assert sheet.lines[0] == ["anchor", "1", "819", "0.1000", "20.0000", "100", "200"]
    assert len(sheet.lines) == 6
    assert "1 thread of torch" in sheet.title


def test_pictures_that_show_nothing_are_counted_in_the_cell():
    rows = [row(image="one", value=None), row(image="two", value=20.0)]
    [sheet] = point_sheets(make_points(rows))
    assert sheet.lines[0][4] == "20.0000 (1 none)"


def test_the_cost_and_the_rate_against_the_anchor():
    [sheet] = bd_sheets(points(), bd_rates(points(), "anchor"))
    assert sheet.lines == [
        ["anchor", "–", "–", "100", "200", "anchor"],
        ["codec", "9.75", "7.50", "100", "200", "-50.0 % [100%]"],
        ["far", "–", "–", "100", "200", "no overlap: always worse than the anchor"],
    ]


def test_the_terminal_and_markdown_show_every_cell_as_it_is():
    [sheet] = bd_sheets(points(), bd_rates(points(), "anchor"))
    console = Console(width=200, file=io.StringIO())
    console.print(for_terminal(sheet))
    assert "-50.0 % [100%]" in console.file.getvalue(), "brackets are no markup"
    assert "| codec | 9.75 | 7.50 | 100 | 200 | -50.0 % [100%] |" in in_markdown(sheet).splitlines()


def test_csv_has_the_columns_of_a_point():
    content = in_csv(RdPoint._fields, points()).decode()
    [first, *_] = csv.DictReader(io.StringIO(content))
    assert (first["codec"], first["bpp"], first["value"], first["parameters"]) == ("anchor", "0.1", "20.0", "")


def test_a_metric_that_a_codec_was_not_scored_by_is_a_dash():
    rows = [*curves("psnr", anchor=[(0.1, 20), (0.4, 30)]), *curves("ms-ssim", codec=[(0.1, 0.8), (0.4, 0.9)])]
    mixed = make_points(rows)
    [sheet] = point_sheets(mixed)
    assert sheet.lines[0][4:6] == ["20.0000", "–"]
    [sheet] = bd_sheets(mixed, bd_rates(mixed, "anchor"))
    assert sheet.lines[1][5:] == ["–", "a curve needs 2 points; anchor has 0"]


def test_a_rate_over_few_shared_qualities_is_refused():
    # Qualities 20 to 30 and 28 to 38: 2 of 18 shared.
    mixed = make_points(curves("psnr", anchor=[(0.1, 20), (0.4, 30)], codec=[(0.1, 28), (0.4, 38)]))
    [sheet] = bd_sheets(mixed, bd_rates(mixed, "anchor"))
    assert sheet.lines[1][5] == "refused: both reach only 11% of the qualities, under 20%"


def test_means_and_rates_tell_their_intervals():
    rows = [
        each._replace(image=name, value=each.value + up)
        for name, up in (("one", 0.0), ("two", 1.0))
        for each in curves("psnr", anchor=[(0.1, 20), (0.4, 30)], codec=[(0.05, 20), (0.2, 30)])
    ]
    points = make_points(rows)
    [sheet] = point_sheets(points)
    assert sheet.lines[0][4] == "20.5000 ±0.5000", "two photos: the mean of 95 % of the draws is 20, 20.5 or 21"
    [sheet] = bd_sheets(points, bd_rates(points, "anchor", rows))
    assert sheet.lines[1][5] == "-50.0 % (-50.0 to -50.0) [100%]", "in pairs: half the bytes on whatever photos"
