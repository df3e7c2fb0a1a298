import json
import os
import stat
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from odoo.tests import BaseCase, tagged

from ..tools import keystore
from ..tools.keystore import KeyStore, KeyStoreError


def _ensure(path):
    """Run in a process of its own."""
    return KeyStore(path).ensure().public_keys


@tagged("post_install", "-at_install")
class TestKeyStore(BaseCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "keys" / "db.json"
        self.store = KeyStore(self.path)

    def _assert_reason(self, reason, function, *args):
        with self.assertRaises(KeyStoreError) as caught:
            function(*args)
        self.assertEqual(caught.exception.reason, reason)

    def test_made_for_the_owner_only(self):
        self.assertIsNone(self.store.load())
        data = self.store.ensure()
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.path.parent).st_mode), 0o700)
        self.assertEqual(list(data.private_keys), [0])
        self.assertNotEqual(data.barcode_secret, data.lookup_secret)
        self.assertEqual(
            sorted(entry.name for entry in self.path.parent.iterdir()),
            ["db.json", "db.json.lock"],
            "nothing temporary stays",
        )

    def test_second_call_keeps_the_keys(self):
        first = self.store.ensure().public_keys
        keystore._cache.clear()
        self.assertEqual(KeyStore(self.path).ensure().public_keys, first)

    def test_many_processes_at_once_make_one_file(self):
        with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
            found = list(pool.map(_ensure, [str(self.path)] * 12))
        self.assertTrue(all(keys == found[0] for keys in found))
        self.assertEqual(self.store.load().public_keys, found[0])

    def test_rotation_keeps_the_old_key(self):
        old = self.store.ensure().public_keys
        new = self.store.add_key(1).public_keys
        self.assertEqual(new[0], old[0])
        self.assertNotEqual(new[1], new[0])
        self.assertEqual(self.store.add_key(1).public_keys, new, "made once only")

    def test_only_a_known_key_is_replaced(self):
        old = self.store.ensure().public_keys[0]
        kept = self.store.replace_key(0, ["another"]).public_keys[0]
        self.assertEqual(kept, old, "of a rotation that was rolled back")
        new = self.store.replace_key(0, [old]).public_keys[0]
        self.assertNotEqual(new, old)

    def test_newest_data_key_encrypts_and_stays(self):
        first = self.store.ensure().data_kid
        data = self.store.add_data_key()
        self.assertGreater(data.data_kid, first)
        self.assertEqual(set(data.data_keys), {first, data.data_kid})
        data = self.store.drop_data_keys([first, data.data_kid])
        self.assertEqual(list(data.data_keys), [data.data_kid])

    def test_file_of_the_first_version_gets_a_data_key(self):
        public = self.store.ensure().public_keys
        content = json.loads(self.path.read_text())
        del content["data_keys"]
        self.path.write_text(json.dumps({**content, "version": 1}))
        keystore._cache.clear()
        self.assertIsNone(self.store.load().data_kid)
        data = self.store.ensure_data_key()
        self.assertTrue(data.data_kid)
        self.assertEqual(data.public_keys, public)
        self.assertEqual(self.store.ensure_data_key().data_keys, data.data_keys)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_key_id_does_not_wrap(self):
        self.store.ensure()
        self._assert_reason("no_kid", self.store.add_key, 16)

    def test_file_open_to_others_is_refused(self):
        self.store.ensure()
        os.chmod(self.path, 0o604)
        self._assert_reason("exposed", self.store.load)

    def test_damaged_files_are_refused(self):
        self.store.ensure()
        good = json.loads(self.path.read_text())
        for content in (
            "",
            "[]",
            "{}",
            json.dumps({**good, "version": 3}),
            json.dumps({**good, "data_keys": {"7": "AAAA"}}),
            json.dumps({**good, "data_keys": {"x": good["lookup_secret"]}}),
            json.dumps({**good, "private_keys": {}}),
            json.dumps({**good, "private_keys": {"16": good["private_keys"]["0"]}}),
            json.dumps({**good, "private_keys": {"0": "AAAA"}}),
            json.dumps({**good, "lookup_secret": "AAAA"}),
        ):
            with self.subTest(content=content[:40]):
                self.path.write_text(content)
                keystore._cache.clear()
                self._assert_reason("damaged", self.store.load)

    def test_place_that_cannot_be_written(self):
        blocker = self.folder / "file"
        blocker.write_text("")
        self._assert_reason("unreadable", KeyStore(blocker / "db.json").ensure)
        self._assert_reason("unwritable", KeyStore("/proc/scenic/db.json").ensure)
