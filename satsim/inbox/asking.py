"""What is missing, asked for again: one message of 50 bytes to a sender, by DirectIP if there is a way back."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from satsim.air.request import MOST_BYTES, Missing, read_request, write_request
from satsim.air.seal import COUNTERS, SenderKey
from satsim.contradictions import ranges
from satsim.errors import PacketError, ScenarioError
from satsim.inbox.database import explained, writing
from satsim.inbox.images import inbox_of, messages_of
from satsim.sbd.directip import (
    FRONT_BYTES,
    MT_STATUSES,
    MtMessage,
    length_of,
    read_mt_confirmation,
    write_mt,
)

TIMEOUT_S = 30.0
WANTING = (
    "NOT EXISTS (SELECT 1 FROM decodes WHERE image = images.id AND changed = images.changed AND alternative = 0 AND"
    " missing = '')"
)
"""Of images: not known to be whole."""


class Asked(NamedTuple):
    """A request that is written down."""

    row: int
    request: bytes
    asks: list[str]
    """A line for each image, of what it asks for."""
    left: int
    """Payloads that are missing too, and did not fit."""


def ask(
    db: sqlite3.Connection,
    path: Path,
    sender: int,
    image_id: int | None = None,
    keys: Mapping[int, SenderKey] | None = None,
    row: int | None = None,
) -> Asked:
    """The request for what is missing of a sender's images, the one heard of last first, or of those of one number,
    or of the one in this `row`.

    Sealed where the sender's key is among `keys`; its counter is above all before, and written down before this
    returns. Raises ScenarioError where nothing is missing or known, or a sealed image is asked for without its key;
    OSError.
    """
    key = (keys or {}).get(sender)
    missing, count = _missing(db, sender, image_id, key is not None, row)
    now = time.time()
    with explained(path), writing(db):
        [highest] = db.execute("SELECT COALESCE(MAX(counter), -1) FROM requests WHERE sender = ?", (sender,)).fetchone()
        counter = max(highest + 1, int(now))
        if counter >= COUNTERS:
            raise ScenarioError(f"requests to sender {sender} are counted up; make a new key")
        request = write_request(sender, missing, key, counter)
        [made] = db.execute(
            "INSERT INTO requests (sender, counter, request, said, made_unix_s) VALUES (?, ?, ?, 'not sent', ?)"
            " RETURNING id",
            (sender, counter, request, now),
        ).fetchone()
    asked = read_request(request, {sender: key} if key else None).images
    lines = [f"image {each.image_id}: packets {ranges(each.payloads)}" for each in asked]
    return Asked(made, request, lines, count - sum(len(each.payloads) for each in asked))


def _missing(
    db: sqlite3.Connection, sender: int, image_id: int | None, has_key: bool, only: int | None
) -> tuple[list[Missing], int]:
    """What is missing, as far as one request can hold it, and how much more or less."""
    found: list[Missing] = []
    needs_key, count = False, 0
    for row in db.execute(f"SELECT * FROM images WHERE sender = ? AND {WANTING} ORDER BY last_unix_s DESC", (sender,)):
        if image_id not in (None, row["number"]) or only not in (None, row["id"]):
            continue
        if row["sealed"] and (row["run"] < 0 or not has_key):
            needs_key = needs_key or not has_key
            continue
        inbox, key = inbox_of(messages_of(db, row["id"]))
        known = inbox.payloads(key)
        lacks = tuple(index for index in range(key.payload_count) if index not in known)
        if lacks:
            count += len(lacks)
            counter = row["run"] if row["sealed"] else None
            found.append(Missing(row["number"], bool(row["compact"]), lacks, row["mark"], counter))
        if len(found) > MOST_BYTES:
            break
    which = f"sender {sender}" + ("" if image_id is None else f" image {image_id}")
    if not db.execute(
        "SELECT 1 FROM images WHERE sender = ? AND number = COALESCE(?, number)", (sender, image_id)
    ).fetchone():
        raise ScenarioError(f"{which}: nothing of it has come; `satsim inbox list` tells what has")
    if not found and needs_key:
        raise ScenarioError(f"{which}: was sealed, and so must the request be; give the key by --keys")
    if not found:
        raise ScenarioError(f"{which}: no packet is missing")
    return found, count


def device_of(db: sqlite3.Connection, sender: int) -> str | None:
    """The IMEI by which the last message of a sender came; None where no way told any."""
    row = db.execute(
        "SELECT device FROM messages JOIN arrivals ON message_id = messages.id WHERE sender = ? AND state = 'taken' AND"
        " device != '' AND refused IS NULL ORDER BY arrivals.last_unix_s DESC LIMIT 1",
        (sender,),
    ).fetchone()
    return row["device"] if row else None


def address_of(to: str, option: str = "--to") -> tuple[str, int]:
    """Host and port of "directip:HOST:PORT". Raises ScenarioError for anything else."""
    way, _, rest = to.partition(":")
    host, _, port = rest.rpartition(":")
    if way != "directip" or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise ScenarioError(f"{option} {to}: expected directip:HOST:PORT, as directip:127.0.0.1:10801")
    return host.strip("[]"), int(port)


def send_request(db: sqlite3.Connection, path: Path, asked: Asked, host: str, port: int, imei: str) -> str:
    """Hand a request to a gateway by DirectIP; what it said. Raises PacketError where it refuses, OSError."""
    where = f"directip:{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as gateway:
            gateway.sendall(write_mt(MtMessage(imei, asked.request, client_id=asked.row % 2**32)))
            front = _read(gateway, FRONT_BYTES)
            answer = read_mt_confirmation(front + _read(gateway, length_of(front) - FRONT_BYTES))
    except PacketError as error:
        raise PacketError(f"{where}: no answer of a gateway: {error}") from None
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), where) from None
    is_queued = answer.status >= 0
    words = f"queued, place {answer.status}" if is_queued else MT_STATUSES.get(answer.status, f"status {answer.status}")
    with explained(path), writing(db):
        db.execute("UPDATE requests SET said = ? WHERE id = ?", (f"{where}, IMEI {imei}: {words}", asked.row))
    if not is_queued:
        raise PacketError(f"{where}: refused for IMEI {imei}: {words}")
    return words


def _read(gateway: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        part = gateway.recv(count - len(content))
        if not part:
            raise PacketError(f"the connection ended after {len(content)} of {count} bytes")
        content += part
    return content
