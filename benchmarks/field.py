"""The field in a minute: two teams, two emulated modems, a command post, a lossy link, crashes, and every picture.

python benchmarks/field.py [--out results/field] [--speed 60]

Every party is a process of its own, and they share nothing but serial lines (ptys) and sockets of 127.0.0.1. Team 1
sends a photo by a library that is not ours (adafruit-circuitpython-rockblock, `field_rockblock.py`); team 2 sends two,
sealed, by `satsim send`. One session in five fails, and one message in five is lost behind the gateway, where no modem
hears of it. Amid it all `satsim send` and the inbox are killed (-9) and started again. What is missing at the end is
asked for through the modems, until every picture is whole. The inbox's console is open in a browser all the while,
where one is installed (`field_console.py`), and must show it.

Then everything must add up: each message that the links let through is in the inbox, once; nothing was acknowledged
twice to team 2's sender; `satsim inbox verify` finds nothing wrong. Leaves logs, the inbox, `account.json`,
`field.png` and pictures of the console. Exit code 1, and why, where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

REPO = Path(__file__).resolve().parent.parent
SCENES = REPO / "scenarios" / "images"
SATSIM = (sys.executable, "-m", "satsim")
LOSS = ("--set", "loss_ratio=0.2", "--set", "ground_loss_ratio=0.2")
PATIENCE_S = 100.0
MOST_REQUESTS = 12
SEEDS = {1: 10, 2: 25}
"""Of the teams' links: with these each loses messages behind the gateway, and team 2's modem once does not hear that a
session succeeded."""
SHOWN = 256
"""Pixels a side of a picture on the sheet."""
Row = dict[str, Any]


class Failed(Exception):
    """Something differs from what must be."""


class Party(NamedTuple):
    """A process, and what it has told so far: lines of JSON in its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    begins: int
    """Bytes that were in the log before it began."""

    def told(self, event: str = "") -> list[Row]:
        """Its lines, or those of one event; one that is not whole yet does not count."""
        lines = self.log.read_bytes()[self.begins :].split(b"\n")[:-1]
        rows = [json.loads(line) for line in lines if line.startswith(b"{")]
        return [row for row in rows if event in ("", row["event"])]

    def wait_for(self, what: str, true: Callable[[Party], Any], patience_s: float = PATIENCE_S) -> Any:
        """What `true` gives, once that is something. Raises Failed when it takes too long, or the process ends."""
        end_s = time.monotonic() + patience_s
        while not (found := true(self)):
            if time.monotonic() > end_s or self.process.poll() is not None:
                raise Failed(f"{self.name}: no {what}; see {self.log}, whose last lines are:\n{self._last_lines()}")
            time.sleep(0.02)
        return found

    def kill(self) -> None:
        """At once, without a word."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _last_lines(self) -> str:
        errors = self.log.with_suffix(".err").read_text(encoding="utf-8", errors="replace")
        return "\n".join([*self.log.read_text(encoding="utf-8").splitlines()[-4:], *errors.splitlines()[-8:]])


class Field:
    """All parties; each is ended at the end, however that comes."""

    def __init__(self, out: Path, speed: float) -> None:
        self.out, self.speed = out, speed
        self.began_s = time.monotonic()
        self._parties: list[Party] = []

    def say(self, line: str) -> None:
        """What happens, with the time since the beginning."""
        seconds = time.monotonic() - self.began_s
        print(f"{int(seconds) // 60}:{seconds % 60:04.1f}  {line}", flush=True)

    def start(self, name: str, *command: str | Path) -> Party:
        """A party; of the same name goes on in the same log."""
        log = self.out / "logs" / f"{name}.jsonl"
        log.parent.mkdir(exist_ok=True)
        begins = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out, log.with_suffix(".err").open("ab") as err:
            process = subprocess.Popen(list(map(str, command)), cwd=self.out, stdout=out, stderr=err)
        party = Party(name, process, log, begins)
        self._parties.append(party)
        return party

    def run(self, *arguments: str | Path, code: int | None = 0) -> str:
        """A command of satsim to its end; what it printed. Raises Failed for another exit code than `code`."""
        done = subprocess.run([*SATSIM, *map(str, arguments)], cwd=self.out, capture_output=True, text=True)
        if code is not None and done.returncode != code:
            raise Failed(f"satsim {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout if done.returncode == 0 else ""

    def inbox(self, *ways: str) -> Party:
        """The command post."""
        keys = ("--keys", "team2.key.yaml")
        return self.start("inbox", *SATSIM, "inbox", "--db", "inbox/inbox.db", *ways, *keys, "--json")

    def modem(self, team: int, gateway: str) -> Party:
        """An emulated modem of a team."""
        speed = ("--speed", f"{self.speed:g}", "--seed", str(SEEDS[team]))
        to = ("--to", f"directip:{gateway}", "--confirm", "--mt", "127.0.0.1:0")
        about = ("--imei", f"30023401075337{team}", "--state", f"modem{team}.json", "--json")
        return self.start(f"modem{team}", *SATSIM, "modem", "--link", "sbd_9603_open", *LOSS, *speed, *to, *about)

    def images(self) -> list[Row]:
        """What the inbox holds, by the command that a person would use."""
        images: list[Row] = json.loads(self.run("inbox", "list", "--db", "inbox/inbox.db", "--json"))["images"]
        return images

    def end(self) -> None:
        """Stop what still runs, senders first."""
        for party in reversed(self._parties):
            if party.process.poll() is None:
                party.process.terminate()
        for party in self._parties:
            try:
                party.process.wait(20)
            except subprocess.TimeoutExpired:
                party.process.kill()


@contextmanager
def field(out: Path, speed: float) -> Iterator[Field]:
    """A field in an empty folder."""
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    made = Field(out.resolve(), speed)
    with ExitStack() as stack:
        stack.callback(made.end)
        yield made


def play(field: Field) -> tuple[list[Row], Row]:
    """From three photos to all pictures; images at the end, and how often what was asked for."""
    say = field.say
    field.run("key", "new", "team2.key.yaml", "--sender", "2")
    inbox = field.inbox("--directip", "127.0.0.1:0", "--http", "127.0.0.1:0")
    inbox.wait_for("addresses", lambda party: len(party.told("listening")) == 2)
    gateway, page = (f"{at['address']}:{at['port']}" for at in inbox.told("listening"))
    say(f"the inbox listens on {gateway} for the gateway")
    console = field.start(
        "console", sys.executable, REPO / "benchmarks" / "field_console.py", f"http://{page}/", field.out
    )
    opened = console.wait_for("page", lambda party: party.told("opened") or party.told("skipped"))[0]
    say(f"the console is not looked at: {opened['reason']}" if "reason" in opened else f"the console is open: {page}")
    modems = {team: field.modem(team, gateway) for team in (1, 2)}
    wires = {team: modem.wait_for("port", lambda party: party.told("listening"))[0] for team, modem in modems.items()}
    for team, wire in wires.items():
        say(f"team {team} has a modem at {wire['port']}")
    photo = SCENES / "forest_fire.png"
    field.run("encode", photo, "--packet-bytes", "340", "--sender", "1", "-o", "packets")
    first = field.start(
        "team1",
        sys.executable,
        REPO / "benchmarks" / "field_rockblock.py",
        wires[1]["port"],
        "packets",
        "--listen",
        "60",
    )
    send = (*SATSIM, "send", "--modem", wires[2]["port"], "--queue", "queue", "--speed", f"{field.speed:g}", "--json")
    photos = (SCENES / "flooded_valley.png", SCENES / "collapsed_buildings.png", "--key", "team2.key.yaml")
    second = field.start("team2", *send, *photos)
    second.wait_for("acknowledgements", lambda party: sum(bool(row.get("acknowledged")) for row in party.told()) >= 3)
    second.kill()
    say("team 2's sender is killed after three acknowledgements, and started again")
    second = field.start("team2", *send, "--listen", "1 h")
    inbox.wait_for("messages", lambda party: len(party.told("message")) >= 6)
    inbox.kill()
    say("the inbox is killed after six messages, and started again")
    inbox = field.inbox("--directip", gateway, "--http", page)
    first.wait_for("end of team 1's packets", sent_all)
    second.wait_for("end of team 2's packets", lambda party: nothing_waits(field))
    say("both teams have sent everything, as far as they know")
    requests = ask_until_whole(field, wires)
    images = settle(field)
    say("every picture is whole")
    seen = {} if "reason" in opened else console.wait_for("whole page", lambda party: party.told("done"))[0]
    if seen:
        say(f"the console shows all three, after {seen['changes']} changes and a restart, without being loaded again")
    return images, {"requests": requests, "console": seen}


def sent_all(party: Party) -> bool:
    """Whether the packets of team 1 have each met a session that succeeded."""
    done = {row["packet"] for row in party.told("session") if row["mo_status"] is not None and row["mo_status"] <= 4}
    return len(done) == len(list((party.log.parent.parent / "packets").glob("*.bin")))


def nothing_waits(field: Field) -> bool:
    """Whether all of team 2's packets are acknowledged."""
    listed = field.run("send", "--queue", "queue", "--list", "--json").splitlines()
    return not sum(json.loads(line)["waiting"] for line in listed)


