"""What has come is decoded beside the store, the image that was heard of last first; its pictures are files of PNG.

All of it follows from the messages: killed at any moment, a decoder finds at its next start what is not decoded yet.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from codec.files import only_one, write_whole
from codec.own import CODE_ALLOWED
from satsim.air.agreement import Agreed
from satsim.air.inbox import ImageKey, Inbox, place_of, unpack
from satsim.contradictions import ranges
from satsim.errors import PacketError, SatsimError
from satsim.inbox.database import connect, explained, writing
from satsim.inbox.images import Message, inbox_of, messages_of
from satsim.receiving import Received, Seen, Wanted, decode_messages
from satsim.scoring.outbox import Picture

PICTURES, LATEST = "pictures", "latest.png"
POLL_S, FULL_DISK_S = 0.2, 5.0
PAUSE_S = 0.005
"""Between two decodes, so that who takes messages finds the database free."""
MOST_TRIES = 5
"""How often a decoder may die of one state of an image before that is left alone."""
MOST_ALTERNATIVES = 3
"""Pictures of other versions, where messages contradict each other."""
MOST_LINES, LONGEST_LINE = 50, 1000
MOST_PIXELS = 1 << 21
"""Of a picture, unless the caller wants larger ones: ProGIC takes 7 s and 200 MB for so many."""
OLDEST_EVERY = 4
"""One decode of so many is of the image that waits longest, so that none waits for ever."""
NICE = 10
"""So that who takes messages comes before who decodes them."""


def decode_forever(
    path: Path, wanted: Wanted | None = None, parent: int | None = None, allow_code: bool = False
) -> None:
    """Decode what comes into the inbox at `path` until SIGTERM or SIGINT, or until process `parent` is gone.

    To be run in a process of its own; of several for one inbox one is at work. A full disk is waited for. With
    `allow_code` a codec of one's own that `wanted` names may run.
    """
    CODE_ALLOWED.set(allow_code)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if hasattr(os, "nice"):
        os.nice(NICE)
    db = connect(path, create=True)
    db.execute("PRAGMA synchronous = NORMAL")  # what a power cut undoes is decoded again, and nobody waits for the disk
    try:
        while parent in (None, os.getppid()):
            with only_one(lock_of(path)) as alone:
                turn = 0
                while alone and parent in (None, os.getppid()):
                    turn += 1
                    try:
                        idle_s = PAUSE_S if decode_next(db, path, wanted, turn % OLDEST_EVERY == 0) else POLL_S
                    except OSError:
                        idle_s = FULL_DISK_S
                    time.sleep(idle_s)
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        pass
    finally:
        db.close()


def decode_pending(db: sqlite3.Connection, path: Path, wanted: Wanted | None = None) -> int | None:
    """Decode all that waits; how many images, None where another decoder of this inbox is at work. Raises OSError."""
    with only_one(lock_of(path)) as alone:
        if not alone:
            return None
        return sum(1 for _ in iter(lambda: decode_next(db, path, wanted), None))


def lock_of(path: Path) -> Path:
    """The file that a decoder of the inbox at `path` has locked."""
    return path.with_name(f".{path.name}.decoding")


def decode_next(db: sqlite3.Connection, path: Path, wanted: Wanted | None = None, oldest: bool = False) -> int | None:
    """Decode the newest state of the image that was heard of last, of those that wait; its row, None where none does.

    With `oldest` it is the one that waits longest; one of which a decoder died comes after all others. What cannot be
    decoded is noted as that image's error, and not tried again before more of it comes.
    Raises OSError where a picture, or that there is one, cannot be written; then the image waits on.
    """
    with explained(path):
        if _choose(db, oldest) is None:  # asked first without holding up who writes
            return None
        with writing(db):
            row = _choose(db, oldest)
            if row is None:
                return None
            tries = row["tries"] + 1 if row["trying"] == row["changed"] else 1
            db.execute("UPDATE images SET trying = changed, tries = ? WHERE id = ?", (tries, row["id"]))
            messages = messages_of(db, row["id"])
    began_unix_s = time.time()
    try:
        pictures, contradictions, error = _look(messages, wanted, tries)
        decodes = [
            (k, ranges(seen.held), ranges(seen.missing), *_write(path, row, k, seen.picture))
            for k, seen in enumerate(pictures)
            if seen.picture is not None
        ]
        with explained(path), writing(db):
            _save(db, row, began_unix_s, decodes, contradictions, error)
    except BaseException:  # stopped, or the disk is full: none of the image's fault
        with suppress(OSError, sqlite3.Error), writing(db):
            db.execute("UPDATE images SET tries = tries - 1 WHERE id = ?", (row["id"],))
        raise
    return int(row["id"])


def _look(messages: Sequence[Message], wanted: Wanted | None, tries: int) -> tuple[list[Seen], list[str], str]:
    """What messages of one image show, its other readings last; what contradicts; and why there is no picture."""
    if tries > MOST_TRIES:
        return [], [], f"decoding died {MOST_TRIES} times of these messages"
    try:
        received, others = see(messages, wanted)
    except Exception as reason:  # whatever a codec raises on bytes that nobody of ours wrote
        return [], [], str(reason) if isinstance(reason, SatsimError) else f"{type(reason).__name__}: {reason}"
    error = "; ".join(str(each.error) for each in received.images if each.error)
    return [*received.images, *others], received.contradictions, error


def _choose(db: sqlite3.Connection, oldest: bool) -> sqlite3.Row | None:
    """The image to decode next."""
    order = "pending_unix_s" if oldest else "last_unix_s DESC, id DESC"
    for untried in ("AND (tries = 0 OR trying < changed)", ""):
        row: sqlite3.Row | None = db.execute(
            f"SELECT * FROM images WHERE decoded < changed {untried} ORDER BY {order} LIMIT 1"
        ).fetchone()
        if row is not None:
            return row
    return None


def look_again(db: sqlite3.Connection, path: Path, at_errors: bool = False) -> int:
    """How many images are to be decoded anew: whose latest picture is not there, or with `at_errors`, that have none.

    Earlier pictures that are not there are forgotten. What came since is decoded as ever.
    """
    lost, images = [], set()
    for row in db.execute(
        "SELECT decodes.id, image, picture, sha256, decodes.changed = decoded AS latest FROM decodes JOIN images ON"
        " images.id = image"
    ):
        picture = path.parent / row["picture"]
        is_there = picture.is_file()
        if is_there and row["latest"]:
            is_there = hashlib.sha256(picture.read_bytes()).digest() == row["sha256"]
        if not is_there:
            lost.append((row["id"],))
            images |= {(row["image"],)} if row["latest"] else set()
    if at_errors:
        images |= {(row[0],) for row in db.execute("SELECT id FROM images WHERE error IS NOT NULL")}
    with explained(path), writing(db):
        db.executemany("DELETE FROM decodes WHERE id = ?", lost)
        db.executemany("UPDATE images SET decoded = 0, trying = 0 WHERE id = ?", sorted(images))
    return len(images)


def see(messages: Sequence[Message], wanted: Wanted | None) -> tuple[Received, list[Seen]]:
    """What messages of one image show; and, where they contradict each other, what they show read the other way.

    Raises PacketError for a picture that is larger than is wanted.
    """
    inbox, key = inbox_of(messages)
    pixels = key.width * key.height
    if pixels > MOST_PIXELS and (wanted is None or wanted.max_pixels is None):
        raise PacketError(
            f"{pixels:,} pixels; expected at most {MOST_PIXELS:,} (if you trust it: satsim inbox decode --again"
            f" --max-pixels {pixels})"
        )
    received = decode_messages(messages, wanted)
    others = []
    if received.contradictions:
        agreed = inbox.agreed(key)
        for k in range(MOST_ALTERNATIVES):
            if other := _other_way(messages, inbox, key, agreed, k):
                others += decode_messages(other, wanted).images
    return received, others


def _other_way(
    messages: Sequence[Message], inbox: Inbox, key: ImageKey, agreed: Agreed, number: int
) -> list[Message] | None:
    """The messages with another version of each contested place, the `number`-th; None where there is no such."""
    chosen: dict[Any, bytes] = {}
    is_other = False
    for place in agreed.contested:
        used = agreed.payloads.get(place) if isinstance(place, int) else agreed.symbols.get(place)
        others = sorted(version for version in inbox.held[key][place] if version != used)
        is_other = is_other or number < len(others)
        chosen[place] = others[min(number, len(others) - 1)]
    if not is_other:
        return None
    packets = [(message, unpack(message[1])) for message in messages]
    return [message for message, packet in packets if chosen.get(place_of(packet), packet.payload) == packet.payload]


def _write(path: Path, row: sqlite3.Row, alternative: int, picture: Picture) -> tuple[str, bytes]:
    """Write a picture whole, under a name of its own and, as agreed, as the latest; its path below the folder, SHA-256.

    Nothing else may have the name: who is killed before the row is there writes the same again.
    """
    content = BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    folder = Path(PICTURES, str(row["sender"]), str(row["id"]))
    name = folder / f"{row['changed']:05d}{f'_other{alternative}' if alternative else ''}.png"
    (path.parent / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (name,) if alternative else (name, folder / LATEST):
        write_whole(path.parent / each, content.getvalue())
    return name.as_posix(), hashlib.sha256(content.getvalue()).digest()


def _save(
    db: sqlite3.Connection,
    row: sqlite3.Row,
    began_unix_s: float,
    decodes: Sequence[Sequence[Any]],
    contradictions: Sequence[str],
    error: str,
) -> None:
    """Write down what was seen of an image, in the state that `row` says; `decodes` are the columns of their table."""
    image, changed, now = row["id"], row["changed"], time.time()
    is_there = db.execute(
        "UPDATE images SET decoded = ?, pending_unix_s = ?, tries = 0, error = ? WHERE id = ?",
        (changed, began_unix_s, error[:LONGEST_LINE] or None, image),
    ).rowcount
    if not is_there:  # its repair symbols were drawn to another meanwhile
        return
    db.executemany(
        "INSERT OR REPLACE INTO decodes (image, changed, decoded_unix_s, took_s, alternative, held, missing, picture,"
        " sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(image, changed, now, now - began_unix_s, *decode) for decode in decodes],
    )
    db.execute("DELETE FROM contradictions WHERE image = ?", (image,))
    db.executemany(
        "INSERT OR IGNORE INTO contradictions (image, line, found_unix_s) VALUES (?, ?, ?)",
        [(image, line[:LONGEST_LINE], began_unix_s) for line in contradictions[:MOST_LINES]],
    )
