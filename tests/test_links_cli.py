"""`satsim links`: the table, one service in full, the page in docs, and what a photo needs on each link."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codec.progic.layout import make_cut
from satsim.commands.links import links, page
from satsim.links.estimates import first_contact_s, photo_on
from satsim.links.linkspec import Cost, LinkSpec
from satsim.links.presets import link_presets
from satsim.links.words import in_one_line, latency_words, loss_words, photo_words, unit_of

REPO = Path(__file__).resolve().parent.parent
NAMES = list(link_presets())


def satsim(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", "from satsim.commands.main import main; main()", *arguments],
        cwd=REPO, env=os.environ | environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def spec(**keys):
    return LinkSpec.model_validate(keys)


def test_the_page_in_docs_is_what_the_command_prints():
    done = satsim("links", "--markdown")
    assert done.returncode == 0
    assert done.stdout == (REPO / "docs" / "links.md").read_text(encoding="utf-8")


def test_the_page_holds_every_service_once_in_its_table():
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == NAMES
    assert {row.count(" | ") for row in rows} == {8}


def test_the_table_fits_120_columns_without_colour_and_names_every_service_whole():
    done = satsim("links", COLUMNS="40", NO_COLOR="1")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert all(f" {name} " in done.stdout for name in NAMES)


def test_one_service_is_explained_with_basis_source_fit_time_and_price():
    done = satsim("links", "sbd_9603_open")
    for words in (
        "0.0076530612", "s/B", "published [1]", "[1] PX4", "fits in one message", "5 messages of 340 bytes",
        "about 2.79 min", "5.60 USD", "Not captured: ",
    ):  # fmt: skip
        assert words in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_service_can_be_explained(name, capsys):
    links(name)
    shown = capsys.readouterr().out
    assert shown.startswith(name)
    assert all(line in shown.replace("\n", " ") for line in photo_words(spec(preset=name)))


def test_an_unknown_name_is_one_line_with_the_nearest_and_exit_code_2():
    done = satsim("links", "iridium_sbd_9603")
    assert done.returncode == 2
    assert done.stderr.startswith("error: 'iridium_sbd_9603' is no link preset; ")
    assert done.stderr.count("\n") == 1
    assert "did you mean bds2_civil?" in satsim("links", "bds2_civl").stderr


@pytest.mark.parametrize("payload_bytes", [2, 320, 340, 640, 1599, 1600, 6380])
def test_the_cut_is_that_of_the_codec(payload_bytes):
    photo = photo_on(spec(packet_bytes=20 + payload_bytes))
    plan = make_cut(5, 256, 10, payload_bytes)
    assert (photo.messages_per_stage, photo.stages_per_message) == (plan.payloads_per_stage, plan.stages_per_payload)
    assert photo.message_bytes == 20 + -(-plan.indices * 10 // 8)
    assert photo.messages == 5 * plan.payloads_per_stage // plan.stages_per_payload


@pytest.mark.parametrize(("packet_bytes", "header_bytes"), [(31, 12), (70, 12), (339, 12), (340, 20), (25, 20)])
def test_small_messages_have_a_compact_header_unless_a_photo_takes_too_many(packet_bytes, header_bytes):
    photo = photo_on(spec(packet_bytes=packet_bytes))
    plan = make_cut(5, 256, 10, packet_bytes - header_bytes)
    assert photo.header_bytes == header_bytes
    assert photo.messages == 5 * plan.payloads_per_stage
    assert photo.message_bytes == header_bytes + -(-plan.indices * 10 // 8)
    assert f"{header_bytes} are the header" in photo_words(spec(packet_bytes=packet_bytes))[0]


def test_one_byte_of_payload_holds_no_index():
    assert photo_on(spec(packet_bytes=21)) is None
    assert "too few" in photo_words(spec(packet_bytes=21))[0]


def test_five_stages_a_minute_apart_with_no_delay_take_four_minutes():
    assert photo_on(spec(preset="progic_ref")).seconds == 240


def test_five_stages_on_sbd_take_four_intervals_and_one_delay():
    assert photo_on(spec(preset="sbd_9603_open")).seconds == pytest.approx(4 * 40 + 5 + 340 * 15 / 1960)


def test_what_does_not_fit_one_window_goes_on_in_the_next():
    windows = {"model": "periodic", "period_s": 1000, "open_s": 100, "first_s": 200.0}
    photo = photo_on(spec(packet_bytes=360, interval_s=50, windows=windows, delay_s=7))
    assert photo.seconds == 200 + 2 * 1000 + 7  # two slots in each of the first two windows, one in the third


def test_a_random_moment_waits_half_the_gap_if_it_lies_in_the_gap():
    windows = spec(windows={"model": "periodic", "period_s": 100, "open_s": 20}).windows
    assert first_contact_s(windows) == pytest.approx(0.8 * 40)
    windows = spec(windows={"model": "renewal", "mean_open_s": 20, "mean_closed_s": 80}).windows
    assert first_contact_s(windows) == pytest.approx(0.8 * 80)
    listed = spec(windows={"model": "list", "open_s": [[1, 2]]})
    assert first_contact_s(listed.windows) is None
    assert photo_on(listed).seconds is None


def test_large_messages_take_the_median_of_large_ones():
    delay = {"model": "lognormal", "median_s": 10, "p90_s": 20}
    larger = [{"from_bytes": 300, "median_s": 70, "p90_s": 80}]
    assert photo_on(spec(interval_s=1, delay=delay)).seconds == 14
    assert photo_on(spec(interval_s=1, delay={**delay, "larger": larger})).seconds == 74


def test_latency_and_loss_in_words():
    assert latency_words(spec(preset="imt_9704")) == "10 to 120 s by size"
    assert latency_words(spec()) == "0 s"
    assert latency_words(spec(preset="apple_sos")) == "15 s + median 15 s, 9 of 10 in 1 min"
    assert loss_words(spec(preset="globalstar_simplex")) == "20 % of each of 3 copies"
    assert loss_words(spec(preset="stress_heavy")) == "20 %, bad runs of 5"
    assert loss_words(spec(loss_ratio=0.1, loss={"model": "trace", "path": "a.csv"})) == "10 %; by trace"


def test_only_what_rests_on_an_assumed_number_is_marked():
    assert in_one_line("bds2_civil") == ("bds2_civil", "70", "1 min~", "always", "3.8 s", "4.5 %", "none")


@pytest.mark.parametrize(
    ("field", "unit"),
    [("delay_s_per_byte", "s/B"), ("loss.mean_good_s", "s"), ("packet_bytes", "B"), ("loss.loss_bad", "share"),
     ("ack.false_negative_ratio", "share"), ("cost.price_per_credit", "EUR"), ("ack.kind", ""), ("copies.count", "")],
)  # fmt: skip
def test_names_tell_units(field, unit):
    assert unit_of(field, Cost(currency="EUR")) == unit
