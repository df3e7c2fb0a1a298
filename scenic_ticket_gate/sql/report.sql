-- Keep what the lanes did, and move entries accordingly.
--
-- p_events: [{uid, seq, lane, type, request_id, count, direction, assumed, at, note}].
-- Returns [{event_id, code}] in the order given, or NULL when the key is not the
-- device's living key. A fact is always kept; what does not fit is kept as CONFLICT.
-- Locks as in scenic_gate_validate.
CREATE OR REPLACE FUNCTION scenic_gate_report(
    p_device integer, p_key_hash text, p_events jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
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
    v_reserved integer;
    v_used integer;
    v_zone_from integer;
    v_zone_to integer;
    v_event_id integer;
    v_tickets integer[] := '{}';
    v_results jsonb := '[]'::jsonb;
BEGIN
    SELECT d.id, d.site_id, d.company_id INTO v_device
      FROM scenic_device d
     WHERE d.id = p_device AND d.key_hash = p_key_hash
       AND d.state = 'active' AND d.active;
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
            ))
      ORDER BY t.id
        FOR NO KEY UPDATE;

    FOR v_event IN
        SELECT *
          FROM ROWS FROM (
                   jsonb_to_recordset(p_events) AS (
                       uid text, seq integer, lane text, type text, request_id text,
                       count integer, direction text, assumed boolean, at timestamp,
                       note text
                   )
               ) WITH ORDINALITY
               AS s (uid, seq, lane, type, request_id, count, direction, assumed, at,
                     note, position)
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

        v_now := clock_timestamp() AT TIME ZONE 'UTC';
        v_code := 'OK';
        v_count := COALESCE(v_event.count, 0);
        v_reserved := 0;
        v_used := 0;
        v_zone_from := NULL;
        v_zone_to := NULL;

        SELECT l.id, l.gate_id, z.site_id, g.company_id INTO v_lane
          FROM scenic_lane l
          JOIN scenic_gate g ON g.id = l.gate_id
          JOIN scenic_zone z ON z.id = g.to_zone_id
         WHERE l.device_id = p_device AND l.code = v_event.lane;
        SELECT e.id, e.phase, e.ticket_id, e.entitlement_id, e.gate_id, e.direction,
               e.event_time, e.reserved_delta, t.state AS ticket_state
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
                       t.state AS ticket_state
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
            IF v_origin.phase = 'authorised' THEN
                SELECT v_origin.reserved_delta + COALESCE(sum(f.reserved_delta), 0)
                  INTO v_outstanding
                  FROM scenic_pass_event f
                 WHERE f.origin_id = v_origin.id;
            END IF;
            IF v_event.count IS NULL THEN
                -- annulled without a count: whatever is still reserved
                v_count := v_outstanding;
            END IF;
            v_reserved := -LEAST(v_count, v_outstanding);
        END IF;

        IF v_event.type = 'passed' THEN
            v_used := -v_reserved;
            IF v_count > v_outstanding THEN
                v_code := 'CONFLICT';
                -- Somebody went through: a free entry pays for it if there is one,
                -- so that the ticket does not open twice. Staff see the conflict and
                -- can give the entry back.
                IF v_origin.phase = 'authorised'
                   AND v_origin.ticket_state NOT IN ('refunded', 'void') THEN
                    SELECT v_used + LEAST(
                               v_count - v_outstanding,
                               e.entries_total - e.entries_used - e.entries_reserved
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
        IF v_event.type IN ('passed', 'exit') THEN
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
        INSERT INTO scenic_pass_event (
            uid, phase, code, origin_id, request_uid, device_id, lane_id, lane_code,
            gate_id, zone_from_id, zone_to_id, site_id, company_id, direction,
            ticket_id, entitlement_id, passes, reserved_delta, used_delta, assumed,
            seq, device_time, event_time, received_time, note
        ) VALUES (
            v_event.uid, v_event.type, v_code, v_origin.id, v_event.request_id,
            p_device, v_lane.id, v_event.lane,
            v_gate.id, v_zone_from, v_zone_to,
            COALESCE(v_gate.site_id, v_device.site_id),
            COALESCE(v_gate.company_id, v_device.company_id), v_direction,
            v_origin.ticket_id, v_origin.entitlement_id, v_count, v_reserved, v_used,
            v_event.assumed, v_event.seq, v_event.at,
            GREATEST(LEAST(v_event.at, v_now), v_origin.event_time), v_now,
            v_event.note
        )
        ON CONFLICT (device_id, uid) WHERE phase NOT IN ('authorised', 'denied')
        DO NOTHING
        RETURNING id INTO v_event_id;
        IF NOT FOUND THEN
            v_results := v_results
                || jsonb_build_object('event_id', v_event.uid, 'code', 'REPEAT');
            CONTINUE;
        END IF;

        IF v_reserved <> 0 OR v_used <> 0 THEN
            UPDATE scenic_entitlement
               SET entries_reserved = entries_reserved + v_reserved,
                   entries_used = entries_used + v_used,
                   write_date = v_now
             WHERE id = v_origin.entitlement_id;
            v_tickets := v_tickets || v_origin.ticket_id;
        END IF;
        v_results := v_results
            || jsonb_build_object('event_id', v_event.uid, 'code', v_code);
    END LOOP;
    PERFORM scenic_gate_ticket_state(v_tickets);
    RETURN v_results;
END
$function$;
