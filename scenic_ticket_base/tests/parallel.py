import logging
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
from odoo.tests import BaseCase
from odoo.tests.common import get_db_name
from odoo.tools import mute_logger

from ..exceptions import ScenicError
from .common import ScenicMixin


class RetryLog(logging.Handler):
    """Keeps what the framework says when it calls a request again."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


class ParallelCase(BaseCase):
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
            env.cr.execute(
                "SELECT array_agg(id), array_agg(visitor_id) "
                "FROM scenic_ticket_holder WHERE booking_line_id IN ("
                "SELECT id FROM scenic_booking_line WHERE product_id = %s)",
                [self.product_id],
            )
            holders, visitors = (ids or [0] for ids in env.cr.fetchone())
            for table, column, ids in (
                ("scenic_refund_line", "refund_id", refunds),
                ("scenic_refund", "id", refunds),
                ("scenic_capacity_hold", "ticket_id", tickets),
                ("scenic_credential", "ticket_id", tickets),
                ("scenic_ticket_holder", "id", holders),
                ("scenic_entitlement", "ticket_id", tickets),
                ("scenic_ticket", "id", tickets),
                ("scenic_blank_lease", "booking_id", bookings),
                ("scenic_booking_line", "booking_id", bookings),
                ("scenic_booking", "id", bookings),
                ("scenic_visitor", "id", visitors),
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
            except ScenicError as error:
                # as a worker: nothing of a call that was refused stays
                cr.rollback()
                return error

    def _wait_for_lock(self, statement):
        """Wait until another transaction waits for a lock.

        :param str statement: part of the SQL that waits; ``%`` stands for anything
        """
        with self._env() as env:
            for _turn in range(200):
                # else PostgreSQL shows the same picture during one transaction
                env.cr.execute("SELECT pg_stat_clear_snapshot()")
                env.cr.execute(
                    "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                    "AND datname = current_database() AND query LIKE %s",
                    [f"%{statement}%"],
                )
                if env.cr.rowcount:
                    return
                env.cr.execute("SELECT pg_sleep(0.05)")
        self.fail(f"nothing waits for a lock: {statement}")

    def _advisory_locks(self, name):
        """Count the advisory locks of two numbers of which the first is the hash of it.

        Other databases of the cluster have locks of their own.
        """
        with self._env() as env:
            env.cr.execute(
                "SELECT count(*) FROM pg_locks l JOIN pg_database d "
                "ON d.oid = l.database AND d.datname = current_database() "
                "WHERE l.locktype = 'advisory' "
                "AND l.classid = (hashtext(%s)::bigint & 4294967295)::oid",
                [name],
            )
            return env.cr.fetchone()[0]

    def _at_once(self, function, count=4):
        return self._at_once_each(lambda env, _number: function(env), count)

    @mute_logger("odoo.sql_db")
    def _at_once_each(self, function, count):
        """Call ``function(env, number)`` for each number at once."""
        barrier = threading.Barrier(count)

        def run(number):
            barrier.wait(timeout=60)
            return self._call(lambda env: function(env, number))

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))

    def _codes(self, answers):
        return [a.code if isinstance(a, ScenicError) else "ok" for a in answers]

    @contextmanager
    def _retries(self):
        """Give the list of what the framework logs about calls it repeats."""
        logger = logging.getLogger("odoo.service.model")
        handler = RetryLog()
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        propagate, logger.propagate = logger.propagate, False
        try:
            yield handler.messages
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
