"""The inbox checked, backed up, and made smaller."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from codec.files import replacing
from satsim.air.inbox import key_of, place_of, unpack
from satsim.errors import PacketError, ScenarioError
from satsim.inbox.database import connect, explained, writing
from satsim.inbox.decoding import LATEST, PICTURES
from satsim.inbox.images import IDENTITY, identity_of, place_number
from satsim.inbox.store import KEPT_BYTES
from satsim.words import HOUR_S

MOST_LINES = 100
"""Of what is wrong, in one answer."""


def verify(db: sqlite3.Connection, path: Path) -> list[str]:
    """A line for each thing that is wrong; none where every message is as it came, and accounted for."""
    wrong = []
    with explained(path):
        for line in _mistakes(db, path):
            wrong.append(line)
            if len(wrong) == MOST_LINES:
                return [*wrong, "and maybe more"]
    return wrong


def _mistakes(db: sqlite3.Connection, path: Path) -> Iterator[str]:
    for [line] in db.execute("PRAGMA integrity_check(20)").fetchall():
        if line != "ok":
            yield f"{path}: {line}; restore it from a backup"
    for table, row, parent, _ in db.execute("PRAGMA foreign_key_check").fetchall():
        yield f"{path}: row {row} of {table} is of one of {parent} that is not there"
    images = {row["id"]: row for row in db.execute("SELECT * FROM images")}
    empty = set(images)
    for row in db.execute("SELECT * FROM messages ORDER BY id"):
        yield from (f"message {row['id']}: {line}" for line in _message_mistakes(row, images))
        empty.discard(row["image"])
    yield from (f"image {image}: none of its messages is there" for image in sorted(empty))
    for [message] in db.execute("SELECT id FROM messages WHERE id NOT IN (SELECT message_id FROM arrivals)"):
        yield f"message {message}: it is not known how it came"
    for row in db.execute("SELECT image, picture, sha256 FROM decodes ORDER BY id"):
        mend = "`satsim inbox decode` makes it again"
        try:
            if hashlib.sha256((path.parent / row["picture"]).read_bytes()).digest() != row["sha256"]:
                yield f"{path.parent / row['picture']}: is not as it was written; remove it, and {mend}"
        except OSError as error:
            yield f"{path.parent / row['picture']}: {error.strerror}; {mend}"


def _message_mistakes(row: sqlite3.Row, images: dict[int, sqlite3.Row]) -> Iterator[str]:
    message = row["message"]
    is_cut = row["state"] == "rejected" and row["size"] > KEPT_BYTES
    if len(message) != (KEPT_BYTES if is_cut else row["size"]):
        yield f"{len(message)} bytes are kept of {row['size']}"
    elif not is_cut and hashlib.sha256(message).digest() != row["sha256"]:
        yield "its bytes are not those that came, by their SHA-256"
    if row["state"] != "taken":
        if not row["reason"]:
            yield f"{row['state']}, and nothing says why"
        return
    image = images.get(row["image"])
    if image is None:
        yield "taken, and of no image"
        return
    try:
        packet = unpack(row["opened"] or message)
    except PacketError as error:
        yield f"what was sealed cannot be read: {error}"
        return
    if identity_of(key_of(packet), row["opened"] is not None) != tuple(image[column] for column in IDENTITY):
        yield f"is not of image {row['image']}, going by what it says"
    if place_number(place_of(packet)) != row["place"]:
        yield f"stands at place {row['place']} of its image, and says another"


def backup(db: sqlite3.Connection, path: Path, out: Path) -> None:
    """Write the database as it is at one moment to `out`, whole or not at all; others may go on meanwhile.

    Pictures are not in it, nor is it said that there are any: they follow from messages, and are to be made anew.
    Raises ScenarioError where `out` is the inbox itself; OSError.
    """
    if out.resolve() == path.resolve():
        raise ScenarioError(f"{out}: is the inbox itself; name another file")
    with explained(path), replacing(out) as partial:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        db.execute("VACUUM INTO ?", (str(partial),))
        copied = connect(partial)
        with writing(copied):
            copied.execute("DELETE FROM decodes")
            copied.execute("UPDATE images SET decoded = 0, trying = 0, tries = 0, error = NULL")
        copied.close()


def restore(copy: Path, path: Path) -> None:
    """Make the inbox at `path` of what `backup` wrote, whole or not at all.

    Raises ScenarioError where there is one, or what is left of one, which SQLite would mix in; OSError.
    """
    for each in (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))):
        if each.exists():
            raise ScenarioError(f"{each}: is there already; stop what uses it, and move {path.name}* away first")
    db = connect(copy)
    try:
        backup(db, copy, path)
    finally:
        db.close()


class Pruning(NamedTuple):
    """What goes, or would go."""

    images: list[int]
    """Rows, with all their messages and pictures."""
    messages: int
    """Of these images."""
    others: list[int]
    """Other messages, by row: rejected, and if asked for, waiting."""
    pictures: list[str]
    """Files, below the database's folder; those of images that go are not among them."""


