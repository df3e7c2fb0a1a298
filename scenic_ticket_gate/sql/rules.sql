-- The house rules of entry that look at what a ticket did before: re-entry, daily
-- entries, minutes between entries, anti-passback, sequence, either-or, time from the
-- first use, lanes of staff. For a right that is open by state, window, weekday and
-- hour. The caller holds the lock of the ticket.
--
-- p_day_start, p_minute: local day and minute of the day. p_day_start: its begin, p_now: both
-- naive UTC. p_lookup: the code that was read, by which the ticket was found.
--
-- Returns {code} and the facts of a refusal, or {code: ADMIT, passes, again, prefer,
-- flag}: for how many persons the lane opens, whether they enter again without using
-- an entry, how much this right is to be preferred to others (1 most), and what is to
-- be looked at ("antipassback").
CREATE OR REPLACE FUNCTION scenic_gate_rules(
    p_ticket integer, p_entitlement integer, p_lane integer, p_lookup text,
    p_day date, p_day_start timestamp, p_minute numeric, p_now timestamp
) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET join_collapse_limit = 1
AS $function$
DECLARE
    v_right record;
    v_today record;
    v_open record;
    v_until timestamp;
    v_name jsonb;
    v_pay integer;
    v_pay_today integer;
    v_again integer;
    v_is_again boolean;
    v_inside integer;
    v_passes integer;
    v_flag text;
