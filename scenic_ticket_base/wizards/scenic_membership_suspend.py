from odoo import api, fields, models

from ..tools.guard import SERVICE, SUPERVISOR, check_groups


class ScenicMembershipSuspend(models.TransientModel):
    _name = "scenic.membership.suspend"
    _description = "Freeze or Release a Member Card"

    membership_id = fields.Many2one(
        "scenic.membership", string="Member Card", required=True
    )
    action = fields.Selection(
        [("freeze", "Freeze"), ("unfreeze", "Release")],
        required=True,
        default="freeze",
    )
    date_from = fields.Date(
        string="From",
        default=fields.Date.context_today,
        help="First frozen day. If it is today the card is frozen at once.",
    )
    date_to = fields.Date(
        string="Until",
        help="Last frozen day: on the next one the card is released by itself. Empty: "
        "until somebody releases it.",
    )
    days_left = fields.Integer(
        string="Days That Can Be Added",
        compute="_compute_days_left",
        help="By how many days the end of this period can still move.",
    )
    reason = fields.Char(required=True)

    @api.depends("membership_id", "date_from")
    def _compute_days_left(self):
        for wizard in self:
            card = wizard.membership_id
            ticket = card._period_on(wizard.date_from or card._today()) if card else 0
            wizard.days_left = card._days_to_add(ticket) if ticket else 0

    def action_apply(self):
        """Freeze or release the card.

        :raise AccessError: only customer service or a supervisor may do this
        """
        self.ensure_one()
        card = self.membership_id
        card.check_access("read")
        check_groups(
            self.env,
            (SERVICE, SUPERVISOR),
            self.env._(
                "Only customer service or a shift supervisor may freeze or release "
                "member cards."
            ),
        )
        if self.action == "freeze":
            card._freeze(self.reason, self.date_from, self.date_to)
        else:
            card._unfreeze(self.reason)
        return {"type": "ir.actions.act_window_close"}
