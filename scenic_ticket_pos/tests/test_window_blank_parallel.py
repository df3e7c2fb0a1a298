from odoo import Command, fields
from odoo.tests import tagged

from .window_parallel import WindowParallelCase

SIZE = 4
CALLS = 4


@tagged("post_install", "-at_install")
class TestWindowBlankParallel(WindowParallelCase):
    """The blanks of a window, told of by several browsers at once."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            template = env["product.product"].browse(self.product_id).product_tmpl_id
            env["pos.config"].browse(self.ids["config"]).write(
                {
                    "scenic_blank_size": SIZE,
                    "scenic_blank_product_ids": [Command.set(template.ids)],
                }
            )

    def _ask(self, env, device, known=(), spoiled=()):
        session = self._as_cashier(env)["pos.session"].browse(self.ids["session"])
        return session.scenic_sync_blanks(device, list(known), list(spoiled))

    def _lent(self, device):
        return self._call(lambda env: self._ask(env, device))["blanks"]

    def _order_of(self, env, row):
        return self._order(
            env,
            scenic_visit_date=fields.Date.to_string(row["visit_date"]),
            # nobody can remove what is written down of a print
            scenic_blanks=[{"number": row["number"], "prints": 0}],
        )

    def _orders(self, count, row):
        with self._env() as env:
            return [self._order_of(env, row) for _number in range(count)]

    def _assert_sold_by(self, row, orders):
        """Exactly one of these orders is there, and the blank is its ticket."""
        with self._env() as env:
            kept = env["pos.order"].search(
                [("uuid", "in", [order["uuid"] for order in orders])]
            )
            self.assertEqual(len(kept), 1)
            tickets = env["scenic.ticket"].search(
                [("product_id", "=", self.product_id), ("blank_state", "=", "sold")]
            )
            self.assertEqual(tickets.ids, [row["id"]])
            self.assertEqual(kept.lines.scenic_ticket_ids, tickets)
            self.assertEqual(tickets.state, "valid")

    def test_browsers_are_lent_the_size_together(self):
        for _turn in range(3):
            answers = self._at_once_each(
                lambda env, number: self._ask(env, f"browser-{number}"), CALLS
            )
            lent = [row["id"] for answer in answers for row in answer["blanks"]]
            self.assertEqual(len(set(lent)), len(lent))
            self.assertEqual(len(lent), SIZE)

    def test_one_browser_that_asks_twice_is_lent_once(self):
        """A browser whose line is slow does not wait before it asks again."""
        answers = self._at_once(lambda env: self._ask(env, "browser"), CALLS)
        lent = [[row["id"] for row in answer["blanks"]] for answer in answers]
        self.assertEqual(len(lent[0]), SIZE)
        self.assertEqual(lent, [lent[0]] * CALLS)

    def test_one_blank_in_several_orders_is_sold_once(self):
        """As if the browser's disk had been copied: the others are told so."""
        row = self._lent("browser")[0]
        orders = self._orders(CALLS, row)
        answers = self._at_once_each(
            lambda env, number: self._sync(env, orders[number]), CALLS
        )
        self.assertEqual(
            sorted(self._codes(answers)), ["BLANK_SOLD"] * (CALLS - 1) + ["ok"]
        )
        self._assert_sold_by(row, orders)

    def test_one_order_that_arrives_several_times_is_one_sale(self):
        row = self._lent("browser")[0]
        [order] = self._orders(1, row)
        answers = self._at_once(lambda env: self._sync(env, order), CALLS)
        self.assertEqual(set(self._codes(answers)), {"ok"})
        self._assert_sold_by(row, [order])

    def test_sold_and_told_as_spoiled_at_once(self):
        """Whichever is first: the ticket is sold, or it admits nobody."""
        for _turn in range(4):
            row = self._lent("browser")[0]
            [order] = self._orders(1, row)

            def act(env, number, order=order, row=row):
                if number:
                    return self._ask(env, "browser", [row["id"]], [row["id"]])
                return self._sync(env, order)

            sold, told = self._at_once_each(act, 2)
            self.assertEqual(told["gone"], [row["id"]])
            with self._env() as env:
                ticket = env["scenic.ticket"].browse(row["id"])
                kept = env["pos.order"].search([("uuid", "=", order["uuid"])])
                if self._codes([sold]) == ["ok"]:
                    self.assertEqual(kept.lines.scenic_ticket_ids, ticket)
                    state = ("valid", "sold")
                else:
                    self.assertEqual(sold.code, "BLANK_VOID")
                    self.assertFalse(kept)
                    state = ("void", "spoiled")
                self.assertEqual((ticket.state, ticket.blank_state), state)
