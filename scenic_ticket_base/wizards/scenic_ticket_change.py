from odoo import fields, models

from ..tools.guard import SERVICE, SUPERVISOR, check_groups

FINANCE = "scenic_ticket_base.group_scenic_finance"


class ScenicTicketChange(models.TransientModel):
    _name = "scenic.ticket.change"
    _description = "Change the State of Tickets"

    ticket_ids = fields.Many2many("scenic.ticket", string="Tickets", required=True)
    action = fields.Selection(
        [
            ("freeze", "Freeze"),
            ("unfreeze", "Release"),
            ("void", "Void"),
            ("forfeit", "Give Up"),
        ],
        required=True,
        default="freeze",
    )
    money = fields.Selection(
        [
            ("due", "Is owed to the customer"),
            ("forfeit", "Becomes revenue"),
        ],
        string="The Price",
        required=True,
        default="due",
    )
    reason = fields.Char(required=True)

    def action_apply(self):
        """Change the tickets and write the reason into their audit trail."""
        self.ensure_one()
        self.ticket_ids.check_access("read")
        if self.action == "void":
            check_groups(
                self.env,
                (SUPERVISOR,),
                self.env._("Only a shift supervisor may void tickets."),
            )
            self.ticket_ids._void(self.reason, forfeit=self.money == "forfeit")
        elif self.action == "forfeit":
            check_groups(
                self.env,
                (FINANCE,),
                self.env._("Only finance may give up what a customer is owed."),
            )
            self.ticket_ids._forfeit(self.reason)
        else:
            check_groups(
                self.env,
                (SERVICE, SUPERVISOR),
                self.env._(
                    "Only customer service or a shift supervisor may freeze or release "
                    "tickets."
                ),
            )
            if self.action == "freeze":
                self.ticket_ids._freeze(self.reason)
            else:
                self.ticket_ids._unfreeze(self.reason)
        return {"type": "ir.actions.act_window_close"}
