from unittest.mock import patch

from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from odoo.addons.scenic_ticket_base.tools.kept_connections import CONNECTIONS

from ..gate_connection import GateConnection, RegistryChangedError

#: Leaves a trace, whatever becomes of a transaction.
STEP = SQL("SELECT nextval(%s)", "scenic_pass_event_id_seq")


@tagged("post_install", "-at_install")
class TestGateConnection(TransactionCase):
    """The first statement of a request asks whether the caches are good."""

    def setUp(self):
        super().setUp()
        self.database = self.env.cr.dbname
        # its sessions would keep the next test run from copying the database
        self.addCleanup(CONNECTIONS.close, self.database)
        registry = self.env.registry
        [sequence], *_ = self._committed("SELECT max(id) FROM orm_signaling_registry")
        self._set(registry, registry_sequence=sequence)
        self._set(
            registry,
            cache_sequences={
                name: self._committed(f"SELECT max(id) FROM orm_signaling_{name}")[0][0]
                for name in registry.cache_sequences
            },
        )

    def _set(self, target, **values):
        for name, value in values.items():
            patcher = patch.object(target, name, value)
            patcher.start()
            self.addCleanup(patcher.stop)

    def _committed(self, query):
        """Ask outside of the transaction of the test."""
        return [CONNECTIONS.fetch(self.database, query, None)]

    def _connect(self, registry=None):
        return GateConnection(self.database, registry)

    def _step(self, connection):
        return connection.fetch(STEP)[0]

    def test_good_caches(self):
        connection = self._connect(self.env.registry)
        first = self._step(connection)
        self.assertEqual(self._step(connection), first + 1)

    def test_old_registry(self):
        before = self._step(self._connect())
        self._set(self.env.registry, registry_sequence=-1)
        with self.assertRaises(RegistryChangedError):
            self._step(self._connect(self.env.registry))
        self.assertEqual(self._step(self._connect()), before + 1)

    def test_each_old_cache(self):
        registry = self.env.registry
        before = self._step(self._connect())
        for name in registry.cache_sequences:
            with (
                self.subTest(name),
                patch.dict(registry.cache_sequences, {name: -1}),
                self.assertRaises(RegistryChangedError),
            ):
                self._step(self._connect(registry))
        self.assertEqual(self._step(self._connect()), before + 1)

    def test_a_cache_that_nobody_has_heard_of(self):
        """A later Odoo may have more of them than the function knows."""
        registry = self.env.registry
        with (
            patch.dict(registry.cache_sequences, {"zzz": 1}),
            self.assertRaises(RegistryChangedError),
        ):
            self._step(self._connect(registry))

    def test_caches_count_as_they_were_when_the_request_began(self):
        """Another thread may bring them up to date after this one has read them."""
        registry = self.env.registry
        with patch.dict(registry.cache_sequences, {"default": -1}):
            connection = self._connect(registry)
        with self.assertRaises(RegistryChangedError):
            self._step(connection)

    def test_only_the_first_statement_asks(self):
        connection = self._connect(self.env.registry)
        first = self._step(connection)
        self._set(self.env.registry, registry_sequence=-1)
        self.assertEqual(self._step(connection), first + 1)
