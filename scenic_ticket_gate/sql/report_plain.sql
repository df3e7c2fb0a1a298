-- Keep those events of a report that are plain, by one statement for all of them; the
-- caller does the others one by one, and what follows for tickets and people inside.
--
-- Plain is what fits: a lane of the device, an admission that is covered by free
-- entries of an open ticket, not more passes than were admitted, no code to look for. If
-- one event of a right is not plain, none of this right is. The caller holds the locks.
--
-- Returns a row for each event in the order given, with its place and what is known of
-- it; id: of the row in scenic_pass_event, made for all in that order. kept_id: it was
-- kept by a call before; is_done: it is kept now, what follows it tells how.
--
-- Its plans are kept for as long as the connection of a worker, so they must be right for
-- any number of events, whatever they were made for: each event is looked up by itself
-- (OFFSET 0 keeps that from becoming a join with all events of the device), and by an
-- index (enable_seqscan).
DROP FUNCTION IF EXISTS scenic_gate_report_plain(
    integer, integer, integer, jsonb, timestamp
);
CREATE OR REPLACE FUNCTION scenic_gate_report_plain(
    p_device integer, p_epoch integer, p_company integer, p_events jsonb,
    p_now timestamp
) RETURNS TABLE (
    id integer, uid text, seq integer, lane text, type text, request_id text,
    count integer, direction text, assumed boolean, at timestamp, note text, kind text,
    lookup text, mode text, again boolean, "right" integer, code text, photo text,
    lane_id integer, gate_id integer, site_id integer, company_id integer, tz varchar,
    from_zone_id integer, to_zone_id integer, kept_id integer, conflict jsonb,
    is_reused boolean, is_done boolean, done_ticket_id integer, done_at timestamp,
    step integer, people integer, zone_from integer, zone_to integer, pools jsonb
)
LANGUAGE plpgsql
SET join_collapse_limit = 1
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH event AS MATERIALIZED (
        SELECT nextval('scenic_pass_event_id_seq')::integer AS id, n.*
          FROM (
                SELECT s.*, l.id AS lane_id, l.gate_id, z.site_id, g.company_id,
                       t.tz, g.from_zone_id, g.to_zone_id,
                       LEAST(s.at, p_now) AS happened,
                       COALESCE(k.id, q.id) AS kept_id,
                       q.detail -> 'conflict' AS conflict,
                       row_number() OVER (PARTITION BY s.seq ORDER BY s.position) > 1
                       OR EXISTS (
                           SELECT 1 FROM scenic_pass_event x
                            WHERE x.device_id = p_device
                              AND x.epoch = p_epoch AND x.seq = s.seq
                           OFFSET 0
                       ) AS is_reused,
                       row_number() OVER (
                           PARTITION BY s.type IN ('admitted', 'refused'),
                                        CASE s.type WHEN 'admitted'
                                             THEN s.request_id ELSE s.uid END
                           ORDER BY s.position
                       ) = 1
                       AND l.id IS NOT NULL
                       -- which ticket a code means depends on all that was before
                       AND count(s.lookup) OVER (ORDER BY s.position) = 0
                           AS may_be_plain,
                       -- the admission that was kept before
                       o.id AS old_id, f.outstanding AS old_outstanding,
                       o.reentry IS TRUE AS old_reentry, o.staff AS old_staff,
                       o.flag, o.detail -> 'pools' AS pools,
                       o.direction AS old_direction, o.event_time AS old_at,
                       o.entitlement_id AS old_right_id,
                       o.ticket_id AS old_ticket_id,
                       -- the right that the device names
                       c.id AS own_ticket_id,
                       CASE WHEN c.id IS NOT NULL THEN e.id END AS own_right_id,
                       c.kind = 'staff' AS own_staff,
                       c.state NOT IN ('refunded', 'void', 'frozen', 'held')
                       AND e.valid_from <= LEAST(s.at, p_now)
                       AND e.valid_to > LEAST(s.at, p_now)
                       AND c.visitor_id IS NULL AS is_open,
                       CASE WHEN e.unlimited IS NOT TRUE THEN
                           e.entries_total - e.entries_used - e.entries_reserved
                           - e.entries_refunded END AS free,
                       CASE WHEN s.type = 'admitted' THEN jsonb_build_object(
                           'name', c.name, 'product', m.gate_name,
                           'persons', c.persons
                       ) END AS ticket
                  FROM ROWS FROM (
                           jsonb_to_recordset(p_events) AS (
                               uid text, seq integer, lane text, type text,
                               request_id text, count integer, direction text,
                               assumed boolean, at timestamp, note text, kind text,
                               lookup text, mode text, again boolean,
                               "right" integer, code text, photo text
                           )
                       ) WITH ORDINALITY
                       AS s (uid, seq, lane, type, request_id, count, direction,
                             assumed, at, note, kind, lookup, mode, again, "right",
                             code, photo, position)
                  LEFT JOIN scenic_lane l
                         ON l.device_id = p_device AND l.code = s.lane
                  LEFT JOIN scenic_gate g ON g.id = l.gate_id
                  LEFT JOIN scenic_zone z ON z.id = g.to_zone_id
                  LEFT JOIN scenic_site t ON t.id = z.site_id
                  LEFT JOIN LATERAL (
                            SELECT e.id FROM scenic_pass_event e
                             WHERE e.device_id = p_device AND e.uid = s.uid
                               AND e.phase NOT IN ('authorised', 'denied')
                               AND s.type NOT IN ('admitted', 'refused')
                            OFFSET 0
                       ) k ON true
                  LEFT JOIN LATERAL (
                            SELECT e.id, e.detail FROM scenic_pass_event e
                             WHERE e.device_id = p_device
                               AND e.phase IN ('authorised', 'denied')
                               AND e.uid = CASE s.type
                                   WHEN 'admitted' THEN s.request_id
                                   WHEN 'refused' THEN s.uid END
                            OFFSET 0
                       ) q ON true
                  LEFT JOIN LATERAL (
                            SELECT e.id, e.reserved_delta, e.free_delta, e.reentry,
                                   e.staff, e.flag, e.detail, e.direction, e.event_time,
                                   e.entitlement_id, e.ticket_id
                              FROM scenic_pass_event e
                             WHERE e.device_id = p_device
                               AND e.phase = 'authorised'
                               AND e.uid = CASE WHEN s.type IN ('passed', 'annulled')
                                                THEN s.request_id END
                            OFFSET 0
                       ) o ON true
                  LEFT JOIN LATERAL (
                            SELECT o.reserved_delta + COALESCE(o.free_delta, 0)
                                   + COALESCE(sum(
                                       p.reserved_delta + COALESCE(p.free_delta, 0)
                                   ), 0) AS outstanding
                              FROM scenic_pass_event p WHERE p.origin_id = o.id
                       ) f ON o.id IS NOT NULL
                  LEFT JOIN scenic_entitlement e
                         ON e.id = s."right" AND s.type IN ('admitted', 'refused')
                  LEFT JOIN scenic_ticket c
                         ON c.id = e.ticket_id
                        AND c.company_id = p_company
                  LEFT JOIN scenic_ticket_component m ON m.id = e.component_id
                 ORDER BY s.position
               ) n
    ), step AS MATERIALIZED (
        SELECT a.*, a.free - sum(CASE
                   WHEN a.reentry THEN 0
                   WHEN a.type = 'admitted' THEN a.count
                   WHEN a.type = 'annulled' THEN -a.count
                   ELSE 0
               END) OVER (PARTITION BY a.right_id ORDER BY a.position) AS remaining,
               (a.may_be_plain AND CASE
                   WHEN a.type = 'refused' THEN true
                   WHEN a.type = 'admitted' THEN
                       a.is_open AND a.origin_id = a.id AND (sum(a.count)
                           FILTER (WHERE a.type = 'admitted' AND NOT a.reentry)
                           OVER (PARTITION BY a.right_id) > a.free) IS NOT TRUE
                   WHEN a.type IN ('passed', 'annulled') THEN
                       a.count IS NOT NULL AND a.origin_id IS NOT NULL
                       AND sum(a.count)
                           FILTER (WHERE a.type <> 'admitted')
                           OVER (PARTITION BY a.origin_id) <= a.outstanding
                   ELSE a.request_id IS NULL
               END) IS TRUE AS fits
          FROM (
                -- The admission of each step: the first of its request in this
                -- list, or the one of before.
                SELECT h.*,
                       CASE WHEN n.is_new THEN h.head_id ELSE h.old_id END
                           AS origin_id,
                       CASE WHEN n.is_new THEN h.head_count ELSE h.old_outstanding
                            END AS outstanding,
                       CASE WHEN n.is_new THEN h.head_again ELSE h.old_reentry END
                           AS reentry,
                       CASE WHEN n.is_new THEN h.head_staff ELSE h.old_staff END
                           AS staff,
                       CASE WHEN n.is_new THEN h.head_direction
                            ELSE h.old_direction END AS origin_direction,
                       CASE WHEN n.is_new THEN h.head_at ELSE h.old_at END
                           AS admitted_at,
                       CASE WHEN h.type = 'admitted' THEN h.own_right_id
                            WHEN n.is_new THEN h.head_right_id
                            ELSE h.old_right_id END AS right_id,
                       CASE WHEN n.is_new THEN h.head_ticket_id
                            ELSE h.old_ticket_id END AS ticket_id
                  FROM (
                        SELECT v.*, first_value(v.id) OVER request AS head_id,
                               first_value(v.type) OVER request AS head_type,
                               first_value(v.count) OVER request AS head_count,
                               first_value(v.again IS TRUE) OVER request
                                   AS head_again,
                               first_value(v.own_staff) OVER request AS head_staff,
                               first_value(v.direction) OVER request
                                   AS head_direction,
                               first_value(v.happened) OVER request AS head_at,
                               first_value(v.own_right_id) OVER request
                                   AS head_right_id,
                               first_value(v.own_ticket_id) OVER request
                                   AS head_ticket_id
                          FROM event v
                         WHERE v.kept_id IS NULL
                        WINDOW request AS (
                            PARTITION BY CASE
                                WHEN v.type IN ('admitted', 'passed', 'annulled')
                                THEN v.request_id
                            END
                            ORDER BY v.position
                        )
                       ) h
                 CROSS JOIN LATERAL (
                           SELECT h.type IN ('admitted', 'passed', 'annulled')
                                  AND h.head_type = 'admitted'
                                  AND h.head_ticket_id IS NOT NULL AS is_new
                       ) n
               ) a
    ), plain AS MATERIALIZED (
        SELECT p.id, p.position, p.uid, p.type, p.request_id, p.lane_id, p.lane,
               p.gate_id, p.site_id, p.company_id, p.kind, p.mode, p.seq, p.at,
               p.again, p.assumed, p.reentry, p.flag, p.pools, p.ticket
               || jsonb_strip_nulls(jsonb_build_object('left', p.remaining))
                   AS ticket,
               p.code, p.photo, m.*,
               CASE WHEN p.type <> 'admitted' THEN p.origin_id END AS origin_id,
               CASE WHEN p.type = 'refused' THEN p.own_right_id ELSE p.right_id END
                   AS right_id,
               CASE WHEN p.type = 'refused' THEN p.own_ticket_id ELSE p.ticket_id
                    END AS ticket_id,
               p.staff,
               CASE WHEN NOT p.is_reused THEN p_epoch END AS epoch,
               CASE WHEN p.is_reused
                    THEN concat_ws('; ', NULLIF(p.note, ''), 'seq reused')
                    ELSE p.note END AS note,
               CASE WHEN m.is_counted AND m.direction = 'in' THEN p.from_zone_id
                    WHEN m.is_counted THEN p.to_zone_id END AS zone_from,
               CASE WHEN m.is_counted AND m.direction = 'in' THEN p.to_zone_id
                    WHEN m.is_counted THEN p.from_zone_id END AS zone_to
          FROM (
                SELECT x.*, x.fits AND (
                           x.right_id IS NULL
                           OR bool_and(x.fits) OVER (PARTITION BY x.right_id)
                       ) AS is_plain
                  FROM step x
               ) p
         CROSS JOIN LATERAL (
                   SELECT CASE p.type WHEN 'refused' THEN 0
                                      ELSE COALESCE(p.count, 0) END AS people,
                          CASE p.type WHEN 'admitted' THEN p.count
                                      WHEN 'passed' THEN -p.count
                                      WHEN 'annulled' THEN -p.count
                                      ELSE 0 END AS step,
                          p.type IN ('exit', 'entry', 'passed')
                          AND p.staff IS NOT TRUE AS is_counted,
                          COALESCE(p.direction, CASE p.type
                              WHEN 'exit' THEN 'out'
                              WHEN 'entry' THEN 'in'
                              WHEN 'passed' THEN COALESCE(p.origin_direction, 'in')
                              WHEN 'annulled' THEN p.origin_direction
                          END) AS direction,
                          CASE WHEN p.type IN ('passed', 'annulled')
                               THEN GREATEST(p.happened, p.admitted_at)
                               ELSE p.happened END AS happened
               ) m
         WHERE p.is_plain
    ), done AS (
        INSERT INTO scenic_pass_event (
            id, uid, phase, code, origin_id, request_uid, device_id, lane_id,
            lane_code, gate_id, zone_from_id, zone_to_id, site_id, company_id,
            direction, credential_kind, ticket_id, entitlement_id, passes,
            reserved_delta, used_delta, free_delta, reentry, staff, flag, assumed,
            epoch, seq, device_time, event_time, received_time, note, detail, mode
        )
        SELECT p.id,
               CASE p.type WHEN 'admitted' THEN p.request_id ELSE p.uid END,
               CASE p.type WHEN 'admitted' THEN 'authorised'
                           WHEN 'refused' THEN 'denied' ELSE p.type END,
               CASE p.type WHEN 'admitted' THEN 'ADMIT'
                           WHEN 'refused' THEN p.code ELSE 'OK' END,
               p.origin_id,
               CASE WHEN p.type IN ('passed', 'annulled') THEN p.request_id END,
               p_device, p.lane_id, p.lane, p.gate_id, p.zone_from, p.zone_to,
               p.site_id, p.company_id, p.direction, p.kind, p.ticket_id,
               p.right_id, p.people, CASE WHEN p.reentry THEN 0 ELSE p.step END,
               CASE WHEN p.type = 'passed' AND NOT p.reentry THEN p.people
                    ELSE 0 END,
               CASE WHEN p.reentry THEN p.step ELSE 0 END,
               CASE p.type WHEN 'admitted' THEN p.again
                           WHEN 'passed' THEN p.reentry ELSE false END,
               p.staff, CASE WHEN p.type = 'passed' THEN p.flag END,
               p.assumed IS TRUE, p.epoch, p.seq, p.at, p.happened, p_now, p.note,
               CASE p.type WHEN 'admitted'
                           THEN jsonb_build_object('ticket', p.ticket)
                           WHEN 'refused' THEN '{}'
                           ELSE CASE WHEN p.photo IS NOT NULL
                                     THEN jsonb_build_object('photo', p.photo) END
               END,
               p.mode
          FROM plain p
         ORDER BY p.position
        ON CONFLICT DO NOTHING
        RETURNING id
    ), moved AS (
        UPDATE scenic_entitlement e
           SET entries_reserved = e.entries_reserved + d.reserved,
               entries_used = e.entries_used + d.used,
               reentries_reserved = e.reentries_reserved + d.free,
               write_date = p_now
          FROM (
                SELECT p.right_id,
                       COALESCE(sum(p.step) FILTER (WHERE NOT p.reentry), 0)
                           AS reserved,
                       COALESCE(sum(p.people) FILTER (
                           WHERE NOT p.reentry AND p.type = 'passed'
                       ), 0) AS used,
                       COALESCE(sum(p.step) FILTER (WHERE p.reentry), 0) AS free
                  FROM plain p
                 -- looked up in a hash: a join would go through all pairs
                 WHERE p.step <> 0 AND (p.id IN (SELECT id FROM done)) IS TRUE
                 GROUP BY p.right_id
               ) d
         WHERE e.id = d.right_id AND (d.reserved, d.used, d.free) <> (0, 0, 0)
    )
    SELECT v.id, v.uid, v.seq, v.lane, v.type, v.request_id, v.count, v.direction,
           v.assumed, v.at, v.note, v.kind, v.lookup, v.mode, v.again, v."right",
           v.code, v.photo, v.lane_id, v.gate_id, v.site_id, v.company_id, v.tz,
           v.from_zone_id, v.to_zone_id, v.kept_id, v.conflict, v.is_reused,
           done.id IS NOT NULL, p.ticket_id, p.happened, p.step, p.people,
           p.zone_from, p.zone_to, p.pools
      FROM event v
      LEFT JOIN done ON done.id = v.id
      LEFT JOIN plain p ON p.id = done.id
     ORDER BY v.position;
END
$function$;
