from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    pos_scenic_blank_size = fields.Integer(
        related="pos_config_id.scenic_blank_size", readonly=False
    )
    pos_scenic_blank_product_ids = fields.Many2many(
        related="pos_config_id.scenic_blank_product_ids", readonly=False
    )
    pos_scenic_site_id = fields.Many2one(
        related="pos_config_id.scenic_site_id", readonly=False
    )
    pos_scenic_printer_id = fields.Many2one(
        related="pos_config_id.scenic_printer_id", readonly=False
    )
