from odoo.tests import tagged

from .common import B2BHttpCommon


@tagged("post_install", "-at_install", "is_tour")
class TestTour(B2BHttpCommon):
    def test_an_agency_orders_and_shows_its_codes(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        self.agent.lang = "zh_CN"
        self.start_tour("/web/login", "scenic_agency_order", login=None)
        order = self.env["sale.order"].search([("partner_id", "=", self.agency.id)])
        self.assertEqual(order.client_order_ref, "TOUR-1")
        self.assertEqual(order.scenic_ticket_count, 3)
        self.assertEqual(order.amount_total, 270)
        self.assertEqual(order.create_uid, self.agent)
        self.assertEqual(order.invoice_ids.state, "posted")
        self.assertLiabilityIsOpenTickets()
