-- Hand out the next ticket of a printer, and keep what became of the one before; NULL
-- when the key is not the device's living key.
--
-- A printer has one job in hand. Asked again by the same process, without a word about
-- it, its bridge never got the answer: it gets the job once more. Another process had
-- taken it and is gone: whether it came out nobody knows, so it is not printed again.
--
-- p_call: {printer, session, state, width, leaving, job, outcome}; leaving: the process
-- ends and takes nothing more
-- p_now: naive UTC; NULL is the clock of the server.
CREATE OR REPLACE FUNCTION scenic_gate_print(
    p_device integer, p_key_hash text, p_call jsonb, p_max_wait interval,
    p_now timestamp DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
    v_now timestamp := COALESCE(p_now, clock_timestamp() AT TIME ZONE 'UTC');
    v_session text := p_call->>'session';
    v_printer record;
    v_job integer;
BEGIN
    IF NOT EXISTS (
        SELECT FROM scenic_device d
         WHERE d.id = p_device AND scenic_gate_device_lives(d, p_key_hash)
    ) THEN
        RETURN NULL;
    END IF;
    -- one hand-out at a time; whoever adds a job does not wait
    SELECT p.id, p.state, p.last_seen INTO v_printer
      FROM scenic_printer p
     WHERE p.device_id = p_device AND p.code = p_call->>'printer' AND p.active
       FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('known', false, 'job', NULL);
    END IF;
    IF v_printer.state <> p_call->>'state'
       OR (v_printer.last_seen > v_now - interval '10 seconds') IS NOT TRUE
    THEN
        UPDATE scenic_printer p SET state = p_call->>'state', last_seen = v_now
         WHERE p.id = v_printer.id;
    END IF;
    UPDATE scenic_print_job j
       SET state = p_call->>'outcome',
           date_done = CASE WHEN p_call->>'outcome' <> 'waiting' THEN v_now END
     WHERE j.id = (p_call->>'job')::integer AND j.printer_id = v_printer.id
       AND j.state = 'sent' AND j.session = v_session;
    UPDATE scenic_print_job j SET state = 'unsure', date_done = v_now
     WHERE j.printer_id = v_printer.id AND j.state = 'sent' AND j.session <> v_session;
    UPDATE scenic_print_job j
       SET state = CASE WHEN t.state IN ('valid', 'part_used') THEN 'late'
                        ELSE 'cancelled' END,
           date_done = v_now
      FROM scenic_ticket t
     WHERE j.printer_id = v_printer.id AND j.state = 'waiting' AND t.id = j.ticket_id
       AND (j.create_date < v_now - p_max_wait
            OR t.state NOT IN ('valid', 'part_used'));
    IF (p_call->>'leaving')::boolean THEN
        RETURN jsonb_build_object('known', true, 'job', NULL);
    END IF;
    UPDATE scenic_print_job j SET state = 'sent', session = v_session
     WHERE j.id = (
               SELECT n.id FROM scenic_print_job n
                WHERE n.printer_id = v_printer.id AND n.state IN ('waiting', 'sent')
                ORDER BY n.state = 'sent' DESC, n.id
                LIMIT 1
           )
    RETURNING j.id INTO v_job;
    RETURN jsonb_build_object('known', true, 'job', v_job);
END
$function$;
