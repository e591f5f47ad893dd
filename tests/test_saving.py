"""A results folder can be sent away and run again."""

import json
import shutil

import yaml

from satsim.pipeline import run, save
from satsim.scenario.scenario import load_scenario, save_scenario

STORY = {
    "name": "story",
    "image": {"path": "photos/photo.png", "width": 48, "height": 32},
    "link": {"packet_bytes": 60, "loss": {"model": "trace", "path": "losses.csv"}},
    "schemes": [{"name": "strips", "codec": "codec.fake:FakeCodec"}],
    "metrics": ["psnr"],
    "duration_s": 600,
}


def story_in(folder, small_photo, **changes):
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    shutil.copy(small_photo, folder / "photos" / "photo.png")
    (folder / "losses.csv").write_text("slot,lost\n0,0\n1,1\n2,0\n3,0\n", encoding="utf-8")
    (folder / "story.yaml").write_text(yaml.safe_dump(STORY | changes), encoding="utf-8")
    return folder / "story.yaml"


def numbers(folder):
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    for scheme in summary["schemes"].values():
        del scheme["measured_encode_s"], scheme["measured_decode_s"]
    return summary


def test_a_results_folder_runs_again_elsewhere_and_gives_the_same(small_photo, tmp_path):
    save(run(load_scenario(story_in(tmp_path / "here", small_photo))), tmp_path / "out")
    shutil.rmtree(tmp_path / "here")
    shutil.move(tmp_path / "out", tmp_path / "mailed")
    written = (tmp_path / "mailed" / "scenario.yaml").read_text(encoding="utf-8")
    assert str(tmp_path) not in written
    save(run(load_scenario(tmp_path / "mailed" / "scenario.yaml")), tmp_path / "again")
    assert numbers(tmp_path / "again") == numbers(tmp_path / "mailed")
    assert (tmp_path / "again" / "events.csv").read_bytes() == (tmp_path / "mailed" / "events.csv").read_bytes()


def test_files_of_one_name_are_carried_side_by_side_and_one_file_once(small_photo, tmp_path):
    (tmp_path / "here" / "other").mkdir(parents=True)
    (tmp_path / "here" / "other" / "losses.csv").write_text("slot,lost\n0,1\n", encoding="utf-8")
    other = {"packet_bytes": 60, "loss": {"model": "trace", "path": "other/losses.csv"}}
    schemes = [STORY["schemes"][0] | {"name": name} | link for name, link in (("a", {}), ("b", {"link": other}))]
    plan = load_scenario(story_in(tmp_path / "here", small_photo, schemes=[*schemes, schemes[1] | {"name": "c"}]))
    (tmp_path / "saved").mkdir()
    save_scenario(plan, tmp_path / "saved" / "scenario.yaml")
    carried = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "saved" / "inputs").glob("*.csv")}
    assert sorted(carried) == ["2_losses.csv", "losses.csv"]
    again = load_scenario(tmp_path / "saved" / "scenario.yaml")
    assert [again.link_of(scheme).loss.path.read_text(encoding="utf-8") for scheme in again.schemes] == [
        plan.link_of(scheme).loss.path.read_text(encoding="utf-8") for scheme in plan.schemes
    ]


def test_a_file_among_a_codecs_options_is_carried_too(small_photo, tmp_path):
    path = story_in(tmp_path / "here", small_photo)
    (tmp_path / "here" / "my.safetensors").write_bytes(b"weights")
    scheme = {"name": "mine", "codec": "progic", "options": {"model": "my.safetensors", "stages": 2}}
    path.write_text(yaml.safe_dump(STORY | {"schemes": [scheme]}), encoding="utf-8")
    plan = load_scenario(path)
    assert plan.schemes[0].options["model"] == str((tmp_path / "here" / "my.safetensors").resolve())
    (tmp_path / "saved").mkdir()
    save_scenario(plan, tmp_path / "saved" / "scenario.yaml")
    again = load_scenario(tmp_path / "saved" / "scenario.yaml")
    carried = tmp_path / "saved" / "inputs" / "my.safetensors"
    assert again.schemes[0].options == {"model": str(carried.resolve()), "stages": 2}
    assert carried.read_bytes() == b"weights"
