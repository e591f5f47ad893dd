"""Cards of the weights that ship: what their heads say to a program is true, and the same as their words."""

import hashlib
import re
import sys

import numpy as np
import pages
import pytest
import yaml
from PIL import Image

from codec.progic.shape import list_models

ZOO = pages.ROOT / "codec" / "zoo"
MODELS = list_models()
INVENTED = pages.ROOT / "docs" / "invented.md"
sys.path.insert(0, str(pages.ROOT / "benchmarks"))
import judge  # noqa: E402
import sheets  # noqa: E402


def read(model):
    """Head and text of a card."""
    _, head, text = (ZOO / f"progic-{model}.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def table(text, model):
    """Set -> {(metric, packets): number as it is written} of the card's table of scores."""
    lines = [line for line in text.splitlines() if line.startswith("| codec, packets held |")]
    names, *sets = (cell.strip() for cell in lines[0].strip("|").split("|")[1:])
    first, metrics = names.split(maxsplit=1)
    found = {}
    for line in re.findall(rf"^\| ProGIC {model}, (.*)$", text, re.MULTILINE):
        packets, *cells = line.strip("|").split("|")
        for name, cell in zip((first, *sets), cells, strict=True):
            scores = [score.strip().removesuffix(" dB") for score in cell.split("/")]
            keys = [(metric.strip().lower(), int(packets[0])) for metric in metrics.split("/")]
            found.setdefault(name, {}).update(zip(keys, scores, strict=True))
    return found


@pytest.mark.parametrize("model", MODELS)
def test_the_file_that_a_card_names_is_the_one_that_ships(model):
    _, text = read(model)
    data = (ZOO / f"progic-{model}.safetensors").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert re.search(r"\| file \| `(\S+)`, float16, ([\d,]+) bytes, SHA-256 `(\w+)`", text).groups() == (
        f"progic-{model}.safetensors", f"{len(data):,}", digest
    )  # fmt: skip
    assert f"| model id on the air | `{digest[:8]}`" in text


@pytest.mark.parametrize("model", MODELS)
def test_a_head_has_what_a_hub_of_models_asks_for(model):
    head, text = read(model)
    assert head["license"] == "other"
    assert (ZOO / head["license_link"]).is_file()
    assert head["license_name"] in (pages.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert {"library_name", "pipeline_tag", "tags", "datasets", "metrics"} <= head.keys()
    (entry,) = head["model-index"]
    assert entry["name"] == f"progic-{model}"
    for result in entry["results"]:
        assert result["task"]["type"]
        assert result["dataset"]["name"]
        assert {metric["type"] for metric in result["metrics"]} == set(head["metrics"])
    for section in ("Model", "Uses", "How to use", "Training", "Scores", "Where it fails", "Licence and citation"):
        assert f"\n## {section}\n" in text


@pytest.mark.parametrize("model", MODELS)
def test_every_number_of_a_head_stands_in_the_table(model):
    head, text = read(model)
    rows = table(text, model)
    (entry,) = head["model-index"]
    assert [result["dataset"]["type"] for result in entry["results"]] == ["kodak", "fire", "aerial"]
    for result in entry["results"]:
        written = rows[result["dataset"]["type"]]
        for metric in result["metrics"]:
            packets = int(re.search(r", (\d) packets?$", metric["name"])[1])
            assert metric["value"] == float(written[metric["type"], packets])


def test_the_page_of_what_is_invented_speaks_of_the_weights_that_its_sheets_were_made_with():
    text = INVENTED.read_text(encoding="utf-8")
    weights = re.search(r"weights `(\w{8})`", text)[1]
    shown = re.findall(r"\]\(\.\./(codec/zoo/\S+\.jpg)\)", text)
    assert [name[-6:-4] for name in shown] == list(sheets.INVENTED)
    for name in shown:
        with Image.open(pages.ROOT / name) as sheet:
            said = sheet.info["comment"].decode()
        assert said == f"python benchmarks/sheets.py invented --model small; weights {weights}"
    assert sum((pages.ROOT / name).stat().st_size for name in shown) < 1_500_000


@pytest.mark.parametrize("model", MODELS)
def test_sheets_of_failures_are_of_the_weights_that_ship(model):
    _, text = read(model)
    for name in re.findall(r"\]\((progic-\S+\.jpg)\)", text):
        with Image.open(ZOO / name) as sheet:
            assert sheet.info["comment"].decode().endswith(f"; weights {weights_id(re.split('[-.]', name)[1])}")


def weights_id(model):
    """The first four bytes of the file's hash."""
    return hashlib.sha256((ZOO / f"progic-{model}.safetensors").read_bytes()).hexdigest()[:8]


def test_a_sheet_frames_the_part_that_it_enlarges():
    photo = Image.new("RGB", (sheets.SIDE, sheets.SIDE), "blue")
    photo.paste("yellow", (64, 100, 128, 164))
    each = sheets.Decoded("kodak 1", photo, dict.fromkeys(sheets.HELD, photo), {})
    sheet = np.asarray(sheets.with_part(each, 64, 100, "a thing"))
    first = sheet[sheets.LINE :][: sheets.SIDE, : sheets.SIDE]
    framed = (first == sheets.MARK).all(2)
    assert framed[99, 63:129].all()
    assert framed[164, 63:129].all()
    assert framed.sum() == 4 * 65
    assert (sheet[-sheets.WIDE :] == (255, 255, 0)).all(), "six times nothing but the thing"


def test_a_bootstrap_of_ratios_keeps_photos_in_pairs():
    before = np.array([0.1, 0.4, 0.7, 1.0])
    low, high = judge.interval(before)
    assert 0.1 <= low < before.mean() < high <= 1.0
    assert judge.interval(before * 0.9, before) == pytest.approx((0.9, 0.9))


def test_a_judge_without_its_weights_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match=r"efficientnet-lite0-57934424\.pth: not there; install what"):
        judge.load_judge(tmp_path)
