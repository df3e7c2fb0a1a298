from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from odoo.tests import tagged

from ..tools import t1
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestCredential(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ticket = cls._scenic_sell(cls.scenic_individual)
        cls.credentials = cls.env["scenic.credential"]

    def test_codes_say_what_was_sold(self):
        values, _raw, _signature = t1.parse(self.ticket._qr_token())
        self.assertEqual(values.number, self.ticket.number)
        self.assertEqual(values.product_class, self.scenic_individual.scenic_class_code)
        self.assertEqual(values.date_first, self.visit_date)
        self.assertEqual((values.span_days, values.persons, values.flags), (1, 1, 0))

    def test_both_codes_lead_to_the_ticket(self):
        for code in (
            self.ticket._qr_token(),
            f" {self.ticket._qr_token().lower()}\r\n",
            self.ticket._barcode_number(),
            self.ticket._barcode_text(),
        ):
            self.assertEqual(self.credentials._find(code).ticket_id, self.ticket)
            self.assertRegex(self.credentials._lookup(code), r"^[0-9a-f]{32}$")

    def test_code_itself_is_not_stored(self):
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT t::text, array_agg(c::text) FROM scenic_ticket t "
            "JOIN scenic_credential c ON c.ticket_id = t.id WHERE t.id = %s GROUP BY t",
            [self.ticket.id],
        )
        stored = str(self.env.cr.fetchall())
        self.assertNotIn(self.ticket._barcode_number(), stored)
        self.assertNotIn(self.ticket._qr_token()[20:], stored)

    def test_parse_genuine(self):
        parsed = self.credentials._parse(self.ticket._qr_token().lower())
        self.assertEqual(
            parsed[:4], ("qr", self.ticket._qr_token(), "ok", self.ticket.number)
        )
        self.assertEqual(
            parsed.lookup, self.credentials._lookup(self.ticket._qr_token())
        )
        digits = self.ticket._barcode_number()
        self.assertEqual(
            self.credentials._parse(digits)[:4], ("barcode", digits, "ok", None)
        )

    def test_parse_forged(self):
        """A stranger's key, another number, another site, another day."""
        values, _raw, _signature = t1.parse(self.ticket._qr_token())
        stranger = Ed25519PrivateKey.generate()
        own = self.env["scenic.signing.key"]._active()._private_key()
        other = t1.T1Payload(**{**vars(values), "number": values.number + 10**6})
        token = self.ticket._qr_token()
        flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
        for forged in (
            t1.sign(stranger, "TESTHILL", values),
            t1.sign(own, "TESTCAVE", values),
            t1.sign(stranger, "TESTHILL", other),
            t1.sign(stranger, "TESTHILL", t1.T1Payload(**{**vars(values), "kid": 15})),
            flipped,
            "T1" + "A" * 128,
            "T1" + "7" * 128,
        ):
            with self.subTest(forged=forged):
                parsed = self.credentials._parse(forged)
                self.assertEqual((parsed.kind, parsed.status), ("qr", "forged"))
                self.assertIsNone(parsed.number)
                self.assertFalse(self.credentials._find(forged))

    def test_parse_nonsense(self):
        for text in (
            "",
            None,
            7,
            b"T1",
            "T1",
            "hello",
            "1" * 22,
            "T1" + "1" * 128,
            "\ud800" * 30,
            "\0",
            "x" * 10**6,
            "https://example.com/?" + self.ticket._qr_token(),
        ):
            with self.subTest(text=str(text)[:20]):
                parsed = self.credentials._parse(text)
                self.assertEqual((parsed.kind, parsed.status), ("unknown", "unknown"))
                self.assertIsNone(parsed.lookup)
                self.assertFalse(self.credentials._find(text))

    def test_many_texts_take_one_query(self):
        tickets = self._scenic_sell(self.scenic_individual, 20)
        tokens = [ticket._qr_token() for ticket in tickets]
        self.credentials._parse(tokens[0])
        with self.assertQueryCount(1):
            parsed = self.credentials._parse_many(tokens)
        self.assertEqual([p.number for p in parsed], tickets.mapped("number"))

    def test_ended_credential_is_still_found(self):
        """A refunded ticket is known at the gate, with its own reason."""
        digits = self.ticket._barcode_number()
        self.ticket._refund("REF1", "rain")
        credential = self.credentials._find(digits)
        self.assertEqual(credential.ticket_id, self.ticket)
        self.assertFalse(credential.active)
