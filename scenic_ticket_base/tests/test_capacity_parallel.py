import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import psycopg2
from freezegun import freeze_time

from odoo import api
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import CapacityError
from ..models.scenic_capacity_pool_claim import bucket_of
from .parallel import ParallelCase


class CapacityParallelCase(ParallelCase):
    capacity = 7

    def setUp(self):
        super().setUp()
        with self._env() as env:
            product = env["product.product"].browse(self.product_id)
            self.site_id = product.scenic_site_id.id
            self.pool_id = self._make_pool(env, self.capacity).id
            # the first sale of a new database makes the key, once for all
            env["scenic.signing.key"].sudo()._active()

    def _make_pool(self, env, capacity, **values):
        pool = env["scenic.capacity.pool"].create(
            {
                "name": "Parallel",
                "site_id": self.site_id,
                "capacity": capacity,
                "days_shown": 0,
                **values,
            }
        )
        self.made.insert(0, ("scenic.capacity.pool", pool.ids))
        return pool

    def _set_capacity(self, capacity):
        with self._env() as env:
            env["scenic.capacity.pool"].browse(self.pool_id).capacity = capacity

    def _buy(self, env, number, quantity=1):
        return tuple(self._hold(env, f"BUY-{number}", quantity)._confirm().ids)

    def _stand(self, day=None):
        """Return the sums of the counts and of the holds, which must be equal."""
        unit = (self.pool_id, day or self.visit_date, False)
        with self._env() as env:
            state = env["scenic.capacity.pool"]._state([unit])[unit]
            env.cr.execute(
                "SELECT COALESCE(sum(persons - persons_released) "
                "FILTER (WHERE state = 'held'), 0), "
                "COALESCE(sum(persons - persons_released) "
                "FILTER (WHERE state = 'sold'), 0) "
                "FROM scenic_capacity_hold WHERE bucket = %s",
                [bucket_of(*unit)],
            )
            held, sold = env.cr.fetchone()
        self.assertEqual((state["held"], state["sold"]), (held, sold))
        self.assertEqual(state["pending"], 0)
        return held, sold, state["free"]

    def _rows(self, table):
        with self._env() as env:
            env.cr.execute(
                f"SELECT count(*) FROM scenic_capacity_{table} WHERE bucket >> 32 = %s",
                [self.pool_id],
            )
            return env.cr.fetchone()[0]


