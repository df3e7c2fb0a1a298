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
    # Blacklist: what a sale and a gate look at; see scenic.blacklist
    blocked_from = fields.Date(
        readonly=True,
        index="btree_not_null",
        help="First day on which the visitor can neither buy nor enter. Empty: not "
        "on the blacklist.",
    )
    blocked_until = fields.Date(readonly=True, help="Last such day. Empty: for good.")
    blacklist_ids = fields.One2many(
        "scenic.blacklist",
        "visitor_id",
        string="Blacklist",
        readonly=True,
        groups="scenic_ticket_base.group_scenic_customer_service,"
        "scenic_ticket_base.group_scenic_supervisor,"
        "scenic_ticket_base.group_scenic_auditor",
    )
