"""README and manual as tests see them: blocks of commands, programs and YAML, links, and headings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if page.exists()]
LINKED = [*PAGES, ROOT / "results" / "README.md", *sorted((ROOT / "codec").glob("*/*.md"))]
"""Pages whose links are followed: also cards, which tell of commands long past."""
FENCE = re.compile(r"(?:<!-- (slow|not run: [^\n]+?) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """What stands between fences."""

    page: str
    line: int
    language: str
    text: str
    mark: str
    """slow, or why it is not run; nothing for what every test run runs."""

    @property
    def file(self) -> str | None:
        """The name that the first line gives it: `# my.yaml`."""
        named = re.match(r"# ([\w./-]+\.(?:ya?ml|py|csv))\n", self.text)
        return named[1] if named else None

    @property
    def runs(self) -> bool:
        """Whether any test runs it."""
        return not self.mark.startswith("not run")


def name_of(page: Path) -> str:
    """The page in the name of a test."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """Every block of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(name_of(page), text[: match.start(2)].count("\n") + 1, match[2], match[3], match[1] or "")
        for match in FENCE.finditer(text)
    ]


def commands(text: str) -> list[str]:
    """The lines of a block of commands, without comments."""
    lines = [re.sub(r"\s+#.*$", "", line) for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def links(page: Path) -> list[str]:
    """Where a page leads to, but for other sites."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [target for target in LINK.findall(text) if not re.match(r"\w+:", target)]


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as code hosts and MkDocs make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}
