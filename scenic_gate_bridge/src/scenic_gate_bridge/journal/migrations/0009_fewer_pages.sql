-- Where a lane's lines are: in which parts of 256 of the log. An index of single lines is
-- a page more in each commit for each lane that wrote one.
CREATE TABLE lane_log_part (
    lane TEXT NOT NULL,
    part INTEGER NOT NULL,
    PRIMARY KEY (lane, part)
) STRICT, WITHOUT ROWID;
INSERT INTO lane_log_part (lane, part) SELECT DISTINCT lane, id >> 8 FROM lane_log;
DROP INDEX lane_log_lane;

-- What a lane's own decision reserved, in the row of its admission: the right, whether
-- people enter again, whether they are counted, and of how many the end is known. Such a
-- decision has no row of own_decision.
ALTER TABLE journal ADD COLUMN right_id INTEGER;
ALTER TABLE journal ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journal ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;
ALTER TABLE journal ADD COLUMN ended INTEGER NOT NULL DEFAULT 0 CHECK (ended >= 0);

-- How a fact that waits moves the counts of people inside and on their way: a list of
-- [pool, day, inside, held] in JSON. Its sum is what the server does not know yet.
ALTER TABLE outbox ADD COLUMN moves TEXT;
UPDATE outbox SET moves = (
    SELECT json_group_array(json_array(pool, day, inside, held))
    FROM pool_move m WHERE m.event_id = outbox.event_id
)
WHERE answer IS NULL AND event_id IN (SELECT event_id FROM pool_move);
DROP TABLE pool_move;
