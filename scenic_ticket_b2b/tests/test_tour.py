from odoo import fields
from odoo.tests import tagged

from .common import B2BHttpCommon


@tagged("post_install", "-at_install", "is_tour")
class TestTour(B2BHttpCommon):
    def setUp(self):
        super().setUp()
        self.env["res.lang"]._activate_lang("zh_CN")

    def test_an_agency_orders_and_shows_its_codes(self):
        self.agent.lang = "zh_CN"
        # The browser of the test asks for English; the agency chose Chinese before.
        self.start_tour(
            "/web/login",
            "scenic_agency_order",
            login=None,
            cookies={"frontend_lang": "zh_CN"},
        )
        order = self.env["sale.order"].search([("partner_id", "=", self.agency.id)])
        self.assertEqual(order.client_order_ref, "TOUR-1")
        self.assertEqual(order.scenic_ticket_count, 3)
        self.assertEqual(order.amount_total, 270)
        self.assertEqual(order.create_uid, self.agent)
        self.assertEqual(order.invoice_ids.state, "posted")
        self.assertLiabilityIsOpenTickets()

    def test_the_office_enters_an_order_of_an_agency(self):
        self._drop_missing_library()
        self.env.user.write({"lang": "zh_CN", "tz": "Asia/Shanghai"})
        order = self.env["sale.order"].create({"partner_id": self.agency.id})
        self.start_tour(
            f"/odoo/action-sale.action_orders/{order.id}",
            "scenic_office_order",
            login=self.env.user.login,
        )
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.scenic_ticket_count, 1)
        # typed as "+1d", by the clock of the browser, which is UTC here
        self.assertEqual(
            order.order_line.scenic_visit_date,
            fields.Date.add(fields.Date.today(), days=1),
        )
        self.assertLiabilityIsOpenTickets()
