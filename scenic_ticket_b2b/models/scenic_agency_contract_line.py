from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ScenicAgencyContractLine(models.Model):
    _name = "scenic.agency.contract.line"
    _description = "Granted Product"
    _inherit = ["scenic.audited"]
    _order = "contract_id, sequence, id"
    _rec_name = "product_tmpl_id"

    contract_id = fields.Many2one(
        "scenic.agency.contract", required=True, index=True, ondelete="cascade"
    )
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one(related="contract_id.company_id")
    product_tmpl_id = fields.Many2one(
        "product.template",
        "Ticket Product",
        required=True,
        index=True,
        ondelete="restrict",
        domain="[('service_tracking', '=', 'scenic_ticket'), ('sale_ok', '=', True),"
        " ('company_id', 'in', (False, company_id))]",
    )
    ticket_kind = fields.Selection(related="product_tmpl_id.scenic_ticket_kind")
    min_quantity = fields.Integer(
        "Least Persons",
        required=True,
        default=1,
        help="Fewer persons than this cannot be ordered at once.",
    )

    _contract_product_uniq = models.UniqueIndex(
        "(contract_id, product_tmpl_id)",
        "A product can be granted only once in a contract.",
    )
    _check_min_quantity = models.Constraint(
        "CHECK (min_quantity >= 1)", "At least one person must be ordered."
    )

    @api.constrains("product_tmpl_id")
    def _check_product_tmpl_id(self):
        for line in self:
            product = line.product_tmpl_id
            if product.service_tracking != "scenic_ticket":
                raise ValidationError(
                    self.env._(
                        "%(product)s is not a ticket product.",
                        product=product.display_name,
                    )
                )

    def _window(self, today):
        """First and last visit date (inclusive) that may be ordered on `today`.

        The last one lies before the first one when nothing can be ordered any more.
        """
        self.ensure_one()
        contract = self.contract_id
        return (
            max(contract.date_start, today),
            min(contract.date_end, today + timedelta(days=contract.max_days_ahead)),
        )

    def _covering(self, visit_date):
        """Those of the granted lines that allow an order for `visit_date` today."""

        def _covers(line):
            first, last = line._window(line.product_tmpl_id._scenic_today())
            return first <= visit_date <= last

        return self.filtered(_covers)
