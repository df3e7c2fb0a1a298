"""Where the statements of one request of the gate API go."""

from odoo.addons.scenic_ticket_base.tools.kept_connections import CONNECTIONS


class RegistryChangedError(Exception):
    """What this process keeps of the database is old; nothing was done."""


class GateConnection:
    """A connection that keeps its plans; each statement commits by itself.

    :param str database:
    :param Registry registry: the one whose caches the request reads, unless Odoo has
        compared them with the database: then the first statement does nothing if they
        are old. Make this object before a cache is read.
    :param Cursor cr: a connection that is lent for the request
    """

    def __init__(self, database, registry=None, cr=None):
        self._database = database
        self._lent = cr
        self._known = registry and known_sequences(registry)

    def fetch(self, query):
        """Return the row of one statement, which may be run again if the line broke.

        :param SQL query: a ``SELECT`` without ``FROM``
        :raise RegistryChangedError:
        """
        if not self._known:
            return CONNECTIONS.fetch(
                self._database, query.code, query.params, cr=self._lent
            )
        row = CONNECTIONS.fetch(
            self._database,
            f"{query.code} WHERE scenic_gate_unchanged(%s)",
            [*query.params, self._known],
            cr=self._lent,
        )
        if row is None:
            raise RegistryChangedError()
        self._known = None
        return row


def known_sequences(registry):
    """Return how far this process has followed the changes of registry and caches.

    In the order of ``scenic_gate_unchanged``, see ``scenic.device._make_unchanged``.
    """
    caches = registry.cache_sequences
    return [registry.registry_sequence, *(caches[name] for name in sorted(caches))]
