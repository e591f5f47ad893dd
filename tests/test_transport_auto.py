"""Where no transport is named, messages go as suits the link."""

import pytest

from satsim.links.presets import link_presets
from satsim.scenario.scenario import check_scenario
from satsim.simulation.simulation import simulate


def transports(link, *schemes):
    schemes = schemes or ({},)
    story = {
        "name": "story",
        "image": {"path": "p.png"},
        "link": link,
        "schemes": [{"name": f"s{k}", "codec": "progic", **scheme} for k, scheme in enumerate(schemes)],
    }
    plan = check_scenario(story, "story.yaml")
    return [scheme.transport.name for scheme in plan.schemes], plan.notes


@pytest.mark.parametrize("name", link_presets())
def test_it_is_what_the_service_of_the_preset_does(name):
    (found,), notes = transports(name)
    assert found == link_presets()[name].transport
    assert bool(notes) == (found != "once")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({}, "once"),
        ({"ack": {"kind": "session"}}, "arq"),
        ({"preset": "sbd_9603_open", "ack": {"kind": "none"}}, "once"),
    ],
)
def test_on_a_link_of_ones_own_messages_are_asked_for_again_where_somebody_answers(link, expected):
    assert transports(link)[0] == [expected]


def test_what_is_named_stays_and_its_parts_do_too():
    found, notes = transports("sbd_9603_open", {"transport": "once"}, {"transport": {"base_copies": 2}})
    assert found == ["once", "arq"]
    assert notes == ("no transport is named, so each goes as suits its link: arq over sbd_9603_open",)


def test_each_scheme_goes_by_its_own_link():
    assert transports({}, {}, {"link": "sbd_9603_open"})[0] == ["once", "arq"]


def test_the_simulation_reads_it_in_the_same_way():
    from satsim.links.linkspec import LinkSpec

    link = LinkSpec(loss_ratio=0.9, ack={"kind": "session"})
    events = simulate([[b"x" * 30]], link, seed=1, transport="auto", duration_s=3600)
    assert sum(event.kind == "sent" for event in events) > 1
