-- a copy of the database must not sign codes that the gates of the original accept,
-- even if it finds the key file of the original
UPDATE scenic_signing_key
   SET state = 'retired'
 WHERE state = 'active';

-- nor open the numbers of persons with it
UPDATE scenic_visitor
   SET doc_cipher = NULL, phone_cipher = NULL, data_kid = NULL
 WHERE data_kid IS NOT NULL;
