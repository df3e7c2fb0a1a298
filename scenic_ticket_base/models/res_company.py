from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    scenic_liability_account_id = fields.Many2one(
        "account.account",
        string="Contract Liability Account",
        check_company=True,
        domain="[('account_type', 'in', "
        "('liability_current', 'liability_non_current'))]",
        help="Sold tickets stay on this account until the visitor is admitted.",
    )
    scenic_revenue_journal_id = fields.Many2one(
        "account.journal",
        string="Ticket Revenue Journal",
        check_company=True,
        domain="[('type', '=', 'general')]",
        help="Daily entries that move admitted tickets to revenue go here.",
    )
