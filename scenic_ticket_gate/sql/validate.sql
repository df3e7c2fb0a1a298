-- The rule of a lane: decide on scans and reserve what is admitted.
--
-- Everybody who moves entries takes the same locks in the same order: the device
-- (only when more than one row is written), then tickets by id, then their
-- entitlements by id. So a scan waits for a refund of the same ticket and sees its
-- outcome, and no two requests wait for each other. Needs READ COMMITTED to see
-- what it waited for; under REPEATABLE READ it fails and is repeated instead.
--
-- p_scans: [{uid, seq, lane, direction, kind, lookup, forged, at}], lookup null for a
-- text that cannot be a code. Returns one object a scan, in the order given, or NULL
-- when the key is not the device's living key.
CREATE OR REPLACE FUNCTION scenic_gate_validate(
    p_device integer, p_key_hash text, p_scans jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
    v_device record;
    v_scan record;
    v_lane record;
    v_ticket record;
    v_right record;
    v_seen record;
    v_now timestamp;
    v_code text;
    v_passes integer;
    v_left integer;
    v_fact jsonb;
    v_event_id integer;
    v_entitlement_id integer;
    v_results jsonb := '[]'::jsonb;
BEGIN
    SELECT d.id, d.site_id, d.company_id INTO v_device
      FROM scenic_device d
     WHERE d.id = p_device AND d.key_hash = p_key_hash
       AND d.state = 'active' AND d.active;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    IF jsonb_array_length(p_scans) > 1 THEN
        PERFORM pg_advisory_xact_lock(hashtext('scenic_gate_device'), p_device);
    END IF;
    PERFORM t.id
       FROM scenic_ticket t
      WHERE t.id = ANY (ARRAY(
                SELECT c.ticket_id FROM scenic_credential c
                 WHERE c.lookup = ANY (ARRAY(
                           SELECT s ->> 'lookup' FROM jsonb_array_elements(p_scans) s
                       ))
            ))
      ORDER BY t.id
        FOR NO KEY UPDATE;

    FOR v_scan IN
        SELECT *
          FROM ROWS FROM (
                   jsonb_to_recordset(p_scans) AS (
                       uid text, seq integer, lane text, direction text, kind text,
                       lookup text, forged boolean, at timestamp
                   )
               ) WITH ORDINALITY
               AS s (uid, seq, lane, direction, kind, lookup, forged, at, position)
         ORDER BY position
    LOOP
        SELECT e.code, e.passes, e.detail INTO v_seen
          FROM scenic_pass_event e
         WHERE e.device_id = p_device AND e.uid = v_scan.uid
           AND e.phase IN ('authorised', 'denied');
        IF FOUND THEN
            v_results := v_results || jsonb_build_object(
                'request_id', v_scan.uid, 'code', v_seen.code,
                'passes', v_seen.passes, 'detail', v_seen.detail, 'repeat', true
            );
            CONTINUE;
        END IF;

        v_now := clock_timestamp() AT TIME ZONE 'UTC';
        v_code := NULL;
        v_passes := 0;
        v_left := 0;
        v_fact := '{}'::jsonb;
        v_entitlement_id := NULL;

        SELECT l.id, l.direction,
               l.gate_id, z.site_id, g.company_id,
               l.mode <> 'locked' AND l.active AND g.active AS is_open
          INTO v_lane
          FROM scenic_lane l
          JOIN scenic_gate g ON g.id = l.gate_id
          JOIN scenic_zone z ON z.id = g.to_zone_id
         WHERE l.device_id = p_device AND l.code = v_scan.lane;

        -- Locked above already; again for a credential that appeared since.
        SELECT t.id, t.name, t.state, t.persons, c.active AS code_active,
               COALESCE(p.name ->> 'zh_CN', p.name ->> 'en_US') AS product
          INTO v_ticket
          FROM scenic_credential c
          JOIN scenic_ticket t ON t.id = c.ticket_id
          JOIN product_product v ON v.id = t.product_id
          JOIN product_template p ON p.id = v.product_tmpl_id
         WHERE c.lookup = v_scan.lookup AND t.company_id = v_device.company_id
         ORDER BY c.active DESC, c.id DESC
         LIMIT 1
           FOR NO KEY UPDATE OF t;

        IF v_lane.id IS NULL THEN
            v_code := 'LANE_UNKNOWN';
        ELSIF NOT v_lane.is_open THEN
            v_code := 'LANE_CLOSED';
        ELSIF v_scan.direction <> 'in' OR v_lane.direction = 'out' THEN
            v_code := 'WRONG_DIRECTION';
        ELSIF v_scan.forged THEN
            v_code := 'FORGED';
        ELSIF v_ticket.id IS NULL THEN
            v_code := 'UNKNOWN';
        ELSIF v_ticket.state = 'held' THEN
            v_code := 'NOT_PAID';
        ELSIF v_ticket.state = 'refunded' THEN
            v_code := 'REFUNDED';
        ELSIF v_ticket.state = 'void' THEN
            v_code := 'VOID';
        ELSIF v_ticket.state = 'frozen' THEN
            v_code := 'FROZEN';
        ELSIF NOT v_ticket.code_active THEN
            v_code := 'VOID';
            v_fact := '{"why": "replaced"}';
        END IF;

        IF v_ticket.id IS NOT NULL THEN
            PERFORM e.id FROM scenic_entitlement e
              WHERE e.ticket_id = v_ticket.id ORDER BY e.id FOR NO KEY UPDATE;
            SELECT COALESCE(
                       sum(e.entries_total - e.entries_used - e.entries_reserved)
                           FILTER (WHERE e.site_id = v_lane.site_id),
                       sum(e.entries_total - e.entries_used - e.entries_reserved),
                       0
                   )
              INTO v_left
              FROM scenic_entitlement e
             WHERE e.ticket_id = v_ticket.id;
        END IF;

        IF v_code IS NULL THEN
            -- The right that serves the visitor best: one that opens now, else one
            -- that explains why none does.
            SELECT r.*, s.tz INTO v_right
              FROM (
                    SELECT e.id, e.site_id, e.valid_from, e.valid_to,
                           e.entries_total - e.entries_used - e.entries_reserved
                               AS free,
                           CASE
                               WHEN e.valid_from > v_now THEN
                                   CASE WHEN e.entries_total - e.entries_used
                                                 - e.entries_reserved > 0
                                        THEN 'NOT_YET_VALID' ELSE 'USED' END
                               WHEN e.valid_to <= v_now THEN
                                   CASE WHEN e.entries_total - e.entries_used
                                                 - e.entries_reserved > 0
                                        THEN 'EXPIRED' ELSE 'USED' END
                               WHEN e.entries_total - e.entries_used
                                        - e.entries_reserved > 0 THEN 'ADMIT'
                               WHEN e.entries_reserved > 0 THEN 'IN_USE'
                               ELSE 'USED'
                           END AS outcome
                      FROM scenic_entitlement e
                     WHERE e.ticket_id = v_ticket.id AND e.site_id = v_lane.site_id
                   ) r
              JOIN scenic_site s ON s.id = r.site_id
             ORDER BY array_position(
                          ARRAY['ADMIT', 'IN_USE', 'NOT_YET_VALID', 'USED', 'EXPIRED'],
                          r.outcome
                      ),
                      CASE WHEN r.outcome IN ('USED', 'EXPIRED')
                           THEN -extract(epoch FROM r.valid_to)
                           ELSE extract(epoch FROM r.valid_to) END,
                      r.id
             LIMIT 1;
            IF NOT FOUND THEN
                v_code := 'WRONG_SITE';
                SELECT jsonb_build_object('places', jsonb_agg(p.name ORDER BY p.id))
                  INTO v_fact
                  FROM scenic_site p
                 WHERE p.id IN (
                           SELECT e.site_id FROM scenic_entitlement e
                            WHERE e.ticket_id = v_ticket.id
                       );
            ELSE
                v_entitlement_id := v_right.id;
                v_code := v_right.outcome;
                IF v_code = 'ADMIT' AND v_ticket.state = 'expired' THEN
                    v_code := 'EXPIRED';
                END IF;
                v_fact := jsonb_build_object(
                    'tz', v_right.tz,
                    'from', v_right.valid_from, 'to', v_right.valid_to
                );
            END IF;
        END IF;

        IF v_code = 'ADMIT' THEN
            v_passes := LEAST(v_right.free, v_ticket.persons);
            v_left := v_left - v_passes;
            v_fact := '{}'::jsonb;
        ELSIF v_code = 'USED' THEN
            SELECT v_fact || jsonb_build_object(
                       'used_at', e.event_time, 'gate', g.name, 'lane', l.name
                   )
              INTO v_fact
              FROM (SELECT 1) one
              LEFT JOIN LATERAL (
                        SELECT p.event_time, p.gate_id, p.lane_id
                          FROM scenic_pass_event p
                         WHERE p.entitlement_id = v_entitlement_id
                           AND p.phase = 'passed' AND p.used_delta > 0
                         ORDER BY p.event_time DESC, p.id DESC
                         LIMIT 1
                   ) e ON true
              LEFT JOIN scenic_gate g ON g.id = e.gate_id
              LEFT JOIN scenic_lane l ON l.id = e.lane_id;
        END IF;
        IF v_ticket.id IS NOT NULL THEN
            v_fact := v_fact || jsonb_build_object('ticket', jsonb_build_object(
                'name', v_ticket.name, 'product', v_ticket.product,
                'persons', v_ticket.persons, 'left', v_left
            ));
        END IF;

        INSERT INTO scenic_pass_event (
            uid, phase, code, device_id, lane_id, lane_code, gate_id,
            site_id, company_id, direction, credential_kind, ticket_id,
            entitlement_id, passes, reserved_delta, used_delta, assumed, seq,
            device_time, event_time, received_time, detail
        ) VALUES (
            v_scan.uid, CASE v_code WHEN 'ADMIT' THEN 'authorised' ELSE 'denied' END,
            v_code, p_device, v_lane.id, v_scan.lane, v_lane.gate_id,
            COALESCE(v_lane.site_id, v_device.site_id),
            COALESCE(v_lane.company_id, v_device.company_id),
            v_scan.direction, v_scan.kind, v_ticket.id,
            v_entitlement_id, v_passes, v_passes, 0, false, v_scan.seq,
            v_scan.at, v_now, v_now, v_fact
        )
        ON CONFLICT (device_id, uid) WHERE phase IN ('authorised', 'denied')
        DO NOTHING
        RETURNING id INTO v_event_id;

        IF NOT FOUND THEN
            -- The same request came in twice at once; the other one decided.
            SELECT e.code, e.passes, e.detail INTO STRICT v_seen
              FROM scenic_pass_event e
             WHERE e.device_id = p_device AND e.uid = v_scan.uid
               AND e.phase IN ('authorised', 'denied');
            v_results := v_results || jsonb_build_object(
                'request_id', v_scan.uid, 'code', v_seen.code,
                'passes', v_seen.passes, 'detail', v_seen.detail, 'repeat', true
            );
            CONTINUE;
        END IF;

        IF v_passes > 0 THEN
            UPDATE scenic_entitlement
               SET entries_reserved = entries_reserved + v_passes, write_date = v_now
             WHERE id = v_entitlement_id;
        END IF;
        v_results := v_results || jsonb_build_object(
            'request_id', v_scan.uid, 'code', v_code, 'passes', v_passes,
            'detail', v_fact, 'repeat', false
        );
    END LOOP;
    RETURN v_results;
END
$function$;
