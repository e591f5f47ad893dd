"""What the page is told of photos: a small record of each for the list, and all of one when it is opened.

Read by a few statements for many photos at once, none of which opens a message.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from satsim.air.request import read_request
from satsim.air.seal import SenderKey
from satsim.contradictions import ranges
from satsim.errors import PacketError

MOST = 5000
"""Photos in the list, those that began last; of older ones the page says how many there are."""
MOST_DECODES, MOST_REQUESTS, MOST_NOTES, MOST_WAYS = 400, 5, 50, 20
"""Of one photo that is opened, the latest."""
Record = dict[str, Any]
State = dict[int, tuple[Any, ...]]
"""Of each photo what changes when there is something to tell."""
AMONG = "IN (SELECT value FROM json_each(?))"
LATEST_NOTE = "(SELECT MAX(id) FROM notes WHERE image = images.id)"


def state_of(db: sqlite3.Connection) -> State:
    """The photos of the list, the newest first."""
    rows = db.execute(
        f"SELECT id, changed, decoded, error, {LATEST_NOTE} FROM images ORDER BY first_unix_s DESC, id DESC LIMIT ?",
        (MOST,),
    )
    return {row[0]: tuple(row[1:]) for row in rows}


def records(db: sqlite3.Connection, images: Iterable[int]) -> list[Record]:
    """A record of each photo that is there, in the order given."""
    order = list(images)
    wanted = json.dumps(order)
    places: dict[int, list[int]] = {}
    repairs: dict[int, int] = {}
    for image, place in db.execute(
        f"SELECT image, place FROM messages WHERE image {AMONG} GROUP BY image, place ORDER BY image, place", (wanted,)
    ):
        if place < 0:
            repairs[image] = repairs.get(image, 0) + 1
        else:
            places.setdefault(image, []).append(place)
    decodes: dict[int, list[sqlite3.Row]] = {}
    for row in db.execute(
        f"SELECT * FROM decodes WHERE image {AMONG} AND changed = (SELECT MAX(changed) FROM decodes AS others WHERE"
        " others.image = decodes.image) ORDER BY image, alternative",
        (wanted,),
    ):
        decodes.setdefault(row["image"], []).append(row)
    against = dict(
        db.execute(
            f"SELECT image, COUNT(*) FROM contradictions WHERE image {AMONG} GROUP BY image", (wanted,)
        ).fetchall()
    )
    notes = {
        row["image"]: row
        for row in db.execute(
            f"SELECT *, MAX(id) FROM notes WHERE image {AMONG} GROUP BY image",
            (wanted,),
        )
    }
    found = {}
    for row in db.execute(f"SELECT * FROM images WHERE id {AMONG}", (wanted,)):
        image = row["id"]
        found[image] = _record(row, places.get(image, []), decodes.get(image, [])) | {
            "repairs": repairs.get(image, 0),
            "contradictions": against.get(image, 0),
            "seen": _note(notes[image]) if image in notes else None,
        }
    return [found[image] for image in order if image in found]


def _record(row: sqlite3.Row, places: Sequence[int], decodes: Sequence[sqlite3.Row]) -> Record:
    """What the list shows of one photo; places that follow from repair symbols count as recovered."""
    is_current = row["decoded"] >= row["changed"]
    missing = [place for place in range(row["payload_count"]) if place not in set(places)]
    if is_current and decodes:
        still = set(numbers(decodes[0]["missing"]))
        recovered = [place for place in missing if place not in still]
        missing = [place for place in missing if place in still]
    else:
        recovered = []
    position = row["position"].split(",") if row["position"] else None
    return {
        "id": row["id"],
        "team": row["sender"],
        "number": row["number"],
        "size": [row["width"], row["height"]],
        "codec": row["codec"],
        "count": row["payload_count"],
        "held": ranges(places),
        "recovered": ranges(recovered),
        "missing": ranges(missing),
        "sealed": bool(row["sealed"]),
        "taken": float(position[0]) if position else None,
        "place": [float(position[1]), float(position[2])] if position else None,
        "first": row["first_unix_s"],
        "last": row["last_unix_s"],
        "changed": row["changed"],
        "current": is_current,
        "readings": readings(decodes),
        "error": row["error"],
    }


def picture_name(decode: sqlite3.Row) -> str:
    """How the page asks for a picture: never another one under the same name."""
    return f"{decode['id']}-{decode['sha256'][:8].hex()}"


def readings(decodes: Sequence[sqlite3.Row]) -> list[list[str]]:
    """[name, label] of each picture of one state; where packets contradict each other all versions, before what agrees.

    The label of one that stands alone is empty. Which version is used follows from what each holds: where none is, what
    agrees holds less than they.
    """
    agreed = [each for each in decodes if not each["alternative"]]
    others = [each for each in decodes if each["alternative"]]
    if not others:
        return [[picture_name(each), ""] for each in agreed]
    is_used = bool(agreed) and set(numbers(agreed[0]["held"])) >= set(numbers(others[0]["held"]))
    versions = [*agreed, *others] if is_used else others
    labels = [f"Version {letter}" for letter in "ABCDEFGH"]
    found = [[picture_name(each), label] for each, label in zip(versions, labels, strict=False)]
    if is_used:
        found[0][1] += ", used"
        return found
    return [*found, *([picture_name(each), "Only what agrees"] for each in agreed)]


def numbers(words: str) -> list[int]:
    """The numbers of "1, 3-5"."""
    found: list[int] = []
    for part in filter(None, words.split(", ")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _note(row: sqlite3.Row) -> Record:
    return {"by": row["operator"], "note": row["note"], "at": row["made_unix_s"], "changed": row["changed"]}


def photo(db: sqlite3.Connection, image: int, keys: Mapping[int, SenderKey] | None) -> Record | None:
    """All that the page shows of one photo; None where there is none."""
    found = records(db, [image])
    if not found:
        return None
    row = db.execute("SELECT * FROM images WHERE id = ?", (image,)).fetchone()
    rows = db.execute(
        "SELECT * FROM decodes WHERE image = ? ORDER BY changed DESC, alternative LIMIT ?", (image, MOST_DECODES)
    )
    states = [list(states) for _, states in groupby(rows, key=lambda each: each["changed"])]
    return found[0] | {
        "steps": [
            {
                "readings": readings(state),
                "held": state[0]["held"],
                "missing": state[0]["missing"],
                "at": state[0]["decoded_unix_s"],
            }
            for state in reversed(states)
        ],
        "lines": _column(db, "SELECT line FROM contradictions WHERE image = ? ORDER BY id", image),
        "ways": [
            {"way": way, "device": device, "count": count, "refused": bool(refused)}
            for way, device, count, refused in db.execute(
                "SELECT way, device, SUM(arrivals.count), refused IS NOT NULL FROM arrivals JOIN messages ON"
                " messages.id = message_id WHERE image = ? GROUP BY way, device, refused IS NOT NULL ORDER BY 1, 2"
                " LIMIT ?",
                (image, MOST_WAYS),
            )
        ],
        "notes": [
            _note(each)
            for each in db.execute("SELECT * FROM notes WHERE image = ? ORDER BY id DESC LIMIT ?", (image, MOST_NOTES))
        ],
        "requests": [asked for each in _requests(db, row["sender"]) if (asked := _asked(each, row, keys))],
        "same_number": _column(
            db,
            "SELECT id FROM images WHERE (sender, number, compact) = (SELECT sender, number, compact FROM images WHERE"
            " id = ?1) AND id != ?1 ORDER BY id",
            image,
        ),
    }


def _column(db: sqlite3.Connection, statement: str, image: int) -> list[Any]:
    return [row[0] for row in db.execute(statement, (image,))]


def _requests(db: sqlite3.Connection, sender: int) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT * FROM requests WHERE sender = ? ORDER BY id DESC LIMIT ?", (sender, MOST_REQUESTS)
    ).fetchall()


def _asked(request: sqlite3.Row, image: sqlite3.Row, keys: Mapping[int, SenderKey] | None) -> Record | None:
    """A request, if it asks for packets of this image's number; a sealed one whose key is gone tells for none."""
    try:
        asks = read_request(request["request"], keys).images
    except PacketError:
        return None
    wanted = [packet for each in asks if each.image_id == image["number"] for packet in each.payloads]
    if not wanted:
        return None
    return {
        "row": request["id"],
        "packets": ranges(wanted),
        "hex": request["request"].hex(),
        "bytes": len(request["request"]),
        "said": request["said"],
        "at": request["made_unix_s"],
    }
