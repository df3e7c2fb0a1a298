from datetime import timedelta
from zoneinfo import ZoneInfo

from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo import Command, fields
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ..exceptions import (
    BookingError,
    RefundError,
    TicketReservedError,
    TicketStateError,
    TicketUsedError,
)
from ..tools.window import day_start, local_day
from .common import ScenicCommon


class RefundCommon(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scenic_policy = cls._scenic_policy(
            "Rules",
            [
                {"hours": 24},
                {"hours": -24, "percent": 20},
                {"state": "part_used", "unlimited": True},
            ],
            allow_partial=True,
            cooling_days=7,
            pro_rata=True,
            single_price=30,
            at_expiry="refund",
        )
        products = cls.scenic_individual | cls.scenic_group | cls.scenic_combo
        products.scenic_refund_policy_id = cls.scenic_policy
        cls.scenic_year_rule = cls.env["scenic.validity.rule"].create(
            {"name": "100 days from sale", "mode": "days_from_sale", "days": 100}
        )
        cls.scenic_card = cls._scenic_product(
            "Card 年卡",
            "member",
            300,
            components=[(cls.scenic_area, 10, 1.0)],
            scenic_validity_rule_id=cls.scenic_year_rule.id,
            scenic_refund_policy_id=cls.scenic_policy.id,
            scenic_real_name="visitor",
            scenic_id_scope="none",
        )

    @classmethod
    def _scenic_policy(cls, name, lines, **values):
        return cls.env["scenic.refund.policy"].create(
            {"name": name, "line_ids": [Command.create(x) for x in lines], **values}
        )

    @classmethod
    def _sell_card(cls, **values):
        """Sell a member card to somebody."""
        return cls._scenic_sell(
            cls.scenic_card,
            visit_date=None,
            visitors=[cls._scenic_visitor(1)],
            **values,
        )

    def _gate(self, ticket, state=None, index=0, **values):
        """Do what a gate does: straight in the database."""
        self.env.flush_all()
        for name, value in values.items():
            self.env.cr.execute(
                f"UPDATE scenic_entitlement SET {name} = %s WHERE id = %s",
                [value, ticket.entitlement_ids[index].id],
            )
        if state:
            self.env.cr.execute(
                "UPDATE scenic_ticket SET state = %s WHERE id = %s", [state, ticket.id]
            )
        self.env.invalidate_all()

    def _assert_refused(self, code, function, *args, error=TicketStateError, **kwargs):
        with self.assertRaises(error) as caught, self.env.cr.savepoint():
            function(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)

    def _assert_identity(self, tickets):
        """Untaxed price = recognised + paid back + open, on tickets and rights."""
        for ticket in tickets:
            rights = ticket.entitlement_ids
            for record, price in [
                (ticket, ticket.amount_untaxed),
                *((right, right.amount) for right in rights),
            ]:
                self.assertGreaterEqual(
                    price,
                    round(record.amount_recognised + record.amount_refunded, 2),
                )
            for name in ("amount_recognised", "amount_refunded"):
                self.assertAlmostEqual(ticket[name], sum(rights.mapped(name)))
            self.assertAlmostEqual(
                ticket.amount_untaxed,
                ticket.amount_recognised + ticket.amount_refunded + ticket.amount_open,
            )
            entries = self.env["scenic.revenue.entry"].search(
                [("ticket_id", "=", ticket.id)]
            )
            self.assertAlmostEqual(
                sum(entries.mapped("amount")), ticket.amount_recognised
            )
            refunds = ticket.refund_ids
            self.assertAlmostEqual(
                sum(refunds.mapped("amount_untaxed")), ticket.amount_refunded
            )
            self.assertAlmostEqual(
                sum(refunds.line_ids.mapped("amount_untaxed")), ticket.amount_refunded
            )


@tagged("post_install", "-at_install")
class TestRefundTable(RefundCommon):
    """The table “Refund and change” of domain.md §4: state by kind."""

    def _ticket(self, kind):
        return {
            "individual": lambda: self._scenic_sell(self.scenic_individual),
            "group": lambda: self._scenic_sell(self.scenic_group, 10),
            "combo": lambda: self._scenic_sell(self.scenic_combo),
            "card": lambda: self._sell_card(),
        }[kind]()

    def _use(self, ticket, kind, entirely):
        rights = ticket.entitlement_ids
        used = {"individual": 1, "group": 4, "combo": 1, "card": 2}[kind]
        if entirely:
            for index, right in enumerate(rights):
                self._gate(ticket, index=index, entries_used=right.entries_total)
        else:
            self._gate(ticket, entries_used=used)
        self._gate(ticket, state="used" if entirely else "part_used")

    def _frozen(self, ticket):
        """Return what freezes: a ticket, or the card of which it is a period."""
        return ticket.membership_id or ticket

    def _check(self, ticket, at, code, total=0, fee=0):
        quote = ticket._refund_quote(at=at)
        self.assertEqual(
            (quote["code"], quote["amount_total"], quote["fee_total"]),
            (code, total, fee),
        )
        self.assertEqual(quote["allowed"], code == "REFUND_OK")
        self.assertEqual(bool(quote["message"]), not quote["allowed"])

    def test_b4_state_table(self):
        before = fields.Datetime.now()
        start = fields.Datetime.to_datetime(self.visit_date)
        late = start + timedelta(hours=8)
        # noon of day 50 of 100 at the site, 51 are left
        zone = ZoneInfo(self.scenic_area.tz)
        noon = day_start(local_day(before, zone), zone) + timedelta(hours=12)
        later = noon + timedelta(days=49)
        ok, used = "REFUND_OK", "TICKET_USED"
        table = {
            # state: kind → (moment, code, paid back, fee)
            "valid": {
                "individual": (before, ok, 100),
                "group": (before, ok, 800),
                "combo": (before, ok, 140),
                "card": (before, ok, 300),
            },
            "late": {
                "individual": (late, ok, 80, 20),
                "group": (late, ok, 640, 160),
                "combo": (late, ok, 112, 28),
                "card": (later, ok, 153, 147),
            },
            "part_used": {
                "individual": (before, used),
                "group": (late, ok, 480),
                "combo": (late, ok, 56),
                "card": (later, ok, 93, 147),
            },
            "used": dict.fromkeys(
                ("individual", "group", "combo", "card"), (before, used)
            ),
            "expired": {
                "individual": (late, ok, 100),
                "group": (late, ok, 800),
                "combo": (late, ok, 140),
                "card": (later, "REFUND_EXPIRED"),
            },
            "frozen": dict.fromkeys(
                ("individual", "group", "combo", "card"), (before, "TICKET_FROZEN")
            ),
        }
        for state, kinds in table.items():
            for kind, expected in kinds.items():
                with self.subTest(state=state, kind=kind):
                    ticket = self._ticket(kind)
                    if state in ("part_used", "used"):
                        self._use(ticket, kind, entirely=state == "used")
                    elif state == "expired":
                        with freeze_time(start + timedelta(days=200)):
                            self.env["scenic.ticket"]._cron_expire()
                        self.assertEqual(ticket.state, "expired")
                    elif state == "frozen":
                        self._frozen(ticket)._freeze("dispute")
                    self._check(ticket, *expected)

    def test_b4_held_is_released(self):
        """There is no ticket yet: the places go back, and nothing is owed."""
        pool = self.env["scenic.capacity.pool"].create(
            {
                "name": "Refunds",
                "site_id": self.scenic_area.id,
                "kind": "day",
                "capacity": 10,
            }
        )
        taken = {"individual": 1, "group": 10, "combo": 1, "card": 0}
        lines = {
            "individual": self._scenic_line(self.scenic_individual),
            "group": self._scenic_line(self.scenic_group, 10),
            "combo": self._scenic_line(self.scenic_combo),
            "card": self._scenic_line(
                self.scenic_card, visit_date=None, visitors=[self._scenic_visitor(2)]
            ),
        }
        for kind, line in lines.items():
            with self.subTest(kind=kind):
                booking = self.env["scenic.booking"]._hold("window", kind, [line])
                self.assertFalse(booking.ticket_ids)
                self.assertEqual(self._free(pool), 10 - taken[kind])
                booking._cancel("changed his mind")
                self.assertEqual(booking.state, "cancelled")
                self.assertEqual(self._free(pool), 10)
                self.assertFalse(booking.line_ids.holder_ids.filtered("live"))
                with self.assertRaises(BookingError):
                    booking._confirm()

    def _free(self, pool):
        unit = (pool.id, self.visit_date, False)
        return pool._state([unit])[unit]["free"]

    def test_b4_frozen_is_paid_back_after_release(self):
        for kind, amount in (
            ("individual", 100),
            ("group", 800),
            ("combo", 140),
            ("card", 300),
        ):
            with self.subTest(kind=kind):
                ticket = self._ticket(kind)
                self._frozen(ticket)._freeze("dispute")
                self._assert_refused("TICKET_FROZEN", ticket._refund, "R", "rain")
                self.assertEqual(ticket.amount_refunded, 0)
                self._frozen(ticket)._unfreeze("settled")
                ticket._refund("R", "rain")
                self.assertEqual(ticket.state, "refunded")
                self.assertEqual(ticket.refund_ids.amount_total, amount)
                self._assert_identity(ticket)

    def test_part_used_only_if_the_policy_allows_parts(self):
        self.scenic_policy.allow_partial = False
        for kind in ("group", "combo"):
            with self.subTest(kind=kind):
                ticket = self._ticket(kind)
                self._use(ticket, kind, entirely=False)
                self._check(ticket, None, "TICKET_USED")
                self._assert_refused(
                    "TICKET_USED", ticket._refund, "R", "rain", error=TicketUsedError
                )

    def test_sale_keeps_the_policy_of_its_day(self):
        ticket = self._ticket("individual")
        self.scenic_policy.line_ids.unlink()
        self._check(ticket, None, "REFUND_OK", 100)
        self._check(self._ticket("individual"), None, "REFUND_TOO_LATE")

    def test_slot_starts_the_count(self):
        start = fields.Datetime.to_datetime(self.visit_date) + timedelta(hours=2)
        ticket = self._ticket("individual")
        ticket.sudo().slot_id = self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_area.id,
                "date": self.visit_date,
                "start": start,
                "end": start + timedelta(hours=2),
            }
        )
        cut_off = start - timedelta(hours=24)
        self._check(ticket, cut_off - timedelta(seconds=1), "REFUND_OK", 100)
        self._check(ticket, cut_off, "REFUND_OK", 80, 20)

    def test_open_dated_counts_from_its_last_day(self):
        ticket = self._scenic_sell(self.scenic_individual, visit_date=self.visit_date)
        ticket.sudo().write({"visit_date": False, "span_days": 3})
        last = fields.Datetime.to_datetime(self.visit_date) + timedelta(days=2)
        cut_off = last - timedelta(hours=24 + 8)  # midnight of Shanghai
        self._check(ticket, cut_off - timedelta(seconds=1), "REFUND_OK", 100)
        self._check(ticket, cut_off, "REFUND_OK", 80, 20)


