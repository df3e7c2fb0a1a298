from odoo import api, models


class ScenicSite(models.Model):
    _name = "scenic.site"
    _inherit = ["scenic.site", "pos.load.mixin"]

    @api.model
    def _load_pos_data_domain(self, data, config):
        return [("company_id", "in", [config.company_id.id, False])]

    @api.model
    def _load_pos_data_fields(self, config):
        return ["name", "tz", "write_date"]
