-- What changed of the tickets that bridges keep copies of: which ticket, in which
-- transaction. Rows are only ever inserted, so nobody waits for anybody; a transaction
-- that touches a ticket ten times leaves one row. Old rows are removed by
-- scenic.device._cron_prune_changes(); kept_from tells since when all of them are kept.
CREATE TABLE IF NOT EXISTS scenic_gate_change (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ticket_id integer NOT NULL,
    at timestamptz NOT NULL DEFAULT transaction_timestamp(),
    PRIMARY KEY (xid, ticket_id)
);
CREATE TABLE IF NOT EXISTS scenic_gate_change_kept (
    kept_from xid8 NOT NULL, cluster bigint
);
ALTER TABLE scenic_gate_change_kept ADD COLUMN IF NOT EXISTS cluster bigint;
-- Before this moment nothing was logged: a cursor from before needs a full copy.
INSERT INTO scenic_gate_change_kept (kept_from, cluster)
SELECT pg_snapshot_xmin(pg_current_snapshot()), s.system_identifier
  FROM pg_control_system() s
 WHERE NOT EXISTS (SELECT FROM scenic_gate_change_kept);

-- Begin the log anew where it was restored from a backup into another cluster: numbers
-- of transactions mean nothing there, and those to come may be far below them.
CREATE OR REPLACE FUNCTION scenic_gate_log_here() RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    v_snapshot pg_snapshot;
BEGIN
    IF EXISTS (
        SELECT FROM scenic_gate_change_kept k, pg_control_system() s
         WHERE k.cluster = s.system_identifier
    ) THEN
        RETURN;
    END IF;
    UPDATE scenic_gate_change_kept k
       SET kept_from = pg_snapshot_xmin(pg_current_snapshot()),
           cluster = s.system_identifier
      FROM pg_control_system() s
     WHERE k.cluster IS DISTINCT FROM s.system_identifier;
    v_snapshot := pg_current_snapshot();
    DELETE FROM scenic_gate_change c WHERE c.xid >= pg_snapshot_xmax(v_snapshot);
END
$function$;

-- Rows that came or went, of a table with a ticket_id.
CREATE OR REPLACE FUNCTION scenic_gate_log_rows() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO scenic_gate_change (ticket_id)
    SELECT DISTINCT c.ticket_id FROM changed c WHERE c.ticket_id IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

