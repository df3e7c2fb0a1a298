from datetime import timedelta

from PIL import ImageChops, ImageOps

from odoo import fields
from odoo.tests import tagged

from .common import ScenicPosTourCommon
from .epos_printer import EposPrinter, bar_module, qr_module, read_codes


@tagged("post_install", "-at_install")
class TestWindowPrint(ScenicPosTourCommon):
    """Tickets as they come out of a receipt printer, dot by dot."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.printer = cls.enterClassContext(EposPrinter())
        cls.config.write(
            {"other_devices": True, "epson_printer_ip": cls.printer.address}
        )

    def setUp(self):
        super().setUp()
        self.printer.jobs.clear()
        self.printer.refused = 0
        self._open_session()
        self.order = self._sell(
            (self.adult, 6),
            (self.group, 12),
            (self.combo, 1),
            (self.souvenir, 1),
            pos_reference="26-BUS",
        )
        self.tickets = self.order.lines.scenic_ticket_ids.sorted("number")
        self.assertEqual(len(self.tickets), 8)

    def test_each_ticket_is_cut_off(self):
        """The receipt, then every ticket by itself, a group on one ticket."""
        self.start_pos_tour("ScenicWindowPrintTour")
        receipt, *papers = self.printer.jobs
        self.assertEqual(read_codes(receipt), ([], []))
        self.assertEqual(len(papers), len(self.tickets))
        for ticket, paper in zip(self.tickets, papers, strict=True):
            with self.subTest(ticket.name):
                [qr_code], [barcode] = read_codes(paper)
                self.assertEqual(qr_code.text, ticket._qr_token())
                self.assertEqual(barcode.text, ticket._barcode_number())
                self.assertEqual(paper.width, 512)
                self.assertGreaterEqual(qr_module(paper, qr_code), 6)
                self.assertGreaterEqual(bar_module(paper, barcode), 3)
        self.assertEqual(self.tickets.mapped("print_count"), [1] * 8)

    def test_reprint_is_marked(self):
        self.start_pos_tour("ScenicWindowReprintTour")
        count = len(self.tickets) + 1
        self.assertEqual(len(self.printer.jobs), 2 * count)
        firsts, reprints = self.printer.jobs[1:count], self.printer.jobs[count + 1 :]
        for first, reprint in zip(firsts, reprints, strict=True):
            # the same ticket down to its lower edge, then one line more
            lower_edge = ImageOps.invert(first).getbbox()[3]
            head = (0, 0, first.width, lower_edge)
            self.assertFalse(
                ImageChops.difference(first.crop(head), reprint.crop(head)).getbbox()
            )
            mark = reprint.crop((0, lower_edge, reprint.width, reprint.height))
            self.assertTrue(ImageOps.invert(mark).getbbox())
        self.assertEqual(self.tickets.mapped("print_count"), [2] * 8)
        prints = self.env["scenic.print"].search(
            [("ticket_id", "in", self.tickets.ids)], order="id"
        )
        self.assertEqual(prints.mapped("kind"), ["first"] * 8 + ["reprint"] * 8)
        self.assertEqual(prints.mapped("number"), [1] * 8 + [2] * 8)
        self.assertEqual(prints.user_id, self.cashier)

    def test_roll_ends_in_the_middle(self):
        """After the roll is changed the rest comes out: all tickets, none twice."""
        self.printer.paper = 4
        self.start_pos_tour("ScenicWindowPaperOutTour")
        self.assertEqual(self.printer.refused, 1)
        _receipt, *papers = self.printer.jobs
        printed = [code.text for paper in papers for code in read_codes(paper)[0]]
        self.assertEqual(printed, [ticket._qr_token() for ticket in self.tickets])
        self.assertEqual(self.tickets.mapped("print_count"), [1] * 8)

    def test_ticket_printer_of_a_bridge(self):
        """The receipt printer keeps the receipt; what keeps the other one is said."""
        printer = self.env["scenic.printer"].create(
            {
                "name": "Window 1",
                "code": "W1",
                "site_id": self.scenic_area.id,
                "state": "no_paper",
                # its bridge would say so again and again
                "last_seen": fields.Datetime.now() + timedelta(hours=1),
            }
        )
        self.config.scenic_printer_id = printer
        self.start_pos_tour("ScenicWindowPrinterTour")
        [receipt] = self.printer.jobs
        self.assertEqual(read_codes(receipt), ([], []))
        # sudo: nobody reads the jobs but the window
        jobs = printer.sudo().job_ids.sorted("id")
        self.assertEqual(jobs.mapped("state"), ["cancelled"] * 16)
        self.assertEqual(jobs[:8].ticket_id, self.tickets)
        self.assertEqual(jobs[8:].ticket_id, self.tickets)
        self.assertEqual(self.tickets.mapped("print_count"), [2] * 8)
