from odoo import api, models

from ..tools import typeset


class ReportScenicTicket(models.AbstractModel):
    _name = "report.scenic_ticket_base.report_scenic_ticket"
    _description = "Ticket Report"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Return what the ticket template needs.

        Reading a ticket is not enough to print it: a print is a means of entry.

        :raise AccessError: the user is neither cashier nor customer service
        :raise TicketStateError: a code of these tickets must not be shown any more
        """
        tickets = self.env["scenic.ticket"].browse(docids or [])
        tickets._check_printable()
        return {
            "doc_ids": tickets.ids,
            "doc_model": "scenic.ticket",
            "docs": tickets,
            "fit": typeset.fit,
        }
