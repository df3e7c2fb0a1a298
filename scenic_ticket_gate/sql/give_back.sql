-- A person deals with an event: gives entries back (one used entry of a pass, one free
-- re-entry, or what an admission still holds), or only notes that it was looked at.
-- Recorded as a new event; returns {code, event_id}.
-- Locks as in scenic_gate_validate; the caller has checked who may do so.
CREATE OR REPLACE FUNCTION scenic_gate_give_back(
    p_event integer, p_user integer, p_uid text, p_reason text, p_give boolean
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
    v_event record;
    v_left integer;
    v_reserved integer := 0;
    v_used integer := 0;
    v_free integer := 0;
    v_people integer := 1;
    v_today boolean;
    v_event_id integer;
BEGIN
    SELECT e.* INTO v_event FROM scenic_pass_event e WHERE e.id = p_event;
    IF p_give AND (
        v_event.ticket_id IS NULL OR v_event.phase NOT IN ('authorised', 'passed')
    ) THEN
        RETURN jsonb_build_object('code', 'NOTHING_TO_GIVE_BACK');
    END IF;
    PERFORM t.id FROM scenic_ticket t
      WHERE t.id = v_event.ticket_id FOR NO KEY UPDATE;

    IF NOT p_give THEN
        v_left := 1;
    ELSIF v_event.phase = 'authorised' THEN
        SELECT v_event.reserved_delta + COALESCE(sum(f.reserved_delta), 0),
               COALESCE(v_event.free_delta, 0) + COALESCE(sum(f.free_delta), 0)
          INTO v_reserved, v_free
          FROM scenic_pass_event f WHERE f.origin_id = v_event.id;
        v_left := v_reserved + v_free;
        v_people := v_left;
        v_reserved := -v_reserved;
        v_free := -v_free;
    ELSE
        PERFORM 1 FROM scenic_revenue_entry r WHERE r.pass_event_id = v_event.id;
        IF FOUND THEN
            RETURN jsonb_build_object('code', 'REVENUE_RECOGNISED');
        END IF;
        SELECT v_event.used_delta + COALESCE(sum(f.used_delta), 0),
               CASE WHEN v_event.reentry
                    THEN v_event.passes - COALESCE(sum(f.passes), 0) ELSE 0 END
          INTO v_left, v_people
          FROM scenic_pass_event f
         WHERE f.origin_id = v_event.id AND f.phase = 'returned';
        v_used := CASE WHEN v_left > 0 THEN -1 ELSE 0 END;
        v_left := GREATEST(v_left, v_people);
        v_people := 1;
    END IF;
    IF v_left < 1 THEN
        RETURN jsonb_build_object('code', 'NOTHING_TO_GIVE_BACK');
    END IF;

    -- Who was counted yesterday is not inside today, see the headcount of a zone.
    SELECT p_give AND (v_event.event_time AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date
                      = (now() AT TIME ZONE s.tz)::date
      INTO v_today
      FROM scenic_site s WHERE s.id = v_event.site_id;
    IF p_give THEN
        -- counted like a pass in the other direction
        PERFORM scenic_gate_lock_counts(ARRAY(
            SELECT h.pool_id
              FROM scenic_headcount h
              JOIN scenic_capacity_pool p ON p.id = h.pool_id
             WHERE p.company_id = v_event.company_id
        ), clock_timestamp() AT TIME ZONE 'UTC');
        PERFORM scenic_gate_move_people(jsonb_build_array(jsonb_build_object(
            'from', CASE WHEN v_today THEN v_event.zone_to_id END,
            'to', CASE WHEN v_today THEN v_event.zone_from_id END,
            'people', v_people, 'at', clock_timestamp() AT TIME ZONE 'UTC',
            'pools', COALESCE(v_event.detail -> 'pools', '[]'),
            'released', -v_reserved - v_free
        )), clock_timestamp() AT TIME ZONE 'UTC');
    END IF;
    INSERT INTO scenic_pass_event (
        uid, phase, code, origin_id, request_uid, device_id, lane_id, lane_code,
        gate_id, zone_from_id, zone_to_id, site_id, company_id, direction, ticket_id,
        entitlement_id, passes, reserved_delta, used_delta, free_delta, staff, assumed,
        device_time, event_time, received_time, note, user_id
    )
    SELECT p_uid, CASE WHEN p_give THEN 'returned' ELSE 'reviewed' END, 'OK',
           v_event.id, v_event.request_uid, v_event.device_id, v_event.lane_id,
           v_event.lane_code, v_event.gate_id,
           CASE WHEN v_today THEN v_event.zone_to_id END,
           CASE WHEN v_today THEN v_event.zone_from_id END,
           v_event.site_id, v_event.company_id, v_event.direction, v_event.ticket_id,
           v_event.entitlement_id, CASE WHEN p_give THEN v_people ELSE 0 END,
           v_reserved, v_used, v_free, v_event.staff, false, n.at, n.at, n.at,
           p_reason, p_user
      FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS at) n
    RETURNING id INTO v_event_id;
    IF NOT p_give THEN
        RETURN jsonb_build_object('code', 'OK', 'event_id', v_event_id);
    END IF;
    UPDATE scenic_entitlement
       SET entries_reserved = entries_reserved + v_reserved,
           entries_used = entries_used + v_used,
           reentries_reserved = reentries_reserved + v_free,
           write_date = clock_timestamp() AT TIME ZONE 'UTC'
     WHERE id = v_event.entitlement_id;
    UPDATE scenic_ticket
       SET first_entry_at = (
               SELECT min(e.event_time)
                 FROM scenic_pass_event e
                WHERE e.ticket_id = v_event.ticket_id AND e.phase = 'passed'
                  AND (e.used_delta > 0 OR e.reentry)
                  AND e.passes > COALESCE((
                          SELECT sum(f.passes) FROM scenic_pass_event f
                           WHERE f.origin_id = e.id AND f.phase = 'returned'
                      ), 0)
           )
     WHERE id = v_event.ticket_id AND first_entry_at = v_event.event_time;
    PERFORM scenic_gate_ticket_state(ARRAY[v_event.ticket_id]);
    RETURN jsonb_build_object('code', 'OK', 'event_id', v_event_id);
END
$function$;
