"""What the inbox takes: any bytes, by any way, each message once, kept for good before anyone is told so."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from satsim.air.inbox import place_of, unpack
from satsim.air.packets import SEALED, Packet, pack
from satsim.air.seal import WINDOW, ReplayWindow, SenderKey, counter_of
from satsim.errors import PacketError, RefusedError, ScenarioError
from satsim.inbox.database import connect, explained, writing
from satsim.inbox.images import hold, place_number
from satsim.inputs import opens_like_one, sender_of
from satsim.replays import name_of_key

LARGEST_BYTES = 1_000_000
"""Of a message that is taken, as of a link's."""
KEPT_BYTES = 4096
"""Of a rejected message, at most; Iridium carries up to 1,960."""
LONGEST_WAITING_BYTES = 65_600
"""Of a sealed message that waits for its key: as long as seals can be."""
MOST_WAYS = 8
"""By which one message came that are told apart; of more only the number of arrivals is kept."""
MOST_FIELDS, LONGEST_FIELD = 32, 256
"""Of what a gateway says of a message: so many fields, and letters of each."""
BATCH = 500
"""Messages a transaction, where many are looked at again."""


class Arrival(NamedTuple):
    """A message, and how it came."""

    message: bytes
    way: str
    time_unix_s: float
    metadata: Mapping[str, str | int | float | None] = {}
    """What the gateway says of it: `imei`, `momsn`, ..."""
    rejected: str | None = None
    """The way's own reason, if it refuses; the bytes are kept as they came all the same."""


class Taken(NamedTuple):
    """What became of an arrival, for good."""

    message_id: int
    status: Literal["new", "again", "waiting", "rejected"]
    """Waiting: kept until its key is there."""
    reason: str | None
    """Why it is rejected, or waits for a key."""


class _Verdict(NamedTuple):
    state: Literal["taken", "waiting", "rejected"]
    reason: str | None = None
    packet: Packet | None = None
    sender: int | None = None
    counter: int | None = None
    opened: bytes | None = None


