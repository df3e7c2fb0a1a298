from odoo import api, fields, models
from odoo.tools import format_date


class ScenicBlackout(models.Model):
    _name = "scenic.blackout"
    _description = "Blackout Dates"
    _inherit = ["scenic.audited"]
    _order = "date_from, id"

    validity_rule_id = fields.Many2one(
        "scenic.validity.rule", required=True, index=True, ondelete="cascade"
    )
    name = fields.Char(required=True, translate=True)
    date_from = fields.Date(string="First Day", required=True)
    date_to = fields.Date(
        string="Last Day",
        required=True,
        help="The last day on which the tickets do not admit.",
    )
    reason = fields.Char(translate=True, help="What a refused visitor is told.")

    _dates = models.Constraint(
        "CHECK (date_from <= date_to)", "Blackout dates cannot end before they begin."
    )

    @api.onchange("date_from")
    def _onchange_date_from(self):
        if self.date_from and (not self.date_to or self.date_to < self.date_from):
            self.date_to = self.date_from

    @api.depends("name", "date_from", "date_to")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for blackout in self:
            first = format_date(self.env, blackout.date_from)
            last = format_date(self.env, blackout.date_to)
            if first == last:
                dates = first
            else:
                dates = self.env._("%(first)s to %(last)s", first=first, last=last)
            blackout.display_name = self.env._(
                "%(name)s (%(dates)s)", name=blackout.name or "", dates=dates
            )
