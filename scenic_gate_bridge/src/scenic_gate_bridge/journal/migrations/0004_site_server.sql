-- Message numbers that clients of a site server used, by the hash of their key: a new
-- key begins a new sequence.
CREATE TABLE client_number (
    client TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (client, seq)
) STRICT, WITHOUT ROWID;

-- What was decided by a QR alone is looked up for each ticket of the feed.
CREATE INDEX own_decision_unsynced ON own_decision (right) WHERE right < 0;
