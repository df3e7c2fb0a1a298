from odoo import fields, models


class ScenicRefundPolicy(models.Model):
    _name = "scenic.refund.policy"
    _description = "Refund Policy"
    _inherit = ["scenic.audited"]
    _order = "name, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
