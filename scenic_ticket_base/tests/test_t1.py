from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..tools import t1

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

payloads = st.builds(
    t1.T1Payload,
    kid=st.integers(0, 15),
    number=st.integers(1, 2**64 - 1),
    product_class=st.integers(1, 2**16 - 1),
    date_first=st.integers(0, 2**16 - 1).map(lambda day: t1.EPOCH + timedelta(day)),
    span_days=st.integers(1, 255),
    persons=st.integers(1, 255),
    flags=st.integers(0, 15),
)
site_codes = st.text("ABCXYZ0189", min_size=1, max_size=8)


@tagged("post_install", "-at_install")
class TestT1(BaseCase):
    def _payload(self, **values):
        return t1.T1Payload(
            **{
                "kid": 3,
                "number": 258,
                "product_class": 772,
                "date_first": t1.EPOCH + timedelta(1286),
                "span_days": 7,
                "persons": 9,
                "flags": 10,
                **values,
            }
        )

    def test_layout_is_fixed(self):
        """Printed tickets and bridges depend on each byte."""
        payload = self._payload()
        self.assertEqual(payload.encode().hex(), "1300000000000001020304050607090a")
        self.assertEqual(
            t1.signed_text("YUNXI", payload.encode()),
            b"SCENIC-T1\0YUNXI" + payload.encode(),
        )

    def test_known_token(self):
        """A vector for other implementations: key 00..1f, site YUNXI."""
        self.assertEqual(
            t1.sign(KEY, "YUNXI", self._payload()),
            "T1CMAAAAAAAAAACAQDAQCQMBYJBL4MJQINA6GDN3AUZS6IYEIVETZVTVUBIF3MTPBP"
            "Z5U5KDNUEPZHQOHTTVHE2HFX2UHDQXYULBODFXYD7I6ZS53KFW4HHXSX6RFPUJQF",
        )

    @settings(max_examples=200, deadline=None)
    @given(payload=payloads, code=site_codes)
    def test_round_trip(self, payload, code):
        token = t1.sign(KEY, code, payload)
        self.assertEqual(len(token), t1.TOKEN_LENGTH)
        self.assertRegex(token, r"^T1[A-Z2-7]{128}$")
        values, raw, signature = t1.parse(f" \t{token.lower()}\r\n")
        self.assertEqual(values, payload)
        self.assertTrue(t1.verify(KEY.public_key(), code, raw, signature))
        other = ("A" if code[0] != "A" else "B") + code[1:]
        self.assertFalse(t1.verify(KEY.public_key(), other, raw, signature))
        self.assertFalse(t1.verify(OTHER_KEY.public_key(), code, raw, signature))

    @settings(max_examples=200, deadline=None)
    @given(payload=payloads, place=st.integers(2, 129), other=st.integers(1, 31))
    def test_any_changed_character_is_noticed(self, payload, place, other):
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        token = t1.sign(KEY, "YUNXI", payload)
        char = alphabet[(alphabet.index(token[place]) + other) % 32]
        forged = token[:place] + char + token[place + 1 :]
        try:
            _values, raw, signature = t1.parse(forged)
        except t1.T1Error:
            return
        self.assertFalse(t1.verify(KEY.public_key(), "YUNXI", raw, signature))

    @settings(max_examples=300, deadline=None)
    @given(text=st.one_of(st.text(max_size=600), st.none(), st.integers()))
    def test_no_text_breaks_the_parser(self, text):
        normalised = t1.normalise(text)
        if not t1.is_token(normalised):
            with self.assertRaises(t1.T1Error):
                t1.parse(text)

    def test_out_of_range_is_an_error_and_never_wraps(self):
        for field, value in (
            ("kid", 16),
            ("kid", -1),
            ("number", 0),
            ("number", 2**64),
            ("product_class", 0),
            ("product_class", 2**16),
            ("date_first", t1.EPOCH - timedelta(1)),
            ("date_first", t1.EPOCH + timedelta(2**16)),
            ("span_days", 0),
            ("span_days", 256),
            ("persons", 0),
            ("persons", 256),
            ("flags", 16),
        ):
            with self.subTest(field=field, value=value):
                with self.assertRaises(t1.T1Error) as caught:
                    self._payload(**{field: value}).encode()
                self.assertEqual(caught.exception.field, field)

    def test_other_format_is_refused(self):
        raw = bytes([0x20]) + self._payload().encode()[1:]
        with self.assertRaises(t1.T1Error) as caught:
            t1.T1Payload.decode(raw)
        self.assertEqual(caught.exception.field, "format")

    def test_full_width_input_method_is_understood(self):
        token = t1.sign(KEY, "YUNXI", self._payload())
        wide = "".join(chr(ord(char) + 0xFEE0) for char in token)
        self.assertEqual(t1.normalise(wide), token)

    def test_site_code_of_another_alphabet_is_refused(self):
        for code in ("", "yunxi", "云溪", "TOOLONG99"):
            with self.assertRaises(t1.T1Error):
                t1.sign(KEY, code, self._payload())
