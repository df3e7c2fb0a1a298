from odoo import fields, models


class ScenicBookingLine(models.Model):
    _inherit = "scenic.booking.line"

    sale_line_id = fields.Many2one(
        "sale.order.line",
        "Sales Order Line",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
