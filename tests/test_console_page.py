"""The console in a browser: photos sharpen as packets arrive (skipped where no Chromium is installed)."""

import hashlib
import json
import signal
import subprocess
import sys

import modems
import posts
import pytest
from conftest import photo_like
from PIL import Image
from serving import Service, ask, until

from satsim.air.position import Position
from satsim.air.request import read_request
from satsim.inbox.store import Store

for library in ("starlette", "uvicorn", "cryptography"):
    pytest.importorskip(library)

FAKE = ("--codec", "codec.fake:FakeCodec", "--allow-code")
WAIT_MS = 20_000


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
    """Whether a line of the browser's console tells of a mistake; that a server is away, or goes while it answers (the
    service ends before the page, and cuts what pictures are on their way), is none."""
    away = ("CONNECTION_REFUSED", "CONNECTION_RESET", "INCOMPLETE_CHUNKED", "EMPTY_RESPONSE")
    return not any(words in line for words in (*(f"net::ERR_{how}" for how in away), "401 (Unauthorized)"))


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
    """Ten packets; of their sessions three in ten fail, and one in five is lost behind the gateway. The sender is held
    up twice until the page shows what came, so that on a slow machine too it must have sharpened."""
    Image.fromarray(photo_like(48, 64)).save(tmp_path / "photo.png")
    coded = [*FAKE, "--width", "64", "--height", "48", "--fit", "keep", "--speed", "15"]
    losses = ("--set", "loss_ratio=0.3", "--set", "ground_loss_ratio=0.2", "--set", "delay_s=0.01", "--seed", "3")
    with Service(tmp_path, "--directip", "0", "--http", "0", *FAKE, decode=True) as service:
        page = see(service)
        page.get_by_text("No photo has come yet").wait_for()
        page.evaluate("window.stayed = true")

        def came():
            return len(ask(service.db, "SELECT DISTINCT place FROM messages"))

        def shown():
            """The picture that the page shows, once it is that of all that has come, and its packets too."""
            latest = "SELECT id || '-' || lower(hex(substr(sha256, 1, 8))) FROM decodes ORDER BY id DESC LIMIT 1"

            def picture():
                if ask(service.db, "SELECT decoded = changed FROM images") != [(1,)] or held(page) != [came()]:
                    return None
                on_page = page.evaluate("document.querySelector('.card img')?.dataset.picture")
                return on_page if ask(service.db, latest) == [(on_page,)] else None

            return until(picture)

        gateway = f"directip:127.0.0.1:{service.port('directip')}"
        with modems.running("--speed", "15", *losses, "--to", gateway) as modem:
            command = ["send", tmp_path / "photo.png", "--queue", tmp_path / "queue", "--modem", modem.port, *coded]
            with subprocess.Popen(
                [sys.executable, "-m", "satsim", *map(str, command)], stdout=subprocess.PIPE, text=True
            ) as sender:
                pictures = set()
                for count in (1, 3):
                    until(lambda count=count: came() >= count)
                    sender.send_signal(signal.SIGSTOP)
                    try:
                        pictures.add(shown())
                    finally:
                        sender.send_signal(signal.SIGCONT)
                assert "10 of 10 acknowledged" in sender.stdout.read()
        until(lambda: came() > 4)
        assert came() < 10, "some were lost where no modem hears of it"
        pictures.add(shown())
        assert len(pictures) >= 2, "on a slow machine; else three"
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
            "() => [...document.querySelectorAll('#stage figure img')].filter(each => each.naturalWidth).length === 3",
        )
        assert "one of these pictures is false. Nothing here tells which." in page.locator("#stage").inner_text()
        pictures = page.eval_on_selector_all("#stage figure img", "all => all.map(each => each.src)")
        assert len(set(pictures)) == 3
        page.locator(".between summary").click()
        for at in (0, 100):
            page.locator("#between").fill(str(at))
            cut = page.eval_on_selector(".over .upper", "each => getComputedStyle(each).clipPath")
            assert cut == f"inset(0px {100 - at}% 0px 0px)" or cut == "inset(0px)", "A from the left up to here"
        words = page.locator("#stage figcaption").all_inner_texts()
        honest = "Detail is lost: do not count or read."
        assert words == [f"{label}. {honest}" for label in ("Version A", "Version B", "Only what agrees")]


HOSTILE = "</script><script>window.broken = 1</script><img src=x onerror=window.broken=2>"
PLACE = Position(1_700_000_000, 46.5, 8.6)


