"""Who comes: the names a real-name ticket needs, encrypted until it is sold."""

import json

from odoo import api, fields, models
from odoo.orm.models import NO_ACCESS

from ..exceptions import WindowVisitorError
from ..tools.document_reader import GUIDE, PERSON_FIELDS

# anything longer is no name and no number
MAX_TEXT = 200


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    # Written by the window, never read: see _scenic_seal_visitors
    scenic_visitors = fields.Json(
        string="Visitors", store=False, compute="_compute_scenic_visitors"
    )
    scenic_visitors_sealed = fields.Char(
        readonly=True,
        copy=False,
        groups=NO_ACCESS,
        help="The visitors of an order that is not paid yet, encrypted.",
    )

    def _compute_scenic_visitors(self):
        self.scenic_visitors = False

    @api.model_create_multi
    def create(self, vals_list):
        visitors = [self._scenic_parse_visitors(vals) for vals in vals_list]
        lines = super().create(
            [
                {k: v for k, v in vals.items() if k != "scenic_visitors"}
                for vals in vals_list
            ]
        )
        for line, found in zip(lines, visitors, strict=True):
            if found:
                line._scenic_seal_visitors(found)
        return lines

    def write(self, vals):
        if "scenic_visitors" not in vals:
            return super().write(vals)
        self._scenic_check_order_open()
        visitors = self._scenic_parse_visitors(vals)
        result = super().write(
            {k: v for k, v in vals.items() if k != "scenic_visitors"}
        )
        for line in self:
            line._scenic_seal_visitors(visitors)
        return result

    @api.model
    def _scenic_parse_visitors(self, vals):
        """Return what a client says of visitors: texts, checked by the core later."""
        visitors = vals.get("scenic_visitors") or []
        if (
            not isinstance(visitors, list)
            or not all(isinstance(visitor, dict) for visitor in visitors)
            or not all(
                isinstance(visitor.get(name) or "", str)
                and len(visitor.get(name) or "") <= MAX_TEXT
                for visitor in visitors
                for name in PERSON_FIELDS
            )
        ):
            raise WindowVisitorError(
                self.env._(
                    "The names of the visitors are not readable. Enter them anew."
                )
            )
        return [
            {name: visitor[name] for name in PERSON_FIELDS if visitor.get(name)}
            for visitor in visitors
        ]

    @api.model
    def _scenic_pack_visitors(self, visitors):
        """Return visitors as a text to be encrypted."""
        return json.dumps(visitors)

    @api.model
    def _scenic_unpack_visitors(self, text):
        return json.loads(text)

    def _scenic_seal_visitors(self, visitors):
        self.ensure_one()
        line_sudo = self.sudo()  # sudo: hidden from everybody, only the sale opens it
        if not visitors:
            line_sudo.scenic_visitors_sealed = False
            return
        keys_sudo = self.env["scenic.signing.key"].sudo()
        line_sudo.scenic_visitors_sealed = keys_sudo._encrypt(
            self._scenic_visitors_place(),
            self._scenic_pack_visitors(visitors),
            keys_sudo._data().data_kid,
        )

    def _scenic_open_visitors(self):
        """Return the visitors that the window named for this line."""
        self.ensure_one()
        line_sudo = self.sudo()  # sudo: as in :meth:`_scenic_seal_visitors`
        if not line_sudo.scenic_visitors_sealed:
            return []
        keys_sudo = self.env["scenic.signing.key"].sudo()
        return self._scenic_unpack_visitors(
            keys_sudo._decrypt(
                self._scenic_visitors_place(), line_sudo.scenic_visitors_sealed
            )
        )

    def _scenic_visitors_place(self):
        """Return what binds the cipher text to its line."""
        return f"pos.order.line,{self.id},visitors"

    def _scenic_forget_visitors(self):
        """Delete the names: they are with the booking now, or nobody comes."""
        # sudo: as in :meth:`_scenic_seal_visitors`
        self.sudo().filtered("scenic_visitors_sealed").scenic_visitors_sealed = False

    def _scenic_prepare_booking_line(self, amount_untaxed, amount_total):
        return {
            **super()._scenic_prepare_booking_line(amount_untaxed, amount_total),
            "visitors": self._scenic_ordered_visitors(),
        }

    def _scenic_ordered_visitors(self):
        """Return the visitors as the core hands tickets out.

        The guide comes first where one ticket is for the group, whose face he is, and
        last where each person has one: the last are the free ones.
        """
        visitors = self._scenic_open_visitors()
        first = self.product_id.scenic_group_codes != "each"
        visitors.sort(key=lambda v: (v.get("role") == GUIDE) != first)
        for visitor in visitors:
            visitor.pop("role", None)
            if not visitor.get("doc_number"):
                visitor.pop("doc_kind", None)
        return visitors
