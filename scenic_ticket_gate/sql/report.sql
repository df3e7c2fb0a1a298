-- Keep what the lanes did, and move entries accordingly.
--
-- p_events: [{uid, seq, lane, type, request_id, count, direction, assumed, at, note,
-- kind, lookup, mode, again, right, code, photo}]: kind and lookup of a code that was read,
-- mode, again and right of what the device admitted by itself, code of what it refused,
-- photo under which name the device may have a picture.
-- p_now: naive UTC; NULL is the clock of the server.
-- Returns [{event_id, code, conflict}] in the order given, or NULL when the key is not
-- the device's living key. A fact is always kept; what does not fit is kept as CONFLICT.
-- Locks as in scenic_gate_validate.
--
-- What is plain is kept by one statement for all, see scenic_gate_report_plain: who
-- has 500 events has been cut off and wants to be done. The others go one by one.
DROP FUNCTION IF EXISTS scenic_gate_report(integer, text, jsonb);
CREATE OR REPLACE FUNCTION scenic_gate_report(
    p_device integer, p_key_hash text, p_events jsonb, p_now timestamp DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql
SET join_collapse_limit = 1
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_device record;
    v_event record;
    v_origin record;
    v_gate record;
    v_now timestamp;
    v_code text;
    v_count integer;
    v_direction text;
    v_limit integer;
    v_ticket_id integer;
    v_right_id integer;
    v_staff boolean;
    v_at timestamp;
    v_reserved integer;
    v_used integer;
    v_free integer;
    v_released integer;
    v_zone_from integer;
    v_zone_to integer;
    v_event_id integer;
    v_epoch integer;
    v_note text;
    v_conflict jsonb;
    v_tickets integer[] := '{}';
    v_times timestamp[] := '{}';
    v_pools integer[];
    v_moves jsonb[] := '{}';
    v_results jsonb[] := '{}';
BEGIN
    SELECT d.id, d.site_id, d.company_id, d.epoch INTO v_device
      FROM scenic_device d
     WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    PERFORM pg_advisory_xact_lock(hashtext('scenic_gate_device'), p_device);
    PERFORM t.id
       FROM scenic_ticket t
      WHERE t.id = ANY (ARRAY(
                SELECT o.ticket_id
                  FROM jsonb_array_elements(p_events) s
                 -- each by itself, see scenic_gate_report_plain
                 CROSS JOIN LATERAL (
                           SELECT e.ticket_id FROM scenic_pass_event e
                            WHERE e.device_id = p_device AND e.phase = 'authorised'
                              AND e.uid = s ->> 'request_id'
                           OFFSET 0
                       ) o
                 WHERE s ->> 'type' IN ('passed', 'annulled')
                UNION ALL
                SELECT e.ticket_id FROM scenic_entitlement e
                 WHERE e.id = ANY (ARRAY(
                           SELECT (s ->> 'right')::integer
                             FROM jsonb_array_elements(p_events) s
                       ))
                UNION ALL
                SELECT c.ticket_id FROM scenic_credential c
                 WHERE c.lookup = ANY (ARRAY(
                           SELECT s ->> 'lookup' FROM jsonb_array_elements(p_events) s
                       ))
            ))
      ORDER BY t.id
        FOR NO KEY UPDATE;

    v_now := COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC');
    SELECT array_agg(h.pool_id) INTO v_pools
      FROM scenic_headcount h
      JOIN scenic_capacity_pool p ON p.id = h.pool_id
     WHERE p.company_id = v_device.company_id;
    IF v_pools IS NOT NULL THEN
        PERFORM scenic_gate_lock_counts(v_pools, v_now);
    END IF;

    FOR v_event IN
        SELECT p.* FROM scenic_gate_report_plain(
            p_device, v_device.epoch, v_device.company_id, p_events, v_now
        ) p
    LOOP
        IF v_event.is_done THEN
            v_results := v_results
                || jsonb_build_object('event_id', v_event.uid, 'code', 'OK');
            IF v_event.step < 0 THEN
                v_tickets := v_tickets || v_event.done_ticket_id;
                v_times := v_times || CASE WHEN v_event.type = 'passed'
                                           THEN v_event.done_at END;
            END IF;
            IF v_pools IS NOT NULL AND (
                v_event.step < 0 OR v_event.zone_from IS NOT NULL
                OR v_event.zone_to IS NOT NULL
            ) THEN
                v_moves := v_moves || jsonb_build_object(
                    'from', v_event.zone_from, 'to', v_event.zone_to,
                    'people', v_event.people, 'at', v_event.done_at,
                    'pools', COALESCE(v_event.pools, '[]'),
                    'released', GREATEST(0, -v_event.step)
                );
            END IF;
            CONTINUE;
        END IF;
        IF v_event.kept_id IS NOT NULL THEN
            v_results := v_results || (jsonb_build_object(
                'event_id', v_event.uid, 'code', 'REPEAT'
            ) || CASE WHEN v_event.conflict IS NULL THEN '{}'
                      ELSE jsonb_build_object('conflict', v_event.conflict) END);
            CONTINUE;
        END IF;

        v_code := 'OK';
        v_count := COALESCE(v_event.count, 0);
        v_reserved := 0;
        v_used := 0;
        v_free := 0;
        v_released := 0;
        v_limit := 0;
        v_zone_from := NULL;
        v_zone_to := NULL;
        v_epoch := v_device.epoch;
        v_note := v_event.note;
        IF v_event.is_reused THEN
            -- a fact is kept all the same
            v_epoch := NULL;
            v_note := concat_ws('; ', NULLIF(v_note, ''), 'seq reused');
        END IF;

        IF v_event.type = 'admitted' THEN
            v_conflict := scenic_gate_keep_admitted(
                p_device,
                to_jsonb(v_event) || jsonb_build_object(
                    'site_id', COALESCE(v_event.site_id, v_device.site_id),
                    'company_id', COALESCE(v_event.company_id, v_device.company_id),
                    'epoch', v_epoch, 'note', v_note
                ),
                LEAST(v_event.at, v_now), v_now
            );
            v_code := CASE WHEN v_conflict ? 'repeat' THEN 'REPEAT'
                           WHEN v_conflict IS NOT NULL THEN 'CONFLICT'
                           WHEN v_event.lane_id IS NULL THEN 'LANE_UNKNOWN'
                           ELSE 'OK' END;
            IF v_code = 'REPEAT' THEN
                v_conflict := v_conflict -> 'conflict';
            END IF;
            v_results := v_results || (jsonb_build_object(
                'event_id', v_event.uid, 'code', v_code
            ) || CASE WHEN v_conflict IS NULL THEN '{}'
                      ELSE jsonb_build_object('conflict', v_conflict) END);
            CONTINUE;
        ELSIF v_event.type = 'refused' THEN
            INSERT INTO scenic_pass_event (
                id, uid, phase, code, device_id, lane_id, lane_code, gate_id, site_id,
                company_id, direction, credential_kind, ticket_id, entitlement_id,
                passes, reserved_delta, used_delta, free_delta, assumed, epoch, seq,
                device_time, event_time, received_time, note, detail, mode
            )
            SELECT v_event.id, v_event.uid, 'denied', v_event.code, p_device, v_event.lane_id,
                   v_event.lane, v_event.gate_id,
                   COALESCE(v_event.site_id, v_device.site_id),
                   COALESCE(v_event.company_id, v_device.company_id),
                   v_event.direction, v_event.kind, r.ticket_id, r.id, 0, 0, 0, 0,
                   false, v_epoch, v_event.seq, v_event.at, LEAST(v_event.at, v_now),
                   v_now, v_note, '{}', v_event.mode
              FROM (SELECT v_event."right" AS id) n
              LEFT JOIN (
                       scenic_entitlement r
                       JOIN scenic_ticket t
                         ON t.id = r.ticket_id AND t.company_id = v_device.company_id
                   ) ON r.id = n.id
            ON CONFLICT (device_id, uid) WHERE phase IN ('authorised', 'denied')
            DO NOTHING;
            v_results := v_results || jsonb_build_object(
                'event_id', v_event.uid, 'code',
                CASE WHEN NOT FOUND THEN 'REPEAT'
                     WHEN v_event.lane_id IS NULL THEN 'LANE_UNKNOWN' ELSE 'OK' END
            );
            CONTINUE;
        END IF;

        FOR v_try IN 1..2 LOOP
            -- How much of the admission is still reserved, how much of a free re-entry
            -- nobody used, and how many of those that a device let in by itself have
            -- neither passed nor turned back.
            SELECT e.id, e.phase, e.ticket_id, e.entitlement_id, e.gate_id, e.direction,
                   e.event_time, COALESCE(e.reentry, false) AS reentry, e.staff, e.flag,
                   e.mode, e.detail -> 'pools' AS pools, t.state AS ticket_state,
                   CASE e.phase WHEN 'authorised' THEN f.outstanding ELSE 0 END
                       AS outstanding,
                   CASE e.phase WHEN 'authorised' THEN f.granted ELSE 0 END AS granted,
                   CASE WHEN e.mode IS NOT NULL THEN f.under_way ELSE 0 END AS under_way
              INTO v_origin
              FROM scenic_pass_event e
              LEFT JOIN scenic_ticket t ON t.id = e.ticket_id
             CROSS JOIN LATERAL (
                       SELECT e.reserved_delta + COALESCE(e.free_delta, 0) + COALESCE(
                                  sum(f.reserved_delta + COALESCE(f.free_delta, 0)), 0
                              ) AS outstanding,
                              COALESCE(e.free_delta, 0) - COALESCE(
                                  sum(f.passes) FILTER (WHERE f.phase = 'passed'), 0
                              ) AS granted,
                              e.passes - COALESCE(sum(f.passes) FILTER (
                                  WHERE f.phase IN ('passed', 'annulled')
                              ), 0) AS under_way
                         FROM scenic_pass_event f WHERE f.origin_id = e.id
                   ) f
             WHERE e.device_id = p_device AND e.uid = v_event.request_id
               AND e.phase IN ('authorised', 'denied');
            EXIT WHEN v_origin.id IS NOT NULL OR v_event.type <> 'annulled';
            -- The request may still be on its way: decide it now, so that it cannot
            -- reserve an entry afterwards.
            INSERT INTO scenic_pass_event (
                uid, phase, code, device_id, lane_id, lane_code, gate_id, site_id,
                company_id, passes, reserved_delta, used_delta, assumed, seq,
                device_time, event_time, received_time, detail
            )
            SELECT v_event.request_id, 'denied', 'VOID', p_device, v_event.lane_id,
                   v_event.lane, v_event.gate_id,
                   COALESCE(v_event.site_id, v_device.site_id),
                   COALESCE(v_event.company_id, v_device.company_id),
                   0, 0, 0, false, v_event.seq, v_event.at, v_now, v_now,
                   '{"why": "annulled"}'
            ON CONFLICT (device_id, uid) WHERE phase IN ('authorised', 'denied')
            DO NOTHING;
            EXIT WHEN FOUND;
            -- It was decided while the insert waited for it.
            PERFORM t.id FROM scenic_ticket t
              WHERE t.id = (
                        SELECT e.ticket_id FROM scenic_pass_event e
                         WHERE e.device_id = p_device AND e.uid = v_event.request_id
                           AND e.phase IN ('authorised', 'denied')
                    )
                FOR NO KEY UPDATE;
        END LOOP;

        IF v_event.type IN ('passed', 'annulled') THEN
            v_limit := GREATEST(
                COALESCE(v_origin.outstanding, 0), COALESCE(v_origin.under_way, 0)
            );
            IF v_event.count IS NULL THEN
                -- annulled without a count: whatever is still reserved
                v_count := v_limit;
            END IF;
            v_released := LEAST(v_count, COALESCE(v_origin.outstanding, 0));
            IF v_origin.reentry THEN
                v_free := -v_released;
            ELSE
                v_reserved := -v_released;
            END IF;
        END IF;

        IF v_event.type = 'passed' THEN
            v_used := -v_reserved;
            IF v_count > v_limit THEN
                v_code := 'CONFLICT';
                -- Somebody went through: a free entry pays for it if there is one,
                -- so that the ticket does not open twice. Staff see the conflict and
                -- can give the entry back. Free again stays free, if late, too.
                IF v_origin.phase = 'authorised'
                   AND v_origin.ticket_state NOT IN ('refunded', 'void') THEN
                    SELECT v_used + LEAST(
                               GREATEST(0, v_count - GREATEST(
                                   v_origin.outstanding, v_origin.granted
                               )),
                               CASE WHEN e.unlimited THEN v_count
                                    ELSE e.entries_total - e.entries_used
                                         - e.entries_reserved - e.entries_refunded END
                           )
                      INTO v_used
                      FROM scenic_entitlement e
                     WHERE e.id = v_origin.entitlement_id;
                END IF;
            END IF;
        ELSIF v_event.type = 'annulled' AND v_origin.phase = 'authorised'
              AND v_count > v_limit THEN
            v_code := 'CONFLICT';
        END IF;
        IF v_event.lane_id IS NULL AND v_code = 'OK' THEN
            v_code := 'LANE_UNKNOWN';
        END IF;

        v_ticket_id := v_origin.ticket_id;
        v_right_id := v_origin.entitlement_id;
        v_staff := v_origin.staff;
        IF v_event.type = 'exit' AND v_event.lookup IS NOT NULL THEN
            -- Of several tickets of the code the one whose visitor is inside today.
            SELECT t.id, e.id, t.kind = 'staff'
              INTO v_ticket_id, v_right_id, v_staff
              FROM scenic_credential c
              JOIN scenic_ticket t ON t.id = c.ticket_id
              LEFT JOIN scenic_entitlement e
                     ON e.ticket_id = t.id AND e.site_id = v_event.site_id
              LEFT JOIN LATERAL (
                        SELECT sum(CASE p.phase WHEN 'exit' THEN -p.passes
                                                WHEN 'passed' THEN p.passes
                                                ELSE p.used_delta END) AS inside,
                               max(p.event_time) AS last
                          FROM scenic_pass_event p
                         WHERE p.entitlement_id = e.id
                           AND p.phase IN ('passed', 'exit', 'returned')
                           AND p.event_time >= date_trunc(
                                   'day', v_now AT TIME ZONE 'UTC' AT TIME ZONE v_event.tz
                               ) AT TIME ZONE v_event.tz AT TIME ZONE 'UTC'
                   ) i ON true
             WHERE c.lookup = v_event.lookup AND t.company_id = v_device.company_id
             ORDER BY i.inside > 0 DESC NULLS LAST, i.last DESC NULLS LAST,
                      c.active DESC, t.id, e.id
             LIMIT 1;
        END IF;

        v_direction := COALESCE(
            v_event.direction,
            CASE v_event.type WHEN 'exit' THEN 'out'
                              WHEN 'entry' THEN 'in'
                              WHEN 'passed' THEN COALESCE(v_origin.direction, 'in')
                              WHEN 'annulled' THEN v_origin.direction END
        );
        IF v_event.gate_id IS NULL AND v_origin.gate_id IS NOT NULL THEN
            -- the lane is not the device's any more: the gate of the admission counts
            SELECT g.id, z.site_id, g.company_id, g.from_zone_id, g.to_zone_id
              INTO v_gate
              FROM scenic_gate g
              JOIN scenic_zone z ON z.id = g.to_zone_id
             WHERE g.id = v_origin.gate_id;
            v_event.gate_id := v_gate.id;
            v_event.site_id := v_gate.site_id;
            v_event.company_id := v_gate.company_id;
            v_event.from_zone_id := v_gate.from_zone_id;
            v_event.to_zone_id := v_gate.to_zone_id;
        END IF;
        IF v_event.type IN ('passed', 'exit', 'entry') AND v_staff IS NOT TRUE THEN
            IF v_direction = 'in' THEN
                v_zone_from := v_event.from_zone_id;
                v_zone_to := v_event.to_zone_id;
            ELSE
                v_zone_from := v_event.to_zone_id;
                v_zone_to := v_event.from_zone_id;
            END IF;
        END IF;

        -- The clock of a device may be wrong: nothing happens in the future, and no
        -- pass before its admission.
        v_at := GREATEST(LEAST(v_event.at, v_now), v_origin.event_time);
        WITH kept AS (
            INSERT INTO scenic_pass_event (
                id, uid, phase, code, origin_id, request_uid, device_id, lane_id,
                lane_code, gate_id, zone_from_id, zone_to_id, site_id, company_id, direction,
                credential_kind, ticket_id, entitlement_id, passes, reserved_delta,
                used_delta, free_delta, reentry, staff, flag, assumed, epoch, seq,
                device_time, event_time, received_time, note, detail
            ) VALUES (
                v_event.id, v_event.uid, v_event.type, v_code, v_origin.id,
                v_event.request_id,
                p_device, v_event.lane_id, v_event.lane,
                v_event.gate_id, v_zone_from, v_zone_to,
                COALESCE(v_event.site_id, v_device.site_id),
                COALESCE(v_event.company_id, v_device.company_id), v_direction,
                v_event.kind, v_ticket_id, v_right_id, v_count, v_reserved,
                v_used, v_free, v_event.type = 'passed' AND v_origin.reentry, v_staff,
                CASE WHEN v_event.type = 'passed' THEN v_origin.flag END,
                v_event.assumed, v_epoch, v_event.seq, v_event.at, v_at, v_now, v_note,
                CASE WHEN v_event.photo IS NOT NULL
                     THEN jsonb_build_object('photo', v_event.photo) END
            )
            ON CONFLICT (device_id, uid) WHERE phase NOT IN ('authorised', 'denied')
            DO NOTHING
            RETURNING id
        ), moved AS (
            UPDATE scenic_entitlement e
               SET entries_reserved = e.entries_reserved + v_reserved,
                   entries_used = e.entries_used + v_used,
                   reentries_reserved = e.reentries_reserved + v_free,
                   write_date = v_now
              FROM kept
             WHERE (v_reserved <> 0 OR v_used <> 0 OR v_free <> 0) AND e.id = v_right_id
        )
        SELECT kept.id INTO v_event_id FROM kept;
        IF NOT FOUND THEN
            v_results := v_results
                || jsonb_build_object('event_id', v_event.uid, 'code', 'REPEAT');
            CONTINUE;
        END IF;

        IF v_reserved <> 0 OR v_used <> 0 OR v_free <> 0 THEN
            v_tickets := v_tickets || v_ticket_id;
            v_times := v_times || CASE WHEN v_event.type = 'passed' THEN v_at END;
        END IF;
        IF v_pools IS NOT NULL AND (
            v_released > 0 OR v_zone_from IS NOT NULL OR v_zone_to IS NOT NULL
        ) THEN
            v_moves := v_moves || jsonb_build_object(
                'from', v_zone_from, 'to', v_zone_to, 'people', v_count, 'at', v_at,
                'pools', COALESCE(v_origin.pools, '[]'), 'released', v_released
            );
        END IF;
        v_results := v_results
            || jsonb_build_object('event_id', v_event.uid, 'code', v_code);
    END LOOP;
    IF v_moves <> '{}' THEN
        PERFORM scenic_gate_move_people(to_jsonb(v_moves), v_now);
    END IF;
    PERFORM scenic_gate_ticket_state(v_tickets, v_times);
    RETURN to_jsonb(v_results);
END
$function$;
