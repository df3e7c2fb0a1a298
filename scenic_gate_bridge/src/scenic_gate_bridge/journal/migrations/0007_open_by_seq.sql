-- What is open, in the order in which it is resolved: a row is added at the end, where an
-- index by lane was written in as many places as there are lanes.
DROP INDEX journal_open;
CREATE INDEX journal_open ON journal (seq)
WHERE state IN ('asking', 'authorised', 'opening');
