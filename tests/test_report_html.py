"""report.html: what is in it, and what it does in a browser (skipped where no Chromium is installed)."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from satsim.figures.report import LARGEST, write_report
from satsim.figures.run import draw_run, read_tracks
from satsim.words import clock, number

REPO = Path(__file__).resolve().parent.parent
METRICS = {
    "lpips-squeeze": {"label": "LPIPS (SqueezeNet)", "unit": "", "higher_is_better": False},
    "psnr": {"label": "PSNR", "unit": "dB", "higher_is_better": True},
}
HOSTILE = """</script><script>window.broken = 1</script><img src=x onerror="window.broken = 2"> & "火災" 'ü' @DATA@"""


class Way(NamedTuple):
    """How one scheme fares: three packets needed, or as many as it says."""

    packets: tuple[tuple[int, float, float | None], ...]
    """(place, sent_s, arrives_s); None: lost."""
    payloads: int = 3
    builds_up: bool = True
    repairs: int = 0
    note: str = ""


STEPS = Way(((0, 0, 5), (1, 60, 65), (2, 120, 125)))
WHOLE = Way(STEPS.packets, builds_up=False)
LOSSY = Way(((0, 0, 5), (1, 60, None), (2, 120, 125), (3, 180, 185)), repairs=1)
NOTHING = Way((), payloads=0, note="nothing fits a message of 20 bytes")
RUN = {"steps": STEPS, "whole": WHOLE, "lossy": LOSSY, "nothing": NOTHING}


def write_run(
    folder: Path,
    ways: Mapping[str, Way] = RUN,
    metrics: tuple[str, ...] = ("lpips-squeeze",),
    side: int = 32,
    senders: int = 1,
    title: str = "Three packets",
    noise: float = 0.0,
) -> Path:
    """A results folder with its report; each picture is its own shade, and scores get better from packet to packet."""
    (folder / "frames").mkdir(parents=True)
    rng = np.random.default_rng(1)

    def paint(name: str, shade: int) -> None:
        pixels = np.clip(rng.normal(shade, noise, (side, side, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "frames" / name)

    paint("original.png", 250)
    timeline, events, schemes = [], [], {}
    for k, (name, way) in enumerate(ways.items()):
        for sender in range(senders):
            held, frame = 0, ""
            timeline += [[name, 0.0, 0, 0, metric, "", "", sender] for metric in metrics]
            for slot, (place, sent_s, arrives_s) in enumerate(way.packets):
                message = slot, place, 340, 0.0, sender
                events.append([name, sent_s, "sent", *message])
                if arrives_s is None:
                    events.append([name, sent_s, "lost", *message])
                    continue
                events += [[name, arrives_s, kind, *message] for kind in ("delivered", "shown")]
                held += 1
                if way.builds_up or held >= way.payloads:
                    frame = f"{k}_{sender}_{held}.png"
                    paint(frame, (20 * held + 7 * k + 3 * sender) % 256)
                likeness = "inf" if held == 3 else 20.0 + held
                scores = {"lpips-squeeze": 0.5 - 0.1 * held - 0.01 * sender, "psnr": likeness}
                for metric in metrics:
                    value = scores[metric] if frame else ""
                    timeline.append([name, arrives_s, held, 340 * held, metric, value, frame, sender])
        schemes[name] = {"payloads": way.payloads, "payload_bytes": 320 * way.payloads, "repair_packets": way.repairs}
        schemes[name] |= {"note": way.note} if way.note else {}
        schemes[name] |= {"first_image_s": 5.0 if way.builds_up else 125.0, "packets_sent": len(way.packets)}
        schemes[name] |= {"final_quality": {"lpips-squeeze": 0.2, "psnr": "inf"}}
    write_rows(folder / "timeline.csv", "scheme,time_s,packets_held,bytes_held,metric,value,frame,sender", timeline)
    columns = "scheme,time_s,kind,slot,payload_index,message_bytes,created_s,sender"
    write_rows(folder / "events.csv", columns, sorted(events, key=lambda row: row[1]))
    summary = {
        "title": title,
        "duration_s": 300.0,
        "interval_s": 60.0,
        "image": {"width": side, "height": side},
        "metrics": {metric: METRICS[metric] for metric in metrics},
        "senders": {"count": senders, "start_gap_s": 0.0, "slot_s": None},
        "schemes": schemes,
        "notices": ["a notice"],
    }
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    report_again(folder)
    return folder


def report_again(folder: Path) -> None:
    """Write its report, and no other figure."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    write_report(folder, summary, {metric: read_tracks(folder, summary, metric) for metric in summary["metrics"]})


