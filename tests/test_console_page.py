"""The console in a browser: photos sharpen as packets arrive (skipped where no Chromium is installed)."""

import shutil
import subprocess
import sys

import modems
import posts
import pytest
from conftest import photo_like
from PIL import Image
from serving import Service, ask, until

for library in ("starlette", "uvicorn", "cryptography"):
    pytest.importorskip(library)

FAKE = ("--codec", "codec.fake:FakeCodec", "--allow-code")
WAIT_MS = 20_000


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of this machine."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright (pip install -e '.[dev]')")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()


@pytest.fixture
def see(browser):
    """Open the console of a service; at the end no page may have had a fault, or asked another server."""
    contexts, faults, strangers = [], [], []

    def open_page(service, at="", **look):
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | look)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        root = f"http://127.0.0.1:{service.port('http')}/"
        page.on("console", lambda message: faults.append(message.text) if is_fault(message.text) else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((root, "blob:")) else strangers.append(asked.url))
        page.goto(root + at)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
    assert strangers == []


def is_fault(line):
    """Whether a line of the browser's console tells of a mistake; that a server is away is none."""
    return not any(
        words in line for words in ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY_RESPONSE")
    )


def wait(page, expression, argument=None):
    """Wait until JavaScript finds it true."""
    page.wait_for_function(expression, arg=argument, timeout=WAIT_MS)


def held(page):
    """How many packets of each photo the cards show as held."""
    return page.eval_on_selector_all(".card", "cards => cards.map(card => card.querySelectorAll('.cell.held').length)")


HELD = "count => document.querySelectorAll('.card .cell.held').length >= count"


def send(service, *messages):
    for message in messages:
        assert service.http("POST", "/message", message)[0] == 200


def test_a_photo_over_a_lossy_modem_sharpens_without_a_reload(tmp_path, see):
    """Ten packets, of whose sessions three in ten fail, and one in five is lost behind the gateway."""
    Image.fromarray(photo_like(48, 64)).save(tmp_path / "photo.png")
    coded = [*FAKE, "--width", "64", "--height", "48", "--fit", "keep"]
    with Service(tmp_path, "--directip", "0", "--http", "0", *FAKE, decode=True) as service:
        page = see(service)
        page.get_by_text("No photo has come yet").wait_for()
        page.evaluate("window.stayed = true; window.pictures = new Set();")
        page.evaluate(
            "new MutationObserver(() => document.querySelectorAll('.card img').forEach(each =>"
            " window.pictures.add(each.dataset.picture))).observe(document.body, {childList: true, subtree: true})"
        )
        losses = ("--set", "loss_ratio=0.3", "--set", "ground_loss_ratio=0.2", "--set", "delay_s=0.01", "--seed", "3")
        gateway = f"directip:127.0.0.1:{service.port('directip')}"
        with modems.running("--speed", "15", *losses, "--to", gateway) as modem:
            command = ["send", tmp_path / "photo.png", "--queue", tmp_path / "queue", "--modem", modem.port]
            done = subprocess.run(
                [sys.executable, "-m", "satsim", *map(str, command), *coded, "--speed", "15"],
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert "10 of 10 acknowledged" in done.stdout, done.stderr
            lost = sum(line["delivery"] == "lost" for line in modem.sessions() if "delivery" in line)
        came = len(ask(service.db, "SELECT DISTINCT place FROM messages"))
        assert came < 10, lost
        wait(page, HELD, came)
        assert held(page) == [came]
        latest = "SELECT id || '-' || lower(hex(substr(sha256, 1, 8))) FROM decodes ORDER BY id"
        until(lambda: ask(service.db, "SELECT decoded = changed FROM images") == [(1,)])
        shown = [name for [name] in ask(service.db, latest)]
        wait(page, "name => document.querySelector('.card img').dataset.picture === name", shown[-1])
        assert set(page.evaluate("[...window.pictures]")) <= set(shown)
        assert page.evaluate("window.pictures.size") >= 3
        assert page.evaluate("window.stayed"), "the page was not loaded again"


def test_the_page_goes_on_where_it_was_when_the_inbox_starts_again(tmp_path, see):
    photo = posts.plain(posts.jpeg_photo(1))
    with Service(tmp_path, "--http", "0", decode=True) as service:
        page = see(service)
        send(service, photo[0])
        wait(page, HELD, 1)
        page.evaluate("window.stayed = true")
        port = service.port("http")
        service.process.kill()
        page.locator("#live[data-state=off]").wait_for()
    with Service(tmp_path, "--http", port, decode=True) as service:
        page.locator("#live[data-state=on]").wait_for()
        send(service, *photo[1:])
        wait(page, HELD, len(photo))
        wait(page, "() => document.querySelector('.card img')?.naturalWidth === 32")
        assert page.evaluate("window.stayed")


def test_packets_that_contradict_each_other_are_shown_as_two_pictures(tmp_path, see):
    photo = posts.photo(1, count=3, codec="external", model_id=1)
    forged = photo[1]._replace(payload=b"\xff\x00\x00")
    with Service(tmp_path, "--http", "0", *FAKE, decode=True) as service:
        page = see(service)
        send(service, *posts.plain([photo[0], photo[1]]))
        wait(page, "() => document.querySelectorAll('.card img').length === 1")
        send(service, *posts.plain([forged]))
        wait(page, "() => document.querySelectorAll('.card .pictures.of-2 img').length === 2")
        assert "contradiction" in page.locator(".card").inner_text()
        page.locator(".card").click()
        wait(
            page,
            "() => [...document.querySelectorAll('#stage figure img')].filter(each => each.naturalWidth).length === 2",
        )
        assert "one of these pictures is false. Nothing here tells which." in page.locator("#stage").inner_text()
        pictures = page.eval_on_selector_all("#stage figure img", "all => all.map(each => each.src)")
        assert len(set(pictures)) == 3
        words = page.locator("#stage figcaption").all_inner_texts()
        honest = "Detail is lost: do not count or read."
        assert words == [f"{label}. {honest}" for label in ("Version A", "Version B", "Only what agrees")]
