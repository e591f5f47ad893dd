"""A scheme is called by what was sent."""

import pytest

from satsim.errors import ScenarioError
from satsim.scenario.scenario import check_scenario
from satsim.scoring.labels import distinct, facts_of, fill, transport_words
from satsim.scoring.outbox import Outbox


def scenario_of(name="one", codec="avif", **scheme):
    story = {"name": "story", "image": {"path": "p.png"}, "schemes": [{"name": name, "codec": codec, **scheme}]}
    return check_scenario(story | {"link": "sbd_9603_open"}, "story.yaml")


def outbox_of(packets, each=10):
    payloads = [bytes(each)] * packets
    return Outbox(payloads, {}, [payloads], list(range(packets)), 1, 1, {})


@pytest.mark.parametrize(
    ("name", "packets", "label"),
    [
        ("AVIF whole, {packets} packets", [5], "AVIF whole, 5 packets"),
        ("AVIF whole, {packets} packets", [1], "AVIF whole, 1 packet"),
        ("AVIF whole, {packets} packets", [0], "AVIF whole, 0 packets"),
        ("AVIF whole, {packets} packets", [11], "AVIF whole, 11 packets"),
        ("AVIF whole, {packets} packets", [5, 4, 5], "AVIF whole, 4 to 5 packets"),
        ("{bytes} bytes by {link}", [2], "20 bytes by sbd_9603_open"),
        ("{codec}, {transport}", [2], "AVIF whole, sent again until acknowledged"),
        ("plain, 1 packets", [3], "plain, 1 packets"),
    ],
)
def test_fields_are_what_was_sent(name, packets, label):
    plan = scenario_of(name)
    (scheme,) = plan.schemes
    found = fill(scheme.name, [facts_of(scheme, plan.link_of(scheme), outbox_of(count)) for count in packets])
    assert found == label


def test_words_that_differ_are_what_an_axis_tells_beside_the_label():
    facts = [{"codec": codec} for codec in ("AVIF whole", "ProGIC progressive", "AVIF whole")]
    assert fill("{codec}, small", facts) == "the codec, small"
    assert fill("{codec}, small", facts[::2]) == "AVIF whole, small"


@pytest.mark.parametrize(
    ("codec", "options", "words"),
    [
        ("progic", {}, "ProGIC progressive"),
        ("jpeg2000", {}, "JPEG 2000 whole"),
        ("jpeg2000", {"progressive": True}, "JPEG 2000 progressive"),
        ("my.module:Mine", {}, "Mine"),
    ],
)
def test_a_codec_in_words_says_whether_it_builds_up(codec, options, words):
    plan = scenario_of(codec=codec, options=options)
    assert facts_of(plan.schemes[0], plan.link, outbox_of(1))["codec"] == words


def test_a_transport_in_words():
    transport = (
        scenario_of(transport={"name": "once", "base_copies": 2, "repair_by_stage": [1, 2]}).schemes[0].transport
    )
    assert transport_words(transport) == "sent once, first stage 2 times, 3 repair packets"


def test_labels_differ_also_as_file_names():
    assert distinct("AVIF, 1 packet", []) == "AVIF, 1 packet"
    assert distinct("AVIF, 1 packet", ["avif 1 packet"]) == "AVIF, 1 packet (2)"
    assert distinct("a", ["a", "a (2)"]) == "a (3)"


def test_an_unknown_field_is_told_at_the_door():
    with pytest.raises(ScenarioError, match=r"schemes.0.name.has \{packts\}; expected one of: \{codec\}, \{packets\}"):
        scenario_of("AVIF, {packts} packets")
