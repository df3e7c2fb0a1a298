from datetime import timedelta

from freezegun import freeze_time

from odoo import Command, fields
from odoo.tests import new_test_user, tagged

from odoo.addons.scenic_ticket_base.exceptions import RefundError

from .common import B2BCommon


@tagged("post_install", "-at_install")
class TestRefund(B2BCommon):
    """Credit notes pay back what the policy says, and nothing else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy = cls.env["scenic.refund.policy"].create(
            {
                "name": "Rules",
                "allow_partial": True,
                "line_ids": [
                    Command.create({"hours": 24, "percent": 12.5}),
                    Command.create({"hours": 0, "percent": 30, "fixed": 1}),
                    Command.create({"state": "part_used", "unlimited": True}),
                ],
            }
        )
        cls.tax_6 = cls.tax_sale_a.copy(
            {
                "name": "Six included",
                "amount": 6,
                "price_include_override": "tax_included",
            }
        )
        cls.bus = cls._scenic_product(
            "Bus group",
            "group",
            66.67,
            components=[(cls.scenic_area, 1, 60.0), (cls.scenic_spot, 1, 33.0)],
            scenic_refund_policy_id=cls.policy.id,
            taxes_id=[Command.set(cls.tax_6.ids)],
        )
        cls.single = cls._scenic_product(
            "Single",
            "individual",
            33.33,
            scenic_refund_policy_id=cls.policy.id,
            taxes_id=[Command.set(cls.tax_6.ids)],
        )
        cls._make_contract(cls.agency, cls.bus, cls.single)

    def _notes(self, order):
        return order.invoice_ids.filtered(lambda m: m.move_type == "out_refund")

    def _assert_books(self, order):
        tickets = order.scenic_booking_id.ticket_ids
        refunds = tickets.refund_ids
        notes = self._notes(order)
        self.assertEqual(set(notes.mapped("state")), {"posted"})
        for name in ("amount_untaxed", "amount_tax", "amount_total"):
            self.assertAlmostEqual(
                sum(notes.mapped(name)), sum(refunds.mapped(name)), msg=name
            )
        self.env["scenic.revenue.entry"].sudo()._cron_post()
        self.assertLiabilityIsOpenTickets()

    def test_b4_cancelling_keeps_the_fee(self):
        order = self._make_order((self.bus, 17), (self.single, 3))
        sold = order.amount_total
        order.action_cancel()
        self.assertEqual(order.state, "cancel")
        note = self._notes(order)
        fees = sum(order.scenic_booking_id.ticket_ids.refund_ids.mapped("fee_total"))
        self.assertAlmostEqual(note.amount_total + fees, sold)
        self.assertGreater(fees, 0)
        self.assertEqual(note.reversed_entry_id, order.invoice_ids - note)
        self._assert_books(order)

    def test_fees_are_exact_with_any_tax(self):
        more = self.tax_sale_a.copy({"name": "One more", "amount": 1})
        odd = self.tax_sale_a.copy(
            {
                "name": "Odd",
                "amount": 9.9,
                "price_include_override": "tax_included",
            }
        )
        ugly = self.env["product.product"]
        for price in (33.33, 0.07, 19.99, 100.1, 66.67):
            ugly |= self._scenic_product(
                f"Ugly {price}",
                "individual",
                price,
                scenic_refund_policy_id=self.policy.id,
            )
        self._make_contract(self.agency, *ugly)
        for method in ("round_per_line", "round_globally"):
            self.env.company.tax_calculation_rounding_method = method
            for taxes in (self.env["account.tax"], self.tax_6, more, odd | more):
                with self.subTest(method=method, taxes=taxes.mapped("name")):
                    (self.bus | ugly).taxes_id = taxes
                    order = self._make_order(
                        *((product, count) for count, product in enumerate(ugly, 1)),
                        (self.bus, 7),
                    )
                    order.action_cancel()
                    self._assert_books(order)

    def test_fees_are_exact_with_a_discount(self):
        for included in (True, False):
            tax = self.tax_6.copy(
                {
                    "name": f"Six {included}",
                    "price_include_override": (
                        "tax_included" if included else "tax_excluded"
                    ),
                }
            )
            (self.bus | self.single).taxes_id = tax
            for method in ("round_per_line", "round_globally"):
                with self.subTest(included=included, method=method):
                    self.env.company.tax_calculation_rounding_method = method
                    order = self._make_order(
                        (self.bus, 7), (self.single, 3), confirm=False
                    )
                    order.order_line.discount = 33.3
                    order.action_confirm()
                    order.action_cancel()
                    self._assert_books(order)

    def test_unused_persons_are_credited_and_the_rest_stays(self):
        order = self._make_order((self.bus, 10), (self.single, 2))
        bus = order.scenic_booking_id.ticket_ids.filtered(lambda t: t.persons > 1)
        for right in bus.sudo().entitlement_ids:
            right.entries_used = 7
        bus.sudo().state = "part_used"
        order.action_scenic_refund_unused()
        self.assertEqual((bus.state, bus.persons_refunded), ("used", 3))
        self.assertEqual(order.state, "sale")
        [line] = self._notes(order).invoice_line_ids.filtered(
            lambda x: x.product_id == self.bus
        )
        self.assertAlmostEqual(line.price_total, bus.refund_ids.amount_total)
        for right in bus.entitlement_ids:
            self.env["scenic.revenue.entry"]._recognise(right, 7, self.visit_date)
        self._assert_books(order)
        self.assertCode("NOTHING_TO_REFUND", order.action_scenic_refund_unused)

    def test_part_by_part_is_exact(self):
        order = self._make_order((self.bus, 6))
        ticket = order.scenic_booking_id.ticket_ids
        for count in (1, 2, 3):
            self.assertEqual(ticket._refund_quote(persons=count)["persons"], count)
        order._scenic_credit(ticket.sudo(), "all in all")
        self.assertEqual(ticket.state, "refunded")
        self._assert_books(order)
        order.action_cancel()
        self.assertEqual(order.state, "cancel")
        self.assertEqual(len(self._notes(order)), 1, "nothing is credited twice")
        self._assert_books(order)

    def test_too_late_nothing_is_cancelled(self):
        order = self._make_order((self.single, 2))
        late = fields.Datetime.to_datetime(self.visit_date) + timedelta(hours=1)
        with (
            freeze_time(late),
            self.assertRaises(RefundError) as caught,
            self.env.cr.savepoint(),
        ):
            order.action_cancel()
        self.assertEqual(caught.exception.code, "REFUND_TOO_LATE")
        self.assertEqual(order.state, "sale")
        self.assertFalse(self._notes(order))

    def test_credit_note_that_does_not_agree_is_not_posted(self):
        order = self._make_order((self.single, 2))
        invoice = order.invoice_ids
        forged = invoice._reverse_moves([{"ref": "forged"}])
        self.assertCode("TICKETS_ISSUED", forged.action_post)
        self.assertLiabilityIsOpenTickets()

    def test_closure_credits_the_orders_of_agencies(self):
        order = self._make_order((self.bus, 5), (self.single, 2))
        walk_in = self._scenic_sell(self.single, visit_date=self.visit_date)
        boss = new_test_user(
            self.env, "b2b_boss", "scenic_ticket_base.group_scenic_supervisor"
        )
        closure = (
            self.env["scenic.closure"]
            .with_user(boss)
            .create(
                {
                    "site_id": self.scenic_area.id,
                    "date_from": self.visit_date,
                    "date_to": self.visit_date,
                    "reason": "storm",
                }
            )
        )
        closure.action_close()
        closure.action_apply()
        self.assertEqual(set(closure.line_ids.mapped("state")), {"done"})
        tickets = order.scenic_booking_id.ticket_ids
        self.assertEqual(set(tickets.mapped("state")), {"refunded"})
        self.assertEqual(set(tickets.refund_ids.mapped("cause")), {"due"})
        notes = self._notes(order)
        self.assertAlmostEqual(sum(notes.mapped("amount_total")), order.amount_total)
        for note in notes:
            self.assertIn(note.name, " ".join(closure.line_ids.mapped("message")))
        self.assertEqual((walk_in.state, walk_in.refund_due), ("valid", "closure"))
        walk_in._refund("window", "storm")
        walk_in.flush_recordset()

    def test_portal_user_credits_nothing(self):
        order = self._make_order((self.single, 2))
        agent = self._make_agent("b2b_refund_agent", self.agency)
        with self.assertRaises(Exception) as caught, self.env.cr.savepoint():
            order.with_user(agent).action_scenic_refund_unused()
        self.assertEqual(type(caught.exception).__name__, "AccessError")
        self.assertFalse(self._notes(order))
