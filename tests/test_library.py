"""satsim as a library: what a notebook or a program meets."""

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

import satsim
from satsim.api.rows import Rows, aligned, flat
from satsim.api.story import read_story

PUBLIC = [
    "LinkError",
    "PacketError",
    "RunResult",
    "SatsimError",
    "Scenario",
    "ScenarioError",
    "StudyError",
    "StudyResult",
    "SweepError",
    "SweepResult",
    "decode",
    "encode",
    "list_links",
    "load_scenario",
    "register_codec",
    "register_delay",
    "register_loss",
    "register_metric",
    "register_transport",
    "run",
    "run_study",
    "run_sweep",
]
FAKE = {"name": "strips", "codec": "codec.fake:FakeCodec"}


@pytest.fixture
def scenario(tmp_path):
    """The keys of a scenario of a photo of 64x48 pixels by a codec that does no work."""
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(photo)
    return {
        "name": "small",
        "title": "A <small> photo",
        "image": {"path": str(photo), "width": 64, "height": 48},
        "link": {"interval_s": 60, "loss_ratio": 0.0},
        "schemes": [FAKE],
        "metrics": ["psnr"],
        "duration_s": 900,
    }


def test_the_public_names_are_these_and_each_is_there():
    assert satsim.__all__ == PUBLIC
    for name in PUBLIC:
        assert getattr(satsim, name).__doc__, f"{name} has no docstring"
    assert set(PUBLIC) <= set(dir(satsim))
    with pytest.raises(AttributeError, match="module 'satsim' has no attribute 'runs'"):
        satsim.runs  # noqa: B018


def test_importing_satsim_brings_in_nothing_heavy():
    code = "import sys, json, satsim, codec; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"torch", "numpy", "pydantic", "matplotlib", "PIL", "yaml"} & set(loaded)


def test_a_run_as_rows(scenario):
    result = satsim.run(scenario)
    assert [event["kind"] for event in result.events][:3] == ["sent", "delivered", "shown"]
    [row] = result.summary
    assert row["scheme"] == "strips"
    assert row["packets_sent"] == 10
    assert row["final_quality_psnr"] == pytest.approx(result.timeline[-1]["value"])
    assert result.timeline[0] == {
        "scheme": "strips",
        "time_s": 0.0,
        "packets_held": 0,
        "bytes_held": 0,
        "metric": "psnr",
        "value": None,
        "frame": "",
        "sender": 0,
    }
    assert result.pictures[result.timeline[-1]["frame"]].shape == result.original.shape == (48, 64, 3)


def test_rows_become_a_data_frame(scenario):
    pandas = pytest.importorskip("pandas")
    frame = satsim.run(scenario).timeline.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["packets_held"]) == list(range(11))


def test_without_pandas_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(satsim.SatsimError, match="pip install pandas"):
        Rows([{"a": 1}]).to_pandas()


def test_changes_reach_into_the_scenario_in_three_ways(scenario):
    for changes in ({"link": {"loss_ratio": 0.5}}, {"link__loss_ratio": 0.5}, {"link.loss_ratio": 0.5}):
        changed = satsim.load_scenario(scenario, **changes)
        assert (changed.link.loss_ratio, changed.link.interval_s) == (0.5, 60)
    assert satsim.load_scenario(scenario, link="sbd_9603_open").link.packet_bytes == 340
    assert satsim.load_scenario(scenario, seed=7).seed == 7


def test_a_mistake_is_one_line_that_names_the_key(scenario):
    with pytest.raises(satsim.ScenarioError, match=r"link\.loss is no key|link\.loss_ration is no key"):
        satsim.run(scenario, link={"loss_ration": 0.5})
    with pytest.raises(satsim.ScenarioError, match=r"forest_fir: no such scenario; did you mean forest_fire\?"):
        satsim.run("forest_fir")


def test_a_photo_may_be_a_file_a_pillow_image_or_pixels(scenario, tmp_path):
    pixels = np.full((48, 64, 3), 90, dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "own.png")
    for image in (tmp_path / "own.png", str(tmp_path / "own.png"), Image.fromarray(pixels), pixels):
        assert np.array_equal(satsim.run(scenario, image=image).original, pixels)
    with pytest.raises(satsim.ScenarioError, match="expected a file, a Pillow image, or pixels as uint8"):
        satsim.run(scenario, image=np.zeros((4, 4, 7)))


def test_a_loaded_scenario_runs_as_its_file_does(scenario, tmp_path):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(scenario))
    loaded = satsim.load_scenario(tmp_path / "small.yaml")
    assert isinstance(loaded, satsim.Scenario)
    assert satsim.run(loaded).events == satsim.run(tmp_path / "small.yaml").events


