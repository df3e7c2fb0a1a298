from odoo import fields, models


class ScenicMembershipFreeze(models.Model):
    _name = "scenic.membership.freeze"
    _description = "Freeze of a Member Card"
    _order = "date_from desc, id desc"
    _rec_name = "membership_id"

    membership_id = fields.Many2one(
        "scenic.membership",
        string="Member Card",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    company_id = fields.Many2one(
        related="membership_id.company_id", store=True, index=True
    )
    ticket_id = fields.Many2one(
        "scenic.ticket",
        string="Period",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
        help="The period in which the card was frozen.",
    )
    date_from = fields.Date(
        string="From", required=True, readonly=True, help="First frozen day."
    )
    date_to = fields.Date(
        string="Until",
        readonly=True,
        help="Last frozen day: on the next one the card is released by itself. Empty: "
        "until somebody releases it.",
    )
    reason = fields.Char(required=True, readonly=True)
    state = fields.Selection(
        [
            ("planned", "Planned"),
            ("frozen", "Frozen"),
            ("released", "Released"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        index=True,
    )
    date_released = fields.Date(string="Released on", readonly=True)
    days_added = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        help="By how many days the end of the period moved.",
    )
    release_reason = fields.Char(readonly=True)

    _one_open = models.UniqueIndex(
        "(membership_id) WHERE state IN ('planned', 'frozen')",
        "This card is frozen already.",
    )
    _dates = models.Constraint(
        "CHECK (date_to >= date_from AND days_added >= 0)",
        "A freeze cannot end before it begins.",
    )

    def _days_left(self):
        """Return how many days a freeze may still add to this period."""
        self.ensure_one()
        earlier = self.search([("ticket_id", "=", self.ticket_id.id)])
        granted = self.ticket_id.product_id.scenic_freeze_days
        return max(granted - sum(earlier.mapped("days_added")), 0)
