"""The message services: every number has a basis, every entry is a link, and overriding one surprises nobody."""

import math
import re

import pytest
from pydantic import ValidationError

from satsim.links.linkspec import LinkSpec
from satsim.links.presets import find_preset, leaves, link_presets
from satsim.notices import assumed_numbers

NAMES = list(link_presets())
CHOICES = ("model", "currency")


def link(**keys):
    return LinkSpec.model_validate(keys)


def test_there_are_25_services():
    assert len(NAMES) == 25


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_is_a_link(name):
    assert link(preset=name).preset == name
    assert LinkSpec.model_validate(name) == link(preset=name)


@pytest.mark.parametrize("name", NAMES)
def test_a_resolved_link_loads_again_as_itself(name):
    spec = link(preset=name)
    assert LinkSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_a_changed_link_loads_again_as_itself():
    spec = link(preset="sbd_9603_canopy", loss=None, copies=None, cost={"price_per_credit": None}, packet_bytes=100)
    assert (spec.loss, spec.cost.price_per_credit, spec.cost.credit_bytes) == (None, None, 50)
    assert LinkSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_a_preset_has_a_basis_and_no_basis_stands_alone(name):
    preset = find_preset(name)
    values = {key for key, _ in leaves(preset.link) if key.rpartition(".")[2] not in CHOICES}
    assert values == set(preset.numbers)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_measured_or_published_names_its_source(name):
    for number in find_preset(name).numbers.values():
        assert number.basis in ("measured", "published", "assumed")
        assert number.source or number.basis == "assumed"


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_says_what_it_is_and_what_it_leaves_out(name):
    preset = find_preset(name)
    assert preset.title
    assert preset.notes
    assert preset.transport in ("once", "carousel", "arq")
    assert (preset.transport == "arq") == (link(preset=name).ack.kind != "none")


def test_no_energy_is_claimed_for_lack_of_a_source():
    assert all(link(preset=name).cost.joules_per_message is None for name in NAMES)


@pytest.mark.parametrize(
    ("name", "message_bytes", "seconds"),
    [("sbd_9603_open", 1960, 20), ("sbd_9522", 0, 5), ("imt_9704", 100_000, 120), ("idp_geo", 100, 20)],
)
def test_delays_grow_with_size_as_published(name, message_bytes, seconds):
    spec = link(preset=name)
    assert spec.delay_s + spec.delay_s_per_byte * message_bytes == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("name", "loss_ratio", "burst"),
    [
        ("sha2025_15", 0.150, 1.03),
        ("sha2025_10", 0.100, 1.13),
        ("stress_light", 0.05, 2),
        ("stress_medium", 0.10, 3),
        ("stress_heavy", 0.20, 5),
        ("stress_severe", 0.40, 10),
    ],
)
def test_the_mean_loss_and_the_mean_bad_run_are_those_of_the_name(name, loss_ratio, burst):
    loss = link(preset=name).loss
    bad = loss.good_to_bad / (loss.good_to_bad + loss.bad_to_good)
    assert bad * loss.loss_bad + (1 - bad) * loss.loss_good == pytest.approx(loss_ratio, abs=0.0005)
    assert 1 / loss.bad_to_good == pytest.approx(burst, abs=0.005)


def test_waits_of_astrocast_add_up_to_six_hours():
    spec = link(preset="astrocast")
    terminal = (spec.windows.period_s - spec.windows.open_s) ** 2 / (2 * spec.windows.period_s)
    gateway = spec.delay.windows
    ground = gateway.mean_closed_s**2 / (gateway.mean_closed_s + gateway.mean_open_s)
    assert (terminal + ground) / 3600 == pytest.approx(6, abs=0.05)


def test_96_in_100_apple_messages_arrive_in_two_minutes():
    spec = link(preset="apple_sos")
    sigma = math.log(spec.delay.p90_s / spec.delay.median_s) / 1.2816
    z = math.log((120 - spec.delay_s) / spec.delay.median_s) / sigma
    assert 0.5 * (1 + math.erf(z / math.sqrt(2))) == pytest.approx(0.964, abs=0.002)


