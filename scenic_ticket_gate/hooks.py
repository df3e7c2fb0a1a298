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
            scenic_gate_unchanged(bigint[]),
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
            scenic_gate_report_plain(integer, integer, integer, jsonb, timestamp),
            scenic_gate_keep_admitted(integer, jsonb, timestamp, timestamp),
            scenic_gate_entry_value(integer),
            scenic_gate_horizon(),
            scenic_gate_log_rows(),
            scenic_gate_log_ticket(),
            scenic_gate_log_entitlement(),
            scenic_gate_log_credential(),
            scenic_gate_log_hold(),
            scenic_gate_log_visitor(),
            scenic_gate_log_event(),
            scenic_gate_prune_changes(integer),
            scenic_gate_sync(
                integer, text, text, integer, timestamp, timestamp
            ),
            scenic_gate_config(integer, text, text, timestamp),
            scenic_gate_settings(integer, timestamp),
            scenic_gate_words(jsonb),
            scenic_gate_time(timestamp),
            scenic_gate_heartbeat(integer, text, jsonb, timestamp),
            scenic_lane_mode(
                scenic_lane, scenic_gate, scenic_device, timestamp
            ),
            scenic_lane_scheduled(integer, timestamp, timestamp),
            scenic_lane_plan(integer, timestamp),
            scenic_gate_count_people(integer, integer, integer, text, text),
            scenic_gate_uncount_people(integer, integer, text, text),
            scenic_gate_give_back(integer, integer, text, text, boolean),
            scenic_gate_ticket_state(integer[], timestamp[]),
            scenic_pass_event_append_only()
        CASCADE
        """
    )
    env.cr.execute("DROP TABLE IF EXISTS scenic_gate_change, scenic_gate_change_kept")
