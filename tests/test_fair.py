"""Over every service, scenario and size, what a scheme is called is what was sent."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from codec.loading import fit_options
from codec.progic.layout import split
from satsim.links.presets import link_presets
from satsim.pipeline import run
from satsim.scenario.scenario import make_scenario

SCENARIOS = sorted((Path(__file__).parents[1] / "scenarios").glob("*.yaml"))
FILES = {"jpeg", "webp", "avif", "jpeg2000"}


class File:
    """A file that fills its budget but for a byte, and shows grey when whole."""

    name, model_id = "avif", 1

    def __init__(self, budget_bytes, progressive=False):
        self._bytes = max(1, budget_bytes - 1)

    def encode(self, image, payload_bytes):
        self._count = -(-self._bytes // payload_bytes)
        return [bytes(min(payload_bytes, self._bytes - at)) for at in range(0, self._bytes, payload_bytes)]

    def decode(self, received, height, width):
        return np.full((height, width, 3), 128, np.uint8) if len(received) == self._count else None


class Progic:
    """Stages cut as ProGIC cuts them, all zeros; grey from the first packet on."""

    name, model_id = "progic", 1

    def __init__(self, stages=5, budget_packets=None):
        self.stages, self._budget = stages, budget_packets

    def encode(self, image, payload_bytes):
        options = {"stages": self.stages} | ({"budget_packets": self._budget} if self._budget else {})
        self.stages = fit_options("progic", options, payload_bytes, *image.shape[:2])["stages"]
        rows, columns = image.shape[0] // 16, image.shape[1] // 16
        return split(np.zeros((self.stages, rows, columns), np.int64), 10, payload_bytes)

    def decode(self, received, height, width):
        return np.full((height, width, 3), 128, np.uint8) if received else None


def story_of(path, preset, side):
    """The scenario over this service, with codecs that take no time; windows by orbit left to their own test."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["link"] = preset
    data["image"] |= {"width": side, "height": side}
    data["metrics"] = ["psnr"]
    data["senders"] = (data.get("senders") or {}) | {"count": 1}
    for scheme in data["schemes"]:
        scheme.pop("link", None)
        scheme["codec"] = "test_fair:File" if scheme["codec"] in FILES else "test_fair:Progic"
    return make_scenario(data, str(path), path.parent)


@pytest.mark.slow
@pytest.mark.parametrize("side", [256, 512])
@pytest.mark.parametrize("preset", link_presets())
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_label_is_the_summary_is_the_events(path, preset, side):
    pytest.importorskip("cryptography", reason="seals need the extra auth")
    plan = story_of(path, preset, side)
    result = run(plan)
    rows = result.summary["schemes"]
    assert [row["name"] for row in rows.values()] == [scheme.name for scheme in plan.schemes]
    assert not re.search(r"\d+[ -]byte|\d+ s\b", plan.title), "a title holds over any link"
    for (label, row), scheme in zip(rows.items(), plan.schemes, strict=True):
        assert not re.search(r"[{}]", label)
        told = re.search(r"(\d+) packets?\b(?! a round|,? twice)", label)
        if "{packets}" in scheme.name:
            assert int(told[1]) == row["payloads"], label
        mine = [event for event in result.events if event.scheme == label]
        sent = {event.payload_index for event in mine if event.kind == "sent"}
        most = row["payloads"] + row["repair_packets"]
        assert sent <= set(range(most)), label
        assert sum(event.kind == "sent" for event in mine) == row["packets_sent"]
        if not row["payloads"]:
            assert row["note"]
            assert not mine
        assert all(event.message_bytes <= plan.link.packet_bytes for event in mine)
        assert row["transport"]["name"] == scheme.transport.name != "auto"
        budget = scheme.options.get("budget_packets")
        assert budget is None or row["payloads"] <= budget, label
    assert len({event.scheme for event in result.events} - rows.keys()) == 0
