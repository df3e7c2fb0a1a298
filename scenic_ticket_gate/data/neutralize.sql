-- a copy of the database must not let the gates of the original in
UPDATE scenic_device
   SET key_hash = NULL, key_date = NULL, state = 'revoked'
 WHERE key_hash IS NOT NULL;
