from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.window import Hours
from .scenic_weekday_mixin import WEEKDAYS


class ScenicOpeningHours(models.Model):
    _name = "scenic.opening.hours"
    _description = "Opening Hours"
    _inherit = ["scenic.audited", "scenic.weekday.mixin"]
    _order = "site_id, special desc, sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    site_id = fields.Many2one(
        "scenic.site", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    special = fields.Boolean(
        string="Special Days",
        help="Goes before the regular hours, for holidays and single days.",
    )
    date_from = fields.Date(string="From")
    date_to = fields.Date(string="Until", help="The last day, included.")
    yearly = fields.Boolean(
        string="Every Year",
        help="Only day and month of the dates count. From November until March goes "
        "over the end of the year.",
    )
    closed = fields.Boolean(string="Not Open", help="Nobody is admitted on these days.")
    time_open = fields.Float(string="Opens", default=8.0)
    time_close = fields.Float(string="Closes", default=18.0)
    last_admission = fields.Integer(
        string="Last Admission (Minutes before Closing)",
        help="From so many minutes before closing on the gates admit nobody.",
    )

    _dates = models.Constraint(
        "CHECK (yearly IS TRUE OR date_from <= date_to)",
        "Opening hours cannot end before they begin.",
    )
    _yearly_dates = models.Constraint(
        "CHECK (yearly IS NOT TRUE OR date_from IS NOT NULL AND date_to IS NOT NULL)",
        "Hours of every year need a first and a last day.",
    )
    _last_admission_positive = models.Constraint(
        "CHECK (last_admission >= 0)",
        "The minutes between last admission and closing cannot be negative.",
    )

    @api.constrains("closed", "time_open", "time_close", "last_admission")
    def _check_times(self):
        for hours in self:
            start, close = hours._minutes()
            if hours.closed:
                continue
            if not 0 <= start < close <= 24 * 60:
                raise ValidationError(
                    self.env._(
                        "“%(name)s”: opening must be before closing, both between "
                        "00:00 and 24:00.",
                        name=hours.name,
                    )
                )
            if close - hours.last_admission <= start:
                raise ValidationError(
                    self.env._(
                        "“%(name)s”: last admission must be after opening.",
                        name=hours.name,
                    )
                )

    @api.constrains(*WEEKDAYS)
    def _check_weekdays(self):
        for hours in self:
            if not hours._weekday_mask():
                raise ValidationError(
                    self.env._(
                        "“%(name)s”: please choose at least one day of the week.",
                        name=hours.name,
                    )
                )

    @api.constrains("special", "date_from", "date_to")
    def _check_special_dates(self):
        for hours in self:
            if hours.special and not (hours.date_from and hours.date_to):
                raise ValidationError(
                    self.env._(
                        "“%(name)s” are special days: please say from when until when.",
                        name=hours.name,
                    )
                )

    @api.onchange("special", "date_from")
    def _onchange_date_from(self):
        if self.special and self.date_from and not self.date_to:
            self.date_to = self.date_from

    def _minutes(self):
        """Return opening and closing as minutes of the day."""
        self.ensure_one()
        return round(self.time_open * 60), round(self.time_close * 60)

    def _rows(self):
        """Return the records as ``Hours``, the most special first."""
        rows = []
        for hours in self.sorted(lambda h: (not h.special, h.sequence, h._origin.id)):
            start, close = hours._minutes()
            rows.append(
                Hours(
                    hours.date_from or None,
                    hours.date_to or None,
                    hours.yearly,
                    hours._weekday_mask(),
                    start,
                    start if hours.closed else close - hours.last_admission,
                )
            )
        return tuple(rows)
