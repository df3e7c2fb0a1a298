from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import new_test_user, tagged

from ..exceptions import (
    BookingConflictError,
    BookingError,
    CapacityError,
    ReasonMissingError,
)
from .common import ScenicCommon

SALES = "scenic.booking"


@tagged("post_install", "-at_install")
class TestBookingLife(ScenicCommon):
    """Hold, extend, confirm, cancel, expire; each once per key."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bookings = cls.env[SALES]
        cls.requests = cls.env["scenic.booking.request"]
        cls.web = cls.env["scenic.channel"].search([("code", "=", "web")])
        cls.pool = cls._capacity_pool("Life", 10)

    @classmethod
    def _capacity_pool(cls, name, capacity):
        return cls.env["scenic.capacity.pool"].create(
            {
                "name": name,
                "site_id": cls.scenic_area.id,
                "kind": "day",
                "capacity": capacity,
            }
        )

    def _hold(self, quantity=1, ref="L1", channel="web", **kwargs):
        line = self._scenic_line(self.scenic_individual, quantity)
        return self.bookings._hold(channel, ref, [line], **kwargs)

    def _free(self):
        [day] = self.env["scenic.capacity.pool"]._availability(
            self.scenic_individual, self.web, self.visit_date, self.visit_date
        )
        return day["free"]

    def _code(self, code, function, error=BookingError):
        """Call what is refused, and check that nothing at all changed."""
        before = self._everything()
        with self.assertRaises(error) as caught:
            function()
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self._everything(), before)

    def _everything(self):
        self.env.flush_all()
        return (
            self.bookings.search([]).read(["state", "held_until"]),
            self.env["scenic.ticket"].search_count([]),
            self.requests.search_count([]),
            self.env["scenic.audit"].search_count([]),
            self._free(),
        )

    # Hold

    def test_hold_takes_places_for_a_time(self):
        booking = self._hold(3)
        self.assertEqual(self._free(), 7)
        seconds = (booking.held_until - fields.Datetime.now()).total_seconds()
        self.assertAlmostEqual(seconds, self.web.hold_minutes * 60, delta=5)

    def test_minutes_of_the_caller_win(self):
        booking = self._hold(minutes=120)
        seconds = (booking.held_until - fields.Datetime.now()).total_seconds()
        self.assertAlmostEqual(seconds, 7200, delta=5)

    def test_bad_minutes(self):
        for minutes in (0, -1, 1441, 1.5, True, "5"):
            with self.subTest(minutes=minutes):
                self._code("MINUTES_INVALID", lambda m=minutes: self._hold(minutes=m))

    def test_sold_out_leaves_nothing_behind(self):
        self._hold(8)
        self._code("SOLD_OUT", lambda: self._hold(3, "L2"), CapacityError)
        self._code("SOLD_OUT", lambda: self._hold(3, "L2", key="k"), CapacityError)
        self._hold(2, "L2")

    def test_order_of_a_till_that_was_offline(self):
        """The money is taken: the tickets are, too, even without a place."""
        self._hold(10)
        now = fields.Datetime.now()
        for sold_at in (None, now):
            self._code(
                "SOLD_OUT",
                lambda s=sold_at: self._hold(1, "T", channel="window", sold_at=s),
                CapacityError,
            )
        hours = now - timedelta(hours=3)
        self._code("SOLD_OUT", lambda: self._hold(1, "W", sold_at=hours), CapacityError)
        booking = self._hold(2, "T", channel="window", sold_at=hours)
        self.assertEqual(len(booking._confirm()), 2)
        holds = self.env["scenic.capacity.hold"].search(
            [("pool_id", "=", self.pool.id)]
        )
        self.assertEqual(sum(holds.mapped("persons")), 12)
        event = self.env["scenic.audit"].search(
            [("action", "=", "capacity_override"), ("res_id", "=", booking.id)]
        )
        self.assertEqual(event.after, {"Life": 2})

    # Extend

    def test_extend_is_from_now_on(self):
        booking = self._hold(minutes=10)
        until = booking._extend(30)
        self.assertEqual(until, booking.held_until)
        seconds = (until - fields.Datetime.now()).total_seconds()
        self.assertAlmostEqual(seconds, 1800, delta=5)
        self.assertEqual(booking._extend(5), until, "never shorter")

    def test_extend_ends_at_24_hours(self):
        booking = self._hold(minutes=1440)
        with freeze_time(booking.create_date + timedelta(hours=23)):
            self.assertGreater(
                booking._extend(59), booking.create_date + timedelta(hours=23.9)
            )
            self._code("HOLD_TOO_LONG", lambda: booking._extend(70))

    def test_extend_too_late(self):
        booking = self._hold(minutes=10)
        with freeze_time(booking.held_until):
            self._code("HOLD_EXPIRED", booking._extend)
        booking._confirm()
        self._code("BOOKING_STATE", booking._extend)

    # Expire

    def test_hold_ends_to_the_second(self):
        booking = self._hold(2, minutes=10)
        with freeze_time(booking.held_until - timedelta(seconds=1)):
            self.assertFalse(booking._expire())
            self.assertEqual(len(booking._confirm()), 2)

    def test_late_confirm_is_refused_and_changes_nothing(self):
        booking = self._hold(2, minutes=10)
        with freeze_time(booking.held_until):
            self._code("HOLD_EXPIRED", booking._confirm)
            self._code("HOLD_EXPIRED", lambda: booking._confirm(key="k"))
        self.assertEqual(booking.state, "held")

    def test_expired_booking_frees_its_places(self):
        booking = self._hold(4, minutes=10)
        other = self._hold(1, "L2", minutes=20)
        with freeze_time(booking.held_until):
            self.bookings._cron_expire()
            self.assertEqual((booking.state, other.state), ("expired", "held"))
            self.assertEqual(self._free(), 9)
            self._code("HOLD_EXPIRED", booking._confirm)
            self.assertFalse((booking | other)._expire())

    def test_expiry_of_many_in_batches(self):
        self.pool.capacity = 300
        held = self.bookings.browse(self._hold(1, f"M{n}").id for n in range(5))
        with freeze_time(max(held.mapped("held_until"))):
            self.bookings._cron_expire(limit=2)
        self.assertEqual(set(held.mapped("state")), {"expired"})

    def test_confirmed_booking_does_not_expire(self):
        booking = self._hold(minutes=10)
        booking._confirm()
        with freeze_time(booking.held_until + timedelta(days=1)):
            self.assertFalse(booking._expire())
            self.bookings._cron_expire()
        self.assertEqual(booking.state, "confirmed")

    # Cancel

    def test_cancel_frees_the_places(self):
        booking = self._hold(4)
        self._code("REASON_MISSING", lambda: booking._cancel(" "), ReasonMissingError)
        booking._cancel("changed their mind")
        self.assertEqual(self._free(), 10)
        self._code("BOOKING_STATE", booking._confirm)
        self._code("BOOKING_STATE", booking._extend)

    # Keys

    def test_same_key_gives_the_first_booking(self):
        first = self._hold(2, key="k1")
        self.assertEqual(self._hold(2, key="k1"), first)
        self.assertEqual(self._free(), 8)
        first._cancel("no")
        self.assertEqual(self._hold(2, key="k1"), first, "the first answer stays")
        self.assertEqual(self._free(), 10)

    def test_same_key_with_another_body_is_refused(self):
        booking = self._hold(2, key="k1")
        for function in (
            lambda: self._hold(3, key="k1"),
            lambda: self._hold(2, "L2", key="k1"),
            lambda: self._hold(2, key="k1", minutes=99),
            lambda: self._hold(2, key="k1", partner=self.env.user.partner_id),
            lambda: booking._confirm(key="k1"),
            lambda: booking._cancel("no", key="k1"),
        ):
            self._code("KEY_CONFLICT", function, BookingConflictError)

    def test_a_key_is_of_its_channel(self):
        first = self._hold(key="k1")
        other = self._hold(key="k1", channel="ota")
        self.assertNotEqual(first, other)

    def test_bad_keys(self):
        for key in ("", "  ", 7, True, "x" * 201):
            with self.subTest(key=key):
                self._code("KEY_INVALID", lambda k=key: self._hold(key=k))

    def test_confirm_by_key(self):
        booking = self._hold(2)
        tickets = booking._confirm(key="c")
        self.assertEqual(booking._confirm(key="c"), tickets)
        self.assertEqual(booking._confirm(key="other"), tickets)
        self.assertEqual(booking._confirm(), tickets)
        other = self._hold(1, "L2")
        self._code("KEY_CONFLICT", lambda: other._confirm(key="c"))

    def test_extend_by_key_extends_once(self):
        booking = self._hold(minutes=10)
        until = booking._extend(30, key="e")
        with freeze_time(fields.Datetime.now() + timedelta(minutes=5)):
            self.assertEqual(booking._extend(30, key="e"), until)
            self.assertEqual(booking.held_until, until)
            self.assertGreater(booking._extend(30, key="e2"), until)

    def test_cancel_by_key(self):
        booking = self._hold()
        booking._cancel("no", key="x")
        audits = self.env["scenic.audit"].search_count([])
        booking._cancel("no", key="x")
        self.assertEqual(self.env["scenic.audit"].search_count([]), audits)

    def test_request_that_failed_can_be_sent_again(self):
        full = self._hold(10)
        self._code("SOLD_OUT", lambda: self._hold(1, "L2", key="k"), CapacityError)
        full._cancel("no")
        self.assertEqual(self._hold(1, "L2", key="k").state, "held")

    def test_answer_is_kept_without_persons(self):
        booking = self._hold(2, key="k1")
        request = self.requests.search([("key", "=", "k1")])
        self.assertEqual(request.booking_id, booking)
        self.assertEqual(request.answer["booking"], booking.name)
        self.assertEqual(request.answer["amount_total"], 200)
        self.assertEqual(
            fields.Datetime.to_datetime(request.answer["held_until"]),
            booking.held_until,
        )

    def test_requests_are_forgotten(self):
        self.web.request_days = 30
        old, young = self._hold(key="old"), self._hold(1, "L2", key="young")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE scenic_booking_request SET create_date = %s WHERE booking_id = %s",
            [datetime.now() - timedelta(days=31), old.id],
        )
        self.env.invalidate_all()
        self.requests._cron_clean_up(limit=1)
        left = self.requests.search([("booking_id", "in", (old | young).ids)])
        self.assertEqual(left.booking_id, young)
        self.assertEqual(self._hold(key="old"), old, "the reference still knows it")

    # Trail and rights

    def test_every_step_is_in_the_trail(self):
        booking = self._hold(minutes=10)
        booking._extend(20)
        booking._confirm()
        other = self._hold(1, "L2")
        other._cancel("no")
        third = self._hold(1, "L3")
        with freeze_time(third.held_until):
            third._expire()
        words = {
            b: self.env["scenic.audit"]
            .search([("res_model", "=", SALES), ("res_id", "=", b.id)], order="id")
            .mapped("action")
            for b in (booking, other, third)
        }
        self.assertEqual(
            words,
            {
                booking: ["booking_hold", "booking_extend", "booking_confirm"],
                other: ["booking_hold", "booking_cancel"],
                third: ["booking_hold", "booking_expire"],
            },
        )

    def test_f1_requests_of_other_sites_are_not_read(self):
        self._hold(key="k1")
        request = self.requests.search([("key", "=", "k1")])
        user = new_test_user(
            self.env,
            login="life-far",
            groups="scenic_ticket_base.group_scenic_customer_service",
        )
        self.assertTrue(request.with_user(user).has_access("read"))
        user.scenic_site_ids = self.env["scenic.site"].create(
            {"name": "Far", "code": "FAR"}
        )
        self.assertFalse(request.with_user(user).has_access("read"))
        self.assertFalse(self.requests.with_user(user).search([("key", "=", "k1")]))

    def test_f1_nobody_writes_bookings_or_requests_by_rpc(self):
        booking = self._hold(key="k1")
        request = self.requests.search([("key", "=", "k1")])
        for group in ("manager", "supervisor", "finance", "auditor", "cashier"):
            user = new_test_user(
                self.env,
                login=f"life-{group}",
                groups=f"scenic_ticket_base.group_scenic_{group}",
            )
            for record in (booking, booking.line_ids, request):
                mine = record.with_user(user)
                for right in ("create", "write", "unlink"):
                    self.assertFalse(mine.has_access(right), (group, record, right))
