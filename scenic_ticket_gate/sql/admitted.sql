-- What one entry of a right cost with tax, in the currency of its ticket: its part of
-- the price of the ticket. 0 of what has no price or no number of entries.
CREATE OR REPLACE FUNCTION scenic_gate_entry_value(p_entitlement integer)
RETURNS numeric
LANGUAGE sql STABLE AS $function$
    SELECT COALESCE(round(
               t.amount_total * e.amount
               / NULLIF(t.amount_untaxed, 0) / NULLIF(e.entries_total, 0),
               c.decimal_places
           ), 0)
      FROM scenic_entitlement e
      JOIN scenic_ticket t ON t.id = e.ticket_id
      JOIN res_currency c ON c.id = t.currency_id
     WHERE e.id = p_entitlement
$function$;

-- Keep that a device let people in by its own decision, and reserve their entries as far
-- as there are any. What should not have opened is a conflict: {why, ticket, persons,
-- value, currency}, kept with the row and returned; NULL if there is none. Of a request
-- that was kept before {repeat: true, conflict} is returned, and nothing is done.
--
-- p_event: as in scenic_gate_report, with lane_id, gate_id, site_id, company_id, epoch
-- of the row to be made. p_at: when it happened, p_now: naive UTC both.
CREATE OR REPLACE FUNCTION scenic_gate_keep_admitted(
    p_device integer, p_event jsonb, p_at timestamp, p_now timestamp
) RETURNS jsonb
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_event record;
    v_right record;
    v_reserved integer := 0;
    v_again integer := 0;
    v_missing integer;
    v_why text;
    v_conflict jsonb;
    v_kept boolean;
