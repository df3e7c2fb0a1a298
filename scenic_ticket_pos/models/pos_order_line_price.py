"""The pricelist decides what a ticket costs, by the day of its visit."""

from odoo import models
from odoo.tools import float_compare, format_amount, format_date

from ..exceptions import WindowPriceError


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    def _scenic_check_settleable(self):
        result = super()._scenic_check_settleable()
        if self.qty > 0:
            self._scenic_check_price()
        return result

    def _scenic_check_price(self):
        """Refuse a price that is neither that of the list nor a cashier's own.

        What a till that was offline has sold is a fact, whatever it costs now.

        :raise WindowPriceError: it costs something else
        """
        self.ensure_one()
        order, config = self.order_id, self.order_id.config_id
        # sudo: when an order is late is for no cashier to read
        channel_sudo = self.env["scenic.booking"].sudo()._channel("window")
        if channel_sudo._is_late(order.date_order):
            return
        # sudo: whoever may sell need not read price rules
        pricelist_sudo = order.pricelist_id.sudo().with_company(order.company_id)
        if pricelist_sudo - config._scenic_pricelists():
            raise WindowPriceError(
                self.env._(
                    "The price list %(pricelist)s is not for this window. Choose "
                    "another one and take the payment anew.",
                    pricelist=pricelist_sudo.name,
                )
            )
        if self._scenic_is_combo_choice() or self._scenic_price_is_free():
            return
        day = self._scenic_effective_visit_date()
        price = config._scenic_price(
            # sudo: as for the price list
            self.product_id.sudo().with_company(order.company_id),
            round(self.qty),
            day,
            pricelist_sudo,
        ) + sum(
            # sudo: as for the price list
            self.sudo()
            .attribute_value_ids.filtered(
                lambda v: v.attribute_id.create_variant == "no_variant"
            )
            .mapped("price_extra")
        )
        digits = self.env["decimal.precision"].precision_get("Product Price")
        if float_compare(price, self.price_unit, precision_digits=digits):
            raise WindowPriceError(
                self.env._(
                    "%(product)s costs %(price)s on %(date)s, not %(claimed)s. The "
                    "order was corrected: tell the customer and take the payment anew.",
                    product=self.product_id.display_name,
                    price=format_amount(self.env, price, self.currency_id),
                    claimed=format_amount(self.env, self.price_unit, self.currency_id),
                    date=format_date(self.env, day) if day else self.env._("this day"),
                )
            )

    def _scenic_price_is_free(self):
        """Tell whether a price may be set by hand, and was."""
        if self.price_type == "original":
            return False
        return (
            not self.order_id.config_id.restrict_price_control
            or self.env.su
            or self.env.user.has_group("point_of_sale.group_pos_manager")
        )

    def _scenic_is_combo_choice(self):
        """Tell whether the line is a choice within a combo of Odoo, priced with it."""
        parent, item = self.combo_parent_id, self.combo_item_id
        return bool(
            parent
            and parent.order_id == self.order_id
            and item.product_id == self.product_id
            and item.combo_id in parent.product_id.combo_ids
        )
