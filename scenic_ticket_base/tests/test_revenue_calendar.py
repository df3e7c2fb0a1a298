from datetime import date, timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged

from .test_refund import RefundCommon


@tagged("post_install", "-at_install")
class TestRevenueCalendar(RefundCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.entries = cls.env["scenic.revenue.entry"]
        cls.scenic_daily = cls._scenic_product(
            "By visit date",
            "individual",
            100,
            components=[(cls.scenic_area, 1, 60.0), (cls.scenic_spot, 1, 40.0)],
            scenic_revenue_trigger="visit_date",
            scenic_refund_policy_id=cls.scenic_policy.id,
        )
        cls.scenic_card.scenic_revenue_trigger = "straight_line"

    def _at(self, day, hour=12):
        """Return a moment of a local day of the site (UTC+8)."""
        return fields.Datetime.to_datetime(day) + timedelta(hours=hour - 8)

    def _of(self, ticket):
        return self.entries.search([("ticket_id", "=", ticket.id)], order="id")

    def _earn(self, day, **options):
        with freeze_time(self._at(day, **options)):
            self.entries._cron_earn()

    # Visit date

    def test_visit_date_earns_when_the_day_is_over(self):
        ticket = self._scenic_sell(self.scenic_daily)
        self._earn(self.visit_date, hour=23)
        self.assertFalse(self._of(ticket))
        self._earn(self.visit_date + timedelta(days=1), hour=0)
        entries = self._of(ticket)
        self.assertEqual(entries.mapped("amount"), [60, 40])
        self.assertEqual(set(entries.mapped("trigger")), {"visit_date"})
        self.assertEqual(set(entries.mapped("date")), {self.visit_date})
        self.assertEqual(ticket.amount_open, 0)
        self._earn(self.visit_date + timedelta(days=2))
        self.assertEqual(self._of(ticket), entries, "earned once")
        self._assert_identity(ticket)

    def test_passes_of_a_visit_date_ticket_are_counted_at_no_amount(self):
        ticket = self._scenic_sell(self.scenic_daily)
        entry = self.entries._recognise(ticket.entitlement_ids[0], 1, self.visit_date)
        self.assertEqual((entry.quantity, entry.amount), (1, 0))
        self.assertEqual(ticket.amount_open, 100)
        self._earn(self.visit_date + timedelta(days=1))
        self.assertEqual(ticket.amount_open, 0)
        self._assert_identity(ticket)

    def test_refund_before_and_after_the_visit_date(self):
        group = self._scenic_product(
            "Group by date",
            "group",
            80,
            scenic_revenue_trigger="visit_date",
            scenic_refund_policy_id=self._scenic_policy(
                "Free", [{"unlimited": True}], allow_partial=True
            ).id,
        )
        ticket = self._scenic_sell(group, 4)
        ticket._refund("R1", "ill", persons=1)
        self._earn(self.visit_date + timedelta(days=1))
        self.assertEqual((ticket.amount_recognised, ticket.amount_open), (240, 0))
        ticket._refund("R2", "complaint", persons=1)
        self.assertEqual((ticket.amount_recognised, ticket.amount_refunded), (160, 160))
        self.assertEqual(self._of(ticket)[-1].trigger, "reversal")
        self._assert_identity(ticket)

    # Day by day

    def test_days_are_earned_exactly(self):
        ticket = self._sell_card(amount_untaxed=99.99, amount_total=99.99)
        first = ticket.date_first
        for days in (1, 2, 30, 31, 99, 100, 101, 150):
            self._earn(first + timedelta(days=days))
            earned = (9999 * min(days, 100) // 100) / 100
            self.assertEqual(ticket.amount_recognised, earned, days)
            self._assert_identity(ticket)
        entries = self._of(ticket)
        self.assertEqual(
            entries.mapped("date"),
            [first + timedelta(days=days - 1) for days in (1, 2, 30, 31, 99, 100)],
        )
        self.assertEqual(ticket.amount_open, 0)

    def test_nothing_is_earned_twice_on_a_day(self):
        ticket = self._sell_card()
        for _turn in range(3):
            self._earn(ticket.date_first + timedelta(days=10))
        self.assertEqual(ticket.amount_recognised, 30)
        self.assertEqual(len(self._of(ticket)), 1)

    def test_frozen_days_earn_nothing(self):
        self.scenic_card.scenic_freeze_days = 10
        ticket = self._sell_card()
        first = ticket.date_first
        with freeze_time(self._at(first + timedelta(days=10))):
            ticket.membership_id._freeze("abroad")
        self.assertEqual(ticket.amount_recognised, 30, "up to yesterday")
        self._earn(first + timedelta(days=15))
        self.assertEqual(ticket.amount_recognised, 30)
        with freeze_time(self._at(first + timedelta(days=20))):
            ticket.membership_id._unfreeze("back")
            self.entries._cron_earn()
        self.assertEqual(ticket.amount_recognised, 30)
        self._earn(first + timedelta(days=21))
        self.assertEqual(ticket.amount_recognised, 33)
        self._earn(first + timedelta(days=110))
        self.assertEqual(ticket.amount_open, 0)

    def test_frozen_days_without_extension_are_earned_by_the_rest(self):
        ticket = self._sell_card()
        first = ticket.date_first
        with freeze_time(self._at(first)):
            ticket.membership_id._freeze("abroad")
        with freeze_time(self._at(first + timedelta(days=50))):
            ticket.membership_id._unfreeze("back")
        self._earn(first + timedelta(days=51))
        self.assertEqual(ticket.amount_recognised, 6)
        self._earn(first + timedelta(days=100))
        self.assertEqual(ticket.amount_open, 0)

    def test_card_paid_back_by_days(self):
        ticket = self._sell_card()
        with freeze_time(self._at(ticket.date_first + timedelta(days=20))):
            self.entries._cron_earn()
            self.assertEqual(ticket.amount_recognised, 60)
            self._gate(ticket, "part_used", entries_used=1)
            refund = ticket._refund("R", "moves away")
        # 80 of 100 days are left, less a visit
        self.assertEqual((refund.amount_total, refund.fee_total), (210, 60))
        self.assertEqual((ticket.state, ticket.amount_open), ("refunded", 0))
        self.assertEqual(ticket.amount_recognised, 90)
        self._assert_identity(ticket)
        self._earn(ticket.date_first + timedelta(days=50))
        self.assertEqual(ticket.amount_recognised, 90)

    def test_card_in_the_cooling_period_gives_its_revenue_back(self):
        ticket = self._sell_card()
        with freeze_time(self._at(ticket.date_first + timedelta(days=5))):
            self.entries._cron_earn()
            self.assertEqual(ticket.amount_recognised, 15)
            self.assertEqual(ticket._refund("R", "regrets").amount_total, 300)
        self.assertEqual((ticket.amount_recognised, ticket.amount_open), (0, 0))
        self._assert_identity(ticket)

    def test_trigger_is_the_one_of_the_sale(self):
        ticket = self._scenic_sell(self.scenic_daily)
        self.scenic_daily.scenic_revenue_trigger = "admission"
        self._earn(self.visit_date + timedelta(days=1))
        self.assertEqual(ticket.amount_open, 0)

    def test_scheduler(self):
        ticket = self._scenic_sell(self.scenic_daily)
        with (
            self.enter_registry_test_mode(),
            freeze_time(self._at(self.visit_date + timedelta(days=1))),
        ):
            self.env.ref(
                "scenic_ticket_base.ir_cron_earn_revenue"
            ).method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(ticket.amount_open, 0)

    # Expiry

    def _expire(self, day, limit=1000):
        with freeze_time(self._at(day)):
            self.env["scenic.ticket"]._cron_expire(limit=limit)

    def _sell_with(self, product, quantity=1, **policy):
        lines = policy.pop("lines", [{"unlimited": True}])
        product.scenic_refund_policy_id = self._scenic_policy("P", lines, **policy)
        return self._scenic_sell(product, quantity)

    def test_breakage_at_expiry(self):
        ticket = self._sell_with(self.scenic_group, 10, at_expiry="breakage")
        self._gate(ticket, "part_used", entries_used=3)
        self._expire(self.visit_date + timedelta(days=1))
        entry = self._of(ticket)
        self.assertEqual(
            (entry.trigger, entry.quantity, entry.amount), ("breakage", 7, 560)
        )
        self.assertEqual((ticket.state, ticket.amount_open), ("expired", 240))
        self._assert_identity(ticket)
        self.entries._recognise(ticket.entitlement_ids, 3, self.visit_date)
        self.assertEqual(ticket.amount_open, 0)
        self._expire(self.visit_date + timedelta(days=2))
        self._assert_identity(ticket)

    def test_late_pass_of_a_lapsed_entry_earns_nothing_more(self):
        """A gate that was offline uploads a use after the expiry."""
        ticket = self._sell_with(self.scenic_individual, at_expiry="breakage")
        self._expire(self.visit_date + timedelta(days=1))
        self.assertEqual(ticket.amount_open, 0)
        self._gate(ticket, entries_used=1)
        entry = self.entries._recognise(ticket.entitlement_ids, 1, self.visit_date)
        self.assertEqual((entry.quantity, entry.amount), (1, 0))
        self._assert_identity(ticket)

    def test_no_breakage_before_the_right_lapses(self):
        ticket = self._sell_with(
            self.scenic_individual,
            at_expiry="breakage",
            lines=[
                {"unlimited": True},
                {"state": "expired", "hours": 48, "percent": 50},
            ],
        )
        self._expire(self.visit_date + timedelta(days=2))
        self.assertEqual((ticket.state, ticket.amount_open), ("expired", 100))
        quote = ticket._refund_quote(at=self._at(self.visit_date + timedelta(days=2)))
        self.assertEqual(quote["amount_total"], 50)
        self._expire(self.visit_date + timedelta(days=3))
        self.assertEqual(ticket.amount_open, 0)
        self.assertEqual(self._of(ticket).trigger, "breakage")

    def test_refundable_for_ever_never_lapses(self):
        ticket = self._sell_with(
            self.scenic_individual,
            at_expiry="breakage",
            lines=[{"unlimited": True}, {"state": "expired", "unlimited": True}],
        )
        self._expire(self.visit_date + timedelta(days=400))
        self.assertEqual((ticket.state, ticket.amount_open), ("expired", 100))
        self.assertFalse(ticket.breakage_at)

    def test_expired_is_due_to_the_customer(self):
        ticket = self._sell_with(self.scenic_combo, at_expiry="refund")
        self._gate(ticket, "part_used", entries_used=1)
        self._expire(self.visit_date + timedelta(days=1))
        self.assertEqual((ticket.state, ticket.refund_due), ("expired", "expiry"))
        refund = ticket._refund("R", "not used")
        self.assertEqual((refund.amount_total, refund.cause), (56, "due"))
        self.assertFalse(ticket.refund_due)
        self._assert_identity(ticket)

    def test_card_that_ends_is_not_due(self):
        self.scenic_card.scenic_revenue_trigger = "admission"
        ticket = self._sell_card()
        self._gate(ticket, "part_used", entries_used=2)
        self._expire(ticket.date_last + timedelta(days=1))
        self.assertFalse(ticket.refund_due)
        self.assertEqual(self._of(ticket).mapped("trigger"), ["breakage"])
        self.assertEqual(ticket.amount_open, 60)

    def test_breakage_can_be_taken_back_by_an_exception(self):
        ticket = self._sell_with(self.scenic_individual, at_expiry="breakage")
        self._expire(self.visit_date + timedelta(days=1))
        override = (
            self.env["scenic.refund.override"]
            .with_user(self.env.ref("base.user_admin"))
            ._request(
                ticket.with_user(self.env.ref("base.user_admin")), "was in hospital"
            )
        )
        override.with_user(self.env.user).sudo().action_approve()
        ticket._refund("R", "was in hospital", override=override)
        self.assertEqual(self._of(ticket).mapped("amount"), [100, -100])
        self._assert_identity(ticket)

    def test_interrupted_run_ends_the_same(self):
        """Each batch is a whole, so a run that was killed is gone on with."""
        killed = self._sell_with(self.scenic_combo, 7, at_expiry="breakage")
        ticket_model = self.env["scenic.ticket"]
        with freeze_time(self._at(self.visit_date + timedelta(days=1))):
            self.assertEqual(ticket_model._expire_batch(3), 3)
            self.assertEqual(ticket_model._lapse_batch(2), 2)
            # here the process dies, and another one begins
            ticket_model._cron_expire(limit=2)
        self.assertEqual(set(killed.mapped("state")), {"expired"})
        self.assertEqual(set(killed.mapped("amount_open")), {0})
        self.assertEqual(set(killed.mapped("breakage_at")), {False})
        for ticket in killed:
            self.assertEqual(self._of(ticket).mapped("amount"), [84, 56])
        self._assert_identity(killed)

    def test_liability_is_what_is_open(self):
        """Σ open + drafts = what the documents leave on the liability account."""
        tickets = (
            self._sell_with(self.scenic_combo, 3, at_expiry="breakage")
            | self._scenic_sell(self.scenic_daily, 2, amount_untaxed=33.33)
            | self._sell_card(amount_untaxed=77.77)
            | self._scenic_sell(self.scenic_group, 6)
        )
        sold = sum(tickets.mapped("amount_untaxed"))
        self.entries._recognise(tickets[0].entitlement_ids[1], 1, self.visit_date)
        refund = tickets[1]._refund("R", "ill")
        self._earn(self.visit_date + timedelta(days=1))
        self._expire(self.visit_date + timedelta(days=1))
        paid_back = sum(tickets.refund_ids.mapped("amount_untaxed"))
        self.assertEqual(refund.amount_untaxed, paid_back)
        drafts = self.entries.search(
            [("ticket_id", "in", tickets.ids), ("state", "=", "draft")]
        )
        self.assertAlmostEqual(
            sold - paid_back,
            sum(tickets.mapped("amount_open")) + sum(drafts.mapped("amount")),
        )
        self.entries._cron_post()
        lines = self.env["account.move.line"].search(
            [
                ("account_id", "=", self.scenic_liability.id),
                ("parent_state", "=", "posted"),
            ]
        )
        self.assertAlmostEqual(
            sold - paid_back - sum(lines.mapped("balance")),
            sum(tickets.mapped("amount_open")),
        )
        self.assertLess(max(drafts.mapped("date")), date.today() + timedelta(days=30))
