"""Member cards of an order: renewed, or given a new medium, when it is paid."""

from odoo import api, models

from ..exceptions import WindowMemberError


class PosOrder(models.Model):
    _inherit = "pos.order"

    @api.model
    def _scenic_has_ticket_vals(self, vals):
        # a new medium is paid for by a product that is no ticket
        return super()._scenic_has_ticket_vals(vals) or any(
            command[2].get("scenic_membership_id")
            for command in vals.get("lines") or []
            if len(command) > 2 and isinstance(command[2], dict)
        )

    def _scenic_check_settled(self):
        super()._scenic_check_settled()
        # sudo: hidden from everybody
        if self.sudo().lines.filtered("scenic_medium_sealed"):
            raise WindowMemberError(
                self.env._(
                    "The new card of this order is not issued yet. Take the payment in "
                    "the window."
                )
            )

    def _scenic_settle(self):
        lines = self.lines.filtered("scenic_membership_id")
        if lines:
            self._scenic_check_cashier()
        for line in lines:
            line._scenic_check_member()
        super()._scenic_settle()
        for line in lines:
            if not line._scenic_is_ticket():
                line._scenic_replace_medium()

    def write(self, vals):
        if vals.get("state") == "cancel":
            # sudo: hidden from everybody
            sealed_sudo = self.sudo().lines.filtered("scenic_medium_sealed")
            sealed_sudo.scenic_medium_sealed = False
        return super().write(vals)
