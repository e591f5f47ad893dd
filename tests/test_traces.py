"""Recorded links, and what is said of a record that cannot be used."""

import re
from math import inf

import numpy as np
import pytest

from satsim.errors import LinkError
from satsim.links.linkspec import LinkSpec
from satsim.links.losses import make_loss
from satsim.links.traces import read_trace

RECORD = "sent_s,arrived_s\n100,104.5\n160,\n220,221\n"


@pytest.fixture
def record(tmp_path):
    """A function that writes a trace and returns its path."""

    def write(text):
        path = tmp_path / "trace.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def replay(path, by="message"):
    return make_loss(LinkSpec(loss={"model": "trace", "path": path, "by": by}), np.random.default_rng(1))


def test_an_empty_arrival_is_a_loss_and_the_others_are_delays(record):
    rows = read_trace(record(RECORD))
    assert [(row.lost, row.delay_s, row.sent_s) for row in rows] == [
        (False, 4.5, 100),
        (True, inf, 160),
        (False, 1, 220),
    ]


def test_by_message_row_after_row_is_replayed_round_and_round(record):
    lost = replay(record(RECORD))
    assert [lost(t) for t in (0, 1, 2, 2, 9, 9, 50)] == [False, True, False, False, True, False, False]


def test_the_delay_is_that_of_the_row_that_decided_the_loss(record):
    lost = replay(record(RECORD))
    assert [(lost(t), lost.delay_s()) for t in range(4)] == [(False, 4.5), (True, inf), (False, 1), (False, 4.5)]


def test_zeros_and_ones_are_a_record_too(record):
    lost = replay(record("lost\n0\n1\n1\n"))
    assert [lost(t) for t in range(5)] == [False, True, True, False, True]
    assert not lost.has_delays
    assert lost.delay_s() == 0


def test_by_time_the_last_row_sent_no_later_counts(record):
    # The rows lie at 0, 60 and 120 s after the first; the mean gap of 60 s after the last ends the record at 180 s.
    lost = replay(record(RECORD), by="time")
    fates = [(0, False), (59.9, False), (60, True), (119, True), (120, False), (179, False), (180, False), (240, True)]
    assert [(t, lost(t)) for t, _ in fates] == fates


def test_by_time_a_single_row_holds_always(record):
    lost = replay(record("sent_s,arrived_s\n5,\n"), by="time")
    assert [lost(0), lost(1e6)] == [True, True]


def test_spaces_blank_lines_other_columns_and_a_byte_order_mark_do_no_harm(record):
    rows = read_trace(record(b"\xef\xbb\xbfsent_s, rssi, arrived_s\r\n 1, -90, 2\r\n\r\n3,,\r\n"))
    assert [(row.lost, row.delay_s, row.line) for row in rows] == [(False, 1, 2), (True, inf, 4)]


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        ("2026-08-01T12:00:00Z", "2026-08-01T12:00:04.5Z"),
        ("2026-08-01T14:00:00+02:00", "2026-08-01 12:00:04.500"),
        ("26-08-01 12:00:00", "2026-08-01T12:00:04.5"),
    ],
)
def test_times_may_be_dates_of_which_those_without_a_zone_are_in_utc(record, sent, arrived):
    first, second = read_trace(record(f"sent_s,arrived_s\n{sent},{arrived}\n2026-08-02,\n"))
    assert (first.lost, first.delay_s, first.sent_s) == (False, 4.5, 1785585600)
    assert (second.lost, second.sent_s) == (True, 1785585600 + 12 * 3600)


def test_by_time_dates_are_a_clock_too(record):
    rows = "".join(f"26-08-01 23:{minute}:00,{arrived}\n" for minute, arrived in ((58, ""), (59, "26-08-01 23:59:09")))
    lost = replay(record(f"sent_s,arrived_s\n{rows}"), by="time")
    assert [(lost(t), lost.delay_s()) for t in (0, 59.9, 60, 119, 120)] == [
        (True, inf),
        (True, inf),
        (False, 9),
        (False, 9),
        (True, inf),
    ]


