import psycopg2.errors

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestAppendOnly(GateCommon):
    def setUp(self):
        super().setUp()
        self.event = self._pass(self._today_ticket())

    def test_orm_as_anybody(self):
        admin = self.env.ref("base.user_admin")
        for event in (self.event, self.event.with_user(admin), self.event.sudo()):
            with self.assertRaisesRegex(UserError, "cannot be changed"):
                event.write({"note": "nothing happened"})
            with self.assertRaisesRegex(UserError, "cannot be changed"):
                event.note = "nothing happened"
            with self.assertRaisesRegex(UserError, "cannot be deleted"):
                event.unlink()
            with self.assertRaisesRegex(UserError, "by the gates only"):
                event.create({"uid": "x"})
            with self.assertRaisesRegex(UserError, "by the gates only"):
                event.copy()
        self.event.invalidate_recordset()
        self.assertFalse(self.event.note)

    @mute_logger("odoo.sql_db")
    def test_sql(self):
        for query in (
            "UPDATE scenic_pass_event SET note = 'x' WHERE id = %s",
            "DELETE FROM scenic_pass_event WHERE id = %s",
            "UPDATE scenic_pass_event SET used_delta = 0 WHERE id = %s",
        ):
            with (
                self.assertRaisesRegex(
                    psycopg2.errors.RestrictViolation, "append-only"
                ),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(query, [self.event.id])

    @mute_logger("odoo.sql_db")
    def test_truncate(self):
        with (
            self.assertRaisesRegex(psycopg2.errors.RestrictViolation, "append-only"),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute("TRUNCATE scenic_pass_event CASCADE")

    @mute_logger("odoo.sql_db")
    def test_replica_role(self):
        """Switching ordinary triggers off does not help."""
        with (
            self.assertRaisesRegex(psycopg2.errors.RestrictViolation, "append-only"),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute("SET LOCAL session_replication_role = replica")
            self.env.cr.execute("DELETE FROM scenic_pass_event")

    @mute_logger("odoo.sql_db")
    def test_what_an_event_names_cannot_be_deleted(self):
        for record in (self.lane, self.device, self.gate):
            with (
                self.assertRaises(psycopg2.errors.ForeignKeyViolation),
                self.env.cr.savepoint(),
            ):
                record.unlink()

    def test_triggers_survive_a_second_init(self):
        self.env["scenic.pass.event"].init()
        self.env["scenic.device"].init()
        self.test_sql()
