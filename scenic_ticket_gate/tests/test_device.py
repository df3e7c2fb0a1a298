from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestDevice(GateCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env, "gate_manager", "scenic_ticket_base.group_scenic_manager"
        )

    def test_key_is_shown_once_and_not_stored(self):
        device = self.device.with_user(self.manager)
        action = device.action_generate_key()
        key = action["context"]["scenic_device_key"]
        self.assertRegex(key, r"^sgk_[A-Za-z0-9_-]{43}$")
        wizard = self.env["scenic.device.key"].with_user(self.manager)
        with Form(wizard.with_context(**action["context"])) as form:
            self.assertEqual(form.key, key)
            self.assertFalse(form.is_second)
            record = form.save()
        self.assertFalse(record.with_context(scenic_device_key=None).key)
        self.env.flush_all()
        for table in ("scenic_device", "scenic_device_key", "mail_message"):
            self.env.cr.execute(
                f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{key}%"]
            )
            self.assertEqual(self.env.cr.fetchone()[0], 0, table)
        self.assertEqual(self.device.state, "active")

    def test_a_second_key_is_told_as_one(self):
        action = self.device.with_user(self.manager).action_rotate_key()
        wizard = self.env["scenic.device.key"].with_user(self.manager)
        with Form(wizard.with_context(**action["context"])) as form:
            self.assertTrue(form.is_second)

    def test_hash_is_out_of_reach(self):
        for user in (self.manager, self.env.ref("base.user_admin")):
            device = self.device.with_user(user)
            with self.assertRaises(AccessError):
                device.read(["key_hash"])
            with self.assertRaises(AccessError):
                device.search([("key_hash", "=like", "a%")])
            with self.assertRaises(AccessError):
                device.write({"key_hash": "0" * 64})
            self.assertNotIn("key_hash", device.fields_get())
            self.assertNotIn("key_hash", device.read()[0])

    def test_rotate_kills_the_old_key(self):
        self.assertEqual(self.device._id_of_key(self.key_hash), self.device.id)
        self.device._generate_key()
        with self.assertRaises(KeyError):
            self.device._id_of_key(self.key_hash)

    def test_revoke(self):
        self.assertEqual(self.device._id_of_key(self.key_hash), self.device.id)
        self.device.action_revoke()
        self.assertEqual(self.device.state, "revoked")
        with self.assertRaises(KeyError):
            self.device._id_of_key(self.key_hash)
        # writing the state back does not bring the key back
        self.device.with_user(self.manager).write({"state": "active"})
        with self.assertRaises(KeyError):
            self.device._id_of_key(self.key_hash)

    def test_archived_device_is_locked_out(self):
        self.assertEqual(self.device._id_of_key(self.key_hash), self.device.id)
        self.device.active = False
        with self.assertRaises(KeyError):
            self.device._id_of_key(self.key_hash)

    def test_other_workers_learn_of_it(self):
        self.env.registry.cache_invalidated.clear()
        self.device.action_revoke()
        self.assertTrue(self.env.registry.cache_invalidated)

    def test_guesses_are_not_cached(self):
        self.env.flush_all()
        for _try in range(2):
            # assertRaises would add the queries of its savepoint
            with self.assertQueryCount(1):
                try:
                    found = self.device._id_of_key("0" * 64)
                except KeyError:
                    found = None
            self.assertIsNone(found)

    def test_key_history_is_in_the_chatter(self):
        before = len(self.device.message_ids)
        self.device._generate_key()
        self.device.action_revoke()
        self.assertEqual(len(self.device.message_ids), before + 2)

    def test_copy_has_no_key(self):
        copy = self.device.copy({"name": "south-2"})
        self.assertEqual(copy.state, "new")
        self.assertFalse(copy.sudo().key_hash)
