"""The queue on disk: photos as the messages that go on the air, and what became of each; nothing is lost in a crash.

SQLite in WAL mode with synchronous FULL: what a method has done when it returns outlives a power cut. Several programs
may queue at once; the one that sends holds `sending`.

**Nothing acknowledged is sent twice.** Before a session the queue notes which message it is for, the modem's IMEI, and
the MOMSN that the session will have (AT+SBDS tells it). A modem counts its MOMSN on when a session completes and at no
other time, and keeps it without power. So whoever finds a note after a crash asks the modem once more (`settle`): the
same number, and that session never completed; one more, and it did, whether or not the answer was heard. A success that
is heard is checked so too, for noise can make 1 of 18. Anything else (another modem, or one that others used) leaves it
open, and the message is sent again: the command post counts it once.

What this cannot see is another program that held just one session on the same modem in between: a modem belongs to one
queue. The MOMSN wraps from 65535 to 0, and is compared so; after 65,536 sessions in between, which no modem makes in a
week, it would be taken for the same.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

from codec.files import make_durable, only_one
from satsim.errors import SatsimError

MOMSNS = 2**16
KEEP_S = 30 * 86_400.0
"""How long a photo stays after its last acknowledgement, so that the command post can ask for more of it."""
BUSY_S = 30.0

State = Literal["waiting", "acknowledged", "cancelled", "refused"]


class Photo(NamedTuple):
    """One photo, and how many of its messages are in which state."""

    photo: int
    """Its number in this queue."""
    name: str
    sender: int
    image_id: int
    compact: bool
    mark: int
    counter: int | None
    priority: int
    queued_unix_s: float
    messages: int = 0
    acknowledged: int = 0
    waiting: int = 0


class Message(NamedTuple):
    """One that waits."""

    photo: int
    place: int
    name: str
    """Of the photo."""
    messages: int
    """Of that photo."""
    message: bytes
    asked: int


class Open(NamedTuple):
    """A session that was begun and not seen to end."""

    photo: int
    place: int
    name: str
    """Of the photo."""
    message_bytes: int
    imei: str
    momsn: int


def default_folder() -> Path:
    """Where the queue is if no folder is named: in the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "satsim" / "queue"