@tagged("post_install", "-at_install")
class TestRefund(RefundCommon):
    def test_policy_in_words(self):
        self.assertEqual(
            self.scenic_policy.with_context(lang="en_US")._text(),
            "refundable cards in full for 7 days after the sale, cards by days left, "
            "until 24 h before the visit in full, until 24 h after the visit begins "
            "with a fee of 20 %, unused parts at any time in full",
        )
        empty = self.env["scenic.refund.policy"].with_context(lang="en_US")
        self.assertEqual(empty._text(), "refundable in full until first use")
        never = self._scenic_policy("Never", [{"unlimited": True, "allowed": False}])
        self.assertEqual(never.with_context(lang="en_US")._text(), "not refundable")

    def test_policy_that_rewards_waiting_is_refused(self):
        with self.assertRaises(ValidationError):
            self._scenic_policy(
                "Odd", [{"hours": 24, "percent": 20}, {"hours": 1, "percent": 10}]
            )
        with self.assertRaises(ValidationError):
            self.scenic_policy.line_ids[0].percent = 90

    def test_fee_is_revenue(self):
        ticket = self._scenic_sell(
            self.scenic_combo, amount_untaxed=132.08, amount_total=140.0
        )
        late = fields.Datetime.to_datetime(self.visit_date) + timedelta(hours=1)
        with freeze_time(late):
            quote = ticket._refund_quote()
            refund = ticket._refund("CN1", "rain")
        self.assertEqual(quote["fee_total"], 28)
        self.assertEqual(
            (refund.amount_untaxed, refund.amount_tax, refund.amount_total),
            (105.66, 6.34, 112.0),
        )
        self.assertEqual(refund.fee_untaxed, 26.42)
        self.assertEqual(
            {k: refund[k] for k in ("amount_untaxed", "amount_tax", "fee_total")},
            {k: quote[k] for k in ("amount_untaxed", "amount_tax", "fee_total")},
        )
        self.assertEqual((ticket.state, ticket.amount_open), ("refunded", 0))
        entries = self.env["scenic.revenue.entry"].search(
            [("ticket_id", "=", ticket.id)]
        )
        self.assertEqual(set(entries.mapped("trigger")), {"refund_fee"})
        self.assertEqual(set(entries.mapped("quantity")), {0})
        self.assertEqual(entries.site_id, self.scenic_area | self.scenic_spot)
        self.assertAlmostEqual(sum(entries.mapped("amount")), 26.42)
        self.assertEqual((refund.cause, refund.user_id), ("policy", self.env.user))
        self._assert_identity(ticket)

    def test_head_by_head_is_exact(self):
        ticket = self._scenic_sell(
            self.scenic_group, 7, amount_untaxed=99.99, amount_total=106.0
        )
        refunds = self.env["scenic.refund"]
        for turn in range(7):
            self.assertEqual(ticket.persons_refunded, turn)
            self.assertEqual(ticket.state, "valid")
            refunds |= ticket._refund(f"CN{turn}", "ill", persons=1)
            self._assert_identity(ticket)
        self.assertEqual(ticket.state, "refunded")
        self.assertAlmostEqual(sum(refunds.mapped("amount_untaxed")), 99.99)
        self.assertAlmostEqual(sum(refunds.mapped("amount_tax")), 6.01)
        self.assertEqual(ticket.entitlement_ids.entries_refunded, 7)
        self.assertFalse(any(ticket.credential_ids.mapped("active")))

    def test_unused_heads_of_a_group(self):
        ticket = self._scenic_sell(self.scenic_group, 10)
        self._gate(ticket, "part_used", entries_used=4)
        self._assert_refused("TICKET_USED", ticket._refund, "R", "rain", persons=7)
        ticket._refund("R1", "rain", persons=2)
        self.assertEqual((ticket.state, ticket.persons_refunded), ("part_used", 2))
        self.assertEqual(ticket.amount_refunded, 160)
        self.assertTrue(all(ticket.credential_ids.mapped("active")))
        refund = ticket._refund("R2", "rain")
        self.assertEqual(refund.persons, 4)
        self.assertEqual((ticket.state, ticket.amount_open), ("used", 320))
        self.env["scenic.revenue.entry"]._recognise(
            ticket.entitlement_ids, 4, self.visit_date
        )
        self.assertEqual(ticket.amount_open, 0)
        self._assert_identity(ticket)

    def test_unused_component_at_its_stored_amount(self):
        ticket = self._scenic_sell(self.scenic_combo)
        area, spot = ticket.entitlement_ids
        self._gate(ticket, "part_used", entries_used=1)
        self._assert_refused("TICKET_USED", ticket._refund, "R", "x", entitlements=area)
        refund = ticket._refund("R1", "cave closed", entitlements=spot)
        self.assertEqual((refund.amount_total, refund.persons), (56, 0))
        self.assertEqual(spot.amount_refunded, 56)
        self.assertEqual(spot.entries_refunded, 2)
        self.assertEqual((ticket.state, ticket.amount_open), ("used", 84))
        self._assert_refused("TICKET_USED", ticket._refund, "R", "x", entitlements=spot)
        self._assert_identity(ticket)

    def test_choice_that_was_made_is_not_refunded(self):
        components = self.scenic_combo.scenic_component_ids
        components.choice_group = 1
        ticket = self._scenic_sell(self.scenic_combo)
        self._gate(ticket, "part_used", entries_used=1)
        self._assert_refused("TICKET_USED", ticket._refund, "R", "x")
        self.assertFalse(ticket._refund_quote()["allowed"])

    def test_parts_need_the_policy(self):
        self.scenic_policy.allow_partial = False
        group = self._scenic_sell(self.scenic_group, 3)
        combo = self._scenic_sell(self.scenic_combo)
        self._assert_refused(
            "REFUND_PARTIAL", group._refund, "R", "x", persons=1, error=RefundError
        )
        self._assert_refused(
            "REFUND_PARTIAL",
            combo._refund,
            "R",
            "x",
            entitlements=combo.entitlement_ids[0],
            error=RefundError,
        )
        self.assertEqual(group._refund("R", "x", persons=3).amount_total, 240)
        self.assertEqual(
            combo._refund("R", "x", entitlements=combo.entitlement_ids).amount_total,
            140,
        )

    def test_what_makes_no_sense_is_refused(self):
        group = self._scenic_sell(self.scenic_group, 3)
        other = self._scenic_sell(self.scenic_combo)
        for code, values in (
            ("REFUND_PERSONS", {"persons": 4}),
            ("REFUND_PARTS", {"persons": 0}),
            ("REFUND_PARTS", {"persons": -1}),
            ("REFUND_PARTS", {"persons": 1.5}),
            ("REFUND_PARTS", {"persons": True}),
            ("REFUND_PARTS", {"entitlements": other.entitlement_ids}),
            (
                "REFUND_PARTS",
                {"persons": 1, "entitlements": group.entitlement_ids},
            ),
        ):
            with self.subTest(**values):
                self._assert_refused(code, group._refund, "R", "x", **values)
                self.assertEqual(group.amount_open, 240)

    def test_serial_is_paid_back_once(self):
        """A channel sends its refunds again when the answer was lost."""
        ticket = self._scenic_sell(self.scenic_group, 5)
        first = ticket._refund("OTA-1", "ill", persons=2, serial="1")
        self.assertEqual(ticket._refund("OTA-1", "ill", persons=2, serial="1"), first)
        second = ticket._refund("OTA-1", "ill", persons=2, serial="2")
        self.assertNotEqual(second, first)
        self.assertEqual(ticket.amount_refunded, 320)
        self._assert_refused(
            "REFUND_CONFLICT", ticket._refund, "OTA-1", "x", persons=1, serial="2"
        )
        last = ticket._refund("OTA-1", "ill", serial="3")
        self.assertEqual(ticket.state, "refunded")
        self.assertEqual(ticket._refund("OTA-1", "ill", serial="3"), last)
        self.assertEqual(len(ticket.refund_ids), 3)
        messages = ticket.message_ids.filtered(lambda m: "OTA-1" in (m.body or ""))
        self.assertEqual(len(messages), 3, "a repeat is not told twice")

    def test_ticket_at_a_gate(self):
        ticket = self._scenic_sell(self.scenic_group, 5)
        self._gate(ticket, entries_reserved=1)
        self._assert_refused(
            "TICKET_RESERVED",
            ticket._refund,
            "R",
            "x",
            persons=1,
            error=TicketReservedError,
        )

    def test_refunds_are_facts(self):
        refund = self._scenic_sell(self.scenic_individual)._refund("R", "rain")
        for function, args in ((refund.write, ({"reason": "x"},)), (refund.unlink, ())):
            self._assert_refused("REFUND_FIXED", function, *args, error=RefundError)

    def test_queries_do_not_grow_with_tickets(self):
        def count(quantity):
            tickets = self._scenic_sell(self.scenic_combo, quantity)
            return self._scenic_queries(tickets._refund, "R", "rain")

        count(1)
        few, many = count(2), count(90)
        self.assertLess(many - few, 25, f"{few} for 2, {many} for 90")

    # Void

    def test_void_is_owed_until_a_document_pays_it(self):
        ticket = self._scenic_sell(self.scenic_individual)
        ticket._void("misprint")
        self.assertEqual((ticket.refund_due, ticket.amount_open), ("void", 100))
        late = fields.Datetime.now() + timedelta(days=100)
        self.assertEqual(ticket._refund_quote(at=late)["amount_total"], 100)
        refund = ticket._refund("R", "misprint")
        self.assertEqual((refund.cause, ticket.state), ("due", "refunded"))
        self.assertFalse(ticket.refund_due)
        self._assert_identity(ticket)

    def test_void_and_forfeit(self):
        ticket = self._scenic_sell(self.scenic_combo)
        ticket._void("given away", forfeit=True)
        self.assertEqual((ticket.state, ticket.amount_open), ("void", 0))
        entries = self.env["scenic.revenue.entry"].search(
            [("ticket_id", "=", ticket.id)]
        )
        self.assertEqual(entries.mapped("trigger"), ["void", "void"])
        self._assert_refused("TICKET_VOID", ticket._refund, "R", "x")
        self._assert_identity(ticket)

    def test_owed_money_can_be_given_up(self):
        ticket = self._scenic_sell(self.scenic_individual)
        ticket._void("misprint")
        ticket._forfeit("nobody came for a year")
        self.assertEqual((ticket.refund_due, ticket.amount_open), (False, 0))
        self._assert_identity(ticket)
        living = self._scenic_sell(self.scenic_individual)
        self._assert_refused("TICKET_VALID", living._forfeit, "x")


