"""The blocks of the README and of the manual that follow from results/reference, and nothing else.

A block stands between `<!-- NAME: make references -->` and `<!-- end -->`; `BLOCKS` has what belongs there, `PAGES`
which page has it.
"""

from __future__ import annotations

import csv
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from satsim.words import clock

PAGES = {"README.md": ("status", "claims"), "docs/study.md": ("studies",), "docs/codec.md": ("times",)}
"""Blocks of each page."""


def filled_in(text: str, reference: Path, page: str = "README.md") -> str:
    """A page with each block as the references have it. Raises ValueError for a block that is not theirs."""

    def block(match: re.Match[str]) -> str:
        if match[1] not in BLOCKS:
            raise ValueError(f"{page} has a block {match[1]!r}; expected one of: {', '.join(BLOCKS)}")
        return f"<!-- {match[1]}: make references -->\n{BLOCKS[match[1]](reference)}\n<!-- end -->"

    return re.sub(r"<!-- (\w+): make references -->\n.*?<!-- end -->", block, text, flags=re.DOTALL)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def json_of(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def claims_table(reference: Path) -> str:
    """On how many photos ProGIC is better than AVIF, and on how many worse, by every metric."""
    rows = [row for row in rows_of(reference / "claims" / "claims.csv") if row["rival"] == "AVIF"]
    metrics = {row["metric"]: METRICS[row["metric"]] for row in rows}
    lines = [
        f"| ProGIC against AVIF: photos better, worse | {' | '.join(metrics.values())} |",
        "|---|" + "---|" * len(metrics),
    ]
    for photos, packets in dict.fromkeys((row["photos"], row["packets"]) for row in rows):
        mine = [row for row in rows if (row["photos"], row["packets"]) == (photos, packets)]
        cells = [
            f"{row['better']}, {row['worse']} ({score(row, 'progic_median')} / {score(row, 'rival_median')})"
            for row in mine
        ]
        plural = "s" * (packets != "1")
        lines.append(f"| {photos}, n = {mine[0]['n']}, {packets} packet{plural} | {' | '.join(cells)} |")
    return "\n".join(lines)


def score(row: dict[str, str], who: str) -> str:
    """A median as the field writes it: decibels with one decimal, all else with three."""
    return f"{float(row[who]):.{1 if row['metric'] == 'psnr' else 3}f}"


METRICS = {"dists-lite": "DISTS-lite ↓", "lpips-squeeze": "LPIPS ↓", "ms-ssim": "MS-SSIM ↑", "psnr": "PSNR, dB ↑"}


def studies_table(reference: Path) -> str:
    """What came out of each worked study, in the words that its numbers fill in."""
    folder = reference / "studies"
    rows = [
        ("loss_and_pace", "how soon and how sure is a picture of the fire, over loss and pace?", loss_and_pace(folder)),
        ("repeat_or_repair", "ten messages and no answer: repeat, or send repair packets? And what would"
         " acknowledgements be worth?", repeat_or_repair(folder)),
        ("who_sends_first", "twenty handhelds on one channel: whose packet goes first?", who_sends_first(folder)),
        ("cheapest_design", "the cheapest way to be 95 % sure of a useful picture within five minutes, at 20 % loss",
         cheapest_design(folder)),
    ]  # fmt: skip
    lines = ["| study | the question | what came out, by DISTS-lite, in 95 of 100 runs |", "|---|---|---|"]
    lines += [f"| [`{name}`](../scenarios/studies/{name}.yaml) | {asked} | {out} |" for name, asked, out in rows]
    return "\n".join(lines)


def loss_and_pace(folder: Path) -> str:
    """Up to which loss a progressive picture is there by the third packet, and how often a whole file arrives."""
    rows = [
        row for row in rows_of(folder / "loss_and_pace" / "heat_first_image_s.csv") if row["link.interval_s"] == "60"
    ]
    soon = [
        float(row["link.loss_ratio"])
        for row in rows
        if row["scheme"] == "ProGIC progressive" and row["value"] and float(row["value"]) <= 125
    ]
    (whole,) = (r for r in rows if r["scheme"] == "AVIF whole, large, 5 packets" and float(r["link.loss_ratio"]) == 0.1)
    return (
        f"sent once, progressive ProGIC has a picture by the third packet up to {100 * max(soon):.0f} % loss; an"
        f" AVIF of five packets arrives in {100 * float(whole['share_within_run']):.0f} % of runs at 10 % loss"
    )


def repeat_or_repair(folder: Path) -> str:
    """Which way ends best at which loss, without an answer and with one."""
    rows = [
        r for r in rows_of(folder / "repeat_or_repair" / "bands_final_dists-lite.csv") if r["statistic"] == "certainty"
    ]
    final = {(r["scheme"], float(r["link.loss_ratio"])): float(r["value"] or "inf") for r in rows}
    losses = sorted({loss for _, loss in final})
    blind = sorted({scheme for scheme, _ in final if "ARQ" not in scheme})
    best = [min(blind, key=lambda scheme: final[scheme, loss]) for loss in losses[1:]]
    runs = [
        (scheme, loss)
        for k, (scheme, loss) in enumerate(zip(best, losses[1:], strict=True))
        if best[k + 1 : k + 2] != [scheme]
    ]
    told = "; ".join(f"{short(scheme)} up to {100 * loss:.0f} % loss" for scheme, loss in runs)
    arq = "ProGIC progressive, ARQ"
    held = max(loss for loss in losses if final[arq, loss] <= 1.001 * final[arq, 0.0])
    return f"without an answer best: {told}. With acknowledgements full quality holds to {100 * held:.0f} % loss"


def short(scheme: str) -> str:
    """A scheme's label as a clause."""
    return scheme.replace("ProGIC progressive, ", "").replace("AVIF whole", "AVIF")


def who_sends_first(folder: Path) -> str:
    """When the last photo shows something, by schedule."""
    rows = rows_of(folder / "who_sends_first" / "heat_last_first_image_s.csv")
    at = {
        r["senders.schedule"]: clock(float(r["value"]) if r["value"] else None)
        for r in rows
        if r["scheme"] == "ProGIC progressive, first packet twice" and float(r["link.loss_ratio"]) == 0.1
    }
    return (
        f"with 10 % loss every photo shows something after {at['first_previews']} with previews first,"
        f" {at['round_robin']} in turn, {at['whole_photos']} photo by photo"
    )


def cheapest_design(folder: Path) -> str:
    """The recommended design and what it takes; and the cheapest of AVIF."""
    about = json_of(folder / "cheapest_design" / "study.json")
    designs = {row["design"]: row for row in rows_of(folder / "cheapest_design" / "designs.csv")}
    chosen = designs[about["recommended"]]
    files = [r for r in designs.values() if r["codec"] == "avif" and r["goal"].startswith("met")]
    least = min(files, key=lambda row: float(row["messages"]), default=None)
    avif = f"of AVIF it takes {float(least['messages']):g}" if least else "no design with AVIF does it"
    sure, count = about["confirmed"], len(about["photos"])
    return (
        f"over {count} photos of fires: {about['recommended']} ({float(chosen['messages']):g} messages; a picture after"
        f" {clock(float(chosen['first_image_s']))}), which meets the goal in {100 * sure['share']:.1f} % of fresh runs,"
        f" and on {sure['photos_that_meet_the_goal']} of the {count} photos taken alone; {avif}"
    )


def status_words(reference: Path) -> str:
    """How good the default weights are, in a sentence or two."""
    rows = rows_of(reference / "claims" / "claims.csv")
    kodak = {(r["metric"], int(r["packets"])): r for r in rows if (r["photos"], r["rival"]) == ("kodak", "AVIF")}

    def medians(metric: str, who: str) -> str:
        return " with one packet and ".join(f"{float(kodak[metric, k][who]):.3f}" for k in (1, 5)) + " with five"

    n = kodak["psnr", 1]["n"]
    worse = " and ".join(
        f"by {name} on {kodak[metric, 1]['worse']} with one packet and on {kodak[metric, 5]['worse']} with five"
        for metric, name in (("ms-ssim", "MS-SSIM"), ("psnr", "PSNR"))
    )
    lpips, dists = (
        f"{medians(metric, 'progic_median')}, AVIF's {medians(metric, 'rival_median')}"
        for metric in ("lpips-squeeze", "dists-lite")
    )
    return wrapped(
        f"On the {n} photos of Kodak at 256x256 the median LPIPS (SqueezeNet) is {lpips} (headers stripped); DISTS-lite"
        f" is {dists}. AVIF is truer to the pixels: it is ahead {worse}, of the {n}."
    )


def times_words(reference: Path) -> str:
    """What coding takes here, as ratios, and what the demo takes."""
    times = json_of(reference / "times.json")
    ratios = times["ratios"]
    return wrapped(
        f"Encoding and decoding 256x256 pixels take `small` {ratios['small']:.2f} and `nano` {ratios['nano']:.2f} of"
        f" the time of eager float32 `nano` (medians of {times['rounds']} rounds in turn, {times['threads']} threads)."
        f" On two cores ({times['processor']}) `satsim decode` of a packet takes {times['cold_decode_s']:.1f} s in"
        f" a new process, and `make demo`'s run {times['demo_s']:.0f} s and {times['demo_peak_mib']:.0f} MiB of memory."
    )


def wrapped(text: str) -> str:
    """In lines of a page."""
    return "\n".join(textwrap.wrap(text, 118, break_on_hyphens=False))


BLOCKS = {"status": status_words, "claims": claims_table, "studies": studies_table, "times": times_words}
"""What stands between the marks of each name."""
