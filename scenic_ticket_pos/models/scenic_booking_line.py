"""New tickets know the line of the window that sold them."""

from odoo import models


class ScenicBookingLine(models.Model):
    _inherit = "scenic.booking.line"

    def _prepare_ticket_values(self, template, window):
        values = super()._prepare_ticket_values(template, window)
        # of the order that is paid now, see pos.order._scenic_issue
        sold = self.env.context.get("scenic_pos_line_ids")
        if sold:
            lines = self.booking_id.line_ids.sorted("id")
            values["pos_order_line_id"] = sold[lines.ids.index(self.id)]
        return values
