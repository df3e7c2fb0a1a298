from odoo import api, fields, models

from ..models.scenic_credential import CARDS, CODES
from ..tools.guard import SERVICE, SUPERVISOR, check_groups


class ScenicCredentialChange(models.TransientModel):
    _name = "scenic.credential.change"
    _description = "Change a Medium"
    _inherit = ["scenic.secret.input"]
    _secret_fields = ("number",)

    action = fields.Selection(
        [
            ("add", "Add a Card or Document"),
            ("replace", "Replace"),
            ("freeze", "Freeze"),
            ("unfreeze", "Release"),
        ],
        required=True,
        default="replace",
    )
    ticket_id = fields.Many2one("scenic.ticket", ondelete="cascade")
    credential_id = fields.Many2one("scenic.credential", ondelete="cascade")
    kind = fields.Selection(
        [("ic_card", "IC Card"), ("id_document", "ID Document")], default="ic_card"
    )
    needs_number = fields.Boolean(compute="_compute_needs_number")
    number = fields.Char(compute="_compute_secret", readonly=False)
    reason = fields.Char(required=True)

    @api.depends("action", "credential_id")
    def _compute_needs_number(self):
        for wizard in self:
            wizard.needs_number = wizard.action == "add" or (
                wizard.action == "replace" and wizard.credential_id.kind not in CODES
            )

    def action_apply(self):
        """Change the medium and write the reason into the audit trail."""
        self.ensure_one()
        check_groups(
            self.env,
            (SERVICE, SUPERVISOR),
            self.env._("Only customer service or a shift supervisor may change media."),
        )
        ticket = self.ticket_id or self.credential_id.ticket_id
        ticket.check_access("read")
        number = self._secrets().get("number")
        # a card or document is one thing, whatever number of tickets it opens
        medium, card = self.credential_id, ticket.membership_id
        if self.action == "add":
            tickets = card._live_tickets() or ticket
            tickets._add_medium(self.kind, number, self.reason)
        elif self.action == "replace" and card and medium.kind in CARDS:
            card._replace(medium.kind, number, self.reason)
        elif self.action == "replace":
            medium._same_medium()._replace(self.reason, number)
        elif self.action == "freeze":
            medium._same_medium()._freeze(self.reason)
        else:
            medium._same_medium()._unfreeze(self.reason)
        return {"type": "ir.actions.act_window_close"}
