from odoo import models

from ..exceptions import AgencyOrderError


class SaleAdvancePaymentInv(models.TransientModel):
    _inherit = "sale.advance.payment.inv"

    def _create_invoices(self, sale_orders):
        """No down payment on tickets: it could land on the contract liability account
        while no ticket exists that carries the amount."""
        if self.advance_payment_method != "delivered" and any(
            line.is_scenic_ticket for line in sale_orders.order_line
        ):
            raise AgencyOrderError(
                self.env._(
                    "Orders with tickets are invoiced in full when they are confirmed; "
                    "down payments are not possible. Register a payment instead."
                )
            )
        return super()._create_invoices(sale_orders)
