"""What the README says exists: files, commands, options."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from satsim.commands.main import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "results" / "README.md", *sorted((ROOT / "codec").glob("*/*.md"))]
COMMANDS = re.findall(r"^    \.venv/bin/satsim (.+?)(?: +#.*)?$", (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line: str) -> None:
    command = typer.main.get_command(app)
    words = shlex.split(line)
    while hasattr(command, "commands"):
        assert words[0] in command.commands
        command = command.get_command(None, words.pop(0))
    known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    assert [word for word in words if word.startswith("-") and word not in known] == []


def test_the_readme_shows_commands_at_all() -> None:
    assert len(COMMANDS) >= 6


def test_each_scenario_of_the_table_is_a_file_and_each_file_is_in_the_table() -> None:
    named = set(re.findall(r"scenarios/(\w+)\.yaml\)", (ROOT / "README.md").read_text()))
    assert named == {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}
