"""`satsim replay`: a run that was saved, played into a command post, for a course or an exercise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from satsim.commands import options
from satsim.commands.mending import echo


def replay(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder that `satsim run` wrote.")],
    to: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Inbox's folder or database, directip:HOST:PORT or http://...")
    ],
    speed: Annotated[
        float, typer.Option(min=0.01, max=1e6, help="How fast its clock runs: 60 makes minutes seconds.")
    ] = 1.0,
    scheme: Annotated[str | None, typer.Option(help="Which scheme's messages.  [default: the first]")] = None,
    allow_code: options.AllowCode = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every line as JSON.")] = False,
) -> None:
    """Play a saved run's messages into an inbox, when they arrived: an exercise without hardware.

    What arrived spoilt is left out, and told. The same run played again brings nothing new: begin with a new inbox.
    """
    from codec.own import CODE_ALLOWED
    from satsim.exercise.playing import destination, play
    from satsim.exercise.reading import read_exercise

    CODE_ALLOWED.set(allow_code)
    where = destination(to)
    exercise = read_exercise(results, scheme)
    before = {"event": "exercise", "scheme": exercise.label, "messages": len(exercise.messages)}
    before |= {"seconds": round(exercise.messages[-1].time_s / speed, 1), "spoilt": exercise.spoilt}

    def say(line: Mapping[str, Any]) -> None:
        echo(json.dumps(line) if as_json else in_words(line))

    say(before)
    play(exercise, where, speed, say)


def in_words(line: Mapping[str, Any]) -> str:
    """What is told, as a line."""
    from satsim.words import clock

    match line["event"]:
        case "exercise":
            spoilt = f"; {line['spoilt']} that arrived spoilt are left out" if line["spoilt"] else ""
            return f"{line['scheme']}: {line['messages']} messages in {line['seconds']:g} s{spoilt}"
        case "trouble":
            return str(line["words"])
        case _:
            status = f": {line['status']}" if "status" in line else ""
            reason = f", {line['reason']}" if line.get("reason") else ""
            what = f"sender {line['sender']} packet {line['packet']}, {line['bytes']} bytes"
            return f"{clock(line['time_s'])} {what}{status}{reason}"