def desk(folder, photos=12, teams=3):
    """An inbox of many photos: packets that came, and a picture of each without the work of decoding it."""
    store = Store(folder / "inbox.db")
    (folder / "pictures").mkdir()
    Image.fromarray(photo_like(24, 32)).save(folder / "pictures" / "one.png")
    for k in range(photos):
        place = Position(1_700_000_000 + k, 46 + k % 50 / 100, 8 + k % 70 / 100)
        packets = posts.photo(k % 256, image_id=k, sender=k % teams, position=place)
        came = [packet for packet in packets if (packet.payload_index + k) % 4 or k % 3 == 0]
        store.take(posts.arrivals(posts.plain(came), time_unix_s=1_700_000_100.0 + 100 * k))
    digest = hashlib.sha256((folder / "pictures" / "one.png").read_bytes()).digest()
    with store.db:
        store.db.execute("UPDATE images SET decoded = changed")
        store.db.execute(
            "INSERT INTO decodes (image, changed, alternative, held, missing, picture, sha256, decoded_unix_s, took_s)"
            " SELECT id, changed, 0, '0', '', 'pictures/one.png', ?, last_unix_s, 0.1 FROM images",
            (digest,),
        )
    store.close()


def test_everything_can_be_done_by_keyboard_alone(tmp_path, see):
    photo = posts.photo(1, count=4, position=PLACE)
    with Service(tmp_path, "--http", "0", *FAKE, decode=True) as service:
        page = see(service)
        for packet in (photo[0], photo[2]):
            send(service, *posts.plain([packet]))
            until(lambda: ask(service.db, "SELECT decoded = changed FROM images") == [(1,)])
        wait(page, HELD, 2)
        press = page.keyboard.press
        press("j")
        press("Enter")
        page.locator("#steps").wait_for()
        assert "latest: 2 packets" in page.inner_text(".slider")
        press("[")
        assert "1 of 2: 1 packet" in page.inner_text(".slider")
        assert "Rebuilt from 1 of 4 packets. Detail is lost: do not count or read." in page.inner_text("#stage")
        press("]")
        assert "latest: 2 packets" in page.inner_text(".slider")
        assert page.inner_text("#ask") == "Ask again for 1 and 3"
        press("r")
        page.get_by_text("request of").first.wait_for()
        [(request,)] = ask(service.db, "SELECT request FROM requests")
        assert read_request(request).images[0].payloads == (1, 3)
        press("a")
        page.keyboard.type("smoke in the north")
        press("Tab")
        page.keyboard.type("Ines")
        press("Enter")
        page.locator(".log").get_by_text("smoke in the north").wait_for()
        assert ask(service.db, "SELECT operator, note, changed FROM notes") == [("Ines", "smoke in the north", 2)]
        page.locator(".card .seen").wait_for()
        press("Escape")
        press("Escape")
        wait(page, "() => document.getElementById('one').hidden && location.hash === ''")
        send(service, *posts.plain([photo[1]]))
        page.locator(".card .fresh").get_by_text("more came").wait_for()
        press("m")
        page.locator(".chart .mark").wait_for()
        press("m")
        press("/")
        page.keyboard.type("nobody")
        page.get_by_text("No photo fits").wait_for()
        press("Control+a")
        page.keyboard.type("smoke north")
        page.locator(".card").wait_for()
        press("Escape")
        press("?")
        page.locator("#words").wait_for()
        page.locator("#letters").uncheck()
        press("Escape")
        press("m")
        assert page.locator("#map").is_hidden(), "keys of one letter are off"


