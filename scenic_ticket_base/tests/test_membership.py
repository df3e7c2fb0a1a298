import base64
import io
from datetime import date, datetime, timedelta

from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from ..exceptions import (
    BookingError,
    CredentialError,
    MembershipError,
    ReasonMissingError,
    ScenicError,
    TicketStateError,
)
from .common import ScenicCommon

START = "2026-12-01 03:00:00"  # 11:00 at the site
FIRST, LAST = date(2026, 12, 1), date(2027, 11, 30)


class MemberCommon(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.year = cls.env["scenic.validity.rule"].create(
            {
                "name": "A year",
                "mode": "period",
                "period_count": 1,
                "period_unit": "year",
            }
        )
        cls.annual = cls._member_product("Annual 年卡", 300, scenic_freeze_days=30)
        cls.annual.scenic_component_ids.write({"unlimited": True, "daily_entries": 1})
        cls.count = cls._member_product(
            "Ten visits 十次卡", 500, scenic_revenue_trigger="admission"
        )
        cls.count.scenic_component_ids.entries = 10

    @classmethod
    def _member_product(cls, name, price, **values):
        return cls._scenic_product(
            name,
            "member",
            price,
            **{
                "scenic_validity_rule_id": cls.year.id,
                "scenic_real_name": "visitor",
                "scenic_id_scope": "none",
                "scenic_revenue_trigger": "straight_line",
                **values,
            },
        )

    @classmethod
    def _card(cls, seed=1, product=None, medium=None, **values):
        if medium:
            values["medium"] = {"kind": "ic_card", "number": medium}
        ticket = cls._scenic_sell(
            product or cls.annual,
            **{"visit_date": None, "visitors": [cls._scenic_visitor(seed)], **values},
        )
        return ticket.membership_id

    @classmethod
    def _renew(cls, card, product=None, confirm=True, **values):
        cls._renewals = getattr(cls, "_renewals", 0) + 1
        line = cls._scenic_line(
            product or card.product_id,
            **{"visit_date": None, "renew_membership_id": card.id, **values},
        )
        booking = cls.env["scenic.booking"]._hold(
            "window", f"RENEW-{cls._renewals}", [line]
        )
        return booking._confirm() if confirm else booking

    def _use(self, ticket, entries=1):
        """Enter, as a gate does: it writes used entries by SQL."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE scenic_entitlement SET entries_used = entries_used + %s "
            "WHERE ticket_id = %s",
            [entries, ticket.id],
        )
        self.env.cr.execute(
            "UPDATE scenic_ticket SET state = 'part_used' WHERE id = %s", [ticket.id]
        )
        self.env.invalidate_all()

    def _assert_code(self, error, code, call, *args, **kwargs):
        with self.assertRaises(error) as caught, self.env.cr.savepoint():
            call(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)


@tagged("post_install", "-at_install")
class TestMembership(MemberCommon):
    # ------------------------------------------------------------------
    # Sale
    # ------------------------------------------------------------------

    @freeze_time(START)
    def test_b3_sell_an_annual_card(self):
        card = self._card(medium="04A1B2C3D4")
        ticket = card.ticket_ids
        self.assertRegex(card.name, r"^MC-\d{8}$")
        self.assertEqual(card.visitor_id, ticket.visitor_id)
        self.assertEqual((card.date_start, card.date_end), (FIRST, LAST))
        self.assertEqual(card.state, "active")
        self.assertEqual(card.amount_open, 300)
        right = ticket.entitlement_ids
        self.assertTrue(right.unlimited)
        self.assertEqual(right.daily_entries, 1)
        self.assertEqual(right.valid_from, datetime(2026, 11, 30, 16))
        self.assertEqual(right.valid_to, datetime(2027, 11, 30, 16))
        found = self.env["scenic.credential"]._find("04a1b2c3d4", "ic_card")
        self.assertEqual(found.ticket_id, ticket)
        found = self.env["scenic.credential"]._find(self._scenic_citizen(1))
        self.assertEqual(found.ticket_id, ticket)
        event = self.env["scenic.audit"].search(
            [("res_model", "=", card._name), ("res_id", "=", card.id)]
        )
        self.assertEqual(event.action, "membership_create")

    @freeze_time(START)
    def test_b3_sell_a_card_that_starts_later(self):
        card = self._card(visit_date=date(2027, 1, 10))
        self.assertEqual(card.date_start, date(2027, 1, 10))
        self.assertEqual(card.date_end, date(2028, 1, 9))
        self.assertEqual(card.state, "active")

    @freeze_time(START)
    def test_b3_sell_a_count_card(self):
        card = self._card(product=self.count)
        ticket = card.ticket_ids
        self.assertEqual(ticket.entitlement_ids.entries_total, 10)
        self._use(ticket, 9)
        self.assertEqual((card.visit_count, card.state), (9, "active"))
        self._use(ticket)
        self.assertEqual((card.visit_count, card.state), (10, "lapsed"))

    def test_b3_a_leap_day_has_its_year(self):
        with freeze_time("2028-02-29 03:00:00"):
            card = self._card()
            self.assertEqual(card.date_end, date(2029, 2, 28))
        with freeze_time("2029-02-01 03:00:00"):
            ticket = self._renew(card)
            self.assertEqual(ticket.date_first, date(2029, 3, 1))
            self.assertEqual(card.date_end, date(2030, 2, 28))

    def test_b3_a_card_needs_a_holder(self):
        self._assert_code(
            BookingError,
            "VISITORS_MISSING",
            self._scenic_sell,
            self.annual,
            visit_date=None,
        )
        self.assertFalse(self.env["scenic.ticket"].search([("kind", "=", "member")]))
        with self.assertRaises(ValidationError):
            self.annual.scenic_real_name = "none"

    @freeze_time(START)
    def test_b3_two_holders_get_two_cards(self):
        tickets = self._scenic_sell(
            self.annual,
            2,
            visit_date=None,
            visitors=[self._scenic_visitor(1), self._scenic_visitor(2)],
        )
        self.assertEqual(len(tickets.membership_id), 2)
        self.assertEqual(
            tickets.mapped("visitor_id"), tickets.membership_id.mapped("visitor_id")
        )

    @freeze_time(START)
    def test_b3_the_number_of_queries_does_not_grow(self):
        def sell(count, start):
            visitors = [self._scenic_visitor(start + i) for i in range(count)]
            return self._scenic_queries(
                lambda: self._scenic_sell(
                    self.annual, count, visit_date=None, visitors=visitors
                )
            )

        sell(1, 100)
        one, many = sell(1, 200), sell(60, 300)
        self.assertLess(many, one + 30)

    # ------------------------------------------------------------------
    # Renewal
    # ------------------------------------------------------------------

    def test_b3_renew_before_the_end(self):
        with freeze_time(START):
            card = self._card(medium="04A1B2C3D4")
            old = card.ticket_ids
        with freeze_time("2027-11-01 03:00:00"):
            new = self._renew(card)
        self.assertEqual(new.membership_id, card)
        self.assertEqual(new.visitor_id, card.visitor_id)
        self.assertEqual(new.date_first, LAST + timedelta(days=1))
        self.assertEqual(new.entitlement_ids.valid_from, old.entitlement_ids.valid_to)
        self.assertEqual(card.date_end, date(2028, 11, 30))
        self.assertEqual(card.renewal_count, 1)
        for text, kind in (("04A1B2C3D4", "ic_card"), (self._scenic_citizen(1), None)):
            found = self.env["scenic.credential"]._find_all(text, kind)
            self.assertEqual(found.ticket_id, old | new, text)

    def test_b3_renew_after_the_end(self):
        with freeze_time(START):
            card = self._card()
        with freeze_time("2027-12-20 03:00:00"):
            card.invalidate_recordset()
            self.assertEqual(card.state, "lapsed")
            new = self._renew(card)
            self.assertEqual(new.date_first, date(2027, 12, 20))
            self.assertEqual(card.state, "active")
            self.assertEqual(card.date_start, FIRST)

    @freeze_time(START)
    def test_b3_renew_a_card_that_is_used_up(self):
        card = self._card(product=self.count)
        self._use(card.ticket_ids, 10)
        new = self._renew(card)
        self.assertEqual(new.date_first, FIRST)
        self.assertEqual(card.state, "active")

    def test_b3_renewal_window_of_the_product(self):
        self.annual.scenic_renew_before_days = 30
        self.annual.scenic_renew_after_days = 60
        with freeze_time(START):
            card = self._card()
        for day, code in (
            ("2027-10-30", "RENEWAL_EARLY"),
            ("2027-10-31", None),
            ("2027-11-30", None),
            ("2028-01-29", None),
            ("2028-01-30", "RENEWAL_LATE"),
        ):
            with self.subTest(day=day), freeze_time(f"{day} 03:00:00"):
                card.invalidate_recordset()
                if code:
                    self._assert_code(BookingError, code, self._renew, card)
                else:
                    with self.env.cr.savepoint() as savepoint:
                        self._renew(card)
                        savepoint.rollback()
                    self.env.invalidate_all()

    def test_b3_renewals_have_no_gap_and_no_overlap(self):
        with freeze_time(START):
            card = self._card(visit_date=date(2028, 2, 29))
            for _year in range(5):
                self._renew(card)
        tickets = card.ticket_ids.sorted("date_first")
        self.assertEqual(len(tickets), 6)
        for earlier, later in zip(tickets, tickets[1:], strict=False):
            self.assertEqual(
                earlier.entitlement_ids.valid_to, later.entitlement_ids.valid_from
            )

    @freeze_time(START)
    def test_b3_renewals_that_cannot_be(self):
        card = self._card()
        other_site = self._member_product("Cave card", 90)
        other_site.scenic_site_id = self.scenic_spot
        company = self.env["res.company"].create({"name": "Other Park"})
        elsewhere = card.copy({"company_id": company.id, "name": "MC-ELSEWHERE"})
        for code, values in (
            ("RENEWAL_PRODUCT", {"product": self.scenic_individual}),
            ("RENEWAL_PRODUCT", {"product": other_site}),
            ("RENEWAL_QUANTITY", {"quantity": 2}),
            ("MEMBERSHIP_UNKNOWN", {"renew_membership_id": 2**31 - 1}),
            ("MEMBERSHIP_UNKNOWN", {"renew_membership_id": "1"}),
            ("MEMBERSHIP_UNKNOWN", {"renew_membership_id": True}),
            ("MEMBERSHIP_UNKNOWN", {"renew_membership_id": [card.id]}),
            ("MEMBERSHIP_UNKNOWN", {"renew_membership_id": elsewhere.id}),
        ):
            with self.subTest(code=code, values=values):
                self._assert_code(BookingError, code, self._renew, card, **values)
        line = self._scenic_line(
            self.annual, visit_date=None, renew_membership_id=card.id
        )
        self._assert_code(
            BookingError,
            "RENEWAL_TWICE",
            self.env["scenic.booking"]._hold,
            "window",
            "TWICE",
            [line, line],
        )
        self.assertEqual(card.renewal_count, 0)

    @freeze_time(START)
    def test_b3_one_renewal_waits_for_payment(self):
        card = self._card()
        booking = self._renew(card, confirm=False)
        self.assertEqual(card.renewal_line_id.booking_id, booking)
        self._assert_code(BookingError, "RENEWAL_PENDING", self._renew, card)
        booking._cancel("changed his mind")
        again = self._renew(card, confirm=False)
        with freeze_time(again.held_until):
            third = self._renew(card)
        self.assertEqual(third.membership_id, card)
        self.assertFalse(card.renewal_line_id)
        self.assertEqual(card.renewal_count, 1)

    @freeze_time(START)
    def test_b3_renew_after_refund(self):
        card = self._card(medium="04A1B2C3D4")
        card.ticket_ids._refund("R/1", "moved away")
        self.assertEqual(card.state, "ended")
        self.assertFalse(card.date_end)
        self._assert_code(BookingError, "MEMBERSHIP_ENDED", self._renew, card)
        found = self.env["scenic.credential"]._find("04A1B2C3D4", "ic_card")
        self.assertFalse(found.active)
        # the same person may have a new card, and the plastic too
        again = self._card(medium="04A1B2C3D4")
        self.assertNotEqual(again, card)

    @freeze_time(START)
    def test_b3_refund_of_a_renewal_takes_its_period_back(self):
        card = self._card()
        new = self._renew(card)
        self.assertEqual(card.date_end, date(2028, 11, 30))
        new._refund("R/1", "second thoughts")
        self.assertEqual(card.date_end, LAST)
        self.assertEqual((card.state, card.renewal_count), ("active", 0))

    @freeze_time(START)
    def test_b3_renew_a_frozen_card(self):
        card = self._card()
        card._freeze("broken leg")
        self._assert_code(BookingError, "MEMBERSHIP_FROZEN", self._renew, card)

    def test_b3_a_renewal_held_before_the_freeze_is_frozen_with_it(self):
        with freeze_time(START):
            card = self._card()
            booking = self._renew(card, confirm=False)
            card._freeze("broken leg")
            new = booking._confirm()
            self.assertEqual(new.state, "frozen")
            self.assertEqual(new.date_first, LAST + timedelta(days=1))
        with freeze_time("2026-12-11 03:00:00"):
            card._unfreeze("healed")
        self.assertEqual(new.state, "valid")
        self.assertEqual(
            new.entitlement_ids.valid_from,
            (card.ticket_ids - new).entitlement_ids.valid_to,
        )
        self.assertEqual(card.date_end, date(2028, 12, 10))

    # ------------------------------------------------------------------
    # Freeze
    # ------------------------------------------------------------------

    def test_b3_suspend_at_once_and_add_the_days(self):
        with freeze_time(START):
            card = self._card()
            card._freeze("broken leg")
            self.assertEqual(card.state, "frozen")
            self.assertEqual(card.ticket_ids.state, "frozen")
        with freeze_time("2026-12-11 03:00:00"):
            card._unfreeze("healed")
        self.assertEqual(card.ticket_ids.state, "valid")
        self.assertEqual(card.date_end, LAST + timedelta(days=10))
        self.assertEqual(card.ticket_ids.date_last, card.date_end)
        self.assertEqual(card.days_added, 10)
        events = self.env["scenic.audit"].search(
            [("res_model", "=", card._name), ("res_id", "=", card.id)], order="id"
        )
        self.assertEqual(
            events.mapped("action"),
            ["membership_create", "membership_freeze", "membership_unfreeze"],
        )
        self.assertEqual(events.mapped("reason"), [False, "broken leg", "healed"])

    def test_b3_suspended_and_released_on_one_day_adds_nothing(self):
        with freeze_time(START):
            card = self._card()
            card._freeze("lost")
            card._unfreeze("found")
            self.assertEqual(card.date_end, LAST)

    def test_b3_the_product_limits_the_days(self):
        with freeze_time(START):
            card = self._card()
            card._freeze("one")
        with freeze_time("2026-12-26 03:00:00"):
            card._unfreeze("one")
            self.assertEqual(card.days_added, 25)
            card._freeze("two")
        with freeze_time("2027-01-26 03:00:00"):
            card._unfreeze("two")
        self.assertEqual(card.freeze_ids.mapped("days_added"), [5, 25])
        self.assertEqual(card.date_end, LAST + timedelta(days=30))

    def test_b3_without_a_grant_frozen_days_are_lost(self):
        with freeze_time(START):
            card = self._card(product=self.count)
            card._freeze("lost")
        with freeze_time("2027-01-01 03:00:00"):
            card._unfreeze("found")
            self.assertEqual(card.date_end, LAST)

    def test_b3_frozen_over_its_end_the_rest_is_kept(self):
        self.annual.scenic_freeze_days = 365
        with freeze_time(START):
            card = self._card()
        with freeze_time("2027-11-21 03:00:00"):
            card._freeze("abroad")
        with freeze_time("2028-01-10 03:00:00"):
            card._unfreeze("back")
            self.assertEqual(card.state, "active")
            # ten days were left, the first of them frozen
            self.assertEqual(card.date_end, date(2028, 1, 19))

    def test_b3_a_planned_freeze_begins_and_ends_by_itself(self):
        with freeze_time(START):
            card = self._card()
            card._freeze("winter", date(2026, 12, 10), date(2026, 12, 19))
            self.assertEqual(card.state, "active")
            self._cron()
            self.assertEqual(card.ticket_ids.state, "valid")
        with freeze_time("2026-12-09 16:00:00"):
            self._cron()
            self.assertEqual(card.state, "frozen")
        with freeze_time("2026-12-19 15:59:00"):
            self._cron()
            self.assertEqual(card.state, "frozen")
        with freeze_time("2026-12-19 16:00:00"):
            self._cron()
            self.assertEqual(card.state, "active")
        self.assertEqual(card.date_end, LAST + timedelta(days=10))

    def test_b3_a_planned_freeze_can_be_called_off(self):
        with freeze_time(START):
            card = self._card()
            card._freeze("winter", date(2026, 12, 10))
            card._unfreeze("stays at home")
            self.assertEqual(card.freeze_ids.state, "cancelled")
        with freeze_time("2026-12-11 03:00:00"):
            self._cron()
            self.assertEqual(card.state, "active")
            self.assertEqual(card.date_end, LAST)

    def test_b3_a_planned_freeze_of_an_ended_card_is_called_off(self):
        with freeze_time(START):
            card = self._card()
            card._freeze("winter", date(2026, 12, 10))
            card.ticket_ids._refund("R/1", "moved")
        with freeze_time("2026-12-11 03:00:00"):
            self._cron()
        self.assertEqual(card.freeze_ids.state, "cancelled")
        self.assertEqual(card.state, "ended")

    def _cron(self):
        self.env.invalidate_all()
        cron = self.env.ref("scenic_ticket_base.ir_cron_freeze_memberships")
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.env.invalidate_all()

    @freeze_time(START)
    def test_b3_freezes_that_cannot_be(self):
        card = self._card()
        self._assert_code(ReasonMissingError, "REASON_MISSING", card._freeze, " ")
        self._assert_code(
            MembershipError, "FREEZE_DATES", card._freeze, "x", date(2026, 11, 30)
        )
        self._assert_code(
            MembershipError, "FREEZE_DATES", card._freeze, "x", FIRST, date(2026, 11, 1)
        )
        self._assert_code(
            MembershipError, "FREEZE_DATES", card._freeze, "x", date(2028, 1, 1)
        )
        self._assert_code(MembershipError, "MEMBERSHIP_NOT_FROZEN", card._unfreeze, "x")
        card._freeze("one")
        self._assert_code(MembershipError, "MEMBERSHIP_FROZEN", card._freeze, "two")
        self.assertEqual(len(card.freeze_ids), 1)
        card._unfreeze("one")
        card.ticket_ids._refund("R/1", "x")
        self._assert_code(MembershipError, "MEMBERSHIP_ENDED", card._freeze, "x")

    @freeze_time(START)
    def test_b3_a_period_is_not_frozen_by_itself(self):
        card = self._card()
        self._assert_code(
            TicketStateError, "TICKET_OF_CARD", card.ticket_ids._freeze, "dispute"
        )
        card._freeze("x")
        self._assert_code(
            TicketStateError, "TICKET_OF_CARD", card.ticket_ids._unfreeze, "dispute"
        )

    def test_b3_days_are_added_by_the_clock_of_the_site(self):
        self.scenic_area.tz = "America/New_York"
        with freeze_time("2026-10-20 16:00:00"):
            card = self._card(visit_date=None)
            self.assertEqual(
                card.ticket_ids.entitlement_ids.valid_to, datetime(2027, 10, 20, 4)
            )
            card._freeze("x")
        with freeze_time("2026-11-09 17:00:00"):
            card._unfreeze("y")
        # twenty days later the clocks there have gone back by an hour
        self.assertEqual(
            card.ticket_ids.entitlement_ids.valid_to, datetime(2027, 11, 9, 5)
        )

    # ------------------------------------------------------------------
    # Replacement
    # ------------------------------------------------------------------

    @freeze_time(START)
    def test_b3_replace_the_old_medium_dies_at_once(self):
        card = self._card(medium="04A1B2C3D4")
        new = self._renew(card)
        media = card._replace("ic_card", "0499887766", "lost at the lake")
        find = self.env["scenic.credential"]._find_all
        old = find("04A1B2C3D4", "ic_card")
        self.assertEqual(len(old), 2)
        self.assertEqual(set(old.mapped("state")), {"replaced"})
        self.assertFalse(any(old.mapped("active")))
        self.assertEqual(find("0499887766", "ic_card"), media.sorted(reverse=True))
        self.assertEqual(media.ticket_id, card.ticket_ids)
        self.assertIn(new, media.ticket_id)
        self.assertEqual(card.replace_count, 1)
        event = self.env["scenic.audit"].search(
            [("action", "=", "membership_replace")], limit=1
        )
        self.assertEqual((event.res_id, event.reason), (card.id, "lost at the lake"))

    @freeze_time(START)
    def test_b3_the_first_medium_is_no_replacement(self):
        card = self._card()
        card._replace("ic_card", "0499887766", "handed out later")
        self.assertEqual(card.replace_count, 0)
        found = self.env["scenic.credential"]._find("0499887766", "ic_card")
        self.assertEqual(found.ticket_id, card.ticket_ids)

    @freeze_time(START)
    def test_b3_a_number_in_use_is_nobody_elses(self):
        card, other = self._card(1, medium="04A1B2C3D4"), self._card(2, medium="04FFFF")
        self._assert_code(
            CredentialError, "MEDIUM_TAKEN", card._replace, "ic_card", "04ffff", "x"
        )
        find = self.env["scenic.credential"]._find
        self.assertTrue(find("04A1B2C3D4", "ic_card").active)
        self.assertEqual(find("04FFFF", "ic_card").ticket_id, other.ticket_ids)
        self.assertEqual(card.replace_count, 0)
        # sold with the card of somebody else
        self._assert_code(
            CredentialError, "MEDIUM_TAKEN", self._card, 3, medium="04FFFF"
        )

    @freeze_time(START)
    def test_b3_replacements_that_cannot_be(self):
        card = self._card(medium="04A1B2C3D4")
        self._assert_code(
            CredentialError, "MEDIUM_INVALID", card._replace, "ic_card", "no card", "x"
        )
        self._assert_code(
            CredentialError, "MEDIUM_INVALID", card._replace, "ic_card", None, "x"
        )
        self._assert_code(
            ReasonMissingError, "REASON_MISSING", card._replace, "ic_card", "04FF", ""
        )
        card.ticket_ids._refund("R/1", "x")
        self._assert_code(
            MembershipError, "MEMBERSHIP_ENDED", card._replace, "ic_card", "04FF", "x"
        )
        self.assertEqual(card.replace_count, 0)

    @freeze_time(START)
    def test_b3_printed_codes_are_replaced_too(self):
        card = self._card()
        ticket = card.ticket_ids
        old = ticket._qr_token()
        card._replace("qr", None, "left in the train")
        self.assertFalse(self.env["scenic.credential"]._find(old).active)
        self.assertTrue(self.env["scenic.credential"]._find(ticket._qr_token()).active)
        self.assertEqual(card.replace_count, 1)

    @freeze_time(START)
    def test_b3_the_fee_is_sold_or_waived(self):
        self.annual.scenic_replacement_product_id = self.env["product.product"].create(
            {"name": "New card", "type": "service", "list_price": 20}
        )
        card = self._card(medium="04A1B2C3D4")
        users = self._scenic_users("fee", ("cashier", "supervisor"))
        cashier, supervisor = users["cashier"], users["supervisor"]

        def apply(user, **values):
            wizard = (
                self.env["scenic.membership.replace"]
                .with_user(user)
                .create(
                    {
                        "membership_id": card.id,
                        "number": "0499887766",
                        "reason": "lost",
                        **values,
                    }
                )
            )
            wizard.action_apply()
            return wizard

        self._assert_code(MembershipError, "FEE_MISSING", apply, cashier)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            apply(cashier, fee_waived=True)
        wizard = apply(cashier, fee_ref="POS/0042")
        self.assertFalse(wizard.number)
        event = self.env["scenic.audit"].search(
            [("action", "=", "membership_replace")], limit=1
        )
        self.assertEqual((event.document, event.user_id), ("POS/0042", cashier))
        apply(supervisor, fee_waived=True, number="0411223344")
        self.assertEqual(card.replace_count, 2)

    # ------------------------------------------------------------------
    # Find
    # ------------------------------------------------------------------

    @freeze_time(START)
    def test_b3_find_a_member(self):
        person = {**self._scenic_visitor(7), "name": "欧阳明", "phone": "13800138000"}
        card = self._card(visitors=[person], medium="04A1B2C3D4")
        other = self._card(8)
        cashier = new_test_user(
            self.env, "find_cashier", "scenic_ticket_base.group_scenic_cashier"
        )
        cards = self.env["scenic.membership"].with_user(cashier)
        for text in (
            card.name,
            card.name.lower(),
            "04a1b2c3d4",
            self._scenic_citizen(7),
            self._scenic_citizen(7).lower(),
            "138 0013 8000",
            "欧阳",
            card.ticket_ids.name,
            f"  {card.name} ",
        ):
            with self.subTest(text=text):
                self.assertEqual(cards._find(text), card)
                self.assertEqual(cards.search([("find", "ilike", text)]), card)
        for text in ("", " ", "x", "%", "__", None, 7, [], "MC-%", "\0", "9" * 600):
            with self.subTest(text=text):
                self.assertFalse(cards._find(text))
        [row] = card.with_user(cashier)._window_rows()
        self.assertEqual(row["holder"], "欧**")
        self.assertEqual(row["document"][-4:], self._scenic_citizen(7)[-4:])
        self.assertNotIn(self._scenic_citizen(7), str(row))
        self.assertNotIn("13800138000", str(row))
        self.assertNotEqual(other, card)

    # ------------------------------------------------------------------
    # Report
    # ------------------------------------------------------------------

    def test_b3_a_figure_is_the_sum_of_the_rows_behind_it(self):
        with freeze_time(START):
            cards = self._card(1) | self._card(2) | self._card(3, self.count)
            self._use(cards[0].ticket_ids, 3)
            cards[1]._freeze("x")
            self._renew(cards[0])
            model = self.env["scenic.membership"].with_context(active_test=False)
            own = [("id", "in", cards.ids)]
            names = (
                "active_count",
                "frozen_count",
                "visit_count",
                "renewal_count",
                "amount_total",
                "amount_open",
            )
            for groupby in (["product_id"], ["state"], ["date_end:year"], []):
                rows = model.formatted_read_group(
                    own, groupby, [f"{name}:sum" for name in names]
                )
                for row in rows:
                    behind = model.search([*own, *row.get("__extra_domain", [])])
                    for name in names:
                        with self.subTest(groupby=groupby, name=name):
                            self.assertEqual(
                                row[f"{name}:sum"], sum(behind.mapped(name))
                            )
            [row] = model.formatted_read_group(own, [], [f"{n}:sum" for n in names])
            self.assertEqual(row["active_count:sum"], 2)
            self.assertEqual(row["frozen_count:sum"], 1)
            self.assertEqual(row["visit_count:sum"], 3)
            self.assertEqual(row["renewal_count:sum"], 1)
            self.assertEqual(row["amount_total:sum"], 300 * 3 + 500)

    @freeze_time(START)
    def test_b3_states_are_found_by_any_domain(self):
        cards = self._card(1) | self._card(2)
        cards[1]._freeze("x")
        search = self.env["scenic.membership"].search
        own = ("id", "in", cards.ids)
        for domain, found in (
            ([("state", "=", "active")], cards[0]),
            ([("state", "!=", "active")], cards[1]),
            ([("state", "in", ["active", "frozen"])], cards),
            ([("state", "=", False)], cards.browse()),
            ([("date_end", ">=", LAST)], cards),
            ([("date_end", "<", LAST)], cards.browse()),
            ([("date_end", "=", str(LAST))], cards),
            ([("date_end", "=", False)], cards.browse()),
            ([("visit_count", ">", 0)], cards.browse()),
            ([("ticket_ids.membership_id.state", "=", "frozen")], cards[1]),
        ):
            with self.subTest(domain=domain):
                self.assertEqual(search([own, *domain], order="id"), found)
                self.assertEqual(cards.filtered_domain(domain), found)

    # ------------------------------------------------------------------
    # Rights and personal data
    # ------------------------------------------------------------------

    def _image(self):
        stream = io.BytesIO()
        Image.new("RGB", (1200, 900), "red").save(stream, "PNG")
        return base64.b64encode(stream.getvalue())

    @freeze_time(START)
    def test_b3_photo(self):
        card = self._card()
        cashier = new_test_user(
            self.env, "photo_cashier", "scenic_ticket_base.group_scenic_cashier"
        )
        wizard = (
            self.env["scenic.membership.photo"]
            .with_user(cashier)
            .create({"membership_id": card.id, "photo": self._image()})
        )
        wizard.action_apply()
        self.assertFalse(wizard.photo)
        size = Image.open(io.BytesIO(base64.b64decode(card.photo))).size
        self.assertEqual(size, (512, 384))
        size = Image.open(io.BytesIO(base64.b64decode(card.photo_128))).size
        self.assertEqual(size, (128, 96))
        card.ticket_ids._refund("R/1", "x")
        card.visitor_id._erase("asked to")
        self.assertFalse(card.photo)
        self.assertFalse(card.photo_128)

    @freeze_time(START)
    def test_b3_rights(self):
        card = self._card(medium="04A1B2C3D4")
        freeze_values = {
            "membership_id": card.id,
            "action": "freeze",
            "reason": "because",
        }
        replace_values = {
            "membership_id": card.id,
            "number": "04FFEE",
            "reason": "because",
        }
        renew_values = {
            "membership_id": card.id,
            "product_id": self.annual.id,
            "reason": "because",
        }
        freezers = {"supervisor", "customer_service", "manager"}
        sellers = {"cashier", *freezers}
        for role, user in self._scenic_users("member").items():
            for allowed, model, method, args in (
                (True, card._name, "read", [card.ids, ["name", "state", "date_end"]]),
                (True, card._name, "search", [[("state", "=", "active")]]),
                (False, card._name, "create", [[{"name": "x"}]]),
                (False, card._name, "write", [card.ids, {"replace_count": 0}]),
                (False, card._name, "write", [card.ids, {"photo": False}]),
                (False, card._name, "unlink", [card.ids]),
                (False, card._name, "_freeze", [card.ids, "x"]),
                (False, card._name, "_replace", [card.ids, "qr", None, "x"]),
                (False, card._name, "_create_for", [card.ticket_ids.ids]),
                (False, "scenic.membership.freeze", "create", [[{"reason": "x"}]]),
                (role in sellers, card._name, "action_set_photo", [card.ids, False]),
                (role in freezers, "scenic.membership.suspend", None, freeze_values),
                (role in sellers, "scenic.membership.replace", None, replace_values),
                (role == "manager", "scenic.membership.renew", None, renew_values),
            ):
                with (
                    self.subTest(role=role, model=model, method=method),
                    self.env.cr.savepoint() as savepoint,
                ):
                    if allowed:
                        self._do(user, model, method, args)
                    else:
                        with self.assertRaises(AccessError):
                            self._do(user, model, method, args)
                    savepoint.rollback()
                    self.env.invalidate_all()
        self.assertEqual(card.state, "active")

    def _do(self, user, model, method, args):
        if method:
            return self._rpc(user, model, method, *args)
        [wizard] = self._rpc(user, model, "create", [args])
        return self._rpc(user, model, "action_apply", [wizard])

    @freeze_time(START)
    def test_f5_finance_sees_money_and_no_names(self):
        card = self._card()
        finance = new_test_user(
            self.env, "member_finance2", "scenic_ticket_base.group_scenic_finance"
        )
        cards = card.with_user(finance)
        self.assertEqual(cards.read(["amount_open"])[0]["amount_open"], 300)
        for name in ("visitor_id", "photo", "photo_128"):
            with self.subTest(name=name), self.assertRaises(AccessError):
                cards.read([name])
        with self.assertRaises(AccessError):
            cards.search([("find", "ilike", "游客")])
        for view in ("list", "form", "kanban", "pivot", "search"):
            arch = cards.get_view(view_type=view)["arch"]
            self.assertNotIn("visitor_id", arch)

    @freeze_time(START)
    def test_b3_another_company_sees_no_card(self):
        card = self._card(medium="04A1B2C3D4")
        stranger = self._scenic_stranger("member_stranger")
        cards = card.with_user(stranger)
        self.assertFalse(cards.search([]) & card)
        self.assertFalse(cards._find(card.name))
        self.assertFalse(cards._find("04A1B2C3D4"))
        self.assertFalse(cards._find(self._scenic_citizen(1)))
        with self.assertRaises(AccessError):
            cards.action_set_photo(False)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self._do(
                stranger,
                "scenic.membership.suspend",
                None,
                {"membership_id": card.id, "action": "freeze", "reason": "x"},
            )

    @freeze_time(START)
    def test_b3_the_manager_gives_a_period_away(self):
        card = self._card()
        manager = new_test_user(
            self.env, "gift_manager", "scenic_ticket_base.group_scenic_manager"
        )
        form = Form(
            self.env["scenic.membership.renew"]
            .with_user(manager)
            .with_context(default_membership_id=card.id)
        )
        self.assertEqual(form.product_id, self.annual)
        self.assertEqual(form.date_first, LAST + timedelta(days=1))
        form.reason = "the cable car was closed for a month"
        form.save().action_apply()
        new = card.ticket_ids - card.ticket_ids.sorted("date_first")[0]
        self.assertEqual(new.amount_total, 0)
        event = self.env["scenic.audit"].search(
            [("action", "=", "price_override"), ("res_id", "=", new.id)]
        )
        self.assertEqual(event.reason, "the cable car was closed for a month")
        self.assertEqual(event.before["price_unit"], 300)

    # ------------------------------------------------------------------
    # Whatever happens, in whatever order
    # ------------------------------------------------------------------

    @settings(max_examples=10, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["renew", "freeze", "unfreeze", "plan", "refund", "use", "cron"]
                ),
                st.integers(0, 200),
            ),
            max_size=7,
        )
    )
    @mute_logger("odoo.addons.scenic_ticket_base.models.scenic_membership")
    def test_b3_periods_follow_each_other_whatever_happens(self, steps):
        """Live periods never overlap, and their days are those sold plus added."""
        self.annual.scenic_freeze_days = 40
        self._card(999)  # makes the keys, which a rollback would take away
        moment = datetime(2026, 12, 1, 3)
        with self.env.cr.savepoint() as savepoint:
            with freeze_time(moment):
                card = self._card()
            for step, days in steps:
                moment += timedelta(days=days)
                with freeze_time(moment):
                    self.env.invalidate_all()
                    try:
                        with self.env.cr.savepoint():
                            self._step(card, step, days)
                    except ScenicError as error:
                        self.assertNotEqual(error.code, "SCENIC_ERROR")
                    self._check_periods(card)
            savepoint.rollback()
        self.env.invalidate_all()

    def _step(self, card, step, days):
        match step:
            case "renew":
                self._renew(card)
            case "freeze":
                card._freeze("x", None, card._today() + timedelta(days=days))
            case "plan":
                card._freeze("x", card._today() + timedelta(days=days))
            case "unfreeze":
                card._unfreeze("y")
            case "refund":
                card.ticket_ids.sorted("date_first")[-1:]._refund("R", "z")
            case "use":
                ticket = card._live_tickets()[:1]
                if ticket and card.state == "active":
                    self._use(ticket)
            case "cron":
                self.env["scenic.ticket"]._cron_expire()

    def _check_periods(self, card):
        self.env.flush_all()
        self.env.invalidate_all()
        live = card.ticket_ids.filtered(
            lambda t: t.state not in ("refunded", "void")
        ).sorted("date_first")
        rights = [ticket.entitlement_ids for ticket in live]
        for earlier, later in zip(rights, rights[1:], strict=False):
            self.assertLessEqual(earlier.valid_to, later.valid_from)
        for ticket, right in zip(live, rights, strict=True):
            sold = self.year._period_end(ticket.date_first) - ticket.date_first
            length = (right.valid_to - right.valid_from).days
            added = sum(
                freeze.days_added
                for freeze in card.freeze_ids
                if freeze.ticket_id == ticket
            )
            self.assertEqual(length, sold.days + added)
            self.assertLessEqual(added, 40)
        if not live:
            self.assertEqual(card.state, "ended")
            return
        self.assertNotEqual(card.state, "ended")
        self.assertEqual(card.state == "frozen", "frozen" in live.mapped("state"))
        self.assertEqual(card.state == "frozen", card._open_freeze().state == "frozen")
        last = max(right.valid_to for right in rights) + timedelta(hours=8)
        self.assertEqual(card.date_end, last.date() - timedelta(days=1))
