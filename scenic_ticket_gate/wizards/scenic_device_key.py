from odoo import api, fields, models


class ScenicDeviceKey(models.TransientModel):
    _name = "scenic.device.key"
    _description = "New Device Key"

    device_id = fields.Many2one("scenic.device", readonly=True)
    key = fields.Char(compute="_compute_key", help="Shown this once; it is not stored.")
    is_second = fields.Boolean(compute="_compute_is_second")

    @api.depends_context("scenic_device_key")
    def _compute_key(self):
        self.key = self.env.context.get("scenic_device_key")

    @api.depends("device_id.next_key_date")
    def _compute_is_second(self):
        for wizard in self:
            wizard.is_second = bool(wizard.device_id.next_key_date)