-- Rows that changed in what a gate asks for; money, prints and the like do not count.
CREATE OR REPLACE FUNCTION scenic_gate_log_ticket() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO scenic_gate_change (ticket_id)
    SELECT n.id
      FROM new_rows n
      JOIN old_rows o ON o.id = n.id
     WHERE (n.state, n.persons, n.persons_refunded, n.visit_date, n.slot_id,
            n.date_first, n.span_days, n.first_entry_at, n.visitor_id, n.booking_id)
           IS DISTINCT FROM
           (o.state, o.persons, o.persons_refunded, o.visit_date, o.slot_id,
            o.date_first, o.span_days, o.first_entry_at, o.visitor_id, o.booking_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION scenic_gate_log_entitlement() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO scenic_gate_change (ticket_id)
    SELECT DISTINCT n.ticket_id
      FROM new_rows n
      JOIN old_rows o ON o.id = n.id
     WHERE (n.site_id, n.component_id, n.validity_rule_id, n.entries_total,
            n.entries_refunded, n.entries_used, n.entries_reserved,
            n.reentries_reserved, n.unlimited, n.daily_entries, n.valid_from,
            n.valid_to, n.weekdays, n.minute_from, n.minute_to)
           IS DISTINCT FROM
           (o.site_id, o.component_id, o.validity_rule_id, o.entries_total,
            o.entries_refunded, o.entries_used, o.entries_reserved,
            o.reentries_reserved, o.unlimited, o.daily_entries, o.valid_from,
            o.valid_to, o.weekdays, o.minute_from, o.minute_to)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION scenic_gate_log_credential() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO scenic_gate_change (ticket_id)
    SELECT DISTINCT n.ticket_id
      FROM new_rows n
      JOIN old_rows o ON o.id = n.id
     WHERE (n.state, n.lookup) IS DISTINCT FROM (o.state, o.lookup)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION scenic_gate_log_hold() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO scenic_gate_change (ticket_id)
    SELECT DISTINCT v.ticket_id
      FROM new_rows n
      JOIN old_rows o ON o.id = n.id
     CROSS JOIN LATERAL (VALUES (n.ticket_id), (o.ticket_id)) AS v (ticket_id)
     WHERE v.ticket_id IS NOT NULL
       AND (n.ticket_id, n.state, n.site_id, n.date, n.slot_id)
           IS DISTINCT FROM (o.ticket_id, o.state, o.site_id, o.date, o.slot_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

-- Who is blocked or let in again, with all that he holds.
CREATE OR REPLACE FUNCTION scenic_gate_log_visitor() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO scenic_gate_change (ticket_id)
    SELECT t.id
      FROM new_rows n
      JOIN old_rows o ON o.id = n.id
      JOIN scenic_ticket t ON t.visitor_id = n.id
     WHERE (n.blocked_from, n.blocked_until)
           IS DISTINCT FROM (o.blocked_from, o.blocked_until)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

-- People who moved without an entry: the entitlement stays as it is.
CREATE OR REPLACE FUNCTION scenic_gate_log_event() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO scenic_gate_change (ticket_id) VALUES (NEW.ticket_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE TRIGGER scenic_gate_log_changed
    AFTER UPDATE ON scenic_ticket
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_ticket();
CREATE OR REPLACE TRIGGER scenic_gate_log_added
    AFTER INSERT ON scenic_entitlement
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_rows();
CREATE OR REPLACE TRIGGER scenic_gate_log_changed
    AFTER UPDATE ON scenic_entitlement
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_entitlement();
CREATE OR REPLACE TRIGGER scenic_gate_log_removed
    AFTER DELETE ON scenic_entitlement
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_rows();
CREATE OR REPLACE TRIGGER scenic_gate_log_added
    AFTER INSERT ON scenic_credential
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_rows();
CREATE OR REPLACE TRIGGER scenic_gate_log_changed
    AFTER UPDATE ON scenic_credential
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_credential();
CREATE OR REPLACE TRIGGER scenic_gate_log_removed
    AFTER DELETE ON scenic_credential
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_rows();
CREATE OR REPLACE TRIGGER scenic_gate_log_added
    AFTER INSERT ON scenic_capacity_hold
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_rows();
CREATE OR REPLACE TRIGGER scenic_gate_log_changed
    AFTER UPDATE ON scenic_capacity_hold
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_hold();
CREATE OR REPLACE TRIGGER scenic_gate_log_removed
    AFTER DELETE ON scenic_capacity_hold
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_rows();
CREATE OR REPLACE TRIGGER scenic_gate_log_added
    AFTER INSERT ON scenic_ticket_lane_rel
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_rows();
CREATE OR REPLACE TRIGGER scenic_gate_log_removed
    AFTER DELETE ON scenic_ticket_lane_rel
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_rows();
CREATE OR REPLACE TRIGGER scenic_gate_log_changed
    AFTER UPDATE ON scenic_visitor
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenic_gate_log_visitor();
CREATE OR REPLACE TRIGGER scenic_gate_log_moved
    AFTER INSERT ON scenic_pass_event
    FOR EACH ROW
    WHEN (
        NEW.ticket_id IS NOT NULL
        AND (NEW.phase = 'exit' OR NEW.phase = 'passed' AND NEW.used_delta = 0)
    )
    EXECUTE FUNCTION scenic_gate_log_event();

-- Remove the changes that are older than some days; return how many.
CREATE OR REPLACE FUNCTION scenic_gate_prune_changes(p_days integer) RETURNS integer
LANGUAGE plpgsql AS $function$
DECLARE
    v_until xid8;
    v_removed integer;
BEGIN
    PERFORM scenic_gate_log_here();
    -- no copy may have to begin before the oldest transaction that still runs
    SELECT max(c.xid) INTO v_until
      FROM scenic_gate_change c
     WHERE c.at < now() - p_days * interval '1 day'
       AND c.xid < pg_snapshot_xmin(pg_current_snapshot());
    IF v_until IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE scenic_gate_change_kept k
       SET kept_from = (v_until::text::numeric + 1)::text::xid8;
    DELETE FROM scenic_gate_change c WHERE c.xid <= v_until;
    GET DIAGNOSTICS v_removed = ROW_COUNT;
    RETURN v_removed;
END
$function$;
