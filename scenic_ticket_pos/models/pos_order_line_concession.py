"""What the cashier says of a concession: a proof, or why a dearer ticket."""

from odoo import api, fields, models

from odoo.addons.scenic_ticket_base.tools.mask import mask_text

from ..tools.document_reader import MAX_TEXT
from .scenic_eligibility import Choice

CONCESSION_FIELDS = {
    "scenic_choice_reason",
    "scenic_proof_checked",
    "scenic_proof_note",
}


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    scenic_proof_checked = fields.Boolean(
        string="Proof Seen",
        copy=False,
        help="The cashier saw the proof of the concession.",
    )
    scenic_proof_note = fields.Char(
        string="Proof", copy=False, help="What was shown, without its number."
    )
    scenic_choice_reason = fields.Char(
        string="Why a Dearer Ticket",
        copy=False,
        help="Why the visitor did not get the cheapest ticket that the law grants.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._scenic_mask_notes(vals) for vals in vals_list])

    def write(self, vals):
        if CONCESSION_FIELDS & vals.keys() and not self.env.su:
            self._scenic_check_order_open()
        return super().write(self._scenic_mask_notes(vals))

    @api.model
    def _scenic_mask_notes(self, vals):
        """No number of a document stays in what a cashier notes."""
        return {
            name: mask_text(value.strip()[:MAX_TEXT])
            if name in ("scenic_proof_note", "scenic_choice_reason")
            and isinstance(value, str)
            else value
            for name, value in vals.items()
        }

    def _scenic_may_be_concession(self):
        """Whether there is something to judge: a concession, or a visitor's age."""
        self.ensure_one()
        # sudo: whoever sells need not read the rules, nor the sealed names
        line_sudo = self.sudo()
        return bool(
            line_sudo.product_id.product_tmpl_id._scenic_concessions()
            or line_sudo.scenic_visitors_sealed
        )

    def _scenic_choice(self, override):
        """Return the :class:`Choice` of this line.

        :param override: ``scenic.concession.override`` for it, maybe empty
        """
        self.ensure_one()
        return Choice(
            product=self.product_id,
            quantity=round(self.qty),
            visit_date=self._scenic_effective_visit_date(),
            price=self.price_unit * (1 - self.discount / 100),
            pricelist=self.order_id.pricelist_id,
            visitors=self._scenic_open_visitors(),
            proof_checked=self.scenic_proof_checked,
            reason=self.scenic_choice_reason or "",
            accepted=bool(override),
        )

    def _scenic_prepare_booking_line(self, amount_untaxed, amount_total):
        line = super()._scenic_prepare_booking_line(amount_untaxed, amount_total)
        override = self.env["scenic.concession.override"]._of(self)
        if override or self.scenic_proof_checked or self.scenic_proof_note:
            line["eligibility"] = {
                "proof_checked": bool(override) or self.scenic_proof_checked,
                "note": override.reason or self.scenic_proof_note or "",
            }
        return line

    @api.model
    def _load_pos_data_fields(self, config):
        return super()._load_pos_data_fields(config) + sorted(CONCESSION_FIELDS)
