from odoo import fields, models

RESERVATION_LEVELS = ("none", "advised", "required", "slot")


class ScenicReservationRule(models.Model):
    """What visitors need to come on a day. Without a rule: nothing (domain.md §3)."""

    _name = "scenic.reservation.rule"
    _description = "Reservation Rule"
    _inherit = ["scenic.audited", "scenic.days.mixin"]
    _order = "site_id, sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10, help="Of the rules of a site the first wins.")
    site_id = fields.Many2one(
        "scenic.site",
        required=True,
        index=True,
        ondelete="cascade",
        help="A rule of an area is also for its spots, unless a spot has its own.",
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    level = fields.Selection(
        [
            ("none", "No reservation"),
            ("advised", "Reservation advised"),
            ("required", "Reservation required"),
            ("slot", "Time slot required"),
        ],
        string="Reservation",
        required=True,
        default="required",
    )
    active = fields.Boolean(default=True)
