-- The id under which the server knows an admission, where it is another than that of
-- the lane: decided here after the server did not answer.
ALTER TABLE journal ADD COLUMN wire_id TEXT;
-- Whether the bridge itself decided.
ALTER TABLE journal ADD COLUMN decided_here INTEGER NOT NULL DEFAULT 0;

-- Small values by name: config, cursor of the feed, newest clock, …
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- The copy of the tickets, as the server sent them.
CREATE TABLE ticket (
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    number INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX ticket_number ON ticket (number);
CREATE INDEX ticket_generation ON ticket (generation);
CREATE TABLE medium (
    lookup TEXT NOT NULL,
    ticket INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (lookup, ticket)
) STRICT, WITHOUT ROWID;

-- What this device did with a right; the copy says what others did. A genuine QR whose
-- ticket is not in the copy has the right -number.
CREATE TABLE own_right (
    id INTEGER PRIMARY KEY,
    ticket INTEGER,
    used INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    again_held INTEGER NOT NULL DEFAULT 0 CHECK (again_held >= 0),
    first_at TEXT
) STRICT;
CREATE INDEX own_right_ticket ON own_right (ticket);
CREATE TABLE own_pass (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    right INTEGER NOT NULL,
    at TEXT NOT NULL,
    people INTEGER NOT NULL,
    used INTEGER NOT NULL,
    lane TEXT NOT NULL,
    is_exit INTEGER NOT NULL
) STRICT;
CREATE INDEX own_pass_right ON own_pass (right, at);
-- Decisions, by the id that the server knows. Refusals have no passes.
CREATE TABLE own_decision (
    request_id TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    lane TEXT NOT NULL,
    direction TEXT NOT NULL,
    right INTEGER,
    again INTEGER NOT NULL DEFAULT 0,
    passes INTEGER NOT NULL DEFAULT 0,
    passed INTEGER NOT NULL DEFAULT 0,
    annulled INTEGER NOT NULL DEFAULT 0,
    counted INTEGER NOT NULL DEFAULT 0,
    unsynced INTEGER NOT NULL DEFAULT 0,
    answer TEXT NOT NULL DEFAULT '',
    CHECK (passed >= 0 AND annulled >= 0)
) STRICT;
CREATE INDEX own_decision_at ON own_decision (at);

-- People inside, and admitted on their way in, of the places with a limit: as the
-- server said last, and what this device did since.
CREATE TABLE pool_count (
    pool INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    inside INTEGER NOT NULL,
    held INTEGER NOT NULL
) STRICT;
-- The part of it that the server has not confirmed yet.
CREATE TABLE pool_move (
    event_id TEXT NOT NULL,
    pool INTEGER NOT NULL,
    day TEXT NOT NULL,
    inside INTEGER NOT NULL,
    held INTEGER NOT NULL,
    PRIMARY KEY (event_id, pool)
) STRICT, WITHOUT ROWID;

-- What the server could not reconcile, for a person to look at.
CREATE TABLE conflict (
    event_id TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    lane TEXT NOT NULL,
    why TEXT NOT NULL,
    ticket TEXT NOT NULL,
    persons INTEGER NOT NULL,
    value TEXT NOT NULL,
    currency TEXT NOT NULL
) STRICT;
