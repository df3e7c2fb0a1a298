"""The accounts of a ticket: where its price waits for admission, and what earns it."""

from odoo import api, models, tools
from odoo.exceptions import ValidationError

from ..exceptions import AccountMissingError

# What the accounts of a ticket hang on, see :meth:`_scenic_has_accounts`
ACCOUNTED_BY = {
    "property_account_income_id",
    "scenic_deferral_account_id",
    "categ_id",
    "company_id",
    "service_tracking",
}


class ProductTemplate(models.Model):
    _inherit = "product.template"

    def write(self, vals):
        res = super().write(vals)
        if ACCOUNTED_BY & vals.keys():
            self.env.registry.clear_cache()
        return res

    @api.constrains("scenic_deferral_account_id", "property_account_income_id")
    def _check_scenic_accounts(self):
        for product in self:
            account = product.scenic_deferral_account_id
            if account and account == product.property_account_income_id:
                raise ValidationError(
                    self.env._(
                        "“%(product)s”: the deferral account must differ from the "
                        "income account, where revenue goes after admission.",
                        product=product.display_name,
                    )
                )

    def _get_product_accounts(self):
        accounts = super()._get_product_accounts()
        if self.service_tracking == "scenic_ticket":
            accounts["scenic_revenue"] = accounts["income"]
            accounts["income"] = self._scenic_deferral_account()
        return accounts

    @tools.ormcache("self.id", "company.id")
    def _scenic_has_accounts(self, company):
        """Tell that a sale finds its accounts, or raise why not; cached.

        Only to refuse early: what is posted looks for its accounts itself.

        :raise AccountMissingError: see :meth:`_scenic_revenue_account`
        """
        return bool(self.with_company(company)._scenic_revenue_account())

    def _scenic_deferral_account(self):
        """Return the account where a sold ticket waits for admission.

        :raise AccountMissingError: none is set; the text says where to set it
        """
        self.ensure_one()
        company = self.company_id or self.env.company
        account = (
            self.with_company(company).scenic_deferral_account_id
            # sudo: an account is the company's setting, not the user's
            or company.sudo().scenic_liability_account_id
        )
        if not account:
            raise AccountMissingError(
                self.env._(
                    "No contract liability account for “%(product)s”. Set it in "
                    "Settings ‣ Scenic Ticket for company %(company)s, or on the "
                    "product under Ticket.",
                    product=self.display_name,
                    company=company.name,
                )
            )
        return account

    def _scenic_revenue_account(self):
        """Return the account that earns the price on admission.

        :raise AccountMissingError: none is set, or it is the deferral account
        """
        self.ensure_one()
        company = self.company_id or self.env.company
        accounts = self.with_company(company)._get_product_accounts()
        account = accounts["scenic_revenue"]
        if not account:
            raise AccountMissingError(
                self.env._(
                    "No income account for “%(product)s”. Set it on the product, on "
                    "its category, or as the default of company %(company)s.",
                    product=self.display_name,
                    company=company.name,
                )
            )
        if account == accounts["income"]:
            raise AccountMissingError(
                self.env._(
                    "“%(product)s”: income account and contract liability account "
                    "are the same (%(account)s), so admission could not earn "
                    "revenue. Set another income account on the product or its "
                    "category.",
                    product=self.display_name,
                    account=account.display_name,
                )
            )
        return account
