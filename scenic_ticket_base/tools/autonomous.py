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


def _borrow(registry):
    until = time.monotonic() + _POOL_WAIT
    while True:
        try:
            return registry.cursor()
        except PoolError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@contextmanager
def side_cursor(dbname, *, autocommit=False):
    """Give a cursor in READ COMMITTED beside the request's, for a moment.

    It commits at the end of the block unless an error leaves it; with ``autocommit``
    each statement is a transaction: what it locks is free when it is over, even if
    this process stops right then.
    """
    with _SLOTS, _borrow(Registry(dbname)) as cr:
        # the pool resets both when the connection is given out the next time
        cr._cnx.set_session(
            isolation_level=ISOLATION_LEVEL_READ_COMMITTED, autocommit=autocommit
        )
        yield cr
