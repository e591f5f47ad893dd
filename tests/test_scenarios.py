"""Every shipped scenario loads, and names only what there is."""

from pathlib import Path

import pytest

from codec import codec_names
from codec.loading import fit_options, options_of
from codec.metrics import METRICS
from satsim.air.packets import LENGTH_BYTES
from satsim.scenario.scenario import load_scenario, read_mapping
from satsim.scoring.outbox import load_photo
from satsim.simulation.simulation import simulate
from satsim.sweep.grid import make_grid, read_factor

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
SCENARIOS = sorted(FOLDER.glob("*.yaml"))


def test_there_are_scenarios():
    assert SCENARIOS


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
class TestEveryShippedScenario:
    def test_it_is_named_like_its_file_and_has_a_title(self, path):
        scenario = load_scenario(path)
        assert scenario.name == path.stem
        assert scenario.title

    def test_it_opens_with_a_comment_for_a_responder(self, path):
        assert path.read_text(encoding="utf-8").startswith("# ")

    def test_its_photo_fits_its_frame(self, path):
        scenario = load_scenario(path)
        image = load_photo(scenario.image).pixels
        if scenario.image.fit != "keep":
            assert image.shape == (scenario.image.height, scenario.image.width, 3)

    def test_its_codecs_and_metrics_are_known(self, path):
        scenario = load_scenario(path)
        assert {scheme.codec for scheme in scenario.schemes} <= set(codec_names())
        assert {*scenario.metrics, *scenario.quality_levels} <= set(METRICS)

    def test_a_byte_budget_fills_whole_packets(self, path):
        scenario = load_scenario(path)
        for scheme in scenario.schemes:
            packet_bytes, header = scenario.link_of(scheme).packet_bytes, scenario.header
            room = packet_bytes - header.bytes_of(compact=packet_bytes - header.bytes_of() < 320)
            if scheme.transport.repair_packets or scheme.transport.repair_by_stage:
                room -= LENGTH_BYTES
            assert scheme.options.get("budget_bytes", 0) % room == 0, scheme.name

    def test_any_codec_can_be_put_in_place_of_its_own(self, path):
        data, axis = read_mapping(path, "scenario"), read_factor("codec=progic,avif,webp", path.parent)
        places = make_grid(data, [axis], path)
        assert len(places) == 3
        for place in places:
            scenario = place.scenario
            assert len(scenario.schemes) >= 1
            for scheme in scenario.schemes:
                room = scenario.link_of(scheme).packet_bytes - scenario.header.bytes_of()
                options = fit_options(scheme.codec, scheme.options, room, 256, 256)
                assert set(options) <= set(options_of(scheme.codec)), scheme.name
                assert scheme.codec == place.values[0]

    def test_something_arrives_on_each_link(self, path):
        pytest.importorskip("skyfield", reason="passes of satellites need the extra orbit")
        scenario = load_scenario(path)
        for scheme in scenario.schemes:
            messages = [[bytes([k]) * 50 for k in range(5)]] * scenario.senders.count
            events = simulate(
                messages,
                scenario.link_of(scheme),
                scenario.seed,
                transport=scheme.transport,
                duration_s=scenario.duration_s,
                senders=scenario.senders,
            )
            shown = {event.sender for event in events if event.kind == "shown"}
            assert shown == set(range(scenario.senders.count)), scheme.name


def test_the_two_links_of_bursts_lose_the_same_share():
    scenario = load_scenario(FOLDER / "bursts.yaml")
    scattered, bursts = map(scenario.link_of, scenario.schemes[:2])
    loss = bursts.loss
    share = loss.good_to_bad / (loss.good_to_bad + loss.bad_to_good)
    assert share == pytest.approx(scattered.loss_ratio, rel=0.001)
    assert 1 / loss.bad_to_good == 4, "as its comment says"
    assert bursts.model_copy(update={"loss": None, "loss_ratio": scattered.loss_ratio}) == scattered
