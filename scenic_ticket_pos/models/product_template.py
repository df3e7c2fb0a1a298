from odoo import api, models


class ProductTemplate(models.Model):
    _inherit = "product.template"

    @api.model
    def _load_pos_data_fields(self, config):
        return super()._load_pos_data_fields(config) + [
            "scenic_site_id",
            "scenic_ticket_kind",
            "scenic_validity_rule_id",
        ]
