from odoo import models

TICKET_REPORT = "scenic_ticket_base.report_scenic_ticket"


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    def _prepare_html(self, html, report_model=False):
        # The usual frame would fetch style sheets over HTTP, and would split the
        # records into several documents, which wkhtmltopdf without patched Qt (as
        # Debian ships it) cannot print.
        if self.report_name in self._scenic_whole_documents():
            return [html.decode()], [], None, None, {}
        return super()._prepare_html(html, report_model=report_model)

    def _scenic_whole_documents(self):
        """Return the names of the reports that are whole documents already."""
        return {TICKET_REPORT}
