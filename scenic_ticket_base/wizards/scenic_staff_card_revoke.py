from odoo import fields, models


class ScenicStaffCardRevoke(models.TransientModel):
    _name = "scenic.staff.card.revoke"
    _description = "Revoke Staff Cards"

    card_ids = fields.Many2many("scenic.staff.card", string="Cards", required=True)
    reason = fields.Char(required=True)

    def action_apply(self):
        """Revoke the cards at once."""
        self.ensure_one()
        self.card_ids.action_revoke(self.reason)
        return {"type": "ir.actions.act_window_close"}
