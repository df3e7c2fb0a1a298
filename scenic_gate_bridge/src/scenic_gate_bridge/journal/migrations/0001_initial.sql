-- The device's own counter of messages; one row.
CREATE TABLE counter (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL CHECK (seq >= 0)
) STRICT;
INSERT INTO counter (id, seq) VALUES (1, 0);

-- One row an admission that was asked for. Persons are counted, not grants:
-- issued = releases written down before the lane was told, passed and annulled = outcomes.
CREATE TABLE journal (
    request_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    code_hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'asking', 'authorised', 'opening', 'passed', 'annulled', 'denied'
    )),
    passes INTEGER NOT NULL DEFAULT 0,
    issued INTEGER NOT NULL DEFAULT 0,
    passed INTEGER NOT NULL DEFAULT 0,
    annulled INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    scanned_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    CHECK (0 <= passed AND passed <= issued AND issued <= passes),
    CHECK (issued <= passed + 1),
    CHECK (0 <= annulled AND passed + annulled <= passes),
    CHECK (state != 'opening' OR issued > 0),
    CHECK (state NOT IN ('passed', 'annulled') OR passed + annulled = passes)
) STRICT;
CREATE INDEX journal_open ON journal (lane)
WHERE state IN ('asking', 'authorised', 'opening');

-- Facts on their way to the server, sent in the order of id.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    answer TEXT,
    answered_at TEXT
) STRICT;
CREATE INDEX outbox_waiting ON outbox (id) WHERE answer IS NULL;

-- What people see on the lane log page.
CREATE TABLE lane_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    lane TEXT NOT NULL,
    phase TEXT NOT NULL,
    request_id TEXT,
    direction TEXT,
    code_hash TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '',
    text_en TEXT NOT NULL DEFAULT '',
    text_zh TEXT NOT NULL DEFAULT '',
    remedy_en TEXT NOT NULL DEFAULT '',
    remedy_zh TEXT NOT NULL DEFAULT '',
    product TEXT NOT NULL DEFAULT '',
    count INTEGER NOT NULL DEFAULT 1,
    assumed INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX lane_log_lane ON lane_log (lane, id);

-- What a lane must remember over a restart.
CREATE TABLE lane_state (
    lane TEXT PRIMARY KEY,
    mode TEXT NOT NULL DEFAULT 'controlled'
        CHECK (mode IN ('controlled', 'locked', 'free')),
    emergency INTEGER NOT NULL DEFAULT 0 CHECK (emergency IN (0, 1))
) STRICT;
