"""A device acts for its own lanes, its own requests and its own company, and in order.

Each refusal has its control: the same without the attack, and it is admitted.
"""

import uuid
from collections import Counter
from functools import partial

import pytest
from gate_client import CLIENTS, Device, GateClient, at_once, codes_of, new_key


@pytest.fixture(scope="module")
def other(gates):
    return gates[1]


@pytest.fixture(scope="module")
def exit_gate(manager):
    return GateClient(manager, lane="PX", direction="out", gate="X1")


@pytest.fixture
def code(window):
    return codes_of(window.sell(("成人票", 1, 120.0)))[0]


def facts(sql, device, request_id):
    """Return the facts of the decisions on a request as JSON, a line each."""
    return sql(
        f"SELECT detail FROM scenic_pass_event WHERE device_id = {device.device} "
        f"AND uid = '{request_id}' AND phase IN ('authorised', 'denied')"
    )


def test_lane_of_another_device_is_unknown_to_this_one(gate, code):
    assert gate.scan(code, lane="L1")["code"] == "LANE_UNKNOWN"
    assert gate.scan(code)["code"] == "ADMIT"


def test_lane_admits_in_its_own_direction_only(gate, exit_gate, code):
    assert exit_gate.scan(code)["code"] == "WRONG_DIRECTION"
    assert exit_gate.scan(code, direction="out")["code"] == "WRONG_DIRECTION"
    assert gate.scan(code, direction="out")["code"] == "WRONG_DIRECTION"
    assert gate.scan(code)["code"] == "ADMIT"


def test_gate_of_another_place_does_not_open(manager, gate, window, code):
    cave = GateClient(manager, lane="PC", gate="C1")
    assert cave.scan(code)["code"] == "WRONG_SITE"
    assert gate.scan(code)["code"] == "ADMIT"
    (of_cave,) = codes_of(window.sell(("龙吟洞门票", 1, 45.0)))
    assert cave.scan(of_cave)["code"] == "ADMIT"


def test_ticket_of_another_company_is_unknown(park, gate, code):
    admin = park.person("admin")
    company = admin.call("res.company", "create", {"name": f"别家{uuid.uuid4().hex}"})
    admin.call("res.users", "write", [admin.uid], {"company_ids": [[4, company]]})
    theirs = {"allowed_company_ids": [company]}

    def make(model, **values):
        return admin.call(model, "create", values, context=theirs)

    site = make("scenic.site", name="别家", code=f"B{uuid.uuid4().hex[:5].upper()}")
    zone = make("scenic.zone", name="别家园内", site_id=site)
    lane_gate = make("scenic.gate", name="别家大门", to_zone_id=zone)
    device = make("scenic.device", name="elsewhere", site_id=site)
    values = {"name": "E1", "code": "P1", "gate_id": lane_gate, "device_id": device}
    make("scenic.lane", **values, direction="in", kind="handheld")
    elsewhere = Device(gate.url, device, new_key(admin, device), "P1")
    answer = elsewhere.scan(code)
    assert (answer["code"], answer["ticket"]) == ("UNKNOWN", None)
    assert gate.scan(code)["code"] == "ADMIT"


def test_pass_of_another_device_moves_nothing(gate, other, code, sql):
    request = gate.scan(code)["request_id"]
    assert other.passed(request) == "CONFLICT"
    other.report("annulled", request)
    assert gate.passed(request) == "OK"
    moves = sql(
        "SELECT string_agg(phase || code || used_delta, ' ' ORDER BY id) "
        f"FROM scenic_pass_event WHERE request_uid = '{request}'"
    )
    assert moves == "passedCONFLICT0 annulledOK0 passedOK1"


def test_request_id_of_another_device_is_another_request(gate, other, code):
    request = gate.scan(code)["request_id"]
    assert gate.scan(code, request)["repeat"]
    theirs = other.scan(code, request)
    assert (theirs["code"], theirs["repeat"]) == ("IN_USE", False)
    assert gate.passed(request) == "OK"
    assert other.scan(code)["code"] == "USED"


