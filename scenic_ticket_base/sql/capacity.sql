-- Places of capacity pools: who may take how many, exact under parallel buyers.
--
-- A bucket is a pool on one day, or a pool in one time slot. The truth are the rows of
-- scenic_capacity_hold. A trigger turns each change of a hold into a row of
-- scenic_capacity_delta; rows are only ever inserted there, so buyers never conflict.
-- scenic_capacity_count holds the folded sums: count + visible deltas = sum of holds,
-- in every snapshot.
--
-- Odoo works in REPEATABLE READ: its snapshot is old when it has waited for a lock, and
-- touching a row that changed since makes it start anew. So the decision is taken by
-- scenic_capacity_take() in a transaction of its own, which lasts as long as the
-- function, sees what is committed now, and leaves a claim: "transaction x takes n
-- places". A claim counts as long as x runs. When x commits, its holds count; when it
-- rolls back or its connection dies, nothing is left. One snapshot decides both ways
-- (pg_visible_in_snapshot), so a place is never counted twice and never missed.
--
-- Lock order: pool id ascending. Nobody waits for anything while holding such a lock.

CREATE TABLE IF NOT EXISTS scenic_capacity_count (
    bucket bigint NOT NULL,
    channel_id integer NOT NULL,
    held integer NOT NULL CHECK (held >= 0),
    sold integer NOT NULL CHECK (sold >= 0),
    PRIMARY KEY (bucket, channel_id)
);
CREATE TABLE IF NOT EXISTS scenic_capacity_delta (
    bucket bigint NOT NULL,
    channel_id integer NOT NULL,
    held integer NOT NULL,
    sold integer NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT transaction_timestamp()
);
CREATE INDEX IF NOT EXISTS scenic_capacity_delta_bucket
    ON scenic_capacity_delta (bucket);
-- persons: places taken by a running transaction; capacity: what a running transaction
-- lowers the capacity to (bucket null: of all days and slots without their own).
-- Unlogged: a crash of the server ends all transactions, hence all claims.
CREATE UNLOGGED TABLE IF NOT EXISTS scenic_capacity_claim (
    pool_id integer NOT NULL,
    bucket bigint,
    channel_id integer,
    persons integer NOT NULL DEFAULT 0,
    capacity integer,
    xid xid8 NOT NULL
);
CREATE INDEX IF NOT EXISTS scenic_capacity_claim_pool
    ON scenic_capacity_claim (pool_id);

CREATE OR REPLACE FUNCTION scenic_capacity_bucket(
    p_pool integer, p_date date, p_slot integer
) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $function$
    SELECT (p_pool::bigint << 32) + COALESCE(p_slot, p_date - DATE '0001-01-01' + 1)
$function$;

ALTER TABLE scenic_capacity_hold ADD COLUMN IF NOT EXISTS bucket bigint
    GENERATED ALWAYS AS (scenic_capacity_bucket(pool_id, date, slot_id)) STORED;
CREATE INDEX IF NOT EXISTS scenic_capacity_hold_bucket_held
    ON scenic_capacity_hold (bucket) WHERE state = 'held';

-- What is left of an uninstalled module must not count for pools with the same ids.
DELETE FROM scenic_capacity_count
 WHERE NOT EXISTS (SELECT FROM scenic_capacity_hold);
DELETE FROM scenic_capacity_delta
 WHERE NOT EXISTS (SELECT FROM scenic_capacity_hold);

