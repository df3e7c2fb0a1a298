from datetime import datetime, time, timedelta

from odoo import Command, fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ScenicPosTourCommon


@tagged("post_install", "-at_install")
class TestWindowVisitTours(ScenicPosTourCommon):
    """Day and slot chosen on the smallest screen that the window is made for."""

    browser_size = "1024x768"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.boat = cls._scenic_product(
            "Boat Ride",
            "individual",
            30.0,
            components=[(cls.scenic_spot, 1, 1.0)],
            scenic_site_id=cls.scenic_spot.id,
            available_in_pos=True,
            taxes_id=[Command.set(cls.tax_6.ids)],
        )
        cls.env["scenic.capacity.pool"].create(
            {
                "name": "Boats",
                "site_id": cls.scenic_spot.id,
                "kind": "slot",
                "capacity": 6,
            }
        )
        cls.env["scenic.reservation.rule"].create(
            {"name": "By slot", "site_id": cls.scenic_spot.id, "level": "slot"}
        )
        today = fields.Date.context_today(
            cls.env.user.with_context(tz=cls.scenic_spot.tz)
        )
        cls.tomorrow = today + timedelta(days=1)
        cls.slots = cls.env["scenic.slot"].create(
            [
                cls._slot_values(hour, capacity)
                for hour, capacity in ((10, 1), (11, 2), (12, 0))
            ]
        )

    @classmethod
    def _slot_values(cls, hour, capacity):
        """A slot of one hour; the clock of the site is eight hours before UTC."""
        start = datetime.combine(cls.tomorrow, time()) + timedelta(hours=hour - 8)
        return {
            "site_id": cls.scenic_spot.id,
            "date": cls.tomorrow,
            "start": start,
            "end": start + timedelta(hours=1),
            "capacity": capacity,
        }

    def test_a_later_day_and_no_server(self):
        """A later day has its own price; without the server only today is sold."""
        midnight = datetime.combine(self.tomorrow, time()) - timedelta(hours=8)
        self.env["product.pricelist.item"].create(
            {
                "pricelist_id": self.window_pricelist.id,
                "applied_on": "1_product",
                "product_tmpl_id": self.adult.product_tmpl_id.id,
                "compute_price": "fixed",
                "fixed_price": 80,
                "date_start": midnight,
                "date_end": midnight + timedelta(hours=24, seconds=-1),
            }
        )
        self._open_session()
        self.start_pos_tour("ScenicWindowOfflineVisitTour")

    # a place that is gone at payment is refused
    @mute_logger("odoo.http")
    def test_visit(self):
        self._open_session()
        first = self._line_vals(
            self.boat,
            1,
            scenic_visit_date=str(self.tomorrow),
            scenic_slot_id=self.slots[0].id,
        )
        sold = self._sell(first)
        self.start_pos_tour("ScenicWindowVisitTour")
        order = self.env["pos.order"].search(
            [
                ("session_id", "=", self.config.current_session_id.id),
                ("id", "!=", sold.id),
            ]
        )
        self.assertEqual(len(order), 1)
        self.assertEqual((order.state, order.amount_total), ("paid", 150))
        adult, boat = order.lines
        self.assertEqual(boat.qty, 3)
        self.assertEqual(boat.scenic_ticket_ids.slot_id, self.slots[2])
        self.assertEqual(
            set(boat.scenic_ticket_ids.mapped("visit_date")), {self.tomorrow}
        )
        self.assertFalse(adult.scenic_ticket_ids.slot_id)
        self.assertEqual(
            adult.scenic_ticket_ids.visit_date, self.tomorrow - timedelta(days=1)
        )
