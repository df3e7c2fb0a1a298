import json
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import config

from ..exceptions import KeyFileError
from ..tools import t1
from ..tools.keystore import KeyStore
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestSigningKey(ScenicCommon):
    """Each test has a database without tickets and a key file of its own."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "keys.json"
        self.startPatcher(patch.dict(os.environ, {"SCENIC_KEY_FILE": str(self.path)}))
        self.keys = self.env["scenic.signing.key"]
        self.env.cr.execute("DELETE FROM scenic_credential")
        self.env.cr.execute("DELETE FROM scenic_signing_key")
        self.env.invalidate_all()
        self.registry.clear_cache()
        self.addCleanup(self.registry.clear_cache)

    def _assert_code(self, code, function):
        with self.assertRaises(KeyFileError) as caught:
            function()
        self.assertEqual(caught.exception.code, code)
        self.assertIn(str(self.path), str(caught.exception))

    def _sell(self):
        return self._scenic_sell(self.scenic_individual)

    def test_first_ticket_makes_the_key(self):
        self.assertFalse(self.path.exists())
        ticket = self._sell()
        self.assertTrue(self.path.exists())
        key = ticket.credential_ids.signing_key_id
        self.assertEqual((key.kid, key.state), (0, "active"))
        self.assertEqual(t1.parse(ticket._qr_token())[0].kid, 0)

    def test_private_parts_are_not_in_the_database(self):
        self._sell()
        self.env.flush_all()
        self.env.cr.execute("SELECT array_agg(k::text) FROM scenic_signing_key k")
        stored = str(self.env.cr.fetchone())
        content = json.loads(self.path.read_text())
        for secret in (*content["private_keys"].values(), content["lookup_secret"]):
            self.assertNotIn(secret, stored)

    def test_new_database_adopts_an_existing_file(self):
        KeyStore(self.path).ensure()
        KeyStore(self.path).add_key(1)
        self.assertEqual(self.keys._active().kid, 1)
        self.assertEqual(
            self.keys.search([]).mapped(lambda key: (key.kid, key.state)),
            [(1, "active"), (0, "retired")],
        )

    def test_copy_without_tickets_makes_its_own_file(self):
        self.keys._active()
        first = self.keys._active().public_key
        self.path.unlink()
        self.assertNotEqual(self.keys._active().public_key, first)
        self.assertEqual(len(self.keys.search([])), 1)

    def test_missing_file_with_tickets_is_an_error(self):
        ticket = self._sell()
        self.path.unlink()
        self._assert_code("KEY_FILE_MISSING", ticket._qr_token)
        self._assert_code("KEY_FILE_MISSING", self._sell)
        self.assertFalse(self.path.exists(), "nothing is made over the loss")

    def test_file_of_another_database_is_an_error(self):
        ticket = self._sell()
        self.path.unlink()
        KeyStore(self.path).ensure()
        self._assert_code("KEY_FILE_FOREIGN", ticket._qr_token)
        self._assert_code("KEY_FILE_FOREIGN", self._sell)

    def test_damaged_and_exposed_files_are_errors(self):
        ticket = self._sell()
        os.chmod(self.path, 0o644)
        self._assert_code("KEY_FILE_EXPOSED", ticket._qr_token)
        os.chmod(self.path, 0o600)
        self.path.write_text("{")
        self._assert_code("KEY_FILE_DAMAGED", ticket._qr_token)

    def test_rotation(self):
        old_ticket = self._sell()
        old_token = old_ticket._qr_token()
        self.keys.action_rotate()
        new_ticket = self._sell()
        self.assertEqual(t1.parse(new_ticket._qr_token())[0].kid, 1)
        self.assertEqual(old_ticket._qr_token(), old_token, "a reprint is the same")
        parse = self.env["scenic.credential"]._parse
        for token in (old_token, new_ticket._qr_token()):
            self.assertEqual(parse(token).status, "ok")
        self.assertEqual(self.keys.search([]).mapped("state"), ["active", "retired"])

    def test_rotation_that_was_rolled_back_is_taken_up(self):
        self.keys._active()
        KeyStore(self.path).add_key(1)
        public = KeyStore(self.path).load().public_keys[1]
        self.keys.action_rotate()
        self.assertEqual(self.keys._active().public_key, public)

    def test_key_ids_run_out_with_a_clear_error(self):
        self.keys._active()
        for _turn in range(15):
            self.keys.action_rotate()
        with self.assertRaises(KeyFileError) as caught:
            self.keys.action_rotate()
        self.assertEqual(caught.exception.code, "KEY_IDS_EXHAUSTED")
        self.assertEqual(self.keys._active().kid, 15)

    def test_only_a_manager_rotates(self):
        for group in ("supervisor", "finance", "auditor"):
            user = new_test_user(
                self.env, f"key_{group}", f"scenic_ticket_base.group_scenic_{group}"
            )
            with self.subTest(group=group), self.assertRaises(AccessError):
                self.keys.with_user(user).action_rotate()

    def test_place_of_the_file(self):
        with patch.dict(os.environ):
            del os.environ["SCENIC_KEY_FILE"]
            default = self.keys._path()
            self.assertTrue(
                default.endswith(f"scenic_keys/{self.env.cr.dbname}.json"), default
            )
            rcfile = self.path.parent / "odoo.conf"
            rcfile.write_text("[options]\n[scenic]\nkey_file = /elsewhere/keys.json\n")
            with patch.dict(config.options, {"config": str(rcfile)}):
                self.assertEqual(self.keys._path(), "/elsewhere/keys.json")
