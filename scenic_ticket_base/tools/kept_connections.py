"""Database connections that keep their plans from one call to the next.

Odoo's pool forgets all plans whenever it lends a connection, and planning is most of
what a scan at a gate costs, or taking a place. These are lent by the same pool, so it
counts and closes them with all others (on ``close_db``, when a worker ends), but they
are not given back between.
"""

import os
import socket
import threading
import time
from contextlib import contextmanager, nullcontext, suppress

import psycopg2

from odoo.sql_db import MAX_IDLE_TIMEOUT, Cursor, db_connect


class KeptConnections:
    """The connections of one process, by database; as many as threads use at once."""

    def __init__(self):
        # by database: (cursor, since when)
        self._idle = {}
        self._lock = threading.Lock()

    def fetch(self, database, query, params, cr=None):
        """Run one statement that commits by itself; return its row.

        lock: READ COMMITTED, so that a scan which waited for the row of a ticket sees
        what the other one did.

        A statement whose connection broke is repeated once on a new one: it must be
        one that may be repeated, as those of the gate API are by their ids, and a
        claim of places by its transaction.

        :param Cursor cr: one of :meth:`lend`, to be tried first
        :raise psycopg2.Error:
        """
        lent = self.lend(database) if cr is None else nullcontext(cr)
        try:
            with lent as cr:
                return self._run(cr, query, params)
        except psycopg2.Error:
            if not cr._cnx.closed:
                raise
            # most likely the server has gone, and with it the other connections
            self.close(database)
        with self._lend(self._open(database)) as cr:
            return self._run(cr, query, params)

    def lend(self, database):
        """Lend a connection for as long as a ``with`` block lasts.

        Each statement on it commits by itself.
        """
        return self._lend(self._take(database))

    def close(self, database):
        """Close what is idle of a database."""
        with self._lock:
            idle = self._idle.pop(database, [])
        for cr, _since in idle:
            self._close(cr)

    def leave_to_parent(self):
        """Forget the connections that a forked process has of its parent.

        Their sessions stay the parent's: no byte of this process may reach them, not
        even one that ends them.
        """
        idle, self._idle = self._idle, {}
        # a thread that is not here may have held it
        self._lock = threading.Lock()
        nowhere, end = socket.socketpair()
        end.close()
        with nowhere:
            for cr, _since in [each for every in idle.values() for each in every]:
                if not cr._cnx.closed:
                    os.dup2(nowhere.fileno(), cr._cnx.fileno(), inheritable=False)
                    cr._cnx.close()

    @staticmethod
    def _run(cr, query, params):
        # psycopg2's own cursor: Odoo's counts for a request that has another one
        cr._obj.execute(query, params)
        return cr._obj.fetchone()

    @contextmanager
    def _lend(self, cr):
        try:
            yield cr
        finally:
            # what an environment on it has read
            cr.transaction = None
            cr.cache.clear()
            if cr._cnx.closed:
                self._close(cr)
            else:
                with self._lock:
                    self._idle.setdefault(cr.dbname, []).append((cr, time.monotonic()))

    def _take(self, database):
        while True:
            with self._lock:
                idle = self._idle.get(database)
                cr = idle.pop()[0] if idle else None
            if cr is None:
                return self._open(database)
            if not cr._cnx.closed:
                return cr
            # Odoo closed it: the database goes
            self._close(cr)

    def _open(self, database) -> Cursor:
        self._close_unused()
        cr = db_connect(database).cursor()
        cr._cnx.set_session(
            isolation_level="READ COMMITTED", readonly=False, autocommit=True
        )
        return cr

    def _close_unused(self):
        """Close what had nothing to do for as long as Odoo's pool keeps it.

        A database that another worker has dropped is never asked for again.
        """
        oldest = time.monotonic() - MAX_IDLE_TIMEOUT
        unused = []
        with self._lock:
            for database, idle in self._idle.items():
                unused += [cr for cr, since in idle if since < oldest]
                self._idle[database] = [each for each in idle if each[1] >= oldest]
        for cr in unused:
            self._close(cr)

    @staticmethod
    def _close(cr):
        with suppress(psycopg2.Error):
            cr.close()


CONNECTIONS = KeptConnections()
os.register_at_fork(after_in_child=CONNECTIONS.leave_to_parent)
