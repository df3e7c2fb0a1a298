"""A bridge that decides by itself, against a real Odoo."""

from contextlib import suppress

import pytest
import requests
from demo.park import DEVICE, wait_for
from demo.window import Window

SEEN_AT_ONCE, SEEN_LATE = 0.3, 3600


@pytest.fixture(scope="module")
def window(park):
    window = Window(park.person("cashier"))
    yield window
    window.close()


@pytest.fixture(scope="module")
def bridge(park):
    """The park's bridge, which Odoo permits to decide; it is as before afterwards."""
    manager = park.person("manager")
    (device,) = manager.read("scenic.device", [["name", "=", DEVICE]], ["decides"])
    manager.call("scenic.device", "write", [device["id"]], {"decides": "site"})
    before = park.bridge.config.read_text()
    yield park.bridge
    manager.call(
        "scenic.device", "write", [device["id"]], {"decides": device["decides"]}
    )
    park.bridge.config.write_text(before)
    restart(park)


def restart(park, **server):
    """Start the bridge anew with other settings of its ``[server]`` table."""
    park.bridge.stop()
    text = park.bridge.config.read_text()
    lines = [line for line in text.splitlines() if line.split(" =")[0] not in server]
    added = [f"{name} = {value!r}" for name, value in server.items()]
    at = lines.index("[server]") + 1
    park.bridge.config.write_text("\n".join([*lines[:at], *added, *lines[at:]]) + "\n")
    park.bridge.start()
    wait_for(lambda: park.bridge.health()["status"] == "ok", "the bridge is back", 60)


def sell(window):
    order = window.sell(("成人票", 1, 120.0))
    (ticket,) = order["tickets"]
    return order, ticket["id"], ticket["pos_qr_token"]


def until_copied(park):
    """Wait until the copy is of a moment after this one."""
    before = park.bridge.health()["copy_at"]
    wait_for(lambda: park.bridge.health()["copy_at"] != before, "the copy is new", 60)
    before = park.bridge.health()["copy_at"]
    wait_for(lambda: park.bridge.health()["copy_at"] != before, "and again", 60)


def until_events(sql, ticket, wanted):
    """Wait until the log of the ticket in Odoo is this; a refusal may come late."""
    with suppress(TimeoutError):
        wait_for(lambda: events_of(sql, ticket) == wanted, "the events arrive", 30)
    assert events_of(sql, ticket) == wanted


def until_uploaded(park):
    wait_for(lambda: park.bridge.health()["outbox"] == 0, "everything is uploaded", 90)


def right_of(sql, ticket):
    """Return ``total|reserved|used``."""
    return sql(
        "SELECT entries_total, entries_reserved, entries_used "
        f"FROM scenic_entitlement WHERE ticket_id = {ticket}"
    )


def events_of(sql, ticket):
    return sql(
        "SELECT string_agg(concat_ws(' ', phase, mode), ',' ORDER BY id) "
        f"FROM scenic_pass_event WHERE ticket_id = {ticket}"
    )


def last_refusal(park, lane):
    rows = park.bridge.events(lane)
    return next(row["code"] for row in rows if row["phase"] == "denied")


def test_a_ticket_is_sold_copied_decided_on_and_consumed(park, bridge, window, sql):
    restart(park, mode="site", sync=SEEN_AT_ONCE)
    _order, ticket, code = sell(window)
    until_copied(park)
    assert park.simulator.present("L1", code)["passed"] == 1
    until_uploaded(park)
    assert right_of(sql, ticket) == "1|0|1"
    until_events(sql, ticket, "authorised site,passed")
    # its own entry comes back in the feed and is not counted twice
    until_copied(park)
    assert not park.simulator.present("L2", code, patience=2.0)["released"]
    assert last_refusal(park, "L2") == "USED"
    until_uploaded(park)
    until_events(sql, ticket, "authorised site,passed,denied site")


def test_without_odoo_each_ticket_opens_once(park, bridge, window, sql):
    restart(park, mode="online", sync=SEEN_AT_ONCE, timeout=0.8)
    tickets = [sell(window)[1:] for _ in range(2)]
    until_copied(park)
    park.server.kill()
    try:
        for _ticket, code in tickets:
            assert park.simulator.present("L1", code)["passed"] == 1
            refused = park.simulator.present("L2", code, patience=2.0)
            assert not refused["released"]
    finally:
        park.server.start()
    until_uploaded(park)
    for ticket, _code in tickets:
        assert right_of(sql, ticket) == "1|0|1"
        until_events(sql, ticket, "authorised offline,passed,denied offline")
    assert park.bridge.health()["conflicts"] == 0


