"""results/reference is what `make references` wrote with today's weights, and the pages say what is there."""

import json
import re
import sys
from pathlib import Path

import pytest

from codec.progic.shape import DEFAULT_MODEL, model_path

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
sys.path.insert(0, str(ROOT / "benchmarks"))
import readme  # noqa: E402
import references  # noqa: E402


@pytest.mark.parametrize("page", readme.PAGES)
def test_every_number_of_a_page_is_that_of_the_references(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert readme.filled_in(text, REFERENCE, page) == text, "run python benchmarks/references.py --readme"
    assert tuple(re.findall(r"<!-- (\w+): make references -->", text)) == readme.PAGES[page]


def test_every_block_has_a_page():
    assert sorted(readme.BLOCKS) == sorted(name for names in readme.PAGES.values() for name in names)


def test_every_reference_is_as_the_command_wrote_it_with_the_weights_that_ship():
    written = json.loads((REFERENCE / "written.json").read_text(encoding="utf-8"))
    assert (written["model"], written["weights"]) == (DEFAULT_MODEL, references.digest(model_path(DEFAULT_MODEL)))
    assert references.digests() == written["files"]


def test_every_reference_has_a_folder_and_every_picture_of_the_readme_is_one():
    folders = {reference.name for reference in references.REFERENCES}
    assert [name for name in folders if not (REFERENCE / name).is_dir()] == []


def test_a_number_that_is_changed_by_hand_is_noticed(tmp_path):
    text = "<!-- claims: make references -->\n| 24, 0 |\n<!-- end -->\n"
    assert readme.filled_in(text, REFERENCE) != text


def test_a_block_that_no_reference_fills_is_told():
    with pytest.raises(ValueError, match="block 'clams'; expected one of: status, claims"):
        readme.filled_in("<!-- clams: make references -->\n<!-- end -->", REFERENCE)
