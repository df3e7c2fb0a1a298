"""A real bridge on a bad line to a real Odoo, and with a key that does not fit.

Afterwards Odoo's tables, the bridge's journal and who walked through the turnstiles
agree, row by row.
"""

import json
import sqlite3
from contextlib import closing

import pytest
from demo.lanes import Simulator
from demo.park import DEVICE, LANES, wait_for
from demo.window import Window
from gate_client import at_once, new_key
from line import SLOW


@pytest.fixture(scope="module")
def faulty(fault_park):
    """The park, with a window that sells and the device of its bridge."""
    park = fault_park
    park.manager = park.person("manager")
    park.window = Window(park.person("cashier"))
    (row,) = park.manager.read("scenic.device", [["name", "=", DEVICE]], ["id"])
    park.device = row["id"]
    yield park
    park.window.close()


@pytest.fixture
def park(faulty):
    """The park, healthy before each test and in agreement after it."""
    yield faulty
    faulty.line.set()
    wait_for(lambda: faulty.bridge.health()["status"] == "ok", "the bridge is well", 60)
    assert faulty.differences() == []


def sell(park, count=1):
    return park.window.sell(("成人票", count, 120.0))["tickets"]


def entries(park, ticket):
    """Return ``total|reserved|used``."""
    return park.sql(
        "SELECT entries_total, entries_reserved, entries_used FROM scenic_entitlement "
        f"WHERE ticket_id = {ticket['id']}"
    )


def phases(park, ticket):
    return park.sql(
        "SELECT string_agg(phase, ',' ORDER BY id) FROM scenic_pass_event "
        f"WHERE ticket_id = {ticket['id']}"
    )


def stand_before(park, lane, ticket):
    """Open a lane for somebody who does not walk yet."""
    park.present(lane, ticket, walk="timeout", wait=False)
    wait_for(lambda: park.simulator.lanes()[lane]["released"]["in"], "the arm opens")


def newest(park, lane="L1"):
    return park.bridge.events(lane)[0]


def test_answer_that_is_lost_on_the_line_gives_the_entry_back(park):
    (ticket,) = sell(park)
    park.line.set(cut_after=0)
    assert park.present("L1", ticket, patience=8.0) == 0
    assert newest(park)["code"] == "OFFLINE"
    # Odoo did get the request, and what the bridge then told as often as it did
    wait_for(lambda: phases(park, ticket) == "authorised,annulled", "both are kept")
    assert park.bridge.health()["outbox"] > 0
    park.line.set()
    wait_for(lambda: park.bridge.health()["outbox"] == 0, "the bridge knows it")
    assert entries(park, ticket) == "1|0|0"
    assert phases(park, ticket) == "authorised,annulled"
    assert park.present("L1", ticket) == 1


def test_line_that_is_cut_during_the_pass_loses_nothing(park):
    (ticket,) = sell(park)
    stand_before(park, "L1", ticket)
    park.line.set(refuse=True)
    assert park.walk("L1", "in", ticket)
    wait_for(lambda: park.bridge.health()["outbox"] > 0, "the pass waits")
    assert entries(park, ticket) == "1|1|0"
    park.line.set()
    wait_for(lambda: entries(park, ticket) == "1|0|1", "the pass arrives")


def test_line_of_64_kbit_with_600_ms_lets_everybody_in(park):
    """Two lanes at once, and people who leave meanwhile."""
    tickets = sell(park, 6)
    park.line.set(rate=SLOW, delay=0.6)

    def enter(lane, its_tickets):
        return [park.present(lane, ticket, patience=10.0) for ticket in its_tickets]

    def leave():
        for _ in range(3):
            park.walk("X1", "out")

    passed = at_once(
        lambda: enter("L1", tickets[::2]), lambda: enter("L2", tickets[1::2]), leave
    )
    assert passed[:2] == [[1, 1, 1], [1, 1, 1]]


