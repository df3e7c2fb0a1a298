"""The blanks of a shift (空白票): sold without the server, spoiled, left."""

from odoo import models

from .scenic_shift_sheet import COUNT, TEXT


class ScenicShift(models.Model):
    _inherit = "scenic.shift"

    def _figures(self, method_ids=()):
        return {**super()._figures(method_ids), "blanks": self._blanks()}

    def _blanks(self):
        """Count the blanks of an open shift, as superuser.

        Those sold are of the orders of this shift. Those spoiled and left are of its
        window: a browser keeps them for whoever sells there.
        """
        tickets = self.env["scenic.ticket"]
        here = [("lease_id.config_id", "=", self.config_id.id)]
        return {
            "sold": tickets.search_count(
                [
                    ("lease_id", "!=", False),
                    ("pos_order_line_id.order_id.scenic_shift_id", "=", self.id),
                ]
            ),
            "spoiled": tickets.search_count(
                [
                    *here,
                    ("blank_state", "=", "spoiled"),
                    ("blank_date", ">=", self.date_open),
                ]
            ),
            "left": tickets.search_count(
                [*here, ("blank_state", "=", "left"), ("lease_id.state", "=", "open")]
            ),
        }

    def _sections(self):
        return [*super()._sections(), *self._sections_blanks()]

    def _sections_blanks(self):
        # a shift that was handed over before blanks were lent has none
        blanks = self._kept_figures().get("blanks") or {}
        if not any(blanks.values()):
            return []
        rows = [
            [self.env._("Sold without the server"), blanks["sold"]],
            [self.env._("Spoiled"), blanks["spoiled"]],
            [self.env._("Left at the window"), blanks["left"]],
        ]
        return [
            self._section(
                "blanks", self.env._("Blanks"), [("", TEXT), ("", COUNT)], rows
            )
        ]
