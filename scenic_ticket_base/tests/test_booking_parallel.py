import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import BookingError, ScenicError
from .test_capacity_parallel import CapacityParallelCase

CODES = ("HOLD_EXPIRED", "BOOKING_STATE")


class BookingParallelCase(CapacityParallelCase):
    """Bookings of one product under several workers at once."""

    def _line(self, quantity=1, **values):
        return {
            "product_id": self.product_id,
            "quantity": quantity,
            "visit_date": self.visit_date,
            "price_unit": 10.0,
            "amount_untaxed": 10.0 * quantity,
            "amount_total": 10.0 * quantity,
            **values,
        }

    def _hold_web(self, env, ref, quantity=1, **kwargs):
        return env["scenic.booking"]._hold(
            "web", f"{self.tag}-{ref}", [self._line(quantity)], **kwargs
        )

    def _held(self, ref, quantity=1, **kwargs):
        with self._env() as env:
            booking = self._hold_web(env, ref, quantity, **kwargs)
            return booking.id, booking.held_until

    def _facts(self, booking_id):
        """Return state, live tickets and places of a booking, checked for sense."""
        with self._env() as env:
            booking = env["scenic.booking"].browse(booking_id)
            live = booking.ticket_ids.filtered(
                lambda t: t.state not in ("refunded", "void")
            )
            places = sum(hold._live() for hold in booking.line_ids.hold_ids._origin)
            persons = sum(booking.line_ids.mapped("quantity"))
            if booking.state == "confirmed":
                self.assertEqual(sum(live.mapped("persons")), places)
            else:
                self.assertFalse(live)
                self.assertEqual(places, persons if booking.state == "held" else 0)
            return booking.state, len(live), places

    @mute_logger("odoo.sql_db")
    def _together(self, *functions):
        """Call each function in its own transaction, all at the same moment."""
        barrier = threading.Barrier(len(functions))

        def run(function):
            barrier.wait(timeout=60)
            return self._call(function)

        with ThreadPoolExecutor(len(functions)) as pool:
            return list(pool.map(run, functions))

    def _booking(self, env, booking_id):
        return env["scenic.booking"].browse(booking_id)