def ask_until_whole(field: Field, wires: dict[int, Row]) -> int:
    """Ask both teams again and again for what is missing; how many requests went out."""
    requests = 0
    end_s = time.monotonic() + PATIENCE_S
    while True:
        missing = {image["sender"]: image["missing"] for image in field.images() if image["missing"]}
        if not missing:
            return requests
        if requests > MOST_REQUESTS or time.monotonic() > end_s:
            raise Failed(f"still missing after {requests} requests: {missing}")
        for team in missing:
            to = ("--to", f"directip:{wires[team]['mt']}", "--keys", "team2.key.yaml")
            if field.run("inbox", "ask", str(team), "--db", "inbox/inbox.db", *to, code=None):
                requests += 1
        field.say(f"asked for what is missing: {', '.join(f'team {team}' for team in missing)}")
        wait_for_news(field, missing)


def wait_for_news(field: Field, missing: dict[int, Any]) -> None:
    """Until something else is missing, or it has taken too long and had better be asked for again."""
    end_s = time.monotonic() + 12
    while time.monotonic() < end_s:
        if {image["sender"]: image["missing"] for image in field.images() if image["missing"]} != missing:
            return


def settle(field: Field) -> list[Row]:
    """The images, once all that came is decoded."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        images = field.images()
        if all(image["is_decoded"] for image in images):
            return images
    raise Failed("decoding does not end")


def account(field: Field, images: list[Row]) -> tuple[list[Row], list[str]]:
    """A row a team of what became of every message, and what does not add up."""
    rows, wrong = [], []
    exported = field.out / "export"
    field.run("inbox", "export", "--db", "inbox/inbox.db", "-o", exported)
    kept = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))["messages"]
    for team in (1, 2):
        sessions = [row for row in read_log(field.out / "logs" / f"modem{team}.jsonl") if row["event"] == "session"]
        sent = [row for row in sessions if row["bytes"] is not None]
        fates = [str(row.get("fate", "")) for row in sent]
        through = sum(fate.startswith("arrives") for fate in fates)
        of_team = [message for message in kept if message["sender"] == team]
        arrivals = sum(way["count"] for message in of_team for way in message["ways"])
        packets = sum(image["payload_count"] for image in images if image["sender"] == team)
        rows.append(
            {
                "team": team,
                "photos": sum(image["sender"] == team for image in images),
                "packets": packets,
                "sessions with a message": len(sent),
                "failed, and the modem knew": sum(fate == "lost" for fate in fates),
                "lost behind the gateway": sum(fate == "lost behind the gateway" for fate in fates),
                "arrived, though the modem did not hear so": sum(
                    row["mo_status"] != 0 and fate.startswith("arrives") for row, fate in zip(sent, fates, strict=True)
                ),
                "handed to the inbox": through,
                "kept by the inbox": len(of_team),
                "came more than once": arrivals - len(of_team),
                "requests received": sum(row["mt_bytes"] is not None for row in sessions if row.get("mt_bytes")),
            }
        )
        if len(of_team) != packets:
            wrong.append(f"team {team}: {packets} packets, {len(of_team)} messages kept")
        if arrivals < through:
            wrong.append(f"team {team}: {through} messages went through, {arrivals} came")
    return rows, wrong


def check(field: Field, images: list[Row], seen: Row) -> list[str]:
    """What else is not as it must be; `seen` is what the console showed, if it was looked at."""
    wrong = []
    if seen and not (seen["whole"] == 3 and seen["stayed"] and seen["changes"] > 5):
        wrong.append(f"the console: {seen}")
    if [image["sender"] for image in images].count(2) != 2 or len(images) != 3:
        wrong.append(f"{len(images)} images; expected one of team 1 and two of team 2")
    for image in images:
        about = f"team {image['sender']} image {image['image_id']}"
        if image["contradictions"] or image["error"] or image["missing"]:
            wrong.append(f"{about}: {image['contradictions'] or image['error'] or image['missing']}")
        if image["sealed"] != (image["sender"] == 2):
            wrong.append(f"{about}: sealed is {image['sealed']}")
    counts = [row for row in read_log(field.out / "logs" / "team2.jsonl") if row.get("acknowledged") is True]
    asked = sum(len(row["queued"]) for row in read_log(field.out / "logs" / "team2.jsonl") if row["event"] == "request")
    packets = sum(image["payload_count"] for image in images if image["sender"] == 2)
    if len(counts) > packets + asked:
        wrong.append(
            f"team 2: {len(counts)} acknowledgements of {packets} packets, {asked} of which were asked for again"
        )
    field.run("inbox", "verify", "--db", "inbox/inbox.db")
    return wrong


def read_log(path: Path) -> list[Row]:
    """All lines of a party, over its restarts."""
    return [
        json.loads(line) for line in path.read_bytes().split(b"\n") if line.startswith(b"{") and line.endswith(b"}")
    ]


def draw(field: Field) -> Path:
    """A row a photo: what the inbox showed of it, from the first packet to the last."""
    images = json.loads((field.out / "export" / "manifest.json").read_text(encoding="utf-8"))["images"]
    images.sort(key=lambda image: (image["sender"], image["id"]))
    rows = [[decode for decode in image["decodes"] if not decode["alternative"]] for image in images]
    font = ImageFont.load_default(18)
    size = (max(map(len, rows)) * (SHOWN + 8) + 8, len(rows) * (SHOWN + 36) + 8)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for row, (image, decodes) in enumerate(zip(images, rows, strict=True)):
        top = 8 + row * (SHOWN + 36)
        for column, decode in enumerate(decodes):
            left = 8 + column * (SHOWN + 8)
            with Image.open(field.out / "inbox" / decode["picture"]) as shown:
                sheet.paste(shown.convert("RGB").resize((SHOWN, SHOWN)), (left, top + 26))
            team = f"team {image['sender']}, {'sealed' if image['sealed'] else 'open'}: " if column == 0 else ""
            pen.text((left, top), f"{team}packets {decode['held']}", fill="black", font=font)
    path = field.out / "field.png"
    sheet.save(path)
    return path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Two teams, two modems, one command post, and every picture there.")
    parser.add_argument("--out", type=Path, default=REPO / "results" / "field", help="folder; emptied before")
    parser.add_argument("--speed", type=float, default=60.0, help="how many times faster than real the modems are")
    given = parser.parse_args()
    try:
        with field(given.out, given.speed) as there:
            images, extra = play(there)
            wrong = check(there, images, extra["console"])
            rows, differs = account(there, images)
            wrong += differs
            path = draw(there)
    except Failed as error:
        sys.exit(f"error: {error}")
    width = max(map(len, rows[0]))
    for what in rows[0]:
        print(f"  {what:{width}}  " + "  ".join(f"{row[what]:>4}" for row in rows))
    (there.out / "account.json").write_text(json.dumps({"teams": rows, **extra, "wrong": wrong}, indent=1) + "\n")
    there.say(f"pictures: {path}; account: {there.out / 'account.json'}")
    if wrong:
        sys.exit("error: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
