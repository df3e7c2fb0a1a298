from datetime import datetime
from zoneinfo import ZoneInfo

from odoo import fields
from odoo.tests import tagged

from .test_capacity_parallel import CapacityParallelCase


@tagged("post_install", "-at_install")
class TestBlankParallel(CapacityParallelCase):
    """Blanks under several workers at once."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            zone = ZoneInfo(env["scenic.site"].browse(self.site_id).tz)
        self.visit_date = datetime.now(zone).date()

    def _lease(self, env, number, count=3):
        product = env["product.product"].browse(self.product_id)
        lease = env["scenic.blank.lease"]._lease(
            "window", self.tag, f"browser-{number}", product, count
        )
        return sorted(lease.ticket_ids.mapped("number"))

    def _sell_blanks(self, env, ref, numbers):
        line = {
            "product_id": self.product_id,
            "quantity": len(numbers),
            "visit_date": self.visit_date,
            "price_unit": 10.0,
            "amount_untaxed": 10.0 * len(numbers),
            "amount_total": 10.0 * len(numbers),
            "blanks": numbers,
        }
        booking = env["scenic.booking"]._hold(
            "window", f"{self.tag}-{ref}", [line], sold_at=fields.Datetime.now()
        )
        return tuple(booking._confirm().mapped("number"))

    def test_tills_never_get_more_places_than_there_are(self):
        """Four tills want three blanks each, and seven places are there."""
        answers = self._at_once_each(self._lease, 4)
        self.assertEqual(
            sorted(self._codes(answers)), ["SOLD_OUT", "SOLD_OUT", "ok", "ok"]
        )
        self.assertEqual(self._stand(), (6, 0, 1))
        numbers = [n for a in answers if isinstance(a, list) for n in a]
        self.assertEqual(len(set(numbers)), 6)

    def test_a_blank_is_sold_once(self):
        """Four orders name the same blanks at once: one has them."""
        numbers = self._call(lambda env: self._lease(env, 0))
        answers = self._at_once_each(
            lambda env, number: self._sell_blanks(env, number, numbers[:2]), 4
        )
        codes = self._codes(answers)
        self.assertEqual(sorted(codes), ["BLANK_SOLD"] * 3 + ["ok"])
        self.assertEqual(self._stand(), (1, 2, 4))

    def test_sold_and_given_back_at_once(self):
        """Either the order is first or the lease ends first; never both."""
        for turn in range(3):
            numbers = self._call(lambda env, turn=turn: self._lease(env, turn, 1))

            def act(env, number, numbers=numbers, turn=turn):
                if number:
                    tickets = env["scenic.ticket"].search([("number", "in", numbers)])
                    tickets.lease_id._give_back("closed")
                    return "closed"
                return self._sell_blanks(env, f"turn-{turn}", numbers)

            sold, _closed = self._at_once_each(act, 2)
            with self._env() as env:
                ticket = env["scenic.ticket"].search([("number", "in", numbers)])
                if isinstance(sold, tuple):
                    self.assertEqual(
                        (ticket.state, ticket.blank_state), ("valid", "sold")
                    )
                else:
                    self.assertEqual(sold.code, "BLANK_VOID")
                    self.assertEqual(
                        (ticket.state, ticket.blank_state), ("void", "returned")
                    )
