import base64
import io

from PIL import Image

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ScenicPosTourCommon
from .epos_printer import read_codes


@tagged("post_install", "-at_install")
class TestWindowTours(ScenicPosTourCommon):
    def test_sale(self):
        self.start_pos_tour("ScenicWindowSaleTour")
        order = self.env["pos.order"].search(
            [("session_id", "=", self.config.current_session_id.id)]
        )
        self.assertEqual(len(order), 1)
        self.assertEqual(order.state, "paid")
        self.assertEqual(order.create_uid, self.cashier)
        self.assertEqual(order.partner_id, self.member)
        self.assertEqual(order.pricelist_id, self.member_pricelist)
        self.assertEqual(order.amount_total, 571)
        adult_line, group_line = order.lines
        self.assertEqual((adult_line.qty, adult_line.price_unit), (2, 45.5))
        self.assertEqual((group_line.qty, group_line.price_unit), (12, 40))
        self.assertEqual(adult_line.scenic_ticket_ids.mapped("persons"), [1, 1])
        self.assertEqual(group_line.scenic_ticket_ids.mapped("persons"), [12])
        tickets = order.lines.scenic_ticket_ids
        self.assertEqual(set(tickets.mapped("state")), {"valid"})
        self.assertEqual(set(tickets.mapped("print_count")), {3})
        self.assertEqual(order.scenic_booking_id.state, "confirmed")
        self._check_printed_receipt(order, tickets)

    def _check_printed_receipt(self, order, tickets):
        """Every code can be read from the paper, also from black and white dots."""
        attachment = self._attachments(order)
        receipt = Image.open(io.BytesIO(base64.b64decode(attachment.datas)))
        self.assertEqual(receipt.width, 512)
        expected = (
            {ticket._qr_token() for ticket in tickets},
            {ticket._barcode_number() for ticket in tickets},
        )
        dots = receipt.convert("1")  # Floyd-Steinberg, as the printer driver does
        for paper in (receipt, dots):
            qr_codes, barcodes = read_codes(paper.convert("L"))
            found = {code.text for code in qr_codes}, {code.text for code in barcodes}
            self.assertEqual(found, expected)

    def _attachments(self, order):
        return self.env["ir.attachment"].search(
            [("res_model", "=", "pos.order"), ("res_id", "=", order.id)]
        )

    def test_refund(self):
        self._open_session()
        used = self._sell((self.adult, 1), pos_reference="26-USED")
        mixed = self._sell((self.adult, 3), pos_reference="26-MIXED")
        group = self._sell((self.group, 12), pos_reference="26-GROUP")
        unused = self._sell(
            self._line_vals(self.adult, 3, price_unit=33.33, discount=10),
            pos_reference="26-UNUSED",
        )
        self._admit(used.lines.scenic_ticket_ids)
        self._admit(mixed.lines.scenic_ticket_ids.sorted("number")[0])
        self.start_pos_tour("ScenicWindowRefundTour")
        tickets = unused.lines.scenic_ticket_ids.sorted("number")
        self.assertEqual(tickets.mapped("state"), ["valid", "refunded", "refunded"])
        refund = unused.lines.refund_orderline_ids.order_id
        refund = refund.filtered(lambda order: order.state == "paid")
        self.assertEqual(len(refund), 1)
        self.assertEqual(refund.create_uid, self.cashier)
        self.assertAlmostEqual(
            refund.amount_total, -sum(tickets[1:].mapped("amount_total")), 2
        )
        self.assertEqual(used.lines.scenic_ticket_ids.state, "used")
        self.assertFalse(used.lines.refund_orderline_ids)
        self.assertFalse(mixed.lines.refund_orderline_ids)
        self.assertEqual(group.lines.scenic_ticket_ids.state, "valid")
        self.config.current_session_id.post_closing_cash_details(0)
        self.config.current_session_id.close_session_from_ui()
        self._assert_books_agree()

    @mute_logger("odoo.http")
    def test_hand_over(self):
        """B1: sold, counted by notes and coins, handed over and printed."""
        session = self._open_session()
        session.cash_register_balance_start = 100
        self.config.scenic_site_id = self.scenic_area
        self.start_pos_tour("ScenicWindowHandOverTour")
        shift = self.env["scenic.shift"].search([("session_id", "=", session.id)])
        self.assertEqual((shift.state, shift.user_id), ("closed", self.cashier))
        self.assertEqual((shift.cash_counted, shift.cash_difference), (160, 0))
        self.assertEqual(shift.figures["bills"], [[100, 1], [20, 3]])
        self.assertEqual(shift.ticket_count, 1)
