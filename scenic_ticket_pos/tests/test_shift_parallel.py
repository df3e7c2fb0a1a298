from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from odoo import Command, api, fields
from odoo.tests import tagged

from odoo.addons.scenic_ticket_base.tests.parallel import ParallelCase


@tagged("post_install", "-at_install")
class TestShiftParallel(ParallelCase):
    """An order and the hand-over of its cashier, each in its own transaction."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            journals = env["account.journal"].create(
                [
                    {
                        "name": f"{kind} {self.tag}",
                        "type": kind,
                        "code": f"{kind[0]}{n}",
                    }
                    for n, kind in enumerate(("cash", "sale"), int(self.tag[:3], 16))
                ]
            )
            method = env["pos.payment.method"].create(
                {"name": "Cash", "journal_id": journals[0].id}
            )
            # nobody made for this: the audit trail keeps whom it names for ever
            cashier = env.ref("base.user_admin")
            config = env["pos.config"].create(
                {
                    "name": f"Window {self.tag}",
                    "journal_id": journals[1].id,
                    "invoice_journal_id": journals[1].id,
                    "payment_method_ids": [Command.set(method.ids)],
                }
            )
            config.with_user(cashier).open_ui()
            session = config.current_session_id
            session.with_user(cashier).set_opening_control(0, "")
            self.ids = {
                "cashier": cashier.id,
                "config": config.id,
                "journals": journals.ids,
                "method": method.id,
                "session": session.id,
            }
            sold = self._order(env)
            self._sync(env, sold)
            self.shift_id = (
                env["scenic.shift"].search([("session_id", "=", session.id)]).id
            )

    def _remove(self):
        with self._env() as env:
            cr, session_id = env.cr, self.ids["session"]
            # a shift that is handed over stays for ever, but for this
            cr.execute("ALTER TABLE scenic_shift DISABLE TRIGGER scenic_shift_closed")
            cr.execute(
                "UPDATE scenic_ticket SET pos_order_line_id = NULL "
                "WHERE product_id = %s",
                [self.product_id],
            )
            cr.execute("DELETE FROM pos_payment WHERE session_id = %s", [session_id])
            cr.execute("DELETE FROM pos_order WHERE session_id = %s", [session_id])
            cr.execute("DELETE FROM scenic_shift WHERE session_id = %s", [session_id])
            cr.execute("DELETE FROM pos_session WHERE id = %s", [session_id])
            cr.execute(
                "ALTER TABLE scenic_shift ENABLE ALWAYS TRIGGER scenic_shift_closed"
            )
        super()._remove()
        with self._env() as env:
            env["pos.config"].browse(self.ids["config"]).unlink()
            env["pos.payment.method"].browse(self.ids["method"]).unlink()
            env["account.journal"].browse(self.ids["journals"]).unlink()

    def _order(self, env):
        product = env["product.product"].browse(self.product_id)
        now = fields.Datetime.to_string(fields.Datetime.now())
        price = product.lst_price
        return {
            "uuid": str(uuid4()),
            "access_token": str(uuid4()),
            "session_id": self.ids["session"],
            "user_id": self.ids["cashier"],
            "company_id": env.company.id,
            "date_order": now,
            "state": "paid",
            "to_invoice": False,
            "is_refund": False,
            "last_order_preparation_change": "{}",
            "amount_total": price,
            "amount_tax": 0,
            "amount_paid": price,
            "amount_return": 0,
            "lines": [
                Command.create(
                    {
                        "uuid": str(uuid4()),
                        "product_id": product.id,
                        "qty": 1,
                        "price_unit": price,
                        "price_subtotal": price,
                        "price_subtotal_incl": price,
                        "tax_ids": [],
                    }
                )
            ],
            "payment_ids": [
                Command.create(
                    {
                        "uuid": str(uuid4()),
                        "amount": price,
                        "payment_date": now,
                        "payment_method_id": self.ids["method"],
                    }
                )
            ],
        }

    def _as_cashier(self, env):
        return env(user=self.ids["cashier"])

    def _sync(self, env, order):
        return self._as_cashier(env)["pos.order"].sync_from_ui([order])

    def _hand_over(self, env):
        session = self._as_cashier(env)["pos.session"].browse(self.ids["session"])
        expected = session.scenic_shift_data()["tenders"][0]["expected"]
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
            cr.commit()
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
            cr.commit()
            waiting.result(timeout=60)
        with self._env() as env:
            kept = env["pos.order"].search([("uuid", "=", order["uuid"])])
            # by the second: paid when the shift ended, or with the next one
            self.assertTrue(
                kept.scenic_late_shift_id.id == self.shift_id
                or kept.scenic_shift_id.id not in (False, self.shift_id)
            )
        self._assert_in_one_shift(order["uuid"])

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