class Queue:
    """One folder; `close` it at the end. Any method raises SatsimError where the disk does not obey."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "queue.db"
        with self._told():
            self._database = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
            make_durable(self._database, BUSY_S)
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, 1):
                raise SatsimError(f"{self.path}: is of a later satsim (version {version}); expected 1: update satsim")
            schema = (files("satsim.sender") / "schema.sql").read_text(encoding="utf-8")
            self._database.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = 1; COMMIT;")

    def close(self) -> None:
        self._database.close()

    def sending(self) -> AbstractContextManager[bool]:
        """Whether this process is the one that sends from this folder, until the end of the block."""
        return only_one(self.folder / "sending.lock")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SatsimError(f"{self.path}: {error}; nothing that was acknowledged is lost") from None

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: on the disk, all of it, once the block has ended; none of it where the block fails."""
        with self._told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> list[Any]:
        with self._told():
            return self._database.execute(query, values).fetchall()

    def add(self, photo: Photo, messages: Sequence[bytes], key_path: Path | None, again: bool = False) -> int | None:
        """The number of a photo that is now in the queue; None where these messages were there before.

        With `again` those are sent once more, all of them.
        """
        digest = _digest(messages)
        with self.changing() as database:
            if key_path:
                database.execute(
                    "INSERT INTO keys (sender, path) VALUES (?, ?)"
                    " ON CONFLICT (sender) DO UPDATE SET path = excluded.path",
                    (photo.sender, str(key_path.resolve())),
                )
            known = database.execute("SELECT photo FROM photos WHERE digest = ?", (digest,)).fetchone()
            if known:
                revived = "state != 'waiting'" if again else "state IN ('cancelled', 'refused')"
                database.execute(f"UPDATE messages SET state = 'waiting' WHERE photo = ? AND {revived}", known)
                database.execute(
                    "UPDATE photos SET priority = max(priority, ?) WHERE photo = ?", (photo.priority, *known)
                )
                return None
            fields = photo._asdict()
            names = ("name", "sender", "image_id", "compact", "mark", "counter", "priority", "queued_unix_s")
            cursor = database.execute(
                f"INSERT INTO photos (digest, {', '.join(names)}) VALUES ({', '.join('?' * 9)})",
                (digest, *(fields[name] for name in names)),
            )
            database.executemany(
                "INSERT INTO messages (photo, place, message) VALUES (?, ?, ?)",
                [(cursor.lastrowid, place, message) for place, message in enumerate(messages)],
            )
            return cursor.lastrowid

    def photos(self, only: Sequence[int] | None = None) -> list[Photo]:
        """Every photo of the queue in order, or those of these numbers."""
        rows = self.rows(
            "SELECT p.photo, name, sender, image_id, compact, mark, counter, priority, queued_unix_s, count(*),"
            " sum(state = 'acknowledged'), sum(state = 'waiting')"
            " FROM photos p JOIN messages m ON m.photo = p.photo GROUP BY p.photo ORDER BY p.photo"
        )
        photos = [Photo(*row)._replace(compact=bool(row[4])) for row in rows]
        return [photo for photo in photos if only is None or photo.photo in only]

    def sizes_waiting(self) -> dict[int, list[int]]:
        """By photo the bytes of each message that waits."""
        sizes: dict[int, list[int]] = {}
        for photo, size in self.rows("SELECT photo, length(message) FROM messages WHERE state = 'waiting'"):
            sizes.setdefault(photo, []).append(size)
        return sizes

    def holds(self, messages: Sequence[bytes]) -> bool:
        """Whether a photo of these messages is in the queue, acknowledged or not."""
        return bool(self.rows("SELECT 1 FROM photos WHERE digest = ?", _digest(messages)))

    def next(self) -> Message | None:
        """The message to send now; None where none waits.

        What the command post asked for comes first, then photos of a higher priority; of equal ones first packet 0 of
        all, then packet 1 of all.
        """
        found = self.rows(
            "SELECT m.photo, place, name, (SELECT count(*) FROM messages n WHERE n.photo = m.photo), message, asked"
            " FROM messages m JOIN photos p ON p.photo = m.photo WHERE state = 'waiting'"
            " ORDER BY asked > 0 DESC, priority DESC, place, m.photo LIMIT 1"
        )
        return Message(*found[0]) if found else None

    def begin(self, message: Message, imei: str, momsn: int) -> None:
        """Note the session that is about to begin."""
        with self.changing() as database:
            database.execute(
                "INSERT OR REPLACE INTO session VALUES (1, ?, ?, ?, ?, ?)",
                (message.photo, message.place, imei, momsn, time.time()),
            )
            database.execute(
                "UPDATE messages SET attempts = attempts + 1 WHERE photo = ? AND place = ?",
                (message.photo, message.place),
            )

    def open_session(self) -> Open | None:
        """The session that was begun and not seen to end."""
        found = self.rows(
            "SELECT photo, place, name, length(message), imei, momsn"
            " FROM session JOIN photos USING (photo) JOIN messages USING (photo, place)"
        )
        return Open(*found[0]) if found else None

    def end(self, acknowledged: bool) -> None:
        """Note how the open session ended."""
        with self.changing() as database:
            if acknowledged:
                database.execute(
                    "UPDATE messages SET state = 'acknowledged', acknowledged_unix_s = ?"
                    " WHERE (photo, place) IN (SELECT photo, place FROM session)",
                    (time.time(),),
                )
            database.execute("DELETE FROM session")

    def settle(self, imei: str, momsn: int) -> bool | None:
        """Whether the open session completed, by what the modem says now, noted; None: nobody can tell, sent again."""
        begun = self.open_session()
        if begun is None:
            return None
        steps = (momsn - begun.momsn) % MOMSNS if imei == begun.imei else None
        self.end(acknowledged=steps == 1)
        return None if steps not in (0, 1) else steps == 1

    def refuse(self, message: Message) -> None:
        """Never offer a message again that the modem does not take."""
        with self.changing() as database:
            database.execute(
                "UPDATE messages SET state = 'refused' WHERE photo = ? AND place = ?", (message.photo, message.place)
            )

    def cancel(self, photo: int) -> int:
        """How many messages of a photo waited, and are not sent now. Raises SatsimError for a number that none has."""
        with self.changing() as database:
            if not database.execute("SELECT 1 FROM photos WHERE photo = ?", (photo,)).fetchone():
                raise SatsimError(f"--cancel {photo}: no photo of this queue has that number; --list shows them")
            return database.execute(
                "UPDATE messages SET state = 'cancelled' WHERE photo = ? AND state = 'waiting'", (photo,)
            ).rowcount

    def forget_old(self, now_unix_s: float) -> list[str]:
        """Names of the photos that left the queue now, all of whose messages were acknowledged long ago."""
        with self.changing() as database:
            old = database.execute(
                "SELECT p.photo, name FROM photos p JOIN messages m ON m.photo = p.photo GROUP BY p.photo"
                " HAVING sum(state = 'waiting') = 0 AND max(coalesce(acknowledged_unix_s, queued_unix_s)) < ?",
                (now_unix_s - KEEP_S,),
            ).fetchall()
            database.executemany("DELETE FROM photos WHERE photo = ?", [(photo,) for photo, _ in old])
        return [name for _, name in old]


def _digest(messages: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(len(each).to_bytes(4, "big") + each for each in messages)).hexdigest()
