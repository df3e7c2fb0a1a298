import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from unittest.mock import patch

from odoo import api
from odoo.modules.registry import DummyRLock, Registry
from odoo.service.model import retrying
from odoo.tests import BaseCase, tagged
from odoo.tests.common import get_db_name
from odoo.tools import mute_logger

from ..exceptions import TicketReservedError, TicketStateError, TicketUsedError
from .common import ScenicMixin


@tagged("post_install", "-at_install")
class TestConcurrency(BaseCase):
    """Real transactions against each other, as several workers would run them.

    What they commit is removed afterwards.
    """

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        # the test runner holds this lock, which other threads need to start
        self.startPatcher(patch.object(Registry, "_lock", DummyRLock()))
        # a run that was killed leaves its records behind: never the same names
        self.tag = secrets.token_hex(3).upper()
        self.visit_date = date.today() + timedelta(days=7)
        with self._env() as env:
            accounts = env["account.account"].create(
                [
                    {
                        "code": f"SC{self.tag}{number}",
                        "name": "parallel test",
                        "account_type": kind,
                    }
                    for number, kind in enumerate(("liability_current", "income"))
                ]
            )
            site = env["scenic.site"].create(
                {"name": "Parallel", "code": f"P{self.tag}"}
            )
            rule = env["scenic.validity.rule"].create({"name": "Parallel", "days": 1})
            product = env["product.product"].create(
                {
                    "name": "Parallel",
                    "type": "service",
                    "service_tracking": "scenic_ticket",
                    "scenic_site_id": site.id,
                    "scenic_validity_rule_id": rule.id,
                    "scenic_deferral_account_id": accounts[0].id,
                    "property_account_income_id": accounts[1].id,
                    "scenic_component_ids": [
                        (0, 0, {"name": "Gate", "site_id": site.id})
                    ],
                }
            )
            self.product_id = product.id
            self.made = [
                ("product.template", product.product_tmpl_id.ids),
                ("scenic.validity.rule", rule.ids),
                ("scenic.site", site.ids),
                ("account.account", accounts.ids),
            ]
        self.addCleanup(self._remove)

    def _remove(self):
        with self._env() as env:
            env.cr.execute(
                "SELECT array_agg(DISTINCT booking_id) FROM scenic_booking_line "
                "WHERE product_id = %s",
                [self.product_id],
            )
            bookings = env.cr.fetchone()[0] or [0]
            env.cr.execute(
                "SELECT array_agg(id) FROM scenic_ticket WHERE product_id = %s",
                [self.product_id],
            )
            tickets = env.cr.fetchone()[0] or [0]
            env.cr.execute(
                "SELECT array_agg(id) FROM scenic_refund WHERE ticket_id = ANY(%s)",
                [tickets],
            )
            refunds = env.cr.fetchone()[0] or [0]
            for table, column, ids in (
                ("scenic_refund_line", "refund_id", refunds),
                ("scenic_refund", "id", refunds),
                ("scenic_credential", "ticket_id", tickets),
                ("scenic_entitlement", "ticket_id", tickets),
                ("scenic_ticket", "id", tickets),
                ("scenic_booking_line", "booking_id", bookings),
                ("scenic_booking", "id", bookings),
            ):
                env.cr.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [ids])
            env.cr.execute(
                "DELETE FROM mail_message WHERE model = 'scenic.ticket' "
                "AND res_id = ANY(%s)",
                [tickets],
            )
            for model, ids in self.made:
                env[model].browse(ids).unlink()

    @contextmanager
    def _env(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, api.SUPERUSER_ID, {})

    def _hold(self, env, ref, quantity=1):
        line = ScenicMixin._scenic_line.__func__(
            self, env["product.product"].browse(self.product_id), quantity
        )
        return env["scenic.booking"]._hold("window", f"{self.tag}-{ref}", [line])

    def _sell(self, ref, quantity=1):
        with self._env() as env:
            return self._hold(env, ref, quantity)._confirm().ids

    def _call(self, function):
        """Do what a worker does: one transaction, tried again after a conflict."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            try:
                return retrying(partial(function, env), env)
            except TicketStateError as error:
                return error

    @mute_logger("odoo.sql_db")
    def _at_once(self, function, count=4):
        barrier = threading.Barrier(count)

        def run(_number):
            barrier.wait(timeout=30)
            return self._call(function)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))

    @mute_logger("odoo.sql_db")
    def _gate(self, ticket_id, change, refund):
        """Let a gate hold the ticket while a refund waits; return its answer."""
        with ThreadPoolExecutor(1) as pool, self._env() as env:
            env.cr.execute(
                "SELECT id FROM scenic_ticket WHERE id = %s FOR NO KEY UPDATE",
                [ticket_id],
            )
            waiting = pool.submit(self._call, refund)
            self._wait_for_a_lock(env)
            env.cr.execute(
                f"UPDATE scenic_entitlement SET {change} WHERE ticket_id = %s",
                [ticket_id],
            )
            env.cr.commit()
            return waiting.result(timeout=60)

    def _wait_for_a_lock(self, env):
        for _turn in range(200):
            # else PostgreSQL shows the same picture during one transaction
            env.cr.execute("SELECT pg_stat_clear_snapshot()")
            env.cr.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database() "
                "AND query LIKE '%%scenic_ticket%%FOR NO KEY UPDATE%%'"
            )
            if env.cr.fetchone():
                return
            env.cr.execute("SELECT pg_sleep(0.05)")
        self.fail("the refund does not wait for the gate")

    def test_refund_that_waits_for_a_gate_sees_the_reservation(self):
        [ticket_id] = self._sell("PAR-GATE-1")
        answer = self._gate(
            ticket_id,
            "entries_reserved = 1",
            lambda env: env["scenic.ticket"].browse(ticket_id)._refund("R", "rain"),
        )
        self.assertIsInstance(answer, TicketReservedError)
        with self._env() as env:
            self.assertEqual(env["scenic.ticket"].browse(ticket_id).state, "valid")

    def test_void_that_waits_for_a_gate_sees_the_use(self):
        [ticket_id] = self._sell("PAR-GATE-2")
        answer = self._gate(
            ticket_id,
            "entries_used = 1",
            lambda env: env["scenic.ticket"].browse(ticket_id)._void("rain"),
        )
        self.assertIsInstance(answer, TicketUsedError)

    def test_money_is_paid_back_once(self):
        [ticket_id] = self._sell("PAR-REFUND")
        answers = self._at_once(
            lambda env: env["scenic.ticket"].browse(ticket_id)._refund("R", "rain").ids
        )
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        self.assertEqual(len(answers) - len(errors), 1, answers)
        self.assertEqual({error.code for error in errors}, {"TICKET_REFUNDED"})

    def test_same_order_at_once_is_one_booking(self):
        ids = self._at_once(lambda env: self._hold(env, "PAR-HOLD").id)
        self.assertEqual(len(set(ids)), 1, ids)

    def test_confirmed_at_once_issues_once(self):
        with self._env() as env:
            booking_id = self._hold(env, "PAR-CONFIRM", 3).id
        answers = self._at_once(
            lambda env: tuple(env["scenic.booking"].browse(booking_id)._confirm().ids)
        )
        self.assertEqual(len(set(answers)), 1, answers)
        self.assertEqual(len(answers[0]), 3)
        with self._env() as env:
            self.assertEqual(
                env["scenic.ticket"].search_count([("booking_id", "=", booking_id)]), 3
            )
