-- Whether a key lets a device in: its present one, or the one before for the minutes
-- after the present one was first used. State this wherever a device does something,
-- in the same statement: what was known of its key before may be old.
-- The clock of the statement, not the one of the wall: so PostgreSQL takes the body
-- into the statement instead of planning it anew for each scan.
CREATE OR REPLACE FUNCTION scenic_gate_device_lives(d scenic_device, p_key_hash text)
RETURNS boolean
LANGUAGE sql STABLE AS $function$
    SELECT d.state = 'active' AND d.active AND (
        d.key_hash = p_key_hash
        OR d.old_key_hash = p_key_hash
           AND d.old_key_until > statement_timestamp() AT TIME ZONE 'UTC'
    )
$function$;

-- The id of the device that a key lets in, or NULL. The first use of a rotated key
-- makes it the present one; the one before has five minutes left.
CREATE OR REPLACE FUNCTION scenic_gate_device_of_key(p_key_hash text)
RETURNS integer
LANGUAGE plpgsql AS $function$
DECLARE
    v_id integer;
BEGIN
    SELECT d.id INTO v_id FROM scenic_device d
     WHERE scenic_gate_device_lives(d, p_key_hash);
    IF NOT FOUND THEN
        UPDATE scenic_device d
           SET old_key_hash = d.key_hash, key_hash = d.next_key_hash,
               next_key_hash = NULL,
               old_key_until = clock_timestamp() AT TIME ZONE 'UTC'
                               + interval '5 minutes'
         WHERE d.next_key_hash = p_key_hash AND d.state = 'active' AND d.active
        RETURNING d.id INTO v_id;
    END IF;
    RETURN v_id;
END
$function$;
