"""Transactions beside the one of the request.

Odoo's transactions are REPEATABLE READ: what others commit meanwhile stays invisible,
and touching it makes the request start anew after a sleep of up to two seconds. What
must be decided on the state of this very moment is decided here.
"""

import threading
import time
from contextlib import contextmanager

from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED
from psycopg2.pool import PoolError

from odoo.modules.registry import Registry
from odoo.sql_db import Cursor

from .kept_connections import CONNECTIONS

# Side transactions last a few milliseconds, so a few connections serve all threads of
# a process, and requests that hold the rest of the pool cannot starve each other.
_SLOTS = threading.BoundedSemaphore(4)
_POOL_WAIT = 5.0


def has_own_transaction(cr):
    """Tell whether a cursor is a real one: in tests all share one transaction.

    Tests over HTTP have a real cursor, too, but what the registry gives beside it is
    of the same transaction: they replace the method that makes cursors.
    """
    return isinstance(cr, Cursor) and "cursor" not in vars(Registry(cr.dbname))


def _patiently(borrow):
    """Borrow a connection from Odoo's pool, and wait while it has none."""
    until = time.monotonic() + _POOL_WAIT
    while True:
        try:
            return borrow()
        except PoolError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@contextmanager
def side_cursor(dbname):
    """Give a cursor in READ COMMITTED beside the request's, for a moment.

    It commits at the end of the block unless an error leaves it.
    """
    with _SLOTS, _patiently(Registry(dbname).cursor) as cr:
        # the pool resets it when the connection is given out the next time
        cr._cnx.set_session(isolation_level=ISOLATION_LEVEL_READ_COMMITTED)
        yield cr


def fetch_beside(dbname, query):
    """Run one statement in READ COMMITTED beside the request's; return its row.

    It is a transaction: what it locks is free when it is over, even if this process
    stops right then. It may be run twice, see :mod:`.kept_connections`.

    :param SQL query:
    """
    with _SLOTS:
        return _patiently(lambda: CONNECTIONS.fetch(dbname, query.code, query.params))
