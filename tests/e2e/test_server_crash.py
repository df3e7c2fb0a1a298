"""kill -9 of Odoo and of PostgreSQL under load: nothing doubled, nothing lost.

Sixteen devices scan and report in tight loops, visitors walk through real lanes, and
the server is killed twice; or its master alone, with nobody who starts it again. Every
device repeats its request until it is answered. Then all that the devices remember is
compared with Odoo's tables, row by row.
"""

import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import pytest
from books import troubles
from bootstrap.console import SetupError
from bootstrap.odoo_server import check_port
from demo.park import wait_for
from demo.window import Window
from fault_park import kill_postgres
from gate_client import (
    CLIENTS,
    GateClient,
    ServerFailed,
    at_once,
    until_answered,
)

#: How many answers until the server is killed, once and again.
KILLS = (80, 240)


@dataclass
class Memory:
    """What a device asked and told, with what it was answered."""

    device: GateClient
    scans: list = field(default_factory=list)
    events: list = field(default_factory=list)
    repeats: int = 0

    def visit(self, codes):
        """See the holders of some codes through; every fourth turns round."""
        for number, code in enumerate(codes):
            scan = self.device.scan_of(code)
            answer = self._patiently(self.device.decide, scan)
            self.scans.append((scan, answer))
            if answer["decision"] == "admit":
                event = self.device.event_of(
                    "passed" if number % 4 else "annulled",
                    request_id=scan["request_id"],
                    count=1,
                )
                [result] = self._patiently(self.device.tell, event)
                self.events.append((event, result))

    def _patiently(self, call, message):
        tries = 0

        def count_and_call():
            nonlocal tries
            tries += 1
            return call(message)

        # what a server says that just lost its database, or is not up yet
        answer = until_answered(
            count_and_call, also=(ServerFailed, ValueError), seconds=240
        )
        self.repeats += tries > 1
        return answer

    def check(self, sql):
        """Compare with Odoo's rows; return the differences."""
        here = Counter()
        for scan, answer in self.scans:
            phase = "authorised" if answer["decision"] == "admit" else "denied"
            here[scan["request_id"], phase, answer["code"], answer["passes"]] += 1
        for event, result in self.events:
            code = "OK" if result["code"] == "REPEAT" else result["code"]
            here[event["event_id"], event["type"], code, 1] += 1
        there = Counter()
        rows = sql(
            "SELECT uid, phase, code, passes FROM scenic_pass_event "
            f"WHERE device_id = {self.device.device}"
        )
        for row in rows.splitlines():
            uid, phase, code, passes = row.split("|")
            there[uid, phase, code, int(passes)] += 1
        return sorted((here - there) + (there - here))


def kill_odoo(park):
    os.killpg(park.server.process.pid, signal.SIGKILL)


def kill_database(park):
    cluster = park.odoo.cluster
    kill_postgres(cluster)
    cluster.start(cluster.port)


def walk(park, lane, tickets):
    """Let visitors through a lane one by one, each as often as it takes."""
    for ticket in tickets:
        wait_for(
            lambda ticket=ticket: park.present(lane, ticket),
            f"a visitor passes {lane}",
            240,
        )


class Rush:
    """Tickets whose codes are each shown at two of sixteen gates."""

    def __init__(self, park, tickets):
        manager = park.person("manager")
        turns = [ticket["pos_qr_token"] for ticket in tickets] * 2
        random.Random(7).shuffle(turns)
        self.tickets = tickets
        self.memories = [Memory(GateClient(manager)) for _ in range(CLIENTS)]
        self.visits = [
            partial(memory.visit, turns[number::CLIENTS])
            for number, memory in enumerate(self.memories)
        ]

    def until(self, scans):
        """Wait until so many scans were answered."""
        wait_for(
            lambda: sum(len(m.scans) for m in self.memories) >= scans, "under load", 240
        )


def sell(park, orders):
    window = Window(park.person("cashier"))
    sold = [window.sell(("成人票", 43, 120.0)) for _ in range(orders)]
    window.close()
    return [ticket for order in sold for ticket in order["tickets"]]


@pytest.mark.parametrize("kill", [kill_odoo, kill_database])
def test_killed_twice_under_load(kill, fault_park):
    park = fault_park
    sold = sell(park, 4)
    of_lanes, rush = sold[:12], Rush(park, sold[12:])

    def kill_and_again():
        for enough in KILLS:
            rush.until(enough)
            kill(park)

    with park.supervised():
        at_once(
            kill_and_again,
            *rush.visits,
            partial(walk, park, "L1", of_lanes[::2]),
            partial(walk, park, "L2", of_lanes[1::2]),
        )

    assert_books(rush, park.sql)
    # and the bridge's journal, Odoo and the turnstiles agree about their visitors
    assert park.differences() == []


def test_killed_master_that_nobody_starts_again(fault_park):
    """Its request workers end by themselves, in the midst of requests, and leave whole
    books behind; whoever starts it again later finds the port free, and goes on."""
    park = fault_park
    rush = Rush(park, sell(park, 2))
    found = []

    def kill_master():
        rush.until(KILLS[0])
        park.server.process.kill()
        try:
            wait_for(lambda: is_free(park.server.port), "the workers end", 60)
            found.extend(troubles(park.sql))
        finally:
            # the worker for jobs looks round each minute or so; it has no port
            park.server.kill()
            park.server.start()

    at_once(kill_master, *rush.visits)

    assert found == []
    assert_books(rush, park.sql)
    assert park.differences() == []


def is_free(port):
    try:
        check_port(port)
    except SetupError:
        return False
    return True


def assert_books(rush, sql):
    """What the devices remember is what Odoo has, and what the tickets say."""
    memories = rush.memories
    assert sum(memory.repeats for memory in memories) >= 2
    assert [row for memory in memories for row in memory.check(sql)] == []
    assert troubles(sql) == []
    # what was told is what the tickets say, each of them
    passed = Counter(
        event["request_id"]
        for memory in memories
        for event, _result in memory.events
        if event["type"] == "passed"
    )
    used = Counter(
        {
            answer["ticket"]["name"]: passed[scan["request_id"]]
            for memory in memories
            for scan, answer in memory.scans
            if passed[scan["request_id"]]
        }
    )
    names = {ticket["name"]: ticket["id"] for ticket in rush.tickets}
    rights = sql(
        "SELECT ticket_id, entries_used, entries_reserved FROM scenic_entitlement "
        f"WHERE ticket_id IN ({','.join(map(str, names.values()))})"
    )
    assert sorted(rights.splitlines()) == sorted(
        f"{ticket}|{used[name]}|0" for name, ticket in names.items()
    )
