from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from odoo.addons.scenic_ticket_base.exceptions import (
    EligibilityError,
    OverrideError,
    ReasonMissingError,
)

from ..exceptions import (
    WindowConcessionError,
    WindowError,
    WindowRightError,
    WindowVisitorError,
)
from .common import ScenicPosCommon


class ConcessionMixin:
    """A free ticket for children and one for elders and students, with their law."""

    @classmethod
    def _setup_concessions(cls):
        window = {
            "available_in_pos": True,
            "taxes_id": [Command.set(cls.tax_6.ids)],
        }
        cls.child = cls._scenic_product("Child Ticket", "individual", 0.0, **window)
        cls.reduced = cls._scenic_product(
            "Reduced Ticket", "individual", 30.0, **window
        )
        cls.rules = cls.env["scenic.eligibility"].create(
            [
                {
                    "name": "Child",
                    "category": "child",
                    "age_limited": True,
                    "age_to": 6,
                    "height_to": 120,
                    "legal_basis": "Notice 283 of 2012",
                    "product_tmpl_ids": [Command.set(cls.child.product_tmpl_id.ids)],
                },
                {
                    "name": "Elder",
                    "category": "elder",
                    "age_limited": True,
                    "age_from": 60,
                    "proof": "identity card",
                    "legal_basis": "Notice 7",
                    "product_tmpl_ids": [Command.set(cls.reduced.product_tmpl_id.ids)],
                },
            ]
        )
        cls.student = cls.env["scenic.eligibility"].create(
            {
                "name": "Student",
                "category": "student",
                "proof": "student card",
                "product_tmpl_ids": [Command.set(cls.reduced.product_tmpl_id.ids)],
            }
        )

    @classmethod
    def _born(cls, years):
        """A birth date that makes so many completed years, as a document has it."""
        today = fields.Date.context_today(
            cls.env.user.with_context(tz=cls.scenic_area.tz)
        )
        return (today - timedelta(days=round(years * 365.25) + 30)).strftime("%Y%m%d")

    def _person(self, seed, years):
        return self._scenic_visitor(
            seed, doc_number=self._scenic_citizen(seed, self._born(years))
        )


