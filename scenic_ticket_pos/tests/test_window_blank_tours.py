import base64
import json

from odoo import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ScenicPosTourCommon


@tagged("post_install", "-at_install")
class TestWindowBlankTours(ScenicPosTourCommon):
    """The window sells without the server, in a browser."""

    browser_size = "1024x768"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config.write(
            {
                "scenic_blank_size": 4,
                "scenic_blank_product_ids": [
                    Command.set((cls.adult + cls.combo).product_tmpl_id.ids)
                ],
            }
        )

    def _leases(self):
        return self.env["scenic.blank.lease"].search(
            [("config_id", "=", self.config.id)]
        )

    @mute_logger("odoo.http")
    def test_offline(self):
        """Sell 3, reload, sell 2 more, come back: each is one ticket, sold once."""
        session = self._open_session()
        self.start_pos_tour("ScenicWindowOfflineTour")
        orders = self.env["pos.order"].search(
            [("session_id", "=", session.id)], order="id"
        )
        self.assertEqual(orders.mapped("state"), ["paid"] * 3)
        offline = orders.filtered(
            lambda order: any(order.lines.mapped("scenic_blanks"))
        )
        self.assertEqual(len(offline), 2)
        tickets = offline.lines.scenic_ticket_ids
        self.assertEqual(len(tickets), 5)
        attachment = self.env["ir.attachment"].search([("name", "=", "told.json")])
        printed = json.loads(base64.b64decode(attachment.datas))
        self.assertEqual(
            printed,
            {
                ticket.name: [ticket._qr_token(), ticket._barcode_number()]
                for ticket in tickets
            },
        )
        self.assertEqual(set(tickets.mapped("print_count")), {1})
        self.assertEqual(set(tickets.mapped("blank_state")), {"sold"})
        self.assertEqual(sum(offline.mapped("amount_total")), 219.99 + 120)
        online = (orders - offline).lines.scenic_ticket_ids
        self.assertFalse(online.lease_id)
        left = self._leases().ticket_ids.filtered(lambda t: t.blank_state == "left")
        self.assertEqual(len(left), 8)
        # the register is closed elsewhere; the window's blanks go back with it
        session.with_user(self.cashier).scenic_return_blanks(
            self._leases()[0].device, []
        )
        session.post_closing_cash_details(sum(orders.mapped("amount_total")))
        session.close_session_from_ui()
        self._assert_books_agree()

    @mute_logger("odoo.http")
    def test_return(self):
        """Closing the register gives back what was not sold."""
        self._drop_missing_library()
        session = self._open_session()
        self.start_pos_tour("ScenicWindowReturnTour")
        self.assertEqual(session.state, "closed")
        leases = self._leases()
        self.assertEqual(set(leases.mapped("state")), {"returned"})
        self.assertEqual(set(leases.ticket_ids.mapped("state")), {"void"})
        self.assertEqual(set(leases.booking_id.mapped("state")), {"cancelled"})
