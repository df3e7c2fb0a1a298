from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_pos.tests.epos_printer import EposPrinter, read_codes

from .common import KioskCommon


@tagged("post_install", "-at_install")
class TestKioskTours(KioskCommon):
    """What a visitor does at the kiosk, down to the paper in his hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.printer = cls.enterClassContext(EposPrinter())

    def setUp(self):
        super().setUp()
        self.printer.jobs.clear()
        self.printer.paper = None
        self.printer.refused = 0

    def _tour(self, name, with_printer=True):
        if with_printer:
            self.kiosk.write(
                {"other_devices": True, "epson_printer_ip": self.printer.address}
            )
        self.start_tour(self.kiosk._get_self_order_route(), name)
        self.env.invalidate_all()
        return self.env["pos.order"].search([("config_id", "=", self.kiosk.id)])

    def test_sold_and_printed(self):
        order = self._tour("ScenicKioskFreeTour")
        self.assertEqual((order.state, order.lines.qty), ("paid", 2))
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        self.assertEqual(tickets.mapped("print_count"), [1, 1])
        receipt, *papers = self.printer.jobs
        self.assertEqual(read_codes(receipt), ([], []))
        printed = [code.text for paper in papers for code in read_codes(paper)[0]]
        self.assertEqual(printed, [ticket._qr_token() for ticket in tickets])

    def test_sent_to_the_window_when_the_paper_ends(self):
        self.printer.paper = 2
        order = self._tour("ScenicKioskPaperOutTour")
        self.assertEqual(len(self.printer.jobs), 2)
        self.assertEqual(order.lines.scenic_ticket_ids.mapped("print_count"), [1, 1])

    def test_sent_to_the_window_without_a_printer(self):
        order = self._tour("ScenicKioskNoPrinterTour", with_printer=False)
        self.assertEqual(order.state, "paid")
        self.assertEqual(order.lines.scenic_ticket_ids.mapped("print_count"), [0])

    @mute_logger("odoo.http")
    def test_another_day_and_no_place(self):
        """Paid at the window, where the kiosk has nothing to pay with."""
        order = self._tour("ScenicKioskVisitTour")
        self.assertEqual((order.state, order.amount_total), ("draft", 90))
        booking = order.scenic_booking_id
        self.assertEqual(booking.state, "held")
        self.assertGreater(booking.visit_date, self._today())
        self.assertFalse(order.lines.scenic_ticket_ids)
        [receipt] = self.printer.jobs
        self.assertEqual(read_codes(receipt), ([], []))
