from odoo import fields, models


class ScenicBlankWriteOff(models.TransientModel):
    _name = "scenic.blank.write.off"
    _description = "Write Blanks Off"

    lease_ids = fields.Many2many("scenic.blank.lease", string="Leases", required=True)
    action = fields.Selection(
        [("write_off", "Write Off"), ("reinstate", "Reinstate")],
        required=True,
        default="write_off",
    )
    reason = fields.Char(required=True)

    def action_apply(self):
        """Write the leases off, or let what they sold arrive after all."""
        self.ensure_one()
        if self.action == "reinstate":
            self.lease_ids._reinstate(self.reason)
        else:
            self.lease_ids._write_off(self.reason)
        return {"type": "ir.actions.act_window_close"}