class Store:
    """Messages as they came, and the images that they make, in one database file; for one thread at a time.

    With `keys`, by sender, their sealed messages are opened, and what is not sealed is not taken of these senders, or
    with `sealed_only` of any. Several programs may have the same file open.
    """

    def __init__(self, path: Path, keys: Mapping[int, SenderKey] | None = None, sealed_only: bool = False) -> None:
        """Open the database, made where there is none; what waited for one of `keys` is taken.

        Raises ScenarioError for a file that is no inbox of this version, or where a library is missing; OSError.
        """
        self.path = path
        if keys and find_spec("cryptography") is None:
            raise ScenarioError("keys need the library cryptography: pip install 'satsim-link[field]'")
        self.keys = dict(keys or {})
        self.sealed_only = sealed_only
        self.db = connect(path, create=True)
        self._windows: dict[int, ReplayWindow] = {}
        self.take_waiting()

    def close(self) -> None:
        """Nothing more is taken."""
        self.db.close()

    def take(self, arrivals: Sequence[Arrival]) -> list[Taken]:
        """What became of each, in order; by now all of it is on the disk, in one transaction, or else none.

        A message that came before and was taken is "again", whatever its way; one that was not is looked at again.
        Never raises for what a message holds. Raises OSError where it cannot be written.
        """
        with explained(self.path), writing(self.db):
            self._windows = {}
            taken = [self._take(arrival) for arrival in arrivals]
            self._save_windows()
        return taken

    def take_waiting(self) -> int:
        """How many messages that waited for a key are taken now that it is there."""
        took = 0
        for sender in self.keys:
            after = (-1, -1)
            while True:
                with explained(self.path), writing(self.db):
                    self._windows = {}
                    rows = self.db.execute(
                        "SELECT id, message, first_unix_s, counter FROM messages WHERE state = 'waiting' AND sender = ?"
                        " AND (counter, id) > (?, ?) ORDER BY counter, id LIMIT ?",
                        (sender, *after, BATCH),
                    ).fetchall()
                    for message_id, message, time_unix_s, counter in rows:
                        verdict = self._examine(message)
                        self._settle(message_id, verdict, message, time_unix_s)
                        took += verdict.state == "taken"
                        after = (counter, message_id)
                    self._save_windows()
                if not rows:
                    break
        return took

    def read(self, message: bytes) -> Packet:
        """The packet of a message, opened where it is sealed. Raises PacketError for one that is not to be taken."""
        is_sealed = bool(message[:1] and message[0] & SEALED)
        packet = unpack(message, self.keys if is_sealed else None)
        if not is_sealed and self.sealed_only:
            raise RefusedError("not sealed; only sealed packets are taken")
        if not is_sealed and packet.sender in self.keys:
            raise RefusedError(f"not sealed; of sender {packet.sender}, whose key is known, only sealed ones are")
        return packet

    def _take(self, arrival: Arrival) -> Taken:
        message, now = bytes(arrival.message), float(arrival.time_unix_s)
        refused = _text(arrival.rejected)
        digest = hashlib.sha256(message).digest()
        before = self.db.execute(
            "UPDATE messages SET last_unix_s = MAX(last_unix_s, ?), count = count + 1 WHERE sha256 = ?"
            " RETURNING id, state, reason",
            (now, digest),
        ).fetchone()
        state = before["state"] if before else None
        verdict = _Verdict("rejected", refused) if state == "taken" or refused is not None else self._examine(message)
        if before is None:
            [message_id] = self.db.execute(
                "INSERT INTO messages (sha256, message, size, state, reason, first_unix_s, last_unix_s, count)"
                " VALUES (?, ?, ?, 'rejected', '', ?, ?, 1) RETURNING id",
                (digest, message[:KEPT_BYTES], len(message), now, now),
            ).fetchone()
        else:
            message_id = before["id"]
        if state != "taken" and (before is None or verdict.state != "rejected"):
            self._settle(message_id, verdict, message, now)
        self._note_way(message_id, arrival, refused)
        if refused is not None:
            return Taken(message_id, "rejected", refused)
        if state == "taken":
            return Taken(message_id, "again", None)
        return Taken(message_id, "new" if verdict.state == "taken" else verdict.state, verdict.reason)

    def _examine(self, message: bytes) -> _Verdict:
        """Whether the store takes a message, or why not; a sealed one's counter counts as taken from here on."""
        if len(message) > LARGEST_BYTES:
            return _Verdict("rejected", f"message of {len(message)} bytes; expected at most {LARGEST_BYTES}")
        is_sealed = bool(message[:1] and message[0] & SEALED)
        counter = None
        try:
            if is_sealed and opens_like_one(message) and (sender := sender_of(message)) not in self.keys:
                return self._wait(message, sender)
            packet = self.read(message)
            if is_sealed:
                counter = counter_of(message)
                if not self._window(packet.sender).take(counter):
                    raise RefusedError(
                        f"counter {counter} of sender {packet.sender} came before: a replay (or the sender's key file"
                        " was restored from an older copy: make a new key)"
                    )
            opened = pack(packet) if is_sealed else None
        except PacketError as error:
            return _Verdict("rejected", _text(str(error)))
        return _Verdict("taken", None, packet, packet.sender, counter, opened)

    def _wait(self, message: bytes, sender: int) -> _Verdict:
        if len(message) > LONGEST_WAITING_BYTES:
            return _Verdict("rejected", f"message of {len(message)} bytes, longer than any that is sealed")
        reason = f"sealed by sender {sender}, whose key is not among those given; kept until it is"
        return _Verdict("waiting", reason, None, sender, counter_of(message))

    def _settle(self, message_id: int, verdict: _Verdict, message: bytes, time_unix_s: float) -> None:
        """Write down what a message is, that was not taken before."""
        image = place = None
        if packet := verdict.packet:
            image = hold(self.db, packet, verdict.counter, time_unix_s)
            place = place_number(place_of(packet))
        kept = message[:KEPT_BYTES] if verdict.state == "rejected" else message
        self.db.execute(
            "UPDATE messages SET message = ?, state = ?, reason = ?, sender = ?, counter = ?, opened = ?, image = ?,"
            " place = ? WHERE id = ?",
            (kept, *verdict[:2], *verdict[3:], image, place, message_id),
        )

    def _note_way(self, message_id: int, arrival: Arrival, refused: str | None) -> None:
        """Count an arrival by its way; the first of each way keeps what the gateway said."""
        way, now = _text(arrival.way) or "", float(arrival.time_unix_s)
        device = _text(str(arrival.metadata.get("imei") or "")) or ""
        known = self.db.execute(
            "UPDATE arrivals SET last_unix_s = MAX(last_unix_s, ?), count = count + 1, refused = CASE WHEN ? IS NULL"
            " THEN NULL ELSE refused END WHERE message_id = ? AND way = ? AND device = ?",
            (now, refused, message_id, way, device),
        ).rowcount
        if known:
            return
        self.db.execute(
            "INSERT INTO arrivals SELECT ?, ?, ?, ?, ?, ?, ?, 1"
            " WHERE (SELECT COUNT(*) FROM arrivals WHERE message_id = ?) < ?",
            (message_id, way, device, refused, _metadata(arrival.metadata), now, now, message_id, MOST_WAYS),
        )

    def _window(self, sender: int) -> ReplayWindow:
        """The counters of a sender, under the key that it has now, as of this transaction."""
        if sender not in self._windows:
            row = self.db.execute(
                "SELECT highest, taken FROM windows WHERE sender = ? AND key_name = ?",
                (sender, name_of_key(self.keys[sender])),
            ).fetchone()
            self._windows[sender] = ReplayWindow(row[0], int.from_bytes(row[1], "big")) if row else ReplayWindow()
        return self._windows[sender]

    def _save_windows(self) -> None:
        self.db.executemany(
            "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?)",
            [
                (sender, name_of_key(self.keys[sender]), window.highest, window.taken.to_bytes(WINDOW // 8, "big"))
                for sender, window in self._windows.items()
            ],
        )


def _text(words: str | None) -> str | None:
    """`words` as the database can hold them, and no longer than a field."""
    return None if words is None else words[:LONGEST_FIELD].encode("utf-8", "replace").decode("utf-8")


def _metadata(fields: Mapping[str, str | int | float | None]) -> str:
    """What a gateway says, as JSON of bounded length."""
    kept: dict[str, str | int | float | None] = {}
    for name, value in list(fields.items())[:MOST_FIELDS]:
        plain = value if value is None or isinstance(value, int) else str(value)[:LONGEST_FIELD]
        kept[str(name)[:LONGEST_FIELD]] = value if isinstance(value, float) and math.isfinite(value) else plain
    return json.dumps(kept)


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """How many messages there are by state, and images."""
    others = {"waiting": 0, "rejected": 0} | dict(
        db.execute("SELECT state, COUNT(*) FROM messages WHERE state != 'taken' GROUP BY state").fetchall()
    )
    [total] = db.execute("SELECT COUNT(*) FROM messages").fetchone()
    [images] = db.execute("SELECT COUNT(*) FROM images").fetchone()
    return {"taken": total - sum(others.values()), **others, "images": images}


class Lag(NamedTuple):
    """How far decoding is behind."""

    images: int
    """That have something new."""
    oldest_unix_s: float | None
    """Since when the first of these waits."""


def lag(db: sqlite3.Connection) -> Lag:
    """How far decoding is behind; also where no decoder is at work."""
    return Lag(*db.execute("SELECT COUNT(*), MIN(pending_unix_s) FROM images WHERE decoded < changed").fetchone())
