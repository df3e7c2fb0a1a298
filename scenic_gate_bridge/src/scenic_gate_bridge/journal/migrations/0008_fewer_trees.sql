-- Each tree that a decision writes to is a page more in its commit: rows lie under their
-- id itself, the counter alone keeps numbers apart, and nothing counts rows twice. A
-- list after IN is a tree as well, made anew for each row.
CREATE TABLE journal_new (
    request_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    lane TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    code_hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state = 'asking' OR state = 'authorised' OR state = 'opening'
        OR state = 'passed' OR state = 'annulled' OR state = 'denied'
    ),
    passes INTEGER NOT NULL DEFAULT 0,
    issued INTEGER NOT NULL DEFAULT 0,
    passed INTEGER NOT NULL DEFAULT 0,
    annulled INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    scanned_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    wire_id TEXT,
    decided_here INTEGER NOT NULL DEFAULT 0,
    credential TEXT
    CHECK (credential IS NULL OR (state = 'opening' AND direction = 'out')),
    CHECK (0 <= passed AND passed <= issued AND issued <= passes),
    CHECK (issued <= passed + 1),
    CHECK (0 <= annulled AND passed + annulled <= passes),
    CHECK (state != 'opening' OR issued > 0),
    CHECK (state NOT IN ('passed', 'annulled') OR passed + annulled = passes)
) STRICT, WITHOUT ROWID;
INSERT INTO journal_new (
    request_id, seq, lane, direction, code_hash, state, passes, issued, passed,
    annulled, reason, scanned_at, changed_at, wire_id, decided_here, credential
) SELECT
    request_id, seq, lane, direction, code_hash, state, passes, issued, passed,
    annulled, reason, scanned_at, changed_at, wire_id, decided_here, credential
FROM journal;
DROP TABLE journal;
ALTER TABLE journal_new RENAME TO journal;
CREATE UNIQUE INDEX journal_open ON journal (seq)
WHERE (state = 'asking' OR state = 'authorised' OR state = 'opening');

CREATE TABLE outbox_new (
    id INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL,
    lane TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    answer TEXT,
    answered_at TEXT
) STRICT;
INSERT INTO outbox_new (
    id, event_id, seq, lane, body, created_at, answer, answered_at
) SELECT id, event_id, seq, lane, body, created_at, answer, answered_at FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_waiting ON outbox (id) WHERE answer IS NULL;

CREATE TABLE lane_log_new (
    id INTEGER PRIMARY KEY,
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
    note TEXT NOT NULL DEFAULT '',
    photo TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO lane_log_new (
    id, at, lane, phase, request_id, direction, code_hash, code, text_en, text_zh,
    remedy_en, remedy_zh, product, count, assumed, note, photo
) SELECT
    id, at, lane, phase, request_id, direction, code_hash, code, text_en, text_zh,
    remedy_en, remedy_zh, product, count, assumed, note, photo
FROM lane_log;
DROP TABLE lane_log;
ALTER TABLE lane_log_new RENAME TO lane_log;
CREATE INDEX lane_log_lane ON lane_log (lane, id);

CREATE TABLE own_decision_new (
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
) STRICT, WITHOUT ROWID;
INSERT INTO own_decision_new (
    request_id, at, lane, direction, right, again, passes, passed, annulled, counted,
    unsynced, answer
) SELECT
    request_id, at, lane, direction, right, again, passes, passed, annulled, counted,
    unsynced, answer
FROM own_decision;
DROP TABLE own_decision;
ALTER TABLE own_decision_new RENAME TO own_decision;
-- what was let in by its QR alone, since a time
CREATE INDEX own_decision_unsynced_at ON own_decision (at) WHERE unsynced;
CREATE INDEX own_decision_unsynced ON own_decision (right) WHERE right < 0;

-- by ticket only what is not in the copy is looked for; the copy itself names its rights
DROP INDEX own_right_ticket;
CREATE INDEX own_right_unknown ON own_right (ticket) WHERE ticket < 0;