def test_two_bridges_with_one_key_are_told_and_admit_nobody_twice(park):
    """Somebody copied the settings of a gate computer to another one.

    Its messages have numbers below those of the first one; scans with a number that
    was used are refused.
    """
    tickets = sell(park, 40)
    home = park.home / "twin"
    simulator = Simulator(home / "ports", LANES, "faults-twin")
    key = (park.home / "device.key").read_text()
    twin = park.bridge_of(home, simulator, "faults-twin", key)
    park.bridges.append(twin)
    simulator.start()
    try:
        twin.start()

        def told(bridge):
            return any("same key" in text for text in bridge.health()["problems"])

        wait_for(lambda: told(twin), "the second one is told")
        assert not told(park.bridge)
        for ticket in tickets:
            passed = park.present("L1", ticket, at=simulator)
            assert passed + park.present("L1", ticket) == 1
            if not passed:
                break
            # a number that the first one had not used for a scan or a fact
        assert twin.events("L1")[0]["code"] == "SEQUENCE"
        wait_for(lambda: twin.health()["outbox"] == 0, "it has told everything")
    finally:
        twin.stop()
        simulator.stop()


def test_key_that_is_revoked_is_said_at_the_lane_and_loses_no_fact(park):
    inside, outside = sell(park, 2)
    stand_before(park, "L1", inside)
    park.manager.call("scenic.device", "action_revoke", [park.device])
    assert park.walk("L1", "in", inside)
    assert park.walk("X1", "out")
    assert park.present("L2", outside) == 0
    refused = newest(park, "L2")
    assert refused["code"] == "DEVICE_KEY_INVALID"
    assert refused["text_zh"] and refused["text_en"] and refused["remedy_zh"]
    wait_for(
        lambda: park.bridge.health()["server"]["state"] == "key_invalid", "it is said"
    )
    assert park.bridge.health()["outbox"] == 2
    assert entries(park, inside) == "1|1|0"

    # whoever renews the key writes it into the file; the bridge goes on by itself
    (park.home / "device.key").write_text(new_key(park.manager, park.device))
    wait_for(lambda: entries(park, inside) == "1|0|1", "the pass arrives", 60)
    assert park.present("L2", outside) == 1


def copy_of(park):
    """Return the tickets of the bridge's copy by id, and as of when it is complete."""
    journal = park.bridge.state_dir / "journal.sqlite"
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as con:
        rows = con.execute("SELECT id, body FROM ticket").fetchall()
        at = con.execute("SELECT value FROM meta WHERE name = 'copy_at'").fetchone()
    return dict(rows), at and at[0]


def after_cuts(park, count):
    """Wait until so many more answers were cut."""
    enough = park.line.link.cuts + count
    wait_for(lambda: park.line.link.cuts >= enough, "answers are cut", 120)


def test_feed_that_is_cut_in_the_middle_leaves_the_copy_whole(park):
    park.manager.call("scenic.device", "write", [park.device], {"decides": "offline"})
    try:
        (known,) = sell(park)
        wait_for(lambda: known["id"] in copy_of(park)[0], "the copy is made", 60)
        wait_for(lambda: copy_of(park)[1], "the copy is complete", 60)
        # answers to heartbeats get through, a page of so many tickets does not
        before, _at = copy_of(park)
        park.line.set(cut_after=4096)
        new = sell(park, 40)
        after_cuts(park, 3)
        found = copy_of(park)
        assert found[0] == before
        after_cuts(park, 2)
        assert copy_of(park) == found

        # what it had it still decides by, without a line
        park.line.set(refuse=True)
        assert park.present("L1", known, patience=8.0) == 1
        park.line.set()
        wait_for(
            lambda: {ticket["id"] for ticket in new} <= copy_of(park)[0].keys(),
            "the copy is complete",
            120,
        )
        copy, _at = copy_of(park)
        assert {json.loads(copy[ticket["id"]])["state"] for ticket in new} == {"valid"}
        wait_for(lambda: entries(park, known) == "1|0|1", "the pass arrives")
    finally:
        park.manager.call("scenic.device", "write", [park.device], {"decides": "no"})