@pytest.fixture
def twice(park):
    """成人票 holds one more entry, older than the usual one, and two days valid."""
    manager = park.person("manager")
    (usual,) = manager.read(
        "scenic.ticket.component",
        [["product_tmpl_id.name", "=", "成人票"]],
        ["product_tmpl_id", "site_id", "sequence"],
    )
    rule = manager.call(
        "scenic.validity.rule",
        "create",
        {"name": "两日有效", "mode": "visit_date", "days": 2},
    )
    component = manager.call(
        "scenic.ticket.component",
        "create",
        {
            "name": "两日",
            "product_tmpl_id": usual["product_tmpl_id"][0],
            "site_id": usual["site_id"][0],
            "sequence": usual["sequence"] - 1,
            "validity_rule_id": rule,
        },
    )
    yield
    manager.call("scenic.ticket.component", "write", [component], {"active": False})


def test_a_right_that_odoo_used_is_used_in_the_copy(park, bridge, window, sql, twice):
    """Odoo takes the right that ends first, which is not the first of the ticket."""
    restart(park, mode="online", sync=SEEN_AT_ONCE, timeout=0.8)
    _order, ticket, code = sell(window)
    conflicts = park.bridge.health()["conflicts"]

    def rights():
        return sql(
            "SELECT entries_reserved, entries_used FROM scenic_entitlement "
            f"WHERE ticket_id = {ticket} ORDER BY id"
        ).splitlines()

    until_copied(park)
    assert park.simulator.present("L1", code)["passed"] == 1
    until_uploaded(park)
    assert rights() == ["0|0", "0|1"]
    park.server.kill()
    try:
        assert park.simulator.present("L2", code)["passed"] == 1
        refused = park.simulator.present("L3", code, patience=2.0)
        assert not refused["released"]
        assert last_refusal(park, "L3") == "USED"
    finally:
        park.server.start()
    until_uploaded(park)
    assert rights() == ["0|1", "0|1"]
    until_events(
        sql, ticket, "authorised,passed,authorised offline,passed,denied offline"
    )
    assert park.bridge.health()["conflicts"] == conflicts


@pytest.fixture
def exit_reader(park, bridge):
    """The exit X1 reads codes."""
    before = bridge.config.read_text()
    scanner = park.simulator.directory / "X1.scanner"
    reader = f'''
[[lanes.readers]]
kind = "line"
transport = {{ kind = "serial", port = "{scanner}" }}
'''
    bridge.config.write_text(before + reader)  # X1 is the last lane
    yield
    bridge.config.write_text(before)


@pytest.fixture
def comes_back(park):
    """成人票 admits again whoever was counted out."""
    manager = park.person("manager")
    (component,) = manager.read(
        "scenic.ticket.component",
        [["product_tmpl_id.name", "=", "成人票"]],
        ["reentry"],
    )
    manager.call(
        "scenic.ticket.component", "write", [component["id"]], {"reentry": "after_exit"}
    )
    yield
    manager.call(
        "scenic.ticket.component",
        "write",
        [component["id"]],
        {"reentry": component["reentry"]},
    )


@pytest.mark.parametrize("mode", ["online", "site"])
def test_who_left_by_a_reader_comes_in_again(
    park, bridge, window, sql, exit_reader, comes_back, mode
):
    restart(park, mode=mode, sync=SEEN_AT_ONCE)
    _order, ticket, code = sell(window)
    until_copied(park)
    assert park.simulator.present("L1", code)["passed"] == 1
    until_uploaded(park)
    assert not park.simulator.present("L2", code, patience=2.0)["released"]
    assert last_refusal(park, "L2") == "INSIDE"
    # also while Odoo does not answer
    park.server.kill()
    try:
        assert park.simulator.present("X1", code)["passed"] == 1
    finally:
        park.server.start()
    until_uploaded(park)
    until_copied(park)
    assert park.simulator.present("L2", code)["passed"] == 1
    until_uploaded(park)
    assert right_of(sql, ticket) == "1|0|1"
    local = " site" if mode == "site" else ""
    until_events(
        sql,
        ticket,
        f"authorised{local},passed,denied{local},exit,authorised{local},passed",
    )


def test_who_got_his_money_back_and_entered_is_a_conflict(park, bridge, window, sql):
    restart(park, mode="site", sync=SEEN_AT_ONCE)
    order, ticket, code = sell(window)
    until_copied(park)
    restart(park, mode="site", sync=SEEN_LATE)
    window.refund(order, "成人票", 1)
    assert park.simulator.present("L1", code)["passed"] == 1
    until_uploaded(park)
    found = requests.get(f"{park.bridge.url}/conflicts", timeout=10).json()
    (conflict,) = found["conflicts"]
    assert conflict["why"] == "REFUNDED"
    assert (conflict["persons"], conflict["value"]) == (1, "120.00")
    assert conflict["currency"] == "CNY"
    # Odoo lists it for staff, and gave nobody another entry
    assert right_of(sql, ticket) == "1|0|0"
    listed = sql(
        "SELECT count(*) FROM scenic_pass_event "
        f"WHERE ticket_id = {ticket} AND code = 'CONFLICT'"
    )
    assert int(listed) >= 1