CREATE OR REPLACE FUNCTION scenic_capacity_hold_changed() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.bucket IS NOT NULL AND OLD.state <> 'released' THEN
        INSERT INTO scenic_capacity_delta (bucket, channel_id, held, sold)
        SELECT OLD.bucket, OLD.channel_id,
               CASE OLD.state WHEN 'held' THEN -n ELSE 0 END,
               CASE OLD.state WHEN 'sold' THEN -n ELSE 0 END
          FROM (SELECT OLD.persons - OLD.persons_released) AS o(n)
         WHERE n <> 0;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.bucket IS NOT NULL AND NEW.state <> 'released' THEN
        INSERT INTO scenic_capacity_delta (bucket, channel_id, held, sold)
        SELECT NEW.bucket, NEW.channel_id,
               CASE NEW.state WHEN 'held' THEN n ELSE 0 END,
               CASE NEW.state WHEN 'sold' THEN n ELSE 0 END
          FROM (SELECT NEW.persons - NEW.persons_released) AS o(n)
         WHERE n <> 0;
    END IF;
    RETURN NULL;
END
$function$;
CREATE OR REPLACE TRIGGER scenic_capacity_hold_changed
    AFTER INSERT OR DELETE
       OR UPDATE OF pool_id, date, slot_id, channel_id, persons, persons_released, state
    ON scenic_capacity_hold
    FOR EACH ROW EXECUTE FUNCTION scenic_capacity_hold_changed();

-- Add committed deltas to the counts. Only in READ COMMITTED, under the locks of the
-- pools; null: all buckets.
CREATE OR REPLACE FUNCTION scenic_capacity_fold(p_buckets bigint[]) RETURNS integer
LANGUAGE plpgsql AS $function$
DECLARE
    v_folded integer;
BEGIN
    WITH gone AS (
        DELETE FROM scenic_capacity_delta d
         WHERE p_buckets IS NULL OR d.bucket = ANY (p_buckets)
        RETURNING d.bucket, d.channel_id, d.held, d.sold
    ), total AS (
        SELECT g.bucket, g.channel_id, sum(g.held)::integer AS held,
               sum(g.sold)::integer AS sold, count(*)::integer AS folded
          FROM gone g
         GROUP BY g.bucket, g.channel_id
    ), changed AS (
        UPDATE scenic_capacity_count c
           SET held = c.held + t.held, sold = c.sold + t.sold
          FROM total t
         WHERE c.bucket = t.bucket AND c.channel_id = t.channel_id
        RETURNING c.bucket, c.channel_id
    ), added AS (
        INSERT INTO scenic_capacity_count (bucket, channel_id, held, sold)
        SELECT t.bucket, t.channel_id, t.held, t.sold
          FROM total t
         WHERE NOT EXISTS (SELECT FROM changed c WHERE c.bucket = t.bucket
                           AND c.channel_id = t.channel_id)
    )
    SELECT COALESCE(sum(t.folded), 0) INTO v_folded FROM total t;
    RETURN v_folded;
END
$function$;

-- Lock pools in their order until the end of the transaction.
CREATE OR REPLACE FUNCTION scenic_capacity_lock(p_pools integer[]) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    v_pool integer;
BEGIN
    FOR v_pool IN SELECT DISTINCT unnest(p_pools) ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtext('scenic_capacity_pool'), v_pool);
    END LOOP;
END
$function$;

-- The lock by which others can wait for the end of a transaction.
CREATE OR REPLACE FUNCTION scenic_capacity_owner(p_xid xid8) RETURNS integer
LANGUAGE sql IMMUTABLE AS $function$
    SELECT ((p_xid::text::numeric % 2147483648)::bigint)::integer
$function$;

