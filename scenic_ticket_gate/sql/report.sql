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
-- value, currency}, kept with the row and returned; NULL if there is none.
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
    RETURN CASE WHEN v_kept THEN v_conflict END;
END
$function$;

-- Keep what the lanes did, and move entries accordingly.
--
-- p_events: [{uid, seq, lane, type, request_id, count, direction, assumed, at, note,
-- kind, lookup, mode, again, right, code}]: kind and lookup of a code that was read,
-- mode, again and right of what the device admitted by itself, code of what it refused.
-- p_now: naive UTC; NULL is the clock of the server.
-- Returns [{event_id, code, conflict}] in the order given, or NULL when the key is not
-- the device's living key. A fact is always kept; what does not fit is kept as CONFLICT.
-- Locks as in scenic_gate_validate.
--
-- Who has 500 of them has been cut off and wants to be done: what is plain is kept by
-- one statement for all. Plain is what fits: a lane of the device, an admission that is
-- covered by free entries, no more passes than were admitted, no code to look for. If
-- one event of a right is not plain, none of this right is; those go one by one.
DROP FUNCTION IF EXISTS scenic_gate_report(integer, text, jsonb);
CREATE OR REPLACE FUNCTION scenic_gate_report(
    p_device integer, p_key_hash text, p_events jsonb, p_now timestamp DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql
SET join_collapse_limit = 1
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_device record;
    v_event record;
    v_origin record;
    v_gate record;
    v_now timestamp;
    v_code text;
    v_count integer;
    v_direction text;
    v_limit integer;
    v_ticket_id integer;
    v_right_id integer;
    v_staff boolean;
    v_at timestamp;
    v_reserved integer;
    v_used integer;
    v_free integer;
    v_released integer;
    v_zone_from integer;
    v_zone_to integer;
    v_event_id integer;
    v_epoch integer;
    v_note text;
    v_conflict jsonb;
    v_tickets integer[] := '{}';
    v_times timestamp[] := '{}';
    v_pools integer[];
    v_moves jsonb[] := '{}';
    v_results jsonb[] := '{}';
BEGIN
    SELECT d.id, d.site_id, d.company_id, d.epoch INTO v_device
      FROM scenic_device d
     WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    PERFORM pg_advisory_xact_lock(hashtext('scenic_gate_device'), p_device);
    PERFORM t.id
       FROM scenic_ticket t
      WHERE t.id = ANY (ARRAY(
                SELECT e.ticket_id FROM scenic_pass_event e
                 WHERE e.device_id = p_device AND e.phase = 'authorised'
                   AND e.uid = ANY (ARRAY(
                           SELECT s ->> 'request_id'
                             FROM jsonb_array_elements(p_events) s
                            WHERE s ->> 'type' IN ('passed', 'annulled')
                       ))
                UNION ALL
                SELECT e.ticket_id FROM scenic_entitlement e
                 WHERE e.id = ANY (ARRAY(
                           SELECT (s ->> 'right')::integer
                             FROM jsonb_array_elements(p_events) s
                       ))
                UNION ALL
                SELECT c.ticket_id FROM scenic_credential c
                 WHERE c.lookup = ANY (ARRAY(
                           SELECT s ->> 'lookup' FROM jsonb_array_elements(p_events) s
                       ))
            ))
      ORDER BY t.id
        FOR NO KEY UPDATE;

    v_now := COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC');
    SELECT array_agg(h.pool_id) INTO v_pools
      FROM scenic_headcount h
      JOIN scenic_capacity_pool p ON p.id = h.pool_id
     WHERE p.company_id = v_device.company_id;
    IF v_pools IS NOT NULL THEN
        PERFORM scenic_gate_lock_counts(v_pools, v_now);
    END IF;

    FOR v_event IN
        WITH event AS MATERIALIZED (
            SELECT nextval('scenic_pass_event_id_seq')::integer AS id, n.*
              FROM (
                    SELECT s.*, l.id AS lane_id, l.gate_id, z.site_id, g.company_id,
                           t.tz, g.from_zone_id, g.to_zone_id,
                           LEAST(s.at, v_now) AS happened,
                           COALESCE(k.id, q.id) AS kept_id,
                           q.detail -> 'conflict' AS conflict,
                           row_number() OVER (PARTITION BY s.seq ORDER BY s.position) > 1
                           OR EXISTS (
                               SELECT 1 FROM scenic_pass_event x
                                WHERE x.device_id = p_device
                                  AND x.epoch = v_device.epoch AND x.seq = s.seq
                           ) AS is_reused,
                           row_number() OVER (
                               PARTITION BY s.type IN ('admitted', 'refused'),
                                            CASE s.type WHEN 'admitted'
                                                 THEN s.request_id ELSE s.uid END
                               ORDER BY s.position
                           ) = 1
                           AND l.id IS NOT NULL
                           -- which ticket a code means depends on all that was before
                           AND count(s.lookup) OVER (ORDER BY s.position) = 0
                               AS may_be_plain
                      FROM ROWS FROM (
                               jsonb_to_recordset(p_events) AS (
                                   uid text, seq integer, lane text, type text,
                                   request_id text, count integer, direction text,
                                   assumed boolean, at timestamp, note text, kind text,
                                   lookup text, mode text, again boolean,
                                   "right" integer, code text
                               )
                           ) WITH ORDINALITY
                           AS s (uid, seq, lane, type, request_id, count, direction,
                                 assumed, at, note, kind, lookup, mode, again, "right",
                                 code, position)
                      LEFT JOIN scenic_lane l
                             ON l.device_id = p_device AND l.code = s.lane
                      LEFT JOIN scenic_gate g ON g.id = l.gate_id
                      LEFT JOIN scenic_zone z ON z.id = g.to_zone_id
                      LEFT JOIN scenic_site t ON t.id = z.site_id
                      LEFT JOIN scenic_pass_event k
                             ON k.device_id = p_device AND k.uid = s.uid
                            AND k.phase NOT IN ('authorised', 'denied')
                            AND s.type NOT IN ('admitted', 'refused')
                      LEFT JOIN scenic_pass_event q
                             ON q.device_id = p_device
                            AND q.phase IN ('authorised', 'denied')
                            AND q.uid = CASE s.type WHEN 'admitted' THEN s.request_id
                                                    WHEN 'refused' THEN s.uid END
                     ORDER BY s.position
                   ) n
        ), admission AS MATERIALIZED (
            -- of this call
            SELECT v.request_id, v.id, v.position, v.count AS outstanding,
                   v.again IS TRUE AS reentry, t.kind = 'staff' AS staff,
                   NULL::text AS flag, v.direction, v.happened, e.id AS right_id,
                   e.ticket_id, NULL::jsonb AS pools,
                   t.state NOT IN ('refunded', 'void', 'frozen', 'held')
                   AND e.valid_from <= v.happened AND e.valid_to > v.happened
                   AND t.visitor_id IS NULL AS is_open,
                   CASE WHEN e.unlimited IS NOT TRUE THEN
                       e.entries_total - e.entries_used - e.entries_reserved
                       - e.entries_refunded END AS free,
                   jsonb_build_object('name', t.name, 'product', k.gate_name,
                                      'persons', t.persons) AS ticket
              FROM event v
              JOIN scenic_entitlement e ON e.id = v."right"
              JOIN scenic_ticket t ON t.id = e.ticket_id
              LEFT JOIN scenic_ticket_component k ON k.id = e.component_id
             WHERE v.type = 'admitted' AND v.kept_id IS NULL AND v.may_be_plain
               AND t.company_id = v.company_id
            UNION ALL
            -- of calls before
            SELECT o.uid, o.id, 0, f.outstanding, o.reentry IS TRUE, o.staff, o.flag,
                   o.direction, o.event_time, o.entitlement_id, o.ticket_id,
                   o.detail -> 'pools', true, NULL, NULL
              FROM scenic_pass_event o
             CROSS JOIN LATERAL (
                       SELECT o.reserved_delta + COALESCE(o.free_delta, 0) + COALESCE(
                                  sum(p.reserved_delta + COALESCE(p.free_delta, 0)), 0
                              ) AS outstanding
                         FROM scenic_pass_event p WHERE p.origin_id = o.id
                   ) f
             WHERE o.device_id = p_device AND o.phase = 'authorised'
               AND o.uid = ANY (ARRAY(
                       SELECT v.request_id FROM event v
                        WHERE v.type IN ('passed', 'annulled') AND v.kept_id IS NULL
                   ))
        ), step AS MATERIALIZED (
            SELECT v.*, a.id AS origin_id, a.right_id, a.ticket_id, a.reentry, a.staff,
                   a.flag, a.pools, a.direction AS origin_direction,
                   a.happened AS admitted_at, a.ticket, a.free - sum(CASE
                       WHEN a.reentry THEN 0
                       WHEN v.type = 'admitted' THEN v.count
                       WHEN v.type = 'annulled' THEN -v.count
                       ELSE 0
                   END) OVER (PARTITION BY a.right_id ORDER BY v.position) AS remaining,
                   v.may_be_plain AND CASE
                       WHEN v.type = 'refused' THEN true
                       WHEN v.type = 'admitted' THEN
                           a.is_open AND a.position = v.position AND (sum(v.count)
                               FILTER (WHERE v.type = 'admitted' AND NOT a.reentry)
                               OVER (PARTITION BY a.right_id) > a.free) IS NOT TRUE
                       WHEN v.type IN ('passed', 'annulled') THEN
                           v.count IS NOT NULL AND a.position < v.position
                           AND sum(v.count)
                               FILTER (WHERE v.type <> 'admitted')
                               OVER (PARTITION BY a.id) <= a.outstanding
                       ELSE v.request_id IS NULL
                   END AS fits
              FROM event v
              LEFT JOIN admission a
                     ON a.request_id = v.request_id
                    AND v.type IN ('admitted', 'passed', 'annulled')
             WHERE v.kept_id IS NULL
        ), plain AS MATERIALIZED (
            SELECT p.id, p.position, p.uid, p.type, p.request_id, p.lane_id, p.lane,
                   p.gate_id, p.site_id, p.company_id, p.kind, p.mode, p.seq, p.at,
                   p.again, p.assumed, p.reentry, p.flag, p.pools, p.ticket || jsonb_strip_nulls(
                       jsonb_build_object('left', p.remaining)
                   ) AS ticket, p.code, m.*,
                   CASE WHEN p.type <> 'admitted' THEN p.origin_id END AS origin_id,
                   COALESCE(p.right_id, r.id) AS right_id,
                   COALESCE(p.ticket_id, r.ticket_id) AS ticket_id, p.staff,
                   CASE WHEN NOT p.is_reused THEN v_device.epoch END AS epoch,
                   CASE WHEN p.is_reused
                        THEN concat_ws('; ', NULLIF(p.note, ''), 'seq reused')
                        ELSE p.note END AS note,
                   CASE WHEN m.is_counted AND m.direction = 'in' THEN p.from_zone_id
                        WHEN m.is_counted THEN p.to_zone_id END AS zone_from,
                   CASE WHEN m.is_counted AND m.direction = 'in' THEN p.to_zone_id
                        WHEN m.is_counted THEN p.from_zone_id END AS zone_to
              FROM (
                    SELECT x.*, (x.right_id IS NULL OR bool_and(x.fits)
                                     OVER (PARTITION BY x.right_id)) AND x.fits AS is_plain
                      FROM step x
                   ) p
             CROSS JOIN LATERAL (
                       SELECT CASE p.type WHEN 'refused' THEN 0
                                          ELSE COALESCE(p.count, 0) END AS people,
                              CASE p.type WHEN 'admitted' THEN p.count
                                          WHEN 'passed' THEN -p.count
                                          WHEN 'annulled' THEN -p.count
                                          ELSE 0 END AS step,
                              p.type IN ('exit', 'entry', 'passed')
                              AND p.staff IS NOT TRUE AS is_counted,
                              COALESCE(p.direction, CASE p.type
                                  WHEN 'exit' THEN 'out'
                                  WHEN 'entry' THEN 'in'
                                  WHEN 'passed' THEN COALESCE(p.origin_direction, 'in')
                                  WHEN 'annulled' THEN p.origin_direction
                              END) AS direction,
                              CASE WHEN p.type IN ('passed', 'annulled')
                                   THEN GREATEST(p.happened, p.admitted_at)
                                   ELSE p.happened END AS happened
                   ) m
              LEFT JOIN (
                       scenic_entitlement r
                       JOIN scenic_ticket t
                         ON t.id = r.ticket_id AND t.company_id = v_device.company_id
                   ) ON r.id = p."right" AND p.type = 'refused'
             WHERE p.is_plain
        ), done AS (
            INSERT INTO scenic_pass_event (
                id, uid, phase, code, origin_id, request_uid, device_id, lane_id,
                lane_code, gate_id, zone_from_id, zone_to_id, site_id, company_id,
                direction, credential_kind, ticket_id, entitlement_id, passes,
                reserved_delta, used_delta, free_delta, reentry, staff, flag, assumed,
                epoch, seq, device_time, event_time, received_time, note, detail, mode
            )
            SELECT p.id,
                   CASE p.type WHEN 'admitted' THEN p.request_id ELSE p.uid END,
                   CASE p.type WHEN 'admitted' THEN 'authorised'
                               WHEN 'refused' THEN 'denied' ELSE p.type END,
                   CASE p.type WHEN 'admitted' THEN 'ADMIT'
                               WHEN 'refused' THEN p.code ELSE 'OK' END,
                   p.origin_id,
                   CASE WHEN p.type IN ('passed', 'annulled') THEN p.request_id END,
                   p_device, p.lane_id, p.lane, p.gate_id, p.zone_from, p.zone_to,
                   p.site_id, p.company_id, p.direction, p.kind, p.ticket_id,
                   p.right_id, p.people, CASE WHEN p.reentry THEN 0 ELSE p.step END,
                   CASE WHEN p.type = 'passed' AND NOT p.reentry THEN p.people
                        ELSE 0 END,
                   CASE WHEN p.reentry THEN p.step ELSE 0 END,
                   CASE p.type WHEN 'admitted' THEN p.again
                               WHEN 'passed' THEN p.reentry ELSE false END,
                   p.staff, CASE WHEN p.type = 'passed' THEN p.flag END,
                   p.assumed IS TRUE, p.epoch, p.seq, p.at, p.happened, v_now, p.note,
                   CASE p.type WHEN 'admitted'
                               THEN jsonb_build_object('ticket', p.ticket)
                               WHEN 'refused' THEN '{}' END,
                   p.mode
              FROM plain p
             ORDER BY p.position
            ON CONFLICT DO NOTHING
            RETURNING id
        ), moved AS (
            UPDATE scenic_entitlement e
               SET entries_reserved = e.entries_reserved + d.reserved,
                   entries_used = e.entries_used + d.used,
                   reentries_reserved = e.reentries_reserved + d.free,
                   write_date = v_now
              FROM (
                    SELECT p.right_id,
                           COALESCE(sum(p.step) FILTER (WHERE NOT p.reentry), 0)
                               AS reserved,
                           COALESCE(sum(p.people) FILTER (
                               WHERE NOT p.reentry AND p.type = 'passed'
                           ), 0) AS used,
                           COALESCE(sum(p.step) FILTER (WHERE p.reentry), 0) AS free
                      FROM plain p
                      JOIN done ON done.id = p.id
                     WHERE p.step <> 0
                     GROUP BY p.right_id
                   ) d
             WHERE e.id = d.right_id AND (d.reserved, d.used, d.free) <> (0, 0, 0)
        )
        SELECT v.*, done.id IS NOT NULL AS is_done, p.ticket_id AS done_ticket_id,
               p.happened AS done_at, p.step, p.people, p.zone_from, p.zone_to, p.pools
          FROM event v
          LEFT JOIN done ON done.id = v.id
          LEFT JOIN plain p ON p.id = done.id
         ORDER BY v.position
    LOOP
        IF v_event.is_done THEN
            v_results := v_results
                || jsonb_build_object('event_id', v_event.uid, 'code', 'OK');
            IF v_event.step < 0 THEN
                v_tickets := v_tickets || v_event.done_ticket_id;
                v_times := v_times || CASE WHEN v_event.type = 'passed'
                                           THEN v_event.done_at END;
            END IF;
            IF v_pools IS NOT NULL AND (
                v_event.step < 0 OR v_event.zone_from IS NOT NULL
                OR v_event.zone_to IS NOT NULL
            ) THEN
                v_moves := v_moves || jsonb_build_object(
                    'from', v_event.zone_from, 'to', v_event.zone_to,
                    'people', v_event.people, 'at', v_event.done_at,
                    'pools', COALESCE(v_event.pools, '[]'),
                    'released', GREATEST(0, -v_event.step)
                );
            END IF;
            CONTINUE;
        END IF;
        IF v_event.kept_id IS NOT NULL THEN
            v_results := v_results || (jsonb_build_object(
                'event_id', v_event.uid, 'code', 'REPEAT'
            ) || CASE WHEN v_event.conflict IS NULL THEN '{}'
                      ELSE jsonb_build_object('conflict', v_event.conflict) END);
            CONTINUE;
        END IF;

        v_code := 'OK';
        v_count := COALESCE(v_event.count, 0);
        v_reserved := 0;
        v_used := 0;
        v_free := 0;
        v_released := 0;
        v_limit := 0;
        v_zone_from := NULL;
        v_zone_to := NULL;
        v_epoch := v_device.epoch;
        v_note := v_event.note;
        IF v_event.is_reused THEN
            -- a fact is kept all the same
            v_epoch := NULL;
            v_note := concat_ws('; ', NULLIF(v_note, ''), 'seq reused');
        END IF;

        IF v_event.type = 'admitted' THEN
            v_conflict := scenic_gate_keep_admitted(
                p_device,
                to_jsonb(v_event) || jsonb_build_object(
                    'site_id', COALESCE(v_event.site_id, v_device.site_id),
                    'company_id', COALESCE(v_event.company_id, v_device.company_id),
                    'epoch', v_epoch, 'note', v_note
                ),
                LEAST(v_event.at, v_now), v_now
            );
            v_results := v_results || (jsonb_build_object(
                'event_id', v_event.uid, 'code', CASE
                    WHEN v_conflict IS NOT NULL THEN 'CONFLICT'
                    WHEN v_event.lane_id IS NULL THEN 'LANE_UNKNOWN'
                    ELSE 'OK' END
            ) || CASE WHEN v_conflict IS NULL THEN '{}'
                      ELSE jsonb_build_object('conflict', v_conflict) END);
            CONTINUE;
        ELSIF v_event.type = 'refused' THEN
            INSERT INTO scenic_pass_event (
                id, uid, phase, code, device_id, lane_id, lane_code, gate_id, site_id,
                company_id, direction, credential_kind, ticket_id, entitlement_id,
                passes, reserved_delta, used_delta, free_delta, assumed, epoch, seq,
                device_time, event_time, received_time, note, detail, mode
            )
            SELECT v_event.id, v_event.uid, 'denied', v_event.code, p_device, v_event.lane_id,
                   v_event.lane, v_event.gate_id,
                   COALESCE(v_event.site_id, v_device.site_id),
                   COALESCE(v_event.company_id, v_device.company_id),
                   v_event.direction, v_event.kind, r.ticket_id, r.id, 0, 0, 0, 0,
                   false, v_epoch, v_event.seq, v_event.at, LEAST(v_event.at, v_now),
                   v_now, v_note, '{}', v_event.mode
              FROM (SELECT v_event."right" AS id) n
              LEFT JOIN (
                       scenic_entitlement r
                       JOIN scenic_ticket t
                         ON t.id = r.ticket_id AND t.company_id = v_device.company_id
                   ) ON r.id = n.id
            ON CONFLICT (device_id, uid) WHERE phase IN ('authorised', 'denied')
            DO NOTHING;
            v_results := v_results || jsonb_build_object(
                'event_id', v_event.uid, 'code',
                CASE WHEN NOT FOUND THEN 'REPEAT'
                     WHEN v_event.lane_id IS NULL THEN 'LANE_UNKNOWN' ELSE 'OK' END
            );
            CONTINUE;
        END IF;

        FOR v_try IN 1..2 LOOP
            -- How much of the admission is still reserved, how much of a free re-entry
            -- nobody used, and how many of those that a device let in by itself have
            -- neither passed nor turned back.
            SELECT e.id, e.phase, e.ticket_id, e.entitlement_id, e.gate_id, e.direction,
                   e.event_time, COALESCE(e.reentry, false) AS reentry, e.staff, e.flag,
                   e.mode, e.detail -> 'pools' AS pools, t.state AS ticket_state,
                   CASE e.phase WHEN 'authorised' THEN f.outstanding ELSE 0 END
                       AS outstanding,
                   CASE e.phase WHEN 'authorised' THEN f.granted ELSE 0 END AS granted,
                   CASE WHEN e.mode IS NOT NULL THEN f.under_way ELSE 0 END AS under_way
              INTO v_origin
              FROM scenic_pass_event e
              LEFT JOIN scenic_ticket t ON t.id = e.ticket_id
             CROSS JOIN LATERAL (
                       SELECT e.reserved_delta + COALESCE(e.free_delta, 0) + COALESCE(
                                  sum(f.reserved_delta + COALESCE(f.free_delta, 0)), 0
                              ) AS outstanding,
                              COALESCE(e.free_delta, 0) - COALESCE(
                                  sum(f.passes) FILTER (WHERE f.phase = 'passed'), 0
                              ) AS granted,
                              e.passes - COALESCE(sum(f.passes) FILTER (
                                  WHERE f.phase IN ('passed', 'annulled')
                              ), 0) AS under_way
                         FROM scenic_pass_event f WHERE f.origin_id = e.id
                   ) f
             WHERE e.device_id = p_device AND e.uid = v_event.request_id
               AND e.phase IN ('authorised', 'denied');
            EXIT WHEN v_origin.id IS NOT NULL OR v_event.type <> 'annulled';
            -- The request may still be on its way: decide it now, so that it cannot
            -- reserve an entry afterwards.
            INSERT INTO scenic_pass_event (
                uid, phase, code, device_id, lane_id, lane_code, gate_id, site_id,
                company_id, passes, reserved_delta, used_delta, assumed, seq,
                device_time, event_time, received_time, detail
            )
            SELECT v_event.request_id, 'denied', 'VOID', p_device, v_event.lane_id,
                   v_event.lane, v_event.gate_id,
                   COALESCE(v_event.site_id, v_device.site_id),
                   COALESCE(v_event.company_id, v_device.company_id),
                   0, 0, 0, false, v_event.seq, v_event.at, v_now, v_now,
                   '{"why": "annulled"}'
            ON CONFLICT (device_id, uid) WHERE phase IN ('authorised', 'denied')
            DO NOTHING;
            EXIT WHEN FOUND;
            -- It was decided while the insert waited for it.
            PERFORM t.id FROM scenic_ticket t
              WHERE t.id = (
                        SELECT e.ticket_id FROM scenic_pass_event e
                         WHERE e.device_id = p_device AND e.uid = v_event.request_id
                           AND e.phase IN ('authorised', 'denied')
                    )
                FOR NO KEY UPDATE;
        END LOOP;

        IF v_event.type IN ('passed', 'annulled') THEN
            v_limit := GREATEST(
                COALESCE(v_origin.outstanding, 0), COALESCE(v_origin.under_way, 0)
            );
            IF v_event.count IS NULL THEN
                -- annulled without a count: whatever is still reserved
                v_count := v_limit;
            END IF;
            v_released := LEAST(v_count, COALESCE(v_origin.outstanding, 0));
            IF v_origin.reentry THEN
                v_free := -v_released;
            ELSE
                v_reserved := -v_released;
            END IF;
        END IF;

        IF v_event.type = 'passed' THEN
            v_used := -v_reserved;
            IF v_count > v_limit THEN
                v_code := 'CONFLICT';
                -- Somebody went through: a free entry pays for it if there is one,
                -- so that the ticket does not open twice. Staff see the conflict and
                -- can give the entry back. Free again stays free, if late, too.
                IF v_origin.phase = 'authorised'
                   AND v_origin.ticket_state NOT IN ('refunded', 'void') THEN
                    SELECT v_used + LEAST(
                               GREATEST(0, v_count - GREATEST(
                                   v_origin.outstanding, v_origin.granted
                               )),
                               CASE WHEN e.unlimited THEN v_count
                                    ELSE e.entries_total - e.entries_used
                                         - e.entries_reserved - e.entries_refunded END
                           )
                      INTO v_used
                      FROM scenic_entitlement e
                     WHERE e.id = v_origin.entitlement_id;
                END IF;
            END IF;
        ELSIF v_event.type = 'annulled' AND v_origin.phase = 'authorised'
              AND v_count > v_limit THEN
            v_code := 'CONFLICT';
        END IF;
        IF v_event.lane_id IS NULL AND v_code = 'OK' THEN
            v_code := 'LANE_UNKNOWN';
        END IF;

        v_ticket_id := v_origin.ticket_id;
        v_right_id := v_origin.entitlement_id;
        v_staff := v_origin.staff;
        IF v_event.type = 'exit' AND v_event.lookup IS NOT NULL THEN
            -- Of several tickets of the code the one whose visitor is inside today.
            SELECT t.id, e.id, t.kind = 'staff'
              INTO v_ticket_id, v_right_id, v_staff
              FROM scenic_credential c
              JOIN scenic_ticket t ON t.id = c.ticket_id
              LEFT JOIN scenic_entitlement e
                     ON e.ticket_id = t.id AND e.site_id = v_event.site_id
              LEFT JOIN LATERAL (
                        SELECT sum(CASE p.phase WHEN 'exit' THEN -p.passes
                                                WHEN 'passed' THEN p.passes
                                                ELSE p.used_delta END) AS inside,
                               max(p.event_time) AS last
                          FROM scenic_pass_event p
                         WHERE p.entitlement_id = e.id
                           AND p.phase IN ('passed', 'exit', 'returned')
                           AND p.event_time >= date_trunc(
                                   'day', v_now AT TIME ZONE 'UTC' AT TIME ZONE v_event.tz
                               ) AT TIME ZONE v_event.tz AT TIME ZONE 'UTC'
                   ) i ON true
             WHERE c.lookup = v_event.lookup AND t.company_id = v_device.company_id
             ORDER BY i.inside > 0 DESC NULLS LAST, i.last DESC NULLS LAST,
                      c.active DESC, t.id, e.id
             LIMIT 1;
        END IF;

        v_direction := COALESCE(
            v_event.direction,
            CASE v_event.type WHEN 'exit' THEN 'out'
                              WHEN 'entry' THEN 'in'
                              WHEN 'passed' THEN COALESCE(v_origin.direction, 'in')
                              WHEN 'annulled' THEN v_origin.direction END
        );
        IF v_event.gate_id IS NULL AND v_origin.gate_id IS NOT NULL THEN
            -- the lane is not the device's any more: the gate of the admission counts
            SELECT g.id, z.site_id, g.company_id, g.from_zone_id, g.to_zone_id
              INTO v_gate
              FROM scenic_gate g
              JOIN scenic_zone z ON z.id = g.to_zone_id
             WHERE g.id = v_origin.gate_id;
            v_event.gate_id := v_gate.id;
            v_event.site_id := v_gate.site_id;
            v_event.company_id := v_gate.company_id;
            v_event.from_zone_id := v_gate.from_zone_id;
            v_event.to_zone_id := v_gate.to_zone_id;
        END IF;
        IF v_event.type IN ('passed', 'exit', 'entry') AND v_staff IS NOT TRUE THEN
            IF v_direction = 'in' THEN
                v_zone_from := v_event.from_zone_id;
                v_zone_to := v_event.to_zone_id;
            ELSE
                v_zone_from := v_event.to_zone_id;
                v_zone_to := v_event.from_zone_id;
            END IF;
        END IF;

        -- The clock of a device may be wrong: nothing happens in the future, and no
        -- pass before its admission.
        v_at := GREATEST(LEAST(v_event.at, v_now), v_origin.event_time);
        WITH kept AS (
            INSERT INTO scenic_pass_event (
                id, uid, phase, code, origin_id, request_uid, device_id, lane_id,
                lane_code, gate_id, zone_from_id, zone_to_id, site_id, company_id, direction,
                credential_kind, ticket_id, entitlement_id, passes, reserved_delta,
                used_delta, free_delta, reentry, staff, flag, assumed, epoch, seq,
                device_time, event_time, received_time, note
            ) VALUES (
                v_event.id, v_event.uid, v_event.type, v_code, v_origin.id,
                v_event.request_id,
                p_device, v_event.lane_id, v_event.lane,
                v_event.gate_id, v_zone_from, v_zone_to,
                COALESCE(v_event.site_id, v_device.site_id),
                COALESCE(v_event.company_id, v_device.company_id), v_direction,
                v_event.kind, v_ticket_id, v_right_id, v_count, v_reserved,
                v_used, v_free, v_event.type = 'passed' AND v_origin.reentry, v_staff,
                CASE WHEN v_event.type = 'passed' THEN v_origin.flag END,
                v_event.assumed, v_epoch, v_event.seq, v_event.at, v_at, v_now, v_note
            )
            ON CONFLICT (device_id, uid) WHERE phase NOT IN ('authorised', 'denied')
            DO NOTHING
            RETURNING id
        ), moved AS (
            UPDATE scenic_entitlement e
               SET entries_reserved = e.entries_reserved + v_reserved,
                   entries_used = e.entries_used + v_used,
                   reentries_reserved = e.reentries_reserved + v_free,
                   write_date = v_now
              FROM kept
             WHERE (v_reserved <> 0 OR v_used <> 0 OR v_free <> 0) AND e.id = v_right_id
        )
        SELECT kept.id INTO v_event_id FROM kept;
        IF NOT FOUND THEN
            v_results := v_results
                || jsonb_build_object('event_id', v_event.uid, 'code', 'REPEAT');
            CONTINUE;
        END IF;

        IF v_reserved <> 0 OR v_used <> 0 OR v_free <> 0 THEN
            v_tickets := v_tickets || v_ticket_id;
            v_times := v_times || CASE WHEN v_event.type = 'passed' THEN v_at END;
        END IF;
        IF v_pools IS NOT NULL AND (
            v_released > 0 OR v_zone_from IS NOT NULL OR v_zone_to IS NOT NULL
        ) THEN
            v_moves := v_moves || jsonb_build_object(
                'from', v_zone_from, 'to', v_zone_to, 'people', v_count, 'at', v_at,
                'pools', COALESCE(v_origin.pools, '[]'), 'released', v_released
            );
        END IF;
        v_results := v_results
            || jsonb_build_object('event_id', v_event.uid, 'code', v_code);
    END LOOP;
    IF v_moves <> '{}' THEN
        PERFORM scenic_gate_move_people(to_jsonb(v_moves), v_now);
    END IF;
    PERFORM scenic_gate_ticket_state(v_tickets, v_times);
    RETURN to_jsonb(v_results);
END
$function$;
