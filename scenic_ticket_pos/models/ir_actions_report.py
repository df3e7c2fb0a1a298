from odoo import models


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    def _scenic_whole_documents(self):
        return super()._scenic_whole_documents() | {
            "scenic_ticket_pos.report_scenic_shift",
            "scenic_ticket_pos.report_scenic_shift_strip",
        }