BEGIN
    SELECT t.kind, t.booking_id, t.visit_date, t.first_entry_at, t.persons - t.persons_refunded AS heads,
           e.site_id, s.tz, e.component_id, e.valid_from, e.valid_to,
           e.validity_rule_id, e.unlimited, e.daily_entries,
           e.entries_used, e.entries_refunded,
           e.entries_reserved + e.reentries_reserved AS under_way,
           e.entries_reserved, e.reentries_reserved,
           e.entries_total - e.entries_used - e.entries_reserved - e.entries_refunded
               AS free,
           k.sequence, k.reentry, k.antipassback,
           COALESCE(k.choice_group, 0) AS choice_group,
           COALESCE(k.reentry_minutes, 0) AS reentry_minutes,
           p.scenic_in_sequence AS in_sequence,
           COALESCE(p.scenic_grace_early, 0) AS grace_early,
           COALESCE(p.scenic_grace_late, 0) AS grace_late,
           COALESCE(p.scenic_minutes_from_first, 0) AS minutes_from_first,
           CASE WHEN r.mode = 'days_from_first_use' THEN r.days_from_first_use END
               AS days_from_first
      INTO v_right
      FROM scenic_entitlement e
      JOIN scenic_ticket t ON t.id = e.ticket_id
      JOIN scenic_ticket_component k ON k.id = e.component_id
      JOIN product_template p ON p.id = k.product_tmpl_id
      JOIN scenic_site s ON s.id = e.site_id
      LEFT JOIN scenic_validity_rule r ON r.id = e.validity_rule_id
     WHERE e.id = p_entitlement;

    IF v_right.kind = 'staff' AND EXISTS (
        SELECT 1
          FROM (
                SELECT 'product' AS list, c.lane_id
                  FROM scenic_component_lane_rel c
                 WHERE c.component_id = v_right.component_id
                UNION ALL
                SELECT 'card', t.lane_id
                  FROM scenic_ticket_lane_rel t WHERE t.ticket_id = p_ticket
               ) l
         GROUP BY l.list
        HAVING NOT bool_or(l.lane_id = p_lane)
    ) THEN
        RETURN '{"code": "STAFF_LANE"}';
    END IF;
    IF v_right.kind <> 'staff' AND EXISTS (
        SELECT 1 FROM scenic_blackout b
         WHERE b.validity_rule_id = v_right.validity_rule_id
           AND p_day BETWEEN b.date_from AND b.date_to
    ) AND v_right.valid_to > v_right.valid_from + interval '25 hours' THEN
        -- Whoever bought a certain day bought it before it was taken out.
        RETURN '{"code": "BLACKOUT"}';
    END IF;
    IF v_right.kind <> 'staff' AND v_right.valid_to
        > v_right.valid_from + interval '25 hours'
    THEN
        -- Of several days each may have its own hours.
        SELECT o.minute_from, o.minute_to INTO v_open
          FROM scenic_gate_opening(v_right.site_id, p_day) o;
        IF FOUND AND (p_minute < v_open.minute_from) IS NOT FALSE THEN
            RETURN to_jsonb(v_open) || jsonb_build_object('code', CASE
                WHEN v_open.minute_from IS NULL THEN 'CLOSED_TODAY' ELSE 'TOO_EARLY'
            END);
        ELSIF FOUND AND p_minute >= v_open.minute_to THEN
            RETURN to_jsonb(v_open) || '{"code": "TOO_LATE"}';
        END IF;
    END IF;
    IF v_right.kind <> 'staff'
        AND (v_right.kind = 'member' OR v_right.visit_date IS NULL)
        AND scenic_reservation_level(v_right.site_id, p_day) IN ('required', 'slot')
    THEN
        -- The reservation of the slot that is open, if there are several of today.
        SELECT h.slot_id, l.opens > p_now AS too_early, l.closes <= p_now AS too_late,
               l.opens AT TIME ZONE 'UTC' AT TIME ZONE v_right.tz AS opens,
               l.closes AT TIME ZONE 'UTC' AT TIME ZONE v_right.tz AS closes
          INTO v_open
          FROM scenic_capacity_hold h
          LEFT JOIN LATERAL (
                    SELECT s.start - v_right.grace_early * interval '1 minute' AS opens,
                           s."end" + v_right.grace_late * interval '1 minute' AS closes
                      FROM scenic_slot s WHERE s.id = h.slot_id
               ) l ON true
         WHERE h.ticket_id = p_ticket AND h.site_id = v_right.site_id
           AND h.date = p_day AND h.state = 'sold'
         ORDER BY (l.opens > p_now OR l.closes <= p_now) NULLS FIRST, l.opens, h.id
         LIMIT 1;
        IF NOT FOUND THEN
            RETURN '{"code": "RESERVATION_NEEDED"}';
        ELSIF v_open.too_early OR v_open.too_late THEN
            RETURN jsonb_build_object(
                'code', CASE WHEN v_open.too_early THEN 'SLOT_NOT_YET'
                             ELSE 'SLOT_OVER' END,
                'minute_from', extract(epoch FROM v_open.opens::time)::integer / 60,
                'minute_to', extract(epoch FROM v_open.closes::time)::integer / 60
            );
        END IF;
    END IF;
    IF v_right.first_entry_at IS NOT NULL THEN
        v_until := LEAST(
            CASE WHEN v_right.minutes_from_first > 0 THEN v_right.first_entry_at
                + v_right.minutes_from_first * interval '1 minute' END,
            CASE WHEN v_right.days_from_first > 0 THEN (
                (v_right.first_entry_at AT TIME ZONE 'UTC' AT TIME ZONE v_right.tz)::date
                + v_right.days_from_first
            )::timestamp AT TIME ZONE v_right.tz AT TIME ZONE 'UTC' END
        );
        IF v_until <= p_now THEN
            RETURN jsonb_build_object('code', 'FIRST_USE_OVER', 'to', v_until);
        END IF;
    END IF;

    -- What happened by this right: entries used and people through today, people who
    -- left by a lane that read the code, people through in the last minutes.
    SELECT COALESCE(sum(n.used) FILTER (WHERE e.event_time >= p_day_start), 0) AS used,
           COALESCE(sum(n.people) FILTER (WHERE e.event_time >= p_day_start), 0) AS entered,
           COALESCE(sum(e.passes) FILTER (
               WHERE e.phase = 'exit' AND e.event_time >= p_day_start
           ), 0) AS gone,
           COALESCE(sum(n.people) FILTER (
               WHERE e.event_time
                     > p_now - v_right.reentry_minutes * interval '1 minute'
           ), 0) AS just_now,
           max(e.event_time) FILTER (WHERE n.people > 0) AS last
      INTO v_today
      FROM scenic_pass_event e
      LEFT JOIN LATERAL (
                SELECT e.used_delta + COALESCE(sum(f.used_delta), 0) AS used,
                       e.passes - COALESCE(sum(f.passes), 0) AS people
                  FROM scenic_pass_event f
                 WHERE f.origin_id = e.id AND f.phase = 'returned'
           ) n ON e.phase = 'passed'
     WHERE e.entitlement_id = p_entitlement AND e.phase IN ('passed', 'exit')
       AND e.event_time >= LEAST(
               p_day_start, p_now - v_right.reentry_minutes * interval '1 minute'
           );

    -- How many could enter with an entry, and how many again without one.
    v_pay := CASE WHEN v_right.unlimited THEN v_right.heads - v_right.under_way
                  ELSE LEAST(v_right.free, v_right.heads) END;
    v_pay_today := CASE WHEN v_right.daily_entries > 0
                        THEN LEAST(v_pay, v_right.daily_entries * v_right.heads
                                       - v_today.used - v_right.entries_reserved)
                        ELSE v_pay END;
    v_again := CASE v_right.reentry
                   WHEN 'same_day' THEN LEAST(v_today.used, v_right.heads)
                   WHEN 'after_exit' THEN LEAST(
                       v_today.used, v_today.gone - (v_today.entered - v_today.used)
                   )
                   ELSE 0
               END - v_right.reentries_reserved;
    -- A counted exit tells that somebody is outside. Without one, everybody of the
    -- ticket enters before anybody enters again.
    v_is_again := CASE v_right.reentry
        WHEN 'after_exit' THEN v_again > 0
        WHEN 'same_day' THEN v_again > 0 AND v_pay_today < 1
            OR v_today.used + v_right.entries_reserved >= v_right.heads
        ELSE false
    END;
    v_passes := CASE WHEN v_is_again THEN v_again ELSE v_pay_today END;
    v_inside := GREATEST(0, v_today.entered - v_today.gone);

    IF v_passes < 1 THEN
        RETURN CASE
            WHEN v_right.under_way > 0 THEN '{"code": "IN_USE"}'
            WHEN v_right.reentry = 'after_exit' AND v_inside > 0 AND v_pay < 1
                THEN jsonb_build_object('code', 'INSIDE', 'entered_at', v_today.last)
            WHEN v_pay > 0 THEN jsonb_build_object(
                'code', 'DAILY_USED', 'daily', v_right.daily_entries
            )
            WHEN v_right.entries_refunded > 0 AND v_right.entries_used = 0
                THEN '{"code": "REFUNDED"}'
            ELSE '{"code": "USED"}'
        END;
    END IF;

    IF v_right.choice_group > 0 THEN
        SELECT k.name INTO v_name
          FROM scenic_entitlement e
          JOIN scenic_ticket_component k ON k.id = e.component_id
         WHERE e.ticket_id = p_ticket AND e.id <> p_entitlement
           AND k.choice_group = v_right.choice_group
           AND e.entries_used + e.entries_reserved > 0
         ORDER BY e.id LIMIT 1;
        IF FOUND THEN
            RETURN jsonb_build_object('code', 'CHOICE_USED', 'chosen', v_name);
        END IF;
    END IF;
    IF v_right.in_sequence THEN
        SELECT k.name INTO v_name
          FROM scenic_entitlement e
          JOIN scenic_ticket_component k ON k.id = e.component_id
         WHERE e.ticket_id = p_ticket
           AND (k.sequence, k.id) < (v_right.sequence, v_right.component_id)
           AND e.entries_used = 0
           AND (e.unlimited IS TRUE OR e.entries_refunded < e.entries_total)
         ORDER BY k.sequence, k.id LIMIT 1;
        IF FOUND THEN
            RETURN jsonb_build_object('code', 'OUT_OF_SEQUENCE', 'first', v_name);
        END IF;
    END IF;
    IF v_right.reentry_minutes > 0 THEN
        v_passes := LEAST(v_passes, v_right.heads - v_today.just_now);
        IF v_passes < 1 THEN
            RETURN jsonb_build_object(
                'code', 'TOO_SOON', 'again_at', v_today.last
                    + v_right.reentry_minutes * interval '1 minute'
            );
        END IF;
    END IF;
    IF v_right.antipassback IN ('soft', 'hard')
        AND v_passes > v_right.heads - v_inside - v_right.under_way
    THEN
        IF v_right.antipassback = 'soft' THEN
            v_flag := 'antipassback';
        ELSE
            v_passes := v_right.heads - v_inside - v_right.under_way;
            IF v_passes < 1 THEN
                RETURN CASE
                    WHEN v_right.under_way > 0 THEN '{"code": "IN_USE"}'
                    ELSE jsonb_build_object(
                        'code', 'INSIDE', 'entered_at', v_today.last
                    )
                END;
            END IF;
        END IF;
    END IF;

    RETURN jsonb_build_object(
        'code', 'ADMIT', 'passes', v_passes, 'again', v_is_again, 'flag', v_flag,
        'prefer', CASE
            WHEN v_right.kind = 'staff' THEN 1
            WHEN NOT v_is_again THEN 4
            WHEN v_right.reentry = 'after_exit' THEN 2
            -- The same document holds another ticket of the same order that nobody
            -- entered with: a second person of a family, rather than the first again.
            WHEN EXISTS (
                SELECT 1
                  FROM scenic_credential c
                  JOIN scenic_ticket t ON t.id = c.ticket_id
                  JOIN scenic_entitlement e ON e.ticket_id = t.id
                 WHERE c.lookup = p_lookup AND c.active AND t.state = 'valid'
                   AND t.booking_id = v_right.booking_id AND t.id <> p_ticket
                   AND e.site_id = v_right.site_id
                   AND e.valid_from <= p_now AND e.valid_to > p_now
                   AND e.entries_total > e.entries_reserved + e.entries_refunded
            ) THEN 5
            ELSE 3
        END
    );
