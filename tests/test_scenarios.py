"""Every shipped scenario loads, and names only what there is."""

from pathlib import Path

import pytest

from codec import codec_names
from codec.metrics import METRICS
from satsim.photo import load_photo
from satsim.scenario import load_scenario

SCENARIOS = sorted((Path(__file__).resolve().parent.parent / "scenarios").glob("*.yaml"))


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
        image = load_photo(scenario.image)
        if scenario.image.fit != "keep":
            assert image.shape == (scenario.image.height, scenario.image.width, 3)

    def test_its_codecs_and_metrics_are_known(self, path):
        scenario = load_scenario(path)
        assert {scheme.codec for scheme in scenario.schemes} <= set(codec_names())
        assert {*scenario.metrics, *scenario.quality_levels} <= set(METRICS)

    def test_a_byte_budget_fills_whole_packets(self, path):
        scenario = load_scenario(path)
        for scheme in scenario.schemes:
            budget = scheme.options.get("budget_bytes", 0)
            assert budget % scenario.link.payload_bytes == 0, scheme.name