def test_clocks_that_are_put_back_or_lie_elsewhere_do_not_turn_time_back(record):
    # On the last Sunday of October a clock in Zurich shows 02:00:01 two seconds after 02:59:59.
    zurich, utc = "2026-10-25T02:59:59+02:00,2026-10-25T02:00:01+01:00", "2026-10-25T01:00:02Z,"
    kolkata = "2026-10-25T06:30:03+05:30,2026-10-25T01:00:04+00:00"
    rows = read_trace(record(f"sent_s,arrived_s\n{zurich}\n{utc}\n{kolkata}\n"))
    assert [(row.delay_s, row.sent_s - rows[0].sent_s) for row in rows] == [(2, 0), (inf, 3), (1, 4)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_empty_lines_before_the_header_do_no_harm_and_lines_count(record, line_end):
    path = record(line_end.join(["", "", "sent_s,arrived_s", "1,2", "", "3,soon"]))
    with pytest.raises(LinkError, match=r"line 6: arrived_s is 'soon'"):
        read_trace(path)


def test_columns_that_are_left_alone_may_be_there_twice(record):
    assert read_trace(record("lost,,\n1,,\n"))[0].lost


def test_a_changed_file_is_read_anew(record):
    assert read_trace(record("lost\n0\n"))[0].lost is False
    assert read_trace(record("lost\n1\n"))[0].lost is True


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: the header is nothing; expected columns sent_s and arrived_s, or lost"),
        ("time,fate\n1,2\n", "line 1: the header is time, fate; expected columns sent_s and arrived_s, or lost"),
        (
            "sent_s;arrived_s\n1,5;2,5\n",
            "header is sent_s;arrived_s; expected columns sent_s and arrived_s, or lost, with commas between",
        ),
        ("\n\ntime,fate\n1,2\n", "line 3: the header is time, fate; expected"),
        ("sent_s,arrived_s\n1785585600000,\n", "line 2: sent_s is '1785585600000'; expected seconds, such as 12.5"),
        ("sent_s,arrived_s\n-1e308,1e308\n", "line 2: sent_s is '-1e308'; expected seconds, such as 12.5"),
        ("arrived_s\n1\n", "line 1: the header is arrived_s; expected"),
        ("sent_s,arrived_s,lost\n1,2,0\n", "line 1: has both arrived_s and lost; keep one"),
        ("sent_s,arrived_s\n", "has no rows; expected a header and one line a message"),
        (
            "sent_s,arrived_s\n1,2\nsoon,3\n",
            "line 3: sent_s is 'soon'; expected seconds, such as 12.5, or a date, such as 2026-08-01T12:00:00Z",
        ),
        ("sent_s,arrived_s\n,3\n", "line 2: sent_s is ''; expected seconds"),
        (
            "sent_s,arrived_s\n1,never\n",
            "line 2: arrived_s is 'never'; expected seconds, such as 12.5, or a date, such as 2026-08-01T12:00:00Z, or "
            "nothing where the message was lost",
        ),
        ("sent_s,arrived_s\n1,nan\n", "line 2: arrived_s is 'nan'; expected seconds"),
        ("sent_s,arrived_s\n7,3\n", "line 2: arrived_s is 3, before sent_s, which is 7; correct one of them"),
        ("sent_s,arrived_s\n7\n", "line 2: has 1 fields; expected 2, as in the header"),
        ("sent_s,arrived_s,sent_s\n1,2,3\n", "line 1: has 2 columns sent_s; keep one of them"),
        ("lost, lost\n0,1\n", "line 1: has 2 columns lost; keep one of them"),
        ("sent_s,arrived_s\n2026-08-01T12:00:00Z,9\n", "line 2: arrived_s is '9'; expected a date, as in the times"),
        ("sent_s,arrived_s\n5,9\n2026-08-01,\n", "line 3: sent_s is '2026-08-01'; expected seconds, as in the times"),
        (
            "sent_s,arrived_s\n2026-08-01T12:00:00Z,2026-08-01T11:59:59Z\n",
            "line 2: arrived_s is 2026-08-01T11:59:59Z, before sent_s, which is 2026-08-01T12:00:00Z; correct",
        ),
        ("lost\nyes\n", "line 2: lost is 'yes'; expected 0 (arrived) or 1 (lost)"),
        ('lost\n"0\n', "is not CSV (unexpected end of data); expected commas and rows"),
        (b"\xff\xfe\x00lost", "is not text in UTF-8; expected a trace file"),
    ],
)
def test_a_record_that_cannot_be_used_is_named_with_its_mend(record, text, complaint):
    path = record(text)
    with pytest.raises(LinkError, match=f"^{re.escape(str(path))}: .*{re.escape(complaint)}") as failure:
        read_trace(path)
    assert "\n" not in str(failure.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(LinkError, match=r"nowhere\.csv: no such trace file; check the path"):
        read_trace(tmp_path / "nowhere.csv")
    with pytest.raises(LinkError, match=r"cannot be read .*; expected a trace file"):
        read_trace(tmp_path)


def test_by_time_needs_times_in_order(record):
    with pytest.raises(LinkError, match="has no column sent_s, which by: time needs; add it, or write by: message"):
        replay(record("lost\n1\n"), by="time")
    with pytest.raises(LinkError, match="line 4: sent_s is 1 s before that of the row above; sort by"):
        replay(record("sent_s,arrived_s\n1,\n3,\n2,\n"), by="time")
