from concurrent.futures import ThreadPoolExecutor

from odoo import api
from odoo.tests import tagged
from odoo.tools import mute_logger

from .window_parallel import WindowParallelCase


@tagged("post_install", "-at_install")
class TestShiftParallel(WindowParallelCase):
    """An order and the hand-over of its cashier, each in its own transaction."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            sold = self._order(env)
            self._sync(env, sold)
            self.shift_id = (
                env["scenic.shift"]
                .search([("session_id", "=", self.ids["session"])])
                .id
            )

    def _hand_over(self, env):
        session = self._as_cashier(env)["pos.session"].browse(self.ids["session"])
        expected = session.scenic_shift_data()["tenders"][0]["expected"]
        # the window asks in two requests: the second has a snapshot of its own
        env.cr.commit()  # pylint: disable=invalid-commit
        return session.scenic_hand_over(
            self.shift_id,
            {str(self.ids["method"]): expected},
            "Counted before the last sale came through",
        )

    def _assert_in_one_shift(self, uuid):
        """Return the shift that counts the order; its sheet says the same."""
        with self._env() as env:
            order = env["pos.order"].search([("uuid", "=", uuid)])
            self.assertEqual(len(order), 1)
            self.assertEqual(order.state, "paid")
            self.assertEqual(len(order.scenic_shift_id | order.scenic_late_shift_id), 1)
            closed = env["scenic.shift"].browse(self.shift_id)
            self.assertEqual(closed.state, "closed")
            counted = env["pos.order"].search([("scenic_shift_id", "=", closed.id)])
            [tender] = closed.figures["tenders"]
            self.assertEqual(tender["orders"], len(counted))
            self.assertEqual(tender["sales"], sum(counted.mapped("amount_total")))
            self.assertEqual(closed.order_count, len(counted))
            return (order.scenic_shift_id | order.scenic_late_shift_id).id

    def test_who_hands_over_waits_for_what_is_being_sold(self):
        with ThreadPoolExecutor(1) as pool, self.registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            order = self._order(env)
            self._sync(env, order)
            waiting = pool.submit(self._call, self._hand_over)
            self._wait_for_lock("scenic_lock")
            cr.commit()  # pylint: disable=invalid-commit
            sheet = waiting.result(timeout=60)
        self.assertEqual(sheet["state"], "closed")
        self.assertEqual(self._assert_in_one_shift(order["uuid"]), self.shift_id)

    def test_what_arrives_behind_the_hand_over_stands_apart(self):
        with ThreadPoolExecutor(1) as pool, self.registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            self._hand_over(env)
            order = self._order(env)
            waiting = pool.submit(self._call, lambda other: self._sync(other, order))
            self._wait_for_lock("scenic_lock")
            cr.commit()  # pylint: disable=invalid-commit
            waiting.result(timeout=60)
        with self._env() as env:
            kept = env["pos.order"].search([("uuid", "=", order["uuid"])])
            # by the second: paid when the shift ended, or with the next one
            self.assertTrue(
                kept.scenic_late_shift_id.id == self.shift_id
                or kept.scenic_shift_id.id not in (False, self.shift_id)
            )
        self._assert_in_one_shift(order["uuid"])

    # who meets the other one at a row all the same is called again
    @mute_logger("odoo.sql_db")
    def test_both_at_once(self):
        for _turn in range(3):
            with self._env() as env:
                order = self._order(env)
            with ThreadPoolExecutor(2) as pool:
                calls = [
                    pool.submit(self._call, lambda env, o=order: self._sync(env, o)),
                    pool.submit(self._call, self._hand_over),
                ]
                for call in calls:
                    call.result(timeout=60)
            self._assert_in_one_shift(order["uuid"])
            with self._env() as env:
                self._sync(env, self._order(env))
                self.shift_id = (
                    env["scenic.shift"]
                    .search(
                        [
                            ("session_id", "=", self.ids["session"]),
                            ("state", "=", "open"),
                        ]
                    )
                    .id
                )