END
$function$;

-- The minutes of a local day in which a site admits, as scenic.site._opening_minutes:
-- no row where it is always open, a row of NULLs where it is closed.
CREATE OR REPLACE FUNCTION scenic_gate_opening(p_site integer, p_day date)
RETURNS TABLE (minute_from integer, minute_to integer)
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    v_owner integer;
BEGIN
    -- A spot without hours of its own has those of its area.
    SELECT a.id INTO v_owner
      FROM scenic_site s
      JOIN scenic_site a
        ON a.id = ANY (string_to_array(trim(s.parent_path, '/'), '/')::integer[])
     WHERE s.id = p_site
       AND EXISTS (SELECT 1 FROM scenic_opening_hours h WHERE h.site_id = a.id)
     ORDER BY length(a.parent_path) - length(replace(a.parent_path, '/', '')) DESC
     LIMIT 1;
    IF v_owner IS NULL THEN
        RETURN;
    END IF;
    SELECT round(h.time_open * 60),
           CASE WHEN h.closed THEN 0
                ELSE round(h.time_close * 60) - COALESCE(h.last_admission, 0) END
      INTO minute_from, minute_to
      FROM scenic_opening_hours h
     CROSS JOIN LATERAL (
               SELECT extract(month FROM p_day) * 100 + extract(day FROM p_day) AS day,
                      extract(month FROM h.date_from) * 100
                          + extract(day FROM h.date_from) AS first,
                      extract(month FROM h.date_to) * 100
                          + extract(day FROM h.date_to) AS last
           ) y
     WHERE h.site_id = v_owner
       AND (ARRAY[h.monday, h.tuesday, h.wednesday, h.thursday, h.friday, h.saturday,
                  h.sunday])[extract(isodow FROM p_day)::integer]
       AND CASE WHEN h.yearly AND y.first <= y.last
                    THEN y.day BETWEEN y.first AND y.last
                WHEN h.yearly THEN y.day >= y.first OR y.day <= y.last
                ELSE (h.date_from <= p_day) IS NOT FALSE
                     AND (p_day <= h.date_to) IS NOT FALSE END
     ORDER BY h.special DESC NULLS LAST, h.sequence, h.id
     LIMIT 1;
    IF minute_from >= minute_to THEN
        minute_from := NULL;
        minute_to := NULL;
    END IF;
    RETURN NEXT;
END
$function$;
