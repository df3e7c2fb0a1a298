"""Many gates at once, against a real prefork server: no entry is given twice."""

import itertools
import re
import threading
import time
import uuid
from collections import Counter
from functools import partial

from gate_client import CLIENTS, GateClient, at_once, codes_of


def rights_of(sql, tickets):
    """Return ``total|reserved|used`` of tickets, all together."""
    return sql(
        "SELECT sum(entries_total), sum(entries_reserved), sum(entries_used) "
        f"FROM scenic_entitlement WHERE ticket_id IN ({tickets})"
    )


def test_two_hundred_codes_at_sixteen_gates_are_two_hundred_admissions(
    gates, window, sql
):
    """Each code is shown at all gates in the same moment."""
    orders = [window.sell(("成人票", 50, 120.0)) for _ in range(4)]
    codes = [code for order in orders for code in codes_of(order)]
    together = threading.Barrier(len(gates), timeout=60)

    def show_all(gate):
        found = []
        for code in codes:
            together.wait()
            found.append(gate.scan(code)["code"])
        return found

    found = at_once(*[partial(show_all, gate) for gate in gates])
    for answers in zip(*found, strict=True):
        assert Counter(answers) == {"ADMIT": 1, "IN_USE": CLIENTS - 1}
    tickets = ",".join(str(ticket["id"]) for o in orders for ticket in o["tickets"])
    assert rights_of(sql, tickets) == "200|200|0"
    rows = sql(
        "SELECT phase, count(*), count(DISTINCT ticket_id) FROM scenic_pass_event "
        f"WHERE ticket_id IN ({tickets}) GROUP BY 1 ORDER BY 1"
    )
    assert rows.split() == ["authorised|200|200", f"denied|{200 * 15}|200"]


def test_group_of_a_hundred_from_sixteen_gates_is_exactly_a_hundred(gates, window, sql):
    """Every gate lets a few of them in and gives the others back to the next one."""
    order = window.sell(("团队票", 100, 80.0))
    (code,) = codes_of(order)

    def let_in(gate):
        inside = 0
        while True:
            answer = gate.scan(code)
            if answer["code"] == "USED":
                return inside
            if answer["code"] == "IN_USE":
                time.sleep(0.02)
                continue
            assert answer["code"] == "ADMIT"
            several = min(answer["passes"], 7)
            assert gate.passed(answer["request_id"], several) == "OK"
            inside += several
            if rest := answer["passes"] - several:
                assert gate.report("annulled", answer["request_id"], rest) == "OK"

    assert sum(at_once(*[partial(let_in, gate) for gate in gates])) == 100
    assert rights_of(sql, order["tickets"][0]["id"]) == "100|0|100"


def test_same_request_from_sixteen_connections_is_one_admission(gate, window):
    (code,) = codes_of(window.sell(("成人票", 1, 120.0)))
    request = str(uuid.uuid4())
    answers = at_once(*[lambda: gate.scan(code, request)] * CLIENTS)
    assert {answer["code"] for answer in answers} == {"ADMIT"}
    assert sum(not answer["repeat"] for answer in answers) == 1
    assert gate.passed(request) == "OK"
    assert gate.scan(code)["code"] == "USED"


