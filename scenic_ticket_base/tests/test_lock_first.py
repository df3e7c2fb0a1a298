import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from unittest.mock import Mock

import psycopg2
from freezegun import freeze_time

from odoo import SUPERUSER_ID, api
from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import ScenicError
from ..tools.lock_first import lock_first
from .test_booking_parallel import BookingParallelCase

BUYERS = 16


@tagged("post_install", "-at_install")
class TestLockFirst(BookingParallelCase):
    """Nobody who meets another one is sent back by the framework, which would sleep."""

    capacity = 100

    def _repeat(self, function):
        """Call it by 16 workers at once: all get the same answer, none is sent back."""
        with self._retries() as retries:
            answers = self._at_once(function, BUYERS)
        self.assertEqual(retries, [])
        self.assertTrue(all(a == answers[0] for a in answers), answers)
        self.assertNotIsInstance(answers[0], Exception)
        return answers[0]

    def _race(self, *functions):
        """Call each function by four workers at once; none is sent back."""
        with self._retries() as retries:
            answers = self._together(*(functions * 4))
        self.assertEqual(retries, [])
        return [answers[n :: len(functions)] for n in range(len(functions))]

    def _sold(self, ref, quantity=1):
        booking_id, _until = self._held(ref, quantity)
        with self._env() as env:
            booking = self._booking(env, booking_id)
            return booking_id, booking._confirm().ids, booking.line_ids.id

    def _key(self, name):
        return f"{self.tag}-{name}"

    # One key by sixteen

    def test_one_key_holds_once(self):
        booking_id = self._repeat(
            lambda env: self._hold_web(env, "H", 2, key=self._key("h")).id
        )
        self.assertEqual(self._facts(booking_id), ("held", 0, 2))

    def test_one_order_without_a_key_holds_once(self):
        booking_id = self._repeat(lambda env: self._hold_web(env, "O", 2).id)
        self.assertEqual(self._facts(booking_id), ("held", 0, 2))

    def test_one_key_holds_and_confirms_once(self):
        """What a shop does whose customer clicks again and again."""

        def buy(env):
            booking = self._hold_web(env, "HC", 2, key=self._key("h"))
            tickets = booking._confirm(key=self._key("c"))
            return booking.id, booking.state, tuple(tickets.mapped("number"))

        booking_id, state, numbers = self._repeat(buy)
        self.assertEqual((state, len(numbers)), ("confirmed", 2))
        self.assertEqual(self._facts(booking_id), ("confirmed", 2, 2))

    def test_one_key_confirms_once(self):
        booking_id, _until = self._held("C", 3)
        for key in (self._key("c"), None):
            tickets = self._repeat(
                lambda env, key=key: tuple(
                    self._booking(env, booking_id)._confirm(key=key).mapped("name")
                )
            )
            self.assertEqual(len(tickets), 3)
        self.assertEqual(self._facts(booking_id), ("confirmed", 3, 3))

    def test_one_key_extends_once(self):
        booking_id, until = self._held("E", minutes=20)
        later = self._repeat(
            lambda env: self._booking(env, booking_id)._extend(60, key=self._key("e"))
        )
        self.assertGreater(later, until)
        with self._env() as env:
            booking = self._booking(env, booking_id)
            self.assertEqual(booking.held_until, later)
            log = [("action", "=", "booking_extend"), ("res_id", "=", booking_id)]
            self.assertEqual(env["scenic.audit"].search_count(log), 1)

    def test_one_key_amends_once(self):
        booking_id, _tickets, line_id = self._sold("A", 2)
        change = {"line_id": line_id, "visit_date": self.visit_date + timedelta(days=1)}
        answer = self._repeat(
            lambda env: self._booking(env, booking_id)._amend(
                [change], "rain", key=self._key("a")
            )
        )
        self.assertEqual(answer["state"], "confirmed")
        with self._env() as env:
            line = env["scenic.booking.line"].browse(line_id)
            self.assertEqual(line.change_count, 1)
        self.assertEqual(self._facts(booking_id), ("confirmed", 2, 2))

    def test_one_key_cancels_once(self):
        booking_id, _until = self._held("X", 2)
        self._repeat(
            lambda env: (
                self._booking(env, booking_id)._cancel("no", key=self._key("x"))
                or "done"
            )
        )
        self.assertEqual(self._facts(booking_id), ("cancelled", 0, 0))
        with self._env() as env:
            log = [("action", "=", "booking_cancel"), ("res_id", "=", booking_id)]
            self.assertEqual(env["scenic.audit"].search_count(log), 1)

    # One booking by several

    def test_amend_and_amend(self):
        booking_id, _tickets, line_id = self._sold("AA", 3)
        days = [self.visit_date + timedelta(days=n) for n in (1, 2)]
        answers = self._race(
            *(
                lambda env, day=day: self._booking(env, booking_id)._amend(
                    [{"line_id": line_id, "visit_date": day}], "rain"
                )["state"]
                for day in days
            )
        )
        self.assertEqual(answers, [["confirmed"] * 4] * 2)
        self.assertEqual(self._facts(booking_id), ("confirmed", 3, 3))
        stands = [self._stand(day)[1] for day in (self.visit_date, *days)]
        self.assertEqual((stands[0], sorted(stands[1:])), (0, [0, 3]))

    def test_amend_and_cancel(self):
        booking_id, _until = self._held("AC", 2)
        with self._env() as env:
            line_id = self._booking(env, booking_id).line_ids.id
        amended, cancelled = self._race(
            lambda env: self._booking(env, booking_id)._amend(
                [{"line_id": line_id, "quantity": 4}], "more"
            )["state"],
            lambda env: self._booking(env, booking_id)._cancel("no"),
        )
        self.assertEqual(cancelled, [None] * 4)
        self.assertLessEqual(
            {getattr(answer, "code", answer) for answer in amended},
            {"held", "BOOKING_STATE"},
        )
        self.assertEqual(self._facts(booking_id), ("cancelled", 0, 0))
        self.assertEqual(self._stand(), (0, 0, 100))

    def test_confirm_and_expiry(self):
        for turn in range(4):
            booking_id, until = self._held(f"CE{turn}", 2)
            with freeze_time(until - timedelta(seconds=1 - turn % 2)):
                confirmed, expired = self._race(
                    lambda env, id_=booking_id: len(self._booking(env, id_)._confirm()),
                    lambda env, id_=booking_id: len(self._booking(env, id_)._expire()),
                )
            if turn % 2:
                self.assertEqual({a.code for a in confirmed}, {"HOLD_EXPIRED"})
                self.assertEqual(sum(expired), 1)
                self.assertEqual(self._facts(booking_id), ("expired", 0, 0))
            else:
                self.assertEqual((confirmed, expired), ([2] * 4, [0] * 4))
                self.assertEqual(self._facts(booking_id), ("confirmed", 2, 2))

    def test_extend_and_confirm(self):
        booking_id, until = self._held("EC", 2, minutes=20)
        extended, confirmed = self._race(
            lambda env: self._booking(env, booking_id)._extend(60),
            lambda env: len(self._booking(env, booking_id)._confirm()),
        )
        self.assertEqual(confirmed, [2] * 4)
        for answer in extended:
            if isinstance(answer, ScenicError):
                self.assertEqual(answer.code, "BOOKING_STATE")
            else:
                self.assertGreater(answer, until)
        self.assertEqual(self._facts(booking_id), ("confirmed", 2, 2))

    def test_amend_and_refund(self):
        booking_id, tickets, line_id = self._sold("AR", 2)
        next_day = self.visit_date + timedelta(days=1)
        amended, refunded = self._race(
            lambda env: self._booking(env, booking_id)._amend(
                [{"line_id": line_id, "visit_date": next_day}], "rain"
            )["state"],
            lambda env: len(env["scenic.ticket"].browse(tickets[0])._refund("R", "x")),
        )
        self.assertEqual(amended, ["confirmed"] * 4)
        codes = sorted(str(getattr(a, "code", a)) for a in refunded)
        self.assertEqual(codes, ["1"] + ["TICKET_REFUNDED"] * 3)
        self.assertEqual(self._facts(booking_id), ("confirmed", 1, 1))

    # One ticket by several

    def test_changes_of_one_ticket(self):
        _booking_id, [ticket_id], _line_id = self._sold("T")
        with self._env() as env:
            ticket = env["scenic.ticket"].browse(ticket_id)
            code_id = ticket.credential_ids.filtered(lambda c: c.kind == "qr").id
        freezes, releases, replaced = self._race(
            lambda env: env["scenic.ticket"].browse(ticket_id)._freeze("lost"),
            lambda env: env["scenic.ticket"].browse(ticket_id)._unfreeze("found"),
            lambda env: env["scenic.credential"].browse(code_id)._replace("lost").ids,
        )
        frozen = freezes.count(None) - releases.count(None)
        self.assertIn(frozen, (0, 1))
        codes = sorted(getattr(answer, "code", "ok") for answer in replaced)
        self.assertEqual(codes, ["MEDIUM_REPLACED"] * 3 + ["ok"])
        with self._env() as env:
            ticket = env["scenic.ticket"].browse(ticket_id)
            self.assertEqual(ticket.state, "frozen" if frozen else "valid")
            live = ticket.credential_ids.filtered(lambda c: c.state == "active")
            self.assertEqual(live.mapped("issue"), [1, 1])

    def test_refund_and_void(self):
        _booking_id, [ticket_id], _line_id = self._sold("RV")
        refunded, voided = self._race(
            lambda env: env["scenic.ticket"].browse(ticket_id)._refund("R", "x").ids,
            lambda env: env["scenic.ticket"].browse(ticket_id)._void("x"),
        )
        won = [a for a in refunded + voided if not isinstance(a, ScenicError)]
        self.assertIn(len(won), (1, 2))  # what was voided may be paid back, not again
        with self._env() as env:
            ticket = env["scenic.ticket"].browse(ticket_id)
            self.assertIn(ticket.state, ("refunded", "void"))
            self.assertLessEqual(len(ticket.refund_ids), 1)

    # The lock itself

    def _locks(self):
        return self._advisory_locks("scenic_lock_first")

    def test_no_lock_is_left(self):
        booking_id, _until = self._held("L")
        self._repeat(lambda env: len(self._booking(env, booking_id)._confirm()))
        self.assertEqual(self._locks(), 0)

    def _waits(self, env, query="scenic_lock"):
        for _turn in range(200):
            env.cr.execute("SELECT pg_stat_clear_snapshot()")
            env.cr.execute(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database() AND query LIKE %s",
                [f"%{query}%"],
            )
            if row := env.cr.fetchone():
                return row[0]
            env.cr.execute("SELECT pg_sleep(0.02)")
        self.fail("nobody waits")

    def test_a_wait_that_is_broken_off_leaves_no_lock(self):
        with ThreadPoolExecutor(1) as pool, self._env() as env:
            lock_first(env, ["a", "b"], lambda: env.cr.execute("SELECT 1"))
            waiting = pool.submit(
                self._call, lambda env: lock_first(env, ["b", "c", "d"], lambda: 1)
            )
            pid = self._waits(env)
            env.cr.execute("SELECT pg_cancel_backend(%s)", [pid])
            with mute_logger("odoo.sql_db"):
                self.assertIsInstance(
                    waiting.exception(timeout=60), psycopg2.errors.QueryCanceled
                )
            self.assertEqual(self._locks(), 2)
        self.assertEqual(self._locks(), 0)

    def test_who_waited_sees_what_was_done(self):
        with ThreadPoolExecutor(1) as pool, self._env() as env:
            site = env["product.product"].browse(self.product_id).scenic_site_id

            def look(env):
                mine = env["scenic.site"].browse(site.id)
                before = mine.name
                return before, lock_first(env, ["x"], lambda: mine.name)

            lock_first(env, ["x"], lambda: site.write({"name": "Later"}))
            waiting = pool.submit(self._call, look)
            self._waits(env)
            env.cr.commit()
            self.assertEqual(waiting.result(timeout=60), ("Parallel", "Later"))

    def test_nothing_that_was_begun_is_thrown_away(self):
        """Written, in a savepoint, with a callback or another's lock: never anew."""

        def wrote(env, act):
            env["scenic.site"].browse(self.site_id).name = "Written"
            return act(env), env["scenic.site"].browse(self.site_id).name

        def saved(env, act):
            with env.cr.savepoint():
                return act(env)

        def called(env, act):
            env.cr.postcommit.add(lambda: called_back.append(1))
            return act(env)

        def locked(env, act):
            env.cr.execute("SELECT pg_advisory_xact_lock(4711)")
            return act(env)

        called_back = []
        for before in (wrote, saved, called, locked):
            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                meet = Mock(side_effect=ConcurrencyError("met"))
                with suppress(ConcurrencyError):
                    before(env, partial(lock_first, names=["y"], act=meet))
                self.assertEqual(meet.call_count, 1, before.__name__)
                cr.rollback()
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            met = ConcurrencyError("met")
            act = Mock(side_effect=[met, met, "done"])
            self.assertEqual(lock_first(env, ["y"], act), "done")

    def test_two_locks_in_any_order(self):
        """Names are locked in an order of their own, so nobody waits crosswise."""
        turn, names = threading.local(), [f"{self.tag}-{n}" for n in range(5)]

        def act(env):
            turn.value = threading.get_ident()
            order = names[:: 1 if turn.value % 2 else -1]
            return lock_first(env, order, lambda: env.cr.execute("SELECT 1"))

        with self._retries() as retries:
            self.assertEqual(self._at_once(act, BUYERS), [None] * BUYERS)
        self.assertEqual(retries, [])
