from datetime import date, timedelta

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..exceptions import RevenueError
from .common import ScenicCommon

LOGGER = "odoo.addons.scenic_ticket_base.models.scenic_revenue_entry"


@tagged("post_install", "-at_install")
class TestRevenue(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.entries = cls.env["scenic.revenue.entry"]
        cls.day = date(2026, 10, 1)

    def _recognise(self, ticket, quantity=1, day=None, index=0, **extra):
        return self.entries._recognise(
            ticket.entitlement_ids[index], quantity, day or self.day, **extra
        )

    def _assert_code(self, code, function, *args):
        with self.assertRaises(RevenueError) as caught:
            function(*args)
        self.assertEqual(caught.exception.code, code)

    def _moves(self):
        return self.env["account.move"].search(
            [("journal_id", "=", self.scenic_journal.id)]
        )

    def _balance(self, account):
        lines = self.env["account.move.line"].search(
            [("account_id", "=", account.id), ("parent_state", "=", "posted")]
        )
        return sum(lines.mapped("balance"))

    # Recognise

    def test_last_admission_takes_the_residual(self):
        ticket = self._scenic_sell(
            self.scenic_group, 3, amount_untaxed=100.0, amount_total=106.0
        )
        amounts = [self._recognise(ticket).amount for _turn in range(3)]
        self.assertEqual(amounts, [33.33, 33.33, 33.34])
        self.assertEqual(ticket.amount_recognised, 100)
        self.assertEqual(ticket.amount_open, 0)

    def test_many_at_once_are_earned_together(self):
        ticket = self._scenic_sell(self.scenic_group, 30, amount_untaxed=100.0)
        self.assertEqual(self._recognise(ticket, 7).amount, 23.33)
        self.assertEqual(self._recognise(ticket, 23).amount, 76.67)

    def test_combo_earns_by_component(self):
        ticket = self._scenic_sell(self.scenic_combo)
        self.assertEqual(self._recognise(ticket, index=1).amount, 28)
        self.assertEqual(ticket.amount_open, 112)
        self.assertEqual(self._recognise(ticket, index=0).amount, 84)
        self.assertEqual(self._recognise(ticket, index=1).amount, 28)
        self.assertEqual(ticket.amount_open, 0)

    def test_batch_is_the_same_as_one_by_one(self):
        ticket = self._scenic_sell(self.scenic_combo, amount_untaxed=100.01)
        area, spot = ticket.entitlement_ids
        entries = self.entries._recognise_many(
            [
                (spot, 1, self.day, {}),
                (area, 1, self.day, {}),
                (spot, 1, self.day, {}),
            ]
        )
        self.assertAlmostEqual(sum(entries.mapped("amount")), 100.01)
        self.assertEqual(ticket.amount_open, 0)
        self.assertEqual(spot.entries_recognised, 2)

    def test_batch_queries_do_not_grow_with_passes(self):
        def count(quantity):
            tickets = self._scenic_sell(self.scenic_individual, quantity)
            rows = [(ticket.entitlement_ids, 1, self.day, {}) for ticket in tickets]
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            self.entries._recognise_many(rows)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(1)
        one, hundred = count(1), count(100)
        self.assertLess(hundred - one, 10, f"{one} for 1, {hundred} for 100")

    def test_more_than_the_ticket_has_is_refused(self):
        ticket = self._scenic_sell(self.scenic_individual)
        for quantity in (0, -1, 2):
            self._assert_code("REVENUE_TOO_MANY", self._recognise, ticket, quantity)
        self._recognise(ticket)
        self._assert_code("REVENUE_TOO_MANY", self._recognise, ticket)
        self.assertEqual(ticket.amount_recognised, 100)

    def test_refunded_ticket_earns_nothing(self):
        ticket = self._scenic_sell(self.scenic_individual)
        ticket._refund("R", "rain")
        self._assert_code("REVENUE_NOT_PAID", self._recognise, ticket)
        self.assertEqual(ticket.amount_recognised, 0)

    # Post

    def test_one_entry_per_day_site_and_product(self):
        adults = self._scenic_sell(self.scenic_individual, 3)
        combo = self._scenic_sell(self.scenic_combo)
        for ticket in adults[:2] | combo:
            self._recognise(ticket)
        self._recognise(combo, index=1)
        self._recognise(adults[2], day=self.day + timedelta(days=1))
        self.entries._cron_post()
        moves = self._moves()
        self.assertEqual(set(moves.mapped("state")), {"posted"})
        found = sorted(
            (
                move.date,
                move.scenic_revenue_entry_ids.site_id.code,
                move.scenic_revenue_entry_ids.product_id.name,
                move.amount_total,
            )
            for move in moves
        )
        self.assertEqual(
            found,
            [
                (self.day, "TESTCAVE", "Combo 联票", 28),
                (self.day, "TESTHILL", "Adult 成人票", 200),
                (self.day, "TESTHILL", "Combo 联票", 84),
                (self.day + timedelta(days=1), "TESTHILL", "Adult 成人票", 100),
            ],
        )
        self.assertEqual(self._balance(self.scenic_income), -412)
        self.assertEqual(self._balance(self.scenic_liability), 412)

    def test_posting_again_does_nothing(self):
        self._recognise(self._scenic_sell(self.scenic_individual))
        self.entries._cron_post()
        moves = self._moves()
        self.entries._cron_post()
        self.assertEqual(self._moves(), moves)

    def test_liability_equals_open_tickets(self):
        """The identity of the whole suite, with what this module can do."""
        tickets = (
            self._scenic_sell(self.scenic_individual, 3, amount_untaxed=100.0)
            | self._scenic_sell(self.scenic_group, 7, amount_untaxed=99.99)
            | self._scenic_sell(self.scenic_combo, 2, amount_untaxed=0.01)
        )
        sold = sum(tickets.mapped("amount_untaxed"))
        for ticket in tickets:
            self._recognise(ticket)
        self.entries._cron_post()
        self.assertAlmostEqual(
            sold - self._balance(self.scenic_liability),
            sum(tickets.mapped("amount_open")),
        )
        entries = self.entries.search([("ticket_id", "in", tickets.ids)])
        self.assertAlmostEqual(
            sum(entries.mapped("amount")), sum(tickets.mapped("amount_recognised"))
        )

    def test_free_admission_is_counted_without_a_move(self):
        ticket = self._scenic_sell(
            self.scenic_individual, amount_untaxed=0.0, amount_total=0.0
        )
        entry = self._recognise(ticket)
        self.entries._cron_post()
        self.assertEqual((entry.state, entry.quantity), ("posted", 1))
        self.assertFalse(entry.move_id)

    def test_missing_account_stops_its_own_group_only(self):
        bad = self._recognise(self._scenic_sell(self.scenic_combo))
        good = self._recognise(self._scenic_sell(self.scenic_individual))
        self.scenic_combo.property_account_income_id = self.scenic_liability
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.entries._cron_post()
        self.assertIn("Combo", logs.output[0])
        self.assertEqual((bad.state, good.state), ("draft", "posted"))
        self.scenic_combo.property_account_income_id = self.scenic_income
        self.entries._cron_post()
        self.assertEqual(bad.state, "posted")

    def test_missing_journal_is_said(self):
        entry = self._recognise(self._scenic_sell(self.scenic_individual))
        self.env.company.scenic_revenue_journal_id = False
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.entries._cron_post()
        self.assertIn("journal", logs.output[0])
        self.assertEqual(entry.state, "draft")

    def test_locked_period_moves_to_the_next_open_day(self):
        entry = self._recognise(self._scenic_sell(self.scenic_individual))
        self.env.company.fiscalyear_lock_date = date(2026, 10, 31)
        self.entries._cron_post()
        self.assertEqual(entry.date, self.day, "the fact keeps its day")
        self.assertGreater(entry.move_id.date, date(2026, 10, 31))
        self.assertEqual(entry.move_id.state, "posted")

    def test_scheduler_posts(self):
        entry = self._recognise(self._scenic_sell(self.scenic_individual))
        with self.enter_registry_test_mode():
            self.env.ref(
                "scenic_ticket_base.ir_cron_post_revenue"
            ).method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(entry.state, "posted")

    def test_posted_entry_cannot_change(self):
        entry = self._recognise(self._scenic_sell(self.scenic_individual))
        self.entries._cron_post()
        self._assert_code("REVENUE_POSTED", entry.write, {"amount": 1})
        self._assert_code("REVENUE_POSTED", entry.unlink)
        self._assert_code("REVENUE_POSTED", entry.move_id.button_draft)
        self.assertEqual(entry.move_id.state, "posted")

    def test_finance_posts_and_follows_the_entry(self):
        finance = new_test_user(
            self.env, "rev_finance", "scenic_ticket_base.group_scenic_finance"
        )
        entry = self._recognise(self._scenic_sell(self.scenic_individual))
        entry = entry.with_user(finance)
        entry.action_post()
        self.assertEqual(entry.state, "posted")
        move = entry.move_id
        self.assertEqual(move.line_ids.mapped("account_id.code"), ["SCL001", "SCI001"])
        action = move.action_view_scenic_revenue_entries()
        self.assertEqual(
            self.entries.with_user(finance).search(action["domain"]), entry
        )
        self.assertEqual(entry.ticket_id.amount_open, 0)

    def test_nobody_else_posts(self):
        entry = self._recognise(self._scenic_sell(self.scenic_individual))
        auditor = new_test_user(
            self.env, "rev_auditor", "scenic_ticket_base.group_scenic_auditor"
        )
        with self.assertRaises(AccessError):
            entry.with_user(auditor).action_post()
        self.assertEqual(entry.state, "draft")

    @mute_logger("odoo.sql_db")
    def test_another_run_posts_nothing_twice(self):
        """Entries that another transaction holds are left to it."""
        entry = self._recognise(self._scenic_sell(self.scenic_individual))
        self.assertEqual(entry._lock_drafts(), entry)
        self.entries._cron_post()
        self.assertFalse(entry._lock_drafts(), "posted entries are no drafts")
