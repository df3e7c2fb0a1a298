from datetime import timedelta

from freezegun import freeze_time

from odoo import Command, fields
from odoo.tests import new_test_user, tagged

from ..exceptions import WindowRefundError, WindowTenderError
from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowRefundPolicy(ScenicPosCommon):
    """B4: the policy computes fee and refundable parts, exceptions take two."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card_method = cls.env["pos.payment.method"].create(
            {
                "name": "Bank Card",
                "journal_id": cls.company_data["default_journal_bank"].id,
            }
        )
        cls.config.payment_method_ids += cls.card_method
        cls.policy = cls.env["scenic.refund.policy"].create(
            {
                "name": "Rules",
                "allow_partial": True,
                "line_ids": [
                    Command.create({"hours": 24, "percent": 12.5}),
                    Command.create({"state": "part_used", "unlimited": True}),
                ],
            }
        )
        (cls.adult | cls.group | cls.combo).scenic_refund_policy_id = cls.policy
        cls.in_a_week = fields.Date.today() + timedelta(days=7)

    def _sell_for(self, product, quantity, **values):
        line = self._line_vals(product, quantity, scenic_visit_date=self.in_a_week)
        return self._sell(line, **values)

    def _quote(self, line, quantity):
        return (
            self.env["pos.order"]
            .with_user(self.cashier)
            .scenic_refund_quote({str(line.id): quantity})[line.id]
        )

    def _assert_refused(self, vals, error=WindowRefundError):
        with self.assertRaises(error) as caught, self.cr.savepoint():
            self._sync(vals)
        return str(caught.exception)

    def _unquoted(self, line, quantity):
        return self._order_vals(
            [
                self._line_vals(
                    line.product_id,
                    -quantity,
                    refunded_orderline_id=line.id,
                    price_unit=line.price_unit,
                )
            ]
        )

    def _assert_books_agree_once_posted(self):
        self.env["scenic.revenue.entry"].sudo()._cron_post()
        self._assert_books_agree()

    def test_b4_fee_is_told_and_kept(self):
        order = self._sell_for(self.adult, 3)
        tickets = order.lines.scenic_ticket_ids
        quote = self._quote(order.lines, 2)
        self.assertIn("15.00", quote["fee"])
        self.assertIn("105.00", quote["fee"])
        refund = self._refund({order.lines: 2})
        self.assertEqual(refund.amount_total, -105)
        refunds = tickets.refund_ids
        self.assertEqual(refunds.pos_line_id, refund.lines)
        self.assertEqual(sum(refunds.mapped("amount_total")), 105)
        self.assertEqual(sum(refunds.mapped("fee_total")), 15)
        self.assertAlmostEqual(refund.amount_tax, -sum(refunds.mapped("amount_tax")))
        self._close_session()
        self._assert_books_agree_once_posted()

    def test_b4_money_back_is_the_quote_to_the_cent(self):
        """Odd percentages, odd prices, with and without taxes."""
        for percent in (0.01, 3.33, 33.33, 99.99):
            self.policy.line_ids[0].percent = percent
            order = self._sell_for(self.combo, 3)
            quote = self._quote(order.lines, 2)
            data = quote["extra_tax_data"]
            refund = self._refund({order.lines: 2})
            carried = order.lines.scenic_ticket_ids.refund_ids
            with self.subTest(percent=percent):
                self.assertAlmostEqual(
                    -data["manual_total_excluded"],
                    sum(carried.mapped("amount_untaxed")),
                )
                self.assertAlmostEqual(
                    -refund.amount_total, sum(carried.mapped("amount_total"))
                )
        self._close_session()
        self._assert_books_agree_once_posted()

    def test_b4_persons_of_a_group(self):
        order = self._sell_for(self.group, 12)
        ticket = order.lines.scenic_ticket_ids
        first = self._refund({order.lines: 5})
        self.assertEqual(first.amount_total, -218.75)
        self.assertEqual((ticket.state, ticket.persons_refunded), ("valid", 5))
        second = self._refund({order.lines: 7})
        self.assertEqual(second.amount_total, -306.25)
        self.assertEqual(ticket.state, "refunded")
        self.assertEqual(
            [line.scenic_refund_ids.persons for line in (first.lines, second.lines)],
            [5, 7],
        )
        self._close_session()
        self._assert_books_agree_once_posted()

    def test_b4_unused_part_of_a_combo(self):
        order = self._sell_for(self.combo, 1)
        ticket = order.lines.scenic_ticket_ids
        self._admit(ticket)
        refund = self._refund({order.lines: 1})
        self.assertEqual(-refund.amount_total, ticket.refund_ids.amount_total)
        self.assertAlmostEqual(
            ticket.refund_ids.amount_untaxed, ticket.entitlement_ids[1].amount
        )
        self.assertEqual(ticket.state, "used")
        self._assert_refused(self._unquoted(order.lines, 1))

    def test_b4_too_late_is_said_with_what_can_be_done(self):
        order = self._sell_for(self.adult, 1)
        with freeze_time(fields.Datetime.to_datetime(self.in_a_week)):
            message = self._assert_refused(self._unquoted(order.lines, 1))
            self.assertEqual(self._quote(order.lines, 1)["message"], message)
        self.assertIn("too late", message)
        self.assertIn("supervisor", message)

    def test_b4_used_needs_supervisor_reason_and_second_person(self):
        order = self._sell_for(self.adult, 2)
        ticket = order.lines.scenic_ticket_ids.sorted("number")[1]
        self._admit(order.lines.scenic_ticket_ids)
        message = self._assert_refused(self._unquoted(order.lines, 1))
        self.assertIn("A used ticket is not refunded", message)
        override = (
            self.env["scenic.refund.override"]
            .with_user(self.cashier)
            ._request(ticket.with_user(self.cashier), "fell ill at the gate")
        )
        self._assert_refused(self._unquoted(order.lines, 1))
        supervisor = new_test_user(
            self.env, "window_boss", "scenic_ticket_base.group_scenic_supervisor"
        )
        override.with_user(supervisor).action_approve()
        refund = self._refund({order.lines: 1})
        self.assertEqual(refund.amount_total, -60)
        self.assertEqual(ticket.state, "refunded")
        self.assertEqual(ticket.refund_ids.override_id, override)
        self.assertEqual(ticket.refund_ids.reason, "fell ill at the gate")
        self._assert_refused(self._unquoted(order.lines, 1))
        self._close_session()
        # the gate earns both passes in the evening
        for right in order.lines.scenic_ticket_ids.entitlement_ids:
            self.env["scenic.revenue.entry"]._recognise(right, 1, self.in_a_week)
        self._assert_books_agree_once_posted()

    def test_b4_money_goes_back_to_the_tender_used(self):
        order = self._sell_for(self.adult, 1)
        vals = self._refund_vals({order.lines: 1})
        vals["payment_ids"][0][2]["payment_method_id"] = self.card_method.id
        message = self._assert_refused(vals, WindowTenderError)
        self.assertIn("Cash", message)
        self.assertEqual(order.lines.scenic_ticket_ids.state, "valid")
        self._refund({order.lines: 1})
        self.assertEqual(order.lines.scenic_ticket_ids.state, "refunded")

    def test_closure_is_paid_back_in_full_at_the_window(self):
        order = self._sell_for(self.adult, 2)
        closure = self.env["scenic.closure"].create(
            {
                "site_id": self.scenic_area.id,
                "date_from": self.in_a_week,
                "date_to": self.in_a_week,
                "reason": "storm",
            }
        )
        closure.action_close()
        closure.action_apply()
        self.assertFalse(self._quote(order.lines, 2)["fee"])
        self.assertEqual(self._refund({order.lines: 2}).amount_total, -120)
        self._close_session()
        self._assert_books_agree_once_posted()

    def test_nothing_left_after_the_fee(self):
        self.policy.line_ids[0].percent = 100
        order = self._sell_for(self.adult, 1)
        message = self._assert_refused(self._unquoted(order.lines, 1))
        self.assertIn("nothing is paid back", message)
        self.assertEqual(order.lines.scenic_ticket_ids.state, "valid")
