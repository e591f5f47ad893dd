-- Version 1 of the inbox's database. Times are Unix seconds; what is derived (contradictions, decodes) can be made anew
-- from messages and images at any time.

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,   -- of the message as it came
    message BLOB NOT NULL,         -- as it came; of one that is not taken and is longer, as much as is kept
    size INTEGER NOT NULL,         -- bytes that came
    state TEXT NOT NULL CHECK (state IN ('taken', 'waiting', 'rejected')),  -- waiting: for a key
    reason TEXT,                   -- why it is not taken
    sender INTEGER,                -- of taken and waiting ones
    counter INTEGER,               -- of sealed ones
    opened BLOB,                   -- of sealed ones that are taken: the same packet, not sealed
    image INTEGER REFERENCES images (id),
    place INTEGER,                 -- index of a payload; of a repair symbol a number below 0
    first_unix_s REAL NOT NULL,
    last_unix_s REAL NOT NULL,
    count INTEGER NOT NULL         -- of arrivals
) STRICT;
CREATE INDEX messages_of_image ON messages (image, place, id) WHERE image IS NOT NULL;
CREATE INDEX messages_not_taken ON messages (state, sender, counter) WHERE state != 'taken';

-- By which ways a message came, the first few of them, each with what the gateway said of it the first time.
CREATE TABLE arrivals (
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    way TEXT NOT NULL,
    device TEXT NOT NULL,          -- the modem's IMEI, if the way tells it
    refused TEXT,                  -- the way's own reason
    metadata TEXT NOT NULL,        -- JSON
    first_unix_s REAL NOT NULL,
    last_unix_s REAL NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (message_id, way, device)
) STRICT, WITHOUT ROWID;

-- What tells two images apart; a number that is used again for another photo makes another row.
CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    sender INTEGER NOT NULL,
    number INTEGER NOT NULL,
    compact INTEGER NOT NULL,
    codec TEXT NOT NULL,
    model INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    payload_count INTEGER NOT NULL,
    position TEXT NOT NULL,        -- "time,latitude,longitude", or nothing
    mark INTEGER NOT NULL,
    sealed INTEGER NOT NULL,
    run INTEGER NOT NULL,          -- sealed: counter of the sealing's first packet, below 0 while unknown; else it
                                   -- counts photos that differ in nothing else, which are told apart by long silence
    first_unix_s REAL NOT NULL,
    last_unix_s REAL NOT NULL,
    changed INTEGER NOT NULL,      -- grows with each message
    pending_unix_s REAL NOT NULL,  -- since when there is something new to decode
    decoded INTEGER NOT NULL DEFAULT 0,  -- the `changed` that was decoded last
    trying INTEGER NOT NULL DEFAULT 0,   -- the `changed` that a decoder has begun with
    tries INTEGER NOT NULL DEFAULT 0,    -- how often it has begun with that
    error TEXT,                    -- why there is no picture of what is there
    UNIQUE (sender, number, compact, codec, model, width, height, payload_count, position, mark, sealed, run)
) STRICT;
CREATE INDEX images_pending ON images (last_unix_s) WHERE decoded < changed;
CREATE INDEX images_by_time ON images (last_unix_s);

-- What a decoder found that cannot both be true, as of the image's last decode.
CREATE TABLE contradictions (
    id INTEGER PRIMARY KEY,
    image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    line TEXT NOT NULL,
    found_unix_s REAL NOT NULL,
    UNIQUE (image, line)
) STRICT;

CREATE TABLE decodes (
    id INTEGER PRIMARY KEY,
    image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    changed INTEGER NOT NULL,      -- that of the image, when it was loaded
    alternative INTEGER NOT NULL,  -- 0: of what agrees; others: of another version where messages contradict each other
    held TEXT NOT NULL,            -- payloads that came, and go together, as "0-3, 5"
    missing TEXT NOT NULL,         -- those that did not, nor follow from repair symbols
    picture TEXT NOT NULL,         -- path below the database's folder
    sha256 BLOB NOT NULL,          -- of the picture
    decoded_unix_s REAL NOT NULL,
    took_s REAL NOT NULL,          -- with the alternatives
    UNIQUE (image, changed, alternative)
) STRICT;

-- Counters of each sender and key that were taken: the highest, and a bit for each of those up to it.
CREATE TABLE windows (
    sender INTEGER NOT NULL,
    key_name TEXT NOT NULL,
    highest INTEGER NOT NULL,
    taken BLOB NOT NULL,
    PRIMARY KEY (sender, key_name)
) STRICT, WITHOUT ROWID;

-- What senders were asked for again; counters rise, so that a sender takes each request once.
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    sender INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    request BLOB NOT NULL,
    said TEXT NOT NULL,            -- to whom it went, and what came back
    made_unix_s REAL NOT NULL,
    UNIQUE (sender, counter)
) STRICT;

-- What operators said of photos: that they have seen one, in the state `changed`, and what they noted.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    operator TEXT NOT NULL,
    note TEXT NOT NULL,
    changed INTEGER NOT NULL,
    made_unix_s REAL NOT NULL
) STRICT;
CREATE INDEX notes_of_image ON notes (image, id);

-- How operators call teams.
CREATE TABLE teams (
    sender INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;
