"""From events to rows, by hand."""

from typing import NamedTuple

import numpy as np
import pytest

from satsim.links.linkspec import Cost
from satsim.scoring.judge import Judge, Memory, Tools
from satsim.scoring.outbox import Outbox, Sending
from satsim.scoring.summary import Measures, TimelineRow, build_timeline, summarise
from satsim.simulation.events import Event, blank, note_run


class Brightness(NamedTuple):
    """A metric to check by hand: the mean of the picture."""

    name: str = "brightness"
    label: str = "Brightness"
    unit: str = ""
    higher_is_better: bool = True
    min_side: int = 1

    def __call__(self, reference, image):
        return float(image.mean())


class Darkness(NamedTuple):
    """The same upside down."""

    name: str = "darkness"
    label: str = "Darkness"
    unit: str = ""
    higher_is_better: bool = False
    min_side: int = 1

    def __call__(self, reference, image):
        return 255 - float(image.mean())


class CountingDecoder:
    """Paints the sum of the payloads' first bytes; remembers what it was asked."""

    def __init__(self, needs=1):
        self.asked = []
        self.needs = needs

    def decode(self, received, height, width):
        self.asked.append(dict(received))
        if len(received) < self.needs:
            return None
        return np.full((height, width, 3), sum(payload[0] for payload in received.values()), np.uint8)


PAYLOADS = [b"\x0a", b"\x14", b"\x28"]  # 10, 20, 40
REFERENCE = np.zeros((2, 2, 3), np.uint8)


def shown(*steps):
    """Events that show payload `index` at `time_s`, 21 bytes each on the air."""
    return [Event(time_s, "shown", slot, index, 21, 0.0) for slot, (time_s, index) in enumerate(steps)]


def judge_of(decoder=None, metrics=None, payloads=PAYLOADS, pictures=None):
    metrics = metrics or [Brightness()]
    outbox = Outbox(payloads, {}, [payloads], [0, 1, 2], 1, 1, {})
    sending = Sending("story", REFERENCE, (2, 2), outbox, "codec", {}, tuple(metric.name for metric in metrics))
    return Judge(sending, Memory(), lambda: Tools(decoder or CountingDecoder(), metrics), pictures)


def timeline(events, decoder=None, metrics=None, payloads=PAYLOADS):
    pictures = {}
    rows, files = build_timeline("A b", events, judge_of(decoder, metrics, payloads, pictures), [0.0])
    return rows, {file: pictures[frame] for file, frame in files.items()}


def summary(events, metrics=None, levels=None, senders=1, decoder=None, start_gap_s=0.0):
    metrics = metrics or [Brightness()]
    showings = blank([PAYLOADS] * senders, 1, "events")
    note_run(showings, 0, events, Cost())
    measures = Measures(tuple(metrics), levels or {}, ())
    return summarise(showings, judge_of(decoder, metrics).look_up, measures, start_gap_s)


def test_rows_by_hand():
    points, pictures = timeline(shown((0, 0), (60, 2)))
    assert points == [
        TimelineRow("A b", 0, 0, 0, "brightness", None, ""),
        TimelineRow("A b", 0, 1, 21, "brightness", 10.0, "a_b_001.png"),
        TimelineRow("A b", 60, 2, 42, "brightness", 50.0, "a_b_002.png"),
    ]
    assert [picture[0, 0, 0] for picture in pictures.values()] == [10, 50]
    assert list(pictures) == ["a_b_001.png", "a_b_002.png"]


def test_only_what_is_shown_counts():
    events = [
        Event(0, "sent", 0, 0, 21, 0.0),
        Event(0, "lost", 0, 0, 21, 0.0),
        Event(60, "sent", 1, 1, 21, 0.0),
        Event(62, "delivered", 1, 1, 21, 0.0),
        Event(65, "shown", 1, 1, 21, 0.0),
        Event(70, "duplicate", 2, 1, 21, 0.0),
    ]
    points, _ = timeline(events)
    assert [(p.time_s, p.packets_held, p.value) for p in points] == [(0, 0, None), (65, 1, 20.0)]


def test_each_metric_has_its_own_row():
    points, _ = timeline(shown((5, 1)), metrics=[Brightness(), Darkness()])
    assert [(p.time_s, p.metric, p.value) for p in points] == [
        (0, "brightness", None),
        (0, "darkness", None),
        (5, "brightness", 20.0),
        (5, "darkness", 235.0),
    ]


def test_each_distinct_set_is_decoded_once():
    decode = CountingDecoder()
    timeline(shown((0, 1), (1, 1), (2, 0), (3, 0), (4, 1)), decode)
    assert decode.asked == [{1: b"\x14"}, {0: b"\x0a", 1: b"\x14"}]


def test_what_cannot_be_shown_yet_has_no_value_and_no_frame():
    points, pictures = timeline(shown((0, 0), (60, 1), (120, 2)), CountingDecoder(needs=3))
    assert [(p.packets_held, p.value, p.frame) for p in points] == [
        (0, None, ""),
        (1, None, ""),
        (2, None, ""),
        (3, 70.0, "a_b_001.png"),
    ]
    assert len(pictures) == 1


