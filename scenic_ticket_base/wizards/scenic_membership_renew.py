import contextlib
import uuid

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..exceptions import BookingError
from ..tools.guard import check_reason

MANAGER = "scenic_ticket_base.group_scenic_manager"


class ScenicMembershipRenew(models.TransientModel):
    """Another period as a present, for a complaint for instance.

    A period that is paid for is sold by a channel, which takes the money.
    """

    _name = "scenic.membership.renew"
    _description = "Renew a Member Card Free of Charge"

    membership_id = fields.Many2one(
        "scenic.membership", string="Member Card", required=True
    )
    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        compute="_compute_product_id",
        store=True,
        readonly=False,
        domain="[('scenic_ticket_kind', '=', 'member'), "
        "('scenic_site_id', '=', site_id)]",
    )
    site_id = fields.Many2one(related="membership_id.site_id")
    date_first = fields.Date(string="From", compute="_compute_dates")
    date_last = fields.Date(string="Until", compute="_compute_dates")
    reason = fields.Char(required=True)

    @api.depends("membership_id")
    def _compute_product_id(self):
        for wizard in self:
            last = wizard.membership_id.ticket_ids.sorted("date_first")[-1:]
            wizard.product_id = last.product_id

    @api.depends("membership_id", "product_id")
    def _compute_dates(self):
        self.date_first = self.date_last = False
        for wizard in self.filtered(lambda w: w.membership_id and w.product_id):
            # a period that is not possible is refused when it is booked
            with contextlib.suppress(BookingError):
                window, _windows = wizard.membership_id._renewal_windows(
                    wizard.product_id
                )
                wizard.date_first, wizard.date_last = window.first_day, window.last_day

    def action_apply(self):
        """Book another period at no price.

        :raise AccessError: only a ticketing manager may give one away
        """
        self.ensure_one()
        card = self.membership_id
        card.check_access("read")
        if not self.env.user.has_group(MANAGER):
            raise AccessError(
                self.env._("Only a ticketing manager may renew a card free of charge.")
            )
        check_reason(self.env, self.reason)
        booking = self.env["scenic.booking"]._hold(
            "window",
            f"{card.name}-{uuid.uuid4().hex[:12]}",
            [
                {
                    "product_id": self.product_id.id,
                    "quantity": 1,
                    "price_unit": 0.0,
                    "amount_untaxed": 0.0,
                    "amount_total": 0.0,
                    "renew_membership_id": card.id,
                }
            ],
            partner=card.partner_id,
            company=card.company_id,
        )
        tickets = booking._confirm()
        self.env["scenic.audit"]._log(
            "price_override",
            tickets,
            reason=self.reason,
            before={"price_unit": self.product_id.lst_price},
            after={"price_unit": 0.0},
            document=booking,
        )
        return {"type": "ir.actions.act_window_close"}
