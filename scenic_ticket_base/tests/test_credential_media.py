from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from ..exceptions import (
    BookingError,
    CredentialError,
    ReasonMissingError,
    TicketStateError,
)
from ..tools import barcode1d, t1
from .common import ScenicCommon

CARD = "04A1B2C3D4E5F6"


@tagged("post_install", "-at_install")
class TestCredentialMedia(ScenicCommon):
    """Issues of codes, cards and documents; lost and found."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.credentials = cls.env["scenic.credential"]
        cls.ticket = cls._scenic_sell(cls.scenic_individual)
        cls.named = cls._scenic_product(
            "Real name 实名票", "individual", 100, scenic_real_name="visitor"
        )

    def _named_ticket(self, seed, **values):
        return self._scenic_sell(
            self.named, visitors=[self._scenic_visitor(seed)], **values
        )

    def _assert_code(self, code, function, *args, error=CredentialError):
        with self.assertRaises(error) as caught, self.env.cr.savepoint():
            function(*args)
        self.assertEqual(caught.exception.code, code)
        return str(caught.exception)

    # ------------------------------------------------------------------
    # Codes
    # ------------------------------------------------------------------

    def test_c1_both_symbologies_are_one_issue_of_one_ticket(self):
        for issue in range(3):
            qr, barcode = self.ticket._qr_token(), self.ticket._barcode_number()
            found = [self.credentials._find(code) for code in (qr, barcode)]
            self.assertEqual([c.ticket_id for c in found], [self.ticket] * 2)
            self.assertEqual([c.issue for c in found], [issue] * 2)
            self.assertEqual([c.kind for c in found], ["qr", "barcode"])
            self.assertTrue(barcode1d.is_valid(barcode))
            parsed = self.credentials._parse(qr)
            self.assertEqual((parsed.number, parsed.issue), (self.ticket.number, issue))
            self.assertEqual(t1.parse(qr)[0].number, issue << 32 | self.ticket.number)
            self.ticket._reissue("lost")

    def test_first_issue_says_the_ticket_number(self):
        """Codes that were printed before issues were invented stay the same."""
        token = self.ticket._qr_token()
        self.assertEqual(t1.parse(token)[0].number, self.ticket.number)
        secret = self.env["scenic.signing.key"]._data().barcode_secret
        self.assertEqual(
            self.ticket._barcode_number(),
            barcode1d.encode(secret, self.ticket.number),
        )

    def test_old_codes_die_at_once_together(self):
        old = [self.ticket._qr_token(), self.ticket._barcode_number()]
        credential = self.credentials._find(old[1])
        new = credential._replace("wet paper")
        self.assertEqual(set(new.mapped("kind")), {"qr", "barcode"})
        for code in old:
            found = self.credentials._find(code)
            self.assertEqual(
                (found.state, found.active, found.ticket_id),
                ("replaced", False, self.ticket),
            )
            self.assertEqual(found.replaced_by_id.kind, found.kind)
            self.assertEqual(found.replaced_by_id.state, "active")
        for code in (self.ticket._qr_token(), self.ticket._barcode_number()):
            self.assertNotIn(code, old)
            self.assertTrue(self.credentials._find(code).active)
        self._assert_code("MEDIUM_REPLACED", credential._replace, "again")
        events = self.env["scenic.audit"].search(
            [("action", "=", "credential_replace"), ("reason", "=", "wet paper")]
        )
        self.assertEqual(len(events), 2)

    def test_code_of_an_issue_that_was_never_made(self):
        """Rightly signed, but by nobody here: it is known, and opens nothing."""
        key = self.env["scenic.signing.key"]._active()
        token = self.ticket._sign(key, 7)
        self.assertFalse(self.credentials._find(token))
        payload = replace(t1.parse(token)[0], number=2**63 | self.ticket.number)
        huge = t1.sign(key._private_key(), "TESTHILL", payload)
        self.assertEqual(self.credentials._parse(huge).number, self.ticket.number)
        self.assertFalse(self.credentials._find(huge))

    def test_reissue_in_batch(self):
        """As after a change of date: few queries however many tickets."""
        counts = []
        for quantity in (10, 90):
            tickets = self._scenic_sell(self.scenic_individual, quantity)
            tokens = [ticket._qr_token() for ticket in tickets]
            self.env.flush_all()
            self.env.invalidate_all()
            count = self.cr.sql_log_count
            new = tickets._reissue("other day")
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - count)
            self.assertEqual(len(new), 2 * quantity)
            self.assertFalse(set(tokens) & {ticket._qr_token() for ticket in tickets})
            for old in tokens[:3]:
                self.assertFalse(self.credentials._find(old).active)
        self.assertLessEqual(counts[1], counts[0] + 10, counts)

    def test_reissue_is_for_tickets_that_live(self):
        self.ticket._refund("R", "rain")
        with self.assertRaises(TicketStateError):
            self.ticket._reissue("lost")
        with self.assertRaises(ReasonMissingError):
            self._scenic_sell(self.scenic_individual)._reissue(" ")

    def test_span_of_a_year_is_said_as_255_or_more(self):
        rule = self.env["scenic.validity.rule"].create(
            {"name": "A year", "mode": "days_from_sale", "days": 366}
        )
        card = self._scenic_product(
            "Year 年票", "individual", 500, scenic_validity_rule_id=rule.id
        )
        ticket = self._scenic_sell(card, visit_date=False)
        self.assertEqual(ticket.span_days, 366)
        payload = t1.parse(ticket._qr_token())[0]
        self.assertEqual(payload.span_days, t1.MAX_SPAN)
        self.assertEqual(self.credentials._find(ticket._qr_token()).ticket_id, ticket)

    @settings(max_examples=100, deadline=None)
    @given(st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1))
    def test_medium_number_round_trip(self, number, issue):
        medium = t1.medium_number(number, issue)
        self.assertEqual(t1.split_number(medium), (number, issue))
        self.assertLess(medium, 2**64)

    def test_medium_number_never_wraps(self):
        for number, issue in ((0, 0), (2**32, 0), (1, -1), (1, 2**32)):
            with (
                self.subTest(number=number, issue=issue),
                self.assertRaises(t1.T1Error),
            ):
                t1.medium_number(number, issue)

    # ------------------------------------------------------------------
    # Cards
    # ------------------------------------------------------------------

    def test_card_opens_the_ticket(self):
        credential = self.ticket._add_medium("ic_card", "04:a1:b2:c3 d4e5f6")
        self.assertEqual(credential.last_four, "E5F6")
        for kind in ("ic_card", "staff_card"):
            for text in (CARD, CARD.lower(), " 04 A1 B2 C3 D4 E5 F6\r\n"):
                self.assertEqual(self.credentials._find(text, kind), credential)
        self.assertFalse(self.credentials._find(CARD), "a chip is read as a chip")
        self.assertFalse(self.credentials._find(CARD, "id_document"))
        self.assertEqual(self.credentials._parse(CARD, "staff_card").kind, "ic_card")
        again = self.ticket._add_medium("ic_card", CARD)
        self.assertEqual(again, credential, "twice is once")

    def test_card_number_is_not_stored(self):
        credential = self.ticket._add_medium("ic_card", CARD)
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT c::text FROM scenic_credential c WHERE id = %s", [credential.id]
        )
        self.assertNotIn(CARD[:10], str(self.env.cr.fetchone()))

    def test_card_of_one_person_opens_several_tickets(self):
        first = self._named_ticket(1)
        second = self._named_ticket(1, visit_date=self.visit_date + timedelta(days=1))
        for ticket in (first, second):
            ticket._add_medium("ic_card", CARD)
        found = self.credentials._find_all(CARD, "ic_card")
        self.assertEqual(found.ticket_id, first | second)
        self.assertEqual(found.mapped("state"), ["active", "active"])

    def test_card_of_another_person_is_refused(self):
        mine, yours = self._named_ticket(1), self._named_ticket(2)
        mine._add_medium("ic_card", CARD)
        text = self._assert_code("MEDIUM_TAKEN", yours._add_medium, "ic_card", CARD)
        self.assertIn("E5F6", text)
        self.assertNotIn(CARD, text)
        self._assert_code("MEDIUM_TAKEN", yours._add_medium, "staff_card", CARD)
        self._assert_code("MEDIUM_TAKEN", self.ticket._add_medium, "ic_card", CARD)

    def test_card_can_be_given_out_again(self):
        """A card comes back when its ticket is over, whatever ended it."""
        mine, yours = self._named_ticket(1), self._named_ticket(2)
        credential = mine._add_medium("ic_card", CARD)
        mine.state = "used"
        yours._add_medium("ic_card", CARD)
        self.assertEqual(credential.state, "ended")
        yours._refund("R", "rain")
        third = self._named_ticket(3)
        third._add_medium("ic_card", CARD)
        self.assertEqual(self.credentials._find(CARD, "ic_card").ticket_id, third)

    def test_bad_media(self):
        for code, kind, number in (
            ("MEDIUM_KIND", "qr", CARD),
            ("MEDIUM_KIND", "fingerprint", CARD),
            ("MEDIUM_KIND", None, CARD),
            ("MEDIUM_INVALID", "ic_card", ""),
            ("MEDIUM_INVALID", "ic_card", None),
            ("MEDIUM_INVALID", "ic_card", "XYZ12345"),
            ("MEDIUM_INVALID", "ic_card", "ABC"),
            ("MEDIUM_INVALID", "ic_card", "A" * 33),
            ("MEDIUM_INVALID", "id_document", "ABCDEF"),
            ("MEDIUM_INVALID", "id_document", "1234"),
        ):
            with self.subTest(kind=kind, number=number):
                self._assert_code(code, self.ticket._add_medium, kind, number)
        self.ticket._void("wrong")
        with self.assertRaises(TicketStateError):
            self.ticket._add_medium("ic_card", CARD)

    def test_b3_lost_card_is_replaced(self):
        credential = self.ticket._add_medium("ic_card", CARD)
        token = self.ticket._qr_token()
        new = credential._replace("lost", "04FFFFFF")
        self.assertEqual(credential.state, "replaced")
        self.assertEqual(credential.replaced_by_id, new)
        self.assertFalse(self.credentials._find(CARD, "ic_card").active)
        self.assertEqual(
            self.credentials._find("04FFFFFF", "ic_card").ticket_id, self.ticket
        )
        self.assertEqual(self.ticket._qr_token(), token, "the codes stay")
        self._assert_code("MEDIUM_INVALID", new._replace, "lost", None)
        self.assertEqual(new.state, "active", "nothing changed")

    def test_b3_card_of_a_period_is_replaced_for_all_its_tickets(self):
        first = self._named_ticket(1)
        second = self._named_ticket(1, visit_date=self.visit_date + timedelta(days=1))
        (first | second)._add_medium("ic_card", CARD)
        self.credentials._find_all(CARD, "ic_card")._replace("lost", "04FFFFFF")
        found = self.credentials._find_all("04FFFFFF", "ic_card")
        self.assertEqual(found.ticket_id, first | second)
        self.assertFalse(
            any(self.credentials._find_all(CARD, "ic_card").mapped("active"))
        )

    def test_lost_card_is_frozen_and_found_again(self):
        credential = self.ticket._add_medium("ic_card", CARD)
        credential._freeze("lost")
        self.assertEqual((credential.state, credential.active), ("frozen", True))
        self.assertEqual(self.ticket.state, "valid", "the ticket is not touched")
        self._assert_code("MEDIUM_FROZEN", credential._freeze, "lost")
        other = self._named_ticket(2)
        self._assert_code("MEDIUM_TAKEN", other._add_medium, "ic_card", CARD)
        credential._unfreeze("found")
        self.assertEqual(credential.state, "active")
        self._assert_code("MEDIUM_ACTIVE", credential._unfreeze, "found")
        with self.assertRaises(ReasonMissingError):
            credential._freeze("")
        actions = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.credential"), ("res_id", "=", credential.id)]
        )
        self.assertEqual(
            set(actions.mapped("action")),
            {"credential_add", "credential_freeze", "credential_unfreeze"},
        )

    # ------------------------------------------------------------------
    # Documents
    # ------------------------------------------------------------------

    def test_c4_document_finds_the_tickets_of_its_holder(self):
        today = self._named_ticket(1)
        later = self._named_ticket(1, visit_date=self.visit_date + timedelta(days=1))
        number = self._scenic_citizen(1)
        for text, kind in ((number, None), (number.lower(), "id_document")):
            found = self.credentials._find_all(text, kind)
            self.assertEqual(found.ticket_id, today | later)
            self.assertEqual(self.credentials._parse(text, kind).kind, "id_document")
        self.assertEqual(self.credentials._find(number[:-1] + "5").ids, [])
        self.assertEqual(found[0].ticket_id, later, "the newest comes first")
        later._refund("R", "rain")
        found = self.credentials._find_all(number)
        self.assertEqual(found.mapped("active"), [True, False])

    def test_passport_needs_the_word_of_the_reader(self):
        visitor = self._scenic_visitor(1, doc_kind="passport", doc_number="E12345678")
        ticket = self._scenic_sell(self.named, visitors=[visitor])
        self.assertFalse(self.credentials._find("E12345678"))
        found = self.credentials._find("e12345678", "id_document")
        self.assertEqual(found.ticket_id, ticket)

    def test_renewed_permit_opens_the_ticket(self):
        visitor = self._scenic_visitor(
            1, doc_kind="hk_macau_permit", doc_number="H1234567801"
        )
        ticket = self._scenic_sell(self.named, visitors=[visitor])
        for text in ("H12345678", "H1234567802"):
            self.assertEqual(
                self.credentials._find(text, "id_document").ticket_id, ticket
            )

    def test_document_of_another_person_is_refused(self):
        ticket = self._named_ticket(1)
        self._assert_code(
            "MEDIUM_TAKEN",
            ticket._add_medium,
            "id_document",
            self._scenic_citizen(2),
            error=BookingError,
        )
        self.ticket._add_medium("id_document", self._scenic_citizen(3))
        self.assertEqual(
            self.credentials._find(self._scenic_citizen(3)).ticket_id, self.ticket
        )

    @settings(max_examples=200, deadline=None)
    @given(
        st.one_of(st.text(max_size=40), st.from_regex(r"[0-9A-FX]{4,24}")),
        st.sampled_from(["ic_card", "staff_card", "id_document", "auto", None, "qr"]),
    )
    def test_no_text_breaks_the_reading(self, text, kind):
        parsed = self.credentials._parse(text, kind)
        self.assertIn(
            parsed.kind, ("qr", "barcode", "ic_card", "id_document", "unknown")
        )
        self.assertEqual(parsed.lookup is None, parsed.kind == "unknown")

    def test_many_texts_of_all_kinds_take_one_query(self):
        tickets = self._scenic_sell(self.scenic_individual, 10)
        texts, kinds = [], []
        for ticket in tickets:
            texts += [
                ticket._qr_token(),
                ticket._barcode_number(),
                CARD,
                self._scenic_citizen(1),
            ]
            kinds += ["auto", None, "ic_card", "auto"]
        self.credentials._parse(texts[0])
        with self.assertQueryCount(1):
            parsed = self.credentials._parse_many(texts, kinds)
        self.assertEqual(
            [p.kind for p in parsed[:4]], ["qr", "barcode", "ic_card", "id_document"]
        )

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def _wizard(self, role, action, **values):
        user = new_test_user(
            self.env,
            f"media_{role}_{action}",
            f"scenic_ticket_base.group_scenic_{role}",
        )
        credential = self.credentials._find(CARD, "ic_card")
        defaults = {f"default_{name}": value for name, value in values.items()}
        form = Form(
            self.env["scenic.credential.change"]
            .with_user(user)
            .with_context(
                default_action=action,
                default_credential_id=credential.id,
                **defaults,
            )
        )
        form.reason = "lost"
        return form

    def test_wizards(self):
        credential = self.ticket._add_medium("ic_card", CARD)
        self._wizard("supervisor", "freeze").save().action_apply()
        self.assertEqual(credential.state, "frozen")
        self._wizard("customer_service", "unfreeze").save().action_apply()
        self.assertEqual(credential.state, "active")
        form = self._wizard("customer_service", "replace")
        form.number = "04FFFFFF"
        wizard = form.save()
        self.env.flush_all()
        self.env.cr.execute("SELECT w::text FROM scenic_credential_change w")
        self.assertNotIn("04FFFFFF", str(self.env.cr.fetchall()))
        wizard.action_apply()
        self.assertEqual(credential.replaced_by_id.last_four, "FFFF")
        for role in ("cashier", "gate_operator", "finance", "auditor"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self._wizard(role, "freeze").save()