@tagged("post_install", "-at_install")
class TestBookingParallel(BookingParallelCase):
    """The life cycle of one booking under several workers at once."""

    capacity = 20

    # Keys

    def test_same_key_at_once_is_one_booking(self):
        """Another reference each would be a conflict; the key is what counts."""
        key = f"{self.tag}-key"
        ids = self._at_once(
            lambda env: self._hold_web(env, "KEY", 2, key=key).id, count=8
        )
        self.assertEqual(len(set(ids)), 1, ids)
        self.assertEqual(self._facts(ids[0]), ("held", 0, 2))
        with self._env() as env:
            domain = [("key", "=", key)]
            self.assertEqual(env["scenic.booking.request"].search_count(domain), 1)

    def test_same_key_at_once_with_other_bodies_is_a_conflict(self):
        key = f"{self.tag}-key"
        answers = self._together(
            *(
                lambda env, n=n: self._hold_web(env, f"K{n % 2}", key=key).id
                for n in range(6)
            )
        )
        codes = [getattr(answer, "code", "ok") for answer in answers]
        self.assertEqual(set(codes), {"ok", "KEY_CONFLICT"})
        self.assertEqual(len({a for a in answers if isinstance(a, int)}), 1)

    def test_confirmed_at_once_by_key_issues_once(self):
        booking_id, _until = self._held("CONFIRM", 3)
        answers = self._at_once(
            lambda env: tuple(
                self._booking(env, booking_id)._confirm(key=f"{self.tag}-c").ids
            )
        )
        self.assertEqual(len(set(answers)), 1, answers)
        self.assertEqual(self._facts(booking_id), ("confirmed", 3, 3))

    def test_amended_at_once_by_key_changes_once(self):
        booking_id, _until = self._held("AMEND", 2)
        with self._env() as env:
            self._booking(env, booking_id)._confirm()
            line_id = self._booking(env, booking_id).line_ids.id

        def amend(env):
            change = {**self._line(3), "line_id": line_id}
            return self._booking(env, booking_id)._amend(
                [change], "one more", key=f"{self.tag}-a", document_ref="X"
            )

        answers = self._at_once(amend)
        self.assertTrue(all(answer == answers[0] for answer in answers), answers)
        self.assertEqual(self._facts(booking_id), ("confirmed", 3, 3))

    # Confirm against expiry

    def test_confirm_and_expire_at_once(self):
        """At the very second either all of it is sold or nothing is."""
        for turn in range(4):
            booking_id, until = self._held(f"RACE-{turn}", 2)
            moments = [until - timedelta(seconds=1), until]

            def confirm(env, booking_id=booking_id):
                return len(self._booking(env, booking_id)._confirm())

            def expire(env, booking_id=booking_id):
                return len(self._booking(env, booking_id)._expire())

            with freeze_time(moments[turn % 2]):
                answers = self._together(confirm, expire, confirm, expire)
            state, live, places = self._facts(booking_id)
            if turn % 2:
                self.assertEqual((state, live, places), ("expired", 0, 0))
                self.assertEqual(answers[1] + answers[3], 1)
                self.assertEqual([a.code for a in answers[::2]], ["HOLD_EXPIRED"] * 2)
            else:
                self.assertEqual((state, live, places), ("confirmed", 2, 2))
                self.assertEqual(answers, [2, 0, 2, 0])

    def test_booking_that_is_being_confirmed_does_not_expire(self):
        booking_id, until = self._held("LOCK", 2)
        with self._env() as paying:
            self._booking(paying, booking_id)._confirm()
            with freeze_time(until + timedelta(minutes=1)), self._env() as env:
                self.assertFalse(self._booking(env, booking_id)._expire())
                env["scenic.booking"]._cron_expire()
        self.assertEqual(self._facts(booking_id), ("confirmed", 2, 2))

    def test_confirm_that_waits_for_expiry_is_refused(self):
        booking_id, until = self._held("WAIT", 2)
        with ThreadPoolExecutor(1) as pool, self._env() as env:
            with freeze_time(until):
                self.assertTrue(self._booking(env, booking_id)._expire())
            waiting = pool.submit(
                self._call, lambda env: self._booking(env, booking_id)._confirm().ids
            )
            self._wait_for_lock("scenic_booking%FOR NO KEY UPDATE")
            env.cr.commit()
            answer = waiting.result(timeout=60)
        self.assertIsInstance(answer, BookingError)
        self.assertEqual(answer.code, "HOLD_EXPIRED")
        self.assertEqual(self._facts(booking_id), ("expired", 0, 0))

    # Changes against each other

    def test_amend_and_cancel_at_once(self):
        for turn in range(2):
            booking_id, _until = self._held(f"CANCEL-{turn}", 2)
            with self._env() as env:
                line_id = self._booking(env, booking_id).line_ids.id

            def amend(env, booking_id=booking_id, line_id=line_id):
                change = {"line_id": line_id, "quantity": 4}
                return self._booking(env, booking_id)._amend([change], "more")

            def cancel(env, booking_id=booking_id):
                return self._booking(env, booking_id)._cancel("no")

            answers = self._together(amend, cancel, amend, cancel)
            self.assertEqual(answers[1], None)
            for answer in answers[::2]:
                if isinstance(answer, ScenicError):
                    self.assertIn(answer.code, CODES)
            self.assertEqual(self._facts(booking_id), ("cancelled", 0, 0))
        self.assertEqual(self._stand(), (0, 0, 20))

    def test_two_amends_at_once(self):
        """They follow each other: places, date and tickets are of one of them."""
        booking_id, _until = self._held("TWO", 3)
        days = [self.visit_date + timedelta(days=n) for n in (1, 2)]
        with self._env() as env:
            self._booking(env, booking_id)._confirm()
            line_id = self._booking(env, booking_id).line_ids.id
        answers = self._together(
            *(
                lambda env, day=day: self._booking(env, booking_id)._amend(
                    [{"line_id": line_id, "visit_date": day}], "rain"
                )["lines"]
                for day in days
            )
        )
        self.assertFalse([a for a in answers if isinstance(a, ScenicError)], answers)
        self.assertEqual(self._facts(booking_id), ("confirmed", 3, 3))
        with self._env() as env:
            line = env["scenic.booking.line"].browse(line_id)
            last = line.visit_date
            self.assertEqual(line.change_count, 2)
            self.assertEqual(set(line.ticket_ids.mapped("visit_date")), {last})
            codes = line.ticket_ids.credential_ids.filtered("active")
            self.assertEqual(len(codes), 6)
        [other] = set(days) - {last}
        stands = [self._stand(day) for day in (self.visit_date, other, last)]
        self.assertEqual(stands, [(0, 0, 20), (0, 0, 20), (0, 3, 17)])

    def test_amend_and_refund_at_once(self):
        booking_id, _until = self._held("REFUND", 2)
        next_day = self.visit_date + timedelta(days=1)
        with self._env() as env:
            self._booking(env, booking_id)._confirm()
            line_id = self._booking(env, booking_id).line_ids.id

        def amend(env):
            change = {"line_id": line_id, "visit_date": next_day}
            return self._booking(env, booking_id)._amend([change], "rain")

        def refund(env):
            self._booking(env, booking_id).ticket_ids[0]._refund("R", "ill")

        answers = self._together(amend, refund)
        self.assertFalse([a for a in answers if isinstance(a, ScenicError)], answers)
        self.assertEqual(self._facts(booking_id), ("confirmed", 1, 1))
        self.assertEqual(self._stand(next_day), (0, 1, 19))
        self.assertEqual(self._stand(), (0, 0, 20))
