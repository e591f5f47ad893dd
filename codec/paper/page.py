"""The page: every figure and table of the paper in its order, from the results on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codec.paper.disk import Kept, kept
from codec.paper.items import ITEMS, name_of
from codec.paper.result import NOT, RULE, Result, Row, grade, is_noise, verdict

HEAD = """\
# The paper, table by table

Every figure and table of *ProGIC: Progressive and Lightweight Generative Image Compression with Residual Vector
Quantization* (arXiv 2603.02897v1), made anew by `satsim paper`, which also wrote this page. The paper's numbers are
those of its text, by table and section; what it only plots is not read off.
"""


def page(out: Path) -> str:
    """All of it in Markdown; what was not run says so. Raises CodecError for a result that cannot be read."""
    found = {key: kept(out, key) for key in ITEMS}
    verdicts = {key: verdict_of(key, each) for key, each in found.items()}
    parts = [HEAD, *grounds(found), f"\n**The rule.** {RULE}\n"]
    parts.append("| item | what | verdict |\n|---|---|---|")
    for key, said in verdicts.items():
        parts.append(f"| {linked(key)} | {ITEMS[key].title} | {cell(said)} |")
    for key, each in found.items():
        parts.append(f"\n## {heading(key)}\n\n**{verdicts[key]}**.")
        if each:
            parts += body(key, each.result)
    return "\n".join(parts) + "\n"


def verdict_of(key: str, found: Kept | None) -> str:
    """By the rule; of what is not on disk, what to do about it."""
    if found is None:
        return verdict(Result(skipped=ITEMS[key].reason or f"it was not run (`satsim paper {key}`)"))
    return verdict(found.result)


def grounds(found: dict[str, Kept | None]) -> list[str]:
    """Whose results these are: a line for each way in which they were asked for."""
    ways: dict[str, list[str]] = {}
    for key, each in found.items():
        if each and not each.result.skipped:
            told = each.told
            photos = "all photos" if told["photos"] == "None" else f"at most {told['photos']} photos of a set"
            way = f"`{told['model']}` (id {told['model_id']}), {photos}, {told['device']}"
            ways.setdefault(way, []).append(name_of(key))
    return [f"- {way}: {', '.join(keys) if len(ways) > 1 else 'every item that was run'}" for way, keys in ways.items()]


def heading(key: str) -> str:
    """`Table 1: BD-rate and ...`."""
    return f"{name_of(key)}: {ITEMS[key].title}"


def linked(key: str) -> str:
    """The item's name, leading to its part of the page."""
    anchor = "".join(letter for letter in heading(key).lower() if letter.isalnum() or letter in "_- ")
    return f"[{name_of(key)}](#{anchor.strip().replace(' ', '-')})"


def body(key: str, result: Result) -> list[str]:
    """Pictures, numbers, and what is to be known about them."""
    parts = [f"\n![{each.caption}]({key}/{each.name})\n\n{each.caption}" for each in result.pictures]
    parts += table(result.rows) if result.rows else []
    facts = [("Photos", result.photos), ("Bytes", result.bytes)]
    facts += [("Differs", each) for each in result.differs] + [
        ("Note", each) for each in (*result.notes, *result.lacks)
    ]
    if any(said for _, said in facts):
        parts.append("")
    return parts + [f"- {name}: {said}" for name, said in facts if said]


def table(rows: Sequence[Row]) -> list[str]:
    """Ours beside the paper's."""
    lines = ["", "| what | ours [95 %] | n | the paper | where | margin | found |", "|---|---:|---:|---:|---|---:|---|"]
    for row in rows:
        unit = f" {row.unit}" if row.unit else ""
        better = f" ({row.better} is better)" if row.better else ""
        spread = "" if row.low is None or row.high is None else f" [{shown(row.low)}, {shown(row.high)}]"
        ours = "–" if row.ours is None else f"{shown(row.ours)}{spread}{unit}"
        theirs = "only plotted" if row.place else "–"
        if row.side and row.neutral is not None:
            theirs = f"{row.side} {shown(row.neutral)}{unit}"
        if row.theirs is not None:
            theirs = f"{row.bound} {shown(row.theirs)}{unit}".strip()
        margin = "–" if row.margin is None else f"±{shown(row.margin)}{unit}"
        stand_in = f"by a stand-in, {row.stand_in}" if row.stand_in and row.ours is not None else ""
        noise = "within the noise" if grade(row) == NOT and is_noise(row) else ""
        found = "; ".join(filter(None, (grade(row), noise, stand_in, row.note))) or "not compared"
        cells = (row.what + better, ours, str(row.n or "–"), theirs, row.place or "–", margin, found)
        lines.append("| " + " | ".join(map(cell, cells)) + " |")
    return lines


def shown(value: float | None) -> str:
    """Three digits or so."""
    if value is None:
        return "–"
    if value and abs(value) < 1:
        return f"{value:.3g}" if abs(value) < 0.1 else f"{value:.3f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def cell(text: str) -> str:
    """Text that stays in its column."""
    return text.replace("|", "\\|").replace("\n", " ")
