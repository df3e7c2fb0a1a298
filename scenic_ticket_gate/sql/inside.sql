-- People inside the pools that limit them (scenic.capacity.pool of the kind instant).
--
-- A row of scenic_headcount counts the people inside the site of a pool, its spots
-- included, and those admitted on their way in. It says the same as the events of the
-- day, but it can be locked: whoever lets somebody in waits for the one before. Locked
-- after the tickets, by the id of the pool; needs READ COMMITTED. Without such a pool
-- there is no row and nobody waits. The day of the site begins with nobody inside.

-- The pools that a way from zone to zone leads into (1) and out of (-1); a zone that
-- is NULL is outside.
CREATE OR REPLACE FUNCTION scenic_gate_crossed(p_from integer, p_to integer)
RETURNS TABLE (pool_id integer, step integer)
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    RETURN QUERY
    SELECT p.id, CASE WHEN i.to_in THEN 1 ELSE -1 END
      FROM scenic_capacity_pool p
      JOIN scenic_site s ON s.id = p.site_id
     CROSS JOIN LATERAL (
               SELECT COALESCE(bool_or(z.id = p_from), false) AS from_in,
                      COALESCE(bool_or(z.id = p_to), false) AS to_in
                 FROM scenic_zone z
                 JOIN scenic_site a ON a.id = z.site_id
                WHERE z.id IN (p_from, p_to)
                  AND starts_with(a.parent_path, s.parent_path)
           ) i
     WHERE p.kind = 'instant' AND i.from_in <> i.to_in
     ORDER BY p.id;
END
$function$;

-- The people inside a pool since a moment, by the events.
CREATE OR REPLACE FUNCTION scenic_gate_inside(p_pool integer, p_start timestamp)
RETURNS integer
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    RETURN (WITH zones AS (
        SELECT z.id
          FROM scenic_capacity_pool p
          JOIN scenic_site s ON s.id = p.site_id
          JOIN scenic_site a ON starts_with(a.parent_path, s.parent_path)
          JOIN scenic_zone z ON z.site_id = a.id
         WHERE p.id = p_pool
    )
    SELECT (COALESCE((
               SELECT sum(e.passes) FROM scenic_pass_event e
                WHERE e.zone_to_id IN (SELECT id FROM zones) AND e.event_time >= p_start
           ), 0) - COALESCE((
               SELECT sum(e.passes) FROM scenic_pass_event e
                WHERE e.zone_from_id IN (SELECT id FROM zones) AND e.event_time >= p_start
           ), 0))::integer);
END
$function$;