def test_exit_told_by_sixteen_connections_at_once_is_one_exit(
    exit_gate, gate, code, sql
):
    gate.passed(gate.scan(code)["request_id"])
    medium = {"kind": "qr", "value": code}
    event = exit_gate.event_of("exit", direction="out", count=1, credential=medium)
    answers = at_once(*[partial(exit_gate.tell, event)] * CLIENTS)
    assert Counter(answer["code"] for [answer] in answers) == {
        "OK": 1,
        "REPEAT": CLIENTS - 1,
    }
    rows = (
        "SELECT count(*) FROM scenic_pass_event WHERE phase = 'exit' "
        f"AND device_id = {exit_gate.device} AND uid = '%s'"
    )
    assert sql(rows % event["event_id"]) == "1"
    # another exit is another row
    again = exit_gate.event_of("exit", direction="out", count=1, credential=medium)
    assert exit_gate.tell(again)[0]["code"] == "OK"
    assert sql(rows % again["event_id"]) == "1"


def test_scan_with_the_number_of_another_is_refused(gate, window, sql):
    first, second = codes_of(window.sell(("成人票", 2, 120.0)))
    seq = gate.next_seq()
    request = gate.scan(first, seq=seq)["request_id"]
    replayed = gate.scan(second, seq=seq)
    assert (replayed["code"], replayed["decision"]) == ("SEQUENCE", "deny")
    assert '"replayed"' in facts(sql, gate, replayed["request_id"])
    # the same message again is no attack: it gets its answer
    repeat = gate.scan(first, request, seq=seq)
    assert (repeat["code"], repeat["repeat"]) == ("ADMIT", True)
    assert gate.scan(second)["code"] == "ADMIT"


def test_of_sixteen_scans_with_one_number_at_once_one_is_decided(gate, window):
    codes = codes_of(window.sell(("成人票", CLIENTS, 120.0)))
    seq = gate.next_seq()
    answers = at_once(*[partial(gate.scan, code, seq=seq) for code in codes])
    assert Counter(answer["code"] for answer in answers) == {
        "ADMIT": 1,
        "SEQUENCE": CLIENTS - 1,
    }
    refused = [
        code
        for code, answer in zip(codes, answers, strict=True)
        if answer["code"] == "SEQUENCE"
    ]
    assert {gate.scan(code)["code"] for code in refused} == {"ADMIT"}


def test_scan_far_behind_the_newest_is_refused(manager, window, sql):
    device = GateClient(manager)
    first, second, third = codes_of(window.sell(("成人票", 3, 120.0)))
    assert device.scan(first, seq=2001)["code"] == "ADMIT"
    old = device.scan(second, seq=1000)
    assert old["code"] == "SEQUENCE"
    assert '"old"' in facts(sql, device, old["request_id"])
    # a line that brings messages out of order is no attack
    assert device.scan(second, seq=1001)["code"] == "ADMIT"
    # a device that was reset begins anew with its new key
    device.new_key()
    assert device.scan(third, seq=1)["code"] == "ADMIT"


def test_two_devices_that_admitted_one_ticket_offline_are_a_listed_conflict(
    manager, window, sql
):
    """The second one is told, and the park reads what it costs."""
    devices = [GateClient(manager, decides="offline") for _ in range(2)]
    tickets = window.sell(("成人票", 2, 120.0))["tickets"]
    shared, alone = (
        int(sql(f"SELECT id FROM scenic_entitlement WHERE ticket_id = {ticket['id']}"))
        for ticket in tickets
    )

    def admitted(device, right):
        request = str(uuid.uuid4())
        return device.tell(
            device.event_of(
                "admitted", request_id=request, count=1, mode="offline", right=right
            ),
            device.event_of("passed", request_id=request, count=1),
        )

    uploads = at_once(*[partial(admitted, device, shared) for device in devices])
    assert sorted(upload[0]["code"] for upload in uploads) == ["CONFLICT", "OK"]
    (conflict,) = (
        upload[0]["conflict"] for upload in uploads if "conflict" in upload[0]
    )
    assert conflict == {
        "why": "DOUBLE_USE",
        "ticket": tickets[0]["name"],
        "persons": 1,
        "value": "120.00",
        "currency": "CNY",
    }
    (listed,) = manager.read(
        "scenic.pass.event",
        [["conflict", "!=", False], ["ticket_id", "=", tickets[0]["id"]]],
        ["conflict", "conflict_persons", "conflict_value"],
    )
    assert listed["conflict"] == "DOUBLE_USE"
    assert (listed["conflict_persons"], listed["conflict_value"]) == (1, 120.0)

    # one device alone: no conflict
    assert [each["code"] for each in admitted(devices[0], alone)] == ["OK", "OK"]
