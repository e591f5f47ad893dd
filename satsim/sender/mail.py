"""What comes back through the modem: resend requests, which are honoured; anything else, which is kept as a file."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from codec.base import CodecError
from codec.files import write_whole
from satsim.air.request import Missing, Request, is_request, read_request
from satsim.air.seal import SenderKey
from satsim.contradictions import ranges
from satsim.errors import PacketError, RefusedError, SatsimError
from satsim.keys import read_key
from satsim.sender.queue import Queue

Tell = Callable[..., None]
"""Called with the kind of an event, the words for it, and its facts by name."""


def take_mail(queue: Queue, imei: str, mtmsn: int, message: bytes, tell: Tell, was_held: bool = False) -> None:
    """Do what `message` asks for, once and for all when this returns.

    One that the modem held already when it was opened (`was_held`) may be the last that an earlier process took before
    it was killed: then nothing is done. A request that its sender's key did not seal, though there is one, or that is
    not newer than the last, is refused.
    """
    digest = hashlib.sha256(message).hexdigest()
    if was_held and queue.rows("SELECT 1 FROM received WHERE (imei, mtmsn, digest) = (?, ?, ?)", imei, mtmsn, digest):
        return
    told: list[tuple[str, str, dict[str, Any]]] = []
    with queue.changing() as database:
        database.execute("INSERT OR REPLACE INTO received VALUES (1, ?, ?, ?)", (imei, mtmsn, digest))
        try:
            if not is_request(message):
                raise PacketError("no resend request")
            request = _read(database, message)
            told += [_honour(database, request.sender, image) for image in request.images]
        except SatsimError as error:
            path = queue.folder / "received" / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}_{digest[:8]}.bin"
            path.parent.mkdir(exist_ok=True)
            write_whole(path, message)
            words = f"a message of {len(message)} bytes came ({error}); kept as {path}"
            told.append(("mail", words, {"bytes": len(message), "reason": str(error), "file": str(path)}))
    for kind, words, facts in told:
        tell(kind, words, **facts)


def _read(database: sqlite3.Connection, message: bytes) -> Request:
    """The request, checked by the key of its sender where the queue knows of one. Raises SatsimError."""
    keys: dict[int, SenderKey] = {}
    known: Mapping[int, tuple[str, int]] = {
        sender: (path, last) for sender, path, last in database.execute("SELECT sender, path, last_request FROM keys")
    }
    named = int.from_bytes(message[1:3], "big")
    if named in known:
        try:
            keys[named] = read_key(Path(known[named][0])).key
        except (SatsimError, CodecError, OSError) as error:
            raise RefusedError(f"a request of sender {named} cannot be checked: {error}") from None
    request = read_request(message, keys)
    if request.counter is not None:
        last = known[request.sender][1]
        if request.counter <= last:
            raise RefusedError(f"request {request.counter} of sender {named} is not newer than {last}: a replay")
        database.execute("UPDATE keys SET last_request = ? WHERE sender = ?", (request.counter, request.sender))
    return request


def _honour(database: sqlite3.Connection, sender: int, image: Missing) -> tuple[str, str, dict[str, Any]]:
    """Queue again what is missing of one image, and what to tell of it."""
    which = "counter IS NULL AND mark = ?" if image.counter is None else "counter % 65536 = ?"
    found = database.execute(
        f"SELECT photo, name FROM photos WHERE sender = ? AND image_id = ? AND compact = ? AND {which}"
        " ORDER BY photo DESC LIMIT 1",
        (sender, image.image_id, image.compact, image.mark if image.counter is None else image.counter),
    ).fetchone()
    facts: dict[str, Any] = {"sender": sender, "image": image.image_id, "asked": list(image.payloads)}
    asked = f"asked for packet{'s' * (len(image.payloads) > 1)} {ranges(image.payloads)}"
    if found is None:
        words = f"{asked} of sender {sender} image {image.image_id}, which is not in this queue (any more)"
        return "request", words, facts | {"queued": []}
    photo, name = found
    queued = [
        place
        for place in image.payloads
        if database.execute(
            "UPDATE messages SET state = 'waiting', asked = asked + 1"
            " WHERE photo = ? AND place = ? AND state IN ('waiting', 'acknowledged')",
            (photo, place),
        ).rowcount
    ]
    words = f"{name}: {asked}; " + (f"sent again: {ranges(queued)}" if queued else "none of them is sent again")
    if lacking := [place for place in image.payloads if place not in queued]:
        words += f"; not there, or cancelled: {ranges(lacking)}"
    return "request", words, facts | {"photo": photo, "name": name, "queued": queued}
