"""What MkDocs does besides: pages and files from outside docs/ come along, and links to them keep leading there.

In docs/ a link is written as a code host wants it, relative to the page: `../satsim/pipeline.py`. On the site such a
file lies below files/, and a page of `PAGES` has a place of its own. A program or notebook that `examples.md` links to
is shown below the link, with what it prints.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "about.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "codec/zoo/progic-small.md": "cards/progic-small.md",
    "codec/zoo/progic-nano.md": "cards/progic-nano.md",
    "codec/zoo/TRAINING.md": "cards/training.md",
    "codec/metrics/dists-lite.md": "cards/dists-lite.md",
    "results/reference/claims/claims.md": "cards/claims.md",
    "results/reference/paper/paper.md": "cards/paper.md",
}
"""Pages that lie elsewhere in the checkout, and where they stand on the site."""
NOT_OURS = re.compile(r"(codec/zoo|results/reference/paper)/.*\.jpg")
"""Parts of photos that are shown in the checkout and not passed on."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """The files of docs/, the pages from elsewhere, and whatever any of them links to."""
    for source, place in PAGES.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    linked = {target for page in files.documentation_pages() for target in outside(page)}
    for target in sorted(linked):
        files.append(File.generated(config, f"files/{target}", abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The page with links as the site has them."""
    home = page.file.src_uri

    def led(match: re.Match[str]) -> str:
        picture, words, target, anchor = match[1], match[2], meant(home, match[3]), match[4] or ""
        if target is None or (target not in PAGES and target.startswith("docs/") and home not in PAGES.values()):
            return match[0]
        if target in PAGES:
            place = PAGES[target]
        elif target.startswith("docs/"):
            place = target.removeprefix("docs/")
        elif comes_along(target):
            place = f"files/{target}"
        else:
            return f"{words} (in a checkout: `{target}`)" if picture else words
        return f"{picture}[{words}]({posixpath.relpath(place, posixpath.dirname(home))}{anchor})"

    lines = []
    for line in LINK.sub(led, markdown).splitlines():
        lines.append(line)
        if home == "examples.md":
            lines += shown(line)
    return "\n".join(lines)


def shown(line: str) -> list[str]:
    """A program that this line links to, and what it prints, as blocks of code."""
    blocks = []
    for name in re.findall(r"\]\((examples/\w+\.(?:py|txt))\)", line):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8").rstrip()
        blocks += ["", f"```{'python' if name.endswith('.py') else 'text'}", *text.splitlines(), "```"]
    return blocks


def meant(home: str, link: str) -> str | None:
    """The file of the checkout that a link on a page means, relative to the checkout; None for one that is none."""
    if re.match(r"\w+:", link):
        return None
    source = next((source for source, place in PAGES.items() if place == home), f"docs/{home}")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    return target if (ROOT / target).exists() else None


def outside(page: Any) -> set[str]:
    """Files outside docs/ that a page links to and that are to come along."""
    text = Path(page.abs_src_path).read_text(encoding="utf-8")
    targets = {meant(page.src_uri, match[3]) for match in LINK.finditer(text)}
    return {t for t in targets if t and t not in PAGES and not t.startswith("docs/") and comes_along(t)}


def comes_along(target: str) -> bool:
    """Whether a file of the checkout is put on the site as it is: no folder, no further page, nothing of others."""
    path = ROOT / target
    return path.is_file() and path.suffix != ".md" and not NOT_OURS.fullmatch(target)
