from odoo.tests import tagged

from .common import ScenicPosTourCommon


@tagged("post_install", "-at_install")
class TestWindowGroupTours(ScenicPosTourCommon):
    """Names and groups on the smallest screen that the window is made for."""

    browser_size = "1024x768"

    def _order(self, session):
        order = self.env["pos.order"].search([("session_id", "=", session.id)])
        self.assertEqual(len(order), 1)
        self.assertEqual(order.state, "paid")
        return order

    def _visitors(self, order):
        holders = self.env["scenic.ticket.holder"].search(
            [("ticket_id", "in", order.lines.scenic_ticket_ids.ids)], order="id"
        )
        return holders.visitor_id.mapped(lambda v: (v.name, v.doc_last4))

    def test_names(self):
        session = self._open_session()
        self.adult.scenic_real_name = "visitor"
        self.start_pos_tour("ScenicWindowNamesTour")
        order = self._order(session)
        self.assertEqual(len(order.lines.scenic_ticket_ids), 3)
        self.assertEqual(
            self._visitors(order),
            [("张三", "002X"), ("li si", "0105"), ("wang wu", "0201")],
        )

    def test_group(self):
        session = self._open_session()
        self.group.write({"scenic_real_name": "visitor", "scenic_guide_per": 10})
        self.start_pos_tour("ScenicWindowGroupTour")
        order = self._order(session)
        self.assertEqual(order.amount_total, 480)
        self.assertEqual(order.lines.scenic_ticket_ids.persons, 13)
        self.assertEqual(
            self._visitors(order),
            [("张三", "002X"), ("李四", "0105"), ("赵六", "0201"), ("sun ba", "0308")],
        )
