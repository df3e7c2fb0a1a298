from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import fields, models

from ..exceptions import BookingError


class ScenicValidityRule(models.Model):
    _name = "scenic.validity.rule"
    _description = "Validity Rule"
    _inherit = ["scenic.audited"]
    _order = "name, id"

    name = fields.Char(required=True, translate=True)
    mode = fields.Selection(
        [
            ("visit_date", "From the visit date"),
            ("days_from_sale", "From the day of sale"),
        ],
        required=True,
        default="visit_date",
    )
    days = fields.Integer(
        required=True,
        default=1,
        help="How many calendar days the ticket is valid, the first one included.",
    )
    active = fields.Boolean(default=True)

    _days_range = models.Constraint(
        "CHECK (days BETWEEN 1 AND 255)", "A ticket is valid for 1 to 255 days."
    )

    def _window(self, site, sale_datetime, visit_date):
        """Return when a ticket of this rule may be used.

        :param site: the ``scenic.site`` whose clock decides
        :param datetime sale_datetime: naive UTC
        :param date visit_date: needed by the mode ``visit_date``
        :return: ``(first_day, span_days, valid_from, valid_to)``; the last two are
            naive UTC, start inclusive, end exclusive
        :raise BookingError: no visit date, or one that the rule does not cover
        """
        self.ensure_one()
        zone = ZoneInfo(site.tz)
        if self.mode == "visit_date":
            if not visit_date:
                raise BookingError(
                    self.env._(
                        "Validity rule “%(rule)s” needs a visit date.", rule=self.name
                    ),
                    code="VISIT_DATE_MISSING",
                )
            first_day = visit_date
        else:
            sale = sale_datetime.replace(tzinfo=ZoneInfo("UTC"))
            first_day = sale.astimezone(zone).date()
            last_day = first_day + timedelta(days=self.days - 1)
            if visit_date and not first_day <= visit_date <= last_day:
                raise BookingError(
                    self.env._(
                        "The visit date %(date)s is outside %(first)s to %(last)s, "
                        "the days that validity rule “%(rule)s” covers.",
                        date=fields.Date.to_string(visit_date),
                        first=fields.Date.to_string(first_day),
                        last=fields.Date.to_string(last_day),
                        rule=self.name,
                    ),
                    code="VISIT_DATE_OUTSIDE",
                )
        return (
            first_day,
            self.days,
            self._day_start(first_day, zone),
            self._day_start(first_day + timedelta(days=self.days), zone),
        )

    def _day_start(self, day, zone):
        """Return the naive UTC moment at which a local day begins."""
        start = datetime.combine(day, time.min, tzinfo=zone)
        return start.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
