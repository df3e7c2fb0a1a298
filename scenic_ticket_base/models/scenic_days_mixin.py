from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .scenic_weekday_mixin import WEEKDAYS


class ScenicDaysMixin(models.AbstractModel):
    """A first and a last day, and the days of the week between them."""

    _name = "scenic.days.mixin"
    _description = "On Some Days"
    _inherit = ["scenic.weekday.mixin"]

    date_from = fields.Date(string="From", help="First day. Empty: no first day.")
    date_to = fields.Date(string="Until", help="Last day. Empty: no last day.")

    @api.constrains("date_from", "date_to", *WEEKDAYS)
    def _check_days(self):
        for record in self:
            first, last = record.date_from, record.date_to
            if first and last and first > last:
                raise ValidationError(
                    self.env._("The last day is before the first day.")
                )
            if not record._weekday_mask():
                raise ValidationError(
                    self.env._("Please choose at least one day of the week.")
                )

    def _covers(self, day):
        """Tell whether a date is one of the days of this record."""
        self.ensure_one()
        return (
            (not self.date_from or self.date_from <= day)
            and (not self.date_to or day <= self.date_to)
            and bool(self._weekday_mask() >> day.weekday() & 1)
        )