-- How buckets stand.
-- p_units: [{pool, date, slot}], slot null for a pool by day; p_channel: whose free
-- places are asked for, null: anybody's; p_now: naive UTC; p_xid: the caller's own
-- transaction, whose claims do not count; p_own: what it has changed itself and this
-- snapshot does not show, [{bucket, channel, held, sold}].
-- free may be negative: taken by late orders. free_then: what would be free if every
-- running transaction failed; more than free means that waiting may help.
CREATE OR REPLACE FUNCTION scenic_capacity_state(
    p_units jsonb, p_channel integer, p_now timestamp, p_xid xid8, p_own jsonb
) RETURNS TABLE (
    bucket bigint, pool_id integer, date date, slot_id integer, capacity integer,
    closed boolean, held integer, sold integer, pending integer, on_sale integer,
    free_all integer, free integer, free_then integer, level_id integer
)
LANGUAGE plpgsql STABLE
-- each call comes on a connection without plans: plan once, and never under the lock
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH unit AS MATERIALIZED (
        SELECT DISTINCT
               scenic_capacity_bucket(p.id, u.date, u.slot) AS bucket,
               p.id AS pool_id, u.date, u.slot AS slot_id, p.scheme_id,
               COALESCE(NULLIF(d.capacity_own, 0), NULLIF(s.capacity, 0), p.capacity)
                   AS capacity,
               COALESCE(NULLIF(d.capacity_own, 0), NULLIF(s.capacity, 0)) IS NULL
                   AS by_default,
               COALESCE(d.closed, false) OR COALESCE(s.closed, false) AS closed,
               COALESCE(s.start,
                   (u.date::timestamp AT TIME ZONE i.tz) AT TIME ZONE 'UTC') AS begins,
               i.tz
          FROM jsonb_to_recordset(p_units) AS u(pool integer, date date, slot integer)
          JOIN scenic_capacity_pool p ON p.id = u.pool
          JOIN scenic_site i ON i.id = p.site_id
          LEFT JOIN scenic_slot s ON s.id = u.slot
          LEFT JOIN scenic_capacity_day d
            ON d.pool_id = p.id AND d.date = u.date
           AND COALESCE(d.slot_id, 0) = COALESCE(u.slot, 0)
         WHERE u.slot IS NULL OR s.id IS NOT NULL
    ), claim AS MATERIALIZED (
        SELECT c.pool_id, c.bucket, c.channel_id, c.persons, c.capacity
          FROM scenic_capacity_claim c
         WHERE c.pool_id IN (SELECT u.pool_id FROM unit u)
           AND c.xid IS DISTINCT FROM p_xid
           -- running; not left behind by the server that a dump came from
           AND NOT pg_visible_in_snapshot(c.xid, pg_current_snapshot())
           AND c.xid < pg_snapshot_xmax(pg_current_snapshot())
    ), part AS MATERIALIZED (
        SELECT x.bucket, x.channel_id, sum(x.held)::integer AS held,
               sum(x.sold)::integer AS sold, sum(x.pending)::integer AS pending
          FROM (
              SELECT c.bucket, c.channel_id, c.held, c.sold, 0 AS pending
                FROM unit u
                JOIN scenic_capacity_count c ON c.bucket = u.bucket
              UNION ALL
              SELECT d.bucket, d.channel_id, d.held, d.sold, 0
                FROM unit u
                JOIN scenic_capacity_delta d ON d.bucket = u.bucket
              UNION ALL
              SELECT o.bucket, o.channel, o.held, o.sold, 0
                FROM jsonb_to_recordset(p_own) AS o(
                         bucket bigint, channel integer, held integer, sold integer
                     )
                JOIN unit u ON u.bucket = o.bucket
              UNION ALL
              SELECT c.bucket, c.channel_id, 0, 0, c.persons
                FROM unit u
                JOIN claim c ON c.bucket = u.bucket
          ) x
         GROUP BY x.bucket, x.channel_id
    ), share AS MATERIALIZED (
        SELECT u.bucket, h.channel_id, h.ceiling, h.guaranteed,
               CASE h.release
                   WHEN 'hours' THEN u.begins - make_interval(hours => h.release_before)
                   WHEN 'days' THEN
                       ((u.date - h.release_before)::timestamp AT TIME ZONE u.tz)
                       AT TIME ZONE 'UTC'
               END <= p_now AS released,
               COALESCE(p.held + p.sold, 0) AS settled,
               COALESCE(p.pending, 0) AS pending
          FROM unit u
          JOIN scenic_capacity_share h ON h.pool_id = u.pool_id
          LEFT JOIN part p ON p.bucket = u.bucket AND p.channel_id = h.channel_id
    ), total AS (
        SELECT u.*, COALESCE(t.held, 0) AS held, COALESCE(t.sold, 0) AS sold,
               COALESCE(t.pending, 0) AS pending,
               LEAST(u.capacity, q.capacity) AS capacity_now,
               COALESCE(g.kept, 0) AS kept, COALESCE(g.kept_then, 0) AS kept_then,
               m.ceiling - m.settled - m.pending AS left_own,
               m.ceiling - m.settled AS left_own_then,
               COALESCE(l.percent, 100) AS percent
          FROM unit u
          LEFT JOIN LATERAL (
              SELECT sum(p.held)::integer AS held, sum(p.sold)::integer AS sold,
                     sum(p.pending)::integer AS pending
                FROM part p WHERE p.bucket = u.bucket
          ) t ON true
          LEFT JOIN LATERAL (
              SELECT min(c.capacity) AS capacity FROM claim c
               WHERE c.capacity IS NOT NULL AND (c.bucket = u.bucket OR (
                         c.bucket IS NULL AND c.pool_id = u.pool_id AND u.by_default))
          ) q ON true
          LEFT JOIN LATERAL (
              SELECT sum(GREATEST(h.guaranteed - h.settled - h.pending, 0))::integer
                         AS kept,
                     sum(GREATEST(h.guaranteed - h.settled, 0))::integer AS kept_then
                FROM share h
               WHERE h.bucket = u.bucket AND h.channel_id IS DISTINCT FROM p_channel
                 AND h.released IS NOT TRUE
          ) g ON true
          LEFT JOIN share m ON m.bucket = u.bucket AND m.channel_id = p_channel
                           AND m.ceiling > 0
          LEFT JOIN LATERAL (
              SELECT min(v.percent) AS percent FROM scenic_capacity_level v
               WHERE v.scheme_id = u.scheme_id AND v.stops_sale
          ) l ON true
    ), sale AS (
        SELECT t.*,
               LEAST(t.capacity, ceil(t.capacity * t.percent / 100.0)::integer)
                   AS on_sale,
               LEAST(t.capacity_now, ceil(t.capacity_now * t.percent / 100.0)::integer)
                   - t.held - t.sold - t.pending AS free_all
          FROM total t
    )
    SELECT s.bucket, s.pool_id, s.date, s.slot_id, s.capacity, s.closed, s.held,
           s.sold, s.pending, s.on_sale, s.free_all,
           LEAST(s.free_all - s.kept, s.left_own),
           LEAST(s.on_sale - s.held - s.sold - s.kept_then, s.left_own_then),
           (SELECT v.id FROM scenic_capacity_level v
             WHERE v.scheme_id = s.scheme_id
               AND (s.held + s.sold + s.pending) * 100 >= v.percent * s.capacity
             ORDER BY v.percent DESC, v.id DESC LIMIT 1)
      FROM sale s;
