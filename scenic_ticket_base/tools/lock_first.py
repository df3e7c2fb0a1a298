"""Wait first, then look.

Odoo's transactions are REPEATABLE READ: what they see is as old as their first query.
Whoever waits for a lock in one finds the rows changed, and the framework calls the
whole request again after a sleep of up to two seconds. So a call that may meet another
one of its kind takes a lock by name before it reads, and if it had to wait, its
transaction, in which nothing has happened so far, ends and begins anew: then it sees
all that the one before it has done. ``sql/lock_first.sql`` has the locks.
"""

import threading
from contextlib import contextmanager, suppress
from functools import partial, wraps

import psycopg2
from psycopg2.errors import DeadlockDetected, SerializationFailure

from odoo.exceptions import ConcurrencyError

from .autonomous import has_own_transaction

#: Others that take no lock by name (a gate, a cron) can still be met at a row. Each
#: time it is somebody else who got on, so so many times in a row do not happen.
TRIES = 20
_MET = (SerializationFailure, DeadlockDetected, ConcurrencyError)

# the cursor whose locks this thread holds at this moment
_current = threading.local()


def lock_first(env, names, act):
    """Do something while nobody else does anything under one of these names.

    Who cannot begin anew, because the transaction has written something, is in a
    savepoint or has callbacks waiting for its end, waits for the names all the same;
    what it then finds changed is for the framework to repeat.

    :param names: what is locked to the end of the transaction, texts
    :param act: does it, called again if it meets somebody at a row; whatever it needs
        from the database it has to read itself
    :return: what ``act`` returns
    """
    cr, names = env.cr, sorted(set(names))
    if not has_own_transaction(cr) or cr.readonly:
        return act()
    if getattr(_current, "cr", None) is cr:
        if names:
            _take(cr, names, anew=False)
        return act()
    cr.flush()
    hooks = cr.prerollback or cr.postrollback or cr.postcommit
    state = _take(cr, names, anew=not hooks)
    if state == "bound":
        return act()
    for left in reversed(range(TRIES)):
        if state != "free":
            _begin_anew(cr, names)
        try:
            with _holding(cr):
                answer = act()
                env.flush_all()
                return answer
        except _MET:
            if not left:
                raise
            state = "met"
    return None


def locks_first(names_of):
    """Make a method of records do its work under :func:`lock_first`.

    :param names_of: gives the names, called with the records
    """

    def decorate(method):
        @wraps(method)
        def locked(self, *args, **kwargs):
            act = partial(method, self, *args, **kwargs)
            return lock_first(self.env, names_of(self), act)

        return locked

    return decorate


def _take(cr, names, *, anew):
    cr.execute("SELECT scenic_lock_first(%s, %s)", [names, anew], log_exceptions=False)
    return cr.fetchone()[0]


def _begin_anew(cr, names):
    """Begin a new transaction that holds the locks and sees what is committed now."""
    cr.rollback()
    try:
        # held by the session: the transaction that waits has an old snapshot again
        cr.execute("SELECT scenic_lock_wait(%s)", [names], log_exceptions=False)
        cr.rollback()
        cr.execute("SELECT scenic_lock_keep(%s, true)", [names])
    except psycopg2.Error:
        with suppress(psycopg2.Error):
            cr.rollback()
            cr.execute("SELECT scenic_lock_keep(%s, false)", [names])
        raise


@contextmanager
def _holding(cr):
    before = getattr(_current, "cr", None)
    _current.cr = cr
    try:
        yield
    finally:
        _current.cr = before