@tagged("post_install", "-at_install")
class TestRefundIdentity(RefundCommon):
    """Whatever happens to tickets in whatever order, their money adds up."""

    actions = st.lists(
        st.tuples(
            st.sampled_from(
                ("use", "recognise", "heads", "component", "rest", "override", "expire")
            ),
            st.integers(0, 6),
        ),
        max_size=8,
    )

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        actions=actions,
        cents=st.integers(0, 30000),
        tax=st.integers(0, 2000),
        late=st.booleans(),
        trigger=st.sampled_from(("admission", "visit_date", "straight_line")),
    )
    def test_identity(self, actions, cents, tax, late, trigger):
        with self.env.cr.savepoint() as savepoint:
            self.scenic_group.scenic_component_ids[1:].unlink()
            group = self._scenic_product(
                "Two places",
                "group",
                80,
                components=[(self.scenic_area, 1, 60.0), (self.scenic_spot, 2, 33.0)],
                scenic_refund_policy_id=self.scenic_policy.id,
                scenic_revenue_trigger=trigger,
            )
            ticket = self._scenic_sell(
                group,
                5,
                amount_untaxed=cents / 100,
                amount_total=(cents + tax) / 100,
            )
            now = fields.Datetime.to_datetime(self.visit_date) + timedelta(
                hours=5 if late else -40
            )
            for number, (action, size) in enumerate(actions):
                with freeze_time(now):
                    self._do(ticket, action, size, number)
                if action == "expire":
                    now += timedelta(days=3)
                self._assert_identity(ticket)
            paid = sum(ticket.refund_ids.mapped("amount_total"))
            self.assertLessEqual(round(paid, 2), ticket.amount_total)
            if ticket.state == "refunded" and not ticket.refund_ids.filtered(
                "fee_total"
            ):
                self.assertAlmostEqual(paid, ticket.amount_total)
            savepoint.close(rollback=True)
        self.env.invalidate_all()

    def _do(self, ticket, action, size, number):
        rights = ticket.entitlement_ids
        right = rights[size % 2]
        entries = self.env["scenic.revenue.entry"]
        if action == "use" and ticket.state in ("valid", "part_used"):
            free = right.entries_total - right.entries_used - right.entries_refunded
            if free:
                self._gate(
                    ticket,
                    "part_used",
                    index=size % 2,
                    entries_used=right.entries_used + 1 + size % free,
                )
        elif action == "recognise":
            count = right.entries_used - right.entries_recognised
            if count and right.revenue_trigger == "admission":
                entries._recognise(right, count, self.visit_date)
            entries._cron_earn()
        elif action == "expire":
            with freeze_time(fields.Datetime.now() + timedelta(days=60)):
                self.env["scenic.ticket"]._cron_expire()
                entries._cron_earn()
        elif action in ("heads", "component", "rest"):
            values = {
                "heads": {"persons": size},
                "component": {"entitlements": right},
                "rest": {},
            }[action]
            try:
                with self.env.cr.savepoint():
                    ticket._refund(f"R{number}", "x", **values)
            except TicketStateError:
                self.env.invalidate_all()
        elif action == "override":
            override = (
                self.env["scenic.refund.override"]
                .sudo()
                .create(
                    {
                        "ticket_id": ticket.id,
                        "persons": size % 3,
                        "amount_total": 0,
                        "reason": "x",
                        "requester_id": self.env.ref("base.user_admin").id,
                        "approver_id": self.env.uid,
                        "date_requested": fields.Datetime.now(),
                        "valid_until": fields.Datetime.now() + timedelta(hours=1),
                        "state": "approved",
                    }
                )
            )
            try:
                with self.env.cr.savepoint():
                    ticket._refund(f"R{number}", "x", override=override)
            except TicketStateError:
                self.env.invalidate_all()
