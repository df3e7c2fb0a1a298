from odoo.tests import tagged

from odoo.addons.scenic_ticket_base.exceptions import ScenicError

from ..exceptions import WindowRefundError
from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowRefund(ScenicPosCommon):
    def _assert_refused(self, vals, error=WindowRefundError):
        states = self._states()
        with self.assertRaises(error) as caught, self.cr.savepoint():
            self._sync(vals)
        self.assertEqual(self._states(), states)
        self.assertFalse(self.env["pos.order"].search([("uuid", "=", vals["uuid"])]))
        return str(caught.exception)

    def _states(self):
        self.env.invalidate_all()
        tickets = self.env["scenic.ticket"].search([], order="number")
        return tickets.mapped("state")

    def _quote(self, line, quantity):
        return (
            self.env["pos.order"]
            .with_user(self.cashier)
            .scenic_refund_quote({str(line.id): quantity})[line.id]
        )

    def _refund_unquoted(self, line, quantity, **values):
        """A refund order by a client that did not ask before."""
        return self._order_vals(
            [
                self._line_vals(
                    line.product_id,
                    -quantity,
                    refunded_orderline_id=line.id,
                    **{"price_unit": line.price_unit, **values},
                )
            ]
        )

    def test_unused_ticket(self):
        order = self._sell((self.adult, 1))
        ticket = order.lines.scenic_ticket_ids
        refund = self._refund({order.lines: 1})
        self.assertEqual(refund.state, "paid")
        self.assertEqual(refund.amount_total, -60)
        self.assertEqual(ticket.state, "refunded")
        self.assertEqual(ticket.refund_ref, refund.pos_reference)
        self.assertEqual(ticket.pos_refund_line_id, refund.lines)
        self.assertEqual(ticket.amount_open, 0)
        self.assertFalse(any(ticket.credential_ids.mapped("active")))

    def test_highest_numbers_first(self):
        order = self._sell((self.adult, 4))
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        self._refund({order.lines: 1})
        self.assertEqual(
            tickets.mapped("state"), ["valid", "valid", "valid", "refunded"]
        )
        self._refund({order.lines: 2})
        self.assertEqual(
            tickets.mapped("state"), ["valid", "refunded", "refunded", "refunded"]
        )

    def test_used_tickets_are_passed_over(self):
        order = self._sell((self.adult, 3))
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        self._admit(tickets[2])
        self._refund({order.lines: 1})
        self.assertEqual(tickets.mapped("state"), ["valid", "refunded", "used"])
        message = self._assert_refused(self._refund_unquoted(order.lines, 2))
        self.assertIn("only 1 of 2", message)
        self.assertIn(tickets[2].name, message)

    def test_used_ticket(self):
        order = self._sell((self.adult, 1))
        ticket = order.lines.scenic_ticket_ids
        self._admit(ticket)
        message = self._assert_refused(self._refund_unquoted(order.lines, 1))
        self.assertIn(ticket.name, message)
        self.assertEqual(self._quote(order.lines, 1)["message"], message)

    def test_ticket_at_a_gate(self):
        """A lane holds an entry: the visitor is walking through it."""
        order = self._sell((self.adult, 1))
        order.lines.scenic_ticket_ids.sudo().entitlement_ids.entries_reserved = 1
        self._assert_refused(self._refund_unquoted(order.lines, 1))
        self.assertTrue(self._quote(order.lines, 1)["message"])

    def test_partly_used_combo(self):
        order = self._sell((self.combo, 1))
        self._admit(order.lines.scenic_ticket_ids)
        self.assertEqual(order.lines.scenic_ticket_ids.state, "part_used")
        self._assert_refused(self._refund_unquoted(order.lines, 1))

    def test_frozen_ticket(self):
        order = self._sell((self.adult, 1))
        order.lines.scenic_ticket_ids._freeze("Police request")
        self._assert_refused(self._refund_unquoted(order.lines, 1))

    def test_group_only_as_a_whole(self):
        order = self._sell((self.group, 12))
        ticket = order.lines.scenic_ticket_ids
        message = self._assert_refused(self._refund_unquoted(order.lines, 5))
        self.assertIn("12", message)
        self.assertEqual(self._quote(order.lines, 5)["message"], message)
        self._refund({order.lines: 12})
        self.assertEqual(ticket.state, "refunded")

    def test_not_more_than_sold(self):
        order = self._sell((self.adult, 2))
        self._assert_refused(self._refund_unquoted(order.lines, 3))

    def test_twice(self):
        order = self._sell((self.adult, 2))
        vals = self._refund_vals({order.lines: 2})
        self._sync(vals)
        self._sync(vals)  # the same refund again: no new one
        refunds = order.lines.refund_orderline_ids
        self.assertEqual(len(refunds), 1)
        self._assert_refused(self._refund_unquoted(order.lines, 1))

    def test_same_line_twice_in_one_order(self):
        order = self._sell((self.adult, 1))
        line = self._line_vals(self.adult, -1, refunded_orderline_id=order.lines.id)
        again = {**line, "uuid": line["uuid"][::-1]}
        self._assert_refused(self._order_vals([line, again]))

    def test_two_open_refunds(self):
        """Two drafts for one ticket: only one of them can be paid."""
        order = self._sell((self.adult, 1))
        drafts = [
            self._order_vals(
                [self._line_vals(self.adult, -1, refunded_orderline_id=order.lines.id)],
                state="draft",
            )
            for _index in range(2)
        ]
        self._sync(*drafts)
        self.assertEqual(order.lines.scenic_ticket_ids.state, "valid")
        first, second = (
            {
                **self._order_vals([], uuid=vals["uuid"]),
                "amount_total": -60,
                "amount_tax": vals["amount_tax"],
                "payment_ids": [self._payment(-60)],
            }
            for vals in drafts
        )
        self._sync(first)
        self.assertEqual(order.lines.scenic_ticket_ids.state, "refunded")
        with self.assertRaises(WindowRefundError), self.cr.savepoint():
            self._sync(second)

    def test_other_price(self):
        """Nobody gets back more than was paid."""
        order = self._sell((self.adult, 1))
        for values in ({"price_unit": 600}, {"discount": 10}, {"tax_ids": []}):
            with self.subTest(**values):
                self._assert_refused(self._refund_unquoted(order.lines, 1, **values))

    def test_other_product(self):
        """The line of a cheap ticket does not take back a dear one."""
        order = self._sell((self.adult, 1), (self.combo, 1))
        vals = self._refund_unquoted(order.lines[0], 1)
        vals["lines"][0][2]["product_id"] = self.combo.id
        self._assert_refused(vals)

    def test_order_not_paid(self):
        draft = self._order_vals([self._line_vals(self.adult, 1)], state="draft")
        self._sync(draft)
        order = self.env["pos.order"].search([("uuid", "=", draft["uuid"])])
        self._assert_refused(self._refund_unquoted(order.lines, 1))

    def test_positive_refund(self):
        order = self._sell((self.adult, 1))
        vals = self._order_vals(
            [self._line_vals(self.adult, 1, refunded_orderline_id=order.lines.id)]
        )
        self._assert_refused(vals, ScenicError)

    def test_refund_and_sale_in_one_order(self):
        """An exchange takes the old ticket back and issues the new one."""
        order = self._sell((self.adult, 1))
        vals = self._order_vals(
            [
                self._line_vals(self.adult, -1, refunded_orderline_id=order.lines.id),
                self._line_vals(self.combo, 1),
            ],
            is_refund=False,
        )
        self._sync(vals)
        exchange = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertEqual(order.lines.scenic_ticket_ids.state, "refunded")
        self.assertEqual(exchange.lines[1].scenic_ticket_ids.state, "valid")
        self._close_session()
        self._assert_books_agree()

    def test_answer_shows_the_refund(self):
        """The window learns that the old tickets are no longer valid."""
        order = self._sell((self.adult, 2))
        answer = self._sync(self._refund_vals({order.lines: 1}))
        states = sorted(data["state"] for data in answer["scenic.ticket"])
        self.assertEqual(states, ["refunded", "valid"])
        refunded = next(
            data for data in answer["scenic.ticket"] if data["state"] == "refunded"
        )
        self.assertTrue(refunded["pos_refund_line_id"])
        self.assertFalse(refunded["pos_qr_token"])

    def test_backend_return(self):
        """The return button of the back office obeys the same rules."""
        order = self._sell((self.adult, 2))
        self._admit(order.lines.scenic_ticket_ids.sorted("number")[0])
        refund = self.env["pos.order"].browse(order.refund()["res_id"])
        wizard = (
            self.env["pos.make.payment"]
            .with_context(active_id=refund.id, active_ids=refund.ids)
            .create({"payment_method_id": self.cash_method.id})
        )
        with self.assertRaises(WindowRefundError), self.cr.savepoint():
            wizard.check()
        self.assertEqual(refund.state, "draft")

    def test_backend_return_of_all(self):
        order = self._sell((self.adult, 2))
        refund = self.env["pos.order"].browse(order.refund()["res_id"])
        self.env["pos.make.payment"].with_context(
            active_id=refund.id, active_ids=refund.ids
        ).create({"payment_method_id": self.cash_method.id}).check()
        self.assertEqual(refund.state, "paid")
        self.assertEqual(
            order.lines.scenic_ticket_ids.mapped("state"), ["refunded", "refunded"]
        )

    def test_quote_of_no_persons(self):
        order = self._sell((self.adult, 2))
        for quantity in (0.5, -1):
            self.assertTrue(self._quote(order.lines, quantity)["message"])
        quote = self._quote(order.lines, 2)
        self.assertFalse(quote["message"])
        self.assertEqual(quote["extra_tax_data"]["quantity"], -2)
