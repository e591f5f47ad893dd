"""Everything that the inbox holds as plain files: a folder, or a zip of one, whole or not at all.

manifest.json                         every message, image, picture, request and note, and what became of it
messages/SENDER/IMAGE/MESSAGE.sbd     as they came; IMAGE and MESSAGE are their ids in the manifest
messages/waiting/MESSAGE.sbd          sealed, by a key that is not there
messages/rejected/MESSAGE.sbd         of a long one the beginning
pictures/SENDER/IMAGE/...             as they lie beside the database
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from codec.files import fresh_folder, replacing
from satsim.errors import ScenarioError
from satsim.inbox.database import explained
from satsim.inbox.listing import image_record
from satsim.inbox.store import counts

FORMAT = 1
"""Of the manifest."""
Put = Callable[[str], IO[bytes]]
"""A file of this name in what is exported, to write to."""


class Exported(NamedTuple):
    """How much was written."""

    counts: dict[str, int]
    """Of messages by state, and of images."""
    pictures: int
    lost: list[str]
    """Pictures that should be beside the database, and are not."""


def export(db: sqlite3.Connection, path: Path, out: Path) -> Exported:
    """Write all of the inbox at `path` to `out`, a zip where it ends so, as it is at one moment.

    A folder that is there is renamed, a zip replaced. Raises ScenarioError where that would move the inbox; OSError.
    """
    if path.resolve().is_relative_to(out.resolve()):
        raise ScenarioError(f"{out}: holds the inbox itself; name another place")
    with explained(path):
        db.execute("BEGIN")
        try:
            if out.suffix.lower() != ".zip":
                with fresh_folder(out) as folder:
                    return _export(db, path, _into(folder))
            with (
                replacing(out) as partial,
                open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
                zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed,
            ):
                return _export(db, path, lambda name: packed.open(name, "w"))
        finally:
            db.execute("COMMIT")


def _into(folder: Path) -> Put:
    def put(name: str) -> IO[bytes]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")

    return put


def _export(db: sqlite3.Connection, path: Path, put: Put) -> Exported:
    for row in db.execute("SELECT * FROM messages ORDER BY id"):
        with put(_file_of(row)) as file:
            file.write(row["message"])
    pictures, lost = 0, []
    for [name] in db.execute("SELECT picture FROM decodes ORDER BY id"):
        try:
            with (path.parent / name).open("rb") as picture, put(name) as file:
                shutil.copyfileobj(picture, file)
            pictures += 1
        except FileNotFoundError:
            lost.append(name)
    with put("manifest.json") as file:
        for text in _manifest(db, path):
            file.write(text.encode())
    return Exported(counts(db), pictures, lost)


def _file_of(row: sqlite3.Row) -> str:
    folder = row["state"] if row["image"] is None else f"{row['sender']}/{row['image']}"
    return f"messages/{folder}/{row['id']}.sbd"


def _manifest(db: sqlite3.Connection, path: Path) -> Iterator[str]:
    """The manifest in pieces, one message or image after the other."""
    about = {"format": FORMAT, "inbox": str(path), "made_unix_s": time.time(), "counts": counts(db)}
    yield json.dumps(about)[:-1]
    tables: dict[str, Iterable[dict[str, Any]]] = {
        "images": (_image(db, row) for row in db.execute("SELECT * FROM images ORDER BY id")),
        "messages": (_message(db, row) for row in db.execute("SELECT * FROM messages ORDER BY id")),
        "requests": map(_plain, db.execute("SELECT * FROM requests ORDER BY id")),
        "notes": map(_plain, db.execute("SELECT * FROM notes ORDER BY id")),
        "teams": map(_plain, db.execute("SELECT * FROM teams ORDER BY sender")),
    }
    for table, records in tables.items():
        yield f',\n"{table}": ['
        for k, record in enumerate(records):
            yield f"{',' if k else ''}\n{json.dumps(record)}"
        yield "]"
    yield "}\n"


def _image(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    decodes = db.execute(
        "SELECT picture, sha256, alternative, held, missing, decoded_unix_s, took_s FROM decodes WHERE image = ?"
        " ORDER BY id",
        (row["id"],),
    )
    return image_record(db, row) | {"decodes": list(map(_plain, decodes))}


def _message(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    ways = db.execute(
        "SELECT way, device, refused, metadata, first_unix_s, last_unix_s, count FROM arrivals WHERE message_id = ?"
        " ORDER BY first_unix_s, way, device",
        (row["id"],),
    )
    said = ("id", "sha256", "size", "state", "reason", "sender", "counter", "image", "place", "count")
    times = {name: row[name] for name in ("first_unix_s", "last_unix_s")}
    plain = {name: value for name, value in _plain(row).items() if name in said}
    return {"file": _file_of(row), **plain, **times, "ways": [_way(way) for way in ways]}


def _way(row: sqlite3.Row) -> dict[str, Any]:
    return _plain(row) | {"metadata": json.loads(row["metadata"])}


def _plain(row: sqlite3.Row) -> dict[str, Any]:
    """A row as JSON can say it."""
    return {name: row[name].hex() if isinstance(row[name], bytes) else row[name] for name in row.keys()}  # noqa: SIM118
