-- Which mode a lane has, the one source for validate, heartbeat and the screens.
--
-- A mode is chosen by a person (scenic_lane.mode, at scenic_lane.mode_at) or follows from
-- the schedule of the lane; between its hours the schedule means "controlled". What a
-- person chose holds until the next change by schedule; an emergency until a person
-- chooses another mode.

-- The changes that the schedule of a lane brings, from about a week before p_now to the
-- day after it; the first row is no change but what holds before, "at" is -infinity.
-- Hours are those of the clock of the site. Of an hour that comes twice the second
-- counts; in an hour that is missing 02:30 is 03:30, but the next hours begin on time.
-- p_now, at: naive UTC.
CREATE OR REPLACE FUNCTION scenic_lane_plan(p_lane integer, p_now timestamp)
RETURNS TABLE (at timestamp, mode text)
LANGUAGE plpgsql STABLE AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH hours AS (
        SELECT b.start, LEAST(b.stop, lead(b.start) OVER (ORDER BY b.start)) AS stop,
               s.mode
          FROM scenic_lane l
          JOIN scenic_site z ON z.id = l.site_id
          JOIN scenic_lane_schedule s ON s.lane_id = l.id
         CROSS JOIN generate_series(-9, 2) n
         CROSS JOIN LATERAL (
                   SELECT (p_now AT TIME ZONE 'UTC' AT TIME ZONE z.tz)::date + n AS day
               ) d
         CROSS JOIN LATERAL (
                   SELECT round(s.time_from * 60)::integer AS minute_from,
                          round(s.time_to * 60)::integer AS minute_to
               ) m
         CROSS JOIN LATERAL (
                   SELECT (d.day + m.minute_from * interval '1 minute')
                              AT TIME ZONE z.tz AT TIME ZONE 'UTC' AS start,
                          (d.day + m.minute_to * interval '1 minute' + CASE
                              WHEN m.minute_to <= m.minute_from THEN interval '1 day'
                              ELSE interval '0' END)
                              AT TIME ZONE z.tz AT TIME ZONE 'UTC' AS stop
               ) b
         WHERE l.id = p_lane AND b.start < b.stop
           AND (ARRAY[s.monday, s.tuesday, s.wednesday, s.thursday, s.friday,
                      s.saturday, s.sunday])[extract(isodow FROM d.day)::integer]
    )
    SELECT CASE WHEN c.before IS NULL THEN '-infinity' ELSE c.at END, c.mode
      FROM (
            SELECT p.at, p.mode, lag(p.mode) OVER (ORDER BY p.at) AS before
              FROM (
                    SELECT h.start AS at, h.mode::text FROM hours h
                    UNION ALL
                    SELECT h.stop, 'controlled' FROM hours h
                     WHERE NOT EXISTS (SELECT 1 FROM hours o WHERE o.start = h.stop)
                   ) p
           ) c
     WHERE c.before IS DISTINCT FROM c.mode
     ORDER BY c.at;
END
$function$;

-- The mode that the schedule of a lane asks for; NULL where a person chose one after
-- the schedule's last change, and of a lane without a schedule.
CREATE OR REPLACE FUNCTION scenic_lane_scheduled(
    p_lane integer, p_chosen timestamp, p_now timestamp
) RETURNS text
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    RETURN (
        SELECT CASE WHEN p_chosen IS NULL OR p.at > p_chosen THEN p.mode END
          FROM scenic_lane_plan(p_lane, p_now) p
         WHERE p.at <= p_now
         ORDER BY p.at DESC
         LIMIT 1
    );
END
$function$;

-- The mode in which a lane has to work: an emergency before all, and locked where the
-- lane, its gate or its device is out of service. A lane without a schedule costs nothing.
CREATE OR REPLACE FUNCTION scenic_lane_mode(
    l scenic_lane, g scenic_gate, d scenic_device, p_now timestamp
) RETURNS text
LANGUAGE sql STABLE AS $function$
    SELECT CASE
        WHEN l.mode = 'emergency' THEN l.mode
        WHEN NOT (l.active AND g.active AND d.enabled) THEN 'locked'
        WHEN l.scheduled THEN COALESCE(
            scenic_lane_scheduled(l.id, l.mode_at, p_now), l.mode
        )
        ELSE l.mode END
$function$;
