"""What the console takes: first paint with 2,000 photos, memory over an hour of arrivals, and 1,000 open streams.

    python benchmarks/console.py [--photos 2000] [--streams 1000] [--seconds 60]

1. Paint: a real `satsim inbox` with so many photos, opened in headless Chromium five times, each in a browser window
   that knows nothing yet. The bar: first paint, and the first cards, within 1 s (the middle of five).
2. Hour: 20 teams send a packet a minute, and an hour of it arrives in `--seconds` (60: sixty times as fast as real
   time) while the page is open. Memory of the page (after its garbage is collected) and of the service, at the
   beginning and at the end. The bars: less than 10 MiB more in the page, 30 MiB more in the service; the list has grown
   by 240 photos meanwhile.
3. Streams: so many connections to the events of one service, a fifth of which never read a byte, while 200 messages
   arrive and the whole list is fetched by fifty at once. The bars: every stream that reads is told of the last photo
   within 3 s, and the service has at most 100 KiB more for each stream.

Exit code 1 where a bar is missed. It needs Chromium, Playwright and Linux.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import re
import resource
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from satsim.air.packets import Packet, pack
from satsim.air.position import Position
from satsim.inbox.store import Arrival, Store

TEAMS, PACKETS, MESSAGES = 20, 5, 200
MOST_PAINT_S, MOST_PAGE_MIB, MOST_SERVICE_MIB, MOST_TOLD_S, MOST_STREAM_KIB = 1.0, 10.0, 30.0, 3.0, 100.0


def packet(photo: int, place: int) -> bytes:
    """A packet of a photo of five, which tells its place."""
    where = Position(1_790_000_000 + photo, 46 + photo % 97 / 100, 8 + photo % 89 / 100)
    payload = photo.to_bytes(4, "big") + bytes([place])
    said = {"payload_index": place, "payload_count": PACKETS, "width": 64, "height": 64, "payload": payload}
    return pack(Packet("external", 1, photo % TEAMS, photo // TEAMS, position=where, **said))


def fill(path: Path, photos: int) -> None:
    """An inbox of so many photos, each with a picture of 256x256 pixels of its own file."""
    store = Store(path)
    pictures = path.parent / "pictures"
    pictures.mkdir()
    picture = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(picture).resize((256, 256), Image.Resampling.BICUBIC).save(pictures / "one.png")
    content = (pictures / "one.png").read_bytes()
    first_s = time.time() - 30 * photos
    for at in range(0, photos, 100):
        together = range(at, min(at + 100, photos))
        store.take(
            [Arrival(packet(k, place), "http", first_s + 30 * k) for k in together for place in range(k % PACKETS + 1)]
        )
    with store.db:
        for k in range(1, photos + 1):
            (pictures / f"{k}.png").write_bytes(content)
        store.db.execute(
            "INSERT INTO decodes (image, changed, alternative, held, missing, picture, sha256, decoded_unix_s, took_s)"
            " SELECT id, changed, 0, '0', '', 'pictures/' || id || '.png', ?, last_unix_s, 0.1 FROM images",
            (hashlib.sha256(content).digest(),),
        )
        store.db.execute("UPDATE images SET decoded = changed")
    store.close()


@contextmanager
def serving(path: Path, *options: str) -> Iterator[tuple[int, int]]:
    """Port and process of a service without a decoder."""
    command = [sys.executable, "-m", "satsim", "inbox", "--db", str(path), "--http", "127.0.0.1:0", "--json"]
    with subprocess.Popen([*command, "--no-decoding", *options], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout
        events = map(json.loads, service.stdout)
        port = next(event["port"] for event in events if event["event"] == "listening")
        threading.Thread(target=lambda: list(events), daemon=True).start()
        try:
            yield port, service.pid
        finally:
            service.terminate()
            service.wait(30)


def resident_mib(process: int, what: str = "VmRSS") -> float:
    found = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) / 1024


def send(port: int, messages: list[bytes], seconds: float) -> None:
    """Post messages, evenly over so many seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    began = time.monotonic()
    for k, message in enumerate(messages):
        time.sleep(max(0.0, began + k * seconds / len(messages) - time.monotonic()))
        connection.request("POST", "/message", message, {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser of this machine."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "no Chromium is installed (apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


FIRST = """() => new Promise((found) => {
  const look = () => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    if (paint && document.querySelector(".card")) found([paint.startTime, performance.now()]);
    else requestAnimationFrame(look);
  };
  look();
})"""


def paint(path: Path, browser: Any) -> int:
    """Print how soon the page is there; how many bars are missed."""
    paints, cards = [], []
    with serving(path) as (port, _):
        for _ in range(5):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
            first, shown = page.evaluate(FIRST)
            paints.append(first / 1000)
            cards.append(shown / 1000)
            page.wait_for_timeout(500)
            count = page.evaluate("[document.querySelectorAll('.card').length, document.querySelectorAll('*').length]")
            context.close()
    print(
        f"paint: first paint after {median(paints):.2f} s, cards after {median(cards):.2f} s (at most {MOST_PAINT_S:g})"
    )
    print(f"  all times: {', '.join(f'{each:.2f}' for each in sorted(cards))}; {count[0]} cards of {count[1]} elements")
    return (median(paints) > MOST_PAINT_S) + (median(cards) > MOST_PAINT_S)


def heap_mib(page: Any) -> float:
    """Memory of a page once its garbage is gone."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    said = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return float(said["JSHeapUsedSize"]) / 2**20


def hour(path: Path, browser: Any, photos: int, seconds: float) -> int:
    """Print how memory grows while an hour's packets arrive; how many bars are missed."""
    new = 60 * TEAMS // PACKETS
    messages = [packet(photos + k, place) for at in range(0, new, TEAMS) for place in range(PACKETS)
                for k in range(at, at + TEAMS)]  # fmt: skip
    with serving(path) as (port, process):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector(".card")
        send(port, [packet(photos - 1, place) for place in range(PACKETS)], 2)
        page.wait_for_timeout(1000)
        told = []
        for part in range(4):
            if part:
                third = len(messages) // 3
                send(port, messages[(part - 1) * third : part * third], seconds / 3)
                page.wait_for_timeout(1000)
            told.append((heap_mib(page), resident_mib(process), page.evaluate("document.querySelectorAll('*').length")))
        last = page.evaluate("document.querySelector('.card .count').textContent")
        page.close()
    print(f"hour: {len(messages):,} packets of {new} new photos in {seconds:g} s, with {photos:,} there before;")
    for name, k, unit in (("page", 0, "MiB"), ("service", 1, "MiB"), ("elements", 2, "")):
        print(f"  {name}: {' -> '.join(f'{each[k]:.1f}' if unit else str(each[k]) for each in told)} {unit}")
    grew = told[-1][0] - told[0][0], told[-1][1] - told[0][1]
    print(f"  the page grew by {grew[0]:.1f} MiB (at most {MOST_PAGE_MIB:g}), the service by {grew[1]:.1f} MiB", end="")
    print(f" (at most {MOST_SERVICE_MIB:g}); the newest photo shows {last} packets")
    return (grew[0] > MOST_PAGE_MIB) + (grew[1] > MOST_SERVICE_MIB) + (last != f"{PACKETS}/{PACKETS}")


def streams(path: Path, photos: int, count: int) -> int:
    """Print what open streams take; how many bars are missed."""
    limits = ("--connections", str(count + 100), "--connections-each", str(count + 100), "--rate", "100000")
    with serving(path, *limits) as (port, process):
        send(port, [packet(photos + 999, 0)], 0)
        before = resident_mib(process)
        selector = selectors.DefaultSelector()
        open_streams = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(count)]
        for k, stream in enumerate(open_streams):
            stream.sendall(b"GET /console/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            if k % 5:
                stream.setblocking(False)
                selector.register(stream, selectors.EVENT_READ, bytearray())
        time.sleep(3)
        opened = resident_mib(process)
        last = photos + 1000 + MESSAGES - 1
        mark = b'"team":%d,"number":%d,' % (last % TEAMS, last // TEAMS)
        sender = threading.Thread(
            target=send, args=(port, [packet(photos + 1000 + k, 0) for k in range(MESSAGES)], 10.0)
        )
        fetchers = [threading.Thread(target=fetch, args=(port,)) for _ in range(50)]
        for thread in (sender, *fetchers):
            thread.start()
        told, most, ended_s = 0, opened, None
        readers = len(selector.get_map())
        while told < readers and (ended_s is None or time.monotonic() < ended_s + 10):
            for key, _ in selector.select(0.05):
                key.data.extend(key.fileobj.recv(1 << 16))
                if mark in key.data:
                    told += 1
                    selector.unregister(key.fileobj)
                elif len(key.data) > 1 << 17:
                    del key.data[: -(1 << 16)]
            most = max(most, resident_mib(process))
            if ended_s is None and not sender.is_alive():
                ended_s = time.monotonic()
        late_s = time.monotonic() - (ended_s or time.monotonic())
        for thread in fetchers:
            thread.join()
        most = max(most, resident_mib(process))
        for stream in open_streams:
            stream.close()
        time.sleep(2)
        after = resident_mib(process)
    each = 1024 * (most - before) / count
    print(
        f"streams: {count:,} open, {count - readers} of which never read; {told:,} of {readers:,} others were told all,"
    )
    print(f"  the last {late_s:.2f} s after the last message was kept (at most {MOST_TOLD_S:g})")
    print(
        f"  service: {before:.0f} MiB before, {opened:.0f} with all open, {most:.0f} at most, {after:.0f} after;",
        end="",
    )
    print(f" {each:.0f} KiB a stream (at most {MOST_STREAM_KIB:g})")
    return (told < readers) + (late_s > MOST_TOLD_S) + (each > MOST_STREAM_KIB)


def fetch(port: int) -> None:
    """Read the whole list once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/console/photos")
    json.loads(connection.getresponse().read())
    connection.close()


def main() -> int:
    """Print all three; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="in which the packets of an hour arrive")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, arguments.streams + 200)), hard))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "inbox.db")
        fill(path, arguments.photos)
        with chromium() as browser:
            missed = paint(path, browser)
            missed += hour(path, browser, arguments.photos, arguments.seconds)
        missed += streams(path, arguments.photos, arguments.streams)
    print("missed: " + (str(missed) if missed else "nothing"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
