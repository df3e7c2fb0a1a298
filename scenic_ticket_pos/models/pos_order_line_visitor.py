"""Who comes: the names a real-name ticket needs, encrypted until it is sold."""

from odoo import api, fields, models
from odoo.orm.models import NO_ACCESS

from ..exceptions import WindowVisitorError
from ..tools.document_reader import GUIDE, MAX_TEXT, PERSON_FIELDS

# of a person, in cm
HEIGHTS = range(30, 251)


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    # Written by the window, never read: see _scenic_seal
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
            {
                **{name: visitor[name] for name in PERSON_FIELDS if visitor.get(name)},
                **self._scenic_parse_height(visitor),
            }
            for visitor in visitors
        ]

    @api.model
    def _scenic_parse_height(self, visitor):
        """Return the height that the cashier measured, if it is one of a person."""
        height = visitor.get("height_cm")
        return (
            {"height_cm": height} if type(height) is int and height in HEIGHTS else {}
        )

    def _scenic_seal_visitors(self, visitors):
        self._scenic_seal("visitors", visitors)

    def _scenic_open_visitors(self):
        """Return the visitors that the window named for this line."""
        return self._scenic_unseal("visitors") or []

    def _scenic_forget_visitors(self):
        """Delete the names: they are with the booking now, or nobody comes."""
        # sudo: as in :meth:`_scenic_seal`
        self.sudo().filtered("scenic_visitors_sealed").scenic_visitors_sealed = False

    def _scenic_prepare_booking_line(self, amount_untaxed, amount_total):
        line = super()._scenic_prepare_booking_line(amount_untaxed, amount_total)
        # who was named for the proof of a concession alone is kept by nobody
        product = self.product_id
        if product.scenic_real_name != "none" or product.scenic_ticket_kind == "group":
            line["visitors"] = self._scenic_ordered_visitors()
        return line

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
