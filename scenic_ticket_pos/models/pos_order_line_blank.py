"""The blanks that a line was sold with, as the window tells them."""

from odoo import api, fields, models

from ..exceptions import WindowBlankError

# more is no honest number of prints
MAX_PRINTS = 20


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    scenic_blanks = fields.Json(
        string="Blanks",
        copy=False,
        help="Of each ticket sold without the server its number, and how often the "
        "window has printed it.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._scenic_check_blank_values(vals)
        return super().create(vals_list)

    def write(self, vals):
        if "scenic_blanks" in vals:
            self._scenic_check_blank_values(vals)
            if any(vals["scenic_blanks"] != line.scenic_blanks for line in self):
                self._scenic_check_order_open()
        return super().write(vals)

    @api.model
    def _scenic_check_blank_values(self, vals):
        """Refuse what is no list of numbers and prints."""
        blanks = vals.get("scenic_blanks") or []
        if not isinstance(blanks, list) or not all(
            isinstance(blank, dict)
            and type(blank.get("number")) is int
            and 0 < blank["number"] < 2**31
            and type(blank.get("prints")) is int
            and 0 <= blank["prints"] <= MAX_PRINTS
            for blank in blanks
        ):
            raise WindowBlankError(
                self.env._(
                    "The blanks of the order are not readable. Remove the line and "
                    "choose the ticket again."
                )
            )

    def _scenic_blank_list(self):
        self.ensure_one()
        return self.scenic_blanks or []

    def _scenic_blank_numbers(self):
        """Return the numbers of the blanks that this line was sold with."""
        return [blank["number"] for blank in self._scenic_blank_list()]

    def _scenic_prepare_booking_line(self, amount_untaxed, amount_total):
        return {
            **super()._scenic_prepare_booking_line(amount_untaxed, amount_total),
            "blanks": self._scenic_blank_numbers(),
        }

    @api.model
    def _load_pos_data_fields(self, config):
        return [*super()._load_pos_data_fields(config), "scenic_blanks"]
