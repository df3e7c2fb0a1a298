-- Bring the state of tickets in line with their used entries. Only the states that
-- passes move are touched: a frozen or refunded ticket stays so. The caller holds
-- the locks of the tickets.
CREATE OR REPLACE FUNCTION scenic_gate_ticket_state(p_tickets integer[]) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    UPDATE scenic_ticket t
       SET state = n.state, write_date = clock_timestamp() AT TIME ZONE 'UTC'
      FROM (
            SELECT e.ticket_id,
                   CASE WHEN sum(e.entries_used) = 0 THEN 'valid'
                        WHEN sum(e.entries_used) = sum(e.entries_total) THEN 'used'
                        ELSE 'part_used' END AS state
              FROM scenic_entitlement e
             WHERE e.ticket_id = ANY (p_tickets)
             GROUP BY e.ticket_id
           ) n
     WHERE t.id = n.ticket_id
       AND t.state IN ('valid', 'part_used', 'used')
       AND t.state <> n.state;
END
$function$;
