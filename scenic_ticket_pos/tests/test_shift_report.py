import io
import re
from unicodedata import normalize

import openpyxl
import pypdfium2

from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .shift import ShiftCommon

A4 = "scenic_ticket_pos.action_report_scenic_shift"
STRIP = "scenic_ticket_pos.action_report_scenic_shift_strip"


@tagged("post_install", "-at_install")
class TestShiftReport(ShiftCommon, HttpCase):
    """A7: the sheet on paper and as a spreadsheet, read back, refused without right."""

    def setUp(self):
        super().setUp()
        order = self._sell_as(self.cashier, (self.adult, 3), (self.souvenir, 1))
        self._sell_as(
            self.cashier,
            (self.group, 12),
            payment_ids=[self._pay(600, self.card_method)],
        )
        self._refund({order.lines[0]: 1})
        self.tickets = order.lines.scenic_ticket_ids.sorted("number")
        late = self._late_vals(self.cashier, (self.adult, 2))
        self._hand_over(
            cash=220, remark="9.90 short 少九块九", bills={"100": 2, "20": 1}
        )
        self._sync(late)
        self.late_reference = late["pos_reference"]
        self.shift = self._shift(state="closed")

    def _text(self, report, user=None, **context):
        report_model = self.env["ir.actions.report"].with_context(
            force_report_rendering=True, **context
        )
        if user:
            report_model = report_model.with_user(user)
        pdf, kind = report_model._render_qweb_pdf(report, self.shift.ids)
        self.assertEqual(kind, "pdf", "wkhtmltopdf must be there")
        document = pypdfium2.PdfDocument(pdf)
        self.addCleanup(document.close)
        width = document[0].get_size()[0] / 72 * 25.4
        text = "".join(page.get_textpage().get_text_bounded() for page in document)
        return self._dense(text), width

    def _dense(self, text):
        """Without what breaks lines and keeps signs and digits together."""
        return re.sub(r"[\s\ufeff]", "", normalize("NFKC", text))

    def test_paper(self):
        for report, width in ((A4, 210), (STRIP, 80)):
            with self.subTest(report=report):
                text, found = self._text(report, self.cashier)
                self.assertAlmostEqual(found, width, delta=1)
                for part in (
                    self.shift.name,
                    "South Gate",
                    "Window Cashier",
                    "Adult Ticket",
                    self.tickets[0].name,
                    self.tickets[-1].name,
                    "229.90",  # 100 + 189.90 - 60
                    "220.00",
                    "-9.90",
                    "600.00",
                    "9.90 short 少九块九",
                    "Arrived after the hand-over",
                    self.late_reference,
                    "Supervisor:",
                ):
                    self.assertIn(self._dense(part), text)

    def test_paper_in_chinese(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        text, _width = self._text(STRIP, lang="zh_CN")
        for part in ("差额", "实点", "交班后到达"):
            self.assertIn(part, text)

    def _cells(self, content):
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        return [
            [cell for cell in row if cell is not None]
            for row in sheet.iter_rows(values_only=True)
        ]

    def test_spreadsheet(self):
        self.authenticate(self.cashier.login, self.cashier.login)
        answer = self.url_open(
            self.shift.with_user(self.cashier).action_export()["url"]
        )
        self.assertEqual(answer.status_code, 200)
        self.assertIn(".xlsx", answer.headers["Content-Disposition"])
        rows = self._cells(answer.content)
        self.assertEqual(rows[0], [f"Shift {self.shift.name}"])
        first, last = self.tickets[0].name, self.tickets[-1].name
        for row in (
            ["Cashier", "Window Cashier"],
            ["Remark", "9.90 short 少九块九"],
            ["Opening float", 100],
            ["Difference", -9.9],
            ["Cash", 2, 189.9, -60, 229.9, 220, -9.9],
            ["Card", 1, 600, 0, 600, 600, 0],
            ["Adult Ticket", "Individual", 3, 3, 180, first, last],
            ["All payments", 729.9],
        ):
            self.assertIn(row, rows)
        [late] = [row for row in rows if row[:1] == [self.late_reference]]
        self.assertEqual(late[3:], ["Window Cashier", 2, 120])

    @mute_logger("odoo.http")
    def test_spreadsheet_is_refused(self):
        supervisor = self._window_user(
            "shift_elsewhere", "scenic_ticket_base.group_scenic_supervisor"
        )
        supervisor.scenic_site_ids = self.env["scenic.site"].create(
            {"name": "Far", "code": "FARSHEET"}
        )
        url = f"/scenic/shift/{self.shift.id}/xlsx"
        for login in (self.second.login, supervisor.login, None):
            with self.subTest(login=login):
                self.authenticate(login, login)
                answer = self.url_open(url, allow_redirects=False)
                self.assertNotEqual(answer.status_code, 200)
        self.authenticate(self.cashier.login, self.cashier.login)
        answer = self.url_open(f"/scenic/shift/{self.shift.id + 9999}/xlsx")
        self.assertEqual(answer.status_code, 404)
