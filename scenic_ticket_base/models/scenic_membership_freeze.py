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

    def _is_due(self):
        """Tell whether the day to freeze or to release has come."""
        self.ensure_one()
        today = self.membership_id._today()
        if self.state == "planned":
            return self.date_from <= today
        return bool(self.date_to and self.date_to < today)

    def _turn(self):
        """Do what is due: freeze the card, or release it.

        :raise MembershipError: the card is not in the state for it
        """
        self.ensure_one()
        card = self.membership_id
        if self.state == "frozen":
            return card._unfreeze(self.env._("The frozen days are over."))
        card._lock()
        if card.state == "active":
            card._start_freeze(self)
        else:
            # it lapsed or was paid back before the freeze began
            self.state = "cancelled"
