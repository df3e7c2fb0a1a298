from odoo import api, models


class PosSession(models.Model):
    _inherit = "pos.session"

    @api.model
    def _load_pos_data_models(self, config):
        return super()._load_pos_data_models(config) + [
            "scenic.site",
            "scenic.validity.rule",
            "scenic.slot",
            "scenic.ticket",
        ]

    @api.model
    def _load_pos_data_relations(self, model, fields):
        relations = super()._load_pos_data_relations(model, fields)
        if model == "pos.order.line":
            for name in ("scenic_ticket_ids", "scenic_refunded_ticket_ids"):
                if name in relations:
                    # The server links tickets; the window never sends them back.
                    relations[name]["compute"] = True
        return relations
