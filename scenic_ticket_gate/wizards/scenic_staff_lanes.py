from odoo import fields, models


class ScenicStaffLanes(models.TransientModel):
    _name = "scenic.staff.lanes"
    _description = "Permitted Lanes of Staff Cards"

    card_ids = fields.Many2many("scenic.staff.card", string="Cards", required=True)
    lane_ids = fields.Many2many(
        "scenic.lane",
        string="Permitted Lanes",
        help="Empty: all lanes that the product permits.",
    )
    reason = fields.Char(required=True)

    def action_apply(self):
        """Change the lanes at once; the reason goes into the audit trail."""
        self.ensure_one()
        self.card_ids.action_set_lanes(self.lane_ids.ids, self.reason)
        return {"type": "ir.actions.act_window_close"}