-- Lock the counts of some pools, in the order of their ids; make those that are
-- missing, and begin a new day where one has begun.
CREATE OR REPLACE FUNCTION scenic_gate_lock_counts(p_pools integer[], p_now timestamp)
RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    v_pool record;
BEGIN
    FOR v_pool IN
        SELECT p.id, d.day, h.day AS counted,
               d.day::timestamp AT TIME ZONE s.tz AT TIME ZONE 'UTC' AS start
          FROM scenic_capacity_pool p
          JOIN scenic_site s ON s.id = p.site_id
         CROSS JOIN LATERAL (
                   SELECT (p_now AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date AS day
               ) d
          LEFT JOIN (
                   SELECT c.pool_id, c.day FROM scenic_headcount c
                    WHERE c.pool_id = ANY (p_pools)
                    ORDER BY c.pool_id
                      FOR NO KEY UPDATE
               ) h ON h.pool_id = p.id
         WHERE p.id = ANY (p_pools)
         ORDER BY p.id
    LOOP
        IF v_pool.counted IS NULL THEN
            INSERT INTO scenic_headcount (pool_id, day, inside, reserved)
            VALUES (
                v_pool.id, v_pool.day,
                scenic_gate_inside(v_pool.id, v_pool.start), 0
            )
            ON CONFLICT (pool_id) DO NOTHING;
            PERFORM 1 FROM scenic_headcount h
              WHERE h.pool_id = v_pool.id FOR NO KEY UPDATE;
        ELSIF v_pool.counted < v_pool.day THEN
            UPDATE scenic_headcount h SET day = v_pool.day, inside = 0
             WHERE h.pool_id = v_pool.id AND h.day < v_pool.day;
        END IF;
    END LOOP;
END
$function$;

-- How many of the people who want to enter some pools may: {passes}, or {code, level}
-- when nobody may. Locks the counts of the pools; the caller adds the passes to what
-- they have reserved.
DROP FUNCTION IF EXISTS scenic_gate_room(integer, integer, integer, timestamp);
CREATE OR REPLACE FUNCTION scenic_gate_room(
    p_pools integer[], p_wanted integer, p_now timestamp
) RETURNS jsonb
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_least record;
BEGIN
    FOR v_try IN 1..2 LOOP
        SELECT count(*) OVER () AS counted, bool_or(h.day < d.day) OVER () AS is_old,
               CASE WHEN p.active THEN
                   LEAST(p.capacity, l.places) - GREATEST(h.inside, 0) - h.reserved
               END AS free,
               p.capacity - GREATEST(h.inside, 0) - h.reserved < 1 AS is_full, l.name
          INTO v_least
          FROM (
                SELECT c.* FROM scenic_headcount c
                 WHERE c.pool_id = ANY (p_pools)
                 ORDER BY c.pool_id
                   FOR NO KEY UPDATE
               ) h
          JOIN scenic_capacity_pool p ON p.id = h.pool_id
          JOIN scenic_site s ON s.id = p.site_id
         CROSS JOIN LATERAL (
                   SELECT (p_now AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date AS day
               ) d
          LEFT JOIN LATERAL (
                    SELECT ceil(p.capacity * l.percent / 100.0)::integer AS places,
                           l.name
                      FROM scenic_capacity_level l
                     WHERE l.scheme_id = p.scheme_id AND l.stops_entry
                     ORDER BY l.percent LIMIT 1
               ) l ON true
         ORDER BY free, p.id
         LIMIT 1;
        EXIT WHEN v_least.counted = cardinality(p_pools) AND NOT v_least.is_old;
        -- the first who comes in at all, or today
        PERFORM scenic_gate_lock_counts(p_pools, p_now);
    END LOOP;
    IF v_least.free < 1 THEN
        RETURN jsonb_build_object(
            'code', CASE WHEN v_least.is_full THEN 'PARK_FULL' ELSE 'ENTRY_STOPPED' END,
            'level', v_least.name
        );
    END IF;
    RETURN jsonb_build_object('passes', LEAST(p_wanted, v_least.free));
END
$function$;

-- Count people who moved, and give back what was reserved for them. The caller has
-- locked the counts.
--
-- p_moves: [{from, to, people, at, pools, released}]: zones, naive UTC, and the pools
-- that the admission had reserved in.
CREATE OR REPLACE FUNCTION scenic_gate_move_people(p_moves jsonb, p_now timestamp)
RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    UPDATE scenic_headcount h
       SET inside = h.inside + d.inside,
           reserved = GREATEST(0, h.reserved - d.released)
      FROM (
            WITH move AS (
                SELECT m."from", m."to", m.people, m.at, m.pools, m.released
                  FROM jsonb_to_recordset(p_moves) AS m (
                           "from" integer, "to" integer, people integer, at timestamp,
                           pools jsonb, released integer
                       )
            )
            SELECT k.pool_id, sum(k.inside) AS inside, sum(k.released) AS released
              FROM (
                    SELECT c.pool_id, 0 AS released, CASE
                               WHEN (m.at AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date
                                    = (p_now AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date
                               THEN c.step * m.people ELSE 0
                           END AS inside
                      FROM (SELECT DISTINCT w."from", w."to" FROM move w) w
                     CROSS JOIN LATERAL scenic_gate_crossed(w."from", w."to") c
                      JOIN scenic_capacity_pool p ON p.id = c.pool_id
                      JOIN scenic_site s ON s.id = p.site_id
                      JOIN move m ON m."from" IS NOT DISTINCT FROM w."from"
                                 AND m."to" IS NOT DISTINCT FROM w."to"
                    UNION ALL
                    SELECT r.id::integer, m.released, 0
                      FROM move m
                     CROSS JOIN LATERAL jsonb_array_elements_text(m.pools) r (id)
                   ) k
             GROUP BY k.pool_id
           ) d
     WHERE h.pool_id = d.pool_id;
END
$function$;
