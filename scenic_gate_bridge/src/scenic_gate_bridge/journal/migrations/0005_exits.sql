-- The code that somebody showed who is being let out, as the report of it will have it
-- (JSON). It is forgotten when that is written, or when nobody went.
ALTER TABLE journal ADD COLUMN credential TEXT
CHECK (credential IS NULL OR (state = 'opening' AND direction = 'out'));
