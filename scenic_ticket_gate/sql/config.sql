-- What a device needs to know beside the tickets: keys, sites, products, lanes, limits.
-- See docs/gate-api.md for the fields.

CREATE OR REPLACE FUNCTION scenic_gate_words(p_words jsonb) RETURNS json
LANGUAGE sql IMMUTABLE AS $function$
    SELECT CASE WHEN p_words IS NOT NULL THEN json_build_object(
        'en', p_words ->> 'en_US',
        'zh', COALESCE(p_words ->> 'zh_CN', p_words ->> 'en_US')
    ) END
$function$;

-- The settings of a device as the text of a JSON object, the same for the same
-- settings on the same day. p_now: naive UTC.
CREATE OR REPLACE FUNCTION scenic_gate_settings(p_device integer, p_now timestamp)
RETURNS text
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    RETURN (
        SELECT left(json_build_object(
            'device', d.name,
            'decides', d.decides,
            'public_keys', (
                SELECT COALESCE(json_agg(json_build_object(
                           'kid', k.kid, 'key', k.public_key
                       ) ORDER BY k.kid, k.id DESC), '[]')
                  FROM scenic_signing_key k
            ),
            'site_codes', (
                SELECT COALESCE(json_agg(s.code ORDER BY s.id), '[]')
                  FROM scenic_site s
                 WHERE s.company_id = d.company_id AND s.code <> ''
            ),
            'offline', json_build_object(
                'max_age_hours', d.offline_hours,
                'admit_unsynced', d.offline_unsynced > 0,
                'max_unsynced', d.offline_unsynced,
                'kinds', array_remove(ARRAY[
                    CASE WHEN d.offline_qr THEN 'qr' END,
                    CASE WHEN d.offline_barcode THEN 'barcode' END,
                    CASE WHEN d.offline_ic_card THEN 'ic_card' END,
                    CASE WHEN d.offline_id_document THEN 'id_document' END
                ], NULL)
            ),
            'sites', (
                SELECT COALESCE(json_agg(json_build_object(
                           'id', s.id, 'code', s.code,
                           'name', scenic_gate_words(s.name), 'tz', s.tz,
                           'days', COALESCE(y.days, '{}')
                       ) ORDER BY s.id), '[]')
                  FROM scenic_site s
                  LEFT JOIN LATERAL (
                            SELECT json_object_agg(t.day, json_build_object(
                                       'open', CASE
                                           WHEN o.known IS NULL THEN NULL
                                           WHEN o.minute_from IS NULL THEN '[]'
                                           ELSE json_build_array(
                                               o.minute_from, o.minute_to
                                           ) END,
                                       'reservation',
                                       scenic_reservation_level(s.id, t.day)
                                   ) ORDER BY t.day) AS days
                              FROM (
                                    SELECT (p_now AT TIME ZONE 'UTC' AT TIME ZONE s.tz)
                                               ::date + n AS day
                                      FROM generate_series(-1, 13) n
                                   ) t
                              LEFT JOIN LATERAL (
                                        SELECT true AS known, h.minute_from,
                                               h.minute_to
                                          FROM scenic_gate_opening(s.id, t.day) h
                                    ) o ON true
                        ) y ON EXISTS (
                                SELECT 1 FROM scenic_lane l
                                 WHERE l.device_id = d.id AND l.site_id = s.id
                            )
                 WHERE s.company_id = d.company_id
            ),
            'rules', (
                SELECT COALESCE(json_agg(json_build_object(
                           'id', r.id,
                           'days_from_first', CASE
                               WHEN r.mode = 'days_from_first_use'
                               THEN NULLIF(r.days_from_first_use, 0) END,
                           'blackout', (
                               SELECT COALESCE(json_agg(json_build_object(
                                          'from', b.date_from, 'to', b.date_to,
                                          'reason', scenic_gate_words(
                                              COALESCE(b.reason, b.name)
                                          )
                                      ) ORDER BY b.date_from, b.id), '[]')
                                 FROM scenic_blackout b
                                WHERE b.validity_rule_id = r.id
                                  AND b.date_to >= p_now::date - 2
                           )
                       ) ORDER BY r.id), '[]')
                  FROM scenic_validity_rule r
            ),
            'components', (
                SELECT COALESCE(json_agg(json_build_object(
                           'id', k.id, 'site', k.site_id,
                           'product_class', p.scenic_class_code,
                           'name', scenic_gate_words(k.name),
                           'gate_name', k.gate_name, 'sequence', k.sequence,
                           'choice', COALESCE(k.choice_group, 0),
                           'in_sequence', p.scenic_in_sequence IS TRUE,
                           'reentry', k.reentry,
                           'reentry_minutes', COALESCE(k.reentry_minutes, 0),
                           'antipassback', k.antipassback,
                           'minutes_from_first',
                           COALESCE(p.scenic_minutes_from_first, 0),
                           'grace_early', COALESCE(p.scenic_grace_early, 0),
                           'grace_late', COALESCE(p.scenic_grace_late, 0),
                           'has_rules', k.has_entry_rules IS TRUE,
                           'staff_lanes', (
                               SELECT COALESCE(json_agg(l.code ORDER BY l.code)
                                          FILTER (WHERE l.device_id = d.id), '[]')
                                 FROM scenic_component_lane_rel c
                                 JOIN scenic_lane l ON l.id = c.lane_id
                                WHERE c.component_id = k.id
                               HAVING count(*) > 0
                           )
                       ) ORDER BY k.id), '[]')
                  FROM scenic_ticket_component k
                  JOIN scenic_site s ON s.id = k.site_id
                  JOIN product_template p ON p.id = k.product_tmpl_id
                 WHERE s.company_id = d.company_id
            ),
            'lanes', (
                SELECT COALESCE(json_agg(json_build_object(
                           'lane', l.code,
                           'name', COALESCE(l.name ->> 'zh_CN', l.name ->> 'en_US'),
                           'site', l.site_id,
                           'gate', json_build_object(
                               'id', g.id,
                               'name', COALESCE(g.name ->> 'zh_CN', g.name ->> 'en_US')
                           ),
                           'direction', l.direction, 'kind', l.kind,
                           'into', COALESCE(x.into_pools, '{}'),
                           'out_of', COALESCE(x.out_of_pools, '{}'),
                           'counted', g.into_pools IS NOT NULL
                       ) ORDER BY l.code), '[]')
                  FROM scenic_lane l
                  JOIN scenic_gate g ON g.id = l.gate_id
                 CROSS JOIN LATERAL (
                           SELECT array_agg(c.pool_id ORDER BY c.pool_id)
                                      FILTER (WHERE c.step = 1) AS into_pools,
                                  array_agg(c.pool_id ORDER BY c.pool_id)
                                      FILTER (WHERE c.step = -1) AS out_of_pools
                             FROM scenic_gate_crossed(g.from_zone_id, g.to_zone_id) c
                       ) x
                 WHERE l.device_id = d.id
            ),
            'pools', (
                SELECT COALESCE(json_agg(json_build_object(
                           'id', p.id,
                           'name', COALESCE(p.name ->> 'zh_CN', p.name ->> 'en_US'),
                           'capacity', p.capacity, 'stop_at', v.places,
                           'level', scenic_gate_words(v.name), 'site', p.site_id
                       ) ORDER BY p.id), '[]')
                  FROM scenic_capacity_pool p
                  LEFT JOIN LATERAL (
                            SELECT ceil(p.capacity * e.percent / 100.0)::integer
                                       AS places, e.name
                              FROM scenic_capacity_level e
                             WHERE e.scheme_id = p.scheme_id AND e.stops_entry
                             ORDER BY e.percent LIMIT 1
                        ) v ON true
                 WHERE p.kind = 'instant' AND p.active AND p.company_id = d.company_id
            )
        )::text, -1) || CASE WHEN d.has_fingerprint THEN ', "fingerprints": ' || (
            SELECT COALESCE(json_agg(json_build_object(
                       'ref', m.fingerprint_ref, 'tickets', k.names
                   ) ORDER BY m.id), '[]')
              FROM scenic_membership m
             CROSS JOIN LATERAL (
                       SELECT json_agg(t.name ORDER BY t.id) AS names
                         FROM scenic_ticket t
                        WHERE t.membership_id = m.id AND EXISTS (
                                  SELECT 1 FROM scenic_entitlement e
                                   WHERE e.ticket_id = t.id
                                     AND e.valid_to > p_now - interval '30 days'
                              )
                   ) k
             WHERE m.company_id = d.company_id AND m.fingerprint_ref IS NOT NULL
               AND k.names IS NOT NULL
        )::text ELSE '' END || '}'
          FROM scenic_device d
         WHERE d.id = p_device
    );
END
$function$;

-- Answer with the settings and note their version with the device; NULL when the key
-- is not the device's living key. Where p_version is the version, no settings are told.
CREATE OR REPLACE FUNCTION scenic_gate_config(
    p_device integer, p_key_hash text, p_version text, p_now timestamp DEFAULT NULL
) RETURNS TABLE (version text, settings text, decides text, server_time text)
LANGUAGE plpgsql AS $function$
#variable_conflict use_variable
DECLARE
    v_now timestamp := COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC');
BEGIN
    SELECT d.decides INTO decides
      FROM scenic_device d
     WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    server_time := scenic_gate_time(v_now);
    settings := scenic_gate_settings(p_device, v_now);
    version := md5(settings);
    UPDATE scenic_device d
       SET config_version = version, config_at = v_now, settings_version = version,
           settings_at = v_now
     WHERE d.id = p_device AND (d.config_version, d.settings_version)
               IS DISTINCT FROM (version, version);
    IF p_version = version THEN
        settings := NULL;
    END IF;
    RETURN NEXT;
END
$function$;
