from odoo import models

from ..exceptions import AgencyOrderError


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _scenic_check_account(self, product):
        """Check that a sold ticket stands on its product's deferral account.

        :raise AgencyOrderError: a fiscal position has taken it elsewhere
        """
        self.ensure_one()
        account = product.product_tmpl_id.with_company(
            self.company_id
        )._scenic_deferral_account()
        if self.account_id != account:
            raise AgencyOrderError(
                self.env._(
                    "%(product)s would be booked on %(wrong)s and not on %(right)s: "
                    "take that account out of the fiscal position.",
                    product=product.display_name,
                    wrong=self.account_id.display_name,
                    right=account.display_name,
                ),
                code="ACCOUNT_MAPPED",
            )
