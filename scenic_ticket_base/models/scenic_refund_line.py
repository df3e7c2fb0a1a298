from odoo import fields, models


class ScenicRefundLine(models.Model):
    _name = "scenic.refund.line"
    _description = "Refunded Component"
    _order = "refund_id desc, id"
    _rec_name = "entitlement_id"

    refund_id = fields.Many2one(
        "scenic.refund", required=True, readonly=True, index=True, ondelete="restrict"
    )
    entitlement_id = fields.Many2one(
        "scenic.entitlement",
        string="Component",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    site_id = fields.Many2one(related="entitlement_id.site_id", store=True, index=True)
    company_id = fields.Many2one(related="refund_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="refund_id.currency_id")
    entries = fields.Integer(string="Unused Entries", required=True, readonly=True)
    entries_repaid = fields.Integer(string="Used Entries", required=True, readonly=True)
    amount_untaxed = fields.Monetary(
        string="Paid Back Untaxed", required=True, readonly=True
    )
    fee_untaxed = fields.Monetary(required=True, readonly=True)
