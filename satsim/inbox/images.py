"""Which image of the inbox a packet is of; numbers wrap, so that an old image and a new one may share theirs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from satsim.air.agreement import REPAIRS_WITHIN, Place, run_of
from satsim.air.inbox import ImageKey, Inbox, key_of, place_of
from satsim.air.packets import LAST_SYMBOL, Packet
from satsim.words import DAY_S

MOST_DEVICES = 16
"""Ways and devices of one image that are told apart, where its packets contradict each other."""
Message = tuple[str, bytes]
"""Its name, and what it holds."""
MOST_VERSIONS = 8
"""Messages for one place of an image that are looked at, the first that came; others are kept, and no more."""
SILENCE_S = DAY_S
"""After which packets that contradict those of an image that is not sealed are taken to be of another."""
IDENTITY = ("sender", "number", "compact", "codec", "model", "width", "height", "payload_count", "position", "mark",
            "sealed")  # fmt: skip
"""Columns that tell images apart, but for the run."""
SAME = " AND ".join(f"{column} = ?" for column in IDENTITY)


def place_number(place: Place) -> int:
    """A place as the database holds it: index of a payload, or of a repair symbol a number below 0."""
    if isinstance(place, int):
        return place
    return -1 - (((place.protects * (LAST_SYMBOL + 1)) + place.number) * 2 + place.prefixed)


def hold(db: sqlite3.Connection, packet: Packet, counter: int | None, time_unix_s: float) -> int:
    """The row of the image that `packet` is of, made where there is none; `counter` is that of a sealed one.

    The row counts the packet. A sealed payload that begins a sealing draws to it what repair symbols came before.
    """
    place = place_of(packet)
    identity = identity_of(key_of(packet), counter is not None)
    run = (
        _sealed_run(db, identity, counter, place)
        if counter is not None
        else _open_run(db, identity, place, time_unix_s)
    )
    [image, changed] = db.execute(
        f"INSERT INTO images ({', '.join(IDENTITY)}, run, first_unix_s, last_unix_s, pending_unix_s, changed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
        " ON CONFLICT DO UPDATE SET last_unix_s = MAX(last_unix_s, excluded.last_unix_s), changed = changed + 1,"
        " pending_unix_s = CASE WHEN decoded < changed THEN pending_unix_s ELSE excluded.pending_unix_s END"
        " RETURNING id, changed",
        (*identity, run, time_unix_s, time_unix_s, time_unix_s),
    ).fetchone()
    if changed == 1 and counter is not None and isinstance(place, int):
        _draw_repairs(db, identity, image, run)
    return int(image)


def identity_of(key: ImageKey, sealed: bool) -> tuple[str | int, ...]:
    """What the columns of `IDENTITY` hold of an image."""
    position = "" if key.position is None else ",".join(map(repr, key.position))
    front = (key.sender, key.image_id, int(key.compact), key.codec, key.model_id)
    return *front, key.width, key.height, key.payload_count, position, key.mark, int(sealed)


def _open_run(db: sqlite3.Connection, identity: tuple[str | int, ...], place: Place, time_unix_s: float) -> int:
    """The run of a packet that is not sealed: the latest there is, or after long silence, and if another version of
    its place is there, one more: then this is no forgery, but a later photo to which number and mark came round."""
    latest = db.execute(
        f"SELECT id, run, last_unix_s FROM images WHERE {SAME} ORDER BY run DESC LIMIT 1", identity
    ).fetchone()
    if latest is None:
        return 0
    if (
        time_unix_s - latest["last_unix_s"] > SILENCE_S
        and db.execute(
            "SELECT 1 FROM messages WHERE image = ? AND place = ?", (latest["id"], place_number(place))
        ).fetchone()
    ):
        return int(latest["run"]) + 1
    return int(latest["run"])


def _sealed_run(db: sqlite3.Connection, identity: tuple[str | int, ...], counter: int, place: Place) -> int:
    """The run of a sealed packet. Repair symbols of no sealing that is known wait among their neighbours."""
    begun = db.execute(
        f"SELECT run FROM images WHERE {SAME} AND run BETWEEN ? AND ?",
        (*identity, max(0, counter - REPAIRS_WITHIN), counter),
    )
    run = run_of(counter, place, [each for [each] in begun])
    return run if run >= 0 or isinstance(place, int) else -1 - counter // REPAIRS_WITHIN


def _draw_repairs(db: sqlite3.Connection, identity: tuple[str | int, ...], image: int, run: int) -> None:
    """Move repair symbols of a sealing that is known only now to its image, and drop images that nothing is left of."""
    others = db.execute(
        f"SELECT id FROM images WHERE {SAME} AND run < ? AND (run < 0 OR run > ?)",
        (*identity, run, run - REPAIRS_WITHIN),
    ).fetchall()
    for [other] in others:
        moved = db.execute(
            "UPDATE messages SET image = ? WHERE image = ? AND place < 0 AND counter BETWEEN ? AND ?",
            (image, other, run, run + REPAIRS_WITHIN - 1),
        ).rowcount
        if not moved:
            continue
        db.execute("UPDATE images SET changed = changed + ? WHERE id IN (?, ?)", (moved, image, other))
        if not db.execute("SELECT 1 FROM messages WHERE image = ?", (other,)).fetchone():
            db.execute("UPDATE OR IGNORE decodes SET image = ?, changed = -changed WHERE image = ?", (image, other))
            db.execute("UPDATE notes SET image = ? WHERE image = ?", (image, other))
            db.execute("DELETE FROM images WHERE id = ?", (other,))


def inbox_of(messages: Sequence[Message]) -> tuple[Inbox, ImageKey]:
    """A receiver that holds these messages of one image, opened if they were sealed, and the image's key."""
    inbox = Inbox()
    for name, message in messages:
        inbox.accept(message, name)
    [key] = inbox.held
    return inbox, key


def messages_of(db: sqlite3.Connection, image: int) -> list[Message]:
    """(name, bytes) of the messages of an image that are looked at, sealed ones opened, each by each way it came.

    A name says way and device first, as a folder: what came by one of these belongs together.
    """
    rows = db.execute(
        "SELECT id, packet, COALESCE(way, 'taken'), COALESCE(device, '') FROM (SELECT id, COALESCE(opened, message) AS"
        " packet, ROW_NUMBER() OVER (PARTITION BY place ORDER BY id) AS version FROM messages WHERE image = ?)"
        " LEFT JOIN arrivals ON message_id = id AND refused IS NULL WHERE version <= ? ORDER BY id, way, device",
        (image, MOST_VERSIONS),
    )
    found: list[Message] = []
    folders: dict[str, str] = {}
    for message, packet, way, device in rows:
        came = _plain(f"{way} {device}")
        folder = folders.setdefault(came, came if len(folders) < MOST_DEVICES else "others")
        found.append((f"{folder}/{message}", packet))
    return found


def _plain(text: str) -> str:
    """`text` without what separates folders."""
    return text.replace("/", " ").replace("\\", " ").strip()
