import csv
import io
import tempfile
from datetime import datetime

import xlsxwriter

from odoo import api, fields, models
from odoo.exceptions import AccessError

# A cell and a sheet of XLSX hold no more than this.
MAX_CELL = 32767
MAX_SHEET_ROWS = 1_000_000
# What a spreadsheet would take for a formula at the beginning of a CSV cell.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class ScenicAuditExport(models.TransientModel):
    _name = "scenic.audit.export"
    _description = "Export of the Audit Trail"

    domain = fields.Json(readonly=True)
    row_count = fields.Integer(string="Rows", compute="_compute_row_count")
    file_type = fields.Selection(
        [("xlsx", "Excel (XLSX)"), ("csv", "Text (CSV)")],
        required=True,
        default="xlsx",
    )

    @api.depends("domain")
    def _compute_row_count(self):
        for export in self:
            export.row_count = self.env["scenic.audit"].search_count(
                export.domain or []
            )

    def action_download(self):
        """Send the rows to the user as a file."""
        self.ensure_one()
        self._check_own()
        return {
            "type": "ir.actions.act_url",
            "url": f"/scenic/audit/export/{self.id}",
            "target": "new",
            "close": True,
        }

    def _check_own(self):
        """Check that this is the user's own export and that he may export.

        :raise AccessError:
        """
        self.env["scenic.audit"]._check_exportable()
        self.check_access("read")
        if self.create_uid != self.env.user:
            raise AccessError(self.env._("This export belongs to somebody else."))

    def _write_file(self):
        """Write the rows into a temporary file and the export into the trail.

        Memory does not grow with the number of rows.

        :return: the open file, at its end
        """
        self.ensure_one()
        self._check_own()
        audit = self.env["scenic.audit"]
        titles = [title for title, _name in audit._export_columns()]
        rows = audit._export_rows(self.domain or [])
        # the response closes the file, which removes it
        file = tempfile.TemporaryFile()  # noqa: SIM115
        write = self._write_csv if self.file_type == "csv" else self._write_xlsx
        count = write(file, titles, rows)
        audit._log(
            "audit_export",
            self.env.user,
            after={
                "rows": count,
                "filter": str(self.domain or []),
                "file": self.file_type,
            },
        )
        return file

    @api.model
    def _write_csv(self, file, titles, rows):
        # the mark at the beginning tells spreadsheets that this is UTF-8
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        writer = csv.writer(text)
        writer.writerow(titles)
        count = 0
        for row in rows:
            writer.writerow([self._csv_cell(value) for value in row])
            count += 1
        text.flush()
        text.detach()
        return count

    @api.model
    def _csv_cell(self, value):
        if isinstance(value, datetime):
            return value.isoformat(" ")
        if isinstance(value, str) and value.startswith(FORMULA_STARTS):
            return f"'{value}"
        return value

    @api.model
    def _write_xlsx(self, file, titles, rows):
        book = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
                "default_date_format": "yyyy-mm-dd hh:mm:ss",
            },
        )
        bold = book.add_format({"bold": True})
        sheet, count = None, 0
        for row in rows:
            line = count % MAX_SHEET_ROWS
            if not line:
                sheet = self._add_sheet(book, titles, bold)
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(line + 1, column, self._xlsx_cell(value))
                else:
                    sheet.write(line + 1, column, value)
            count += 1
        if sheet is None:
            self._add_sheet(book, titles, bold)
        book.close()
        return count

    @api.model
    def _add_sheet(self, book, titles, bold):
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(titles) - 1, 20)
        for column, title in enumerate(titles):
            sheet.write_string(0, column, title, bold)
        return sheet

    @api.model
    def _xlsx_cell(self, value):
        # a longer text would be left out without a word
        return value if len(value) <= MAX_CELL else value[: MAX_CELL - 1] + "…"
