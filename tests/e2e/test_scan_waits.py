"""What happens to a ticket while a scan waits for it is what the scan finds.

Somebody holds the ticket in an open transaction; the scan comes, waits, and decides
when the ticket is free again. Each case has its control: the same wait without the
change, and the ticket is admitted.
"""

import threading
from contextlib import contextmanager

import psycopg2
import pytest
from demo.odoo_client import OdooRefused
from demo.park import wait_for
from gate_client import codes_of


class Held:
    """A transaction that keeps what it has locked until :meth:`release`."""

    def __init__(self, cluster, database):
        self.connection = psycopg2.connect(
            host=cluster.host,
            port=cluster.port,
            user=cluster.user,
            password=cluster.password,
            dbname=database,
        )

    def run(self, statement):
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def release(self):
        self.connection.commit()


@pytest.fixture
def held(cluster, park):
    held = Held(cluster, park.database)
    yield held
    held.connection.close()


@pytest.fixture
def supervisor(park):
    return park.person("supervisor")


@pytest.fixture
def waits(park, sql):
    """Wait until a statement with a text in it waits for a lock."""

    def waits(text):
        wait_for(
            lambda: sql(
                "SELECT pid FROM pg_stat_activity "
                f"WHERE datname = '{park.database}' AND query LIKE '%{text}%' "
                "AND pid <> pg_backend_pid() AND cardinality(pg_blocking_pids(pid)) > 0"
            ),
            f"{text} waits",
        )

    return waits


@contextmanager
def meanwhile(call, *arguments):
    """Call in a thread; what it returned is in the list given to the block at its end.

    :raise Exception: what the call raised
    """
    done, errors = [], []

    def work():
        try:
            done.append(call(*arguments))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        thread.join()
    if errors:
        raise errors[0]


def scan_behind(held, gate, waits, ticket, code, change=lambda: None):
    """Return the decision on a scan that waited for a ticket while it was changed."""
    held.run(f"SELECT id FROM scenic_ticket WHERE id = {ticket} FOR NO KEY UPDATE")
    with meanwhile(gate.scan, code) as answers:
        waits("scenic_gate_validate")
        change()
        held.release()
    return answers[0]["code"]


def sell_one(window):
    order = window.sell(("成人票", 1, 120.0))
    return order, order["tickets"][0]["id"], codes_of(order)[0]


def reserved(sql, ticket):
    return sql(
        f"SELECT entries_reserved FROM scenic_entitlement WHERE ticket_id = {ticket}"
    )


def change_state(supervisor, ticket, action):
    wizard = supervisor.call(
        "scenic.ticket.change",
        "create",
        {"ticket_ids": [[6, 0, [ticket]]], "action": action, "reason": "test"},
    )
    supervisor.call("scenic.ticket.change", "action_apply", [wizard])


def change_code(supervisor, ticket, action):
    (medium,) = supervisor.read(
        "scenic.credential", [["ticket_id", "=", ticket], ["kind", "=", "qr"]], ["kind"]
    )
    wizard = supervisor.call(
        "scenic.credential.change",
        "create",
        {"credential_id": medium["id"], "action": action, "reason": "test"},
    )
    supervisor.call("scenic.credential.change", "action_apply", [wizard])


CHANGES = {
    "freeze": ("FROZEN", lambda s, w, o, t: change_state(s, t, "freeze")),
    "cancel": ("VOID", lambda s, w, o, t: change_state(s, t, "void")),
    "refund": ("REFUNDED", lambda s, w, o, t: w.refund(o, "成人票", 1)),
    "re-issue": ("VOID", lambda s, w, o, t: change_code(s, t, "replace")),
    "lost code": ("MEDIUM_FROZEN", lambda s, w, o, t: change_code(s, t, "freeze")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_in_odoo_while_a_scan_waits_for_it_refuses_the_scan(
    change, gate, window, held, waits, supervisor, sql
):
    """Odoo has the ticket and is kept from ending; the scan waits for Odoo."""
    expected, act = CHANGES[change]
    order, ticket, code = sell_one(window)
    # the change locks the ticket first and then its rights, where it is stopped
    held.run(f"SELECT id FROM scenic_entitlement WHERE ticket_id = {ticket} FOR UPDATE")
    with meanwhile(act, supervisor, window, order, ticket):
        waits("scenic_entitlement")
        with meanwhile(gate.scan, code) as answers:
            waits("scenic_gate_validate")
            held.release()
    assert answers[0]["code"] == expected
    assert reserved(sql, ticket) == "0"

    _order, ticket, code = sell_one(window)
    assert scan_behind(held, gate, waits, ticket, code) == "ADMIT"


def test_scan_that_came_first_wins_and_the_refund_is_refused(
    gate, window, held, waits, sql
):
    order, ticket, code = sell_one(window)
    held.run(f"SELECT id FROM scenic_ticket WHERE id = {ticket} FOR NO KEY UPDATE")
    with meanwhile(gate.scan, code) as answers:
        waits("scenic_gate_validate")
        with pytest.raises(OdooRefused), meanwhile(window.refund, order, "成人票", 1):
            waits("FROM scenic_ticket WHERE id IN")
            held.release()
    assert answers[0]["code"] == "ADMIT"
    assert sql(f"SELECT state FROM scenic_ticket WHERE id = {ticket}") == "valid"


def test_ticket_that_expires_while_a_scan_waits_is_refused(
    gate, window, held, waits, sql
):
    """Validity is judged when the ticket is free, not when the scan came."""

    def expire():
        held.run(
            "UPDATE scenic_entitlement SET valid_to = "
            "clock_timestamp() AT TIME ZONE 'UTC' + interval '200 milliseconds' "
            f"WHERE ticket_id = {ticket}"
        )
        held.run("SELECT pg_sleep(0.3)")

    _order, ticket, code = sell_one(window)
    decision = scan_behind(held, gate, waits, ticket, code, expire)
    # the second one if midnight was meanwhile
    assert decision in ("TOO_LATE", "EXPIRED")
    assert reserved(sql, ticket) == "0"

    _order, ticket, code = sell_one(window)
    assert scan_behind(held, gate, waits, ticket, code) == "ADMIT"


def test_visitor_who_is_blacklisted_while_a_scan_waits_is_refused(
    gate, window, held, waits, supervisor, sql
):
    def with_visitor():
        """Sell a ticket to somebody; the window itself sells without names."""
        _order, ticket, code = sell_one(window)
        visitor = sql(
            "INSERT INTO scenic_visitor (company_id, name) "
            f"SELECT company_id, '王五' FROM scenic_ticket WHERE id = {ticket} "
            "RETURNING id"
        )
        sql(f"UPDATE scenic_ticket SET visitor_id = {visitor} WHERE id = {ticket}")
        return ticket, code, int(visitor)

    def block():
        wizard = supervisor.call(
            "scenic.visitor.block", "create", {"visitor_id": visitor, "reason": "test"}
        )
        supervisor.call("scenic.visitor.block", "action_apply", [wizard])

    ticket, code, visitor = with_visitor()
    assert scan_behind(held, gate, waits, ticket, code, block) == "VISITOR_BLOCKED"
    assert reserved(sql, ticket) == "0"

    ticket, code, visitor = with_visitor()
    assert scan_behind(held, gate, waits, ticket, code) == "ADMIT"
