from odoo import fields, models


class ScenicRefund(models.Model):
    _inherit = "scenic.refund"

    pos_line_id = fields.Many2one(
        "pos.order.line",
        string="Window Refund",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The line of the refund order at the window.",
    )