@pytest.mark.parametrize("wrong", ["sbd_9603_opne", "SBD", "zzz", ""])
def test_an_unknown_preset_is_refused_with_a_hint(wrong):
    with pytest.raises(ValidationError) as caught:
        link(preset=wrong)
    message = str(caught.value)
    assert "link.preset" in message
    assert "did you mean sbd_9603_open" in message or "`satsim links` lists them" in message


def test_a_part_of_a_name_brings_up_the_services_that_have_it():
    with pytest.raises(ValueError, match="did you mean sbd_9603_open or sbd_9603_canopy or sbd_9522"):
        find_preset("sbd")


def test_a_plain_key_replaces_its_group():
    spec = link(preset="sbd_9603_canopy", loss_ratio=0.2)
    assert (spec.loss, spec.loss_ratio) == (None, 0.2)
    spec = link(preset="idp_geo", delay_s=3.0)
    assert (spec.delay_s, spec.delay_s_per_byte) == (3.0, 0.0)
    assert spec.loss.model == "blockage"


def test_a_table_that_names_its_model_stands_alone():
    spec = link(preset="sbd_9603_canopy", loss={"model": "two_state", "mean_good_s": 9, "mean_bad_s": 3})
    assert (spec.loss.loss_good, spec.loss.loss_bad) == (0, 1)
    spec = link(preset="sbd_9603_open", loss={"model": "gilbert_elliott", "good_to_bad": 0.1, "bad_to_good": 0.5})
    assert spec.loss_ratio == 0


def test_a_table_without_a_model_changes_that_of_the_preset():
    spec = link(preset="sbd_9603_canopy", loss={"mean_bad_s": 3})
    assert (spec.loss.mean_good_s, spec.loss.mean_bad_s, spec.loss.loss_bad) == (60, 3, 0.9)
    spec = link(preset="orbcomm_globalgram", delay={"windows": {"mean_open_s": 60}})
    assert (spec.delay.windows.mean_open_s, spec.delay.windows.mean_closed_s, spec.delay_s) == (60, 3600, 10)
    spec = link(preset="sbd_9603_open", ack={"kind": "end"}, cost={"price_per_credit": 0.2})
    assert (spec.ack.kind, spec.ack.false_negative_ratio) == ("end", 0.01)
    assert (spec.cost.credit_bytes, spec.cost.price_per_credit) == (50, 0.2)
    assert link(preset="kineis", copies={"count": 3}).copies.gap_s == (60, 120)


def test_null_takes_a_table_of_the_preset_away():
    assert link(preset="kineis", copies=None, windows=None).copies is None
    assert link(preset="idp_geo", loss=None).loss is None


def test_overriding_leaves_the_preset_as_it_was():
    before = link(preset="kineis")
    link(preset="kineis", copies={"count": 3}, windows={"mean_open_s": 5})
    assert link(preset="kineis") == before


def test_assumed_numbers_are_those_that_the_user_left_alone():
    assert assumed_numbers(link(preset="sbd_9603_open")) == ["loss_ratio", "ack.false_negative_ratio"]
    assert assumed_numbers(link(preset="sbd_9603_open", loss_ratio=0.3)) == ["ack.false_negative_ratio"]
    assert assumed_numbers(link(preset="sbd_9603_open", packet_bytes=200)) == ["loss_ratio", "ack.false_negative_ratio"]
    assert assumed_numbers(link(loss_ratio=0.10)) == []


def test_a_number_under_another_model_is_the_users_though_it_be_the_same():
    own = {"model": "gilbert_elliott", "good_to_bad": 0.5, "bad_to_good": 0.5, "loss_good": 0.1, "loss_bad": 0.9}
    spec = link(preset="sbd_9603_canopy", loss=own)
    assert not [field for field in assumed_numbers(spec) if field.startswith("loss.")]


def test_a_number_is_assumed_as_long_as_it_is_the_presets():
    assert "delay.larger.0.median_s" in assumed_numbers(link(preset="myriota"))
    changed = link(preset="myriota", delay={"larger": [{"from_bytes": 1000, "median_s": 9000, "p90_s": 90_000}]})
    assert "delay.larger.0.median_s" not in assumed_numbers(changed)
    assert assumed_numbers(link()) == []


def test_sources_are_works_anyone_can_look_up():
    text = " ".join(number.source for name in NAMES for number in find_preset(name).numbers.values())
    assert not re.search(r"/work|/home|shared/", text)
