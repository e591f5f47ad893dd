"""Damaged scenarios, sweeps, studies, keys and settings at the door: each is read, or refused in lines within a second.

    python benchmarks/scenario_drill.py [--texts N] [--seed S]

Every shipped scenario and study is damaged in its letters, lines, values and keys; some texts are made to be hostile.
Exit code 1 for a traceback, for a wait of over a second of processor time, or for lines that do not name the file.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from codec.base import CodecError
from satsim.errors import SatsimError
from satsim.keys import read_keys
from satsim.scenario.scenario import load_scenario
from satsim.study.plan import read_plan
from satsim.sweep.files import read_request

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
KEY = "sender: 7\nkey: 000102030405060708090a0b0c0d0e0f\ntag_bytes: 8\nnext_counter: 0\n"
VALUES = (
    "-1", "1e999", ".nan", "null", "[]", "{}", "0x" + "f" * 6000, "'\\0'", '"\\0"', "!!python/object:os.system", "~",
    "2024-13-45", "*a", "&a x", "99999999999999999999", "\u202e", "yes", "[" * 200, "'{packts}'", "1_0:99",
    "/dev/zero", "!!binary aGVsbG8=", "!!set {a, b}", "!!omap [a: 1]", "1:30", "0o17", "-0.0", '"\\e[31m"', '"a\\nb"',
    "'  '", "avfi", "{1: 2, [a]: 3}", "subprocess:run", "{model: /dev/zero}",
)  # fmt: skip
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{','.join(['*' + chr(97 + k)] * 9)}]\n" for k in range(9)
)
HOSTILE = (
    BOMB,
    "[" * 50_000,
    "a: " * 20_000,
    "x: &x {y: *x}\n",
    "name: a\nname: b\n",
    "\0",
    "\ufeff",
    "",
    "- " * 30_000,
    "a: 1\n---\nb: 2\n",
    "{" * 10_000,
    "x: |\n  " + "y" * 300_000,
)


def damaged(text: str, chance: random.Random) -> str:
    """The text with one thing wrong, of any of eight kinds."""
    lines = text.splitlines()
    k = chance.randrange(len(lines))
    match chance.randrange(8):
        case 0:
            del lines[k]
        case 1:
            lines.insert(k, lines[chance.randrange(len(lines))])
        case 2:
            lines[k] = lines[k].replace(":", ": " + chance.choice(VALUES), 1)
        case 3:
            at = chance.randrange(len(text))
            return text[:at] + chance.choice("{}[]:,#&*!|>'\"%@`\n\t\0\x7f") + text[at:]
        case 4:
            return text[: chance.randrange(len(text))]
        case 5:
            lines[k] = " " * chance.randrange(5) + lines[k]
        case 6:
            return chance.choice(HOSTILE)
        case _:
            words = lines[k].split(" ")
            words[chance.randrange(len(words))] = chance.choice(VALUES)
            lines[k] = " ".join(words)
    return "\n".join(lines) + "\n"


TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(SCENARIOS.rglob("*.yaml"))}
SWEEPS = tuple(text for text in TEXTS.values() if "\nvary:" in text)
STUDIES = tuple(text for text in TEXTS.values() if "\ngoal:" in text)
PLAIN = tuple(text for text in TEXTS.values() if text not in SWEEPS + STUDIES)
READERS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "scenario": (load_scenario, PLAIN),
    "sweep": (lambda path: read_request(path, [], [], path.parent), SWEEPS),
    "study": (lambda path: read_plan(path, {}), STUDIES),
    "key": (read_keys, (KEY,)),
}
"""By kind: what reads it, and sound texts to damage."""


def main() -> int:
    """Print tried and failed of each kind; 1 for any failure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=2000, help="damaged texts of each kind")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    mistakes = 0
    print(f"{'kind':10}{'tried':>8}{'read':>8}{'refused':>9}{'failed':>8}{'longest, s':>12}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "forest_fire.yaml").write_text(TEXTS["forest_fire"], encoding="utf-8")
        path = Path(folder, "studies", "text.yaml")
        path.parent.mkdir()
        for kind, (read, texts) in READERS.items():
            chance = random.Random(f"{arguments.seed} {kind}")
            refused, failed, longest_s = 0, 0, 0.0
            for _ in range(arguments.texts):
                text = damaged(chance.choice(texts), chance)
                path.write_text(text, encoding="utf-8", newline="")
                path.chmod(0o600)
                began = time.process_time()
                try:
                    read(path)
                except (SatsimError, CodecError) as error:
                    refused += 1
                    failed += not str(error).strip() or len(str(error)) > 20_000
                except OSError:
                    refused += 1
                except Exception as error:
                    failed += 1
                    print(f"  {kind}: {error!r:.300}\n  {text[:200]!r}", file=sys.stderr)
                spent_s = time.process_time() - began
                longest_s = max(longest_s, spent_s)
                failed += spent_s > 1.0
            read_ = arguments.texts - refused - failed
            print(f"{kind:10}{arguments.texts:>8,}{read_:>8,}{refused:>9,}{failed:>8,}{longest_s:>12.2f}", flush=True)
            mistakes += failed
    print(f"mistakes: {mistakes}")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