@tagged("post_install", "-at_install")
class TestCapacityParallel(CapacityParallelCase):
    def test_a4_fifty_buyers_for_the_last_seven_places(self):
        with self._retries() as retries:
            answers = self._at_once_each(self._buy, 50)
        codes = self._codes(answers)
        self.assertEqual(codes.count("ok"), 7, codes)
        self.assertEqual(set(codes), {"ok", "SOLD_OUT"})
        self.assertEqual(retries, [])
        self.assertEqual(self._stand(), (0, 7, 0))
        with self._env() as env:
            tickets = env["scenic.ticket"].search(
                [("product_id", "=", self.product_id)]
            )
            self.assertEqual(len(tickets), 7)

    def test_a4_groups_fill_the_last_places_to_the_person(self):
        self._set_capacity(20)
        self._at_once_each(partial(self._buy, quantity=3), 16)
        self.assertEqual(self._stand(), (0, 18, 2))
        answer = self._call(lambda env: self._buy(env, "pair", 2))
        self.assertEqual(len(answer), 2)
        self.assertEqual(self._stand(), (0, 20, 0))

    def test_sixteen_buyers_never_start_anew(self):
        self._set_capacity(1000)

        def buy_some(env, number):
            return self._buy(env, f"{number}-{time.monotonic_ns()}")

        with self._retries() as retries:
            for _turn in range(5):
                answers = self._at_once_each(buy_some, 16)
                self.assertEqual(set(self._codes(answers)), {"ok"})
        self.assertEqual(retries, [])
        self.assertEqual(self._stand(), (0, 80, 920))

    def test_a_place_that_is_given_up_goes_to_who_waits(self):
        """The last place is taken by a transaction that fails in the end."""
        answer = self._wait_for_the_last_place(kept=False)
        self.assertIsInstance(answer, tuple, answer)
        self.assertEqual(self._stand(), (0, 1, 0))

    def test_a_place_that_is_kept_is_refused_to_who_waits(self):
        answer = self._wait_for_the_last_place(kept=True)
        self.assertIsInstance(answer, CapacityError)
        self.assertEqual(answer.code, "SOLD_OUT")
        self.assertEqual(self._stand(), (1, 0, 0))

    def _wait_for_the_last_place(self, kept):
        """Return what a second buyer gets, once the first one kept it or gave it up."""
        self._set_capacity(1)
        with ThreadPoolExecutor(1) as pool:
            with self.registry.cursor() as cr:
                env = api.Environment(cr, api.SUPERUSER_ID, {})
                self._hold(env, "FIRST")
                waiting = pool.submit(self._call, lambda env: self._buy(env, "SECOND"))
                self._wait_for_lock("scenic_capacity_owner")
                if not kept:
                    cr.rollback()
            return waiting.result(timeout=30)

    def test_buyers_do_not_wait_where_there_is_room(self):
        """A transaction that stays open for long delays nobody but the last ones."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            self._hold(env, "SLOW")
            answers = self._at_once_each(self._buy, 6)
            self.assertEqual(set(self._codes(answers)), {"ok"})
            cr.rollback()
        self.assertEqual(self._stand(), (0, 6, 1))

    def test_a_killed_connection_leaves_no_place_taken(self):
        cr = self.registry.cursor()
        env = api.Environment(cr, api.SUPERUSER_ID, {})
        self._hold(env, "KILLED", 7)
        cr.execute("SELECT pg_backend_pid()")
        [pid] = cr.fetchone()
        with self._env() as other:
            other.cr.execute("SELECT pg_terminate_backend(%s)", [pid])
        with self.assertRaises(psycopg2.Error), mute_logger("odoo.sql_db"):
            cr.execute("SELECT 1")
        cr._cnx.close()
        self.assertEqual(
            self._codes([self._call(lambda e: self._buy(e, "A", 7))]), ["ok"]
        )
        self.assertEqual(self._stand(), (0, 7, 0))
        self.assertEqual(self._advisory_locks("scenic_capacity_pool"), 0)

    def test_a_savepoint_that_fails_gives_its_places_back(self):
        with self._env() as env:
            pools = env["scenic.capacity.pool"]
            with suppress(KeyError), env.cr.savepoint():
                self._hold(env, "SP", 7)
                raise KeyError
            self.assertEqual(
                pools._state([(self.pool_id, self.visit_date, False)])[
                    (self.pool_id, self.visit_date, False)
                ]["free"],
                7,
            )
            self._hold(env, "SP2", 7)
        self.assertEqual(self._stand(), (7, 0, 0))

    def test_amend_and_cancel_at_once_keep_the_sum(self):
        other_day = self.visit_date + timedelta(days=1)
        self._set_capacity(12)
        with self._env() as env:
            bookings = [self._hold(env, f"SUM-{i}", 2) for i in range(6)]
            booking_ids = [booking.id for booking in bookings]
        self.assertEqual(self._stand(), (12, 0, 0))

        def act(env, number):
            pools = env["scenic.capacity.pool"]
            if number < 6:
                booking = env["scenic.booking"].browse(booking_ids[number])
                booking._lock()
                lines = booking.line_ids
                if number % 3 == 0:
                    pools._move(lines, other_day)
                    lines.visit_date = other_day
                elif number % 3 == 1:
                    booking._cancel("changed plans")
                else:
                    booking._confirm()
                return None
            return self._buy(env, number)

        answers = self._at_once_each(act, 14)
        held, sold, free = self._stand()
        self.assertEqual(held + sold + free, 12)
        bought = sum(1 for a in answers[6:] if isinstance(a, tuple))
        self.assertEqual(held, 0)
        self.assertEqual(sold, 4 + bought)
        self.assertEqual(self._stand(other_day), (4, 0, 8))

    def test_a_full_day_swaps_with_itself(self):
        with self._env() as env:
            booking = self._hold(env, "SELF", 7)
            env["scenic.capacity.pool"]._move(booking.line_ids.sudo(), self.visit_date)
        self.assertEqual(self._stand(), (7, 0, 0))

    def test_capacity_cannot_fall_below_what_is_being_sold(self):
        """Buyers and a manager at once: never more taken than the capacity."""
        self._set_capacity(40)

        def act(env, number):
            if number == 0:
                env["scenic.capacity.pool"].browse(self.pool_id).capacity = 12
                return None
            return self._buy(env, number)

        answers = self._at_once_each(act, 21)
        held, sold, free = self._stand()
        bought = sum(1 for a in answers[1:] if isinstance(a, tuple))
        self.assertEqual((held, sold), (0, bought))
        with self._env() as env:
            capacity = env["scenic.capacity.pool"].browse(self.pool_id).capacity
        if isinstance(answers[0], CapacityError):
            self.assertEqual(answers[0].code, "CAPACITY_TAKEN")
            self.assertEqual((capacity, bought), (40, 20))
        else:
            self.assertEqual(capacity, 12)
            self.assertLessEqual(bought, 12)
        self.assertEqual(held + sold + free, capacity)

    def test_lowered_capacity_holds_before_it_is_committed(self):
        with self.registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            env["scenic.capacity.day"].create(
                {"pool_id": self.pool_id, "date": self.visit_date, "capacity": 3}
            )
            env.flush_all()
            answers = self._at_once_each(self._buy, 3)
            self.assertEqual(set(self._codes(answers)), {"ok"})
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(self._call, lambda env: self._buy(env, "FOURTH"))
                self._wait_for_lock("scenic_capacity_owner")
                cr.commit()  # pylint: disable=invalid-commit
                answer = waiting.result(timeout=30)
        self.assertEqual(answer.code, "SOLD_OUT")
        self.assertEqual(self._stand(), (0, 3, 0))

    def test_an_expired_hold_frees_its_places_at_once(self):
        with self._env() as env:
            booking = self._hold(env, "LATE", 7)
            booking.flush_recordset()
            env.cr.execute(
                "UPDATE scenic_booking SET held_until = now() AT TIME ZONE 'UTC' "
                "- interval '1 second' WHERE id = %s",
                booking.ids,
            )
        with self._retries() as retries:
            answers = self._at_once_each(self._buy, 12)
        codes = self._codes(answers)
        self.assertEqual(codes.count("ok"), 7, codes)
        self.assertEqual(retries, [])
        self.assertEqual(self._stand(), (0, 7, 0))
        with self._env() as env:
            self.assertEqual(env["scenic.booking"].browse(booking.id).state, "expired")

    def test_a_booking_that_is_being_paid_does_not_expire(self):
        with self._env() as env:
            booking = self._hold(env, "PAY", 7)
        with self.registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            mine = env["scenic.booking"].browse(booking.id)
            mine._confirm()
            # its time is over while the payment runs
            with freeze_time(datetime.now() + timedelta(days=2)):
                error = self._call(lambda env: self._buy(env, "OTHER"))
            self.assertEqual(self._codes([error]), ["SOLD_OUT"])
            cr.commit()  # pylint: disable=invalid-commit
        self.assertEqual(self._stand(), (0, 7, 0))

    def test_changes_are_folded(self):
        self._set_capacity(1000)
        most = {"delta": 0, "claim": 0}
        for number in range(40):
            self._call(lambda env, number=number: self._buy(env, f"F{number}"))
            for table, rows in most.items():
                most[table] = max(rows, self._rows(table))
        # a hold and a sale are three changes; from 30 on they are folded
        self.assertLessEqual(most["delta"], 36)
        self.assertLessEqual(most["claim"], 32)
        with self._env() as env:
            env["scenic.capacity.pool"]._fold()
        self.assertEqual(self._rows("delta"), 0)
        self.assertEqual(self._rows("claim"), 0)
        self.assertEqual(self._rows("count"), 1)
        self.assertEqual(self._stand(), (0, 40, 960))

    def test_pool_of_the_same_transaction_limits_it(self):
        with self.registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            env["scenic.capacity.pool"].create(
                {
                    "name": "New",
                    "site_id": self.site_id,
                    "capacity": 2,
                    "days_shown": 0,
                }
            )
            self._hold(env, "NEW-1", 2)
            with self.assertRaises(CapacityError):
                self._hold(env, "NEW-2", 1)
            cr.rollback()
        self.assertEqual(self._stand(), (0, 0, 7))

    def test_claims_of_a_restored_dump_do_not_count(self):
        with self._env() as env:
            env.cr.execute(
                "INSERT INTO scenic_capacity_claim "
                "(pool_id, bucket, channel_id, persons, xid) "
                "SELECT %s, %s, id, 7, (pg_current_xact_id()::text::numeric + 10^9)"
                "::text::xid8 FROM scenic_channel LIMIT 1",
                [self.pool_id, bucket_of(self.pool_id, self.visit_date, False)],
            )
        self.assertEqual(self._stand(), (0, 0, 7))
        with self._env() as env:
            env["scenic.capacity.pool"]._fold()
        self.assertEqual(self._rows("claim"), 0)
