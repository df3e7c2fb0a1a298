from datetime import datetime, time, timedelta

from odoo import Command, fields
from odoo.tests import tagged

from odoo.addons.scenic_ticket_base.exceptions import ScenicError

from ..exceptions import (
    WindowChangeError,
    WindowCheckError,
    WindowError,
    WindowTenderError,
)
from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowCheck(ScenicPosCommon):
    """§3 rank 1: any ticket that is brought to the window, and its remedy."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.desk = cls.config.with_user(cls.cashier)
        cls.today = fields.Date.context_today(
            cls.env.user.with_context(tz=cls.scenic_area.tz)
        )
        cls.day = cls.today + timedelta(days=7)
        cls.later = cls.today + timedelta(days=8)
        # the day after costs 20 more, the one before 10 less
        for days, price in ((8, 80), (6, 50)):
            start = datetime.combine(cls.today + timedelta(days=days), time())
            cls.window_pricelist.item_ids = [
                Command.create(
                    {
                        "applied_on": "1_product",
                        "product_tmpl_id": cls.adult.product_tmpl_id.id,
                        "compute_price": "fixed",
                        "fixed_price": price,
                        "date_start": start - timedelta(hours=8),
                        "date_end": start + timedelta(hours=15, minutes=59),
                    }
                )
            ]

    def _sold(self, quantity=1, product=None, **values):
        line = self._line_vals(
            product or self.adult, quantity, scenic_visit_date=self.day
        )
        order = self._sell(line, **values)
        return order.lines.scenic_ticket_ids.sorted("number")

    def _case(self, ticket):
        [case] = self.desk.scenic_check(ticket.name)
        return case

    def _change_vals(self, ticket, day, amount, **values):
        """The order that the window sends for a change with a difference."""
        line = self._line_vals(
            ticket.product_id,
            -1 if amount < 0 else 1,
            price_unit=abs(amount),
            scenic_visit_date=str(day),
            scenic_change_ticket_id=ticket.id,
            **values,
        )
        return self._order_vals([line])

    def _assert_refused(self, vals, error, ticket):
        before = (ticket.visit_date, ticket.amount_total, ticket.state)
        with self.assertRaises(error) as caught, self.cr.savepoint():
            self._sync(vals)
        self.env.invalidate_all()
        after = (ticket.visit_date, ticket.amount_total, ticket.state)
        self.assertEqual(after, before)
        self.assertFalse(self.env["pos.order"].search([("uuid", "=", vals["uuid"])]))
        return caught.exception

    # --- what is shown ------------------------------------------------

    def test_case_of_a_fresh_ticket(self):
        ticket = self._sold()
        for text in (
            ticket._qr_token(),
            ticket._barcode_number(),
            ticket.name,
            ticket.name.lstrip("0"),
        ):
            [case] = self.desk.scenic_check(text)
            self.assertEqual(case["id"], ticket.id)
        self.assertEqual(case["state"], "valid")
        self.assertFalse(case["refusal"])
        self.assertEqual(
            {name for name, why in case["actions"].items() if not why},
            {"change", "reissue", "reprint", "refund"},
        )
        kinds = [event["kind"] for event in case["events"]]
        self.assertLess(kinds.index("paid"), kinds.index("held"), "newest first")

    def test_used_ticket_says_why_not(self):
        ticket = self._sold()
        self._admit(ticket)
        actions = self._case(ticket)["actions"]
        self.assertIn("A used ticket is not refunded", actions["refund"])
        self.assertTrue(actions["change"])
        self.assertTrue(actions["reissue"])
        self.assertIn("No supervisor", actions["exception"])

    def test_web_ticket_is_collected_here_and_paid_back_there(self):
        ticket = self._scenic_sell(self.adult, ref="W-1", channel="web")
        actions = self._case(ticket)["actions"]
        self.assertFalse(actions["collect"])
        self.assertFalse(actions["change"])
        self.assertIn("customer service", actions["refund"])
        with self.assertRaises(WindowCheckError):
            self.desk.scenic_ticket_refund(ticket.id)
        with self.assertRaises(WindowCheckError):
            self.desk.scenic_reissue(ticket.id, 0, "lost")

    def test_unknown_code(self):
        for text in ("T1" + "A" * 128, "0" * 22, "999999999", "nothing"):
            with self.assertRaises(WindowCheckError) as caught:
                self.desk.scenic_check(text)
            self.assertEqual(caught.exception.code, "CHECK_UNKNOWN")

    # --- new code -----------------------------------------------------

    def test_reissue_kills_the_old_code_at_once(self):
        ticket = self._sold()
        old = ticket._qr_token()
        case = self._case(ticket)
        data = self.desk.scenic_reissue(ticket.id, case["issue"], "lost in the rain")
        new = data["scenic.ticket"][0]["pos_qr_token"]
        self.assertNotEqual(new, old)
        credentials = self.env["scenic.credential"]
        self.assertFalse(credentials._find(old).active)
        self.assertTrue(credentials._find(new).active)
        self.assertEqual(ticket.print_count, 1)
        # the old paper still leads to its ticket
        [case] = self.desk.scenic_check(old)
        self.assertEqual(case["id"], ticket.id)
        replaced = [e for e in case["events"] if e["kind"] == "replaced"]
        self.assertIn("lost in the rain", replaced[0]["detail"])

    def test_reissue_replayed_or_without_reason(self):
        ticket = self._sold()
        self.desk.scenic_reissue(ticket.id, 0, "lost")
        code = ticket._qr_token()
        with self.assertRaises(WindowCheckError) as caught:
            self.desk.scenic_reissue(ticket.id, 0, "lost")
        self.assertEqual(caught.exception.code, "CHECK_ISSUE")
        with self.assertRaises(ScenicError) as caught, self.cr.savepoint():
            self.desk.scenic_reissue(ticket.id, 1, " ")
        self.assertEqual(caught.exception.code, "REASON_MISSING")
        self.assertEqual(ticket._qr_token(), code)

    # --- change -------------------------------------------------------

    def test_change_without_difference(self):
        tickets = self._sold(2)
        day = self.today + timedelta(days=9)
        quote = self.desk.scenic_change_quote(tickets[0].id, str(day))
        self.assertEqual((quote["difference"], quote["tickets"]), (0, 2))
        old = tickets[0]._qr_token()
        args = (tickets[0].id, str(day), None, "change-key-1")
        data = self.desk.scenic_change(*args)
        self.assertEqual(set(tickets.mapped("visit_date")), {day})
        self.assertEqual(data["ticket_ids"], tickets.ids)
        self.assertFalse(self.env["scenic.credential"]._find(old).active)
        self.assertEqual(tickets.mapped("print_count"), [1, 1])
        # sent again: the same answer, nothing is counted twice
        self.assertEqual(self.desk.scenic_change(*args)["ticket_ids"], tickets.ids)
        self.assertEqual(tickets.mapped("print_count"), [1, 1])

    def test_a_day_that_costs_more_is_not_for_nothing(self):
        ticket = self._sold()
        with self.assertRaises(WindowChangeError) as caught:
            self.desk.scenic_change(ticket.id, str(self.later), None, "change-key-2")
        self.assertEqual(caught.exception.code, "CHANGE_COSTS")
        self.assertEqual(ticket.visit_date, self.day)

    def test_difference_is_paid_by_an_order(self):
        tickets = self._sold(2)
        quote = self.desk.scenic_change_quote(tickets[0].id, str(self.later))
        self.assertEqual(quote["difference"], 40)
        vals = self._change_vals(tickets[0], self.later, 40)
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertEqual((order.state, order.amount_total), ("paid", 40))
        self.assertEqual(set(tickets.mapped("visit_date")), {self.later})
        self.assertEqual(sum(tickets.mapped("amount_total")), 160)
        self.assertEqual(order.lines.scenic_changed_ticket_ids, tickets)
        self.assertFalse(order.lines.scenic_ticket_ids)
        [paid] = [
            event
            for event in tickets[0]._life_line()
            if event["title"] == "Paid for the change"
        ]
        self.assertEqual(paid["document"]["id"], order.id)
        # its receipt prints the new codes
        data = order.with_user(self.cashier).scenic_count_ticket_print()
        self.assertEqual(len(data["scenic.ticket"]), 2)
        self.assertEqual(tickets.mapped("print_count"), [1, 1])
        # the window sends it again
        self._sync(vals)
        self.assertEqual(sum(tickets.mapped("amount_total")), 160)
        self._close_session()
        self._assert_books_agree()

    def test_difference_is_paid_back_the_way_it_came(self):
        card = self.env["pos.payment.method"].create(
            {
                "name": "Bank Card",
                "journal_id": self.company_data["default_journal_bank"].id,
            }
        )
        self._close_session()
        self.config.payment_method_ids += card
        self._open_session()
        ticket = self._sold()
        day = self.today + timedelta(days=6)
        vals = self._change_vals(ticket, day, -10)
        vals["payment_ids"][0][2]["payment_method_id"] = card.id
        self._assert_refused(vals, WindowTenderError, ticket)
        vals = self._change_vals(ticket, day, -10)
        self._sync(vals)
        self.assertEqual((ticket.visit_date, ticket.amount_total), (day, 50))
        self._close_session()
        self._assert_books_agree()

    def test_changed_ticket_is_refunded_at_what_it_carries(self):
        ticket = self._sold()
        self._sync(self._change_vals(ticket, self.later, 20))
        refund = self._refund({ticket.pos_order_line_id: 1})
        self.assertEqual(refund.amount_total, -80)
        self._close_session()
        self._assert_books_agree()

    def test_forged_amounts_and_lines(self):
        ticket, other = self._sold(), self._sold(1, self.combo)
        error = self._assert_refused(
            self._change_vals(ticket, self.later, 5), WindowChangeError, ticket
        )
        self.assertEqual(error.code, "CHANGE_AMOUNT")
        for amount in (0.0, 19.99, 20.01, -20):
            self._assert_refused(
                self._change_vals(ticket, self.later, amount), WindowError, ticket
            )
        for values in (
            {"scenic_change_ticket_id": other.id},
            {"discount": 50},
            {"qty": 2, "price_unit": 10},
            {"refunded_orderline_id": ticket.pos_order_line_id.id},
            {"scenic_refund_ticket_id": ticket.id},
            {"scenic_visit_date": False},
        ):
            vals = self._change_vals(ticket, self.later, 20)
            line = {**vals["lines"][0][2], **values}
            self._totals([line])
            vals = self._order_vals([line])
            with self.subTest(**values):
                self._assert_refused(vals, ScenicError, ticket)

    def test_change_order_is_never_paid_without_the_change(self):
        ticket = self._sold()
        vals = self._change_vals(ticket, self.later, 20)
        vals.update(state="draft", payment_ids=[], amount_paid=0)
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        with self.assertRaises(WindowError), self.cr.savepoint():
            order.with_user(self.cashier).write({"state": "paid"})
        self.assertEqual(ticket.visit_date, self.day)

    def test_used_meanwhile(self):
        ticket = self._sold()
        vals = self._change_vals(ticket, self.later, 20)
        self._admit(ticket)
        self._assert_refused(vals, ScenicError, ticket)
        with self.assertRaises(WindowChangeError):
            self.desk.scenic_change_quote(ticket.id, str(self.later))

    def test_full_slot_and_past_day(self):
        ticket = self._sold()
        for day in (self.today - timedelta(days=1), "2026-13-45", None, 7):
            with self.subTest(day=day), self.assertRaises(ScenicError):
                self.desk.scenic_change_quote(ticket.id, day and str(day))
        self.assertEqual(ticket.visit_date, self.day)

    def test_change_line_is_not_refunded_by_itself(self):
        ticket = self._sold()
        vals = self._change_vals(ticket, self.later, 20)
        self._sync(vals)
        line = self.env["pos.order"].search([("uuid", "=", vals["uuid"])]).lines
        quote = (
            self.env["pos.order"]
            .with_user(self.cashier)
            .scenic_refund_quote({str(line.id): 1})[line.id]
        )
        self.assertIn("difference of a change", quote["message"])

    def test_fee_of_the_policy_is_taken_with_the_difference(self):
        self.adult.scenic_refund_policy_id = self.env["scenic.refund.policy"].create(
            {"name": "Fee", "change_fee": 5}
        )
        tickets = self._sold(2)
        quote = self.desk.scenic_change_quote(tickets[0].id, str(self.later))
        self.assertEqual((quote["difference"], quote["fee"]), (40, 10))
        self.assertIn("10.00", quote["text"])
        lines = [
            self._line_vals(
                self.env["product.product"].browse(values["product_id"]),
                values["qty"],
                price_unit=values["price_unit"],
                tax_ids=[Command.set(values["tax_ids"])],
                scenic_visit_date=str(self.later),
                scenic_change_ticket_id=tickets[0].id,
            )
            for values in quote["lines"]
        ]
        error = self._assert_refused(
            self._order_vals([{**lines[0]}]), WindowChangeError, tickets[0]
        )
        self.assertEqual(error.code, "CHANGE_AMOUNT")
        vals = self._order_vals(lines)
        self.assertEqual(vals["amount_total"], 50)
        self._sync(vals)
        self.assertEqual(sum(tickets.mapped("amount_total")), 160)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        figures = order.sudo().scenic_shift_id._kept_figures()
        self.assertEqual(figures["changes"], {"paid": 50, "back": 0})
        self.assertEqual(figures["goods"]["sold"], 0)
        self._close_session()
        self._assert_books_agree()

    def test_fee_without_a_difference_is_no_gift(self):
        self.adult.scenic_refund_policy_id = self.env["scenic.refund.policy"].create(
            {"name": "Fee", "change_fee": 5}
        )
        ticket, day = self._sold(), self.today + timedelta(days=9)
        with self.assertRaises(WindowChangeError) as caught:
            self.desk.scenic_change(ticket.id, str(day), None, "change-key-3")
        self.assertEqual(caught.exception.code, "CHANGE_COSTS")
        quote = self.desk.scenic_change_quote(ticket.id, str(day))
        self.assertEqual(len(quote["lines"]), 2)

    def test_shift_keeps_sale_and_change_apart(self):
        ticket = self._sold()
        sale = ticket.pos_order_line_id.order_id
        self._sync(self._change_vals(ticket, self.later, 20))
        figures = sale.sudo().scenic_shift_id._kept_figures()
        self.assertEqual(figures["sold"][0]["amount"], 60)
        self.assertEqual(figures["changes"], {"paid": 20, "back": 0})
        [cash] = figures["tenders"]
        self.assertEqual(cash["sales"], 80)

    # --- money back ---------------------------------------------------

    def test_the_very_ticket_is_refunded(self):
        tickets = self._sold(3)
        line = tickets.pos_order_line_id
        quote = self.desk.scenic_ticket_refund(tickets[0].id)
        self.assertEqual((quote["line_id"], quote["persons"]), (line.id, 1))
        vals = self._order_vals(
            [
                self._line_vals(
                    self.adult,
                    -1,
                    refunded_orderline_id=line.id,
                    extra_tax_data=quote["extra_tax_data"],
                    scenic_refund_ticket_id=tickets[0].id,
                )
            ]
        )
        self._sync(vals)
        self.assertEqual(tickets.mapped("state"), ["refunded", "valid", "valid"])

    def test_refund_of_a_ticket_of_another_line(self):
        ticket, other = self._sold(), self._sold()
        vals = self._order_vals(
            [
                self._line_vals(
                    self.adult,
                    -1,
                    refunded_orderline_id=ticket.pos_order_line_id.id,
                    scenic_refund_ticket_id=other.id,
                )
            ]
        )
        self._assert_refused(vals, WindowError, other)
        self.assertEqual(ticket.state, "valid")
