from unicodedata import normalize

import pypdfium2
import zxingcpp

from odoo.tests import tagged

from ..exceptions import TicketStateError
from .common import ScenicCommon

REPORT = "scenic_ticket_base.action_report_scenic_ticket"


@tagged("post_install", "-at_install")
class TestReport(ScenicCommon):
    """Prints with the real wkhtmltopdf and reads with a real decoder."""

    def _print(self, tickets, **context):
        report = self.env["ir.actions.report"].with_context(
            force_report_rendering=True, **context
        )
        pdf, kind = report._render_qweb_pdf(REPORT, tickets.ids)
        self.assertEqual(kind, "pdf", "wkhtmltopdf must be there")
        document = pypdfium2.PdfDocument(pdf)
        self.addCleanup(document.close)
        return document

    def _decode(self, page, dpi=203):
        image = page.render(scale=dpi / 72).to_pil()
        return {
            str(found.format): found.text for found in zxingcpp.read_barcodes(image)
        }

    def _text(self, page):
        # fonts map some Han characters to their radical forms, one of which has no
        # compatibility mapping
        text = normalize("NFKC", page.get_textpage().get_text_bounded())
        return text.replace("\u2edb", "\u98ce")

    def test_every_page_carries_its_codes(self):
        tickets = (
            self._scenic_sell(self.scenic_individual, 5)
            | self._scenic_sell(self.scenic_group, 30)
            | self._scenic_sell(self.scenic_combo, 2)
        )
        document = self._print(tickets)
        self.assertEqual(len(document), len(tickets))
        for page, ticket in zip(document, tickets, strict=True):
            self.assertEqual(
                self._decode(page),
                {
                    "QR Code": ticket._qr_token(),
                    "Code 128": ticket._barcode_number(),
                },
            )
            text = self._text(page)
            for part in (
                ticket.name,
                ticket._barcode_text(),
                ticket.site_id.name,
                ticket.company_id.name,
            ):
                self.assertIn(part, text)

    def test_size_is_that_of_a_ticket(self):
        document = self._print(self._scenic_sell(self.scenic_individual))
        width, height = (side / 72 * 25.4 for side in document[0].get_size())
        self.assertAlmostEqual(width, 200, delta=1)
        self.assertAlmostEqual(height, 86, delta=1)

    def test_symbols_are_what_readers_expect(self):
        """QR version 6 is 41 modules; Code128 uses pairs of digits all through."""
        page = self._print(self._scenic_sell(self.scenic_individual))[0]
        image = page.render(scale=300 / 72).to_pil()
        for found in zxingcpp.read_barcodes(image):
            box = found.position
            millimetres = (box.top_right.x - box.top_left.x) / 300 * 25.4
            if "QR" in str(found.format):
                self.assertGreater(millimetres, 38)
                self.assertEqual(found.ec_level, "M")
            else:
                # 13 symbols of 11 modules and a stop of 13: only set C is that short
                module = millimetres / (13 * 11 + 13)
                self.assertGreater(module, 0.33)
                self.assertLess(module, 0.6)

    def test_texts_follow_the_language(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        ticket = self._scenic_sell(self.scenic_group, 30)
        self.env.flush_all()
        template = ticket.product_id.product_tmpl_id
        template.update_field_translations("name", {"zh_CN": "旅行社团队票"})
        self.assertIn("旅行社团队票", self._text(self._print(ticket, lang="zh_CN")[0]))
        self.env.invalidate_all()
        english = self._text(self._print(ticket, lang="en_US")[0])
        for part in ("Group Ticket", "Persons", "Scan at the gate", "Group 团队票"):
            self.assertIn(part, english)

    def test_long_names_stay_on_the_page(self):
        self.scenic_combo.name = "云溪山·海洞·云海栈道三景点两日通用联票" * 4
        self.env.company.name = "云溪山旅游开发集团有限责任公司景区运营管理分公司" * 2
        self.scenic_area.name = "云溪山国家级风景名胜区" * 3
        ticket = self._scenic_sell(self.scenic_combo)
        document = self._print(ticket)
        self.assertEqual(len(document), 1)
        self.assertEqual(self._decode(document[0])["QR Code"], ticket._qr_token())
        # NFKC writes an ellipsis as three points
        self.assertIn("...", self._text(document[0]))

    def test_markup_in_names_is_text(self):
        self.scenic_individual.name = "<b>&amp;\"'"
        document = self._print(self._scenic_sell(self.scenic_individual))
        self.assertIn("<b>&amp;\"'", self._text(document[0]))

    def test_a_bus_load_prints_in_one_document(self):
        tickets = self._scenic_sell(self.scenic_individual, 120)
        document = self._print(tickets)
        self.assertEqual(len(document), 120)
        last = self._decode(document[119])
        self.assertEqual(last["QR Code"], tickets[119]._qr_token())

    def test_ended_tickets_are_not_printed(self):
        tickets = self._scenic_sell(self.scenic_individual, 2)
        tickets[0]._refund("R", "rain")
        with self.assertRaises(TicketStateError) as caught:
            self._print(tickets)
        self.assertEqual(caught.exception.code, "TICKET_REFUNDED")
