"""The main job: mistakes in a scheme carry its name, and metrics are never swapped in silence."""

from typing import ClassVar

import pytest

from codec.base import PhotoError
from codec.fake import FakeCodec
from satsim.errors import PacketError, ScenarioError
from satsim.pipeline import run
from satsim.scenario.scenario import Scenario
from satsim.scoring.summary import DEFAULT_LEVELS


def plan(photo, codec="codec.fake:FakeCodec", **changes):
    fields = {
        "name": "story",
        "image": {"path": photo, "width": 64, "height": 48},
        "link": {"packet_bytes": 30},
        "schemes": [{"name": "first", "codec": "codec.fake:FakeCodec"}, {"name": "second", "codec": codec}],
        "metrics": ["psnr"],
    }
    return Scenario.model_validate(fields | changes)


class Oversize(FakeCodec):
    """Promises small payloads and gives large ones."""

    def encode(self, image, payload_bytes):
        return [bytes(payload_bytes + 1)]


class Countless(FakeCodec):
    """More payloads than a header can count."""

    def encode(self, image, payload_bytes):
        return [b"x"] * 4097


def test_progress_names_each_long_step(small_photo):
    steps = []
    run(plan(small_photo), steps.append)
    assert steps == ["reading the photo", *(f"coding and sending codec.fake:FakeCodec, {k} of 2" for k in (1, 2))]


def test_a_lossless_run_ends_with_every_strip_on_the_screen(small_photo):
    result = run(plan(small_photo))
    assert [p.packets_held for p in result.rows if p.scheme == "second"] == list(range(11))
    assert result.summary["schemes"]["second"]["last_change_s"] == 540
    assert result.summary["schemes"]["second"]["payload_bytes"] == 30
    assert result.notices == []


@pytest.mark.parametrize(
    ("codec", "complaint"),
    [
        ("codec.fake:FakeCoder", r"story: schemes\.1\.codec is 'codec.fake:FakeCoder'"),
        ("avvif", r"story: schemes\.1\.codec is 'avvif'; did you mean 'avif'"),
        (
            "test_pipeline:Oversize",
            "scheme 'second': codec test_pipeline:Oversize: payload 0 has 11 bytes; expected 1 to 10",
        ),
    ],
)
def test_a_codecs_mistake_carries_the_place_or_name_of_its_scheme(small_photo, codec, complaint):
    with pytest.raises((ScenarioError, PacketError), match=complaint):
        run(plan(small_photo, codec))


def test_a_photo_in_more_payloads_than_headers_count_is_an_empty_row_that_says_so(small_photo):
    result = run(plan(small_photo, "test_pipeline:Countless"))
    row = result.summary["schemes"]["second"]
    assert (row["payloads"], row["packets_sent"], row["first_image_s"]) == (0, 0, None)
    assert "image has 4097 payloads" in row["note"]
    assert any("second: nothing fits" in notice for notice in result.notices)


def test_a_missing_photo_is_told_first(tmp_path):
    with pytest.raises(PhotoError, match="no such image file"):
        run(plan(tmp_path / "absent.png"))


@pytest.mark.parametrize("changes", [{"metrics": ["pnsr"]}, {"quality_levels": {"pnsr": [20]}}])
def test_an_unknown_metric_names_the_nearest(small_photo, changes):
    with pytest.raises(ScenarioError, match="metrics: no metric is called 'pnsr'; did you mean 'psnr'"):
        run(plan(small_photo, **changes))


class TestMetricsAtHand:
    """MS-SSIM needs 161 pixels a side, so that a small photo always needs another."""

    changes: ClassVar = {"metrics": ["ms-ssim"]}

    def test_the_metric_really_used_is_named_everywhere(self, small_photo):
        result = run(plan(small_photo, **self.changes))
        [used] = {point.metric for point in result.rows}
        assert used != "ms-ssim"
        assert list(result.summary["metrics"]) == [used]
        assert set(result.summary["schemes"]["first"]["final_quality"]) == {used}
        assert set(result.summary["schemes"]["first"]["time_to_quality_s"]) == {used}

    def test_the_user_is_told_in_one_line(self, small_photo):
        [notice] = run(plan(small_photo, **self.changes)).notices
        assert "MS-SSIM" in notice
        assert "\n" not in notice


def test_every_metric_has_default_levels():
    from codec.metrics import METRICS

    assert set(DEFAULT_LEVELS) == set(METRICS)
