-- Keep that the device lives and what it says of its lanes; answer with its name and
-- the lanes' settings, or NULL when the key is not the device's living key.
-- p_lanes: [{lane, link, mode, granted, completed, timed_out, revoked, outstanding}]
CREATE OR REPLACE FUNCTION scenic_gate_heartbeat(
    p_device integer, p_key_hash text, p_seq integer, p_version text,
    p_outbox integer, p_unresolved integer, p_lanes jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
    v_name text;
    v_lanes jsonb;
BEGIN
    UPDATE scenic_device d
       SET last_seen = clock_timestamp() AT TIME ZONE 'UTC', last_seq = p_seq,
           version = p_version, outbox = p_outbox, unresolved = p_unresolved
     WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash)
    RETURNING d.name INTO v_name;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE scenic_lane l
       SET link = r.link, reported_mode = r.mode, granted = r.granted,
           completed = r.completed, timed_out = r.timed_out, revoked = r.revoked,
           outstanding = r.outstanding
      FROM jsonb_to_recordset(p_lanes) AS r (
               lane text, link text, mode text, granted integer, completed integer,
               timed_out integer, revoked integer, outstanding integer
           )
     WHERE l.device_id = p_device AND l.code = r.lane;
    SELECT COALESCE(jsonb_agg(jsonb_build_object(
               'lane', l.code, 'name', l.name, 'direction', l.direction,
               'mode', CASE WHEN l.active AND g.active THEN l.mode ELSE 'locked' END
           ) ORDER BY l.code), '[]'::jsonb)
      INTO v_lanes
      FROM scenic_lane l
      JOIN scenic_gate g ON g.id = l.gate_id
     WHERE l.device_id = p_device;
    RETURN jsonb_build_object('device', v_name, 'lanes', v_lanes);
END
$function$;
