"""What `satsim send` does, in order: cancel, list, pack, show, queue, send, account."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from codec.own import CODE_ALLOWED
from satsim.commands.main import print_table, screen
from satsim.commands.mending import echo
from satsim.durations import parse_duration
from satsim.errors import ScenarioError
from satsim.links.costs import costs
from satsim.links.linkspec import LinkSpec
from satsim.sender.plan import Coding, Packed, Row, best_s, bill_of, cost_words, pack_photo, read_link
from satsim.sender.queue import Photo, Queue, default_folder
from satsim.sender.sending import Sending, Terms
from satsim.words import clock

LEFT = 3
"""Exit code where messages are left in the queue."""


class Orders(NamedTuple):
    """What the command line says."""

    photos: Sequence[Path]
    coding: Coding
    modem: str | None
    folder: Path | None
    priority: int
    again: bool
    link: str
    for_time: str | None
    listen: str
    speed: float
    signal: int
    allow_code: bool


class Teller:
    """Events as lines for people, or of JSON."""

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self.as_json, self.quiet = as_json, quiet

    def __call__(self, event: str, words: str, **facts: Any) -> None:
        if self.quiet:
            return
        if self.as_json:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            echo(json.dumps({"event": event, "time": now, **facts, "words": words}))
        else:
            echo(f"{time.strftime('%H:%M:%S')} {words}")
        sys.stdout.flush()

    def line(self, event: str, words: str, **facts: Any) -> None:
        """Without the time of day, where people read it."""
        if self.as_json:
            self(event, words, **facts)
        elif not self.quiet:
            echo(words)
            sys.stdout.flush()


def carry_out(orders: Orders, dry: bool, listing: bool, cancel: Sequence[int], as_json: bool, quiet: bool) -> None:
    """Raises ScenarioError for orders that go not together, and whatever packing and sending raise."""
    CODE_ALLOWED.set(orders.allow_code)
    tell = Teller(as_json, quiet)
    terms = _terms(orders, needs_modem=not (dry or listing or cancel))
    link = read_link(orders.link, orders.coding.packet_bytes)
    if orders.coding.image_id is not None and len(orders.photos) > 1:
        raise ScenarioError(f"--image-id is for one photo; expected one, not {len(orders.photos)}")
    folder = orders.folder or default_folder()
    if (listing or cancel) and not (folder / "queue.db").exists():
        raise ScenarioError(f"{folder}: holds no queue; `satsim send PHOTO --modem PORT` begins one")
    if dry and not (folder / "queue.db").exists():
        packed = [pack_photo(path, orders.coding, 0, dry) for path in orders.photos]
        _show([Row.of(each) for each in packed], link, folder, tell)
        return
    queue = Queue(folder)
    try:
        for number in cancel:
            count = queue.cancel(number)
            tell.line("cancelled", f"photo {number}: {count} messages are not sent", photo=number, messages=count)
        if listing:
            _list(queue, tell)
        if listing or cancel:
            return
        packed = [pack_photo(path, orders.coding, orders.priority, dry) for path in orders.photos]
        for note in dict.fromkeys(note for each in packed for note in each.notes):
            echo(f"note: {note}", err=True)
        if dry:
            new = [each for each in packed if orders.again or not queue.holds(each.messages)]
            _show([*_waiting(queue), *map(Row.of, new)], link, folder, tell)
            return
        _send(queue, packed, orders, terms, link, tell)
    finally:
        queue.close()


def _terms(orders: Orders, needs_modem: bool) -> Terms:
    if needs_modem and not orders.modem:
        raise ScenarioError("--modem is missing; expected a port, as /dev/ttyUSB0 (or --dry-run, --list, --cancel)")
    if not orders.speed > 0:
        raise ScenarioError(f"--speed is {orders.speed:g}; expected more than 0 (1 for a real modem)")
    times: dict[str, float | None] = {"--for": None, "--listen": None}
    for flag, text in (("--for", orders.for_time), ("--listen", orders.listen)):
        try:
            times[flag] = parse_duration(text) if text is not None else None
        except ValueError as error:
            raise ScenarioError(f"{flag}: {error}") from None
    return Terms(orders.modem or "", orders.speed, orders.signal, times["--for"], times["--listen"] or 0.0)


def _list(queue: Queue, tell: Teller) -> None:
    photos = queue.photos()
    for photo in photos if tell.as_json else ():
        tell("photo", photo.name, **photo._asdict())
    if tell.as_json:
        return
    columns = {
        "number": [str(photo.photo) for photo in photos],
        "photo": [photo.name for photo in photos],
        "sender": [str(photo.sender) for photo in photos],
        "image": [str(photo.image_id) for photo in photos],
        "acknowledged": [f"{photo.acknowledged} of {photo.messages}" for photo in photos],
        "waiting": [str(photo.waiting) for photo in photos],
        "priority": [str(photo.priority) for photo in photos],
    }
    print_table(screen(sys.stdout), f"Queue in {queue.folder}", columns, ("priority", "sender"), text=2)


def _waiting(queue: Queue) -> list[Row]:
    sizes = queue.sizes_waiting()
    return [Row(photo.name, sizes[photo.photo]) for photo in queue.photos() if photo.photo in sizes]


def _show(rows: Sequence[Row], link: LinkSpec, folder: Path, tell: Teller) -> None:
    """What is to be sent, and what that takes."""
    every = [size for row in rows for size in row.sizes]
    bill, seconds = bill_of(link, every), best_s(link, every)
    if rows and not tell.as_json and not tell.quiet:
        bills = [bill_of(link, row.sizes) for row in rows]
        columns = {
            "photo": [row.name for row in rows],
            "packets": [str(len(row.sizes)) for row in rows],
            "bytes": [str(sum(row.sizes)) for row in rows],
            "credits": ["?" if each["credits"] is None else str(each["credits"]) for each in bills],
            bill["currency"]: ["?" if each["price"] is None else f"{each['price']:.2f}" for each in bills],
        }
        print_table(screen(sys.stdout), "To be sent", columns, ("bytes",))
    words = (
        f"nothing waits; queue: {folder}"
        if not every
        else (
            f"{len(every)} packets, {sum(every)} bytes; {cost_words(bill)} by {link.preset} if each is sent once;"
            f" {clock(seconds)} at best; queue: {folder}"
        )
    )
    facts = {"packets": len(every), "bytes": sum(every), "credits": bill["credits"], "price": bill["price"]}
    tell.line("plan", words, **facts, currency=bill["currency"], best_s=round(seconds, 1), queue=str(folder))


def _send(queue: Queue, packed: Sequence[Packed], orders: Orders, terms: Terms, link: LinkSpec, tell: Teller) -> None:
    """Queue, and send unless another process does. Ends the process with exit code 3 where messages are left."""
    for photo, messages, _ in packed:
        number = queue.add(photo, messages, orders.coding.key_file, orders.again)
        words = (
            "is in the queue already (--again sends it once more)" if number is None else f"queued as photo {number}"
        )
        tell.line("queued", f"{photo.name}: {words}", name=photo.name, photo=number, again=number is None)
    before = {photo.photo: photo for photo in queue.photos()}
    sending = Sending(queue, terms, tell, random.Random())
    while True:
        with queue.sending() as alone:
            if not alone:
                tell.line("left", f"another satsim send is sending from this queue, these too: {queue.folder}")
                return
            for name in queue.forget_old(time.time()):
                tell.line("forgotten", f"{name}: acknowledged over 30 days ago; leaves the queue", name=name)
            _show(_waiting(queue), link, queue.folder, tell)
            sending.run()
        if queue.next() is None or sending.is_over():  # else another process queued some while this one ended
            break
    _account(queue, before, sending, link, tell)


def _account(queue: Queue, before: Mapping[int, Photo], sending: Sending, link: LinkSpec, tell: Teller) -> None:
    """A line for each photo that waited or changed, and one for all sessions."""
    left = 0
    for photo in queue.photos():
        was = before.get(photo.photo)
        if was == photo and not photo.waiting and photo.acknowledged == photo.messages:
            continue
        rest = photo.messages - photo.acknowledged
        more = f"; {photo.waiting} wait" if photo.waiting else ""
        more += f"; {rest - photo.waiting} cancelled or refused" if rest > photo.waiting else ""
        words = f"{photo.name}: {photo.acknowledged} of {photo.messages} acknowledged{more}"
        tell.line("account", words, **photo._asdict())
        left += rest
    bill = costs(sending.tried, link.cost)
    failed = sum(each.kind == "lost" for each in sending.tried)
    words = f"{bill['messages']} sessions, {failed} of them failed; {cost_words(bill)} by {link.preset}"
    tell.line("sessions", words, sessions=bill["messages"], failed=failed, credits=bill["credits"], price=bill["price"])
    if left:
        echo(f"{left} packets are not acknowledged: `satsim send --modem` goes on with those that wait", err=True)
        raise SystemExit(LEFT)
