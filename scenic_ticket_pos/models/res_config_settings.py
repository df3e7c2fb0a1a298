from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    pos_scenic_site_id = fields.Many2one(
        related="pos_config_id.scenic_site_id", readonly=False
    )
    pos_scenic_printer_id = fields.Many2one(
        related="pos_config_id.scenic_printer_id", readonly=False
    )
