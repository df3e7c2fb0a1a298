import secrets

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..tools.personal_data import CipherError, decrypt, encrypt

KEYS = {1: b"\1" * 32, 7: b"\7" * 32}
PLACE = "scenic.visitor,5,doc"


@tagged("post_install", "-at_install")
class TestPersonalData(BaseCase):
    def _assert_reason(self, reason, *args):
        with self.assertRaises(CipherError) as caught:
            decrypt(*args)
        self.assertEqual(caught.exception.reason, reason)

    @settings(max_examples=50, deadline=None)
    @given(st.text(max_size=50), st.sampled_from([1, 7]))
    def test_round_trip(self, text, kid):
        cipher = encrypt(KEYS, kid, PLACE, text)
        self.assertTrue(cipher.startswith(f"1.{kid}."))
        self.assertEqual(decrypt(KEYS, PLACE, cipher), text)

    def test_same_number_never_looks_the_same(self):
        number = "11010519491231002X"
        ciphers = {encrypt(KEYS, 1, PLACE, number) for _turn in range(100)}
        self.assertEqual(len(ciphers), 100)
        self.assertFalse(any(number in cipher for cipher in ciphers))

    def test_bound_to_its_place(self):
        cipher = encrypt(KEYS, 1, PLACE, "11010519491231002X")
        for place in ("scenic.visitor,6,doc", "scenic.visitor,5,phone", ""):
            self._assert_reason("damaged", KEYS, place, cipher)

    def test_other_keys(self):
        cipher = encrypt(KEYS, 7, PLACE, "x")
        self._assert_reason("no_key", {1: KEYS[1]}, PLACE, cipher)
        self._assert_reason("damaged", {7: secrets.token_bytes(32)}, PLACE, cipher)
        # the key id itself is sealed as well
        same = {1: KEYS[7], 7: KEYS[7]}
        self._assert_reason("damaged", same, PLACE, cipher.replace("1.7.", "1.1.", 1))

    def test_damaged(self):
        cipher = encrypt(KEYS, 1, PLACE, "13812345678")
        head, body = cipher[:-10], cipher[-10:]
        for text in (
            "",
            "1",
            "1.1.",
            "1.1.AAAA",
            "2" + cipher[1:],
            cipher[:-1],
            head + body.swapcase(),
            "1.x.AAAA",
            "1.1.!!!!",
        ):
            with self.subTest(text=text):
                self._assert_reason("damaged", KEYS, PLACE, text)
