from odoo import api, fields, models


class ScenicSite(models.Model):
    _name = "scenic.site"
    _inherit = ["scenic.site", "pos.load.mixin"]

    currency_id = fields.Many2one(related="company_id.currency_id")
    shift_tolerance = fields.Monetary(
        string="Tolerance of a Hand-Over",
        required=True,
        default=0,
        help="So much more or less than expected in a payment method needs no remark "
        "of the cashier who hands over.",
    )

    _shift_tolerance_positive = models.Constraint(
        "CHECK (shift_tolerance >= 0)", "The tolerance is zero or more."
    )

    @api.model
    def _load_pos_data_domain(self, data, config):
        return [("company_id", "in", [config.company_id.id, False])]

    @api.model
    def _load_pos_data_fields(self, config):
        return ["name", "tz", "write_date"]
