"""Axes from texts, and the grid of scenarios they make."""

from pathlib import Path

import pytest
import yaml
from PIL import Image

from satsim.errors import ScenarioError
from satsim.sweep.grid import Factor, count_points, factor_of, make_grid, read_factor

HERE = Path("here.yaml")
FIRE = {
    "name": "fire",
    "image": {"path": "photo.png"},
    "link": {"interval_s": 60},
    "schemes": [{"name": "a", "codec": "progic"}, {"name": "b", "codec": "avif", "options": {"budget_bytes": 340}}],
}


def axis(text, folder=Path()):
    return read_factor(text, folder)


def test_a_range_includes_its_end_and_has_no_rounding_dust():
    assert axis("link.loss_ratio=0:0.4:0.05").values == (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)


def test_a_range_whose_end_is_no_step_stops_before_it():
    assert axis("link.loss_ratio=0:0.35:0.1").values == (0, 0.1, 0.2, 0.3)


def test_a_range_of_whole_numbers_stays_whole_and_may_run_downwards():
    values = axis("image.width=512:128:-128").values
    assert values == (512, 384, 256, 128)
    assert all(isinstance(value, int) for value in values)


def test_a_log_range_has_equal_ratios():
    assert axis("link.interval_s=log:1:100:5").values == pytest.approx((1, 10**0.5, 10, 10**1.5, 100))


def test_a_list_is_read_as_yaml_item_by_item():
    read = axis("schemes.0.transport=once,{name: arq, ladder: [[0, 0]]}")
    assert read.values == ("once", {"name": "arq", "ladder": [[0, 0]]})
    assert read.labels == ("once", "arq, ladder [[0, 0]]")


@pytest.mark.parametrize(
    ("short", "key"),
    [("loss=0.1", "link.loss_ratio"), ("codec=avif,webp", "schemes.*.codec"), ("preset=sbd_9603_open", "link")],
)
def test_short_names_stand_for_keys(short, key):
    assert axis(short).key == key


def test_a_folder_is_the_pictures_in_it_by_name(tmp_path):
    for name in ("b.png", "a.jpg"):
        Image.new("RGB", (16, 16)).save(tmp_path / name)
    for name in ("empty.png", "notes.txt"):
        (tmp_path / name).touch()
    read = axis("image=.", tmp_path)
    assert read.notes == (
        f"{tmp_path}: left out 1 file: 1 not photos by name (1 .txt)",
        f"left out: {tmp_path / 'empty.png'}: holds no image, for it is empty; copy it anew",
    )
    assert read.key == "image.path"
    assert read.labels == ("a", "b")
    assert read.values == (str(tmp_path / "a.jpg"), str(tmp_path / "b.png"))


def test_two_photos_of_one_stem_keep_their_endings(tmp_path):
    for name in ("a.png", "a.jpg"):
        Image.new("RGB", (16, 16)).save(tmp_path / name)
    assert axis("image=.", tmp_path).labels == ("a.jpg", "a.png")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("link.loss_ratio", "expected key=values"),
        ("=3", "expected key=values"),
        ("link.loss_ratio=0.4:0:0.1", "the range from 0.4 to 0 by 0.1 is empty"),
        ("link.loss_ratio=0:1:0", "is empty"),
        ("link.loss_ratio=0:1", "expected start:stop:step"),
        ("link.loss_ratio=0:1:1e-7", "has more than 1,000,000 values"),
        ("link.interval_s=log:0:10:3", "0 < start < stop"),
        ("link.interval_s=log:10:1:3", "0 < start < stop"),
        ("link.interval_s=log:1:10:99999999999", "a count of 2 to 1,000,000"),
        ("link.interval_s=0:1e999:1", "is beyond all numbers"),
        ("link.interval_s=0:1:1e-320", "has more than 1,000,000 values"),
        ("link.interval_s=", "has no value"),
        ("link.interval_s=10,20,10", "has 10 twice"),
        ("link.interval_s=[1", "not YAML"),
        ("seed=1,2", "seed cannot vary"),
        ("metrics=[psnr]", "metrics cannot vary"),
        ("image=nowhere", "nowhere is no file or folder"),
    ],
)
def test_what_is_no_axis_is_said_in_a_line(text, says, tmp_path):
    with pytest.raises(ScenarioError, match=r"^--vary ") as caught:
        axis(text, tmp_path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="there is no picture in"):
        axis("image=.", tmp_path)


def test_the_grid_has_every_combination_the_last_axis_fastest():
    places = make_grid(FIRE, [axis("loss=0,0.1"), axis("interval=10,30,60")], HERE)
    assert [(place.scenario.link.loss_ratio, place.scenario.link.interval_s) for place in places] == [
        (0, 10), (0, 30), (0, 60), (0.1, 10), (0.1, 30), (0.1, 60),
    ]  # fmt: skip
    assert places[4].labels([axis("loss=0,0.1"), axis("interval=10,30,60")]) == ["0.1", "30"]


def test_a_star_changes_every_scheme():
    (place,) = make_grid(FIRE, [axis("transport=carousel")], HERE)
    assert [scheme.transport.name for scheme in place.scenario.schemes] == ["carousel", "carousel"]


def test_without_axes_there_is_one_point():
    assert count_points([]) == 1
    assert len(make_grid(FIRE, [], HERE)) == 1


def test_a_key_that_does_not_exist_is_named_with_its_nearest():
    with pytest.raises(ScenarioError, match=r"link.loss_rato=0.1: link.loss_rato is no key; did you mean loss_ratio\?"):
        make_grid(FIRE, [axis("link.loss_rato=0.1")], HERE)


def test_a_value_out_of_range_is_named_with_its_point():
    with pytest.raises(
        ScenarioError, match=r"here.yaml with link.loss_ratio=2: link.loss_ratio is 2.* expected 0 to 1"
    ):
        make_grid(FIRE, [axis("loss=0,2")], HERE)


def test_one_key_cannot_be_two_axes():
    with pytest.raises(ScenarioError, match=r"link\.loss_ratio is there twice"):
        make_grid(FIRE, [axis("loss=0"), axis("link.loss_ratio=0.1")], HERE)


def test_scheme_names_must_be_the_same_everywhere():
    with pytest.raises(ScenarioError, match="expected the same names everywhere"):
        make_grid(FIRE, [axis("schemes.0.name=c,d")], HERE)


def test_labels_of_values_that_are_no_numbers_are_short():
    values = [{"preset": "sbd_9603_open", "loss_ratio": 0.1}, None, True, [1, 2], 0.30000000000000004]
    assert factor_of("x", values, "here").labels == ("sbd_9603_open, loss_ratio 0.1", "null", "true", "[1, 2]", "0.3")


def test_points_are_counted_without_being_made():
    assert count_points([Factor("a", tuple(range(1000)), ()), Factor("b", tuple(range(1000)), ())]) == 1_000_000


def test_the_shipped_scenario_takes_every_short_name():
    path = Path(__file__).parent.parent / "scenarios" / "forest_fire.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    axes = [axis("loss=0.1"), axis("interval=10"), axis("transport=arq")]
    (place,) = make_grid(data, axes, path)
    assert place.scenario.image.path == path.parent / "images" / "forest_fire.png"
