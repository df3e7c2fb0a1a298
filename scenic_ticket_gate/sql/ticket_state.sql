-- Bring tickets in line with their passes: the state with their used entries, the
-- first entry with the times given (one a ticket of the list, NULL: none). Only the
-- states that passes move are touched: a frozen or refunded ticket stays so. The
-- caller holds the locks of the tickets.
DROP FUNCTION IF EXISTS scenic_gate_ticket_state(integer[]);
CREATE OR REPLACE FUNCTION scenic_gate_ticket_state(
    p_tickets integer[], p_times timestamp[] DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    UPDATE scenic_ticket t
       SET state = CASE WHEN t.state IN ('valid', 'part_used', 'used') THEN n.state
                        ELSE t.state END,
           first_entry_at = LEAST(t.first_entry_at, n.first),
           write_date = clock_timestamp() AT TIME ZONE 'UTC'
      FROM (
            SELECT e.ticket_id, f.first,
                   CASE WHEN sum(e.entries_used) = 0 THEN 'valid'
                        WHEN bool_and(
                            e.unlimited IS NOT TRUE
                            AND e.entries_used + e.entries_refunded = e.entries_total
                        ) THEN 'used'
                        ELSE 'part_used' END AS state
              FROM (
                    SELECT p.id, min(p.at) AS first
                      FROM ROWS FROM (unnest(p_tickets), unnest(p_times)) AS p (id, at)
                     GROUP BY p.id
                   ) f
              JOIN scenic_entitlement e ON e.ticket_id = f.id
             GROUP BY e.ticket_id, f.first
           ) n
     WHERE t.id = n.ticket_id
       AND (
           t.state <> n.state AND t.state IN ('valid', 'part_used', 'used')
           OR n.first < t.first_entry_at
           OR n.first IS NOT NULL AND t.first_entry_at IS NULL
       );
END
$function$;