@tagged("post_install", "-at_install")
class TestWindowConcession(ConcessionMixin, ScenicPosCommon):
    """The lowest lawful price by the document; the server is the judge."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._setup_concessions()
        cls.supervisor = new_test_user(
            cls.env,
            "window_supervisor",
            "base.group_user,point_of_sale.group_pos_user,"
            "scenic_ticket_base.group_scenic_supervisor",
            company_id=cls.env.company.id,
            company_ids=[Command.set(cls.env.company.ids)],
        )

    def setUp(self):
        super().setUp()
        # the signing key is made for the first ticket, and would go with a refusal
        self._sell((self.adult, 1))

    def _line(self, product, *people, qty=1, **values):
        return self._line_vals(product, qty, scenic_visitors=list(people), **values)

    def _assert_refused(self, error, code, line, **values):
        vals = self._order_vals([line], **values)
        tickets = self.env["scenic.ticket"].search_count([])
        with self.assertRaises(error) as caught, self.cr.savepoint():
            self._sync(vals)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.env["scenic.ticket"].search_count([]), tickets)
        return vals

    def _propose(self, person, user=None, **options):
        config = self.config.with_user(user or self.cashier)
        return config.scenic_propose(person, **options)

    def _audits(self, action):
        return self.env["scenic.audit"].search([("action", "=", action)])

    # ------------------------------------------------------------
    # Proposal
    # ------------------------------------------------------------

    def test_the_best_comes_first(self):
        answer = self._propose(self._person(1, 5), product_id=self.adult.id)
        self.assertEqual(answer["age"], 5)
        best = answer["offers"][0]
        self.assertEqual((best["product_id"], best["price"]), (self.child.id, 0))
        self.assertEqual(best["legal_basis"], "Notice 283 of 2012")
        self.assertFalse(best["needs_proof"])
        self.assertIn("age up to 6", best["concession"])

    def test_what_needs_a_proof_comes_last(self):
        answer = self._propose(self._person(1, 20), product_id=self.adult.id)
        offers = [(o["product_id"], o["needs_proof"]) for o in answer["offers"]]
        self.assertEqual(offers, [(self.adult.id, False), (self.reduced.id, True)])
        self.assertEqual(answer["offers"][1]["proof"], "student card")

    def test_by_height_without_a_document(self):
        answer = self._propose({"height_cm": 110}, product_id=self.adult.id)
        self.assertIs(answer["age"], False)
        self.assertEqual(answer["offers"][0]["product_id"], self.child.id)
        answer = self._propose({"height_cm": 130}, product_id=self.adult.id)
        self.assertEqual(answer["offers"][0]["product_id"], self.adult.id)

    def test_prices_are_those_of_the_order(self):
        answer = self._propose(
            self._person(1, 20),
            product_id=self.adult.id,
            pricelist_id=self.member_pricelist.id,
        )
        self.assertEqual(answer["offers"][0]["price"], 45.5)

    def test_a_misread_document_proposes_nothing(self):
        person = self._person(1, 5)
        person["doc_number"] = person["doc_number"][:-1] + (
            "1" if person["doc_number"][-1] != "1" else "2"
        )
        answer = self._propose(person, product_id=self.adult.id)
        self.assertEqual(answer["offers"], [])
        self.assertEqual(answer["visitor"]["code"], "DOC_CHECKSUM")

    def test_the_site_of_the_window_speaks_for_it(self):
        self.config.scenic_site_id = self.scenic_area
        answer = self._propose(self._person(1, 5))
        self.assertEqual(answer["offers"][0]["product_id"], self.child.id)
        before = self.env["scenic.visitor"].search_count([])
        self._propose(self._person(2, 5))
        self.assertEqual(self.env["scenic.visitor"].search_count([]), before)

    # ------------------------------------------------------------
    # Settled
    # ------------------------------------------------------------

    def test_a_child_by_its_document(self):
        order = self._sell(self._line(self.child, self._person(1, 5)))
        ticket = order.lines.scenic_ticket_ids
        self.assertEqual(ticket.state, "valid")
        # nobody keeps the document: the ticket is sold without names
        self.assertFalse(ticket.visitor_id)
        self.assertFalse(order.lines.sudo().scenic_visitors_sealed)

    def test_a_forged_age(self):
        """The document says otherwise: neither a tick nor a note helps."""
        self._assert_refused(
            EligibilityError,
            "ELIGIBILITY_AGE",
            self._line(self.child, self._person(1, 9)),
        )
        self._assert_refused(
            EligibilityError,
            "ELIGIBILITY_AGE",
            self._line(
                self.child,
                self._person(1, 9),
                scenic_proof_checked=True,
                scenic_proof_note="birth certificate",
            ),
        )

    def test_a_small_child_of_nine(self):
        """Age or height, whichever favours the visitor."""
        person = {**self._person(1, 9), "height_cm": 118}
        self.assertTrue(self._sell(self._line(self.child, person)).lines)

    def test_nobody_has_looked(self):
        line = self._line(self.reduced, self._person(1, 20))
        self._assert_refused(WindowConcessionError, "CONCESSION_PROOF", line)
        self._assert_refused(
            WindowConcessionError,
            "CONCESSION_PROOF",
            self._line_vals(self.reduced, 2),
        )
        order = self._sell(
            self._line(
                self.reduced,
                self._person(1, 20),
                scenic_proof_checked=True,
                scenic_proof_note="student card 110105199003070019",
            )
        )
        sold = order.sudo().scenic_booking_id.line_ids
        self.assertTrue(sold.proof_checked)
        self.assertEqual(sold.proof_note, "student card ••••0019")
        self.assertEqual(order.lines.scenic_proof_note, "student card ••••0019")

    def test_one_document_for_two(self):
        line = self._line(self.reduced, self._person(1, 70), qty=2)
        self._assert_refused(WindowConcessionError, "CONCESSION_PROOF", line)
        people = self._person(1, 70), self._person(2, 71)
        self.assertTrue(self._sell(self._line(self.reduced, *people, qty=2)).lines)

    def test_a_dearer_ticket_needs_a_reason(self):
        line = self._line(self.adult, self._person(1, 70))
        self._assert_refused(WindowConcessionError, "CONCESSION_REASON", line)
        order = self._sell(
            self._line(
                self.adult,
                self._person(1, 70),
                scenic_choice_reason="wants the full ticket",
            )
        )
        trail = self._audits("concession_choice")
        self.assertEqual(trail.reason, "wants the full ticket")
        self.assertEqual(trail.user_id, self.cashier)
        self.assertEqual(trail.document_id, order.id)
        self.assertEqual(trail.before["price_unit"], 30)
        # who is of no age for it needs none
        self.assertTrue(self._sell(self._line(self.adult, self._person(3, 30))).lines)

    def test_a_discount_to_the_lawful_price(self):
        line = self._line(self.adult, self._person(1, 70), discount=50)
        self.assertTrue(self._sell(line).lines)

    def test_free_tickets_are_written_down(self):
        self._sell(self._line(self.child, self._person(1, 5)))
        self._sell(self._line_vals(self.adult, 2, discount=100))
        child, adult = self._audits("free_ticket").sorted("id")
        self.assertEqual((child | adult).user_id, self.cashier)
        self.assertEqual(child.after["legal_basis"], "Notice 283 of 2012")
        self.assertEqual(child.after["persons"], 1)
        self.assertEqual(adult.before["amount_total"], 120)
        self.assertFalse(adult.after["concession"])
        self.assertEqual(child.device, "South Gate")

    def test_a_paid_line_keeps_its_proof(self):
        line = self._sell(self._line(self.child, self._person(1, 5))).lines
        for values in (
            {"scenic_proof_checked": True},
            {"scenic_proof_note": "x"},
            {"scenic_choice_reason": "x"},
        ):
            with self.assertRaises(WindowError), self.cr.savepoint():
                line.with_user(self.cashier).write(values)

    # ------------------------------------------------------------
    # Reviewed before payment
    # ------------------------------------------------------------

    def _choice(self, line, **values):
        return {
            "uuid": line["uuid"],
            "product_id": line["product_id"],
            "qty": line["qty"],
            "price": line["price_unit"],
            "visitors": line["scenic_visitors"],
            **values,
        }

    def _review(self, *choices, user=None):
        return self.config.with_user(user or self.cashier).scenic_review([*choices])

    def test_review_says_what_the_sale_will_say(self):
        forged = self._line(self.child, self._person(1, 9))
        unseen = self._line(self.reduced, self._person(2, 20))
        dearer = self._line(self.adult, self._person(3, 70))
        good = self._line(self.child, self._person(4, 5))
        found = self._review(*map(self._choice, (forged, unseen, dearer, good)))
        self.assertEqual(
            [(line["uuid"], line["code"]) for line in found],
            [
                (forged["uuid"], "ELIGIBILITY_AGE"),
                (unseen["uuid"], "CONCESSION_PROOF"),
                (dearer["uuid"], "CONCESSION_REASON"),
            ],
        )
        self.assertEqual(found[1]["proof"], "identity card / student card")
        self.assertFalse(self._review(self._choice(unseen, proof_checked=True)))
        self.assertFalse(self._review(self._choice(dearer, reason="wants it")))

    def test_garbage(self):
        line = self._choice(self._line(self.child, self._person(1, 9)))
        for values in (
            "x",
            {},
            {**line, "product_id": True},
            {**line, "product_id": self.souvenir.id},
            {**line, "qty": "x"},
            {**line, "qty": 0},
            {**line, "price": "nan"},
            {**line, "visit_date": "soon"},
            {**line, "uuid": ""},
        ):
            with self.subTest(values=values), self.assertRaises(WindowError):
                self._review(values)
        with self.assertRaises(WindowVisitorError):
            self._review({**line, "visitors": "x"})
        with self.assertRaises(WindowVisitorError):
            self._propose("x")

    # ------------------------------------------------------------
    # A supervisor accepts
    # ------------------------------------------------------------

    def _ask(self, line, reason="lost its birth certificate"):
        return self.config.with_user(self.cashier).scenic_ask_concession(
            self._choice(line), "26-7", reason
        )

    def test_a_supervisor_accepts(self):
        """Refused at the synchronisation, agreed to, sent again."""
        line = self._line(self.child, self._person(1, 9))
        vals = self._assert_refused(EligibilityError, "ELIGIBILITY_AGE", line)
        self.assertEqual(self._ask(line), "requested")
        self.assertEqual(self._ask(line), "requested")
        override = self.env["scenic.concession.override"].search([])
        self.assertEqual(len(override), 1)
        self.assertIn("age up to 6", override.refusal)
        self.assertEqual(self._review(self._choice(line))[0]["state"], "requested")
        with self.assertRaises(EligibilityError), self.cr.savepoint():
            self._sync(vals)
        with self.assertRaises(AccessError):
            override.with_user(self.cashier).action_approve()
        override.with_user(self.supervisor).action_approve()
        self.assertFalse(self._review(self._choice(line)))
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertEqual(order.lines.scenic_ticket_ids.state, "valid")
        self.assertEqual((override.state, override.order_id), ("used", order))
        trail = self._audits("concession_override")
        self.assertEqual(trail.reason, "lost its birth certificate")
        self.assertEqual(trail.after["approver"], self.supervisor.name)

    def test_what_was_agreed_to_is_what_is_sold(self):
        line = self._line(self.child, self._person(1, 9))
        self._ask(line)
        override = self.env["scenic.concession.override"].search([])
        override.with_user(self.supervisor).action_approve()
        more = self._line(self.child, self._person(1, 9), qty=2, uuid=line["uuid"])
        self._assert_refused(EligibilityError, "ELIGIBILITY_AGE", more)
        other = self._line(self.child, self._person(1, 9))
        self._assert_refused(EligibilityError, "ELIGIBILITY_AGE", other)
        override.sudo().valid_until = fields.Datetime.now() - timedelta(minutes=1)
        self._assert_refused(EligibilityError, "ELIGIBILITY_AGE", line)

    def test_nobody_agrees_to_his_own(self):
        line = self._line(self.child, self._person(1, 9))
        self.config.with_user(self.supervisor).scenic_ask_concession(
            self._choice(line), "26-7", "known to us"
        )
        override = self.env["scenic.concession.override"].search([])
        with self.assertRaises(OverrideError) as caught:
            override.with_user(self.supervisor).action_approve()
        self.assertEqual(caught.exception.code, "OVERRIDE_SAME_PERSON")

    def test_refused_and_asked_again(self):
        line = self._line(self.child, self._person(1, 9))
        self._ask(line)
        override = self.env["scenic.concession.override"].search([])
        override.with_user(self.supervisor).action_refuse()
        self._assert_refused(EligibilityError, "ELIGIBILITY_AGE", line)
        with self.assertRaises(OverrideError) as caught:
            override.with_user(self.supervisor).action_approve()
        self.assertEqual(caught.exception.code, "OVERRIDE_DECIDED")
        self.assertEqual(self._ask(line, "its mother vouches for it"), "requested")
        self.assertEqual(self.env["scenic.concession.override"].search_count([]), 2)

    def test_only_what_a_document_refutes_is_asked_for(self):
        with self.assertRaises(ReasonMissingError):
            self._ask(self._line(self.child, self._person(1, 9)), " ")
        with self.assertRaises(WindowError):
            self._ask(self._line(self.child, self._person(1, 5)))
        self.rules.date_to = fields.Date.today() - timedelta(days=3)
        with self.assertRaises(EligibilityError) as caught:
            self._ask(self._line(self.child, self._person(1, 9)))
        self.assertEqual(caught.exception.code, "ELIGIBILITY_DATE")

    # ------------------------------------------------------------
    # Rights
    # ------------------------------------------------------------

    def test_who_may_ask(self):
        shop_user = new_test_user(
            self.env,
            "shop_user",
            "base.group_user,point_of_sale.group_pos_user",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
        )
        line = self._line(self.child, self._person(1, 9))
        config = self.config.with_user(shop_user)
        with self.assertRaises(WindowRightError):
            config.scenic_propose({})
        with self.assertRaises(WindowRightError):
            config.scenic_review([])
        with self.assertRaises(WindowRightError):
            config.scenic_ask_concession(self._choice(line), "", "x")

    def test_another_company(self):
        self._ask(self._line(self.child, self._person(1, 9)))
        override = self.env["scenic.concession.override"].search([])
        stranger = self._stranger()
        with self.assertRaises(AccessError):
            override.with_user(stranger).action_approve()
        with self.assertRaises(AccessError):
            self._propose(self._person(1, 5), user=stranger)
