from odoo import api, fields, models

from ..exceptions import MembershipError
from ..tools.guard import SUPERVISOR, check_groups

SELLERS = (
    "scenic_ticket_base.group_scenic_cashier",
    "scenic_ticket_base.group_scenic_customer_service",
)


class ScenicMembershipReplace(models.TransientModel):
    _name = "scenic.membership.replace"
    _description = "Replace the Medium of a Member Card"
    _inherit = ["scenic.secret.input"]
    _secret_fields = ("number",)

    membership_id = fields.Many2one(
        "scenic.membership", string="Member Card", required=True
    )
    kind = fields.Selection(
        [("ic_card", "IC Card"), ("qr", "Printed Codes")],
        required=True,
        default="ic_card",
    )
    number = fields.Char(
        string="New Card",
        compute="_compute_secret",
        readonly=False,
        help="Hold the new card to the reader, or type its number.",
    )
    fee_product_id = fields.Many2one(
        "product.product", string="Fee", compute="_compute_fee_product_id"
    )
    fee_ref = fields.Char(
        string="Receipt of the Fee", help="Number of the order that the fee is on."
    )
    fee_waived = fields.Boolean(
        string="No Fee",
        help="A shift supervisor may waive the fee; the reason says why.",
    )
    reason = fields.Char(required=True)

    @api.depends("membership_id")
    def _compute_fee_product_id(self):
        for wizard in self:
            ticket = wizard.membership_id._live_tickets()[:1]
            wizard.fee_product_id = ticket.product_id.scenic_replacement_product_id

    def action_apply(self):
        """Replace the medium at once.

        :raise AccessError: only who sells cards may do this; a fee is waived by a
            supervisor
        :raise MembershipError: ``FEE_MISSING``
        """
        self.ensure_one()
        card = self.membership_id
        card.check_access("read")
        check_groups(
            self.env,
            SELLERS,
            self.env._("Only cashiers and customer service may replace cards."),
        )
        if self.fee_waived:
            check_groups(
                self.env,
                (SUPERVISOR,),
                self.env._("Only a shift supervisor may waive the fee of a new card."),
            )
        if self.fee_product_id and not (self.fee_ref or self.fee_waived):
            raise MembershipError(
                self.env._(
                    "Please sell “%(fee)s” first and fill in its receipt.",
                    fee=self.fee_product_id.display_name,
                ),
                code="FEE_MISSING",
            )
        number = self._secrets().get("number") if self.kind == "ic_card" else None
        card._replace(self.kind, number, self.reason, document=self.fee_ref or None)
        return {"type": "ir.actions.act_window_close"}
