import os
import time
from unittest.mock import patch

import psycopg2

from odoo.sql_db import close_db
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from ..tools import kept_connections
from ..tools.kept_connections import CONNECTIONS, KeptConnections

#: Another database of the cluster: closing it leaves the one of this test alone.
OTHER = "postgres"
PID = "SELECT pg_backend_pid()"


@tagged("post_install", "-at_install")
class TestKeptConnections(TransactionCase):
    """Connections that keep their plans, with real ones."""

    def setUp(self):
        super().setUp()
        self.connections = KeptConnections()
        self.addCleanup(close_db, OTHER)

    def _pid(self):
        [pid] = self.connections.fetch(OTHER, PID, None)
        return pid

    def _is_open(self, pid):
        # each look at the statistics begins anew
        self.env.cr.execute("SELECT pg_stat_clear_snapshot()")
        self.env.cr.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid])
        return bool(self.env.cr.rowcount)

    def _assert_ends(self, pid):
        """A session ends a moment after its connection."""
        deadline = time.monotonic() + 30
        while self._is_open(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertFalse(self._is_open(pid))

    def test_one_connection_for_one_call_after_another(self):
        self.assertEqual(self._pid(), self._pid())

    def test_each_call_is_a_transaction_of_its_own(self):
        sql = "SELECT pg_current_xact_id()::text, current_setting(%s)"
        isolation = "transaction_isolation"
        first = self.connections.fetch(OTHER, sql, [isolation])
        second = self.connections.fetch(OTHER, sql, [isolation])
        self.assertNotEqual(first[0], second[0])
        self.assertEqual(first[1], "read committed")

    def test_cut_connection_is_made_anew(self):
        pid = self._pid()
        self.env.cr.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        self.assertNotEqual(self._pid(), pid)
        self._assert_ends(pid)

    def test_connection_that_breaks_twice_is_an_error(self):
        with self.assertRaises(psycopg2.OperationalError):
            self.connections.fetch(
                OTHER, "SELECT pg_terminate_backend(pg_backend_pid())", None
            )
        self.assertTrue(self._pid())

    def test_database_that_cannot_be_reached(self):
        """It is PostgreSQL's own error: callers wait for the server by it."""
        with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.OperationalError):
            self.connections.fetch("scenic_nobody_has_this", PID, None)

    def test_error_of_a_statement_is_not_repeated(self):
        pid = self._pid()
        with self.assertRaises(psycopg2.errors.DivisionByZero):
            self.connections.fetch(OTHER, "SELECT 1 / 0", None)
        self.assertEqual(self._pid(), pid)

    def test_lent_connection_is_kept(self):
        """For the statements of its borrower, and for whoever comes after it."""
        pid = self._pid()
        with self.connections.lend(OTHER) as cr:
            self.assertEqual(self.connections.fetch(OTHER, PID, None, cr=cr), (pid,))
            self.assertNotEqual(self._pid(), pid)
        self.assertEqual(self._pid(), pid)

    def test_lent_connection_forgets_what_was_read(self):
        with self.connections.lend(OTHER) as cr:
            cr.transaction = object()
            cr.cache["x"] = 1
        with self.connections.lend(OTHER) as again:
            self.assertIs(again, cr)
            self.assertIsNone(again.transaction)
            self.assertFalse(again.cache)

    def test_lent_connection_that_was_cut(self):
        """The statement is run on a new one, and nobody gets the old one any more."""
        with self.connections.lend(OTHER) as cr:
            [pid] = self.connections.fetch(OTHER, PID, None, cr=cr)
            self.env.cr.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            [other] = self.connections.fetch(OTHER, PID, None, cr=cr)
        self.assertNotEqual(other, pid)
        self.assertEqual(self._pid(), other)

    def test_closed_database_is_left(self):
        """What drops a database closes it before: nothing of ours stays open."""
        pid = self._pid()
        self.assertTrue(self._is_open(pid))
        close_db(OTHER)
        self._assert_ends(pid)
        self.assertNotEqual(self._pid(), pid)

    def test_unused_connection_is_left(self):
        """A worker keeps none to a database that another one has dropped."""
        pid = self._pid()
        with patch.object(kept_connections, "MAX_IDLE_TIMEOUT", -1):
            self.connections.fetch(self.env.cr.dbname, PID, None)
        self.addCleanup(self.connections.close, self.env.cr.dbname)
        self._assert_ends(pid)
        self.assertNotEqual(self._pid(), pid)

    def test_forked_process_leaves_the_connection_to_its_parent(self):
        """Neither what it asks nor that it closes the database reaches the session."""
        self.connections = CONNECTIONS
        self.addCleanup(CONNECTIONS.close, OTHER)
        pid = self._pid()
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            # whatever happens, it must not go on with the tests of its parent
            try:
                own = self._pid()
                close_db(OTHER)
                os.write(writer, str(own).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as told:
            own = int(told.read())
        os.waitpid(child, 0)
        self.assertNotEqual(own, pid)
        self.assertEqual(self._pid(), pid)
        self._assert_ends(own)
