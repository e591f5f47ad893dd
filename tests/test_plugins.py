"""Plug-ins: each kind by each way, what they are held to while they run, and that nothing of theirs is remembered."""

import shutil
import sys
from importlib.metadata import entry_points

import pytest
import yaml
from conftest import picture
from PIL import Image

import codec
import satsim
from codec.own.finding import forget
from satsim.errors import LinkError, ScenarioError
from satsim.scenario.scenario import load_scenario
from satsim.simulation.runs import show_runs
from satsim.simulation.table import why_no_table

OWN = '''
import csv
import numpy as np

class Halves:
    """The mean colour of the upper half, then that of the lower one."""
    name, model_id = "halves", 77
    def __init__(self, shade=0):
        self.shade = shade
    def encode(self, image, payload_bytes):
        middle = len(image) // 2
        return [bytes(part.mean(axis=(0, 1)).astype(np.uint8)) for part in (image[:middle], image[middle:])]
    def decode(self, received, height, width):
        if not received:
            return None
        picture = np.full((height, width, 3), self.shade, np.uint8)
        for k, payload in received.items():
            (picture[: height // 2] if k == 0 else picture[height // 2 :])[:] = list(payload)
        return picture

class Sameness:
    name, label, unit, higher_is_better, min_side = "sameness", "Sameness", "%", True, 8
    def score(self, reference, image):
        return 100 - abs(reference.astype(float) - image).mean() / 2.55

def field_log(rng, path):
    """Lost as in a log of a drive: a row for each second, 1 where there was no bar."""
    with open(path) as file:
        bars = [int(row["bars"]) for row in csv.DictReader(file)]
    def lost(time_s):
        return bars[int(time_s) % len(bars)] == 0
    return lost

def queue(rng, mean_s=5.0):
    def delay(time_s, message_bytes):
        return rng.exponential(mean_s)
    return delay

def twice(rng, pause_s=0.0):
    def send(sender, order):
        for index in [*order, *order]:
            yield sender.slot()
            sender.send(index)
        yield sender.wait(pause_s)
    return send
'''
NAMES = {"codec": "Halves", "metric": "Sameness", "loss": "field_log", "delay": "queue", "transport": "twice"}
PLAIN = {"codec": "codec.fake:FakeCodec", "metric": "psnr", "loss": None, "delay": None, "transport": "once"}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a photo, a log of a drive, and a module of plug-ins that nothing can import."""
    Image.fromarray(picture(48, 64)).save(tmp_path / "photo.png")
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "drive.csv").write_text("bars\n" + "0\n" * 15 + "4\n" * 185)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registered():
    """Names of this kind that go again after the test."""
    taken = []
    yield lambda kind, name, factory: (getattr(satsim, f"register_{kind}")(name, factory), taken.append((kind, name)))
    for kind, name in taken:
        forget(kind, name)


def story(**names):
    """A scenario of one scheme, a message every 10 s for 100 s, with plug-ins of these kinds by these names."""
    names = PLAIN | names
    log = {"path": "drive.csv"} if names["loss"] else {}
    link = {"packet_bytes": 60, "interval_s": 10, "delay_s": 1}
    link |= {
        kind: {"model": names[kind]} | (log if kind == "loss" else {}) for kind in ("loss", "delay") if names[kind]
    }
    return {
        "name": "story",
        "image": {"path": "photo.png", "fit": "keep"},
        "link": link,
        "schemes": [{"name": "scheme", "codec": names["codec"], "transport": names["transport"]}],
        "duration_s": 150,
        "metrics": [names["metric"]],
    }


def written(desk, data):
    (desk / "story.yaml").write_text(yaml.safe_dump(data))
    return "story.yaml"


def install(desk, monkeypatch):
    """The plug-ins of mine.py, as a package that is installed and offers one of each kind."""
    site = desk / "site"
    (site / "mine-1.0.dist-info").mkdir(parents=True)
    shutil.move(desk / "mine.py", site / "mine_installed.py")
    (site / "mine-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    plurals = {"loss": "losses"}
    groups = [
        f"[satsim.{plurals.get(kind, kind + 's')}]\nmy-{kind} = mine_installed:{name}\n" for kind, name in NAMES.items()
    ]
    (site / "mine-1.0.dist-info" / "entry_points.txt").write_text("".join(groups))
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    sys.modules.pop("mine_installed", None)


def register_all(desk, registered):
    """The plug-ins of mine.py, as a notebook registers them."""
    cell = {"__name__": "__main__"}
    exec(OWN, cell)
    (desk / "mine.py").unlink()
    for kind, name in NAMES.items():
        registered(kind, f"my-{kind}", cell[name])


def shows(kind, result):
    """That the plug-in of this kind did its work."""
    [row] = result.summary
    if kind == "codec":
        assert (row["payloads"], row["payload_bytes"]) == (2, 6)
    if kind == "metric":
        assert 0 < row["final_quality_sameness"] < 100
    if kind == "loss":
        lost = [event["time_s"] for event in result.events if event["kind"] == "lost"]
        assert lost == [0, 10], "as long as the log has no bars"
    if kind == "delay":
        at = [event["time_s"] - 10 * event["slot"] for event in result.events if event["kind"] == "delivered"]
        assert len(set(at)) == len(at) > 1
        assert min(at) >= 1
    if kind == "transport":
        assert row["packets_sent"] == 15, "ten messages, and half of them again before time is up"


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("way", ["file", "installed", "registered"])
def test_each_kind_can_be_named_each_way(desk, monkeypatch, registered, kind, way):
    name = f"my-{kind}"
    if way == "file":
        name = f"mine:{NAMES[kind]}"
        with pytest.raises((ScenarioError, codec.CodecError), match=r"'mine:.*runs code of its own on this computer"):
            satsim.run(story(**{kind: name}))
    elif way == "installed":
        install(desk, monkeypatch)
    else:
        register_all(desk, registered)
    shows(kind, satsim.run(story(**{kind: name}), allow_code=way == "file"))


def test_a_results_folder_carries_its_code_and_runs_again_elsewhere(desk, in_process, tmp_path_factory):
    names = {kind: f"mine:{name}" for kind, name in NAMES.items()}
    done = in_process("run", written(desk, story(**names)), "--out", "out", "--allow-code")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (desk / "out" / "inputs").iterdir()) == ["drive.csv", "mine.py", "photo.png"]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.move(desk / "out", elsewhere / "out")
    (desk / "mine.py").unlink()
    scenario = str(elsewhere / "out" / "scenario.yaml")
    assert "give --allow-code" in in_process("run", scenario, "--out", "again").stderr
    done = in_process("run", scenario, "--out", "again", "--allow-code")
    assert done.returncode == 0, done.stderr
    for table in ("timeline.csv", "events.csv"):
        assert (desk / "again" / table).read_text() == (elsewhere / "out" / table).read_text()


def test_worker_processes_find_what_lies_beside_the_scenario(desk, in_process):
    names = {kind: f"mine:{name}" for kind, name in NAMES.items()}
    sweep = ["sweep", written(desk, story(**names)), "--vary", "link.delay.mean_s=1,9", "--replications", "3"]
    for workers in ("1", "2"):
        done = in_process(
            *sweep, "--workers", workers, "--cache", f"c{workers}", "--out", f"o{workers}", "--allow-code"
        )
        assert done.returncode == 0, done.stderr
    import pyarrow.parquet as pq

    rows = [pq.read_table(desk / out / "runs.parquet").to_pylist() for out in ("o1", "o2")]
    assert rows[0] == rows[1]
    assert {row["packets_sent"] for row in rows[0]} == {4}
    assert all(row["packets_lost"] == 2 for row in rows[0])


@pytest.mark.parametrize("kind", ["loss", "delay", "transport"])
def test_the_table_leaves_what_it_cannot_draw_to_the_events(desk, kind):
    scenario = load_scenario(written(desk, story(**{kind: f"mine:{NAMES[kind]}"})) and desk / "story.yaml")
    link, transport = scenario.link, scenario.schemes[0].transport
    assert f"mine:{NAMES[kind]}" in why_no_table(link, transport)
    messages = [[bytes([k]) * 30 for k in range(4)]]
    runs = show_runs(messages, link, range(3), transport=transport, duration_s=100.0)
    assert runs.engine == "events"


def test_a_study_is_made_over_links_of_your_own(desk, in_process):
    data = story(loss="mine:field_log", metric="mine:Sameness", codec="mine:Halves")
    goal = ["--goal", "psnr >= 5 by 60 s with 0.5", "--scales", "1", "--copies", "1", "--repair", "0"]
    more = ["--codec", "mine:Halves", "--replications", "5", "--workers", "1", "--cache", "cache", "--out", "out"]
    done = in_process("study", written(desk, data), *goal, *more, "--allow-code")
    assert done.returncode == 0, done.stderr


MISTAKES = {
    "lost that raises": (
        "loss",
        "def f(rng):\n return lambda time_s: 1 / 0",
        "loss bad:f: lost(0) raised ZeroDivision",
    ),
    "lost that is no truth": ("loss", "def f(rng):\n return lambda time_s: 0.3", "lost(0) returned 0.3; expected True"),
    "loss that makes nothing": (
        "loss",
        "def f(rng):\n pass",
        "its factory returned NoneType; expected a function lost",
    ),
    "negative delay": ("delay", "def f(rng):\n return lambda t, n: -1", "returned -1; expected seconds, 0 or more"),
    "delay of NaN": ("delay", "def f(rng):\n return lambda t, n: float('nan')", "returned nan; expected seconds"),
    "no slot": (
        "transport",
        "def f(rng):\n def send(sender, order):\n  sender.send(0)\n  yield sender.slot()\n return send",
        "transport bad:f: send(0) without a slot",
    ),
    "no such message": (
        "transport",
        "def f(rng):\n def send(sender, order):\n  yield sender.slot()\n  sender.send(99)\n return send",
        "send(99); expected a message, 0 to 9",
    ),
    "a yield of nothing": (
        "transport",
        "def f(rng):\n def send(sender, order):\n  yield 5\n return send",
        "yielded 5; expected what slot, retry, wait or send",
    ),
    "for ever": (
        "transport",
        "def f(rng):\n def send(sender, order):\n  while True:\n   yield sender.slot()\n return send",
        "went on 10,000 times at 0 s; expected that it sends, or waits",
    ),
    "no generator": ("transport", "def f(rng):\n return lambda s, o: None", "returned NoneType; expected a generator"),
    "a score of NaN": (
        "metric",
        "class f:\n name, higher_is_better = 'f', True\n def score(self, a, b):\n  return float('nan')",
        "metric bad:f: score returned nan; expected a number, and never NaN",
    ),
    "a picture of another shape": (
        "codec",
        "import numpy as np\nclass f:\n name, model_id = 'f', 1\n"
        " def encode(self, i, n):\n  return [b'x']\n def decode(self, r, h, w):\n  return np.zeros((h, w), np.uint8)",
        "codec bad:f: decode returned uint8[48, 64]; expected uint8[48, 64, 3] or None",
    ),
    "an option that there is not": ("delay", "def f(rng, mean_s):\n pass", "delay bad:f needs mean_s; give it among"),
    "what takes no generator": (
        "loss",
        "def f(path):\n pass",
        "whose first argument is path; expected a function of rng",
    ),
    "what a module raises": ("loss", "1 / 0", "it cannot be imported (ZeroDivisionError: division by zero)"),
}


@pytest.mark.parametrize(("kind", "code", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_a_breach_of_the_contract_is_one_line_that_names_the_plug_in(desk, in_process, kind, code, complaint):
    (desk / "bad.py").write_text(code)
    data = story(**{kind: "bad:f"})
    data["link"].get("loss", {}).pop("path", None)
    done = in_process("run", written(desk, data), "--out", "out", "--allow-code")
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert complaint in errors[0]
    assert "bad:f" in errors[0]
    assert not (desk / "out").exists()


def test_an_unknown_name_or_option_is_a_line_with_the_nearest(desk, registered):
    registered("loss", "storm", lambda rng, hours=1: lambda time_s: False)
    with pytest.raises(ScenarioError, match=r"link\.loss\.model is 'strom'; did you mean 'storm'\?"):
        satsim.run(story() | {"link": {"loss": {"model": "strom"}}})
    with pytest.raises(ScenarioError, match=r"link\.loss: loss storm has no option 'hour'; expected one of: hours"):
        satsim.run(story() | {"link": {"loss": {"model": "storm", "hour": 2}}})
    with pytest.raises(ScenarioError, match=r"transport once takes no options"):
        satsim.run(story(transport={"name": "once", "options": {"pause_s": 1}}))
    with pytest.raises(ScenarioError, match=r"no metric is called 'sharpnes'"):
        satsim.run(story(metric="sharpnes"))


def test_a_name_of_ours_is_not_to_be_taken(registered):
    for kind, name in (("codec", "avif"), ("metric", "psnr"), ("loss", "trace"), ("transport", "auto")):
        with pytest.raises(
            codec.CodecError, match=f"{kind} '{name}' is one of ours; register yours under another name"
        ):
            registered(kind, name, lambda rng: None)


def test_what_is_registered_again_takes_the_place_of_what_was(desk, registered):
    for loses in (True, False):
        registered("loss", "storm", lambda rng, loses=loses: lambda time_s: loses)
        [row] = satsim.run(story() | {"link": {"packet_bytes": 60, "loss": {"model": "storm"}}}).summary
        assert row["packets_lost"] == (row["packets_sent"] if loses else 0)


@pytest.mark.parametrize("way", ["file", "registered"])
def test_no_score_of_a_changed_plug_in_is_served_from_the_cache(desk, monkeypatch, registered, way):
    monkeypatch.setenv("SATSIM_CACHE", str(desk / "cache"))
    found = []
    for shade, factor in ((0, 1), (200, 1), (200, 2)):
        text = OWN.replace("shade=0", f"shade={shade}").replace("return 100 -", f"return {factor} * 100 -")
        names = {kind: f"mine:{NAMES[kind]}" for kind in ("codec", "metric")}
        if way == "file":
            (desk / "mine.py").write_text(text)
        else:
            cell = {"__name__": "__main__"}
            exec(text, cell)
            names = {kind: f"my-{kind}" for kind in names}
            for kind, name in names.items():
                registered(kind, name, cell[NAMES[kind]])
        table = satsim.run_sweep(story(**names), replications=2, allow_code=True).runs
        found.append(table.column("first_sameness").to_pylist()[0])
    assert len(set(found)) == 3, found


def test_an_own_codec_of_twenty_lines_and_an_own_metric_load_by_their_names(desk, registered):
    register_all(desk, registered)
    image = picture(32, 32)
    halves = codec.load_codec("my-codec", shade=9)
    shown = halves.decode({0: halves.encode(image, 10)[0]}, 32, 32)
    assert shown[-1, 0].tolist() == [9, 9, 9]
    assert codec.load_metric("my-metric")(image, image) == 100
    assert "my-metric" not in entry_points(group="satsim.metrics").names, "and nothing is installed"


def test_a_loss_is_asked_by_the_clock_and_its_errors_are_link_errors(desk, registered):
    asked = []
    registered("loss", "listener", lambda rng: lambda time_s: bool(asked.append(time_s)))
    satsim.run(story() | {"link": {"packet_bytes": 60, "interval_s": 7, "loss": {"model": "listener"}}})
    assert asked == [7.0 * k for k in range(10)]
    registered("delay", "broken", lambda rng: lambda time_s, message_bytes: -1)
    with pytest.raises(LinkError, match="delay broken: delay"):
        satsim.run(story() | {"link": {"packet_bytes": 60, "delay": {"model": "broken"}}})


def test_what_is_registered_in_a_program_is_not_sent_to_its_worker_processes(desk, registered):
    registered("loss", "storm", lambda rng: lambda time_s: True)
    data = story() | {"link": {"packet_bytes": 60, "loss": {"model": "storm"}}}
    with pytest.raises(satsim.SweepError, match=r"workers is 2, but 'storm' is registered in this program alone"):
        satsim.run_sweep(data, replications=2, workers=2)
    lost = satsim.run_sweep(data, replications=2).runs.column("packets_lost").to_pylist()
    assert lost == [3, 3]


def test_a_goal_may_be_set_in_a_metric_of_your_own(desk, registered, monkeypatch):
    monkeypatch.setenv("SATSIM_CACHE", str(desk / "cache"))
    cell = {"__name__": "__main__"}
    exec(OWN, cell)
    registered("metric", "sameness", cell["Sameness"])
    space = {"codecs": ["mine:Halves"], "scales": [1], "copies": [1], "repair": [0]}
    goal = "sameness >= 60 by 60 s with 0.5"
    study = satsim.run_study(story(), goal, space=space, replications=5, allow_code=True)
    assert study.recommended.schemes[0].codec.endswith("mine.py:Halves")
    with pytest.raises(satsim.StudyError, match="higher sameness is better"):
        satsim.run_study(story(), "sameness <= 60 by 60 s with 0.5", space=space, allow_code=True)


def test_a_sweep_is_not_gone_on_with_after_a_loss_has_changed(desk, in_process):
    sweep = ["sweep", written(desk, story(loss="mine:field_log")), "--replications", "2", "--workers", "1"]
    sweep += ["--cache", "cache", "--out", "out", "--allow-code", "--resume"]
    assert in_process(*sweep).returncode == 0
    (desk / "mine.py").write_text(OWN.replace("== 0", "== 4"))
    done = in_process(*sweep)
    assert "another code of a loss, delay or transport" in " ".join(done.stderr.split())
    assert done.returncode == 0, "begun afresh"
    import pyarrow.parquet as pq

    assert pq.read_table(desk / "out" / "runs.parquet").column("packets_lost").to_pylist() == [8, 8]
