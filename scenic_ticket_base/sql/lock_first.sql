-- Locks of names ("booking 7") of whoever must be first; see tools/lock_first.py.
-- A lock is taken in the order of its hash, so two who want several never wait crosswise.

CREATE OR REPLACE FUNCTION scenic_lock_hashes(p_names text[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE AS $function$
    SELECT ARRAY(SELECT DISTINCT hashtext(n) FROM unnest(p_names) AS n ORDER BY 1)
$function$;

-- Tell whether this transaction can be ended and begun anew without anything being lost:
-- it has written nothing, is in no savepoint and holds no lock of somebody else's.
-- When it has to be found out, a transaction number is used up.
CREATE OR REPLACE FUNCTION scenic_transaction_is_new() RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RETURN false;
    END IF;
    -- a message that nobody listens to gives numbers to the transaction and to each
    -- open savepoint, and each number is a lock
    PERFORM pg_logical_emit_message(true, 'scenic', '');
    RETURN (
        SELECT count(*) = 1
          FROM pg_locks l
         WHERE l.pid = pg_backend_pid()
           AND (l.locktype = 'transactionid' OR l.locktype = 'advisory' AND NOT (
                    l.objsubid = 2 AND l.classid
                        = (hashtext('scenic_lock_first')::bigint & 4294967295)::oid))
    );
END
$function$;

-- Take the locks until the end of the transaction.
-- p_anew: whether the caller could begin anew. Returns
-- bound: taken, maybe after waiting; this transaction cannot begin anew;
-- free: taken without waiting; busy: not taken, somebody holds one of them.
CREATE OR REPLACE FUNCTION scenic_lock_first(p_names text[], p_anew boolean)
RETURNS text
LANGUAGE plpgsql AS $function$
DECLARE
    v_hash integer;
    v_space constant integer := hashtext('scenic_lock_first');
    v_anew constant boolean := p_anew AND scenic_transaction_is_new();
BEGIN
    FOREACH v_hash IN ARRAY scenic_lock_hashes(p_names) LOOP
        IF NOT v_anew THEN
            PERFORM pg_advisory_xact_lock(v_space, v_hash);
        ELSIF NOT pg_try_advisory_xact_lock(v_space, v_hash) THEN
            RETURN 'busy';
        END IF;
    END LOOP;
    RETURN CASE WHEN v_anew THEN 'free' ELSE 'bound' END;
END
$function$;

-- Wait for the locks and hold them beyond the end of the transaction.
CREATE OR REPLACE FUNCTION scenic_lock_wait(p_names text[]) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    v_hash integer;
BEGIN
    FOREACH v_hash IN ARRAY scenic_lock_hashes(p_names) LOOP
        PERFORM pg_advisory_lock(hashtext('scenic_lock_first'), v_hash);
    END LOOP;
END
$function$;

-- Of locks that scenic_lock_wait() has taken: hold them to the end of the transaction
-- and no longer; p_keep false: give them back.
CREATE OR REPLACE FUNCTION scenic_lock_keep(p_names text[], p_keep boolean) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    v_hash integer;
    v_space constant integer := hashtext('scenic_lock_first');
BEGIN
    FOREACH v_hash IN ARRAY scenic_lock_hashes(p_names) LOOP
        IF p_keep THEN
            PERFORM pg_advisory_xact_lock(v_space, v_hash);
        END IF;
        PERFORM pg_advisory_unlock(v_space, v_hash);
    END LOOP;
END
$function$;
