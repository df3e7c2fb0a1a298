-- a copy of the database must not let the gates of the original in
UPDATE scenic_device
   SET key_hash = NULL, key_date = NULL, next_key_hash = NULL, next_key_date = NULL,
       old_key_hash = NULL, old_key_until = NULL, state = 'revoked'
 WHERE COALESCE(key_hash, next_key_hash, old_key_hash) IS NOT NULL;
