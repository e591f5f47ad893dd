"""The house in numbers: who imports whom, how large rooms are, and what a run walks through. `make house` prints them.

A module, function or folder counts by its lines as they stand, blank ones and docstrings included.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parent.parent
MOST_MODULES, MOST_LINES, MOST_FUNCTION_LINES = 14, 300, 60
MOST_RUN_MODULES, MOST_RUN_LINES = 37, 5450
RUN = ("run", "scenarios/forest_fire.yaml")
"""The run whose way is measured: the README's first."""

FLOORS = (
    ("codec",),
    ("satsim.errors", "satsim.words", "satsim.durations"),
    ("satsim.figures",),
    ("satsim.air",),
    ("satsim.sbd",),
    ("satsim.links",),
    ("satsim.scenario",),
    ("satsim.simulation",),
    ("satsim.scoring",),
    ("satsim.notices",),
    ("satsim.pipeline", "satsim.keys", "satsim.messages", "satsim.inputs"),
    ("satsim.replays", "satsim.contradictions", "satsim.receiving", "satsim.pictures"),
    ("satsim.sweep",),
    ("satsim.photoset",),
    ("satsim.study",),
    ("satsim.inbox", "satsim.modem", "satsim.sender"),
    ("satsim.exercise",),
    ("satsim.api", "satsim.testing"),
    ("satsim.commands",),
)
"""Rooms from the ground up: each imports only from its own floor and those below."""


class Module(NamedTuple):
    """A file, parsed."""

    name: str
    path: Path
    lines: int
    imports: frozenset[str]
    """Full names of all that it imports anywhere, also inside functions and for its annotations alone."""
    runs_with: frozenset[str]
    """Of these, what it imports when it runs."""
    functions: dict[str, int]
    """Lines of each function and method, the decorators included."""


@cache
def modules() -> dict[str, Module]:
    """Every module of both packages by name, each file read and parsed once."""
    paths = [path for package in ("codec", "satsim") for path in sorted((REPO / package).rglob("*.py"))]
    return {module.name: module for module in map(read_module, paths)}


def read_module(path: Path) -> Module:
    """The module in `path`."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    unused = {id(node) for part in ast.walk(tree) if is_for_types(part) for node in ast.walk(part)}
    imports: set[str] = set()
    runs_with: set[str] = set()
    functions: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = names_of(node)
            imports |= names
            runs_with |= set() if id(node) in unused else names
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            functions[f"{node.name}:{node.lineno}"] = (node.end_lineno or first) - first + 1
    name = ".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, text.count("\n"), frozenset(imports), frozenset(runs_with), functions)


def is_for_types(node: ast.AST) -> bool:
    """Whether this is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def names_of(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Full names of what a statement imports: of `from a import b`, a and a.b."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    assert node.level == 0, f"relative import of {node.module}"
    return {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}


def imported_modules(module: Module) -> set[str]:
    """Those of our modules that a module imports."""
    return {name for name in module.imports if name in modules()} - {module.name}


def floor_of(name: str) -> int | None:
    """The floor of a module; None for the entrances, which stand outside."""
    found = [k for k, rooms in enumerate(FLOORS) for room in rooms if name == room or name.startswith(f"{room}.")]
    return found[0] if found else None


def imports_upward() -> list[str]:
    """Each import from a lower floor to a higher one, as "satsim.air.x -> satsim.study.y"."""
    found = []
    for module in modules().values():
        here = floor_of(module.name)
        for other in imported_modules(module):
            there = floor_of(other)
            if here is not None and there is not None and there > here:
                found.append(f"{module.name} -> {other}")
    return sorted(found)


def circles() -> list[str]:
    """Modules that lie on a circle of imports, at load time or later; a package stands for its __init__ alone."""
    reach = {name: {each for each in module.runs_with if each in modules()} for name, module in modules().items()}
    for name in reach:
        reach[name] = {other for other in reach[name] - {name} if not name.startswith(f"{other}.")}
    found = []
    for name in reach:
        seen: set[str] = set()
        todo = list(reach[name])
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                todo += reach[each]
        if name in seen:
            found.append(name)
    return sorted(found)


def folders() -> dict[str, int]:
    """Modules in each folder, an empty-handed __init__ (a docstring alone) not counted."""
    found: dict[str, int] = {}
    for module in modules().values():
        if module.path.name != "__init__.py" or module.functions or module.lines > 3:
            folder = str(module.path.parent.relative_to(REPO))
            found[folder] = found.get(folder, 0) + 1
    return found


TRACER = """
import json, os, sys, threading
ran = {}
def note(frame, event, argument):
    if event == "call" and frame.f_code.co_name != "<module>":
        ran[frame.f_code.co_filename] = None
threading.setprofile(note)
sys.setprofile(note)
from satsim.commands.main import main
sys.argv = ["satsim", *json.loads(os.environ["HOUSE_RUN"])]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
sys.setprofile(None)
print(json.dumps(list(ran)), file=open(os.environ["HOUSE_SAYS"], "w"))
"""


def traced(arguments: tuple[str, ...] = RUN) -> dict[str, int]:
    """Lines of each module in which `satsim` with these arguments ran any function or class body, by name."""
    with tempfile.TemporaryDirectory() as folder:
        says = Path(folder, "ran.json")
        told = {"HOUSE_RUN": json.dumps([*arguments, "--out", str(Path(folder, "out"))]), "HOUSE_SAYS": str(says)}
        environment = os.environ | told | {"PYTHONPATH": str(REPO), "SATSIM_CACHE": str(Path(folder, "cache"))}
        environment.pop("SATSIM_WEIGHTS", None)
        subprocess.run([sys.executable, "-c", TRACER], env=environment, cwd=REPO, check=True, capture_output=True)
        files = set(json.loads(says.read_text()))
    return {name: module.lines for name, module in modules().items() if str(module.path) in files}


def main() -> None:
    """Print every bar beside what it is held to."""
    way = traced()
    print(f"satsim {' '.join(RUN)} executes code in:")
    for name, lines in way.items():
        print(f"  {lines:4d} {name}")
    largest = max(modules().values(), key=lambda module: module.lines)
    functions = [(lines, f"{m.name}.{name}") for m in modules().values() for name, lines in m.functions.items()]
    fullest, count = max(folders().items(), key=lambda item: item[1])
    rows = [
        ("modules that a run walks through", len(way), MOST_RUN_MODULES, ""),
        ("their lines", sum(way.values()), MOST_RUN_LINES, ""),
        ("modules in the fullest folder", count, MOST_MODULES, fullest),
        ("lines of the longest module", largest.lines, MOST_LINES, largest.name),
        ("lines of the longest function", *max(functions)[:1], MOST_FUNCTION_LINES, max(functions)[1]),
        ("imports upward", len(imports_upward()), 0, "; ".join(imports_upward()[:3])),
        ("modules on a circle of imports", len(circles()), 0, "; ".join(circles()[:3])),
    ]
    for what, value, bar, where in rows:
        print(f"{'ok  ' if value <= bar else 'OVER'} {what}: {value} (at most {bar}) {where}")
    print(f"in all {len(modules())} modules, {sum(module.lines for module in modules().values()):,} lines")
    raise SystemExit(any(value > bar for _, value, bar, _ in rows))


if __name__ == "__main__":
    main()
