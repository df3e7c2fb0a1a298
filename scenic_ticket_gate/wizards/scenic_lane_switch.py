from odoo import fields, models

from ..models.scenic_lane import MODES


class ScenicLaneSwitch(models.TransientModel):
    _name = "scenic.lane.switch"
    _description = "Switching of Lanes"

    lane_ids = fields.Many2many("scenic.lane", string="Lanes", required=True)
    mode = fields.Selection(MODES, required=True)
    ends_emergency = fields.Boolean(string="Ends the Emergency")
    reason = fields.Char(required=True)

    def action_confirm(self):
        """Switch the lanes at once; the reason stays with them."""
        self.ensure_one()
        self.lane_ids._switch(self.mode, self.reason, self.ends_emergency)
        return {"type": "ir.actions.act_window_close"}
