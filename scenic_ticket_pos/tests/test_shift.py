from psycopg2.errors import RestrictViolation

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import WindowRightError, WindowShiftError
from .shift import ShiftCommon


@tagged("post_install", "-at_install")
class TestShift(ShiftCommon):
    """B1, B4: what a cashier hands over is what he sold, and stays so."""

    def _assert_code(self, code, call, *args, **kwargs):
        with self.assertRaises(WindowShiftError) as caught, self.cr.savepoint():
            call(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)

    def _assert_sums_agree(self):
        """All shifts together are the session: by payment method, and the cash."""
        shifts = self.env["scenic.shift"].search(
            [("session_id", "=", self.pos_session.id)]
        )
        by_shift = {}
        for shift in shifts:
            late = shift._tenders("scenic_late_shift_id")
            for tender in [*shift._kept_figures()["tenders"], *late]:
                method_id = tender["method_id"]
                by_shift.setdefault(method_id, 0)
                by_shift[method_id] += tender["sales"] + tender["refunds"]
        by_session = {
            method.id: amount
            for method, amount in self.env["pos.payment"]._read_group(
                self.pos_session._get_captured_payments_domain(),
                ["payment_method_id"],
                ["amount:sum"],
            )
        }
        self.assertEqual(
            {key: round(amount, 2) for key, amount in by_shift.items() if amount},
            {key: round(amount, 2) for key, amount in by_session.items() if amount},
        )
        return shifts

    # ------------------------------------------------------------
    # Begin
    # ------------------------------------------------------------

    def test_the_first_sale_opens_a_shift_with_the_float(self):
        self.assertFalse(self._shift())
        order = self._sell_as(self.cashier, (self.adult, 1))
        shift = self._shift()
        self.assertEqual(order.scenic_shift_id, shift)
        self.assertEqual(shift.cash_opening, self.FLOAT)
        self.assertEqual(shift.site_id, self.scenic_area)
        again = self._sell_as(self.cashier, (self.souvenir, 1))
        self.assertEqual(again.scenic_shift_id, shift)
        self.assertEqual(shift.order_count, 2)

    def test_an_unpaid_order_counts_for_who_takes_the_money(self):
        vals = self._order_vals([self._line_vals(self.adult, 1)], state="draft")
        self._sync(vals)
        self.assertFalse(self._shift())
        vals["lines"] = []
        vals.update(
            state="paid", amount_paid=60, payment_ids=[self._pay(60, self.cash_method)]
        )
        self._sync(vals, user=self.second)
        self.assertEqual(self._data(self.second)["tenders"][0]["sales"], 60)
        self.assertFalse(self._shift())

    def test_nothing_to_hand_over(self):
        self._assert_code("SHIFT_NONE", self._data)
        self._assert_code(
            "SHIFT_NONE",
            self.pos_session.with_user(self.cashier).scenic_hand_over,
            1,
            {},
        )

    # ------------------------------------------------------------
    # Figures
    # ------------------------------------------------------------

    def test_the_sheet_of_a_shift(self):
        order = self._sell_as(
            self.cashier,
            (self.adult, 3),
            (self.souvenir, 1),
            payment_ids=[self._pay(200, self.cash_method)],
            amount_return=-10.1,
        )
        self._sell_as(
            self.cashier,
            (self.group, 12),
            payment_ids=[
                self._pay(200, self.cash_method),
                self._pay(400, self.card_method),
            ],
        )
        order.with_user(self.cashier).scenic_count_ticket_print()
        order.with_user(self.cashier).scenic_count_ticket_print()
        self._refund({order.lines[0]: 1})
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        tickets[0]._void("Torn")
        data = self._data()
        [cash, card] = data["tenders"]
        self.assertEqual(
            (cash["name"], cash["opening"], cash["sales"], cash["refunds"]),
            ("Cash", 100, 389.9, -60),
        )
        self.assertEqual((cash["orders"], cash["expected"]), (3, 429.9))
        self.assertEqual((card["sales"], card["expected"]), (400, 400))
        row = ["Adult Ticket", "Individual", 3, 3, 180]
        [sold] = [s for s in data["sections"] if s["key"] == "sold"]
        self.assertEqual(sold["rows"][0], [*row, tickets[0].name, tickets[-1].name])
        self.assertEqual(sold["total"][2:5], [4, 15, 780])
        self.assertEqual(self._cell(data, "refunded", "Adult Ticket", 5), 60)
        [reasons] = [s for s in data["sections"] if s["key"] == "reasons"]
        self.assertEqual(reasons["rows"][0][3:], [1, 1, 60])
        self.assertEqual(self._cell(data, "prints", "First prints"), 3)
        self.assertEqual(self._cell(data, "prints", "Printed again"), 3)
        self.assertEqual(self._cell(data, "prints", "Voided"), 1)
        self.assertEqual(self._cell(data, "proof", "Other goods sold"), 9.9)
        self.assertEqual(self._cell(data, "proof", "Rounding"), 0)
        self.assertEqual(self._cell(data, "proof", "All payments"), 729.9)

    def test_a_refund_by_exception_names_the_supervisor(self):
        supervisor = self._window_user(
            "shift_supervisor",
            "scenic_ticket_base.group_scenic_supervisor",
            name="Shift Supervisor",
        )
        order = self._sell_as(self.cashier, (self.adult, 1))
        ticket = order.lines.scenic_ticket_ids
        self._admit(ticket)
        override = (
            self.env["scenic.refund.override"]
            .with_user(self.cashier)
            ._request(ticket.with_user(self.cashier), "Fell ill")
        )
        override.with_user(supervisor).action_approve()
        self._refund({order.lines: 1})
        [reasons] = [s for s in self._data()["sections"] if s["key"] == "reasons"]
        self.assertEqual(
            reasons["rows"],
            [["Fell ill", "Exception", "Shift Supervisor", 1, 1, 60]],
        )

    def test_cash_moves_count_for_who_makes_them(self):
        for kind, amount in (("in", 20), ("out", 50)):
            self.pos_session.with_user(self.cashier).sudo().try_cash_in_out(
                kind, amount, "Change", False, {"translatedType": kind}
            )
        [cash] = self._data()["tenders"]
        self.assertEqual((cash["moves"], cash["expected"]), (-30, 70))
        shift = self._shift()
        self.assertEqual(shift.move_count, 2)
        self._hand_over()
        line = self.pos_session.sudo().statement_line_ids[:1]
        self._assert_code("SHIFT_CLOSED", line.unlink)
        self._assert_code("SHIFT_CLOSED", line.write, {"amount": 1})

    def test_cash_rounding_is_shown(self):
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "Ten cents",
                "rounding": 0.1,
                "rounding_method": "HALF-UP",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )
        self.pos_session.post_closing_cash_details(self.FLOAT)
        self.pos_session.close_session_from_ui()
        self.config.write(
            {
                "cash_rounding": True,
                "only_round_cash_method": True,
                "rounding_method": rounding.id,
            }
        )
        self._open_session()
        self._sell_as(
            self.cashier,
            (self.combo, 1),
            payment_ids=[self._pay(100, self.cash_method)],
        )
        data = self._data()
        self.assertEqual(data["tenders"][0]["sales"], 100)
        self.assertEqual(self._cell(data, "proof", "Rounding"), 0.01)
        self._hand_over()
        self._assert_sums_agree()

    # ------------------------------------------------------------
    # Hand over
    # ------------------------------------------------------------

    def test_two_cashiers_in_turn(self):
        self._sell_as(self.cashier, (self.adult, 2))
        closed = self._hand_over(cash=222, remark="Two too much")
        self.assertEqual(closed["state"], "closed")
        first = self._shift(state="closed")
        self.assertEqual(
            (first.cash_expected, first.cash_counted, first.cash_difference),
            (220, 222, 2),
        )
        self.assertEqual((first.ticket_count, first.amount_sales), (2, 120))
        self._sell_as(self.second, (self.adult, 1))
        second = self._shift(self.second)
        self.assertEqual(second.cash_opening, 222)
        self._sell_as(
            self.second, (self.adult, 1), payment_ids=[self._pay(60, self.card_method)]
        )
        # the register is closed: what is counted there is the second one's count
        self.pos_session.post_closing_cash_details(281)
        self.pos_session.with_user(self.second).sudo().close_session_from_ui()
        self.assertEqual(self.pos_session.state, "closed")
        self.assertEqual((second.state, second.count_by), ("closed", "session"))
        self.assertEqual((second.cash_counted, second.cash_difference), (281, -1))
        shifts = self._assert_sums_agree()
        self.assertEqual(
            sum(shifts.mapped("cash_difference")),
            self.pos_session.cash_register_difference,
        )

    def test_a_cashier_begins_anew(self):
        self._sell_as(self.cashier, (self.adult, 1))
        self._hand_over()
        order = self._sell_as(self.cashier, (self.adult, 1))
        shift = self._shift()
        self.assertEqual(order.scenic_shift_id, shift)
        self.assertEqual((shift.number, shift.cash_opening), (2, 160))
        self.assertEqual(self._data()["tenders"][0]["sales"], 60)

    def test_the_closing_counts_who_did_not_hand_over(self):
        """Two drawers at once: only who closes is counted, nothing gets lost."""
        self._sell_as(self.cashier, (self.adult, 1))
        self._sell_as(self.second, (self.adult, 2))
        self.assertEqual(self._shift(self.second).cash_opening, 0)
        self.pos_session.post_closing_cash_details(270)
        self.pos_session.with_user(self.second).sudo().close_session_from_ui()
        first, second = (
            self._shift(self.cashier, "closed"),
            self._shift(self.second, "closed"),
        )
        self.assertEqual((first.count_by, second.count_by), ("none", "session"))
        self.assertEqual((first.cash_difference, second.cash_difference), (0, -10))
        shifts = self._assert_sums_agree()
        self.assertEqual(
            sum(shifts.mapped("cash_difference")),
            self.pos_session.cash_register_difference,
        )

    def test_the_closing_counts_cards_that_others_took(self):
        self._sell_as(
            self.cashier, (self.adult, 1), payment_ids=[self._pay(60, self.card_method)]
        )
        self._hand_over(card=58)
        self._sell_as(self.second, (self.adult, 1))
        self.pos_session.post_closing_cash_details(160)
        self.pos_session.with_user(self.second).sudo().close_session_from_ui(
            [(self.card_method.id, -3)]
        )
        self.assertEqual(self._shift(state="closed").other_difference, -2)
        second = self._shift(self.second, "closed")
        self.assertEqual((second.cash_difference, second.other_difference), (0, -1))

    def test_a_difference_beyond_the_tolerance_needs_a_remark(self):
        self._sell_as(self.cashier, (self.adult, 1))
        for cash in (154.99, 165.01):
            self._assert_code("SHIFT_REMARK", self._hand_over, cash=cash)
            self._assert_code("SHIFT_REMARK", self._hand_over, cash=cash, remark=" ")
        self.assertEqual(self._shift().state, "open")
        closed = self._hand_over(cash=150, remark="Ten given too much")
        self.assertEqual(self._cell(closed, "head", "Remark"), "Ten given too much")
        self.assertEqual(self._cell(closed, "drawer", "Difference"), -10)

    def test_within_the_tolerance_no_remark(self):
        self._sell_as(self.cashier, (self.adult, 1))
        self._hand_over(cash=155)
        self.assertEqual(self._shift(state="closed").cash_difference, -5)

    def test_without_a_site_any_difference_needs_a_remark(self):
        self.config.scenic_site_id = False
        self._sell_as(self.cashier, (self.adult, 1))
        self._assert_code("SHIFT_REMARK", self._hand_over, cash=159.99)

    def test_every_payment_method_is_counted(self):
        self._sell_as(
            self.cashier, (self.adult, 1), payment_ids=[self._pay(60, self.card_method)]
        )
        shift = self._shift()
        hand_over = self.pos_session.with_user(self.cashier).scenic_hand_over
        for counted in (
            {},
            {str(self.cash_method.id): 100},
            {str(self.cash_method.id): -1, str(self.card_method.id): 60},
            {str(self.cash_method.id): "x"},
            {"x": 1},
            {str(self.cash_method.id): float("nan"), str(self.card_method.id): 60},
            [],
            None,
        ):
            with self.subTest(counted=counted):
                self._assert_code("SHIFT_COUNT", hand_over, shift.id, counted)
        self.assertEqual(shift.state, "open")

    def test_notes_and_coins_come_to_the_cash(self):
        self._sell_as(self.cashier, (self.adult, 1))
        self._assert_code("SHIFT_BILLS", self._hand_over, bills={"100": 1, "50": 1})
        for bills in ({"100": 1.5}, {"100": -1}, {"-10": 1}, {"x": 1}, [1]):
            with self.subTest(bills=bills):
                self._assert_code("SHIFT_COUNT", self._hand_over, bills=bills)
        closed = self._hand_over(bills={"50": 1, "100": 1, "0.5": 20, "20": 0})
        [bills] = [s for s in closed["sections"] if s["key"] == "bills"]
        self.assertEqual(
            [row[1:] for row in bills["rows"]], [[1, 100], [1, 50], [20, 10]]
        )
        self.assertEqual(bills["total"][2], 160)

    def test_the_same_hand_over_twice_is_one(self):
        self._sell_as(self.cashier, (self.adult, 1))
        shift = self._shift()
        first = self._hand_over(cash=158, shift_id=shift.id, remark="Two short")
        again = self._hand_over(cash=158, shift_id=shift.id, remark="Two short")
        self.assertEqual(again, first)
        self._assert_code("SHIFT_CLOSED", self._hand_over, cash=159, shift_id=shift.id)
        self.assertEqual(shift.cash_counted, 158)
        # and not of another shift that is open meanwhile
        self._sell_as(self.cashier, (self.adult, 1))
        again = self._hand_over(cash=158, shift_id=shift.id, remark="Two short")
        self.assertEqual(again["id"], shift.id)
        self.assertEqual(self._shift().number, 2)

    def test_a_shift_of_another_is_not_handed_over(self):
        self._sell_as(self.cashier, (self.adult, 1))
        self._sell_as(self.second, (self.adult, 1))
        shift = self._shift()
        counted = {str(self.cash_method.id): 160.0}
        hand_over = self.pos_session.with_user(self.second).scenic_hand_over
        self._assert_code("SHIFT_OTHER", hand_over, shift.id, counted)
        self.assertEqual(shift.state, "open")

    # ------------------------------------------------------------
    # Closed
    # ------------------------------------------------------------

    def test_a_closed_shift_is_not_changed(self):
        order = self._sell_as(self.cashier, (self.adult, 1))
        self._hand_over()
        shift = self._shift(state="closed")
        with self.assertRaises(AccessError):
            shift.write({"remark": "x"})
        self._assert_code("SHIFT_CLOSED", shift.sudo().write, {"cash_counted": 1})
        self._assert_code("SHIFT_FIXED", shift.sudo().unlink)
        for statement in (
            "UPDATE scenic_shift SET cash_counted = 1 WHERE id = %s",
            "DELETE FROM scenic_shift WHERE id = %s",
        ):
            with (
                self.assertRaises(RestrictViolation),
                mute_logger("odoo.sql_db"),
                self.cr.savepoint(),
            ):
                self.cr.execute(statement, [shift.id])
        payment = order.payment_ids.with_user(self.cashier)
        self._assert_code("SHIFT_CLOSED", payment.write, {"amount": 1})
        self._assert_code(
            "SHIFT_CLOSED", payment.write, {"payment_method_id": self.card_method.id}
        )
        self._assert_code("SHIFT_CLOSED", payment.unlink)
        self._assert_code(
            "SHIFT_CLOSED",
            payment.create,
            {
                "pos_order_id": order.id,
                "amount": 1,
                "payment_method_id": self.cash_method.id,
            },
        )

    def test_the_sheet_stays_as_it_was_closed(self):
        order = self._sell_as(self.cashier, (self.adult, 1))
        closed = self._hand_over()
        order.lines.scenic_ticket_ids._void("Later")
        self.config.name = "North Gate"
        self.adult.name = "Renamed"
        sections = self._shift(state="closed")._pos_data()["sections"]
        self.assertEqual(sections[1:], closed["sections"][1:])

    def test_a_late_order_stands_apart(self):
        """A till was offline; its order comes when the shift is handed over."""
        self._sell_as(self.cashier, (self.adult, 1))
        vals = self._late_vals(self.cashier, (self.adult, 2))
        late_card = self._late_vals(
            self.cashier,
            (self.souvenir, 1),
            payment_ids=[self._pay(9.9, self.card_method)],
        )
        closed = self._hand_over()
        shift = self._shift(state="closed")
        figures = shift.figures
        self._sync(vals, user=self.second)  # who sits at the till now
        self._sync(late_card, user=self.cashier)
        late = self.env["pos.order"].search(
            [("uuid", "in", [vals["uuid"], late_card["uuid"]])]
        )
        self.assertEqual(late.scenic_late_shift_id, shift)
        self.assertFalse(late.scenic_shift_id)
        self.assertFalse(self._shift(self.second))
        self.assertEqual((shift.late_count, shift.figures), (2, figures))
        data = shift._pos_data()
        self.assertEqual(data["tenders"], closed["tenders"])
        self.assertEqual(
            self._cell(data, "late", vals["pos_reference"], 3), "Second Cashier"
        )
        self.assertEqual(self._cell(data, "late", vals["pos_reference"], 5), 120)
        self.assertEqual(self._cell(data, "late", "Total", 5), 129.9)
        self.assertEqual(self._cell(data, "late_tenders", "Cash"), 120)
        self.assertEqual(self._cell(data, "late_tenders", "Card"), 9.9)
        self.assertEqual(
            self._cell(
                data, "late_tenders", "Difference of the cash with what arrived later"
            ),
            -120,
        )
        found = self.env["scenic.shift"].search(
            [("session_id", "=", self.pos_session.id), ("late_count", ">", 0)]
        )
        self.assertEqual(found, shift)
        self._sell_as(self.second, (self.adult, 1))
        self._assert_sums_agree()

    def test_paid_in_the_office_after_the_hand_over(self):
        """An order that waited counts when it is paid, not when it was begun."""
        vals = self._late_vals(self.cashier, (self.adult, 1), state="draft")
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self._sell_as(self.cashier, (self.adult, 1))
        self._hand_over()
        payment = (
            self.env["pos.make.payment"]
            .with_user(self.second)
            .with_context(active_id=order.id)
            .sudo()
            .create({"amount": 60, "payment_method_id": self.cash_method.id})
        )
        payment.check()
        self.assertEqual(order.state, "paid")
        self.assertEqual(order.scenic_shift_id, self._shift(self.second))

    def test_nobody_puts_his_sale_on_another(self):
        """An open shift counts what its cashier has sent, whatever name is on it."""
        self._sell_as(self.cashier, (self.adult, 1))
        order = self._sell((self.adult, 2), user=self.second, user_id=self.cashier.id)
        self.assertEqual(order.scenic_shift_id, self._shift(self.second))
        self.assertEqual(self._data()["tenders"][0]["sales"], 60)

    def test_the_links_are_not_written_by_clients(self):
        order = self._sell_as(self.cashier, (self.adult, 1)).with_user(self.cashier)
        shift = self._shift()
        for name in ("scenic_shift_id", "scenic_late_shift_id"):
            with self.assertRaises(WindowRightError), self.cr.savepoint():
                order.write({name: False})
            vals = self._order_vals(
                [self._line_vals(self.adult, 1)], **{name: shift.id}
            )
            with self.assertRaises(WindowRightError), self.cr.savepoint():
                self._sync(vals)
        self._hand_over()
        other = self.env["pos.config"].create(
            {
                "name": "Other",
                "journal_id": self.config.journal_id.id,
                "invoice_journal_id": self.config.invoice_journal_id.id,
                "payment_method_ids": [Command.set(self.card_method.ids)],
            }
        )
        other.open_ui()
        self._assert_code(
            "SHIFT_FIXED", order.write, {"session_id": other.current_session_id.id}
        )

    def test_orders_made_as_paid_count(self):
        """By RPC, past the window's own way: no order is in no shift."""
        vals = self._order_vals([self._line_vals(self.souvenir, 1)])
        order = self.env["pos.order"].with_user(self.cashier).create(vals)
        self.assertEqual(order.state, "paid")
        self.assertEqual(order.scenic_shift_id, self._shift())

    # ------------------------------------------------------------
    # Rights
    # ------------------------------------------------------------

    def test_only_cashiers_hand_over(self):
        shop = self._window_user("shop_shift")
        shop.group_ids = [
            Command.unlink(self.env.ref("scenic_ticket_base.group_scenic_cashier").id)
        ]
        order = self._sell_as(shop, (self.souvenir, 1))
        self.assertEqual(order.scenic_shift_id, self._shift(shop))
        session = self.pos_session.with_user(shop)
        with self.assertRaises(WindowRightError):
            session.scenic_shift_data()
        with self.assertRaises(WindowRightError):
            session.scenic_hand_over(self._shift(shop).id, {})

    def test_who_sees_which_shift(self):
        near = self._window_user(
            "shift_near", "scenic_ticket_base.group_scenic_supervisor"
        )
        far = self._window_user(
            "shift_far", "scenic_ticket_base.group_scenic_supervisor"
        )
        near.scenic_site_ids = self.scenic_area
        far.scenic_site_ids = self.env["scenic.site"].create(
            {"name": "Far", "code": "FARSHIFT"}
        )
        self._sell_as(self.cashier, (self.adult, 1))
        self._sell_as(self.second, (self.adult, 1))
        self._sell_as(far, (self.souvenir, 1))
        shifts = self.env["scenic.shift"].search(
            [("session_id", "=", self.pos_session.id)]
        )
        self.assertEqual(len(shifts), 3)
        own = shifts.filtered(lambda shift: shift.user_id == far)
        for user, seen in (
            (self.cashier, self._shift()),
            (self.second, self._shift(self.second)),
            (near, shifts),
            (far, own),
        ):
            with self.subTest(user=user.login):
                found = shifts.with_user(user).search([("id", "in", shifts.ids)])
                self.assertEqual(found, seen)
                found.read(["name", "sheet"])
        with self.assertRaises(AccessError):
            self._shift().with_user(self.second).read(["sheet"])
        with self.assertRaises(AccessError):
            self._shift().with_user(self.second).action_export()

    def test_prints_of_another_are_not_counted(self):
        order = self._sell_as(self.cashier, (self.adult, 1))
        order.with_user(self.second).scenic_count_ticket_print()
        order.with_user(self.cashier).scenic_count_ticket_print()
        data = self._data()
        self.assertEqual(self._cell(data, "prints", "First prints"), 0)
        self.assertEqual(self._cell(data, "prints", "Printed again"), 1)

    def test_the_sheet_speaks_the_language_of_the_reader(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        self._sell_as(self.cashier, (self.adult, 1))
        shift = self._shift().with_context(lang="zh_CN")
        titles = [section["title"] for section in shift._sections()]
        self.assertIn("现金", titles)
        self.assertIn("售票", titles)
