from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain


class ScenicAgencyContract(models.Model):
    """What an agency may order: which products, for which visit dates, how many."""

    _name = "scenic.agency.contract"
    _description = "Agency Contract"
    _inherit = ["scenic.audited", "mail.thread"]
    _order = "date_start desc, id desc"
    _check_company_auto = True

    name = fields.Char("Contract Number", required=True, tracking=True)
    active = fields.Boolean(default=True)
    state = fields.Selection(
        [("draft", "Draft"), ("running", "Running"), ("closed", "Closed")],
        default="draft",
        required=True,
        tracking=True,
        copy=False,
        help="Only a running contract lets the agency order.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Agency",
        required=True,
        index=True,
        tracking=True,
        ondelete="restrict",
        domain="[('is_scenic_agency', '=', True)]",
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    pricelist_id = fields.Many2one(
        related="partner_id.property_product_pricelist",
        string="Agency Pricelist",
    )
    # Limits
    date_start = fields.Date(
        "First Visit Date",
        required=True,
        tracking=True,
        default=fields.Date.context_today,
        help="First day for which the agency may order a visit.",
    )
    date_end = fields.Date(
        "Last Visit Date",
        required=True,
        tracking=True,
        help="Last day for which the agency may order a visit.",
    )
    max_days_ahead = fields.Integer(
        "Order at Most (Days Ahead)",
        required=True,
        default=90,
        tracking=True,
        help="How many days before the visit an order may be placed.",
    )
    max_quantity = fields.Integer(
        "Most Persons per Order",
        required=True,
        default=500,
        tracking=True,
    )
    line_ids = fields.One2many(
        "scenic.agency.contract.line", "contract_id", "Granted Products", copy=True
    )

    _name_company_uniq = models.UniqueIndex(
        "(name, company_id)",
        "There is already a contract with this number.",
    )
    _check_dates = models.Constraint(
        "CHECK (date_start <= date_end)",
        "The last visit date is before the first one.",
    )
    _check_days_ahead = models.Constraint(
        "CHECK (max_days_ahead BETWEEN 0 AND 730)",
        "Orders can be allowed at most 730 days ahead.",
    )
    _check_max_quantity = models.Constraint(
        "CHECK (max_quantity BETWEEN 1 AND 5000)",
        "Between 1 and 5000 persons can be allowed in one order.",
    )

    @api.constrains("partner_id")
    def _check_partner_id(self):
        for contract in self:
            if not contract.partner_id.is_scenic_agency:
                raise ValidationError(
                    self.env._(
                        "%(partner)s is not an agency. Mark it as an agency first.",
                        partner=contract.partner_id.display_name,
                    )
                )

    @api.constrains("state", "line_ids")
    def _check_has_lines(self):
        for contract in self:
            if contract.state == "running" and not contract.line_ids:
                raise ValidationError(
                    self.env._("Grant at least one product before starting it.")
                )

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for contract, vals in zip(self, vals_list, strict=True):
            vals["name"] = self.env._("%(name)s (copy)", name=contract.name)
        return vals_list

    def action_start(self):
        self.write({"state": "running"})

    def action_close(self):
        self.write({"state": "closed"})

    def action_draft(self):
        self.write({"state": "draft"})

    @api.model
    def _running_domain(self, agency, company):
        """Contracts by which `agency` may order from `company` now."""
        return Domain(
            [
                ("partner_id", "=", agency.id),
                ("company_id", "=", company.id),
                ("state", "=", "running"),
            ]
        )
