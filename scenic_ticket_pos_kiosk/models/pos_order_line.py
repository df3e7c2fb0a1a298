from odoo import models

from odoo.addons.scenic_ticket_pos.models.pos_order_line import FROZEN_FIELDS


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    def write(self, vals):
        # The kiosk writes as superuser what somebody sent who is not even logged in.
        if self.env.context.get("scenic_self_order") and FROZEN_FIELDS & vals.keys():
            self._scenic_check_order_open()
        return super().write(vals)

    def _scenic_lacks_tickets(self):
        """Whether the tickets of this line are not issued yet."""
        self.ensure_one()
        # sudo: whether there are any, for whoever asks
        return self._scenic_is_ticket() and not self.sudo().scenic_ticket_ids
