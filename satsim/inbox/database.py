"""The inbox's database: one SQLite file in WAL mode, in which what is committed outlives a power cut."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codec.files import make_durable
from satsim.errors import ScenarioError

VERSION = 1
APPLICATION_ID = 0x73617473
"""Of our databases: "sats"."""
UPGRADES: dict[int, str] = {}
"""By version the statements that make the next one of it."""
WAIT_S = 30.0
"""So long a program waits for another that is writing."""


def connect(path: Path, create: bool = False) -> sqlite3.Connection:
    """An open database of this version, rows by name; to be used by one thread at a time.

    With `create` it is made where there is none, for its owner's eyes (mode 0600). One of an older version is brought
    up to this one. Raises ScenarioError, in one line, for a file that is missing, another's, or of a newer version;
    OSError.
    """
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if not path.is_file():
        raise ScenarioError(f"{path}: there is no inbox; expected a database that `satsim inbox` made (--db)")
    with explained(path):
        db = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            db.row_factory = sqlite3.Row
            if _marks(db) != (APPLICATION_ID, VERSION):
                _check_version(db, path, create)
            make_durable(db, WAIT_S)
            db.execute("PRAGMA journal_size_limit = 67108864")
            db.execute("PRAGMA cache_size = -16384")
        except BaseException:
            db.close()
            raise
    return db


def _marks(db: sqlite3.Connection) -> tuple[int, int]:
    """What the file says that it is, and its version."""
    return db.execute("PRAGMA application_id").fetchone()[0], db.execute("PRAGMA user_version").fetchone()[0]


def _check_version(db: sqlite3.Connection, path: Path, create: bool) -> None:
    """Make the tables in an empty file, and bring those of an older version up to this one."""
    with writing(db):
        application_id, version = _marks(db)
        [tables] = db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if not tables and create:
            _run(db, Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"))
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        elif application_id != APPLICATION_ID:
            raise ScenarioError(f"{path}: not an inbox; expected a database that `satsim inbox` made")
        elif version > VERSION:
            raise ScenarioError(
                f"{path}: an inbox of version {version}, and this satsim knows up to {VERSION}; use a newer satsim"
            )
        else:
            for each in range(version, VERSION):
                _run(db, UPGRADES[each])
        if version != VERSION:
            db.execute(f"PRAGMA user_version = {VERSION}")


def _run(db: sqlite3.Connection, statements: str) -> None:
    """Run statements within the transaction, which executescript would commit."""
    waiting = ""
    for line in statements.splitlines(keepends=True):
        waiting += line
        if sqlite3.complete_statement(waiting):
            db.execute(waiting)
            waiting = ""


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """What the block writes is there whole, and on the disk, once it ends; if it fails, nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What SQLite has to say of a full disk, a damaged or a locked file, as OSError or ScenarioError that names it."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # a statement of ours that is none
            raise
        is_full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        number, words = (errno.ENOSPC, os.strerror(errno.ENOSPC)) if is_full else (errno.EIO, str(error))
        raise OSError(number, words, str(path)) from None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise ScenarioError(f"{path}: not an inbox; expected a database that `satsim inbox` made") from None
        raise ScenarioError(f"{path}: damaged ({error}); restore it from a backup") from None
