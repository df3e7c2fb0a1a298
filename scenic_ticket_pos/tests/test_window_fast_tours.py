from odoo import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .test_window_concession import ConcessionMixin
from .test_window_people_tours import PeopleTourCommon


@tagged("post_install", "-at_install")
class TestWindowFastTours(ConcessionMixin, PeopleTourCommon):
    """One touch takes the money; what is asked for before is asked for all the same."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._setup_concessions()
        cls.combo.scenic_real_name = "visitor"
        cls.config.write(
            {
                "use_fast_payment": True,
                "fast_payment_method_ids": [Command.set(cls.cash_method.ids)],
            }
        )
        cls.env["scenic.capacity.pool"].create(
            {
                "name": "Hill",
                "site_id": cls.scenic_area.id,
                "kind": "day",
                "capacity": 4,
            }
        )

    # places that are gone at payment are refused
    @mute_logger("odoo.http")
    def test_three_taps(self):
        self._open_session()
        self.start_pos_tour("ScenicWindowFastTour")
        orders = self._order().sorted("id")
        self.assertEqual(orders.mapped("amount_total"), [120, 30, 60])
        for order in orders:
            self.assertEqual(len(order.payment_ids), 1)
            self.assertEqual(order.payment_ids.payment_method_id, self.cash_method)
            self.assertEqual(order.payment_ids.amount, order.amount_total)
        self.assertEqual(orders.lines.scenic_ticket_ids.mapped("state"), ["valid"] * 4)
        self.assertTrue(orders[1].lines.scenic_proof_checked)
