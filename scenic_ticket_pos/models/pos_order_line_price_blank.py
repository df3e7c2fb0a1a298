"""The price of what was sold where nobody could be asked."""

from odoo import models

from ..exceptions import WindowPriceError


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    def _scenic_check_price(self):
        try:
            super()._scenic_check_price()
        except WindowPriceError as error:
            if not self.scenic_blanks:
                raise
            # a fact, and one to be looked at
            self.env["scenic.audit"]._log(
                "price_override",
                self.order_id,
                reason=str(error),
                after={"price_unit": self.price_unit},
            )
