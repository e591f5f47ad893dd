"""`satsim replay`: a saved run, played into an inbox."""

import json
import subprocess
import sys

import pytest
from conftest import photo_like
from PIL import Image
from serving import Service, ask, until

pytest.importorskip("cryptography")

STORY = """
name: teams
image: {path: photo.png, width: 64, height: 48, fit: keep}
link: {packet_bytes: 340, interval_s: 60, delay_s: 5, loss_ratio: 0.3, duplicate_ratio: 0.2}
senders: {count: 3, start_gap_s: 20}
schemes:
  - {name: fake, codec: "codec.fake:FakeCodec"}
  - {name: small, codec: jpeg, options: {budget_packets: 2}}
metrics: [psnr]
duration_s: 900
seed: 5
"""


@pytest.fixture
def run(tmp_path, monkeypatch, in_process):
    """The folder of a run of three teams over a lossy link, and where an inbox is."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo_like(48, 64)).save("photo.png")
    (tmp_path / "story.yaml").write_text(STORY)
    done = in_process("run", "story.yaml", "--out", "out", "--allow-code")
    assert done.returncode == 0, done.stderr
    return tmp_path


def came(folder, scheme):
    """(sender, payload) of what arrived as it was sent, by events.csv."""
    rows = [line.split(",") for line in (folder / "out" / "events.csv").read_text().splitlines()]
    return {(int(row[7]), int(row[4])) for row in rows if row[0] == scheme and row[2] == "delivered"}


def test_the_inbox_holds_what_the_simulated_receiver_held(run, in_process):
    with Service(run, "--directip", "0") as service:
        service.port("directip")
        played = in_process("replay", "out", "--to", str(run), "--speed", "100000", "--allow-code", "--json")
        assert played.returncode == 0, played.stderr
        first, *messages = map(json.loads, played.stdout.splitlines())
        held = ask(service.db, "SELECT sender, place FROM messages WHERE state = 'taken'")
        assert set(held) == came(run, "fake")
        assert 15 < len(held) < 30, "some are lost"
        assert first["messages"] == len(messages) > len(held), "some came twice"
        assert {each["status"] for each in messages} == {"new", "again"}
        assert [each["time_s"] for each in messages] == sorted(each["time_s"] for each in messages)
        gateway = f"directip:127.0.0.1:{service.port('directip')}"
        played = in_process("replay", "out", "--to", gateway, "--speed", "1e6", "--scheme", "small", "--allow-code")
        assert played.returncode == 0, played.stderr
        both = ask(service.db, "SELECT DISTINCT messages.sender, place FROM messages JOIN images ON image = images.id"
                   " WHERE codec = 'jpeg'")  # fmt: skip
        assert set(both) == came(run, "small")
        ways = ask(service.db, "SELECT DISTINCT way, device FROM arrivals WHERE way = 'directip' ORDER BY device")
        assert ways == [("directip", f"30023401000000{k}") for k in range(3)]


def test_it_goes_on_to_an_inbox_that_starts_later(run, in_process):
    with Service(run, "--directip", "0") as service:
        port = service.port("directip")

    command = ["replay", "out", "--to", f"directip:127.0.0.1:{port}", "--speed", "100000", "--allow-code", "--json"]
    with subprocess.Popen([sys.executable, "-m", "satsim", *command], stdout=subprocess.PIPE, text=True) as playing:
        for line in playing.stdout:
            if json.loads(line)["event"] == "trouble":
                break
        with Service(run, "--directip", port) as service:
            playing.stdout.read()
            assert playing.wait(20) == 0
            until(lambda: set(ask(service.db, "SELECT sender, place FROM messages")) == came(run, "fake"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("out --to nowhere", "--to nowhere: there is no inbox; start one (satsim inbox --db nowhere ...), or give"),
        ("out --to ftp://x", "--to 'ftp://x': expected directip:HOST:PORT or http://HOST:PORT/PATH"),
        ("gone --to story.yaml", "gone: scenario.yaml is missing; expected a folder that `satsim run` wrote"),
        ("out --to story.yaml --scheme tall", "--scheme 'tall': not in out; expected 'fake', 'small'"),
        (
            "out --to story.yaml --scheme small",
            "story.yaml: not an inbox; expected a database that `satsim inbox` made",
        ),
    ],
)
def test_a_mistake_is_one_line(run, in_process, arguments, said):
    done = in_process("replay", *arguments.split(), "--allow-code")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1


def test_a_run_whose_photo_was_changed_since_is_not_played(run, in_process):
    [photo] = (run / "out" / "inputs").glob("*.png")
    Image.fromarray(photo_like(48, 64) + 1).save(photo)
    with Service(run, "--directip", "0") as service:
        service.port("directip")
        done = in_process("replay", "out", "--to", str(run), "--speed", "1e6", "--allow-code")
        assert (done.returncode, done.stdout) == (2, "")
        assert (
            done.stderr == "error: out: the photo of scenario.yaml is not the one that was sent, frames/original.png\n"
        )
        assert service.rows() == []


def test_a_run_that_sent_other_messages_than_its_photo_gives_is_not_played(run, in_process):
    events = run / "out" / "events.csv"
    events.write_text(events.read_text().replace(",23,", ",24,"))
    done = in_process("replay", "out", "--to", "story.yaml", "--allow-code")
    assert done.returncode == 2
    assert "'fake' sent other messages than its photo is coded to here" in done.stderr


def test_a_run_with_seals_is_not_played_for_no_inbox_has_their_keys(run, in_process):
    story = (run / "story.yaml").read_text().replace("seed: 5", "seed: 5\nheader: {tag_bytes: 8}")
    (run / "story.yaml").write_text(story)
    assert in_process("run", "story.yaml", "--out", "sealed", "--allow-code").returncode == 0
    done = in_process("replay", "sealed", "--to", "story.yaml", "--allow-code")
    assert done.returncode == 2
    assert done.stderr.startswith("error: sealed: packets are sealed by keys of the simulation, which no inbox has")