def write_rows(path: Path, columns: str, rows: list[list[Any]]) -> None:
    """A table with these columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns.split(","), *rows])


class Parts(HTMLParser):
    """The tags of a page, and what its data element says."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.feed((folder / "report.html").read_text(encoding="utf-8"))
        self.data: dict[str, Any] = json.loads(self.texts["data"])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        key = attributes.get("id") or tag
        self.texts[key] = self.texts.get(key, "") + data

    def picture(self, frame: str) -> bytes:
        """The file embedded for a frame."""
        uri = self.data["pictures"][self.data["frames"].index(frame)]
        return base64.b64decode(uri.partition(";base64,")[2])


def frames_at(folder: Path, time_s: float) -> dict[str, str]:
    """What each scheme shows, by the rows of timeline.csv; of one sender."""
    shown: dict[str, str] = {}
    with (folder / "timeline.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if float(row["time_s"]) <= time_s:
                shown[row["scheme"]] = row["frame"]
    return shown


def test_the_page_fetches_nothing_and_says_so_to_the_browser(tmp_path: Path) -> None:
    parts = Parts(write_run(tmp_path / "run"))
    addresses = [v for _, attributes in parts.tags for k, v in attributes.items() if k in ("src", "href", "action")]
    assert addresses == ["data:,"]
    policy = next(a["content"] for _, a in parts.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    style = parts.texts["style"]
    assert "url(" not in style
    assert "@import" not in style


def test_title_link_and_notices_are_there(tmp_path: Path) -> None:
    parts = Parts(write_run(tmp_path / "run", title="A fire"))
    assert parts.texts["h1"].strip() == parts.texts["title"].strip() == "A fire"
    assert parts.data["facts"] == ["One packet every 60 s. Photo of 32 × 32 pixels."]
    assert parts.data["summary"]["notices"] == ["a notice"]


def test_every_frame_that_the_timeline_shows_is_embedded_as_it_is(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    parts = Parts(folder)
    with (folder / "timeline.csv").open(newline="", encoding="utf-8") as file:
        shown = {row["frame"] for row in csv.DictReader(file) if row["frame"]}
    assert len(shown) == 7  # three of steps and of lossy, one of whole
    assert set(parts.data["frames"]) == shown | {"original.png"}
    for frame in parts.data["frames"]:
        assert parts.picture(frame) == (folder / "frames" / frame).read_bytes()


def test_of_several_senders_only_the_median_photo_is_embedded(tmp_path: Path) -> None:
    parts = Parts(write_run(tmp_path / "run", {"steps": STEPS}, senders=3))
    # the better the later the sender: of three, sender 1 is in the middle
    assert parts.data["frames"] == ["original.png", "0_1_1.png", "0_1_2.png", "0_1_3.png"]


def test_no_text_of_the_user_becomes_part_of_the_page(tmp_path: Path) -> None:
    parts = Parts(write_run(tmp_path / "run", {HOSTILE: STEPS}, title=HOSTILE))
    assert [tag for tag, _ in parts.tags].count("script") == 2
    assert "img" not in [tag for tag, _ in parts.tags]
    assert parts.texts["h1"].strip() == HOSTILE
    assert parts.data["summary"]["title"] == HOSTILE
    assert [scheme["name"] for scheme in parts.data["schemes"]] == [HOSTILE]


def test_one_folder_gives_the_same_bytes_again(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    page = (folder / "report.html").read_bytes()
    shutil.copytree(folder, tmp_path / "elsewhere")
    draw_run(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "report.html").read_bytes() == page


def test_a_small_run_is_shown_pixel_for_pixel_and_a_large_one_says_what_it_lost(tmp_path: Path) -> None:
    many = Way(tuple((k, 9.0 * k, 9.0 * k + 4) for k in range(12)), payloads=12)
    folder = write_run(tmp_path / "large", {"a": many, "b": many}, side=512, noise=40)
    parts = Parts(folder)
    assert (folder / "report.html").stat().st_size <= LARGEST
    assert sum(path.stat().st_size for path in (folder / "frames").iterdir()) > 2 * LARGEST
    assert len(parts.data["frames"]) == 25
    (note,) = parts.data["notes"]
    quality, *sides = map(int, re.findall(r"\d+", note))
    assert quality >= 80
    assert sides[2:] == [512, 512]
    with Image.open(io.BytesIO(parts.picture("0_0_7.png"))) as picture:
        assert picture.format == "WEBP"
        assert list(picture.size) == sides[:2]
        assert np.asarray(picture).mean() == pytest.approx(140, abs=3)
    assert (folder / "report.html").stat().st_size > LARGEST / 2  # room is there to be used
    assert Parts(write_run(tmp_path / "small")).data["notes"] == []


def test_packets_too_many_to_mark_are_left_out_in_words(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", {"steps": STEPS})
    rows = (folder / "events.csv").read_text(encoding="utf-8")
    (folder / "events.csv").write_text(rows + "steps,299,shown,0,0,340,0,0\n" * 80_000, encoding="utf-8")
    report_again(folder)
    assert Parts(folder).data["events"] == ""
    assert "too many to mark each packet here" in Parts(folder).data["notes"][0]
    (folder / "events.csv").unlink()
    report_again(folder)
    assert Parts(folder).data["notes"] == ["events.csv is missing."]


# ---- in a browser


class Viewer:
    """A report in a window, and what went wrong in it."""

    def __init__(self, browser: Any, folder: Path, at: str = "", fake_clock: bool = False, **look: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | look)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if fake_clock:
            self.page.clock.install(time=0)
        self.address = (folder / "report.html").as_uri() + at
        self.page.goto(self.address)
        if fake_clock:
            self.page.clock.pause_at(60_000)

    def shown(self) -> dict[str, str]:
        """By scheme, the frame on its screen."""
        return dict(
            self.page.evaluate(
                "[...document.querySelectorAll('#cards li[data-scheme]')].map(card =>"
                " [card.dataset.scheme, card.querySelector('img')?.dataset.frame ?? ''])"
            )
        )

    def time(self) -> str:
        """What the clock says."""
        return str(self.page.text_content("#clock"))

    def slide(self, time_s: float) -> None:
        """Move the slider."""
        self.page.locator("#time").fill(str(time_s))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a scheme of each kind."""
    return write_run(tmp_path_factory.mktemp("report") / "run", metrics=("lpips-squeeze", "psnr"))


@pytest.fixture
def view(browser: Any, folder: Path) -> Iterator[Viewer]:
    """Its report on a desk; no test may leave a fault or a request behind."""
    viewer = Viewer(browser, folder)
    yield viewer
    assert viewer.faults == []
    assert [url for url in viewer.requests if not url.startswith("data:")] == [viewer.address]
    viewer.context.close()


def test_the_slider_shows_what_the_timeline_says(view: Viewer, folder: Path) -> None:
    for time_s in (0, 4.9, 5, 64, 65, 124.5, 125, 185, 300):
        view.slide(time_s)
        assert view.shown() == frames_at(folder, time_s), time_s
        assert view.time() == clock(time_s)
    for image in view.page.query_selector_all("#cards img"):
        assert image.evaluate("image => image.complete && image.naturalWidth") == 32


def test_it_opens_where_the_first_picture_comes_or_where_the_address_says(view: Viewer, browser: Any) -> None:
    assert view.time() == "0:05"
    later = Viewer(browser, Path(view.address.removeprefix("file://")).parent, at="#65")
    assert later.time() == "1:05"
    later.context.close()


def test_arrows_step_between_moments_and_home_and_end_go_to_the_ends(view: Viewer) -> None:
    moments = ["0:00", "0:05", "1:00", "1:05", "2:00", "2:05", "3:00", "3:05", "5:00"]
    view.page.keyboard.press("Home")
    seen = [view.time()]
    for _ in moments:
        view.page.keyboard.press("ArrowRight")
        seen.append(view.time())
    assert seen == [*moments, "5:00"]
    view.page.keyboard.press("ArrowLeft")
    assert view.time() == "3:05"
    view.slide(100)
    view.page.keyboard.press("ArrowLeft")
    assert view.time() == "1:05"
    view.page.keyboard.press("End")
    assert view.time() == "5:00"
    view.page.click("#back")
    assert view.time() == "3:05"
    assert view.page.get_attribute("#time", "aria-valuetext") == "3:05"


def test_packets_are_told_in_words_and_by_shapes(view: Viewer) -> None:
    lane = view.page.locator(".lane").nth(2)
    counts = {}
    for time_s in (59, 60, 185):
        view.slide(time_s)
        counts[time_s] = lane.locator(".name span").last.text_content()
    assert counts == {59: "1 sent, 0 lost, 1 arrived", 60: "2 sent, 1 lost, 1 arrived",
                      185: "4 sent, 1 lost, 3 arrived, of them 1 for repair"}  # fmt: skip
    keys = view.page.locator("#keys li").all_text_contents()
    assert keys[:4] == ["sent, and its way", "arrived", "arrived, a repair packet", "lost"]
    view.slide(60)
    assert "Lost: lossy, packet 2 of 3." in str(view.page.text_content("#news"))
    view.page.get_by_text("1:00: Lost: lossy, packet 2 of 3.").wait_for(state="attached")
    lane.locator("svg").hover(position={"x": 52 + 0.2 * (1140 - 62), "y": 15})  # a fifth of five minutes
    assert view.page.text_content("#tip") == "packet 2 of 3: sent 1:00, lost"


def test_a_scheme_with_nothing_to_send_says_why(view: Viewer) -> None:
    card = view.page.locator("#cards li[data-scheme=nothing]")
    assert card.locator(".wait").text_content() == "nothing fits a message of 20 bytes"
    assert card.locator(".score").text_content() == ""


def test_the_picker_changes_curves_scores_and_table(view: Viewer) -> None:
    view.slide(125)
    score = view.page.locator("#cards li[data-scheme=steps] .score b")
    assert score.text_content() == "0.200"
    view.page.select_option("#metric", "psnr")
    assert score.text_content() == "∞"
    assert view.page.text_content("#curves") == "PSNR in dB over time"
    assert view.page.locator("#legend li").first.text_content() == "steps∞ dB"
    assert view.page.locator("#table tbody tr").first.text_content() == "steps0:05never-∞3--"
    assert view.time() == "2:05"


def test_the_cursor_stands_at_the_time_in_every_panel(view: Viewer) -> None:
    view.slide(150)
    across = view.page.evaluate("[...document.querySelectorAll('.cursor')].map(l => l.getAttribute('transform'))")
    assert across == ["translate(591.0 0)"] * 5  # half way from 52 to 1130
    chart = view.page.locator("#chart svg").bounding_box()
    view.page.mouse.click(chart["x"] + 52 + (1130 - 52) / 4, chart["y"] + 50)
    assert view.time() == clock(75)


def test_words_are_those_of_the_other_figures(view: Viewer) -> None:
    for end_s in (420, 3600, 90_000):
        for time_s in (0, 0.5, 1.5, 59.5, 65, 3599.6, 3605, 90_000, 345_600, 450_000):
            assert view.page.evaluate(f"clock({time_s}, {end_s})") == clock(time_s, end_s)
    assert view.page.evaluate("clock(null)") == clock(None)
    for value in (0.0, 0.12345, 9.9994, 10.04, -12.3):
        assert view.page.evaluate(f"number({value})") == number(value)


def test_play_takes_fifteen_seconds_and_pauses(browser: Any, folder: Path) -> None:
    view = Viewer(browser, folder, fake_clock=True)
    view.page.keyboard.press("Home")
    view.page.keyboard.press("Space")
    assert str(view.page.text_content("#play")).strip() == "Pause"
    view.page.clock.run_for(7_500)
    assert float(view.page.input_value("#time")) == pytest.approx(150, abs=3)
    view.page.click("#play")
    halted = view.time()
    view.page.clock.run_for(2_000)
    assert view.time() == halted
    view.page.click("#play")
    view.page.clock.run_for(15_000)
    assert view.time() == "5:00"
    assert str(view.page.text_content("#play")).strip() == "Play"
    assert view.faults == []
    view.context.close()


def test_where_motion_is_unwelcome_play_goes_in_still_steps(browser: Any, folder: Path) -> None:
    view = Viewer(browser, folder, fake_clock=True, reduced_motion="reduce")
    view.page.keyboard.press("Home")
    view.page.keyboard.press("Space")
    times = []
    for _ in range(35):
        view.page.clock.run_for(100)
        times.append(float(view.page.input_value("#time")))
    assert sorted(set(times)) == [0, 20, 40, 60]  # 15 steps, one a second
    assert view.page.evaluate("getComputedStyle(document.querySelector('#cards img')).animationName") == "none"
    view.context.close()


def test_on_a_phone_nothing_sticks_out_and_a_finger_moves_the_slider(browser: Any, folder: Path) -> None:
    view = Viewer(browser, folder, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert view.page.evaluate("innerWidth") == 390
    for control in ("#play", "#back", "#next", "#time", "#metric"):
        box = view.page.locator(control).bounding_box()
        assert min(box["width"], box["height"]) >= 44, control
    view.page.keyboard.press("Home")
    box = view.page.locator("#time").bounding_box()
    y, first, last = box["y"] + box["height"] / 2, box["x"] + 14, box["x"] + box["width"] - 14
    touch = view.context.new_cdp_session(view.page)
    times = []
    for kind, x in [("touchStart", first), *(("touchMove", first + k * (last - first) / 4) for k in (1, 2, 3))]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        times.append(float(view.page.input_value("#time")))
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert times == pytest.approx([0, 75, 150, 225], abs=3)
    assert view.shown() == frames_at(folder, 225)
    view.page.evaluate("scrollTo(0, 600)")
    assert view.page.locator("#time").bounding_box()["y"] < 100  # the bar stays in reach
    assert view.faults == []
    view.context.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(browser: Any, folder: Path, mode: str) -> None:
    view = Viewer(browser, folder, color_scheme=mode)
    pairs = view.page.evaluate(
        """[...document.querySelectorAll('h1, #facts, #play, #clock, #end, #news, .name, .score, .wait, .fresh, '
        + '#legend li, svg text, td, th, #notices li, footer p')].map(node => {
          let behind = node;
          const paint = each => getComputedStyle(each).backgroundColor;
          while (behind.parentElement && paint(behind) === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
          const style = getComputedStyle(node);
          return [node instanceof SVGElement ? style.fill : style.color, paint(behind), node.id || node.className];
        })"""
    )
    assert len(pairs) > 40
    for ink, paper, name in pairs:
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ink, paper)
    view.context.close()


def luminance(colour: str) -> float:
    """Relative luminance of "rgb(1, 2, 3)", as WCAG defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_texts_of_the_user_are_shown_as_they_are(browser: Any, tmp_path: Path) -> None:
    view = Viewer(browser, write_run(tmp_path / "run", {HOSTILE: STEPS, '"quoted", <b>': LOSSY}, title=HOSTILE))
    assert view.page.evaluate("window.broken") is None
    assert view.page.text_content("h1") == view.page.title() == HOSTILE
    assert list(view.shown()) == [HOSTILE, '"quoted", <b>']
    view.page.keyboard.press("End")
    assert view.page.locator(".lane").nth(1).locator(".name span").last.text_content() == (
        "4 sent, 1 lost, 3 arrived, of them 1 for repair"
    )
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert view.faults == []
    view.context.close()


def test_without_events_there_are_still_pictures_and_curves(browser: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "events.csv").unlink()
    report_again(folder)
    view = Viewer(browser, folder, at="#125")
    assert view.shown() == frames_at(folder, 125)
    assert view.page.text_content("#lanes-words") == "Single packets are not marked here: see the notes."
    assert "events.csv is missing." in str(view.page.text_content("#notices"))
    assert view.faults == []
    view.context.close()


def test_several_senders_have_a_line_each(browser: Any, tmp_path: Path) -> None:
    view = Viewer(browser, write_run(tmp_path / "run", {"steps": STEPS, "lossy": LOSSY}, senders=3))
    view.page.keyboard.press("End")
    assert view.page.locator(".lane").nth(1).locator(".name span").last.text_content() == (
        "12 sent, 3 lost, 9 arrived, of them 3 for repair"
    )
    marks = view.page.locator(".lane").nth(1).locator("g.later > path.bad").get_attribute("d")
    heights = sorted({float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)", str(marks))})
    assert all(b - a > 2 for a, b in pairwise(heights[::2]))
    assert len(heights[::2]) == 3
    assert "3 of them" in str(view.page.text_content("#lanes-words"))
    view.context.close()