def test_c4_one_medium_of_five_tickets_opens_each_of_them_once(
    gate, window, manager, sql
):
    """Sixteen reads of a card that stands for five tickets, from two devices."""
    other = GateClient(manager)
    order = window.sell(("成人票", 5, 120.0))
    code = codes_of(order)[0]
    ids = [ticket["id"] for ticket in order["tickets"]]
    # a card with the look-up of the first code: what reads it finds all five
    sql(
        "INSERT INTO scenic_credential (ticket_id, company_id, kind, lookup, state, "
        "active, issue) "
        "SELECT t.id, t.company_id, 'ic_card', c.lookup, 'active', true, 0 "
        "FROM scenic_ticket t JOIN scenic_credential c "
        f"ON c.ticket_id = {ids[0]} AND c.kind = 'qr' "
        f"WHERE t.id IN ({','.join(map(str, ids[1:]))})"
    )
    answers = at_once(
        *[lambda: gate.scan(code), lambda: other.scan(code)] * (CLIENTS // 2)
    )
    assert Counter(answer["code"] for answer in answers) == {
        "ADMIT": 5,
        "IN_USE": CLIENTS - 5,
    }
    opened = [a["ticket"]["name"] for a in answers if a["code"] == "ADMIT"]
    assert len(set(opened)) == 5


def test_refund_and_scan_at_once_never_both_win(gate, window):
    for _ in range(4):
        order = window.sell(("成人票", 1, 120.0))
        (code,) = codes_of(order)
        outcome = {}

        def refund(order=order, outcome=outcome):
            try:
                window.refund(order, "成人票", 1)
                outcome["refund"] = True
            except Exception as error:
                outcome["refund"] = False
                outcome["why"] = str(error)

        thread = threading.Thread(target=refund)
        thread.start()
        admitted = gate.scan(code)["code"] == "ADMIT"
        thread.join()
        assert admitted != outcome["refund"], outcome


def test_a4_fifty_scans_at_the_last_places_inside_admit_exactly_those(
    gate, window, manager, sql
):
    """The limit of people inside holds to the person, from several gates at once."""
    gates = [gate, GateClient(manager), GateClient(manager)]
    codes = [
        code
        for _order in range(10)
        for code in codes_of(window.sell(("成人票", 5, 120.0)))
    ]
    pool = sql(
        "SELECT p.id FROM scenic_capacity_pool p "
        "JOIN scenic_site s ON s.id = p.site_id "
        "WHERE p.kind = 'instant' AND s.code = 'YUNXI'"
    )
    settings = sql(
        "SELECT capacity, COALESCE(scheme_id::text, 'NULL') "
        f"FROM scenic_capacity_pool WHERE id = {pool}"
    ).split("|")

    def people():
        return int(
            sql(
                f"SELECT inside + reserved FROM scenic_headcount WHERE pool_id = {pool}"
            )
        )

    def limit(capacity, scheme="NULL"):
        sql(
            f"UPDATE scenic_capacity_pool SET capacity = {capacity}, "
            f"scheme_id = {scheme} WHERE id = {pool}"
        )

    before, places = people(), 7
    limit(before + places)
    try:

        def scan(its_gate, code):
            return its_gate.scan(code), its_gate

        turns = zip(itertools.cycle(gates), codes, strict=False)
        answers = at_once(*[partial(scan, *turn) for turn in turns])
        found = Counter(answer["code"] for answer, _gate in answers)
        assert found == {"ADMIT": places, "PARK_FULL": 50 - places}
        assert people() == before + places
        # half of them pass, the others turn round: so many may follow
        admitted = [pair for pair in answers if pair[0]["code"] == "ADMIT"]
        for number, (answer, its_gate) in enumerate(admitted):
            if number % 2:
                its_gate.report("annulled", answer["request_id"])
            else:
                its_gate.report("passed", answer["request_id"])
        assert people() == before + places - places // 2
        again = Counter(gate.scan(code)["code"] for code in codes)
        assert again["ADMIT"] == places // 2
        assert people() == before + places
    finally:
        limit(*settings)


def test_no_scan_met_a_serialization_failure(park, cluster):
    """A refund may be called again by Odoo when it meets a scan; a scan never is."""
    log = park.server.log.read_text(errors="replace")
    assert "POST /scenic/gate/v1/validate" in log
    troubled = [
        line
        for line in log.splitlines()
        if "scenic_gate_" in line and ("bad query" in line or " ERROR " in line)
    ]
    assert troubled == []
    assert "deadlock detected" not in log
    said = (cluster.home / "server.log").read_text(errors="replace")
    assert list(failed_gate_calls(said, park.database)) == []


def failed_gate_calls(log, database):
    """The errors that PostgreSQL tells of calls of the gate API."""
    error_of = {}
    for line in log.splitlines():
        found = re.match(rf"\S+ \S+ \S+ \[(\d+)\] {database} (\w+):  (.*)", line)
        if not found:
            continue
        process, level, text = found.groups()
        if level == "STATEMENT" and re.match("SELECT .*scenic_gate_", text):
            if error := error_of.pop(process, None):
                yield error
        elif level == "ERROR":
            error_of[process] = text
        elif level == "FATAL":
            # a connection that a test has cut is no failed call
            error_of.pop(process, None)
