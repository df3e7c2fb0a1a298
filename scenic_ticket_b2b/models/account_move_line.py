from odoo import models

from odoo.addons.scenic_ticket_base.tools.split import split_units

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

    def _scenic_pay_back(self, refunds):
        """Let this line of a draft credit note pay back what refunds say, exactly."""
        self.ensure_one()
        data = self._scenic_tax_data(*self._scenic_sums(refunds))
        values = {
            "quantity": 1,
            "discount": 0,
            "price_unit": data["price_unit"],
            "extra_tax_data": data if data["manual_tax_amounts"] else False,
        }
        if persons := sum(refunds.mapped("persons")):
            values["name"] = self.env._(
                "%(name)s, refund for %(persons)s persons",
                name=self.name,
                persons=persons,
            )
        self.write(values)

    def _scenic_check_pays(self, refunds):
        """Check that this line pays back what refunds say.

        To be called once all lines are written: taxes that are rounded globally move
        cents from one line to another.

        :raise AgencyOrderError: the taxes cannot be fitted to the cent
        """
        self.ensure_one()
        currency = self.company_currency_id
        untaxed, tax = self._scenic_sums(refunds)
        if currency.compare_amounts(self.balance, untaxed) or currency.compare_amounts(
            self.price_total, untaxed + tax
        ):
            raise AgencyOrderError(
                self.env._(
                    "“%(line)s”: the taxes of this refund cannot be rounded to the "
                    "cent together with the other lines. Please credit the unused "
                    "tickets first, then cancel the order.",
                    line=self.name,
                ),
                code="REFUND_ROUNDING",
            )

    def _scenic_sums(self, refunds):
        """Return untaxed amount and tax that refunds pay back."""
        currency = self.company_currency_id
        return tuple(
            currency.round(sum(refunds.mapped(name)))
            for name in ("amount_untaxed", "amount_tax")
        )

    def _scenic_tax_data(self, untaxed, tax):
        """What the tax engine needs to make this line exactly so much."""
        move, AccountTax = self.move_id, self.env["account.tax"]
        base_line = move._prepare_product_base_line_for_taxes_computation(self)
        AccountTax._add_tax_details_in_base_lines([base_line], move.company_id)
        AccountTax._round_base_lines_tax_details([base_line], move.company_id)
        taxes = base_line["tax_details"]["taxes_data"]
        currency = self.company_currency_id
        cents = [
            round(abs(x["tax_amount_currency"]) / currency.rounding) for x in taxes
        ]
        weights = cents if any(cents) else [1] * len(cents)
        units = split_units(round(tax / currency.rounding), weights) if taxes else []
        shares = [currency.round(unit * currency.rounding) for unit in units]
        price, manual = untaxed, {}
        for tax_data, share in zip(taxes, shares, strict=True):
            manual[str(tax_data["tax"].id)] = {
                "tax_amount_currency": share,
                "tax_amount": share,
            }
            if tax_data["tax"].price_include:
                price += share
        return {
            "currency_id": currency.id,
            "price_unit": currency.round(price),
            "discount": 0.0,
            "quantity": 1.0,
            "rate": 1.0,
            "manual_total_excluded_currency": untaxed,
            "manual_total_excluded": untaxed,
            "manual_tax_amounts": manual,
        }
