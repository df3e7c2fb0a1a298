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
    scenic_shred_days = fields.Integer(
        string="Days to Keep Visitors",
        required=True,
        default=30,
        help="So many days after the last day of the last ticket of a visitor, name, "
        "document and telephone are deleted.",
    )
    scenic_guardian_required = fields.Boolean(
        string="Ask for a Guardian",
        help="A visitor under 14 needs the name of a guardian who consents, or an "
        "adult on the same order.",
    )

    _scenic_shred_days_positive = models.Constraint(
        "CHECK (scenic_shred_days >= 0)",
        "Visitors are kept for zero days or more.",
    )

    def write(self, vals):
        res = super().write(vals)
        if {"scenic_liability_account_id", "income_account_id"} & vals.keys():
            # see product.template._scenic_has_accounts
            self.env.registry.clear_cache()
        return res
