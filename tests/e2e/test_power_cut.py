"""kill -9 of the bridge between authorise and passed, with Odoo on the other end."""

import signal

from demo.park import wait_for


def sell_one(window):
    order = window.sell(("成人票", 1, 120.0))
    (ticket,) = order["tickets"]
    return ticket["id"], ticket["pos_qr_token"]


def right_of(sql, ticket):
    """Return ``total|reserved|used``."""
    return sql(
        "SELECT entries_total, entries_reserved, entries_used "
        f"FROM scenic_entitlement WHERE ticket_id = {ticket}"
    )


def events_of(sql, ticket):
    return sql(
        "SELECT string_agg(phase, ',' ORDER BY id) FROM scenic_pass_event "
        f"WHERE ticket_id = {ticket}"
    )


def kill_and_restart(park, while_down=lambda: None):
    park.bridge.stop(signal.SIGKILL)
    while_down()
    park.bridge.start()
    wait_for(lambda: park.bridge.health()["status"] == "ok", "the bridge is back", 60)
    wait_for(lambda: park.bridge.health()["outbox"] == 0, "everything is uploaded", 60)


def test_killed_with_the_arm_released_is_consumed_once(park, window, sql):
    ticket, code = sell_one(window)
    park.simulator.present("L1", code, walk="timeout", wait=False)
    wait_for(lambda: park.simulator.lanes()["L1"]["released"]["in"], "the arm opens")
    assert right_of(sql, ticket) == "1|1|0"
    kill_and_restart(park, lambda: park.simulator.walk("L1", "in"))
    wait_for(lambda: right_of(sql, ticket) == "1|0|1", "the entry is settled")
    assert events_of(sql, ticket) == "authorised,passed"
    assumed = sql(
        "SELECT assumed FROM scenic_pass_event "
        f"WHERE ticket_id = {ticket} AND phase = 'passed'"
    )
    assert assumed == "t"
    kill_and_restart(park)
    assert events_of(sql, ticket) == "authorised,passed"
    assert right_of(sql, ticket) == "1|0|1"


def test_killed_after_the_pass_reports_it_once(park, window, sql):
    ticket, code = sell_one(window)
    visit = park.simulator.present("L1", code)
    assert visit["passed"] == 1
    kill_and_restart(park)
    wait_for(lambda: right_of(sql, ticket) == "1|0|1", "the pass is reported")
    assert events_of(sql, ticket) == "authorised,passed"


def test_odoo_away_during_the_pass_loses_nothing(park, window, sql):
    ticket, code = sell_one(window)
    park.simulator.present("L1", code, walk="timeout", wait=False)
    wait_for(lambda: park.simulator.lanes()["L1"]["released"]["in"], "the arm opens")
    park.server.kill()
    park.simulator.walk("L1", "in")
    wait_for(lambda: park.bridge.health()["outbox"] > 0, "the pass waits")
    assert right_of(sql, ticket) == "1|1|0"
    park.server.start()
    wait_for(lambda: right_of(sql, ticket) == "1|0|1", "the pass arrives", 60)
    assert events_of(sql, ticket) == "authorised,passed"


def test_nobody_enters_while_odoo_is_away(park, window, sql):
    ticket, code = sell_one(window)
    park.server.kill()
    visit = park.simulator.present("L2", code, patience=8.0)
    assert not visit["released"]
    newest = park.bridge.events("L2")[0]
    assert newest["code"] == "OFFLINE"
    assert newest["text_zh"] and newest["text_en"]
    park.server.start()
    wait_for(lambda: park.bridge.health()["status"] == "ok", "the bridge is back", 60)
    visit = park.simulator.present("L2", code)
    assert visit["passed"] == 1
    wait_for(lambda: right_of(sql, ticket) == "1|0|1", "the entry is used")


def test_every_entry_is_accounted_for(park, sql):
    wait_for(lambda: park.bridge.health()["outbox"] == 0, "everything is uploaded")
    assert park.bridge.health()["unresolved"] == 0
    wrong = sql(
        "SELECT count(*) FROM scenic_entitlement e WHERE e.entries_used <> COALESCE(("
        "SELECT sum(p.used_delta) FROM scenic_pass_event p "
        "WHERE p.entitlement_id = e.id), 0)"
    )
    assert wrong == "0"