def test_a_scenario_may_not_run_code_unless_told(scenario):
    own = scenario | {"schemes": [{"name": "own", "codec": "os:getcwd"}]}
    with pytest.raises(satsim.ScenarioError, match="runs code of its own"):
        satsim.run(own)
    with pytest.raises(satsim.ScenarioError, match="expected a class with encode and decode"):
        satsim.run(own, allow_code=True)


def test_figures_are_drawn_from_what_would_be_saved(scenario, tmp_path):
    result = satsim.run(scenario)
    time = result.figure("time")
    assert time._repr_png_()[:4] == b"\x89PNG"
    assert "PSNR in dB" in time.axes[0].get_ylabel()
    assert result.filmstrip()._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="figure is 'sky'; expected one of: time, filmstrip"):
        result.figure("sky")
    with pytest.raises(ValueError, match="metric is 'lpips'; this run was scored by psnr"):
        result.figure("time", "lpips")
    folder = result.save(tmp_path / "out")
    assert {"timeline.csv", "events.csv", "summary.json", "report.html"} <= {path.name for path in folder.iterdir()}


def test_a_notebook_shows_title_table_and_filmstrip_with_markup_inert(scenario):
    page = satsim.run(scenario)._repr_html_()
    assert "A &lt;small&gt; photo" in page
    assert "<small>" not in page
    assert "data:image/png;base64," in page


def test_a_sweep_over_a_grid(scenario):
    pytest.importorskip("pyarrow")
    result = satsim.run_sweep(scenario, {"link.loss_ratio": [0, 1]}, replications=4, at=["2 min"])
    assert result.runs.num_rows == 8
    median = {
        row["link.loss_ratio"]: row["value"]
        for row in result.quantiles
        if row["quantity"] == "first_image_s" and row["certainty"] == 0.5
    }
    assert median == {0.0: 0.0, 1.0: None}, "at once, or never"
    assert result.quantiles[0]["scheme"] == "strips"
    assert result.figure()._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="figure is 'sky'; expected one of: heat_first_image_s"):
        result.figure("sky")
    with pytest.raises(satsim.SweepError, match="workers is 0; expected 1 to 1000"):
        satsim.run_sweep(scenario, workers=0)


def test_a_study_says_which_design_to_take(scenario):
    space = {"codecs": ["codec.fake:FakeCodec"], "transports": ["once"], "copies": [1], "repair": [0]}
    space |= {"stages": [1], "scales": [1.0]}
    goal = "psnr >= 5 by 10 min with 0.9"
    result = satsim.run_study(scenario, goal, space=space, replications=40)
    assert result.recommended is not None
    assert "Send" in result.sentence
    assert [row["goal"] for row in result.designs] == ["met"]
    never = satsim.run_study(scenario, "psnr >= 90 by 10 min with 0.9", space=space, replications=40)
    assert never.recommended is None
    with pytest.raises(satsim.StudyError, match="a study needs a goal"):
        satsim.run_study(scenario)


def test_a_photo_goes_to_messages_and_back(scenario, tmp_path):
    sent = satsim.encode(scenario["image"]["path"], "jpeg", width=64, height=48, budget_bytes=600)
    received = satsim.decode(sent.messages)
    [image] = received.images
    assert image.picture.shape == (48, 64, 3)
    assert image.key.image_id == sent.image_id
    (tmp_path / "one.bin").write_bytes(sent.messages[0])
    assert satsim.decode([tmp_path / "one.bin", *sent.messages[1:]]).images[0].missing == []
    assert satsim.decode(dict(zip("ab", sent.messages, strict=False))).report[0].startswith("holding")
    with pytest.raises(satsim.PacketError, match="none of 1 files is a packet"):
        satsim.decode(b"hello")


def test_links_are_rows_with_what_is_assumed():
    [row] = satsim.list_links().where(preset="sbd_9603_open")
    assert (row["packet_bytes"], row["interval_s"]) == (340, 40.0)
    assert "loss" in row["assumed"]


def test_nested_summaries_become_flat_rows_of_the_same_keys():
    assert flat({"cost": {"price": 1, "per": {"byte": 2}}, "codec": "avif"}) == {
        "cost_price": 1,
        "cost_per_byte": 2,
        "codec": "avif",
    }
    assert aligned([{"a": 1}, {"b": 2}]) == [{"a": 1, "b": None}, {"a": None, "b": 2}]


def test_read_story_leaves_the_dictionary_that_it_was_given_alone(scenario):
    before = json.dumps(scenario)
    read_story(scenario).changed({"link": {"loss_ratio": 0.5}, "seed": 3})
    assert json.dumps(scenario) == before