def test_no_events_are_one_empty_row():
    assert timeline([]) == ([TimelineRow("A b", 0.0, 0, 0, "brightness", None, "")], {})


def test_a_summary_by_hand():
    events = [
        Event(3, "sent", 0, 0, 21, 0.0),
        Event(3, "lost", 0, 0, 21, 0.0),
        Event(63, "sent", 1, 1, 21, 0.0),
        Event(64, "shown", 1, 1, 21, 0.0),
        Event(123, "sent", 2, 2, 25, 0.0),
        Event(124, "shown", 2, 2, 25, 0.0),
    ]
    metrics = [Brightness(), Darkness()]
    levels = {"brightness": (15, 60, 99.5), "darkness": (195, 194)}
    assert summary(events, metrics, levels) == {
        "first_image_s": 64,
        "last_change_s": 124,
        "time_to_quality_s": {
            "brightness": {"15": 64, "60": 124, "99.5": None},
            "darkness": {"195": 124, "194": None},
        },
        "first_quality": {"brightness": 20.0, "darkness": 235.0},
        "final_quality": {"brightness": 60.0, "darkness": 195.0},
        "packets_sent": 3,
        "packets_lost": 1,
        "packets_delivered": 0,
        "packets_duplicate": 0,
        "packets_damaged": 0,
        "packets_undetected": 0,
        "packets_late": 0,
        "packets_in_flight": 0,
        "packets_copied": 0,
        "packets_acknowledged": 0,
        "bytes_sent": 67,
    }


def test_a_summary_of_a_screen_that_stays_empty():
    events = [Event(0, "sent", 0, 0, 21, 0.0), Event(0, "lost", 0, 0, 21, 0.0)]
    found = summary(events, levels={"brightness": (15,)})
    assert found["first_image_s"] is found["last_change_s"] is None
    assert found["final_quality"] == {"brightness": None}
    assert found["time_to_quality_s"] == {"brightness": {"15": None}}


def test_the_last_change_is_when_the_last_new_picture_came():
    assert summary(shown((10, 0), (20, 1), (30, 1)))["last_change_s"] == 20


@pytest.mark.parametrize("level", [20.0, 20])
def test_a_level_is_reached_by_equality(level):
    reached = summary(shown((10, 1)), levels={"brightness": (level,)})["time_to_quality_s"]
    assert reached == {"brightness": {"20": 10}}


class TestSeveralSenders:
    """Four photos, taken ten seconds apart; the third never arrives."""

    @pytest.fixture
    def story(self):
        shown = [
            Event(20, "shown", 0, 0, 21, 0.0, 0),
            Event(40, "shown", 0, 1, 21, 10.0, 1),
            Event(50, "shown", 0, 0, 21, 30.0, 3),
            Event(80, "shown", 1, 1, 21, 30.0, 3),
        ]
        decode = CountingDecoder()
        rows, _ = build_timeline("A b", shown, judge_of(decode), [0.0, 10.0, 20.0, 30.0])
        return rows, shown, decode

    def test_each_photo_has_rows_of_its_own_from_when_it_was_taken(self, story):
        points, _, _ = story
        assert [(p.sender, p.time_s, p.value) for p in points] == [
            (0, 0, None), (0, 20, 10), (1, 10, None), (1, 40, 20), (2, 20, None),
            (3, 30, None), (3, 50, 10), (3, 80, 30),
        ]  # fmt: skip

    def test_what_two_senders_have_in_common_is_decoded_once(self, story):
        _, _, decode = story
        assert decode.asked == [{0: b"\x0a"}, {1: b"\x14"}, {0: b"\x0a", 1: b"\x14"}]

    def test_the_summary_is_that_of_the_photo_in_the_middle(self, story):
        _, shown, _ = story
        found = summary(shown, levels={"brightness": (15,)}, senders=4, start_gap_s=10.0)
        assert found["first_image_s"] == 30  # of 20, 20, 30, never
        assert found["last_change_s"] == 50  # of 20, 30, 50, never
        assert found["time_to_quality_s"] == {"brightness": {"15": None}}  # of 30, 50, never, never
        assert found["first_quality"] == {"brightness": 10}  # of 20, 10, 10, nothing
        assert found["final_quality"] == {"brightness": 10}  # of 30, 20, 10, nothing
        assert found["photos"] == 4
        assert found["photos_shown"] == 3
        assert found["last_first_image_s"] is None


def test_pictures_that_look_the_same_are_one_frame_and_no_change():
    same = [b"\x0a", b"\x00", b"\x14"]  # the second adds nothing to the sum that the decoder paints
    points, pictures = timeline(shown((0, 0), (60, 1), (120, 2)), payloads=same)
    assert [(p.time_s, p.frame) for p in points[1:]] == [(0, "a_b_001.png"), (60, "a_b_001.png"), (120, "a_b_002.png")]
    assert len(pictures) == 2
