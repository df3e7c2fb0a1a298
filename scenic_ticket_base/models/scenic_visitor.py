from odoo import fields, models


class ScenicVisitor(models.Model):
    _name = "scenic.visitor"
    _description = "Visitor"
    _order = "id desc"

    name = fields.Char(required=True)
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.company,
    )
