-- The oldest transaction of this database that still runs: what is older is committed or
-- gone. Transactions of other databases of the cluster hold nobody up; one whose database
-- is not to be seen counts as one of ours.
CREATE OR REPLACE FUNCTION scenic_gate_horizon() RETURNS xid8
LANGUAGE sql VOLATILE AS $function$
    WITH s AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot)
    SELECT COALESCE(
               (SELECT x.xid
                  FROM s
                 CROSS JOIN LATERAL pg_snapshot_xip(s.snapshot) AS x (xid)
                 WHERE NOT EXISTS (
                           SELECT 1 FROM pg_stat_activity a
                            WHERE a.backend_xid = x.xid::xid
                              AND a.datname <> current_database()
                       )
                 ORDER BY x.xid LIMIT 1),
               pg_snapshot_xmax(s.snapshot)
           )
      FROM s
$function$;

-- The copy of the tickets that a deciding device keeps: a full copy in pages by ticket,
-- then what changed, in pages by transaction. See docs/gate-api.md for the fields.
--
-- The cursor is "<stage>.<xid>.<ticket>.<scope>". Stage c: the full copy, begun when
-- xid was the oldest running transaction, is done up to the ticket. Stage i: changes of
-- all transactions before xid, and of xid up to the ticket, were told. A page of changes
-- ends before the oldest transaction that still runs (the xmin of the snapshot): whatever
-- commits later, in whatever order, comes in a later page. The scope is what else the
-- copy depends on: the lanes of the device, its journal and this very database. When it
-- is another one, or the log does not reach back to the cursor, the copy begins anew.
--
-- p_born: since when the device's own journal tells what it did, naive UTC. Of that
-- the counts are free, but for what staff gave back, which no journal knows. NULL: the
-- asker keeps no journal and decides nothing. The first journal is the device's own until
-- it gets a new key: another one is that of a second computer, which would not be told
-- what the first one did.
-- p_now: naive UTC; NULL is the clock of the server.
-- Returns the answer as text; NULL when the key is not the device's living key; an empty
-- text when the device may not decide; 'KEY_SHARED' for the journal of a second computer.

