-- Pass events are facts: no role, not even the owner of the database, changes or
-- removes one by a statement. ENABLE ALWAYS keeps the triggers at work in sessions
-- that replay replication, too.
CREATE OR REPLACE FUNCTION scenic_pass_event_append_only() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION 'scenic_pass_event is append-only: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END
$function$;

DROP TRIGGER IF EXISTS scenic_pass_event_no_change ON scenic_pass_event;
CREATE TRIGGER scenic_pass_event_no_change
    BEFORE UPDATE OR DELETE ON scenic_pass_event
    FOR EACH ROW EXECUTE FUNCTION scenic_pass_event_append_only();
ALTER TABLE scenic_pass_event ENABLE ALWAYS TRIGGER scenic_pass_event_no_change;

DROP TRIGGER IF EXISTS scenic_pass_event_no_truncate ON scenic_pass_event;
CREATE TRIGGER scenic_pass_event_no_truncate
    BEFORE TRUNCATE ON scenic_pass_event
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_pass_event_append_only();
ALTER TABLE scenic_pass_event ENABLE ALWAYS TRIGGER scenic_pass_event_no_truncate;
