"""What the inbox holds, as a record for programs and as lines for people."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from satsim.contradictions import describe_position, ranges
from satsim.inbox.images import inbox_of, messages_of
from satsim.inbox.store import counts, lag
from satsim.words import span

Record = dict[str, Any]


def listing(db: sqlite3.Connection, sender: int | None = None, most: int | None = None) -> Record:
    """What there is: counts, how far decoding is behind, and images, the one heard of last first, `most` of them."""
    which, values = ("WHERE sender = ?", [sender]) if sender is not None else ("", [])
    rows = db.execute(
        f"SELECT * FROM images {which} ORDER BY last_unix_s DESC, id DESC LIMIT ?",
        [*values, -1 if most is None else most],
    ).fetchall()
    behind = lag(db)
    return {
        "messages": counts(db),
        "ways": {
            way: {"messages": messages, "arrivals": arrivals, "refused": refused}
            for way, messages, arrivals, refused in db.execute(
                "SELECT way, COUNT(DISTINCT message_id), SUM(count), SUM(refused IS NOT NULL) FROM arrivals GROUP BY"
                " way ORDER BY way"
            )
        },
        "decoding": {"images_behind": behind.images, "oldest_unix_s": behind.oldest_unix_s},
        "images": [image_record(db, row) for row in rows],
    }


def image_record(db: sqlite3.Connection, row: sqlite3.Row) -> Record:
    """All that is known of one image."""
    image = row["id"]
    inbox, key = inbox_of(messages_of(db, image))
    agreed, known = inbox.agreed(key), inbox.payloads(key)
    pictures = db.execute(
        "SELECT picture, alternative FROM decodes WHERE image = ? AND changed = (SELECT MAX(changed) FROM decodes WHERE"
        " image = ?) ORDER BY alternative",
        (image, image),
    ).fetchall()
    family = (row["sender"], row["number"], row["compact"], image)
    return {
        "id": image,
        "sender": row["sender"],
        "image_id": row["number"],
        "compact": bool(row["compact"]),
        "codec": row["codec"],
        "model_id": row["model"],
        "width": row["width"],
        "height": row["height"],
        "payload_count": row["payload_count"],
        "held": sorted(agreed.payloads),
        "missing": [index for index in range(key.payload_count) if index not in known],
        "repair_packets": len(agreed.symbols),
        "sealed": bool(row["sealed"]),
        "position": key.position and key.position._asdict(),
        "first_unix_s": row["first_unix_s"],
        "last_unix_s": row["last_unix_s"],
        "devices": [
            each[0]
            for each in db.execute(
                "SELECT DISTINCT device FROM arrivals JOIN messages ON messages.id = message_id WHERE image = ?"
                " AND device != '' ORDER BY device",
                (image,),
            )
        ],
        "same_number": [
            each[0]
            for each in db.execute(
                "SELECT id FROM images WHERE sender = ? AND number = ? AND compact = ? AND id != ? ORDER BY id", family
            )
        ],
        "contradictions": [
            each[0] for each in db.execute("SELECT line FROM contradictions WHERE image = ? ORDER BY id", (image,))
        ],
        "is_decoded": row["decoded"] >= row["changed"],
        "picture": next((each["picture"] for each in pictures if not each["alternative"]), None),
        "alternatives": [each["picture"] for each in pictures if each["alternative"]],
        "error": row["error"],
    }


def listing_lines(listed: Mapping[str, Any], folder: str) -> Iterator[str]:
    """The same in words: teams by when they were last heard of, and of each its images; pictures are in `folder`."""
    teams: dict[int, list[Record]] = {}
    for image in listed["images"]:
        teams.setdefault(image["sender"], []).append(image)
    for team, images in teams.items():
        yield f"team {team}, last heard of {_moment(images[0]['last_unix_s'])}"
        for image in images:
            yield from _image_lines(image, folder)
    there = listed["messages"]
    yield counts_words(there)
    for way, came in listed["ways"].items():
        refused = f", {came['refused']} of them refused there" if came["refused"] else ""
        yield f"by {way}: {number_of(came['messages'], 'message')} in {number_of(came['arrivals'], 'arrival')}{refused}"
    if behind := listed["decoding"]["images_behind"]:
        waits_s = max(0.0, time.time() - listed["decoding"]["oldest_unix_s"])
        what = f"there is something new of {number_of(behind, 'image')}"
        yield f"decoding is behind: {what}, the first for {span(waits_s if waits_s > 120 else round(waits_s))}"


def counts_words(there: Mapping[str, int]) -> str:
    """How many messages and images there are, as a sentence."""
    total = there["taken"] + there["waiting"] + there["rejected"]
    said = f"{there['taken']} taken, {there['waiting']} waiting for a key, {there['rejected']} rejected"
    return f"{number_of(there['images'], 'image')}; {number_of(total, 'message')}: {said}"


def number_of(count: int, what: str) -> str:
    """1 is "1 image", 2 are "2 images"."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _image_lines(image: Record, folder: str) -> Iterator[str]:
    parts = [f"{len(image['held'])} of {image['payload_count']} packets"]
    if image["repair_packets"]:
        parts[0] += f" and {image['repair_packets']} for repair"
    if image["missing"]:
        parts.append(f"missing {ranges(image['missing'])}")
    form = ", compact header" if image["compact"] else ""
    parts += [f"{image['codec']} {image['width']}x{image['height']}{form}", "sealed" if image["sealed"] else "open"]
    parts.append(_moment(image["last_unix_s"]))
    yield f"  {image['id']}: image {image['image_id']}: {'; '.join(parts)}"
    if image["position"]:
        from satsim.air.position import Position

        yield f"     {describe_position(Position(**image['position']))}"
    if image["picture"]:
        yield f"     {folder}/{image['picture']}{'' if image['is_decoded'] else ', and more has come since'}"
    elif not image["is_decoded"]:
        yield "     not decoded yet"
    for other in image["alternatives"]:
        yield f"     or {folder}/{other}"
    if image["error"]:
        yield f"     no {'newer ' if image['picture'] else ''}picture: {image['error']}"
    for line in image["contradictions"]:
        yield f"     {line}"
    if image["same_number"]:
        yield f"     number {image['image_id']} is also that of {', '.join(map(str, image['same_number']))}"


def _moment(time_unix_s: float) -> str:
    return f"{datetime.fromtimestamp(time_unix_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