def plan_pruning(
    db: sqlite3.Connection,
    path: Path,
    before_unix_s: float,
    keep_images: bool = False,
    keep_rejected: bool = False,
    waiting: bool = False,
) -> Pruning:
    """What was last heard of before then: images with all that is theirs, and what was rejected.

    With `keep_images` only their earlier pictures go, and the latest stays; with `waiting` what waits for a key goes
    too. Pictures that nothing refers to go always, once they are an hour old: before, a decoder may be about to.
    """
    old = [row[0] for row in db.execute("SELECT id FROM images WHERE last_unix_s < ? ORDER BY id", (before_unix_s,))]
    messages = 0
    pictures = []
    for image in old:
        [count] = db.execute("SELECT COUNT(*) FROM messages WHERE image = ?", (image,)).fetchone()
        messages += count
        if keep_images:
            pictures += [row[0] for row in db.execute(EARLIER, (image, image))]
    others = [
        row["id"]
        for row in db.execute(f"SELECT id, state FROM messages WHERE {NOT_TAKEN} ORDER BY id", (before_unix_s,))
        if (waiting if row["state"] == "waiting" else not keep_rejected)
    ]
    known = {row[0] for row in db.execute("SELECT picture FROM decodes")}
    folders = {Path(name).parent for name in known}
    for file in sorted((path.parent / PICTURES).rglob("*.png")):
        name = file.relative_to(path.parent)
        is_latest = file.name == LATEST and name.parent in folders
        if name.as_posix() not in known and not is_latest and file.stat().st_mtime < time.time() - HOUR_S:
            pictures.append(name.as_posix())
    return Pruning([], 0, others, pictures) if keep_images else Pruning(old, messages, others, pictures)


EARLIER = "SELECT picture FROM decodes WHERE image = ? AND changed < (SELECT MAX(changed) FROM decodes WHERE image = ?)"
NOT_TAKEN = "state != 'taken' AND last_unix_s < ?"


def prune(db: sqlite3.Connection, path: Path, plan: Pruning, before_unix_s: float) -> None:
    """Remove what `plan_pruning` says; rows first, so that a crash leaves files that the next pruning removes.

    What was heard of meanwhile stays. Counters of sealed messages stay taken. Raises OSError.
    """
    gone = list(plan.pictures)
    with explained(path), writing(db):
        for image in plan.images:
            if not db.execute(
                "SELECT 1 FROM images WHERE id = ? AND last_unix_s < ?", (image, before_unix_s)
            ).fetchone():
                continue
            gone += [row[0] for row in db.execute("SELECT picture FROM decodes WHERE image = ?", (image,))]
            db.execute("DELETE FROM messages WHERE image = ?", (image,))
            db.execute("DELETE FROM images WHERE id = ?", (image,))
        db.executemany(
            f"DELETE FROM messages WHERE {NOT_TAKEN} AND id = ?", [(before_unix_s, message) for message in plan.others]
        )
        db.executemany("DELETE FROM decodes WHERE picture = ?", [(name,) for name in plan.pictures])
    for name in gone:
        (path.parent / name).unlink(missing_ok=True)
    for folder in {(path.parent / name).parent for name in gone}:
        if not any(each.name != LATEST for each in folder.glob("*")):
            (folder / LATEST).unlink(missing_ok=True)
            folder.rmdir()
