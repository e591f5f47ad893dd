"""What an operator does: acknowledge a photo with a note, ask for packets again, name a team. Each is checked here."""

from __future__ import annotations

import sqlite3
import time
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from satsim.air.seal import SenderKey
from satsim.errors import PacketError, SatsimError
from satsim.inbox.asking import ask, device_of, send_request
from satsim.inbox.database import connect, explained, writing

LONGEST_NAME, LONGEST_NOTE, MOST_NOTES = 60, 2000, 1000
"""Letters of a name and of a note, and notes of one photo."""


class Mistake(Exception):
    """What cannot be done as asked, in a line for whoever asked."""


def text(given: Mapping[str, Any], field: str, longest: int, least: int = 0) -> str:
    """A field as a line or lines that can be shown. Raises Mistake, which names it."""
    value = given.get(field, "")
    if not isinstance(value, str):
        raise Mistake(f"{field}: expected text")
    plain = "".join(
        letter for letter in value.replace("\r\n", "\n") if letter == "\n" or unicodedata.category(letter) not in HIDDEN
    ).strip()
    if not least <= len(plain) <= longest:
        raise Mistake(f"{field}: {len(plain)} letters; expected {least} to {longest}")
    return plain


HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn")
"""Kinds of letters that cannot be seen, or turn the ones behind them around."""


def acknowledge(path: Path, image: int, given: Mapping[str, Any]) -> None:
    """Write down that an operator has seen a photo in the state `changed`, and what they note. Raises Mistake."""
    operator = text(given, "by", LONGEST_NAME, 1)
    note = text(given, "note", LONGEST_NOTE)
    changed = given.get("changed")
    if isinstance(changed, bool) or not isinstance(changed, int) or changed < 0:
        raise Mistake("changed: expected a number, the state that was seen")
    db = connect(path)
    try:
        with explained(path), writing(db):
            row = db.execute("SELECT changed FROM images WHERE id = ?", (image,)).fetchone()
            if row is None:
                raise Mistake("there is no such photo any more")
            [count] = db.execute("SELECT COUNT(*) FROM notes WHERE image = ?", (image,)).fetchone()
            if count >= MOST_NOTES:
                raise Mistake(f"this photo has {count} notes, and can have no more")
            db.execute(
                "INSERT INTO notes (image, operator, note, changed, made_unix_s) VALUES (?, ?, ?, ?, ?)",
                (image, operator, note, min(changed, row["changed"]), time.time()),
            )
    finally:
        db.close()


def name_team(path: Path, sender: int, given: Mapping[str, Any]) -> None:
    """Call a team so, or no longer anything. Raises Mistake."""
    name = text(given, "name", LONGEST_NAME).replace("\n", " ")
    db = connect(path)
    try:
        with explained(path), writing(db):
            if not db.execute("SELECT 1 FROM images WHERE sender = ?", (sender,)).fetchone():
                raise Mistake("nothing has come of this team")
            db.execute("DELETE FROM teams WHERE sender = ?", (sender,))
            if name:
                db.execute("INSERT INTO teams VALUES (?, ?)", (sender, name))
    finally:
        db.close()


def ask_again(
    path: Path, image: int, keys: Mapping[int, SenderKey] | None, gateway: tuple[str, int] | None
) -> dict[str, Any]:
    """Write the request for what is missing of a photo, and hand it to the gateway where there is one.

    What the page tells of it: `asks`, `hex`, `bytes`, `said`, and `row` to fetch it by. Raises Mistake where nothing is
    missing, a key is, or the gateway does not take it; then the request is written all the same.
    """
    db = connect(path)
    try:
        row = db.execute("SELECT sender FROM images WHERE id = ?", (image,)).fetchone()
        if row is None:
            raise Mistake("there is no such photo any more")
        sender = row["sender"]
        try:
            asked = ask(db, path, sender, keys=keys, row=image)
        except SatsimError as error:
            raise Mistake(str(error)) from None
        said = "not sent"
        if gateway is not None:
            said = _send(db, path, asked, gateway, device_of(db, sender))
    finally:
        db.close()
    told = {"asks": asked.asks, "left": asked.left, "hex": asked.request.hex(), "bytes": len(asked.request)}
    return {**told, "row": asked.row, "said": said}


def _send(db: sqlite3.Connection, path: Path, asked: Any, gateway: tuple[str, int], device: str | None) -> str:
    if device is None:
        raise Mistake("the request is written, but not sent: it is not known which modem this team has")
    try:
        return send_request(db, path, asked, *gateway, device)
    except (PacketError, OSError) as error:
        raise Mistake(f"the request is written, but not sent: {error}") from None
