from odoo import api, fields, models


class ScenicRefundRequest(models.TransientModel):
    _name = "scenic.refund.request"
    _description = "Ask for a Refund Exception"

    ticket_id = fields.Many2one("scenic.ticket", required=True, readonly=True)
    message = fields.Char(string="What the Policy Says", compute="_compute_message")
    scope = fields.Selection(
        [
            ("all", "All that was not paid back yet"),
            ("persons", "Some persons"),
            ("components", "Some components"),
        ],
        required=True,
        default="all",
    )
    persons = fields.Integer(default=1)
    entitlement_ids = fields.Many2many(
        "scenic.entitlement",
        string="Components",
        domain="[('ticket_id', '=', ticket_id)]",
    )
    reason = fields.Char(required=True)

    @api.depends("ticket_id")
    def _compute_message(self):
        for wizard in self:
            quote = wizard.ticket_id and wizard.ticket_id._refund_quote()
            wizard.message = quote and quote["message"]

    def action_request(self):
        """Ask for the exception and show it."""
        self.ensure_one()
        override = self.env["scenic.refund.override"]._request(
            self.ticket_id,
            self.reason,
            persons=self.persons if self.scope == "persons" else None,
            rights=self.entitlement_ids if self.scope == "components" else None,
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": override._name,
            "res_id": override.id,
            "view_mode": "form",
        }
