-- The rule of a lane: decide on scans and reserve what is admitted.
--
-- Everybody who moves entries takes the same locks in the same order: the device
-- (only when more than one row is written), then tickets by id, then their
-- entitlements by id, then the counts of people inside by pool. So a scan waits for a
-- refund of the same ticket and sees its outcome, and no two requests wait for each
-- other. Needs READ COMMITTED to see
-- what it waited for; under REPEATABLE READ it fails and is repeated instead.
--
-- One code may stand for several tickets (a document, a card): all of them are locked
-- and judged, and the one that serves the visitor best is taken, see ORDER BY below.
--
-- p_scans: [{uid, seq, lane, direction, kind, lookup, forged, at}], lookup null for a
-- text that cannot be a code. p_now: naive UTC; NULL is the clock of the server.
-- p_scans.forged: NULL of a QR whose signature nobody verified yet. A look-up that
-- finds a stored code is proof of issue already; of one that finds none the caller is
-- told {request_id, verify: true}, nothing was decided, and it calls again.
--
-- Returns one object a scan, in the order given, or NULL when the key is not the
-- device's living key.
--
-- A scan costs what its statements cost: at most five for a ticket of a day (lock the
-- tickets, the lanes, the right, room inside, keep), which a test counts. Their plans
-- are made once a connection, joined in the order in which they are written.
DROP FUNCTION IF EXISTS scenic_gate_validate(integer, text, jsonb);
CREATE OR REPLACE FUNCTION scenic_gate_validate(
    p_device integer, p_key_hash text, p_scans jsonb, p_now timestamp DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql
SET join_collapse_limit = 1
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_scan record;
    v_right record;
    v_tickets integer[];
    v_code text;
    v_passes integer;
    v_reserved integer;
    v_fact jsonb;
    v_room jsonb;
    v_pools integer[];
    v_kept boolean;
    v_first jsonb;
    v_results jsonb := '[]'::jsonb;
BEGIN
    IF jsonb_array_length(p_scans) > 1 THEN
        PERFORM pg_advisory_xact_lock(hashtext('scenic_gate_device'), p_device);
    END IF;
    SELECT array_agg(l.id) INTO v_tickets
      FROM (
            SELECT t.id FROM scenic_ticket t
             WHERE t.id = ANY (ARRAY(
                       SELECT c.ticket_id FROM scenic_credential c
                        WHERE c.lookup = ANY (ARRAY(
                                  SELECT s ->> 'lookup'
                                    FROM jsonb_array_elements(p_scans) s
                              ))
                   ))
             ORDER BY t.id
               FOR NO KEY UPDATE
           ) l;

    IF jsonb_array_length(p_scans) > 1 THEN
        PERFORM scenic_gate_lock_counts(ARRAY(
            SELECT p.id
              FROM scenic_capacity_pool p
              JOIN scenic_device d ON d.company_id = p.company_id
             WHERE p.kind = 'instant' AND d.id = p_device
        ), COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC'));
    END IF;

    FOR v_scan IN
        SELECT s.*, COALESCE(l.site_id, d.site_id) AS event_site_id,
               COALESCE(l.company_id, d.company_id) AS event_company_id,
               d.company_id, l.id AS lane_id, l.gate_id, l.site_id, z.tz, n.now,
               g.into_pools, d.epoch, (
                   SELECT max(e.seq) FROM scenic_pass_event e
                    WHERE e.device_id = d.id AND e.epoch = d.epoch
               ) - s.seq AS behind,
               o.day, o.day::timestamp AT TIME ZONE z.tz AT TIME ZONE 'UTC'
                   AS day_start,
               (o.day + 1)::timestamp AT TIME ZONE z.tz AT TIME ZONE 'UTC' AS day_end,
               1 << extract(isodow FROM o.day)::integer - 1 AS weekday,
               extract(epoch FROM o.clock) / 60 AS minute,
               CASE
                   WHEN l.id IS NULL THEN 'LANE_UNKNOWN'
                   WHEN m.mode IN ('locked', 'emergency') THEN 'LANE_CLOSED'
                   WHEN s.direction <> 'in' OR l.direction = 'out' OR m.mode = 'exit'
                       THEN 'WRONG_DIRECTION'
                   WHEN s.forged THEN 'FORGED'
               END AS code
          FROM scenic_device d
         CROSS JOIN (
                   SELECT COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC') AS now
               ) n
         CROSS JOIN ROWS FROM (
                   jsonb_to_recordset(p_scans) AS (
                       uid text, seq integer, lane text, direction text, kind text,
                       lookup text, forged boolean, at timestamp
                   )
               ) WITH ORDINALITY
               AS s (uid, seq, lane, direction, kind, lookup, forged, at, position)
          LEFT JOIN scenic_lane l ON l.device_id = d.id AND l.code = s.lane
          LEFT JOIN scenic_gate g ON g.id = l.gate_id
          LEFT JOIN scenic_site z ON z.id = l.site_id
          LEFT JOIN LATERAL (SELECT scenic_lane_mode(l, g, d, n.now) AS mode) m ON true
          LEFT JOIN LATERAL (
                    SELECT (n.now AT TIME ZONE 'UTC' AT TIME ZONE z.tz)::date AS day,
                           (n.now AT TIME ZONE 'UTC' AT TIME ZONE z.tz)::time AS clock
               ) o ON true
         WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash)
         ORDER BY s.position
    LOOP
        IF v_scan.behind > 1000 THEN
            v_scan.code := 'SEQUENCE';
        END IF;
        -- Of all rights of all tickets of this code the one that serves the visitor
        -- best: one that opens now, else one that explains why none does.
        SELECT r.*, COALESCE(r.ruled ->> 'code', r.why) AS code,
               COALESCE((r.ruled ->> 'passes')::integer, LEAST(r.free, r.persons)) AS passes,
               r.ruled -> 'again' = 'true' AS again, r.ruled ->> 'flag' AS flag,
               r.visitor_id IS NOT NULL AND EXISTS (
                   SELECT 1 FROM scenic_visitor w
                    WHERE w.id = r.visitor_id AND v_scan.day >= w.blocked_from
                      AND (v_scan.day <= w.blocked_until) IS NOT FALSE
               ) AS is_blocked
          INTO v_right
          FROM (
                SELECT b.*,
                       CASE WHEN b.why = 'RULES' THEN scenic_gate_rules(
                           b.ticket_id, b.id, v_scan.lane_id, v_scan.lookup,
                           v_scan.day, v_scan.day_start, v_scan.minute, v_scan.now
                       ) END AS ruled
                  FROM (
                        SELECT t.id AS ticket_id, t.name, t.persons, t.kind,
                               t.visitor_id,
                               k.gate_name AS product,
                               e.id, e.valid_to, f.free,
                               CASE
                                   WHEN t.state IN ('refunded', 'void', 'frozen')
                                       THEN upper(t.state)
                                   WHEN t.state = 'held' THEN 'NOT_PAID'
                                   WHEN c.state = 'frozen' THEN 'MEDIUM_FROZEN'
                                   WHEN NOT c.active THEN 'REPLACED'
                                   WHEN e.id IS NULL THEN CASE
                                       WHEN t.state IN ('valid', 'part_used')
                                            AND v_scan.day >= t.date_first
                                            AND v_scan.day < t.date_first + t.span_days
                                           THEN 'WRONG_SITE'
                                       ELSE 'NOT_HERE'
                                   END
                                   WHEN f.spent AND (
                                       e.valid_from > v_scan.now
                                       OR e.valid_to <= v_scan.now
                                       OR NOT f.has_rules
                                   ) THEN CASE
                                       WHEN e.entries_reserved > 0 THEN 'IN_USE'
                                       WHEN e.entries_used = 0 THEN 'REFUNDED'
                                       ELSE 'USED'
                                   END
                                   WHEN e.valid_from > v_scan.now THEN CASE
                                       WHEN e.valid_from >= v_scan.day_end
                                           THEN 'NOT_YET_VALID'
                                       WHEN t.slot_id IS NOT NULL THEN 'SLOT_NOT_YET'
                                       ELSE 'TOO_EARLY'
                                   END
                                   WHEN e.valid_to <= v_scan.now THEN CASE
                                       WHEN e.valid_to <= v_scan.day_start
                                           THEN 'EXPIRED'
                                       WHEN t.slot_id IS NOT NULL THEN 'SLOT_OVER'
                                       ELSE 'TOO_LATE'
                                   END
                                   WHEN t.state = 'expired' THEN 'EXPIRED'
                                   WHEN t.kind = 'staff' AND (
                                       e.weekdays & v_scan.weekday = 0
                                       OR v_scan.minute < e.minute_from
                                       OR v_scan.minute >= e.minute_to
                                   ) THEN 'STAFF_HOURS'
                                   WHEN e.weekdays & v_scan.weekday = 0
                                       THEN 'WRONG_DAY'
                                   WHEN v_scan.minute < e.minute_from THEN 'TOO_EARLY'
                                   WHEN v_scan.minute >= e.minute_to THEN 'TOO_LATE'
                                   WHEN f.has_rules THEN 'RULES'
                                   ELSE 'ADMIT'
                               END AS why
                          FROM scenic_credential c
                          JOIN scenic_ticket t ON t.id = c.ticket_id
                          LEFT JOIN scenic_entitlement e
                                 ON e.ticket_id = t.id AND e.site_id = v_scan.site_id
                          LEFT JOIN scenic_ticket_component k ON k.id = e.component_id
                          LEFT JOIN LATERAL (
                                    SELECT CASE WHEN e.unlimited IS NOT TRUE THEN
                                               e.entries_total - e.entries_used
                                               - e.entries_reserved
                                               - e.entries_refunded END AS free,
                                           e.unlimited IS NOT TRUE AND e.entries_total
                                               <= e.entries_used + e.entries_reserved
                                                  + e.entries_refunded AS spent,
                                           (
                                               k.has_entry_rules OR e.unlimited
                                               OR e.daily_entries > 0
                                               OR e.valid_to
                                                  > e.valid_from + interval '25 hours'
                                               OR t.kind IN ('member', 'staff')
                                               OR t.visit_date IS NULL
                                           ) IS TRUE AS has_rules
                               ) f ON true
                         WHERE c.lookup = v_scan.lookup AND t.id = ANY (v_tickets)
                           AND t.company_id = v_scan.company_id
                        OFFSET 0
                       ) b
                OFFSET 0
               ) r
         ORDER BY array_position(
                      ARRAY['ADMIT', 'IN_USE', 'TOO_SOON', 'INSIDE', 'OUT_OF_SEQUENCE',
                            'SLOT_NOT_YET', 'TOO_EARLY', 'RESERVATION_NEEDED',
                            'DAILY_USED', 'SLOT_OVER', 'TOO_LATE', 'BLACKOUT',
                            'WRONG_DAY', 'CLOSED_TODAY', 'STAFF_LANE', 'STAFF_HOURS',
                            'VISITOR_BLOCKED', 'MEDIUM_FROZEN', 'NOT_PAID', 'FROZEN',
                            'WRONG_SITE', 'NOT_YET_VALID', 'CHOICE_USED',
                            'FIRST_USE_OVER', 'USED', 'EXPIRED', 'NOT_HERE',
                            'REPLACED', 'REFUNDED', 'VOID'],
                      COALESCE(r.ruled ->> 'code', r.why)
                  ),
                  COALESCE((r.ruled ->> 'prefer')::integer, 4),
                  CASE WHEN COALESCE(r.ruled ->> 'code', r.why) IN ('USED', 'EXPIRED')
                       THEN -extract(epoch FROM r.valid_to)
                       ELSE extract(epoch FROM r.valid_to) END,
                  r.ticket_id, r.id
         LIMIT 1;

        v_code := COALESCE(v_scan.code, v_right.code, 'UNKNOWN');
        IF v_code = 'UNKNOWN' AND v_scan.kind = 'qr' AND v_scan.forged IS NULL THEN
            PERFORM 1 FROM scenic_credential c WHERE c.lookup = v_scan.lookup;
            IF NOT FOUND THEN
                v_results := v_results || jsonb_build_object(
                    'request_id', v_scan.uid, 'verify', true
                );
                CONTINUE;
            END IF;
        END IF;
        v_passes := 0;
        v_reserved := 0;
        v_fact := '{}';
        v_pools := NULL;
        IF v_code = 'ADMIT' AND v_right.is_blocked THEN
            v_code := 'VISITOR_BLOCKED';
        END IF;
        IF v_code = 'ADMIT' AND v_scan.into_pools IS NOT NULL
            AND v_right.kind <> 'staff'
        THEN
            v_pools := translate(v_scan.into_pools::text, '[]', '{}')::integer[];
            v_room := scenic_gate_room(v_pools, v_right.passes, v_scan.now);
            v_code := COALESCE(v_room ->> 'code', v_code);
            v_fact := v_room - 'code' - 'passes';
            v_right.passes := v_room -> 'passes';
        END IF;
        IF v_code = 'ADMIT' THEN
            v_passes := v_right.passes;
            IF v_right.again THEN
                v_fact := v_fact || '{"again": true}';
            ELSE
                v_reserved := v_passes;
            END IF;
            IF v_pools IS NOT NULL THEN
                v_fact := v_fact || jsonb_build_object('pools', v_scan.into_pools);
            END IF;
        ELSIF v_code = 'SEQUENCE' THEN
            v_fact := '{"why": "old"}';
        ELSIF v_scan.code IS NULL AND v_right.ticket_id IS NOT NULL THEN
            v_fact := v_fact || jsonb_build_object('tz', v_scan.tz) || scenic_gate_refusal(
                v_code, v_right.ticket_id, v_right.id, v_scan.day
            ) || COALESCE(v_right.ruled - 'code', '{}');
            v_code := CASE v_code WHEN 'REPLACED' THEN 'VOID'
                                  WHEN 'NOT_HERE' THEN 'WRONG_SITE'
                                  ELSE v_code END;
        END IF;
        IF v_right.product IS NULL AND v_right.ticket_id IS NOT NULL THEN
            -- nothing of it at this place
            SELECT COALESCE(p.name ->> 'zh_CN', p.name ->> 'en_US'),
                   (SELECT sum(e.entries_total - e.entries_used - e.entries_reserved
                               - e.entries_refunded)
                      FROM scenic_entitlement e
                     WHERE e.ticket_id = t.id AND e.unlimited IS NOT TRUE)
              INTO v_right.product, v_right.free
              FROM scenic_ticket t
              JOIN product_product v ON v.id = t.product_id
              JOIN product_template p ON p.id = v.product_tmpl_id
             WHERE t.id = v_right.ticket_id;
        END IF;
        IF v_right.ticket_id IS NOT NULL THEN
            v_fact := v_fact || jsonb_build_object('ticket', jsonb_build_object(
                'name', v_right.name, 'product', v_right.product,
                'persons', v_right.persons, 'left', v_right.free - v_reserved,
                'right', CASE WHEN v_passes > 0 THEN v_right.id END
            ));
            IF v_scan.kind IN ('ic_card', 'id_document') THEN
                v_fact := v_fact || '{"shared": true}';
            END IF;
        END IF;

        WITH kept AS (
            INSERT INTO scenic_pass_event (
                uid, phase, code, device_id, lane_id, lane_code, gate_id,
                site_id, company_id, direction, credential_kind, ticket_id,
                entitlement_id, passes, reserved_delta, used_delta, free_delta,
                reentry, staff, flag, assumed, epoch, seq, device_time, event_time,
                received_time, detail
            ) VALUES (
                v_scan.uid,
                CASE v_code WHEN 'ADMIT' THEN 'authorised' ELSE 'denied' END,
                v_code, p_device, v_scan.lane_id, v_scan.lane, v_scan.gate_id,
                v_scan.event_site_id, v_scan.event_company_id,
                v_scan.direction, v_scan.kind, v_right.ticket_id,
                CASE WHEN v_scan.code IS NULL THEN v_right.id END,
                v_passes, v_reserved, 0, v_passes - v_reserved,
                v_right.again, v_right.kind = 'staff', v_right.flag, false,
                CASE WHEN v_code <> 'SEQUENCE' THEN v_scan.epoch END, v_scan.seq,
                v_scan.at, v_scan.now, v_scan.now, v_fact
            )
            ON CONFLICT DO NOTHING
            RETURNING id
        ), moved AS (
            UPDATE scenic_entitlement e
               SET entries_reserved = e.entries_reserved + v_reserved,
                   reentries_reserved = e.reentries_reserved + v_passes - v_reserved,
                   write_date = v_scan.now
              FROM kept
             WHERE v_passes > 0 AND e.id = v_right.id
        ), counted AS (
            UPDATE scenic_headcount h SET reserved = h.reserved + v_passes
              FROM kept
             WHERE v_passes > 0 AND h.pool_id = ANY (v_pools)
        )
        SELECT count(*) > 0 INTO v_kept FROM kept;
        IF NOT v_kept THEN
            -- The request was decided before: it gets the first answer. Otherwise
            -- another one carried its number, and this refusal may meet a parallel
            -- repeat of the same request, whose answer then is the first one.
            FOR v_try IN 1..2 LOOP
                SELECT jsonb_build_object(
                           'request_id', v_scan.uid, 'code', e.code, 'passes', e.passes,
                           'detail', e.detail, 'repeat', true
                       )
                  INTO v_first
                  FROM scenic_pass_event e
                 WHERE e.device_id = p_device AND e.uid = v_scan.uid
                   AND e.phase IN ('authorised', 'denied');
                EXIT WHEN FOUND;
                v_first := NULL;
                INSERT INTO scenic_pass_event (
                    uid, phase, code, device_id, lane_id, lane_code, gate_id, site_id,
                    company_id, direction, credential_kind, ticket_id, passes,
                    reserved_delta, used_delta, free_delta, assumed, seq, device_time,
                    event_time, received_time, detail
                ) VALUES (
                    v_scan.uid, 'denied', 'SEQUENCE', p_device, v_scan.lane_id,
                    v_scan.lane, v_scan.gate_id, v_scan.event_site_id,
                    v_scan.event_company_id, v_scan.direction, v_scan.kind,
                    v_right.ticket_id, 0, 0, 0, 0, false, v_scan.seq, v_scan.at,
                    v_scan.now, v_scan.now, '{"why": "replayed"}'
                )
                ON CONFLICT (device_id, uid) WHERE phase IN ('authorised', 'denied')
                DO NOTHING;
                EXIT WHEN FOUND;
            END LOOP;
            IF v_first IS NOT NULL THEN
                v_results := v_results || v_first;
                CONTINUE;
            END IF;
            v_code := 'SEQUENCE';
            v_passes := 0;
            v_fact := '{"why": "replayed"}';
        END IF;
        v_results := v_results || jsonb_build_object(
            'request_id', v_scan.uid, 'code', v_code, 'passes', v_passes,
            'detail', v_fact, 'repeat', false
        );
    END LOOP;
    RETURN CASE WHEN v_results <> '[]' THEN v_results END;
END
$function$;
