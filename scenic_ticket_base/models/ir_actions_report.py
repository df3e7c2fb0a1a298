from odoo import models

TICKET_REPORT = "scenic_ticket_base.report_scenic_ticket"


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    def _prepare_html(self, html, report_model=False):
        # The ticket is a whole document already. The usual frame would fetch style
        # sheets over HTTP, and would split the records into several documents,
        # which wkhtmltopdf without patched Qt (as Debian ships it) cannot print.
        if self.report_name == TICKET_REPORT:
            return [html.decode()], [], None, None, {}
        return super()._prepare_html(html, report_model=report_model)
