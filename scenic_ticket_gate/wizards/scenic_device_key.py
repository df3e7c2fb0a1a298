from odoo import api, fields, models


class ScenicDeviceKey(models.TransientModel):
    _name = "scenic.device.key"
    _description = "New Device Key"

    device_id = fields.Many2one("scenic.device", readonly=True)
    key = fields.Char(compute="_compute_key", help="Shown this once; it is not stored.")

    @api.depends_context("scenic_device_key")
    def _compute_key(self):
        self.key = self.env.context.get("scenic_device_key")
