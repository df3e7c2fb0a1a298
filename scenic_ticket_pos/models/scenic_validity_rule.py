from odoo import api, models


class ScenicValidityRule(models.Model):
    _name = "scenic.validity.rule"
    _inherit = ["scenic.validity.rule", "pos.load.mixin"]

    @api.model
    def _load_pos_data_fields(self, config):
        return ["name", "mode", "date_from", "write_date"]
