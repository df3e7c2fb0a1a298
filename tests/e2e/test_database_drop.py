"""A database is dropped by Odoo itself while the gates of another one work."""

import secrets
import shutil
import threading

import pytest
import requests
from bootstrap.odoo_server import Odoo, OdooProcess
from bootstrap.postgres import free_port
from conftest import TEMPLATE
from demo.odoo_client import OdooClient
from demo.park import PASSWORD, wait_for
from demo.window import Window
from gate_client import GateClient, ServerFailed, at_once, codes_of

KEPT, DROPPED = "scenic_e2e_kept", "scenic_e2e_dropped"
MASTER_PASSWORD = secrets.token_urlsafe(16)


class Gate(GateClient):
    """A device of one of several databases on a server."""

    def __init__(self, server, database):
        self.database = database
        super().__init__(OdooClient(server.url, database, "manager", PASSWORD))

    def send(self, path, body, **headers):
        return super().send(path, body, X_Odoo_Database=self.database, **headers)


@pytest.fixture
def server(cluster, odoo):
    """Odoo with two databases, which may be managed with a master password."""
    both = Odoo(
        cluster,
        "drop",
        list_db=True,
        admin_passwd=MASTER_PASSWORD,
        # a job would open the database again, which is no matter of gates
        max_cron_threads=0,
        server_wide_modules="base,rpc,web,scenic_ticket_gate",
    )
    both.home.mkdir(parents=True, exist_ok=True)
    # there is none before the first sale
    if odoo.key_file.exists():
        shutil.copy2(odoo.key_file, both.key_file)
    for database in (KEPT, DROPPED):
        both.copy_database(TEMPLATE, database)
    server = OdooProcess(both, f"{KEPT},{DROPPED}", free_port(), workers=3)
    with server:
        yield server
    for database in (KEPT, DROPPED):
        both.drop_database(database)


def drop(server, database):
    """Drop a database as the database manager does; return what Odoo says."""
    answer = requests.post(
        f"{server.url}/jsonrpc",
        json={
            "jsonrpc": "2.0",
            "id": 1,
            "method": "call",
            "params": {
                "service": "db",
                "method": "drop",
                "args": [MASTER_PASSWORD, database],
            },
        },
        timeout=120,
    )
    return answer.json()


def workers_at(cluster, database):
    """Return the names of the processes of Odoo that have a session there."""
    return set(
        cluster.psql(
            "postgres",
            "SELECT application_name FROM pg_stat_activity "
            f"WHERE datname = '{database}' AND application_name LIKE 'odoo-%'",
        ).split()
    )


def test_scans_go_on_while_another_database_is_dropped(cluster, server):
    """Three workers have a connection to each of two databases and keep it."""
    kept, dropped = (Gate(server, database) for database in (KEPT, DROPPED))
    window = Window(OdooClient(server.url, KEPT, "cashier", PASSWORD))
    codes = codes_of(window.sell(("成人票", 60, 120.0)))
    window.close()

    def all_are_connected():
        for gate in (kept, dropped):
            assert gate.scan("9" * 22)["code"] == "UNKNOWN"
        return len(workers_at(cluster, DROPPED)) >= 3

    wait_for(all_are_connected, "all workers have a connection", 120)
    over = threading.Event()

    def visit():
        answers = [kept.scan(code) for code in codes]
        # as often as a device may ask a worker that has to do all of it
        while not over.wait(0.02):
            assert kept.scan("9" * 22)["code"] == "UNKNOWN"
        return answers

    def drop_it():
        try:
            return drop(server, DROPPED)
        finally:
            over.set()

    answers, said = at_once(visit, drop_it)

    assert said.get("result") is True, said
    assert DROPPED not in cluster.databases()
    assert not workers_at(cluster, DROPPED)
    decisions = {(a["code"], a["passes"], a["repeat"]) for a in answers}
    assert decisions == {("ADMIT", 1, False)}
    admitted = cluster.psql(
        KEPT,
        "SELECT count(*) FROM scenic_pass_event "
        f"WHERE device_id = {kept.device} AND phase = 'authorised'",
    )
    assert int(admitted) == len(codes)
    # by each worker
    for _scan in range(30):
        assert kept.scan("9" * 22)["code"] == "UNKNOWN"
        with pytest.raises(ServerFailed) as failed:
            dropped.scan("9" * 22)
        assert (failed.value.status, failed.value.code) == (503, "DATABASE_AWAY")
