-- The name of the picture that was asked for when an alarm came.
ALTER TABLE lane_log ADD COLUMN photo TEXT NOT NULL DEFAULT '';
