"""The manual as web pages: built without a warning, whole, and without a network."""

import re
import subprocess
import sys

import pages
import pytest

pytest.importorskip("mkdocs", reason="mkdocs is not installed (pip install -e '.[dev]')")
SETTINGS = pages.ROOT / "mkdocs.yml"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, as `make docs` builds it: any warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(SETTINGS), "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_of_the_manual_is_on_the_site_and_in_its_contents(site):
    first = (site / "index.html").read_text(encoding="utf-8")
    for page in sorted((pages.ROOT / "docs").rglob("*.md")):
        place = page.relative_to(pages.ROOT / "docs").with_suffix(".html")
        assert (site / place).is_file()
        assert f'href="{place.as_posix()}"' in first or place.name == "index.html", f"{place} is in the contents"


def test_every_link_of_the_site_leads_somewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r'(?:href|src)="([^"#?]+)', text):
            if page.name != "404.html" and not re.match(r"\w+:", target):
                assert (page.parent / target).exists(), f"{page.relative_to(site)}: {target}"


def test_nothing_is_fetched_from_a_network(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert re.findall(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="?(?:https?:)?//[^>]+', text) == []


def test_links_out_of_the_manual_lead_to_files_that_come_along(site):
    assert (site / "files" / "satsim" / "pipeline.py").is_file()
    assert 'href="files/satsim/pipeline.py"' in (site / "design.html").read_text(encoding="utf-8")
    assert 'href="cards/progic-small.html"' in (site / "codec.html").read_text(encoding="utf-8")
    assert not list(site.rglob("progic-*.jpg")), "photos that are not ours to pass on"
