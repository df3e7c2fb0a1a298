-- Keep what the lanes did, and move entries accordingly.
--
-- p_events: [{uid, seq, lane, type, request_id, count, direction, assumed, at, note,
-- kind, lookup}], the last two for an exit that read a code. p_now: naive UTC; NULL is
-- the clock of the server.
-- Returns [{event_id, code}] in the order given, or NULL when the key is not the
-- device's living key. A fact is always kept; what does not fit is kept as CONFLICT.
-- Locks as in scenic_gate_validate.
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
    v_lane record;
    v_origin record;
    v_gate record;
    v_now timestamp;
    v_code text;
    v_count integer;
    v_direction text;
    v_outstanding integer;
    v_granted integer;
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
    v_tickets integer[] := '{}';
    v_times timestamp[] := '{}';
    v_pools integer[];
    v_moves jsonb := '[]'::jsonb;
    v_results jsonb := '[]'::jsonb;
BEGIN
    SELECT d.id, d.site_id, d.company_id INTO v_device
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
                SELECT c.ticket_id FROM scenic_credential c
                 WHERE c.lookup = ANY (ARRAY(
                           SELECT s ->> 'lookup' FROM jsonb_array_elements(p_events) s
                       ))
            ))
      ORDER BY t.id
        FOR NO KEY UPDATE;

    SELECT array_agg(h.pool_id) INTO v_pools
      FROM scenic_headcount h
      JOIN scenic_capacity_pool p ON p.id = h.pool_id
     WHERE p.company_id = v_device.company_id;
    IF v_pools IS NOT NULL THEN
        PERFORM scenic_gate_lock_counts(
            v_pools, COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC')
        );
    END IF;

    FOR v_event IN
        SELECT *
          FROM ROWS FROM (
                   jsonb_to_recordset(p_events) AS (
                       uid text, seq integer, lane text, type text, request_id text,
                       count integer, direction text, assumed boolean, at timestamp,
                       note text, kind text, lookup text
                   )
               ) WITH ORDINALITY
               AS s (uid, seq, lane, type, request_id, count, direction, assumed, at,
                     note, kind, lookup, position)
         ORDER BY position
    LOOP
        PERFORM 1 FROM scenic_pass_event e
          WHERE e.device_id = p_device AND e.uid = v_event.uid
            AND e.phase NOT IN ('authorised', 'denied');
        IF FOUND THEN
            v_results := v_results
                || jsonb_build_object('event_id', v_event.uid, 'code', 'REPEAT');
            CONTINUE;
        END IF;

        v_now := COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC');
        v_code := 'OK';
        v_count := COALESCE(v_event.count, 0);
        v_reserved := 0;
        v_used := 0;
        v_free := 0;
        v_released := 0;
        v_zone_from := NULL;
        v_zone_to := NULL;

        SELECT l.id, l.gate_id, z.site_id, g.company_id, s.tz INTO v_lane
          FROM scenic_lane l
          JOIN scenic_gate g ON g.id = l.gate_id
          JOIN scenic_zone z ON z.id = g.to_zone_id
          JOIN scenic_site s ON s.id = z.site_id
         WHERE l.device_id = p_device AND l.code = v_event.lane;
        SELECT e.id, e.phase, e.ticket_id, e.entitlement_id, e.gate_id, e.direction,
               e.event_time, e.reserved_delta, COALESCE(e.free_delta, 0) AS free_delta,
               COALESCE(e.reentry, false) AS reentry, e.staff, e.flag,
               e.detail -> 'pools' AS pools, t.state AS ticket_state
          INTO v_origin
          FROM scenic_pass_event e
          LEFT JOIN scenic_ticket t ON t.id = e.ticket_id
         WHERE e.device_id = p_device AND e.uid = v_event.request_id
           AND e.phase IN ('authorised', 'denied');
        IF v_event.type = 'annulled' AND v_origin.id IS NULL THEN
            -- The request may still be on its way: decide it now, so that it cannot
            -- reserve an entry afterwards.
            INSERT INTO scenic_pass_event (
                uid, phase, code, device_id, lane_id, lane_code, gate_id, site_id,
                company_id, passes, reserved_delta, used_delta, assumed, seq,
                device_time, event_time, received_time, detail
            )
            SELECT v_event.request_id, 'denied', 'VOID', p_device, v_lane.id,
                   v_event.lane, v_lane.gate_id,
                   COALESCE(v_lane.site_id, v_device.site_id),
                   COALESCE(v_lane.company_id, v_device.company_id),
                   0, 0, 0, false, v_event.seq, v_event.at, v_now, v_now,
                   '{"why": "annulled"}'
            ON CONFLICT (device_id, uid) WHERE phase IN ('authorised', 'denied')
            DO NOTHING
            RETURNING id INTO v_event_id;
            IF NOT FOUND THEN
                -- It was decided while the insert waited for it.
                SELECT e.id, e.phase, e.ticket_id, e.entitlement_id, e.gate_id,
                       e.direction, e.event_time, e.reserved_delta,
                       COALESCE(e.free_delta, 0) AS free_delta,
                       COALESCE(e.reentry, false) AS reentry, e.staff, e.flag,
                       e.detail -> 'pools' AS pools, t.state AS ticket_state
                  INTO v_origin
                  FROM scenic_pass_event e
                  LEFT JOIN scenic_ticket t ON t.id = e.ticket_id
                 WHERE e.device_id = p_device AND e.uid = v_event.request_id
                   AND e.phase IN ('authorised', 'denied');
                PERFORM t.id FROM scenic_ticket t
                  WHERE t.id = v_origin.ticket_id FOR NO KEY UPDATE;
            END IF;
        END IF;

        IF v_event.type IN ('passed', 'annulled') THEN
            v_outstanding := 0;
            v_granted := 0;
            IF v_origin.phase = 'authorised' THEN
                SELECT v_origin.reserved_delta + v_origin.free_delta + COALESCE(
                           sum(f.reserved_delta + COALESCE(f.free_delta, 0)), 0
                       ),
                       v_origin.free_delta - COALESCE(
                           sum(f.passes) FILTER (WHERE f.phase = 'passed'), 0
                       )
                  INTO v_outstanding, v_granted
                  FROM scenic_pass_event f
                 WHERE f.origin_id = v_origin.id;
            END IF;
            IF v_event.count IS NULL THEN
                -- annulled without a count: whatever is still reserved
                v_count := v_outstanding;
            END IF;
            v_released := LEAST(v_count, v_outstanding);
            IF v_origin.reentry THEN
                v_free := -v_released;
            ELSE
                v_reserved := -v_released;
            END IF;
        END IF;

        IF v_event.type = 'passed' THEN
            v_used := -v_reserved;
            IF v_count > v_outstanding THEN
                v_code := 'CONFLICT';
                -- Somebody went through: a free entry pays for it if there is one,
                -- so that the ticket does not open twice. Staff see the conflict and
                -- can give the entry back. Free again stays free, if late, too.
                IF v_origin.phase = 'authorised'
                   AND v_origin.ticket_state NOT IN ('refunded', 'void') THEN
                    SELECT v_used + LEAST(
                               GREATEST(0, v_count - GREATEST(v_outstanding, v_granted)),
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
              AND v_count > v_outstanding THEN
            v_code := 'CONFLICT';
        END IF;
        IF v_lane.id IS NULL AND v_code = 'OK' THEN
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
                     ON e.ticket_id = t.id AND e.site_id = v_lane.site_id
              LEFT JOIN LATERAL (
                        SELECT sum(CASE p.phase WHEN 'exit' THEN -p.passes
                                                WHEN 'passed' THEN p.passes
                                                ELSE p.used_delta END) AS inside,
                               max(p.event_time) AS last
                          FROM scenic_pass_event p
                         WHERE p.entitlement_id = e.id
                           AND p.phase IN ('passed', 'exit', 'returned')
                           AND p.event_time >= date_trunc(
                                   'day', v_now AT TIME ZONE 'UTC' AT TIME ZONE v_lane.tz
                               ) AT TIME ZONE v_lane.tz AT TIME ZONE 'UTC'
                   ) i ON true
             WHERE c.lookup = v_event.lookup AND t.company_id = v_device.company_id
             ORDER BY i.inside > 0 DESC NULLS LAST, i.last DESC NULLS LAST,
                      c.active DESC, t.id, e.id
             LIMIT 1;
        END IF;

        v_direction := COALESCE(
            v_event.direction,
            CASE v_event.type WHEN 'exit' THEN 'out'
                              WHEN 'passed' THEN COALESCE(v_origin.direction, 'in')
                              WHEN 'annulled' THEN v_origin.direction END
        );
        SELECT g.id, z.site_id, g.company_id, g.from_zone_id, g.to_zone_id
          INTO v_gate
          FROM scenic_gate g
          JOIN scenic_zone z ON z.id = g.to_zone_id
         WHERE g.id = COALESCE(v_lane.gate_id, v_origin.gate_id);
        IF v_event.type IN ('passed', 'exit') AND v_staff IS NOT TRUE THEN
            IF v_direction = 'in' THEN
                v_zone_from := v_gate.from_zone_id;
                v_zone_to := v_gate.to_zone_id;
            ELSE
                v_zone_from := v_gate.to_zone_id;
                v_zone_to := v_gate.from_zone_id;
            END IF;
        END IF;

        -- The clock of a device may be wrong: nothing happens in the future, and no
        -- pass before its admission.
        v_at := GREATEST(LEAST(v_event.at, v_now), v_origin.event_time);
        INSERT INTO scenic_pass_event (
            uid, phase, code, origin_id, request_uid, device_id, lane_id, lane_code,
            gate_id, zone_from_id, zone_to_id, site_id, company_id, direction,
            credential_kind, ticket_id, entitlement_id, passes, reserved_delta,
            used_delta, free_delta, reentry, staff, flag, assumed, seq, device_time,
            event_time, received_time, note
        ) VALUES (
            v_event.uid, v_event.type, v_code, v_origin.id, v_event.request_id,
            p_device, v_lane.id, v_event.lane,
            v_gate.id, v_zone_from, v_zone_to,
            COALESCE(v_gate.site_id, v_device.site_id),
            COALESCE(v_gate.company_id, v_device.company_id), v_direction,
            v_event.kind, v_ticket_id, v_right_id, v_count, v_reserved,
            v_used, v_free, v_event.type = 'passed' AND v_origin.reentry, v_staff,
            CASE WHEN v_event.type = 'passed' THEN v_origin.flag END,
            v_event.assumed, v_event.seq, v_event.at, v_at, v_now, v_event.note
        )
        ON CONFLICT (device_id, uid) WHERE phase NOT IN ('authorised', 'denied')
        DO NOTHING
        RETURNING id INTO v_event_id;
        IF NOT FOUND THEN
            v_results := v_results
                || jsonb_build_object('event_id', v_event.uid, 'code', 'REPEAT');
            CONTINUE;
        END IF;

        IF v_reserved <> 0 OR v_used <> 0 OR v_free <> 0 THEN
            UPDATE scenic_entitlement
               SET entries_reserved = entries_reserved + v_reserved,
                   entries_used = entries_used + v_used,
                   reentries_reserved = reentries_reserved + v_free,
                   write_date = v_now
             WHERE id = v_right_id;
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
    IF v_moves <> '[]' THEN
        PERFORM scenic_gate_move_people(v_moves, v_now);
    END IF;
    PERFORM scenic_gate_ticket_state(v_tickets, v_times);
    RETURN v_results;
END
$function$;
