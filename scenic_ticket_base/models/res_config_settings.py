from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    scenic_liability_account_id = fields.Many2one(
        related="company_id.scenic_liability_account_id", readonly=False
    )
    scenic_shred_days = fields.Integer(
        related="company_id.scenic_shred_days", readonly=False
    )
    scenic_guardian_required = fields.Boolean(
        related="company_id.scenic_guardian_required", readonly=False
    )
    scenic_revenue_journal_id = fields.Many2one(
        related="company_id.scenic_revenue_journal_id", readonly=False
    )
