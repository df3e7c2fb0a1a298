-- More modes; and what a lane is to become by itself while the server cannot be asked:
-- a list of {"at": UTC, "mode": …} in JSON, soonest first.
CREATE TABLE lane_state_new (
    lane TEXT PRIMARY KEY,
    mode TEXT NOT NULL DEFAULT 'controlled'
        CHECK (mode IN ('controlled', 'exit', 'free', 'locked', 'emergency')),
    emergency INTEGER NOT NULL DEFAULT 0 CHECK (emergency IN (0, 1)),
    plan TEXT NOT NULL DEFAULT '[]'
) STRICT;
INSERT INTO lane_state_new (lane, mode, emergency)
SELECT lane, mode, emergency FROM lane_state;
DROP TABLE lane_state;
ALTER TABLE lane_state_new RENAME TO lane_state;
