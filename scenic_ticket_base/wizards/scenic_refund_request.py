from odoo import api, fields, models
from odoo.tools import format_amount


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
    divisible = fields.Boolean(compute="_compute_divisible")
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
            ticket = wizard.ticket_id
            quote = ticket and ticket._refund_quote()
            wizard.message = quote and (
                quote["message"]
                or self.env._(
                    "The refund policy pays back %(amount)s without an exception. Ask "
                    "only for more than that.",
                    amount=format_amount(
                        self.env, quote["amount_total"], ticket.currency_id
                    ),
                )
            )

    @api.depends("ticket_id")
    def _compute_divisible(self):
        for wizard in self:
            ticket = wizard.ticket_id
            wizard.divisible = ticket.persons > 1 or len(ticket.entitlement_ids) > 1

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
