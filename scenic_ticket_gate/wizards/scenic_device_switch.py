from odoo import fields, models


class ScenicDeviceSwitch(models.TransientModel):
    _name = "scenic.device.switch"
    _description = "Enabling of Devices"

    device_ids = fields.Many2many("scenic.device", string="Devices", required=True)
    enabled = fields.Boolean(required=True)
    reason = fields.Char(required=True)

    def action_confirm(self):
        """Enable or disable the devices; the reason stays with them."""
        self.ensure_one()
        self.device_ids._enable(self.enabled, self.reason)
        return {"type": "ir.actions.act_window_close"}
