import json
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.modules.neutralize import get_neutralization_queries
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

    def test_key_ids_are_used_again_when_their_tickets_are_over(self):
        tickets = self.env["scenic.ticket"]
        for _turn in range(15):
            tickets |= self._sell()
            self.keys.action_rotate()
        tickets |= self._sell()
        with self.assertRaises(KeyFileError) as caught:
            self.keys.action_rotate()
        self.assertEqual(caught.exception.code, "KEY_IDS_EXHAUSTED")
        self.assertIn(str(self.visit_date + timedelta(days=1)), str(caught.exception))
        self.assertEqual(self.keys._active().kid, 15)
        # the tickets of one key are over: one refunded, or admitted
        over, other = tickets[5], tickets[6]
        old_token = over._qr_token()
        over._refund("R", "rain")
        self.keys.action_rotate()
        active = self.keys._active()
        self.assertEqual(active.kid, 5)
        self.assertEqual(over.credential_ids.signing_key_id.state, "purged")
        parse = self.env["scenic.credential"]._parse
        new = self._sell()
        for token, number in (
            (new._qr_token(), new.number),
            (other._qr_token(), other.number),
            (old_token, over.number),
        ):
            parsed = parse(token)
            self.assertEqual((parsed.status, parsed.number), ("ok", number))
        # what the old key signed cannot be made again, and nobody is asked to
        over.state = "used"
        self.assertFalse(over._shows_codes())
        self.assertTrue(new._shows_codes())
        with self.assertRaises(KeyFileError) as caught:
            self.keys.action_rotate()
        self.assertEqual(caught.exception.code, "KEY_IDS_EXHAUSTED")

    def test_forger_with_a_purged_key_gets_nowhere(self):
        """The key of a purged id signs text that no credential has."""
        self.keys._active()
        for _turn in range(15):
            self.keys.action_rotate()
        stolen = KeyStore(self.path).load().private_keys[0]
        self.keys.action_rotate()
        self.assertEqual(self.keys._active().kid, 0)
        ticket = self._sell()
        payload, _raw, _signature = t1.parse(ticket._qr_token())
        forged = t1.sign(stolen, "TESTHILL", payload)
        self.assertFalse(self.env["scenic.credential"]._find(forged))

    def test_restore_of_a_lost_file(self):
        """docs/keys.md: the file is lost, found in the backup, and put back."""
        ticket = self._sell()
        visitor = self.env["scenic.visitor"]._find_or_create(
            self._scenic_visitor(1), self.env.company
        )
        token = ticket._qr_token()
        backup = self.path.read_bytes()
        self.path.unlink()
        self._assert_code("KEY_FILE_MISSING", self._sell)
        self._assert_code("KEY_FILE_MISSING", visitor._open)
        self.path.write_bytes(backup)
        self.path.chmod(0o600)
        self.assertEqual(ticket._qr_token(), token)
        self.assertEqual(self.env["scenic.credential"]._find(token).ticket_id, ticket)
        self.assertEqual(
            visitor._open()["doc_number"], self._scenic_visitor(1)["doc_number"]
        )
        self._sell()

    def test_restore_of_an_older_copy(self):
        """A copy from before a rotation is refused, not used in silence."""
        self._sell()
        backup = self.path.read_bytes()
        self.keys.action_rotate()
        self._sell()
        self.path.write_bytes(backup)
        self.path.chmod(0o600)
        self._assert_code("KEY_FILE_FOREIGN", self._sell)

    def test_start_over_with_an_older_copy(self):
        """Only what the lost key signed is issued anew; cards and people stay."""
        first = self._sell()
        first._add_medium("ic_card", "04A1B2C3")
        visitor = self.env["scenic.visitor"]._find_or_create(
            self._scenic_visitor(1), self.env.company
        )
        first_token = first._qr_token()
        backup = self.path.read_bytes()
        self.keys.action_rotate()
        second = self._sell()
        second_token = second._qr_token()
        self.path.write_bytes(backup)
        self.path.chmod(0o600)
        done = self.keys._start_over("the newest copy is lost")
        self.assertEqual(done, {"tickets": 1, "cards": 0, "visitors": 0})
        find = self.env["scenic.credential"]._find
        self.assertEqual(first._qr_token(), first_token)
        self.assertTrue(find(first_token).active)
        self.assertTrue(find("04A1B2C3", "ic_card").active)
        self.assertFalse(find(second_token).active)
        self.assertTrue(find(second._qr_token()).active)
        self.assertTrue(visitor._open()["doc_number"])
        third = self._sell()
        self.assertEqual(t1.parse(third._qr_token())[0].kid, 2)
        with self.assertRaises(KeyFileError) as caught:
            self.keys._start_over("again")
        self.assertEqual(caught.exception.code, "KEY_FILE_IN_ORDER")

    def test_older_copy_without_the_newest_data_key(self):
        self._sell()
        backup = self.path.read_bytes()
        self.keys.action_rotate_data_key()
        visitor = self.env["scenic.visitor"]._find_or_create(
            self._scenic_visitor(1), self.env.company
        )
        self.path.write_bytes(backup)
        self.path.chmod(0o600)
        self._assert_code("KEY_DATA_MISSING", visitor._open)

    def test_start_over_without_any_backup(self):
        """What is lost, and what is not."""
        ticket = self._sell()
        used = self._sell()
        used.state = "used"
        ticket._add_medium("ic_card", "04A1B2C3")
        visitor = self.env["scenic.visitor"]._find_or_create(
            self._scenic_visitor(1), self.env.company
        )
        old_token = ticket._qr_token()
        with self.assertRaises(KeyFileError) as caught:
            self.keys._start_over("lost")
        self.assertEqual(caught.exception.code, "KEY_FILE_IN_ORDER")
        self.path.unlink()
        done = self.keys._start_over("server burnt, backup unreadable")
        self.assertGreaterEqual(done["tickets"], 1)
        self.assertEqual((done["cards"], done["visitors"] >= 1), (1, True))
        credentials = self.env["scenic.credential"]
        token = ticket._qr_token()
        self.assertNotEqual(token, old_token)
        self.assertEqual(credentials._find(token).ticket_id, ticket)
        self.assertEqual(credentials._find(ticket._barcode_number()).ticket_id, ticket)
        self.assertFalse(credentials._find(old_token))
        self.assertFalse(credentials._find("04A1B2C3", "ic_card"))
        self.assertFalse(used._shows_codes())
        self.assertEqual(visitor.name, self._scenic_visitor(1)["name"])
        self.assertEqual(visitor._open(), {"doc_number": None, "phone": None})
        again = self.env["scenic.visitor"]._find_or_create(
            self._scenic_visitor(1), self.env.company
        )
        self.assertNotEqual(again, visitor)
        self._sell()
        self.assertTrue(
            self.env["scenic.audit"].search_count(
                [("action", "=", "key_rotate"), ("reason", "ilike", "burnt")]
            )
        )

    def test_starting_over_touches_no_file_of_another_database(self):
        self._sell()
        self.path.unlink()
        other = KeyStore(self.path).ensure().public_keys
        self._assert_code("KEY_FILE_FOREIGN", lambda: self.keys._start_over("lost"))
        self.assertEqual(KeyStore(self.path).load().public_keys, other)
        self.path.chmod(0o644)
        self._assert_code("KEY_FILE_EXPOSED", lambda: self.keys._start_over("lost"))

    def test_copy_for_tests_signs_nothing(self):
        """A neutralised copy may share the key file with the original."""
        ticket = self._sell()
        visitor = self.env["scenic.visitor"]._find_or_create(
            self._scenic_visitor(1), self.env.company
        )
        self.env.flush_all()
        for query in get_neutralization_queries(["scenic_ticket_base"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.registry.clear_cache()
        self._assert_code("KEY_FILE_FOREIGN", ticket._qr_token)
        self._assert_code("KEY_FILE_FOREIGN", self._sell)
        self.assertFalse(visitor.doc_cipher or visitor.phone_cipher)
        # it goes on with a file of its own
        with patch.dict(os.environ, {"SCENIC_KEY_FILE": f"{self.path}.copy"}):
            self.keys._start_over("a copy")
            self._sell()

    def test_damaged_file_is_set_aside_when_starting_over(self):
        ticket = self._sell()
        self.path.write_text("{")
        self.keys._start_over("damaged")
        self.assertEqual(
            self.env["scenic.credential"]._find(ticket._qr_token()).ticket_id, ticket
        )
        self.assertEqual(len(list(self.path.parent.glob("*.old"))), 1)

    def test_data_key_changes_in_batches(self):
        """Rotation of the data key: all that is stored follows, then the old goes."""
        visitors = self.env["scenic.visitor"]._find_or_create_many(
            [self._scenic_visitor(number) for number in range(25)], self.env.company
        )
        clear = [visitor._open() for visitor in visitors]
        old = visitors.mapped("data_kid")
        self.keys.action_rotate_data_key()
        self.assertEqual(self.keys._purge_data_keys(), [], "still needed")
        self.env["scenic.visitor"]._cron_reencrypt(limit=10)
        self.assertEqual([visitor._open() for visitor in visitors], clear)
        self.assertNotIn(old[0], visitors.mapped("data_kid"))
        self.assertEqual(self.keys._purge_data_keys(), [old[0]])
        self.assertEqual([visitor._open() for visitor in visitors], clear)

    def test_what_no_key_opens_does_not_stop_the_rest(self):
        visitors = self.env["scenic.visitor"]._find_or_create_many(
            [self._scenic_visitor(number) for number in range(3)], self.env.company
        )
        visitors[1].doc_cipher = "1.5.AAAA"
        self.keys.action_rotate_data_key()
        with self.assertLogs("odoo.addons.scenic_ticket_base", "WARNING"):
            self.env["scenic.visitor"]._cron_reencrypt(limit=1)
        newest = self.keys._data().data_kid
        self.assertEqual(visitors[0].data_kid, newest)
        self.assertNotEqual(visitors[1].data_kid, newest)
        self.assertEqual(visitors[2].data_kid, newest)

    def test_only_a_manager_rotates(self):
        for group in ("supervisor", "finance", "auditor"):
            user = new_test_user(
                self.env, f"key_{group}", f"scenic_ticket_base.group_scenic_{group}"
            )
            with self.subTest(group=group), self.assertRaises(AccessError):
                self.keys.with_user(user).action_rotate()
            for method in ("action_rotate_data_key", "action_purge_data_keys"):
                with self.subTest(group=group), self.assertRaises(AccessError):
                    getattr(self.keys.with_user(user), method)()

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