def test_markup_in_names_and_notes_and_layers_stays_text(tmp_path, see):
    desk(tmp_path, 2, 1)
    with Service(tmp_path, "--http", "0", "--watch", tmp_path) as service:
        page = see(service)
        origin = {"Origin": f"http://127.0.0.1:{service.port('http')}", "kind": "application/json"}
        for path, given in (
            ("/console/teams/0", {"name": HOSTILE[:60]}),
            ("/console/photos/1/seen", {"by": HOSTILE[:60], "note": HOSTILE, "changed": 9}),
        ):
            assert service.http("POST", path, json.dumps(given), **origin)[0] == 200
        page.locator("h2", has_text=HOSTILE[:60]).wait_for()
        page.locator(".card[data-id='1']").click()
        page.locator(".log").get_by_text(HOSTILE).wait_for()
        page.keyboard.press("Escape")
        page.locator("#to-map").click()
        shape = {
            "type": "Feature",
            "properties": {"name": HOSTILE},
            "geometry": {"type": "Point", "coordinates": [8, 46]},
        }
        page.set_input_files(
            "#layer",
            {"name": f"{HOSTILE}.geojson".replace("/", ""), "mimeType": "", "buffer": json.dumps(shape).encode()},
        )
        page.locator(".chart .layer-0").wait_for()
        assert page.evaluate("window.broken") is None
        assert page.locator("script").count() == 1
        assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "has a geometry of type undefined"),
        ('{"type": "Circle", "coordinates": []}', "has a geometry of type Circle"),
        ('{"type": "Point", "coordinates": [0, 91]}', "has no place at [0,91]"),
        ('{"type": "Point", "coordinates": ["<b>", 1]}', 'has no place at ["<b>",1]'),
        ('{"type": "LineString", "coordinates": []}', "has a line without points"),
        ('{"type": "Polygon", "coordinates": [5]}', "has a line without points"),
        ('{"type": "FeatureCollection", "features": [null]}', "holds no shape"),
        ('{"type": "constructor", "coordinates": [1]}', "has a geometry of type constructor"),
    ],
)
def test_a_layer_that_is_none_is_refused_in_a_line(tmp_path, see, content, said):
    with Service(tmp_path, "--http", "0") as service:
        page = see(service)
        page.locator("#to-map").click()
        page.set_input_files("#layer", {"name": "mine.geojson", "mimeType": "", "buffer": content.encode()})
        page.locator("#says.bad").wait_for()
        words = "expected GeoJSON with longitude and latitude in degrees."
        assert page.inner_text("#says") == f"mine.geojson: {said}; {words}"


def test_of_two_thousand_photos_the_page_holds_few_and_finds_all(tmp_path, see):
    desk(tmp_path, 2000, 20)
    with Service(tmp_path, "--http", "0") as service:
        page = see(service)
        page.locator(".card").first.wait_for()
        assert page.locator(".card").count() <= 200
        assert page.locator("#teams button").count() == 20
        page.locator("#teams button", has_text="0").first.click()
        page.locator("#team-0").wait_for()
        page.locator("#team-0 .more").click()
        assert page.locator("#team-0 .card").count() == 60
        page.fill("#find", "photo 1234")
        wait(page, "() => document.querySelectorAll('.card').length === 1")
        assert "Photo 1234" in page.locator(".card").inner_text()


@pytest.mark.parametrize("width", [1440, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_by_wcag_aa(tmp_path, see, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe (pip install -e '.[dev]')").Axe()
    desk(tmp_path)
    store = Store(tmp_path / "inbox.db")
    with store.db:
        store.db.execute("INSERT INTO contradictions (image, line, found_unix_s) VALUES (12, 'contradiction: x', 5)")
        store.db.execute("INSERT INTO notes (image, operator, note, changed, made_unix_s) VALUES (12, 'me', 'x', 9, 5)")
        store.db.execute(
            "INSERT INTO decodes (image, changed, alternative, held, missing, picture, sha256, decoded_unix_s, took_s)"
            " SELECT image, changed, 1, '0', '', picture, sha256, 5, 0.1 FROM decodes WHERE image = 12"
        )
    store.close()
    wanted = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    with Service(tmp_path, "--http", "0") as service:
        page = see(service, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce")

        def check(where):
            told = axe.run(page, options=wanted).response
            assert "color-contrast" in [each["id"] for each in told["passes"]], "it was looked at"
            found = told["violations"]
            assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == [], where
            assert page.evaluate("document.documentElement.scrollWidth") <= width, where

        page.locator(".card").first.wait_for()
        check("list")
        page.locator("#save summary").click()
        check("menu")
        page.keyboard.press("Escape")
        page.locator(".card[data-id='12']").click()
        page.locator("#stage figure").first.wait_for()
        page.locator(".between summary").click()
        check("one photo")
        page.keyboard.press("Escape")
        page.locator("#to-map").click()
        page.locator(".chart .mark").first.wait_for()
        check("map")
        page.locator("#help").click()
        check("help")


def test_one_logs_in_by_the_token_and_out(tmp_path, see):
    (tmp_path / "token").write_text("token-0123456789abcdef")
    desk(tmp_path, 1, 1)
    with Service(tmp_path, "--http", "0", "--token-file", tmp_path / "token") as service:
        page = see(service)
        page.fill("#token", "wrong-0123456789abcdef")
        page.keyboard.press("Enter")
        page.get_by_text("That is not its token.").wait_for()
        page.fill("#token", "token-0123456789abcdef")
        page.keyboard.press("Enter")
        page.locator(".card").wait_for()
        assert page.evaluate("document.cookie") == "", "no script can read it"
        page.locator("#leave").click()
        page.locator("#token").wait_for()
        assert page.context.cookies() == []
