"""From events to rows, by hand."""

from typing import NamedTuple

import numpy as np
import pytest

from satsim.scoring.timeline import Point, Screen, build_timeline, summarise
from satsim.simulation.events import Event


class Brightness(NamedTuple):
    """A metric to check by hand: the mean of the picture."""

    name: str = "brightness"
    higher_is_better: bool = True

    def __call__(self, reference, image):
        return float(image.mean())


class Darkness(NamedTuple):
    """The same upside down."""

    name: str = "darkness"
    higher_is_better: bool = False

    def __call__(self, reference, image):
        return 255 - float(image.mean())


class CountingDecoder:
    """Paints the sum of the payloads' first bytes; remembers what it was asked."""

    def __init__(self, needs=1):
        self.asked = []
        self.needs = needs

    def __call__(self, received):
        self.asked.append(dict(received))
        if len(received) < self.needs:
            return None
        return np.full((2, 2, 3), sum(payload[0] for payload in received.values()), np.uint8)


PAYLOADS = [b"\x0a", b"\x14", b"\x28"]  # 10, 20, 40
REFERENCE = np.zeros((2, 2, 3), np.uint8)


def shown(*steps):
    """Events that show payload `index` at `time_s`, 21 bytes each on the air."""
    return [Event(time_s, "shown", slot, index, 21, 0.0) for slot, (time_s, index) in enumerate(steps)]


def timeline(events, decode=None, metrics=None):
    screen = Screen("A b", PAYLOADS, decode or CountingDecoder(), REFERENCE, metrics or [Brightness()])
    return build_timeline(events, screen), screen.pictures


def test_rows_by_hand():
    points, pictures = timeline(shown((0, 0), (60, 2)))
    assert points == [
        Point("A b", 0, 0, 0, "brightness", None, ""),
        Point("A b", 0, 1, 21, "brightness", 10.0, "a_b_001.png"),
        Point("A b", 60, 2, 42, "brightness", 50.0, "a_b_002.png"),
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
    assert timeline([]) == ([Point("A b", 0.0, 0, 0, "brightness", None, "")], {})


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
    points, _ = timeline(events, metrics=metrics)
    levels = {"brightness": (15, 60, 99.5), "darkness": (195, 194)}
    assert summarise(points, events, metrics, levels) == {
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
    points, _ = timeline(events)
    summary = summarise(points, events, [Brightness()], {"brightness": (15,)})
    assert summary["first_image_s"] is summary["last_change_s"] is None
    assert summary["final_quality"] == {"brightness": None}
    assert summary["time_to_quality_s"] == {"brightness": {"15": None}}


def test_the_last_change_is_when_the_last_new_picture_came():
    events = shown((10, 0), (20, 1), (30, 1))
    points, _ = timeline(events)
    assert summarise(points, events, [Brightness()], {})["last_change_s"] == 20


@pytest.mark.parametrize("level", [20.0, 20])
def test_a_level_is_reached_by_equality(level):
    points, _ = timeline(shown((10, 1)))
    reached = summarise(points, [], [Brightness()], {"brightness": (level,)})["time_to_quality_s"]
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
        screen = Screen("A b", PAYLOADS, decode, REFERENCE, [Brightness()])
        points = [point for k in range(4) for point in build_timeline(shown, screen, k, 10.0 * k)]
        return points, shown, decode

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
        points, shown, _ = story
        summary = summarise(points, shown, [Brightness()], {"brightness": (15,)})
        assert summary["first_image_s"] == 30  # of 20, 20, 30, never
        assert summary["last_change_s"] == 50  # of 20, 30, 50, never
        assert summary["time_to_quality_s"] == {"brightness": {"15": None}}  # of 30, 50, never, never
        assert summary["first_quality"] == {"brightness": 10}  # of 20, 10, 10, nothing
        assert summary["final_quality"] == {"brightness": 10}  # of 30, 20, 10, nothing
        assert summary["photos"] == 4
        assert summary["photos_shown"] == 3
        assert summary["last_first_image_s"] is None


def test_pictures_that_look_the_same_are_one_frame_and_no_change():
    same = [b"\x0a", b"\x00", b"\x14"]  # the second adds nothing to the sum that the decoder paints
    screen = Screen("A b", same, CountingDecoder(), REFERENCE, [Brightness()])
    points = build_timeline(shown((0, 0), (60, 1), (120, 2)), screen)
    assert [(p.time_s, p.frame) for p in points[1:]] == [(0, "a_b_001.png"), (60, "a_b_001.png"), (120, "a_b_002.png")]
    assert len(screen.pictures) == 2