CREATE OR REPLACE FUNCTION scenic_gate_time(p_time timestamp) RETURNS text
LANGUAGE sql STABLE AS $function$
    SELECT to_char(p_time, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$function$;

CREATE OR REPLACE FUNCTION scenic_gate_sync(
    p_device integer, p_key_hash text, p_cursor text, p_limit integer,
    p_born timestamp, p_now timestamp DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql AS $function$
DECLARE
    v_now timestamp := COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC');
    v_device record;
    v_sites integer[];
    v_scope text;
    v_part text[];
    v_stage text := 'c';
    v_xid xid8;
    v_ticket integer := 0;
    v_xmin xid8;
    v_reset boolean := false;
    v_more boolean;
    v_ids integer[];
    v_tickets text;
    v_gone integer[];
    v_last record;
BEGIN
    SELECT d.id, d.company_id, d.decides, d.born INTO v_device
      FROM scenic_device d
     WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash);
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF v_device.decides = 'no' THEN
        RETURN '';
    END IF;
    IF v_device.born IS NULL AND p_born IS NOT NULL THEN
        UPDATE scenic_device d SET born = COALESCE(d.born, p_born)
         WHERE d.id = p_device
     RETURNING d.born INTO v_device.born;
    END IF;
    IF p_born <> v_device.born THEN
        RETURN 'KEY_SHARED';
    END IF;
    SELECT array_agg(DISTINCT l.site_id), md5(concat_ws(
               ' ', string_agg(l.site_id || ':' || l.id || ':' || l.code, ',' ORDER BY l.id),
               v_device.id, v_device.company_id, p_born,
               (SELECT s.system_identifier FROM pg_control_system() s),
               (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
           ))
      INTO v_sites, v_scope
      FROM scenic_lane l
     WHERE l.device_id = p_device;
    PERFORM scenic_gate_log_here();
    v_xmin := scenic_gate_horizon();

    v_part := regexp_match(
        p_cursor, '^([ci])\.([0-9]{1,19})\.([0-9]{1,9})\.([0-9a-f]{32})$'
    );
    IF v_part[4] = v_scope
        AND v_part[2]::xid8 >= (SELECT k.kept_from FROM scenic_gate_change_kept k)
    THEN
        v_stage := v_part[1];
        v_xid := v_part[2]::xid8;
        v_ticket := v_part[3]::integer;
    ELSE
        v_reset := p_cursor IS NOT NULL;
        v_xid := v_xmin;
    END IF;

    IF v_stage = 'c' THEN
        SELECT array_agg(p.ticket_id) INTO v_ids
          FROM (
                SELECT DISTINCT e.ticket_id
                  FROM scenic_entitlement e
                 WHERE e.ticket_id > v_ticket AND e.company_id = v_device.company_id
                   AND e.valid_to > v_now - interval '1 day'
                   AND EXISTS (
                           SELECT 1 FROM scenic_entitlement r
                            WHERE r.ticket_id = e.ticket_id
                              AND r.site_id = ANY (v_sites)
                       )
                 ORDER BY e.ticket_id
                 LIMIT p_limit
               ) p;
        IF cardinality(v_ids) = p_limit THEN
            v_ticket := v_ids[p_limit];
        ELSE
            v_stage := 'i';
            v_ticket := 0;
        END IF;
        -- what changed during the copy comes next
        v_more := true;
    ELSE
        SELECT array_agg(DISTINCT c.ticket_id) AS ids, count(*) AS rows,
               (array_agg(c.xid ORDER BY c.xid DESC, c.ticket_id DESC))[1] AS xid,
               (array_agg(c.ticket_id ORDER BY c.xid DESC, c.ticket_id DESC))[1]
                   AS ticket_id
          INTO v_last
          FROM (
                SELECT c.xid, c.ticket_id
                  FROM scenic_gate_change c
                 WHERE (c.xid, c.ticket_id) > (v_xid, v_ticket) AND c.xid < v_xmin
                 ORDER BY c.xid, c.ticket_id
                 LIMIT p_limit
               ) c;
        IF v_xid < (SELECT k.kept_from FROM scenic_gate_change_kept k) THEN
            -- removed while they were read
            RETURN scenic_gate_sync(
                p_device, p_key_hash, '', p_limit, p_born, p_now
            );
        END IF;
        v_ids := v_last.ids;
        v_more := v_last.rows = p_limit;
        IF v_more THEN
            v_xid := v_last.xid;
            v_ticket := v_last.ticket_id;
        ELSIF v_xmin > v_xid THEN
            v_xid := v_xmin;
            v_ticket := 0;
        END IF;
        SELECT array_agg(i.id ORDER BY i.id) INTO v_gone
          FROM unnest(v_ids) AS i (id)
          LEFT JOIN scenic_ticket t ON t.id = i.id
         WHERE (t.company_id = v_device.company_id) IS NOT FALSE
           AND NOT (
                   EXISTS (
                       SELECT 1 FROM scenic_entitlement e
                        WHERE e.ticket_id = i.id AND e.site_id = ANY (v_sites)
                   ) AND EXISTS (
                       SELECT 1 FROM scenic_entitlement e
                        WHERE e.ticket_id = i.id
                          AND e.valid_to > v_now - interval '1 day'
                   )
               );
    END IF;

    SELECT string_agg(json_build_object(
               'id', t.id, 'name', t.name, 'kind', t.kind, 'state', t.state,
               'persons', t.persons - t.persons_refunded, 'persons_sold', t.persons,
               'product', COALESCE(p.name ->> 'zh_CN', p.name ->> 'en_US'),
               'booking', t.booking_id, 'visit_date', t.visit_date,
               'slotted', t.slot_id IS NOT NULL,
               'first_day', t.date_first, 'span', t.span_days,
               'first_entry_at', scenic_gate_time(t.first_entry_at),
               'blocked', CASE WHEN w.blocked_from IS NOT NULL THEN json_build_object(
                   'from', w.blocked_from, 'until', w.blocked_until
               ) END,
               'staff_lanes', (
                   SELECT json_agg(l.code ORDER BY l.code)
                              FILTER (WHERE l.device_id = p_device)
                     FROM scenic_ticket_lane_rel k
                     JOIN scenic_lane l ON l.id = k.lane_id
                    WHERE k.ticket_id = t.id
                   HAVING count(*) > 0
               ),
               'media', (
                   SELECT COALESCE(json_agg(
                              json_build_array(c.lookup, c.kind, c.state) ORDER BY c.id
                          ), '[]')
                     FROM scenic_credential c WHERE c.ticket_id = t.id
               ),
               'rights', (
                   SELECT COALESCE(json_agg(json_build_object(
                              'id', e.id, 'site', e.site_id, 'component', e.component_id,
                              'rule', e.validity_rule_id, 'total', e.entries_total,
                              'refunded', e.entries_refunded,
                              'unlimited', e.unlimited IS TRUE,
                              'daily', e.daily_entries,
                              'from', scenic_gate_time(e.valid_from),
                              'to', scenic_gate_time(e.valid_to),
                              'weekdays', e.weekdays, 'minute_from', e.minute_from,
                              'minute_to', e.minute_to,
                              'value', round(CASE WHEN t.amount_untaxed > 0
                                  THEN e.amount * t.amount_total / t.amount_untaxed
                                       / e.entries_total ELSE 0 END, m.decimal_places
                              )::text,
                              'used', e.entries_used - o.used,
                              'held', e.entries_reserved - o.held,
                              'again_held', e.reentries_reserved - o.again_held,
                              'today', y.today, 'recent', COALESCE(y.recent, '[]')
                          ) ORDER BY e.id), '[]')
                     FROM scenic_entitlement e
                     JOIN scenic_ticket_component k ON k.id = e.component_id
                     JOIN scenic_site s ON s.id = e.site_id
                    CROSS JOIN LATERAL (
                              SELECT (v_now AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date
                                         AS day
                          ) d
                    CROSS JOIN LATERAL (
                              SELECT d.day::timestamp AT TIME ZONE s.tz
                                         AT TIME ZONE 'UTC' AS start,
                                     v_now - COALESCE(k.reentry_minutes, 0)
                                         * interval '1 minute' AS just_now
                          ) b
                    CROSS JOIN LATERAL (
                              SELECT COALESCE(sum(f.used_delta), 0) AS used,
                                     COALESCE(sum(f.reserved_delta), 0) AS held,
                                     COALESCE(sum(f.free_delta), 0) AS again_held
                                FROM scenic_pass_event f
                               WHERE f.entitlement_id = e.id AND f.device_id = p_device
                                 AND f.received_time >= p_born
                                 AND f.phase <> 'returned'
                          ) o
                    CROSS JOIN LATERAL (
                              SELECT CASE WHEN count(*) FILTER (
                                         WHERE v.event_time >= b.start
                                     ) > 0 THEN json_build_object(
                                         'day', d.day,
                                         'used', COALESCE(sum(v.used) FILTER (
                                             WHERE v.event_time >= b.start), 0),
                                         'entered', COALESCE(sum(v.people) FILTER (
                                             WHERE v.event_time >= b.start), 0),
                                         'gone', COALESCE(sum(v.gone) FILTER (
                                             WHERE v.event_time >= b.start), 0),
                                         'last', scenic_gate_time(max(v.event_time)
                                             FILTER (WHERE v.people > 0
                                                     AND v.event_time >= b.start))
                                     ) END AS today,
                                     json_agg(json_build_array(
                                         scenic_gate_time(v.event_time), v.people
                                     ) ORDER BY v.event_time) FILTER (
                                         WHERE v.people <> 0
                                           AND v.event_time > b.just_now
                                     ) AS recent
                                FROM (
                                      SELECT f.event_time,
                                             CASE WHEN f.phase = 'passed' THEN
                                                 n.others * f.used_delta + g.used
                                                 ELSE 0 END AS used,
                                             CASE WHEN f.phase = 'passed' THEN
                                                 n.others * f.passes - g.people
                                                 ELSE 0 END AS people,
                                             CASE WHEN f.phase = 'exit' THEN
                                                 n.others * f.passes
                                                 ELSE 0 END AS gone
                                        FROM scenic_pass_event f
                                       CROSS JOIN LATERAL (
                                                 SELECT CASE WHEN f.device_id = p_device
                                                         AND f.received_time >= p_born
                                                        THEN 0 ELSE 1 END AS others
                                             ) n
                                        LEFT JOIN LATERAL (
                                                  SELECT COALESCE(sum(h.used_delta), 0)
                                                             AS used,
                                                         COALESCE(sum(h.passes), 0)
                                                             AS people
                                                    FROM scenic_pass_event h
                                                   WHERE h.origin_id = f.id
                                                     AND h.phase = 'returned'
                                             ) g ON f.phase = 'passed'
                                       WHERE f.entitlement_id = e.id
                                         AND f.phase IN ('passed', 'exit')
                                         AND f.event_time >= LEAST(b.start, b.just_now)
                                     ) v
                               WHERE v.used <> 0 OR v.people <> 0 OR v.gone <> 0
                          ) y
                    WHERE e.ticket_id = t.id
               ),
               'reservations', (
                   SELECT COALESCE(json_agg(json_build_object(
                              'site', h.site_id, 'day', h.date,
                              'from', scenic_gate_time(x.start),
                              'to', scenic_gate_time(x."end")
                          ) ORDER BY h.date, x.start, h.id), '[]')
                     FROM scenic_capacity_hold h
                     LEFT JOIN scenic_slot x ON x.id = h.slot_id
                    WHERE h.ticket_id = t.id AND h.state = 'sold'
                      AND h.date >= v_now::date - 2
               )
           )::text, ',' ORDER BY t.id)
      INTO v_tickets
      FROM unnest(v_ids) AS i (id)
      JOIN scenic_ticket t ON t.id = i.id
      JOIN product_product v ON v.id = t.product_id
      JOIN product_template p ON p.id = v.product_tmpl_id
      JOIN res_currency m ON m.id = t.currency_id
      LEFT JOIN scenic_visitor w ON w.id = t.visitor_id
     WHERE t.company_id = v_device.company_id AND (t.id = ANY (v_gone)) IS NOT TRUE;

    RETURN format(
        '{"cursor": %s, "more": %s, "reset": %s, "server_time": %s, "tickets": [%s], '
        '"gone": %s}',
        to_json(concat_ws('.', v_stage, v_xid, v_ticket, v_scope)), to_json(v_more),
        to_json(v_reset), to_json(scenic_gate_time(v_now)), v_tickets,
        to_json(COALESCE(v_gone, '{}'))
    );
END
$function$;
