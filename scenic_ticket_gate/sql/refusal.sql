-- The facts that explain why a ticket was refused: what the text of the code names.
CREATE OR REPLACE FUNCTION scenic_gate_refusal(
    p_code text, p_ticket integer, p_entitlement integer, p_day date
) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    v_fact jsonb;
BEGIN
    IF p_code = 'REPLACED' THEN
        RETURN '{"why": "replaced"}';
    ELSIF p_code IN ('WRONG_SITE', 'NOT_HERE') THEN
        SELECT jsonb_build_object('places', jsonb_agg(s.name ORDER BY s.id)) INTO v_fact
          FROM scenic_site s
         WHERE s.id IN (
                   SELECT e.site_id FROM scenic_entitlement e
                    WHERE e.ticket_id = p_ticket
               );
    ELSIF p_code = 'USED' THEN
        SELECT jsonb_build_object(
                   'used_at', e.event_time, 'gate', g.name, 'lane', l.name
               )
          INTO v_fact
          FROM scenic_pass_event e
          LEFT JOIN scenic_gate g ON g.id = e.gate_id
          LEFT JOIN scenic_lane l ON l.id = e.lane_id
         WHERE e.entitlement_id = p_entitlement
           AND e.phase = 'passed' AND e.used_delta > 0
         ORDER BY e.event_time DESC, e.id DESC
         LIMIT 1;
    ELSIF p_code IN (
        'NOT_YET_VALID', 'EXPIRED', 'WRONG_DAY', 'TOO_EARLY', 'TOO_LATE', 'STAFF_HOURS',
        'SLOT_NOT_YET', 'SLOT_OVER'
    ) THEN
        -- The minutes of this day: of the window, too, where it begins or ends today.
        SELECT jsonb_build_object(
                   'from', e.valid_from, 'to', e.valid_to, 'weekdays', e.weekdays,
                   'minute_from', GREATEST(e.minute_from, CASE
                       WHEN w.first::date = p_day
                       THEN extract(epoch FROM w.first::time)::integer / 60 END),
                   'minute_to', LEAST(e.minute_to, CASE
                       WHEN w.last::date = p_day
                       THEN extract(epoch FROM w.last::time)::integer / 60 END)
               )
          INTO v_fact
          FROM scenic_entitlement e
          JOIN scenic_site s ON s.id = e.site_id
         CROSS JOIN LATERAL (
                   SELECT e.valid_from AT TIME ZONE 'UTC' AT TIME ZONE s.tz AS first,
                          e.valid_to AT TIME ZONE 'UTC' AT TIME ZONE s.tz AS last
               ) w
         WHERE e.id = p_entitlement;
    ELSIF p_code = 'BLACKOUT' THEN
        SELECT jsonb_build_object('reason', COALESCE(b.reason, b.name)) INTO v_fact
          FROM scenic_entitlement e
          JOIN scenic_blackout b ON b.validity_rule_id = e.validity_rule_id
         WHERE e.id = p_entitlement AND p_day BETWEEN b.date_from AND b.date_to
         ORDER BY b.date_from, b.id
         LIMIT 1;
    END IF;
    RETURN COALESCE(v_fact, '{}');
END
$function$;
