"""Member cards: a line renews one, or pays for a new medium of it."""

from odoo import api, fields, models
from odoo.orm.models import NO_ACCESS

from odoo.addons.scenic_ticket_base.tools.guard import SUPERVISOR

from ..exceptions import WindowMemberError
from ..tools.document_reader import MAX_TEXT


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    scenic_membership_id = fields.Many2one(
        "scenic.membership",
        string="Member Card",
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The card that this line gives another period, or a new medium.",
    )
    # Written by the window, never read: see _scenic_seal
    scenic_medium = fields.Json(
        string="New Medium", store=False, compute="_compute_scenic_medium"
    )
    scenic_medium_sealed = fields.Char(
        readonly=True,
        copy=False,
        groups=NO_ACCESS,
        help="Number of the IC card of an order that is not paid yet, encrypted.",
    )

    def _compute_scenic_medium(self):
        self.scenic_medium = False

    @api.model_create_multi
    def create(self, vals_list):
        media = [self._scenic_parse_medium(vals) for vals in vals_list]
        lines = super().create(
            [
                {k: v for k, v in vals.items() if k != "scenic_medium"}
                for vals in vals_list
            ]
        )
        for line, medium in zip(lines, media, strict=True):
            if medium:
                line._scenic_seal("medium", medium)
        return lines

    def write(self, vals):
        if not {"scenic_membership_id", "scenic_medium"} & vals.keys():
            return super().write(vals)
        if not self.env.su:
            touched = self if vals.get("scenic_membership_id") else self.browse()
            touched |= self.filtered("scenic_membership_id")
            touched._scenic_check_member_open()
        medium = self._scenic_parse_medium(vals)
        result = super().write({k: v for k, v in vals.items() if k != "scenic_medium"})
        if "scenic_medium" in vals:
            for line in self:
                line._scenic_seal("medium", medium)
        return result

    @api.model
    def _scenic_parse_medium(self, vals):
        """Return what a client says of a new IC card: ``number`` and ``reason``."""
        medium = vals.get("scenic_medium") or {}
        if not isinstance(medium, dict) or not all(
            isinstance(medium.get(name) or "", str)
            and len(medium.get(name) or "") <= MAX_TEXT
            for name in ("number", "reason")
        ):
            raise WindowMemberError(
                self.env._("The number of the new card is not readable. Read it anew.")
            )
        return {
            name: medium[name].strip()
            for name in ("number", "reason")
            if medium.get(name)
        }

    def _scenic_check_member_open(self):
        for line in self:
            if line.order_id.state not in ("draft", "cancel"):
                raise WindowMemberError(
                    self.env._(
                        "Order %(order)s is paid: what it did with a member card stays "
                        "as it is.",
                        order=line.order_id.pos_reference or line.order_id.name,
                    )
                )

    # ------------------------------------------------------------
    # SETTLE
    # ------------------------------------------------------------

    def _scenic_check_member(self):
        """Refuse a line for a member card that cannot be carried out."""
        self.ensure_one()
        # the cashier sees the cards of his sites, of his company
        card = self.scenic_membership_id
        if not card.has_access("read") or card.company_id != self.company_id:
            raise WindowMemberError(
                self.env._("There is no such member card. Look for it again.")
            )
        if self._scenic_is_ticket():
            return
        fee = card._pos_fee_product()
        if not fee or self.product_id != fee or self.qty != 1:
            raise WindowMemberError(
                self.env._(
                    "%(product)s is not what a new card for %(card)s costs. Remove the "
                    "line and replace the card again.",
                    product=self.product_id.display_name,
                    card=card.name,
                )
            )
        if not (self._scenic_unseal("medium") or {}).get("number"):
            raise WindowMemberError(
                self.env._(
                    "The new card for %(card)s was not read. Remove the line and "
                    "replace the card again.",
                    card=card.name,
                )
            )
        self._scenic_check_fee(fee)

    def _scenic_check_fee(self, fee):
        """The fee is paid as the pricelist has it; a supervisor may lower it."""
        # sudo: whoever sells need not read pricelists
        pricelist_sudo = self.order_id.pricelist_id.sudo()
        price = pricelist_sudo._get_product_price(fee, 1.0)
        paid = self.price_unit * (1 - self.discount / 100)
        if self.currency_id.compare_amounts(paid, price) < 0 and not (
            self.env.su or self.env.user.has_group(SUPERVISOR)
        ):
            raise WindowMemberError(
                self.env._("Only a shift supervisor may waive the fee of a new card."),
                code="MEMBER_FEE",
            )

    def _scenic_replace_medium(self):
        """Give the card of a paid line its new medium; the old one dies at once."""
        self.ensure_one()
        medium = self._scenic_unseal("medium")
        self.scenic_membership_id._replace(
            "ic_card",
            medium["number"],
            medium.get("reason") or self.env._("Replaced at the window"),
            document=self.order_id,
        )
        # sudo: hidden from everybody
        self.sudo().scenic_medium_sealed = False

    def _scenic_prepare_booking_line(self, amount_untaxed, amount_total):
        line = super()._scenic_prepare_booking_line(amount_untaxed, amount_total)
        if self.scenic_membership_id:
            line["renew_membership_id"] = self.scenic_membership_id.id
        return line

    @api.model
    def _load_pos_data_fields(self, config):
        return super()._load_pos_data_fields(config) + ["scenic_membership_id"]