END
$function$;

-- Take places for transaction p_xid, or tell why not.
-- p_requests: [{pool, date, slot, channel, persons}]; p_force: a fact that came late is
-- taken over all limits. All or none. p_xid null: everything happens in the caller's own
-- transaction, which sees itself, and needs no claim.
-- Returns {status, …}: taken (unknown: requests whose pool or slot is not committed
-- yet; over: persons beyond what was free, one number a request), short (request, and
-- the state of its bucket), wait (owners to wait for).
CREATE OR REPLACE FUNCTION scenic_capacity_take(
    p_requests jsonb, p_own jsonb, p_xid xid8, p_now timestamp, p_force boolean
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
    v_answer jsonb;
BEGIN
    IF p_xid IS NULL THEN
        RETURN scenic_capacity_judge(p_requests, p_own, p_xid, p_now, p_force);
    END IF;
    -- Whoever gets nothing need not queue for it. This also makes the plans.
    v_answer := scenic_capacity_judge(p_requests, p_own, p_xid, p_now, p_force);
    IF v_answer ->> 'status' <> 'taken' THEN
        RETURN v_answer;
    END IF;
    -- after a crash neither this nor the claiming transaction is there any more
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM scenic_capacity_lock(ARRAY(
        SELECT r.pool FROM jsonb_to_recordset(p_requests) AS r(pool integer)
    ));
    v_answer := scenic_capacity_judge(p_requests, p_own, p_xid, p_now, p_force);
    IF v_answer ->> 'status' <> 'taken' THEN
        RETURN v_answer;
    END IF;
    INSERT INTO scenic_capacity_claim (pool_id, bucket, channel_id, persons, xid)
    SELECT r.pool, scenic_capacity_bucket(r.pool, r.date, r.slot), r.channel,
           r.persons, p_xid
      FROM ROWS FROM (
               jsonb_to_recordset(p_requests) AS (
                   pool integer, date date, slot integer, channel integer,
                   persons integer
               )
           ) WITH ORDINALITY AS r(pool, date, slot, channel, persons, position)
     WHERE NOT v_answer -> 'unknown' @> to_jsonb(r.position - 1);
    PERFORM scenic_capacity_tidy(p_requests);
    RETURN v_answer;
END
$function$;

-- Fold and forget now and then, so that there are never many rows to add up.
CREATE OR REPLACE FUNCTION scenic_capacity_tidy(p_requests jsonb) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    v_buckets bigint[] := ARRAY(
        SELECT scenic_capacity_bucket(r.pool, r.date, r.slot)
          FROM jsonb_to_recordset(p_requests)
               AS r(pool integer, date date, slot integer)
    );
    v_pools integer[] := ARRAY(
        SELECT r.pool FROM jsonb_to_recordset(p_requests) AS r(pool integer)
    );
BEGIN
    PERFORM FROM scenic_capacity_delta d
      WHERE d.bucket = ANY (v_buckets) OFFSET 30 LIMIT 1;
    IF FOUND THEN
        PERFORM scenic_capacity_fold(v_buckets);
    END IF;
    PERFORM FROM scenic_capacity_claim c
      WHERE c.pool_id = ANY (v_pools) OFFSET 30 LIMIT 1;
    IF FOUND THEN
        DELETE FROM scenic_capacity_claim c
         WHERE c.pool_id = ANY (v_pools)
           AND pg_visible_in_snapshot(c.xid, pg_current_snapshot());
    END IF;
END
$function$;

-- The judgement of scenic_capacity_take(), as things stand now.
CREATE OR REPLACE FUNCTION scenic_capacity_judge(
    p_requests jsonb, p_own jsonb, p_xid xid8, p_now timestamp, p_force boolean
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
    v_request record;
    v_state record;
    v_own jsonb := p_own;
    v_over integer[] := '{}';
    v_unknown integer[] := '{}';
BEGIN
    FOR v_request IN
        SELECT r.*, scenic_capacity_bucket(r.pool, r.date, r.slot) AS bucket
          FROM ROWS FROM (
                   jsonb_to_recordset(p_requests) AS (
                       pool integer, date date, slot integer, channel integer,
                       persons integer
                   )
               ) WITH ORDINALITY AS r(pool, date, slot, channel, persons, position)
         ORDER BY r.position
    LOOP
        SELECT s.* INTO v_state
          FROM scenic_capacity_state(
                   jsonb_build_array(jsonb_build_object(
                       'pool', v_request.pool, 'date', v_request.date,
                       'slot', v_request.slot
                   )),
                   v_request.channel, p_now, p_xid, v_own
               ) s;
        IF NOT FOUND THEN
            v_unknown := v_unknown || (v_request.position - 1)::integer;
            v_over := v_over || 0;
            CONTINUE;
        END IF;
        IF NOT p_force AND NOT v_state.closed AND v_request.persons > v_state.free
           AND v_request.persons <= v_state.free_then THEN
            RETURN jsonb_build_object('status', 'wait', 'owners', (
                SELECT jsonb_agg(DISTINCT scenic_capacity_owner(c.xid))
                  FROM scenic_capacity_claim c
                 WHERE c.pool_id = v_request.pool AND c.xid IS DISTINCT FROM p_xid
                   AND (c.bucket IS NULL OR c.bucket = v_request.bucket)
            ));
        END IF;
        IF NOT p_force AND (v_state.closed OR v_request.persons > v_state.free) THEN
            RETURN jsonb_build_object(
                'status', 'short', 'request', v_request.position - 1,
                'state', to_jsonb(v_state)
            );
        END IF;
        v_over := v_over || LEAST(
            v_request.persons, GREATEST(v_request.persons - v_state.free, 0)
        );
        v_own := v_own || jsonb_build_array(jsonb_build_object(
            'bucket', v_request.bucket, 'channel', v_request.channel,
            'held', v_request.persons, 'sold', 0
        ));
    END LOOP;
    RETURN jsonb_build_object(
        'status', 'taken', 'unknown', to_jsonb(v_unknown), 'over', to_jsonb(v_over)
    );
END
$function$;

-- Lower capacities for transaction p_xid, or tell what is taken already.
-- p_changes: [{pool, date, slot, capacity}]; without date and slot: the default of the
-- pool, for all its days and slots from p_today on that have none of their own.
-- Returns {status: ok, unknown: as above}, {status: full, buckets: [{pool, date, slot,
-- taken, capacity}]} with the buckets that would be too small, or {status: wait, owners}.
CREATE OR REPLACE FUNCTION scenic_capacity_lower(
    p_changes jsonb, p_own jsonb, p_xid xid8, p_now timestamp, p_today date
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
    v_full jsonb;
    v_owners jsonb;
    v_unknown jsonb;
BEGIN
    IF p_xid IS NOT NULL THEN
        PERFORM scenic_capacity_lock(ARRAY(
            SELECT r.pool FROM jsonb_to_recordset(p_changes) AS r(pool integer)
        ));
    END IF;
    WITH change AS (
        SELECT r.pool, r.date, r.slot, r.capacity
          FROM jsonb_to_recordset(p_changes) AS r(
                   pool integer, date date, slot integer, capacity integer
               )
    ), touched AS (
        SELECT c.pool, c.date, c.slot, c.capacity FROM change c
         WHERE c.date IS NOT NULL
        UNION
        SELECT c.pool, COALESCE(s.date, DATE '0001-01-01' + x.low - 1), s.id,
               c.capacity
          FROM change c
          JOIN scenic_capacity_pool p ON p.id = c.pool
         CROSS JOIN LATERAL (
                   SELECT DISTINCT (y.bucket & 4294967295)::integer AS low
                     FROM (
                         SELECT n.bucket FROM scenic_capacity_count n
                          WHERE n.held + n.sold > 0
                            AND n.bucket BETWEEN c.pool::bigint << 32
                                             AND (c.pool + 1)::bigint << 32
                         UNION ALL
                         SELECT d.bucket FROM scenic_capacity_delta d
                          WHERE d.bucket BETWEEN c.pool::bigint << 32
                                             AND (c.pool + 1)::bigint << 32
                         UNION ALL
                         SELECT k.bucket FROM scenic_capacity_claim k
                          WHERE k.pool_id = c.pool AND k.bucket IS NOT NULL
                     ) y
               ) x
          LEFT JOIN scenic_slot s ON p.kind = 'slot' AND s.id = x.low
          LEFT JOIN scenic_capacity_day o
            ON o.pool_id = c.pool
           AND o.date = COALESCE(s.date, DATE '0001-01-01' + x.low - 1)
           AND COALESCE(o.slot_id, 0) = COALESCE(s.id, 0)
         WHERE c.date IS NULL AND COALESCE(o.capacity_own, 0) = 0
           AND COALESCE(s.capacity, 0) = 0
           AND COALESCE(s.date, DATE '0001-01-01' + x.low - 1) >= p_today
    ), stand AS (
        SELECT t.capacity AS wanted, s.*
          FROM touched t
          JOIN scenic_capacity_state(
                   (SELECT COALESCE(jsonb_agg(jsonb_build_object(
                        'pool', a.pool, 'date', a.date, 'slot', a.slot)), '[]')
                      FROM touched a),
                   NULL, p_now, p_xid, p_own
               ) s ON s.bucket = scenic_capacity_bucket(t.pool, t.date, t.slot)
    )
    SELECT jsonb_agg(jsonb_build_object(
               'pool', s.pool_id, 'date', s.date, 'slot', s.slot_id,
               'taken', s.held + s.sold, 'capacity', s.wanted
           ) ORDER BY s.date, s.bucket) FILTER (WHERE s.held + s.sold > s.wanted),
           (SELECT jsonb_agg(DISTINCT scenic_capacity_owner(c.xid))
              FROM scenic_capacity_claim c
             WHERE c.xid IS DISTINCT FROM p_xid
               AND c.bucket IN (
                       SELECT a.bucket FROM stand a
                        WHERE a.held + a.sold + a.pending > a.wanted AND a.pending > 0
                   ))
      INTO v_full, v_owners
      FROM stand s;
    IF v_full IS NOT NULL THEN
        RETURN jsonb_build_object('status', 'full', 'buckets', v_full);
    END IF;
    IF v_owners IS NOT NULL THEN
        RETURN jsonb_build_object('status', 'wait', 'owners', v_owners);
    END IF;
    IF p_xid IS NOT NULL THEN
        INSERT INTO scenic_capacity_claim (pool_id, bucket, capacity, xid)
        SELECT r.pool,
               CASE WHEN r.date IS NOT NULL
                    THEN scenic_capacity_bucket(r.pool, r.date, r.slot) END,
               r.capacity, p_xid
          FROM jsonb_to_recordset(p_changes) AS r(
                   pool integer, date date, slot integer, capacity integer
               );
    END IF;
    SELECT COALESCE(jsonb_agg(r.position - 1), '[]') INTO v_unknown
      FROM ROWS FROM (
               jsonb_to_recordset(p_changes) AS (pool integer, slot integer)
           ) WITH ORDINALITY AS r(pool, slot, position)
     WHERE NOT EXISTS (SELECT FROM scenic_capacity_pool p WHERE p.id = r.pool)
        OR r.slot IS NOT NULL
           AND NOT EXISTS (SELECT FROM scenic_slot s WHERE s.id = r.slot);
    RETURN jsonb_build_object('status', 'ok', 'unknown', v_unknown);
END
$function$;

-- none, advised, required or slot: what a visitor of a site needs on a day. The rules of
-- the site come before those of the area it is part of; then their order.
CREATE OR REPLACE FUNCTION scenic_reservation_level(p_site integer, p_date date)
RETURNS text
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    RETURN COALESCE((
        SELECT r.level
          FROM scenic_site s
          JOIN scenic_site a
            ON a.id = ANY (string_to_array(trim(s.parent_path, '/'), '/')::integer[])
          JOIN scenic_reservation_rule r ON r.site_id = a.id
         WHERE s.id = p_site AND r.active
           AND (r.date_from IS NULL OR r.date_from <= p_date)
           AND (r.date_to IS NULL OR r.date_to >= p_date)
           AND (ARRAY[r.monday, r.tuesday, r.wednesday, r.thursday,
                     r.friday, r.saturday, r.sunday])
               [extract(isodow FROM p_date)::integer]
         ORDER BY length(a.parent_path) - length(replace(a.parent_path, '/', '')) DESC,
                  r.sequence, r.id
         LIMIT 1
    ), 'none');
END
$function$;
