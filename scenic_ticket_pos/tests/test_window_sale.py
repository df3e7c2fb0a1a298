from datetime import timedelta

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_base.exceptions import (
    AccountMissingError,
    BookingError,
    CapacityError,
    ScenicError,
)

from ..exceptions import WindowAmountError, WindowError, WindowQuantityError
from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowSale(ScenicPosCommon):
    def _assert_refused(self, error, vals, code=None):
        """The order is refused and nothing of it remains."""
        tickets = self.env["scenic.ticket"].search_count([])
        with self.assertRaises(error) as caught, self.cr.savepoint():
            self._sync(vals)
        if code:
            self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.env["scenic.ticket"].search_count([]), tickets)
        self.assertFalse(self.env["pos.order"].search([("uuid", "=", vals["uuid"])]))
        return caught.exception

    def test_individual_and_group(self):
        """Three persons get three tickets, a group of twelve gets one."""
        order = self._sell((self.adult, 3), (self.group, 12))
        self.assertEqual(order.state, "paid")
        adult_line, group_line = order.lines
        self.assertEqual(adult_line.scenic_ticket_ids.mapped("persons"), [1, 1, 1])
        self.assertEqual(group_line.scenic_ticket_ids.mapped("persons"), [12])
        tickets = order.lines.scenic_ticket_ids
        self.assertEqual(set(tickets.mapped("state")), {"valid"})
        booking = order.scenic_booking_id
        self.assertEqual(booking.state, "confirmed")
        self.assertEqual(
            (booking.channel, booking.external_ref), ("window", order.uuid)
        )
        self.assertEqual(booking.ticket_ids, tickets)
        self.assertEqual(sum(tickets.mapped("amount_total")), order.amount_total)

    def test_a4_offline_sale_of_a_full_day_keeps_its_tickets(self):
        """At the window the cap holds; what was sold offline is out already."""
        self.env["scenic.capacity.pool"].create(
            {
                "name": "Window",
                "site_id": self.adult.scenic_site_id.id,
                "capacity": 2,
            }
        )
        self._sell((self.adult, 2))
        lines = [self._line_vals(self.adult, 1)]
        self._assert_refused(CapacityError, self._order_vals(lines), "SOLD_OUT")
        hours = fields.Datetime.now() - timedelta(hours=2)
        vals = self._order_vals(lines, date_order=fields.Datetime.to_string(hours))
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertEqual(len(order.lines.scenic_ticket_ids), 1)

    def test_tickets_belong_to_their_line(self):
        """Lines of the same product keep their own tickets, in the order of lines."""
        lines = [
            self._line_vals(self.adult, 2, price_unit=60),
            self._line_vals(self.group, 5),
            self._line_vals(self.adult, 1, price_unit=30),
        ]
        order = self._sell(*lines)
        for line, persons, total in zip(
            order.lines, (2, 5, 1), (120, 250, 30), strict=True
        ):
            tickets = line.scenic_ticket_ids
            self.assertEqual(tickets.product_id, line.product_id)
            self.assertEqual(sum(tickets.mapped("persons")), persons)
            self.assertAlmostEqual(sum(tickets.mapped("amount_total")), total)

    def test_other_products_make_no_tickets(self):
        order = self._sell((self.souvenir, 2))
        self.assertEqual(order.state, "paid")
        self.assertFalse(order.scenic_booking_id)
        mixed = self._sell((self.souvenir, 1), (self.adult, 1))
        self.assertFalse(mixed.lines[0].scenic_ticket_ids)
        self.assertEqual(len(mixed.lines[1].scenic_ticket_ids), 1)

    def test_same_order_again(self):
        """A repeat of the same order, whenever it comes, makes nothing new."""
        vals = self._order_vals([self._line_vals(self.adult, 2)])
        first = self._sync(vals)
        again = self._sync(vals)
        self.assertEqual(
            [ticket["id"] for ticket in first["scenic.ticket"]],
            [ticket["id"] for ticket in again["scenic.ticket"]],
        )
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertEqual(len(order.lines.scenic_ticket_ids), 2)
        order.with_user(self.cashier).action_pos_order_paid()
        self.assertEqual(len(order.lines.scenic_ticket_ids), 2)

    def test_twice_in_one_call(self):
        vals = self._order_vals([self._line_vals(self.adult, 2)])
        self._sync(vals, vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertEqual(len(order), 1)
        self.assertEqual(len(order.lines.scenic_ticket_ids), 2)

    def test_twice_at_the_same_moment(self):
        """The later one is called again, and then finds the first."""
        vals = self._order_vals([self._line_vals(self.adult, 2)])
        again = {**vals, "lines": [Command.create(self._line_vals(self.adult, 2))]}
        self._sync(vals)
        Order = self.env["pos.order"].with_user(self.cashier)
        with (
            self.assertRaises(ConcurrencyError),
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            Order._process_order(again, False)
        order = Order.search([("uuid", "=", vals["uuid"])])
        self.assertEqual(len(order.sudo().lines.scenic_ticket_ids), 2)

    def test_draft_then_paid(self):
        """An order kept open has no tickets; paying it issues them once."""
        line = self._line_vals(self.adult, 2)
        draft = self._order_vals([line], state="draft")
        answer = self._sync(draft)
        order = self.env["pos.order"].search([("uuid", "=", draft["uuid"])])
        self.assertEqual(order.state, "draft")
        self.assertFalse(order.lines.scenic_ticket_ids)
        self.assertFalse(answer["scenic.ticket"])
        paid = self._order_vals([line], uuid=draft["uuid"])
        paid["lines"] = []  # the lines were synchronised with the draft
        self._sync(paid)
        self.assertEqual(order.state, "paid")
        self.assertEqual(len(order.lines.scenic_ticket_ids), 2)

    def test_late_order_of_a_closed_session(self):
        """It is sold in the session that is open now, once."""
        vals = self._order_vals([self._line_vals(self.adult, 1)])
        self._close_session()
        session = self._open_session()
        with self.assertLogs("odoo.addons.point_of_sale.models.pos_order", "WARNING"):
            self._sync(vals)
        self._sync({**vals, "session_id": session.id})
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertEqual(order.session_id, session)
        self.assertEqual(len(order.lines.scenic_ticket_ids), 1)

    def test_quantity_of_no_persons(self):
        for quantity in (1.5, 0, -2):
            with self.subTest(quantity=quantity):
                vals = self._order_vals([self._line_vals(self.adult, quantity)])
                self._assert_refused(WindowQuantityError, vals, "WINDOW_QUANTITY")

    def test_negative_price(self):
        vals = self._order_vals([self._line_vals(self.adult, 1, price_unit=-60)])
        self._assert_refused(WindowError, vals)
        vals = self._order_vals([self._line_vals(self.adult, 1, discount=150)])
        self._assert_refused(WindowError, vals)

    def test_group_too_large(self):
        vals = self._order_vals([self._line_vals(self.group, 256)])
        self._assert_refused(BookingError, vals, "GROUP_TOO_LARGE")

    def test_total_must_be_that_of_the_lines(self):
        """A client cannot sell 60 yuan of tickets in an order of 1 yuan."""
        for claimed in (1.0, 60.01, -60.0):
            vals = self._order_vals(
                [self._line_vals(self.adult, 1)], payment_ids=[self._payment(claimed)]
            )
            vals["amount_total"] = claimed
            self._assert_refused(WindowAmountError, vals, "WINDOW_AMOUNT")

    def test_client_cannot_claim_taxes(self):
        """Amounts that a client puts beside the unit price are not believed."""
        line = self._line_vals(self.adult, 1)
        line["extra_tax_data"] = {
            "currency_id": self.env.company.currency_id.id,
            "price_unit": 60.0,
            "discount": 0.0,
            "quantity": 1.0,
            "rate": 1.0,
            "manual_total_excluded_currency": 1.0,
            "manual_total_excluded": 1.0,
            "manual_tax_amounts": {
                str(self.tax_6.id): {"tax_amount_currency": 0.0, "tax_amount": 0.0}
            },
        }
        self._assert_refused(WindowAmountError, self._order_vals([line]))

    def test_not_paid_in_full(self):
        vals = self._order_vals(
            [self._line_vals(self.adult, 2)], payment_ids=[self._payment(60)]
        )
        tickets = self.env["scenic.ticket"].search_count([])
        with self.assertRaisesRegex(Exception, "not fully paid"), self.cr.savepoint():
            self._sync(vals)
        self.assertEqual(self.env["scenic.ticket"].search_count([]), tickets)

    def test_change_given_back(self):
        vals = self._order_vals(
            [self._line_vals(self.adult, 1)], payment_ids=[self._payment(100)]
        )
        vals.update(amount_paid=100, amount_return=-40)
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertEqual(order.state, "paid")
        self.assertEqual(order.amount_paid, 60)
        self.assertEqual(len(order.lines.scenic_ticket_ids), 1)

    def test_free_tickets(self):
        """A discount of 100 % still gives tickets, worth nothing."""
        order = self._sell(self._line_vals(self.adult, 2, discount=100), payment_ids=[])
        self.assertEqual(order.state, "paid")
        self.assertEqual(order.lines.scenic_ticket_ids.mapped("amount_open"), [0, 0])

    def test_cash_rounding(self):
        """Cash rounded to ten cents is a difference of the till, not of the ticket."""
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "Ten cents",
                "rounding": 0.1,
                "rounding_method": "HALF-UP",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )
        self._close_session()
        self.config.write(
            {
                "cash_rounding": True,
                "only_round_cash_method": True,
                "rounding_method": rounding.id,
            }
        )
        self._open_session()
        order = self._sell((self.combo, 1), payment_ids=[self._payment(100.0)])
        self.assertEqual(order.lines.scenic_ticket_ids.amount_total, 99.99)
        self._close_session()
        self._assert_books_agree()

    def test_a_sale_asks_little(self):
        """Each query is time that a visitor waits; a second ticket costs none."""
        counts = {}
        for product, persons in (
            (self.souvenir, 1),  # what follows finds what a server knows by then
            (self.adult, 1),
            (self.souvenir, 1),
            (self.adult, 1),
            (self.adult, 40),
        ):
            vals = self._order_vals([self._line_vals(product, persons)])
            counts[product, persons] = self._scenic_queries(self._sync, vals)
        plain, one = counts[self.souvenir, 1], counts[self.adult, 1]
        self.assertLessEqual(one - plain, 32)
        self.assertLessEqual(counts[self.adult, 40], one)

    def test_tickets_are_sold_when_they_are_made(self):
        """Booking, places and tickets say so from the start, and so does the trail."""
        self.env["scenic.capacity.pool"].create(
            {"name": "W", "site_id": self.adult.scenic_site_id.id, "capacity": 9}
        )
        order = self._sell((self.adult, 2))
        booking = order.scenic_booking_id
        self.env.invalidate_all()
        self.assertEqual(
            (booking.state, booking.amount_total, booking.visit_date),
            ("confirmed", order.amount_total, booking.line_ids.visit_date),
        )
        self.assertEqual(booking.currency_id, self.env.company.currency_id)
        self.assertEqual(booking.channel, "window")
        line = booking.line_ids
        self.assertEqual(line.site_id, self.adult.scenic_site_id)
        self.assertTrue(line.refund_terms)
        self.assertEqual(line.hold_ids.mapped("state"), ["sold"])
        self.assertEqual(line.ticket_ids.pos_order_line_id, order.lines)
        trail = self.env["scenic.audit"].search(
            [("res_model", "=", booking._name), ("res_id", "=", booking.id)],
            order="id",
        )
        self.assertEqual(trail.mapped("action"), ["booking_hold", "booking_confirm"])

    def test_liability_account_missing(self):
        self.env.company.scenic_liability_account_id = False
        vals = self._order_vals([self._line_vals(self.adult, 1)])
        error = self._assert_refused(AccountMissingError, vals)
        self.assertIn("Settings", str(error))

    def test_tax_without_account(self):
        """Its amount would be booked on the liability account."""
        self.tax_6.invoice_repartition_line_ids.account_id = False
        vals = self._order_vals([self._line_vals(self.adult, 1)])
        error = self._assert_refused(WindowError, vals)
        self.assertIn(self.tax_6.name, str(error))

    def test_foreign_currency_window(self):
        """The value of a ticket is kept in the currency of the company."""
        other = self.setup_other_currency("EUR", rates=[("2020-01-01", 0.1)])
        self._close_session()
        journal = self.company_data["default_journal_sale"].copy(
            {"currency_id": other.id, "code": "SEUR"}
        )
        cash_journal = self.company_data["default_journal_cash"].copy(
            {"currency_id": other.id, "code": "CEUR"}
        )
        self.cash_method = self.env["pos.payment.method"].create(
            {"name": "Cash EUR", "journal_id": cash_journal.id}
        )
        self.config = self.env["pos.config"].create(
            {
                "name": "Euro Window",
                "journal_id": journal.id,
                "invoice_journal_id": journal.id,
                "payment_method_ids": [Command.set(self.cash_method.ids)],
            }
        )
        self._open_session()
        vals = self._order_vals([self._line_vals(self.adult, 1)])
        self._assert_refused(WindowError, vals)

    # ------------------------------------------------------------
    # Visit date
    # ------------------------------------------------------------

    def test_visit_date_is_today_at_the_site(self):
        """At 17:00 UTC it is tomorrow in Shanghai already."""
        with freeze_time("2026-05-01 17:00:00"):
            order = self._sell((self.adult, 1))
        ticket = order.lines.scenic_ticket_ids
        self.assertEqual(fields.Date.to_string(ticket.visit_date), "2026-05-02")
        self.assertEqual(fields.Date.to_string(ticket.date_first), "2026-05-02")

    def test_visit_date_chosen(self):
        later = fields.Date.add(fields.Date.today(), days=5)
        order = self._sell(self._line_vals(self.adult, 1, scenic_visit_date=str(later)))
        self.assertEqual(order.lines.scenic_ticket_ids.visit_date, later)

    def test_visit_date_over(self):
        earlier = fields.Date.subtract(fields.Date.today(), days=2)
        vals = self._order_vals(
            [self._line_vals(self.adult, 1, scenic_visit_date=str(earlier))]
        )
        self._assert_refused(WindowError, vals)

    def test_visit_date_not_asked_for(self):
        self.adult.scenic_validity_rule_id = self.scenic_rule_sale
        order = self._sell((self.adult, 1))
        ticket = order.lines.scenic_ticket_ids
        self.assertFalse(ticket.visit_date)
        self.assertEqual(ticket.span_days, 3)

    # ------------------------------------------------------------
    # What comes back to the window
    # ------------------------------------------------------------

    def test_answer_holds_what_prints(self):
        """The window gets names, dates and codes that the gates accept."""
        vals = self._order_vals(
            [self._line_vals(self.adult, 1), self._line_vals(self.group, 10)]
        )
        answer = self._sync(vals)
        self.assertEqual(len(answer["scenic.ticket"]), 2)
        Credential = self.env["scenic.credential"].sudo()
        for data in answer["scenic.ticket"]:
            ticket = self.env["scenic.ticket"].browse(data["id"])
            self.assertEqual(data["name"], ticket.name)
            self.assertEqual(data["persons"], ticket.persons)
            self.assertEqual(data["pos_order_line_id"], ticket.pos_order_line_id.id)
            self.assertEqual(len(data["pos_barcode_number"]), 22)
            for code in (data["pos_qr_token"], data["pos_barcode_number"]):
                parsed = Credential._parse(code)
                self.assertEqual(parsed.status, "ok")
                credential = Credential.search(
                    [("lookup", "=", Credential._lookup(code))]
                )
                self.assertEqual(credential.ticket_id, ticket)

    def test_order_list_gives_the_same_tickets(self):
        order = self._sell((self.adult, 2))
        answer = (
            self.env["pos.order"]
            .with_user(self.cashier)
            .read_pos_orders([("id", "=", order.id)])
        )
        self.assertEqual(
            [data["id"] for data in answer["scenic.ticket"]],
            order.lines.scenic_ticket_ids.sorted("number").ids,
        )

    def test_session_loads_what_the_window_needs(self):
        session = self.config.current_session_id.with_user(self.cashier)
        data = session.load_data([])
        self.assertEqual(data["scenic.ticket"], [])
        self.assertIn(self.scenic_area.id, [s["id"] for s in data["scenic.site"]])
        self.assertIn(
            self.scenic_rule.id, [r["id"] for r in data["scenic.validity.rule"]]
        )
        template = next(
            t
            for t in data["product.template"]
            if t["id"] == self.adult.product_tmpl_id.id
        )
        self.assertEqual(template["scenic_site_id"], self.scenic_area.id)
        self.assertEqual(template["service_tracking"], "scenic_ticket")

    def test_prints_are_counted(self):
        order = self._sell((self.adult, 2))
        tickets = order.lines.scenic_ticket_ids
        self.assertEqual(tickets.mapped("print_count"), [0, 0])
        for count in (1, 2):
            answer = order.with_user(self.cashier).scenic_count_ticket_print()
            self.assertEqual(
                [data["print_count"] for data in answer["scenic.ticket"]], [count] * 2
            )
        tickets[0].sudo().state = "used"
        order.with_user(self.cashier).scenic_count_ticket_print()
        self.assertEqual(tickets.mapped("print_count"), [2, 3])

    def test_many_tickets_few_queries(self):
        """A busload costs hardly more queries than one person."""
        self._sell((self.adult, 1))  # warm up
        counts = []
        for quantity in (2, 60):
            vals = self._order_vals([self._line_vals(self.adult, quantity)])
            before = self.cr.sql_log_count
            self._sync(vals)
            counts.append(self.cr.sql_log_count - before)
        self.assertLess(counts[1], counts[0] + 20, counts)

    def test_error_speaks_the_language_of_the_cashier(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        self.cashier.lang = "zh_CN"
        vals = self._order_vals([self._line_vals(self.adult, 1.5)])
        with self.assertRaises(ScenicError) as caught, self.cr.savepoint():
            (
                self.env["pos.order"]
                .with_user(self.cashier)
                .with_context(lang="zh_CN")
                .sync_from_ui([vals])
            )
        self.assertRegex(str(caught.exception), r"[一-鿿]{4}")
