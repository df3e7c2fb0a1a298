from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged

from ..exceptions import (
    BookingConflictError,
    BookingError,
    CapacityError,
    ReasonMissingError,
    ScenicError,
    TicketReservedError,
    TicketStateError,
    TicketUsedError,
)
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestBookingAmend(ScenicCommon):
    """A change is an atomic swap: same ticket numbers, difference paid (改签)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref("product.group_product_pricelist")
        cls.bookings = cls.env["scenic.booking"]
        cls.web = cls.env["scenic.channel"].search([("code", "=", "web")])
        cls.pricelist = cls.env["product.pricelist"].create(
            {"name": "Days", "currency_id": cls.env.company.currency_id.id}
        )
        cls.web.pricelist_id = cls.pricelist
        cls.pool = cls.env["scenic.capacity.pool"].create(
            {
                "name": "Amend",
                "site_id": cls.scenic_area.id,
                "kind": "day",
                "capacity": 40,
            }
        )
        cls.next_day = cls.visit_date + timedelta(days=1)

    def _dear(self, day, price, product=None, **values):
        """Make a day cost something else."""
        return self.env["product.pricelist.item"].create(
            {
                "pricelist_id": self.pricelist.id,
                "applied_on": "0_product_variant",
                "product_id": (product or self.scenic_individual).id,
                "compute_price": "fixed",
                "fixed_price": price,
                "date_start": f"{day} 00:00:00",
                "date_end": f"{day} 23:59:59",
                **values,
            }
        )

    def _hold(self, product=None, quantity=2, ref="A1", **values):
        line = {
            "product_id": (product or self.scenic_individual).id,
            "quantity": quantity,
            "visit_date": self.visit_date,
            **values,
        }
        return self.bookings._hold("web", ref, [line])

    def _sold(self, product=None, quantity=2, ref="A1", **values):
        booking = self._hold(product, quantity, ref, **values)
        booking._confirm()
        return booking

    def _amend(self, booking, reason="rain", document_ref=None, key=None, **change):
        return booking._amend(
            [{"line_id": booking.line_ids.id, **change}],
            reason,
            key=key,
            document_ref=document_ref,
        )

    def _free(self, day, product=None):
        [found] = self.env["scenic.capacity.pool"]._availability(
            product or self.scenic_individual, self.web, day, day
        )
        return found["free"]

    def _facts(self, booking):
        self.env.flush_all()
        booking.invalidate_recordset()
        return (
            booking._answer(),
            booking.line_ids.mapped("change_count"),
            [
                (
                    *(t.number, t.state, t.persons, t.visit_date, t.date_first),
                    *(t.amount_untaxed, t.amount_total, t._qr_token()),
                    t.entitlement_ids.mapped("valid_from"),
                    t.entitlement_ids.mapped("amount"),
                )
                for t in booking.ticket_ids.sorted("number")
            ],
            [self._free(self.visit_date), self._free(self.next_day)],
            self.env["scenic.audit"].search_count([]),
        )

    def _code(self, code, booking, error=ScenicError, **kwargs):
        """Ask for what is refused, and check that nothing at all changed."""
        before = self._facts(booking)
        with self.assertRaises(error) as caught:
            self._amend(booking, **kwargs)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self._facts(booking), before)

    def _exact(self, booking):
        """What is sold adds up: line = tickets = entitlements, to the cent."""
        rounded = booking.currency_id.round
        for line in booking.line_ids:
            for name in ("amount_untaxed", "amount_total"):
                self.assertEqual(
                    rounded(sum(line.ticket_ids.mapped(name))), line[name], name
                )
            for ticket in line.ticket_ids:
                self.assertEqual(
                    rounded(sum(ticket.entitlement_ids.mapped("amount"))),
                    ticket.amount_untaxed,
                )
        self.assertEqual(
            booking.amount_total, rounded(sum(booking.line_ids.mapped("amount_total")))
        )

    # Date

    def test_change_of_date_keeps_the_numbers_and_swaps_the_places(self):
        booking = self._sold()
        numbers = booking.ticket_ids.mapped("number")
        answer = self._amend(booking, visit_date=self.next_day)
        self.assertEqual(answer["difference_total"], 0)
        tickets = booking.ticket_ids
        self.assertEqual(tickets.mapped("number"), numbers)
        self.assertEqual(set(tickets.mapped("visit_date")), {self.next_day})
        self.assertEqual(set(tickets.mapped("date_first")), {self.next_day})
        self.assertEqual(booking.line_ids.visit_date, self.next_day)
        self.assertEqual(booking.line_ids.change_count, 1)
        self.assertEqual(self._free(self.visit_date), 40)
        self.assertEqual(self._free(self.next_day), 38)
        for right in tickets.entitlement_ids:
            local = fields.Datetime.context_timestamp(
                right.with_context(tz=self.scenic_area.tz), right.valid_from
            )
            self.assertEqual(local.date(), self.next_day)
        self._exact(booking)

    def test_change_kills_the_old_code_at_once(self):
        booking = self._sold(quantity=1)
        ticket = booking.ticket_ids
        old_qr, old_digits = ticket._qr_token(), ticket._barcode_number()
        self._amend(booking, visit_date=self.next_day)
        find = self.env["scenic.credential"]._find
        for old, new in (
            (old_qr, ticket._qr_token()),
            (old_digits, ticket._barcode_number()),
        ):
            self.assertNotEqual(old, new)
            self.assertFalse(find(old).active)
            self.assertTrue(find(new).active)
            self.assertEqual(find(new).ticket_id, ticket)

    def test_change_back_and_forth(self):
        booking = self._sold()
        self._amend(booking, visit_date=self.next_day)
        self._amend(booking, visit_date=self.visit_date)
        self.assertEqual(booking.line_ids.change_count, 2)
        self.assertEqual(self._free(self.visit_date), 38)
        self.assertEqual(self._free(self.next_day), 40)

    def test_difference_is_that_of_the_pricelist(self):
        self._dear(self.next_day, 130)
        booking = self._sold(quantity=3)
        quote = booking._amend_quote(
            [{"line_id": booking.line_ids.id, "visit_date": self.next_day}]
        )
        self.assertEqual(
            quote,
            {"difference_untaxed": 90, "difference_total": 90, "change_fee": 0},
        )
        self._code("DOCUMENT_MISSING", booking, visit_date=self.next_day)
        answer = self._amend(booking, visit_date=self.next_day, document_ref="INV/7")
        self.assertEqual({name: answer[name] for name in quote}, quote)
        self.assertEqual(booking.ticket_ids.mapped("amount_total"), [130] * 3)
        self.assertEqual(booking.ticket_ids.mapped("amount_open"), [130] * 3)
        self._exact(booking)
        answer = self._amend(booking, visit_date=self.visit_date, document_ref="R")
        self.assertEqual(answer["difference_total"], -90)
        self._exact(booking)

    def test_what_was_agreed_stays_agreed(self):
        """A discount of the channel survives; only what the day costs more counts."""
        self._dear(self.next_day, 130)
        booking = self._sold(
            quantity=2, price_unit=70.0, amount_untaxed=140.0, amount_total=140.0
        )
        answer = self._amend(booking, visit_date=self.next_day, document_ref="X")
        self.assertEqual(answer["difference_total"], 60)
        self.assertEqual(booking.line_ids.amount_total, 200)
        self.assertEqual(booking.line_ids.price_unit, 100)
        self._exact(booking)

    def test_list_price_that_rose_since_the_sale_does_not_matter(self):
        booking = self._sold()
        self.scenic_individual.list_price = 500
        answer = self._amend(booking, visit_date=self.next_day)
        self.assertEqual(answer["difference_total"], 0)

    def test_nothing_below_zero(self):
        self._dear(self.next_day, 10)
        booking = self._sold(price_unit=5.0, amount_untaxed=10.0, amount_total=10.0)
        answer = self._amend(booking, visit_date=self.next_day, document_ref="X")
        self.assertEqual(answer["difference_total"], -10)
        self.assertEqual(booking.ticket_ids.mapped("amount_total"), [0, 0])
        self._exact(booking)

    def test_amounts_of_the_channel_decide(self):
        booking = self._sold(self.scenic_combo, 2)
        answer = self._amend(
            booking,
            visit_date=self.next_day,
            price_unit=99.0,
            amount_untaxed=180.01,
            amount_total=198.0,
            document_ref="X",
        )
        self.assertEqual(answer["difference_untaxed"], round(180.01 - 280, 2))
        self.assertEqual(booking.line_ids.amount_untaxed, 180.01)
        self._exact(booking)

    def test_combo_keeps_the_proportions_of_the_sale(self):
        booking = self._sold(self.scenic_combo, 1)
        self.scenic_combo.scenic_component_ids[0].share = 10
        self._dear(self.next_day, 70, self.scenic_combo)
        self._amend(booking, visit_date=self.next_day, document_ref="X")
        self.assertEqual(
            booking.ticket_ids.entitlement_ids.mapped("amount"), [42.0, 28.0]
        )

    def test_a_date_that_is_not_possible(self):
        booking = self._sold()
        yesterday = fields.Date.today() - timedelta(days=2)
        self._code("VISIT_DATE_PAST", booking, visit_date=yesterday)
        self._code("VISIT_DATE_INVALID", booking, visit_date="soon")
        self._code("VISIT_DATE_MISSING", booking, visit_date=None)
        self._code("SLOT_INVALID", booking, slot_id=2**30)

    def test_full_day_leaves_everything(self):
        self._sold(quantity=39, ref="B", visit_date=self.next_day)
        booking = self._sold(quantity=2)
        self._code("SOLD_OUT", booking, CapacityError, visit_date=self.next_day)

    def test_same_again_changes_nothing(self):
        booking = self._sold()
        self._amend(booking, visit_date=self.next_day)
        before = self._facts(booking)
        self._amend(booking, visit_date=self.next_day, quantity=2)
        self.assertEqual(self._facts(booking), before)

    def test_several_lines_all_or_none(self):
        lines = [
            {
                "product_id": product.id,
                "quantity": 1,
                "visit_date": self.visit_date,
            }
            for product in (self.scenic_individual, self.scenic_combo)
        ]
        booking = self.bookings._hold("web", "S", lines)
        booking._confirm()
        changes = [
            {"line_id": line.id, "visit_date": self.next_day}
            for line in booking.line_ids
        ]
        booking.ticket_ids[-1].entitlement_ids[0].sudo().entries_used = 1
        before = self._facts(booking)
        with self.assertRaises(TicketUsedError):
            booking._amend(changes, "rain")
        self.assertEqual(self._facts(booking), before)
        booking.ticket_ids[-1].entitlement_ids[0].sudo().entries_used = 0
        booking._amend(changes, "rain")
        self.assertEqual(set(booking.line_ids.mapped("visit_date")), {self.next_day})

    # States

    def test_ticket_at_a_gate_or_used(self):
        booking = self._sold()
        right = booking.ticket_ids[0].entitlement_ids
        right.entries_reserved = 1
        self._code(
            "TICKET_RESERVED", booking, TicketReservedError, visit_date=self.next_day
        )
        right.write({"entries_reserved": 0, "entries_used": 1})
        self._code("TICKET_USED", booking, TicketUsedError, visit_date=self.next_day)
        self._code("TICKET_USED", booking, TicketUsedError, quantity=3)

    def test_frozen_ticket(self):
        booking = self._sold()
        booking.ticket_ids[0]._freeze("dispute")
        self._code("TICKET_FROZEN", booking, TicketStateError, visit_date=self.next_day)

    def test_refunded_tickets_stay_behind(self):
        booking = self._sold(quantity=3)
        first, second, third = booking.ticket_ids.sorted("number")
        first._refund("R1", "ill")
        self._amend(booking, visit_date=self.next_day)
        self.assertEqual(first.visit_date, self.visit_date)
        self.assertEqual((second | third).mapped("visit_date"), [self.next_day] * 2)
        self._exact(booking)
        (second | third)._refund("R2", "ill")
        self._code(
            "TICKET_REFUNDED", booking, TicketStateError, visit_date=self.visit_date
        )

    def test_earned_money_stays_where_it_is(self):
        booking = self._sold(quantity=1)
        right = booking.ticket_ids.entitlement_ids
        right.revenue_trigger = "visit_date"
        right.amount_recognised = booking.ticket_ids.amount_recognised = 50
        self._code("TICKET_EARNED", booking, TicketStateError, visit_date=self.next_day)

    def test_booking_that_is_over(self):
        booking = self._hold()
        with freeze_time(booking.held_until):
            self._code("HOLD_EXPIRED", booking, visit_date=self.next_day)
        booking._cancel("no")
        self._code("BOOKING_STATE", booking, visit_date=self.next_day)

    def test_bad_changes(self):
        booking, other = self._sold(), self._sold(ref="B")
        for changes, code in (
            ([], "CHANGE_EMPTY"),
            (None, "CHANGE_EMPTY"),
            ([{"line_id": other.line_ids.id, "quantity": 1}], "CHANGE_LINE"),
            (["x"], "CHANGE_EMPTY"),
            ("x", "CHANGE_EMPTY"),
            ([{"line_id": "x"}], "CHANGE_LINE"),
            ([{"line_id": [1]}], "CHANGE_LINE"),
            ([{"line_id": str(booking.line_ids.id)}], "CHANGE_LINE"),
            ([{"line_id": True}], "CHANGE_LINE"),
            ([{"line_id": booking.line_ids.id}] * 2, "CHANGE_LINE"),
            ([{"line_id": booking.line_ids.id, "quantity": 0}], "QUANTITY_INVALID"),
            ([{"line_id": booking.line_ids.id, "quantity": 9999}], "BOOKING_TOO_LARGE"),
        ):
            with self.subTest(changes=changes), self.assertRaises(BookingError) as c:
                booking._amend(changes, "rain")
            self.assertEqual(c.exception.code, code)
        with self.assertRaises(ReasonMissingError):
            self._amend(booking, reason=" ", quantity=3)

    def test_by_key_once(self):
        self._dear(self.next_day, 130)
        booking = self._sold()
        change = {"visit_date": self.next_day, "document_ref": "X", "key": "k"}
        answer = self._amend(booking, **change)
        before = self._facts(booking)
        self.assertEqual(self._amend(booking, **change), answer)
        self.assertEqual(self._facts(booking), before)
        self._code(
            "KEY_CONFLICT",
            booking,
            BookingConflictError,
            **{**change, "visit_date": self.visit_date},
        )

    # How often and until when

    def test_number_of_changes_is_that_of_the_sale(self):
        policy = self.env["scenic.refund.policy"].create(
            {
                "name": "One change",
                "changes_limited": True,
                "changes_max": 1,
                "change_fee": 4.5,
            }
        )
        self.scenic_individual.scenic_refund_policy_id = policy
        booking = self._sold()
        policy.changes_max = 9
        answer = self._amend(booking, visit_date=self.next_day, document_ref="X")
        self.assertEqual((answer["change_fee"], answer["difference_total"]), (9.0, 0))
        self._code(
            "CHANGE_TOO_OFTEN",
            booking,
            visit_date=self.visit_date,
            document_ref="X",
        )
        self.assertEqual(booking.line_ids.change_count, 1)

    def test_change_until_the_cut_off(self):
        self.scenic_individual.scenic_refund_policy_id = self.env[
            "scenic.refund.policy"
        ].create({"name": "A day before", "change_limited": True, "change_hours": 24})
        booking = self._sold()
        start = booking.ticket_ids[0].entitlement_ids.valid_from
        with freeze_time(start - timedelta(hours=24)):
            self._code("CHANGE_TOO_LATE", booking, visit_date=self.next_day)
        with freeze_time(start - timedelta(hours=24, seconds=1)):
            self._amend(booking, visit_date=self.next_day)

    # Number of persons

    def test_held_booking_grows_and_shrinks(self):
        booking = self._hold(quantity=2)
        self._amend(booking, quantity=5)
        self.assertEqual(booking.line_ids.amount_total, 500)
        self.assertEqual(self._free(self.visit_date), 35)
        answer = self._amend(booking, quantity=1, visit_date=self.next_day)
        self.assertEqual(answer["difference_total"], -400)
        self.assertEqual(booking.amount_total, 100)
        self.assertEqual(self._free(self.visit_date), 40)
        self.assertEqual(self._free(self.next_day), 39)
        self.assertEqual(len(booking._confirm()), 1)
        self._exact(booking)

    def test_held_booking_has_no_document_and_no_limit(self):
        self._dear(self.next_day, 130)
        booking = self._hold()
        for day in (self.next_day, self.visit_date) * 3:
            self._amend(booking, visit_date=day)
        self.assertEqual(booking.line_ids.change_count, 0)
        self.assertEqual(booking.amount_total, 200)

    def test_a_larger_group_gets_the_price_of_its_size(self):
        self._dear(self.visit_date, 60, min_quantity=10)
        booking = self._hold(quantity=9)
        self.assertEqual(booking.amount_total, 900)
        answer = self._amend(booking, quantity=10)
        self.assertEqual(booking.amount_total, 600)
        self.assertEqual(answer["difference_total"], -300)
        self.assertEqual(booking.line_ids.price_unit, 60)
        self._amend(booking, quantity=4)
        self.assertEqual(booking.amount_total, 240, "the price per person stays")

    def test_more_persons_get_tickets_of_the_same_line(self):
        booking = self._sold(quantity=2)
        old = booking.ticket_ids
        self._code("DOCUMENT_MISSING", booking, quantity=4)
        answer = self._amend(booking, quantity=4, document_ref="INV/8")
        self.assertEqual(answer["difference_total"], 200)
        new = booking.ticket_ids - old
        self.assertEqual(len(new), 2)
        self.assertEqual(new.mapped("state"), ["valid"] * 2)
        self.assertEqual(new.booking_line_id, booking.line_ids)
        self.assertEqual(booking.line_ids.quantity, 4)
        self.assertEqual(self._free(self.visit_date), 36)
        self.assertEqual(booking.line_ids.change_count, 0)
        self._exact(booking)

    def test_more_persons_on_another_day(self):
        self._dear(self.next_day, 130)
        booking = self._sold(quantity=2)
        answer = self._amend(
            booking, quantity=3, visit_date=self.next_day, document_ref="X"
        )
        self.assertEqual(answer["difference_total"], 190)
        self.assertEqual(booking.ticket_ids.mapped("amount_total"), [130] * 3)
        self.assertEqual(booking.ticket_ids.mapped("visit_date"), [self.next_day] * 3)
        self.assertEqual(self._free(self.visit_date), 40)
        self.assertEqual(self._free(self.next_day), 37)
        self._exact(booking)

    def test_fewer_persons_are_a_refund_of_theirs(self):
        booking = self._sold(quantity=5)
        self._code("DOCUMENT_MISSING", booking, quantity=3)
        answer = self._amend(booking, quantity=3, document_ref="CN/1")
        self.assertEqual(answer["difference_total"], -200)
        states = booking.ticket_ids.sorted("number").mapped("state")
        self.assertEqual(states, ["valid"] * 3 + ["refunded"] * 2)
        self.assertEqual(self._free(self.visit_date), 37)
        self._exact(booking)
        self._amend(booking, quantity=3)
        answer = self._amend(booking, quantity=4, document_ref="INV/2")
        self.assertEqual(answer["difference_total"], 100)
        self.assertEqual(self._free(self.visit_date), 36)
        self._exact(booking)

    def test_group_code_admits_more_persons(self):
        booking = self._sold(self.scenic_group, 10)
        ticket = booking.ticket_ids
        old = ticket._qr_token()
        answer = self._amend(booking, quantity=12, document_ref="X")
        self.assertEqual(answer["difference_total"], 160)
        self.assertEqual(booking.ticket_ids, ticket)
        self.assertEqual(ticket.persons, 12)
        self.assertEqual(ticket.entitlement_ids.entries_total, 12)
        self.assertEqual(ticket.amount_total, 960)
        self.assertNotEqual(ticket._qr_token(), old)
        self.assertEqual(self._free(self.visit_date, self.scenic_group), 28)
        self._exact(booking)

    def test_group_gets_its_next_guide_free(self):
        self.scenic_group.scenic_guide_per = 10
        booking = self._sold(self.scenic_group, 19)
        self.assertEqual(booking.ticket_ids.persons, 20)
        answer = self._amend(booking, quantity=20, document_ref="X")
        self.assertEqual(answer["difference_total"], 80)
        self.assertEqual(booking.ticket_ids.persons, 22)
        self.assertEqual(booking.line_ids.free_persons, 2)
        self.assertEqual(self._free(self.visit_date, self.scenic_group), 18)

    def test_group_must_stay_a_group(self):
        self.scenic_group.scenic_min_persons = 10
        booking = self._hold(self.scenic_group, 12)
        self._code("GROUP_TOO_SMALL", booking, quantity=9)
