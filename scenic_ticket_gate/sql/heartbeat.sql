-- Keep that the device lives and what it says of itself and its lanes; answer with the
-- lanes' settings, or NULL when the key is not the device's living key.
--
-- A device beats each second: its row is written only when it says something else than
-- before, or after ten seconds; so is the row of a lane. The version of the settings is
-- made anew each ten seconds, as it costs more than all the rest.
--
-- A number below one of before ("behind") comes from a second computer with this key,
-- or from one that lost its count.
--
-- p_beat: {seq, version, outbox, unresolved, decides, copy_at, conflicts, lanes: [{lane,
-- link, mode, fire, emergency, granted, completed, timed_out, revoked, outstanding}]}
-- p_now: naive UTC; NULL is the clock of the server.
DROP FUNCTION IF EXISTS scenic_gate_heartbeat(
    integer, text, integer, text, integer, integer, jsonb
);
CREATE OR REPLACE FUNCTION scenic_gate_heartbeat(
    p_device integer, p_key_hash text, p_beat jsonb, p_now timestamp DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
    v_now timestamp := COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC');
    v_beat record;
    v_device record;
    v_lanes jsonb;
    v_inside jsonb;
BEGIN
    SELECT * INTO v_beat
      FROM jsonb_to_record(p_beat) AS (
               seq integer, version text, outbox integer, unresolved integer,
               decides text, copy_at timestamp, conflicts integer, lanes jsonb
           );
    SELECT d.name, d.company_id, d.settings_version, d.settings_at,
           COALESCE(v_beat.seq < d.last_seq, false) AS is_behind,
           (d.settings_at > v_now - interval '10 seconds' AND d.settings_at <= v_now)
               IS NOT TRUE AS is_due,
           (d.version, d.outbox, d.unresolved, d.told_decides, d.conflicts)
               IS DISTINCT FROM (
                   v_beat.version, v_beat.outbox, v_beat.unresolved, v_beat.decides,
                   v_beat.conflicts
               ) AS is_news
      INTO v_device
      FROM scenic_device d
     WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF v_device.is_due THEN
        v_device.settings_version := md5(scenic_gate_settings(p_device, v_now));
        v_device.settings_at := v_now;
    END IF;
    IF v_device.is_due OR v_device.is_news THEN
        UPDATE scenic_device d
           SET last_seen = v_now, last_seq = GREATEST(d.last_seq, v_beat.seq),
               version = v_beat.version,
               outbox = v_beat.outbox, unresolved = v_beat.unresolved,
               told_decides = v_beat.decides, copy_at = v_beat.copy_at,
               conflicts = v_beat.conflicts,
               settings_version = v_device.settings_version,
               settings_at = v_device.settings_at
         WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash);
    END IF;
    UPDATE scenic_lane l
       SET link = r.link, reported_mode = r.mode, reported_fire = r.fire,
           reported_emergency = r.emergency, granted = r.granted,
           completed = r.completed, timed_out = r.timed_out, revoked = r.revoked,
           outstanding = r.outstanding
      FROM jsonb_to_recordset(v_beat.lanes) AS r (
               lane text, link text, mode text, fire boolean, emergency boolean,
               granted integer, completed integer, timed_out integer, revoked integer,
               outstanding integer
           )
     WHERE l.device_id = p_device AND l.code = r.lane AND (
               (l.link, l.reported_mode, l.reported_fire, l.reported_emergency)
                   IS DISTINCT FROM (r.link, r.mode, r.fire, r.emergency)
               OR v_device.is_due
                  AND (l.granted, l.completed, l.timed_out, l.revoked, l.outstanding)
                      IS DISTINCT FROM (
                          r.granted, r.completed, r.timed_out, r.revoked, r.outstanding
                      )
           );
    SELECT COALESCE(jsonb_agg(jsonb_build_object(
               'lane', l.code,
               'name', COALESCE(l.name ->> 'zh_CN', l.name ->> 'en_US'),
               'direction', l.direction, 'mode', m.mode,
               'by', CASE
                   WHEN m.follows
                        AND scenic_lane_scheduled(l.id, l.mode_at, v_now) IS NOT NULL
                   THEN 'schedule' ELSE 'server' END,
               'next', CASE
                   WHEN m.follows
                   THEN (
                       SELECT COALESCE(jsonb_agg(jsonb_build_object(
                                  'at', scenic_gate_time(p.at), 'mode', p.mode
                              ) ORDER BY p.at), '[]')
                         FROM scenic_lane_plan(l.id, v_now) p
                        WHERE p.at > v_now AND p.at <= v_now + interval '24 hours'
                   ) ELSE '[]' END
           ) ORDER BY l.code), '[]')
      INTO v_lanes
      FROM scenic_device d
      JOIN scenic_lane l ON l.device_id = d.id
      JOIN scenic_gate g ON g.id = l.gate_id
     CROSS JOIN LATERAL (
               SELECT scenic_lane_mode(l, g, d, v_now) AS mode,
                      l.scheduled AND l.mode <> 'emergency' AND l.active AND g.active
                          AND d.enabled AS follows
           ) m
     WHERE d.id = p_device;
    -- a day begins with nobody inside
    SELECT COALESCE(jsonb_object_agg(h.pool_id, jsonb_build_object(
               'inside', CASE
                   WHEN h.day = (v_now AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date
                   THEN h.inside ELSE 0 END,
               'held', h.reserved
           )), '{}')
      INTO v_inside
      FROM scenic_headcount h
      JOIN scenic_capacity_pool p ON p.id = h.pool_id
      JOIN scenic_site s ON s.id = p.site_id
     WHERE p.company_id = v_device.company_id AND p.active;
    RETURN jsonb_build_object(
        'server_time', scenic_gate_time(v_now), 'device', v_device.name,
        'config', v_device.settings_version, 'behind', v_device.is_behind,
        'lanes', v_lanes, 'inside', v_inside
    );
END
$function$;
