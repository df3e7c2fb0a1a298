-- Keep that a person counted people who left by a lane where somebody stands and counts,
-- as an event like those of the devices; returns its id.
-- The caller has checked who may do so. p_name: of that person, for whoever reads the log.
CREATE OR REPLACE FUNCTION scenic_gate_count_people(
    p_lane integer, p_count integer, p_user integer, p_name text, p_uid text
) RETURNS integer
LANGUAGE plpgsql AS $function$
DECLARE
    v_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_lane record;
    v_id integer;
BEGIN
    SELECT l.code, l.device_id, l.gate_id, g.site_id, g.company_id, g.from_zone_id,
           g.to_zone_id
      INTO STRICT v_lane
      FROM scenic_lane l
      JOIN scenic_gate g ON g.id = l.gate_id
     WHERE l.id = p_lane;
    PERFORM scenic_gate_lock_counts(ARRAY(
        SELECT h.pool_id
          FROM scenic_headcount h
          JOIN scenic_capacity_pool p ON p.id = h.pool_id
         WHERE p.company_id = v_lane.company_id
    ), v_now);
    INSERT INTO scenic_pass_event (
        uid, phase, code, device_id, lane_id, lane_code, gate_id, zone_from_id,
        zone_to_id, site_id, company_id, direction, passes, reserved_delta, used_delta,
        free_delta, assumed, device_time, event_time, received_time, note, user_id
    ) VALUES (
        p_uid, 'exit', 'OK', v_lane.device_id, p_lane, v_lane.code, v_lane.gate_id,
        v_lane.to_zone_id, v_lane.from_zone_id, v_lane.site_id, v_lane.company_id,
        'out', p_count, 0, 0, 0, false, v_now, v_now, v_now, p_name, p_user
    )
    RETURNING id INTO v_id;
    PERFORM scenic_gate_move_people(jsonb_build_array(jsonb_build_object(
        'from', v_lane.to_zone_id, 'to', v_lane.from_zone_id, 'people', p_count,
        'at', v_now, 'pools', '[]'::jsonb, 'released', 0
    )), v_now);
    RETURN v_id;
END
$function$;

-- Take back the last count of a person at a lane, if it is not older than a minute: an
-- event that follows it moves the people back. Returns how many; NULL if there is none.
CREATE OR REPLACE FUNCTION scenic_gate_uncount_people(
    p_lane integer, p_user integer, p_name text, p_uid text
) RETURNS integer
LANGUAGE plpgsql AS $function$
DECLARE
    v_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_event record;
BEGIN
    -- two clicks at once take back one count: the lane's row is the lock
    PERFORM 1 FROM scenic_lane l WHERE l.id = p_lane FOR NO KEY UPDATE;
    SELECT e.* INTO v_event
      FROM scenic_pass_event e
     WHERE e.lane_id = p_lane AND e.phase = 'exit' AND e.user_id = p_user
       AND e.event_time > v_now - interval '1 minute'
       AND NOT EXISTS (
               SELECT 1 FROM scenic_pass_event f
                WHERE f.origin_id = e.id AND f.phase = 'returned'
           )
     ORDER BY e.id DESC
     LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM scenic_gate_lock_counts(ARRAY(
        SELECT h.pool_id
          FROM scenic_headcount h
          JOIN scenic_capacity_pool p ON p.id = h.pool_id
         WHERE p.company_id = v_event.company_id
    ), v_now);
    INSERT INTO scenic_pass_event (
        uid, phase, code, origin_id, device_id, lane_id, lane_code, gate_id,
        zone_from_id, zone_to_id, site_id, company_id, direction, passes,
        reserved_delta, used_delta, free_delta, assumed, device_time, event_time,
        received_time, note, user_id
    ) VALUES (
        p_uid, 'returned', 'OK', v_event.id, v_event.device_id, p_lane,
        v_event.lane_code, v_event.gate_id, v_event.zone_to_id, v_event.zone_from_id,
        v_event.site_id, v_event.company_id, 'out', v_event.passes, 0, 0, 0, false,
        -- of the time of what it takes back: also just after midnight
        v_now, v_event.event_time, v_now, p_name, p_user
    );
    PERFORM scenic_gate_move_people(jsonb_build_array(jsonb_build_object(
        'from', v_event.zone_to_id, 'to', v_event.zone_from_id, 'people', v_event.passes,
        'at', v_event.event_time, 'pools', '[]'::jsonb, 'released', 0
    )), v_now);
    RETURN v_event.passes;
END
$function$;
