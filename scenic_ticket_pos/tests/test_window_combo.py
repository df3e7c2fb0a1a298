from odoo import fields
from odoo.tests import tagged

from odoo.addons.scenic_ticket_base.exceptions import BookingError, CapacityError

from ..exceptions import WindowRefundError
from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowCombo(ScenicPosCommon):
    """A combo is one line; each part admits by itself."""

    def test_parts_are_told(self):
        template = self.combo.product_tmpl_id
        self.assertEqual(template.scenic_parts, "Test Hill · Test Cave")
        self.assertFalse(self.adult.product_tmpl_id.scenic_parts)
        hill, cave = template.scenic_component_ids
        cave.entries = 2
        self.assertEqual(template.scenic_parts, "Test Hill · Test Cave ×2")
        (hill | cave).choice_group = 1
        self.assertEqual(template.scenic_parts, "Test Hill or Test Cave ×2")

    def test_one_line_with_its_parts(self):
        order = self._sell((self.combo, 3))
        tickets = order.lines.scenic_ticket_ids
        self.assertEqual(len(tickets), 3)
        for ticket in tickets:
            self.assertEqual(
                ticket.entitlement_ids.site_id, self.scenic_area | self.scenic_spot
            )
        self.assertAlmostEqual(sum(tickets.mapped("amount_total")), 299.97, 2)

    def test_a_part_that_is_full(self):
        """The whole line is refused, in words that name the part."""
        self.env["scenic.capacity.pool"].create(
            {
                "name": "Test Cave",
                "site_id": self.scenic_spot.id,
                "kind": "day",
                "capacity": 2,
            }
        )
        tickets = self.env["scenic.ticket"].search_count([])
        with self.assertRaises(CapacityError) as caught, self.cr.savepoint():
            self._sell((self.combo, 3))
        self.assertIn("Test Cave", str(caught.exception))
        self.assertEqual(self.env["scenic.ticket"].search_count([]), tickets)
        self.assertTrue(self._sell((self.combo, 2)).lines.scenic_ticket_ids)

    def test_a_part_that_is_closed(self):
        today = fields.Date.context_today(
            self.env.user.with_context(tz=self.scenic_spot.tz)
        )
        self.env["scenic.opening.hours"].create(
            {
                "name": "Works",
                "site_id": self.scenic_spot.id,
                "date_from": today,
                "date_to": today,
                "closed": True,
            }
        )
        with self.assertRaises(BookingError) as caught, self.cr.savepoint():
            self._sell((self.combo, 1))
        self.assertIn("Test Cave", str(caught.exception))

    def test_a_combo_with_a_used_part(self):
        order = self._sell((self.combo, 1))
        self._admit(order.lines.scenic_ticket_ids)
        with self.assertRaises(WindowRefundError), self.cr.savepoint():
            self._refund({order.lines: 1})
