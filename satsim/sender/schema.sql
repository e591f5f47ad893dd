-- What `satsim send` keeps: photos as the very messages that go on the air, and what became of each.

CREATE TABLE IF NOT EXISTS photos (
    photo         INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which they were queued
    name          TEXT NOT NULL,                      -- of its file
    digest        TEXT NOT NULL UNIQUE,               -- SHA-256 of its messages: the same photo is queued once
    sender        INTEGER NOT NULL,
    image_id      INTEGER NOT NULL,
    compact       INTEGER NOT NULL,                   -- 1: its headers are compact
    mark          INTEGER NOT NULL,                   -- of packets that are not sealed
    counter       INTEGER,                            -- that packet 0 was sealed with; NULL: not sealed
    priority      INTEGER NOT NULL,
    queued_unix_s REAL NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS messages (
    photo               INTEGER NOT NULL REFERENCES photos (photo) ON DELETE CASCADE,
    place               INTEGER NOT NULL,             -- payload index
    message             BLOB NOT NULL,
    state               TEXT NOT NULL DEFAULT 'waiting'
                        CHECK (state IN ('waiting', 'acknowledged', 'cancelled', 'refused')),
    asked               INTEGER NOT NULL DEFAULT 0,   -- how often the command post asked for it again
    attempts            INTEGER NOT NULL DEFAULT 0,   -- sessions that were begun for it
    acknowledged_unix_s REAL,
    PRIMARY KEY (photo, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS waiting ON messages (state) WHERE state = 'waiting';

-- The session that was begun and has not been seen to end: one, or none.
CREATE TABLE IF NOT EXISTS session (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    photo        INTEGER NOT NULL,
    place        INTEGER NOT NULL,
    imei         TEXT NOT NULL,
    momsn        INTEGER NOT NULL,                    -- that the modem was to give it
    begun_unix_s REAL NOT NULL
) STRICT;

-- Where the key of a sender is, never what it is, and the last request that was taken.
CREATE TABLE IF NOT EXISTS keys (
    sender       INTEGER PRIMARY KEY,
    path         TEXT NOT NULL,
    last_request INTEGER NOT NULL DEFAULT -1
) STRICT;

-- The last message that came back: a modem may still hold it after a crash.
CREATE TABLE IF NOT EXISTS received (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    imei   TEXT NOT NULL,
    mtmsn  INTEGER NOT NULL,
    digest TEXT NOT NULL
) STRICT;
