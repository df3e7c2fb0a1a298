def uninstall_hook(env):
    """Remove what the registry does not know of: the functions and the triggers.

    The triggers go with the function that they call, so that the tables of the
    module can be dropped with the events in them.
    """
    env.cr.execute(
        """
        DROP FUNCTION IF EXISTS
            scenic_gate_device_lives(scenic_device, text),
            scenic_gate_device_of_key(text),
            scenic_gate_validate(integer, text, jsonb, timestamp),
            scenic_gate_rules(
                integer, integer, integer, text, date, timestamp, numeric, timestamp
            ),
            scenic_gate_opening(integer, date),
            scenic_gate_crossed(integer, integer),
            scenic_gate_inside(integer, timestamp),
            scenic_gate_lock_counts(integer[], timestamp),
            scenic_gate_room(integer[], integer, timestamp),
            scenic_gate_move_people(jsonb, timestamp),
            scenic_gate_refusal(text, integer, integer, date),
            scenic_gate_report(integer, text, jsonb, timestamp),
            scenic_gate_heartbeat(
                integer, text, integer, text, integer, integer, jsonb
            ),
            scenic_gate_give_back(integer, integer, text, text, boolean),
            scenic_gate_ticket_state(integer[], timestamp[]),
            scenic_pass_event_append_only()
        CASCADE
        """
    )
