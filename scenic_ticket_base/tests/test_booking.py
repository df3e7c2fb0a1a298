from datetime import date, datetime
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import (
    AccountMissingError,
    BookingConflictError,
    BookingError,
    ReasonMissingError,
)
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestBooking(ScenicCommon):
    def _hold(self, *lines, ref="R1", **kwargs):
        return self.env["scenic.booking"]._hold("agency", ref, list(lines), **kwargs)

    def _assert_code(self, code, *lines, error=BookingError, **kwargs):
        before = self.env["scenic.booking"].search_count([])
        with self.assertRaises(error) as caught:
            self._hold(*lines, **kwargs)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.env["scenic.booking"].search_count([]), before)

    # Tickets

    def test_individual_makes_one_ticket_per_person(self):
        tickets = self._scenic_sell(self.scenic_individual, 3)
        self.assertEqual(tickets.mapped("persons"), [1, 1, 1])
        self.assertEqual(set(tickets.mapped("state")), {"valid"})
        self.assertEqual(tickets, tickets.sorted("number"))
        self.assertEqual(len(set(tickets.mapped("number"))), 3)
        self.assertEqual(tickets[0].name, f"{tickets[0].number:010d}")
        self.assertEqual(tickets.mapped("entitlement_ids.entries_total"), [1, 1, 1])

    def test_group_makes_one_ticket_of_all_persons(self):
        ticket = self._scenic_sell(self.scenic_group, 30)
        self.assertEqual(len(ticket), 1)
        self.assertEqual(ticket.persons, 30)
        self.assertEqual(ticket.entitlement_ids.entries_total, 30)
        self.assertEqual(ticket.amount_total, 2400)

    def test_combo_makes_one_entitlement_per_component(self):
        ticket = self._scenic_sell(self.scenic_combo, amount_untaxed=130.0)
        area, spot = ticket.entitlement_ids
        self.assertEqual(
            (area.site_id, spot.site_id),
            (
                self.scenic_area,
                self.scenic_spot,
            ),
        )
        self.assertEqual((area.entries_total, spot.entries_total), (1, 2))
        self.assertEqual((area.amount, spot.amount), (78.0, 52.0))

    def test_amounts_split_to_the_cent(self):
        tickets = self._scenic_sell(
            self.scenic_combo, 3, amount_untaxed=100.0, amount_total=106.01
        )
        self.assertEqual(tickets.mapped("amount_untaxed"), [33.34, 33.33, 33.33])
        self.assertEqual(tickets.mapped("amount_total"), [35.34, 35.34, 35.33])
        for ticket in tickets:
            self.assertEqual(
                ticket.currency_id.round(sum(ticket.entitlement_ids.mapped("amount"))),
                ticket.amount_untaxed,
            )
        self.assertEqual(tickets.mapped("amount_open"), [33.34, 33.33, 33.33])

    def test_free_ticket(self):
        ticket = self._scenic_sell(
            self.scenic_individual, price_unit=0, amount_untaxed=0, amount_total=0
        )
        self.assertEqual(ticket.state, "valid")
        self.assertEqual(ticket.amount_open, 0)

    def test_window_follows_the_rule(self):
        self.scenic_individual.scenic_validity_rule_id = self.scenic_rule_sale
        with freeze_time("2026-11-30 17:00:00"):
            ticket = self._scenic_sell(self.scenic_individual, visit_date=None)
        self.assertEqual(ticket.date_first, date(2026, 12, 1))
        self.assertEqual(ticket.date_last, date(2026, 12, 3))
        self.assertEqual(ticket.entitlement_ids.valid_from, datetime(2026, 11, 30, 16))
        self.assertEqual(ticket.entitlement_ids.valid_to, datetime(2026, 12, 3, 16))

    def test_queries_do_not_grow_with_tickets(self):
        """A bus load at the window must not take seconds."""

        def count(quantity):
            booking = self._hold(
                self._scenic_line(self.scenic_combo, quantity), ref=f"Q{quantity}"
            )
            queries = self._scenic_queries(booking._confirm)
            self.assertEqual(len(booking.ticket_ids), quantity)
            return queries

        self._scenic_sell(self.scenic_combo)  # warm the caches
        one, hundred = count(1), count(100)
        self.assertLess(one, 60)
        self.assertLess(hundred - one, 10, f"{one} queries for 1, {hundred} for 100")

    # Idempotency

    def test_same_order_twice_is_one_booking(self):
        line = self._scenic_line(self.scenic_individual, 2)
        booking = self._hold(line)
        self.assertEqual(self._hold(dict(line)), booking)
        self.assertEqual(booking.state, "held")
        self.assertFalse(booking.ticket_ids)
        tickets = booking._confirm()
        self.assertEqual(booking.state, "confirmed")
        self.assertEqual(booking._confirm(), tickets)
        self.assertEqual(self._hold(line), booking)
        self.assertEqual(len(booking.ticket_ids), 2)

    def test_repeat_after_the_definition_changed(self):
        """What was sold stays sold, also when the product cannot be sold now."""
        line = self._scenic_line(self.scenic_individual)
        booking = self._hold(line)
        self.scenic_individual.scenic_validity_rule_id = False
        self.assertEqual(self._hold(line), booking)

    def test_same_order_with_other_content_is_refused(self):
        line = self._scenic_line(self.scenic_individual, 2)
        self._hold(line)
        for change in (
            {"quantity": 3},
            {"amount_total": 1.0},
            {"visit_date": date(2030, 1, 1)},
            {"product_id": self.scenic_combo.id},
        ):
            with self.subTest(change=change):
                self._assert_code(
                    "BOOKING_CONFLICT", {**line, **change}, error=BookingConflictError
                )
        self._assert_code("BOOKING_CONFLICT", line, line, error=BookingConflictError)
        self._assert_code(
            "BOOKING_CONFLICT",
            line,
            error=BookingConflictError,
            partner=self.env.user.partner_id,
        )

    def test_reference_is_free_in_other_channel_and_company(self):
        line = self._scenic_line(self.scenic_individual)
        first = self._hold(line)
        second = self.env["scenic.booking"]._hold("window", "R1", [line])
        self.assertNotEqual(first, second)

    def test_two_at_once_are_sent_back_to_try_again(self):
        """The loser of the race must be retried, not told of a database error."""
        line = self._scenic_line(self.scenic_individual)
        self._hold(line)
        bookings = self.env["scenic.booking"]
        with (
            patch.object(type(bookings), "_same_order", lambda *_a: bookings.sudo()),
            mute_logger("odoo.sql_db"),
            self.assertRaises(ConcurrencyError),
        ):
            self._hold(line)

    # Bad input

    def test_bad_quantities(self):
        for quantity in (0, -1, 1.5, None, "2", True, float("nan"), float("inf")):
            with self.subTest(quantity=quantity):
                self._assert_code(
                    "QUANTITY_INVALID",
                    {**self._scenic_line(self.scenic_individual), "quantity": quantity},
                )

    def test_bad_amounts(self):
        for amount in (-0.01, None, "1", True, float("nan"), float("inf"), 1e12):
            with self.subTest(amount=amount):
                self._assert_code(
                    "AMOUNT_INVALID",
                    self._scenic_line(self.scenic_individual, amount_untaxed=amount),
                )

    def test_bad_dates(self):
        for value, code in (
            ("tomorrow", "VISIT_DATE_INVALID"),
            ("2026-02-30", "VISIT_DATE_INVALID"),
            (12, "VISIT_DATE_INVALID"),
            (date(2019, 12, 31), "VISIT_DATE_INVALID"),
            (date(2199, 12, 31), "VISIT_DATE_INVALID"),
            (None, "VISIT_DATE_MISSING"),
        ):
            with self.subTest(value=value):
                self._assert_code(
                    code, self._scenic_line(self.scenic_individual, visit_date=value)
                )

    def test_day_that_is_over_at_the_site(self):
        """17:00 UTC is the next day in China; a till may have been offline."""
        with freeze_time("2026-11-30 17:00:00"):
            line = self._scenic_line(
                self.scenic_individual, visit_date=date(2026, 11, 30)
            )
            self._assert_code("VISIT_DATE_PAST", line)
            self._hold({**line, "visit_date": date(2026, 12, 1)}, ref="today")
            self.env["scenic.booking"]._hold("window", "late", [line])._confirm()

    def test_bad_products(self):
        plain = self.env["product.product"].create({"name": "Map"})
        line = self._scenic_line(self.scenic_individual)
        for product_id in (plain.id, 0, None, "x", 2**30):
            with self.subTest(product_id=product_id):
                self._assert_code(
                    "PRODUCT_NOT_TICKET", {**line, "product_id": product_id}
                )

    def test_incomplete_product(self):
        self.scenic_individual.scenic_component_ids.unlink()
        self._assert_code(
            "PRODUCT_INCOMPLETE", self._scenic_line(self.scenic_individual)
        )

    def test_account_is_changed(self):
        """That a product has its accounts is remembered until one of them changes."""
        company, product = self.env.company, self.scenic_individual
        template = product.product_tmpl_id
        template.categ_id = category = self.env["product.category"].create(
            {"name": "Tickets"}
        )
        liability = company.scenic_liability_account_id
        income = template._get_product_accounts()["scenic_revenue"]
        other = income.copy({"code": "REV2"})
        accounts = self.env["account.account"]
        template.property_account_income_id = other
        for record, field, wrong in (
            (company, "scenic_liability_account_id", other),
            (template, "property_account_income_id", liability),
        ):
            with self.subTest(field=field):
                line = self._scenic_line(product)
                self._scenic_sell(product)
                before = record[field]
                record[field] = wrong
                self._assert_code("ACCOUNT_MISSING", line, error=AccountMissingError)
                record[field] = before
                self._scenic_sell(product)
        template.property_account_income_id = False
        category.property_account_income_categ_id = other
        company.income_account_id = False
        self._scenic_sell(product)
        category.property_account_income_categ_id = accounts
        self._assert_code(
            "ACCOUNT_MISSING", self._scenic_line(product), error=AccountMissingError
        )
        company.income_account_id = other
        self._scenic_sell(product)

    def test_product_without_accounts(self):
        self.env.company.scenic_liability_account_id = False
        self._assert_code(
            "ACCOUNT_MISSING",
            self._scenic_line(self.scenic_individual),
            error=AccountMissingError,
        )

    def test_product_of_another_company(self):
        other = self.env["res.company"].create({"name": "Other park"})
        self._assert_code(
            "PRODUCT_COMPANY",
            self._scenic_line(self.scenic_individual),
            company=other,
        )

    def test_group_that_does_not_fit_one_code(self):
        self._hold(self._scenic_line(self.scenic_group, 255), ref="fits")
        self._assert_code("GROUP_TOO_LARGE", self._scenic_line(self.scenic_group, 256))

    def test_order_out_of_proportion(self):
        self._assert_code(
            "BOOKING_TOO_LARGE", self._scenic_line(self.scenic_individual, 10**9)
        )

    def test_empty_order(self):
        self._assert_code("BOOKING_INVALID")
        self._assert_code(
            "BOOKING_INVALID", self._scenic_line(self.scenic_individual), ref=""
        )
        with self.assertRaises(BookingError):
            self.env["scenic.booking"]._hold(
                "pigeon", "R1", [self._scenic_line(self.scenic_individual)]
            )

    # Cancel

    def test_cancel(self):
        booking = self._hold(self._scenic_line(self.scenic_individual))
        with self.assertRaises(ReasonMissingError):
            booking._cancel("  ")
        booking._cancel("changed their mind")
        self.assertEqual(booking.state, "cancelled")
        self.assertIn("changed their mind", booking.message_ids[0].body)
        booking._cancel("again")
        with self.assertRaises(BookingError) as caught:
            booking._confirm()
        self.assertEqual(caught.exception.code, "BOOKING_STATE")
        self.assertFalse(booking.ticket_ids)

    def test_booking_with_live_tickets_is_not_cancelled(self):
        tickets = self._scenic_sell(self.scenic_individual, 2)
        tickets[0]._refund("REF1", "rain")
        with self.assertRaises(BookingError) as caught:
            tickets.booking_id._cancel("rain")
        self.assertEqual(caught.exception.code, "BOOKING_HAS_TICKETS")
        tickets[1]._refund("REF1", "rain")
        tickets.booking_id._cancel("rain")
        self.assertEqual(tickets.booking_id.state, "cancelled")