BEGIN
    SELECT * INTO v_event
      FROM jsonb_to_record(p_event) AS (
               request_id text, seq integer, lane text, direction text, count integer,
               mode text, again boolean, "right" integer, kind text, lookup text,
               at timestamp, note text, id integer, lane_id integer,
               gate_id integer, site_id integer, company_id integer, epoch integer
           );
    IF v_event."right" IS NULL THEN
        -- a genuine code that the device had no copy of
        SELECT e.id INTO v_event."right"
          FROM scenic_credential c
          JOIN scenic_ticket t ON t.id = c.ticket_id
          JOIN scenic_entitlement e
            ON e.ticket_id = t.id AND e.site_id = v_event.site_id
         WHERE c.lookup = v_event.lookup AND t.company_id = v_event.company_id
         ORDER BY c.active DESC,
                  e.entries_total > e.entries_used + e.entries_reserved
                                    + e.entries_refunded DESC,
                  e.valid_to, e.id
         LIMIT 1;
    END IF;
    SELECT t.id AS ticket_id, t.name, t.persons, t.kind, t.state, e.id,
           k.gate_name AS product, n.name AS currency,
           CASE WHEN e.unlimited THEN v_event.count
                ELSE GREATEST(0, e.entries_total - e.entries_used - e.entries_reserved
                                 - e.entries_refunded) END AS free,
           e.entries_used = 0 AND e.entries_refunded > 0 AS is_refunded,
           scenic_gate_entry_value(e.id) AS value,
           CASE WHEN t.state IN ('refunded', 'void', 'frozen') THEN upper(t.state)
                WHEN t.state = 'held' THEN 'NOT_PAID'
                WHEN e.valid_from > p_at THEN 'NOT_YET_VALID'
                WHEN e.valid_to <= p_at THEN 'EXPIRED'
                WHEN t.visitor_id IS NOT NULL AND EXISTS (
                    SELECT 1 FROM scenic_visitor w
                     WHERE w.id = t.visitor_id AND d.day >= w.blocked_from
                       AND (d.day <= w.blocked_until) IS NOT FALSE
                ) THEN 'VISITOR_BLOCKED' END AS why
      INTO v_right
      FROM scenic_entitlement e
      JOIN scenic_ticket t ON t.id = e.ticket_id
      JOIN scenic_site s ON s.id = e.site_id
      JOIN res_currency n ON n.id = t.currency_id
      LEFT JOIN scenic_ticket_component k ON k.id = e.component_id
     CROSS JOIN LATERAL (
               SELECT (p_at AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date AS day
           ) d
     WHERE e.id = v_event."right" AND t.company_id = v_event.company_id;

    IF v_right.id IS NULL THEN
        v_why := 'UNKNOWN';
    ELSIF v_event.again THEN
        v_again := v_event.count;
    ELSIF v_right.state NOT IN ('refunded', 'void', 'held') THEN
        v_reserved := LEAST(v_event.count, v_right.free);
    END IF;
    v_missing := v_event.count - v_reserved - v_again;
    v_why := COALESCE(v_why, v_right.why, CASE
        WHEN v_missing > 0 AND v_right.is_refunded THEN 'REFUNDED'
        WHEN v_missing > 0 THEN 'DOUBLE_USE'
    END);
    IF v_right.why IS NOT NULL THEN
        v_missing := v_event.count;
    END IF;
    IF v_why IS NOT NULL THEN
        v_conflict := jsonb_build_object(
            'why', v_why, 'ticket', v_right.name, 'persons', v_missing,
            'value', (v_missing * COALESCE(v_right.value, 0))::text,
            'currency', v_right.currency
        );
    END IF;
    WITH kept AS (
        INSERT INTO scenic_pass_event (
            id, uid, phase, code, device_id, lane_id, lane_code, gate_id, site_id,
            company_id, direction, credential_kind, ticket_id, entitlement_id, passes,
            reserved_delta, used_delta, free_delta, reentry, staff, assumed, epoch, seq,
            device_time, event_time, received_time, note, detail, mode, conflict,
            conflict_persons, conflict_value
        ) VALUES (
            v_event.id, v_event.request_id, 'authorised',
            CASE WHEN v_why IS NULL THEN 'ADMIT' ELSE 'CONFLICT' END, p_device,
            v_event.lane_id, v_event.lane, v_event.gate_id, v_event.site_id,
            v_event.company_id, v_event.direction, v_event.kind, v_right.ticket_id,
            v_right.id, v_event.count, v_reserved, 0, v_again, v_event.again,
            v_right.kind = 'staff', false, v_event.epoch, v_event.seq, v_event.at,
            p_at, p_now, v_event.note,
            jsonb_strip_nulls(jsonb_build_object(
                'ticket', CASE WHEN v_right.id IS NOT NULL THEN jsonb_build_object(
                    'name', v_right.name, 'product', v_right.product,
                    'persons', v_right.persons, 'left', v_right.free - v_reserved
                ) END,
                'conflict', v_conflict
            )),
            v_event.mode, v_why, CASE WHEN v_why IS NOT NULL THEN v_missing END,
            CASE WHEN v_why IS NOT NULL THEN v_missing * COALESCE(v_right.value, 0) END
        )
        ON CONFLICT (device_id, uid) WHERE phase IN ('authorised', 'denied')
        DO NOTHING
        RETURNING id
    ), moved AS (
        UPDATE scenic_entitlement e
           SET entries_reserved = e.entries_reserved + v_reserved,
               reentries_reserved = e.reentries_reserved + v_again,
               write_date = p_now
          FROM kept
         WHERE v_reserved + v_again > 0 AND e.id = v_right.id
    )
    SELECT count(*) > 0 INTO v_kept FROM kept;
    IF NOT v_kept THEN
        RETURN jsonb_strip_nulls(jsonb_build_object('repeat', true, 'conflict', (
            SELECT e.detail -> 'conflict' FROM scenic_pass_event e
             WHERE e.device_id = p_device AND e.uid = v_event.request_id
               AND e.phase IN ('authorised', 'denied')
        )));
    END IF;
    RETURN v_conflict;
END
$function$;
