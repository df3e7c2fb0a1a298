"""The connection of the gate routes: cut, revoked, recycled; one request 16 times."""

import uuid
from functools import partial

import pytest
from bootstrap.odoo_server import OdooProcess
from bootstrap.postgres import free_port
from gate_client import CLIENTS, GateClient, Refused, at_once, codes_of, until_answered

DATABASE = "scenic_e2e"
BACKENDS = f"FROM pg_stat_activity WHERE datname = '{DATABASE}' AND pid <> "


def decisions(sql, request):
    return int(
        sql(
            "SELECT count(*) FROM scenic_pass_event "
            f"WHERE uid = '{request}' AND phase IN ('authorised', 'denied')"
        )
    )


def test_used_number_and_unknown_code_from_sixteen_connections(gate, sql):
    """The refusal of a used number meets the parallel repeats of its own request."""
    unknown = "9" * 22
    used = gate.next_seq()
    assert gate.scan(unknown, seq=used)["code"] == "UNKNOWN"
    for _round in range(5):
        request = str(uuid.uuid4())
        scan = partial(gate.scan, unknown, request, seq=used)
        answers = at_once(*[partial(until_answered, scan)] * CLIENTS)
        assert {answer["code"] for answer in answers} == {"SEQUENCE"}
        assert sum(not answer["repeat"] for answer in answers) == 1
        assert decisions(sql, request) == 1


def test_connections_cut_between_two_calls(gate, window, sql):
    """PostgreSQL ends all sessions; each next scan is decided, and once."""
    codes = codes_of(window.sell(("成人票", 8, 120.0)))
    for code in codes:
        assert gate.scan(code)["code"] == "ADMIT"
    for code in codes_of(window.sell(("成人票", 6, 120.0))):
        sql(f"SELECT pg_terminate_backend(pid) {BACKENDS} pg_backend_pid()")
        request = str(uuid.uuid4())
        answer = gate.scan(code, request)
        assert (answer["code"], answer["repeat"]) == ("ADMIT", False)
        assert gate.scan(code, request)["repeat"] is True
        assert decisions(sql, request) == 1


def test_revoked_key_is_refused_at_once_by_both_workers(manager):
    gate = GateClient(manager)
    for _call in range(12):
        assert gate.scan("9" * 22)["code"] == "UNKNOWN"
    manager.call("scenic.device", "action_revoke", [gate.device])
    for _call in range(12):
        with pytest.raises(Refused) as refused:
            gate.scan("9" * 22)
        assert refused.value.code == "DEVICE_KEY_INVALID"


def test_recycled_workers_leave_no_connection(park, gate, sql):
    """Workers that end after five requests take their connections with them."""
    server = OdooProcess(park.odoo, DATABASE, free_port(), workers=2)
    server.start("--limit-request", "5")
    url, gate.url = gate.url, server.url
    seen = set()
    try:
        for _call in range(40):
            answer = until_answered(partial(gate.scan, "9" * 22))
            assert answer["code"] == "UNKNOWN"
            seen |= apps(sql)
        now = apps(sql)
    finally:
        gate.url = url
        server.stop()
    assert len(seen - now) >= 4, "no worker was recycled"
    # both servers: two workers, the cron worker, the evented one, the master of each
    assert len(now) <= 10


def apps(sql):
    """Return the names that processes of Odoo give their sessions: one a process."""
    return set(sql(f"SELECT application_name {BACKENDS} pg_backend_pid()").split())
