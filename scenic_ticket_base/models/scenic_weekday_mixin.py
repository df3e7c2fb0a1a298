from babel.dates import get_day_names

from odoo import api, fields, models
from odoo.tools import format_list

from ..tools.window import ALL_DAYS

WEEKDAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


class ScenicWeekdayMixin(models.AbstractModel):
    """Seven check boxes, and the mask that gates and calendars calculate with."""

    _name = "scenic.weekday.mixin"
    _description = "Days of the Week"

    monday = fields.Boolean(default=True)
    tuesday = fields.Boolean(default=True)
    wednesday = fields.Boolean(default=True)
    thursday = fields.Boolean(default=True)
    friday = fields.Boolean(default=True)
    saturday = fields.Boolean(default=True)
    sunday = fields.Boolean(default=True)

    weekday_text = fields.Char(
        string="Days of the Week", compute="_compute_weekday_text"
    )

    @api.depends(*WEEKDAYS)
    @api.depends_context("lang")
    def _compute_weekday_text(self):
        for record in self:
            record.weekday_text = record._weekday_text() or self.env._("every day")

    def _weekday_mask(self):
        """Return Monday 1, Tuesday 2, Wednesday 4 and so on, added up."""
        self.ensure_one()
        return sum(1 << bit for bit, name in enumerate(WEEKDAYS) if self[name])

    def _weekday_text(self):
        """Return the days for a person; see :meth:`_mask_text`."""
        return self._mask_text(self._weekday_mask())

    @api.model
    def _mask_text(self, mask):
        """Return the days of a mask: ``Mon–Fri, Sun``; empty for all days."""
        if mask == ALL_DAYS:
            return ""
        names = get_day_names("abbreviated", locale=self.env.lang or "en_US")
        runs = []
        for bit in range(7):
            if not mask >> bit & 1:
                continue
            if runs and runs[-1][1] == bit - 1:
                runs[-1][1] = bit
            else:
                runs.append([bit, bit])
        words = []
        for first, last in runs:
            if last - first < 2:
                words += [names[bit] for bit in range(first, last + 1)]
            else:
                words.append(
                    self.env._(
                        "%(first)s–%(last)s", first=names[first], last=names[last]
                    )
                )
        return format_list(self.env, words)
