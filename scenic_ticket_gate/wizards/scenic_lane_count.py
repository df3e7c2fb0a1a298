from odoo import fields, models


class ScenicLaneCount(models.TransientModel):
    _name = "scenic.lane.count"
    _description = "Count of a Group"

    lane_id = fields.Many2one("scenic.lane", required=True, readonly=True)
    people = fields.Integer(required=True, default=10)

    def action_confirm(self):
        """Count the group at once."""
        self.ensure_one()
        self.lane_id._count_people(self.people)
        return {"type": "ir.actions.act_window_close"}
