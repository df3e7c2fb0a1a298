from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date, format_list

from ..exceptions import BookingError
from ..tools import window
from ..tools.clauses import join_clauses
from .scenic_weekday_mixin import WEEKDAYS

# Modes whose tickets are for the one day that the visitor names.
DAY_MODES = ("visit_date", "fixed_date")
# Modes that fit a card: a period that does not hang on one visit.
CARD_MODES = ("period", "days_from_sale", "date_range", "open_until")
MAX_DAYS = 3653


class ScenicValidityRule(models.Model):
    _name = "scenic.validity.rule"
    _description = "Validity Rule"
    _inherit = ["scenic.audited", "scenic.weekday.mixin"]
    _order = "name, id"

    name = fields.Char(required=True, translate=True)
    mode = fields.Selection(
        [
            ("visit_date", "From the visit date"),
            ("fixed_date", "On one fixed date"),
            ("date_range", "From a date to a date"),
            ("days_from_sale", "From the day of sale"),
            ("days_from_first_use", "From the first use"),
            ("open_until", "Open until a date"),
            ("period", "For a period (cards)"),
        ],
        required=True,
        default="visit_date",
    )
    days = fields.Integer(
        required=True,
        default=1,
        help="How many calendar days the ticket is valid, the first one included. "
        "From the first use: how many days after the sale it can be used at the "
        "latest, the day of sale included.",
    )
    days_from_first_use = fields.Integer(
        string="Days from First Use",
        required=True,
        default=0,
        help="How many calendar days after its first entry the ticket is valid, that "
        "day included.",
    )
    date_from = fields.Date(string="First Day")
    date_to = fields.Date(string="Last Day")
    period_count = fields.Integer(string="Period", required=True, default=1)
    period_unit = fields.Selection(
        [("day", "Days"), ("month", "Months"), ("year", "Years")],
        default="year",
    )
    # Within the days
    time_from = fields.Float(
        string="Not before",
        help="Time of the day at the site; 00:00: from opening.",
    )
    time_to = fields.Float(
        string="Not after",
        default=24.0,
        help="Time of the day at the site; 24:00: until last admission.",
    )
    minutes_after_sale = fields.Integer(
        string="Minutes after Purchase",
        required=True,
        default=0,
        help="How many minutes after the purchase the ticket can be used first, for "
        "sellers who send it late. 0: at once.",
    )
    blackout_ids = fields.One2many(
        "scenic.blackout", "validity_rule_id", string="Blackout Dates", copy=True
    )
    # stored, for each sale asks
    has_blackouts = fields.Boolean(compute="_compute_has_blackouts", store=True)
    product_tmpl_ids = fields.One2many(
        "product.template", "scenic_validity_rule_id", string="Ticket Products"
    )
    active = fields.Boolean(default=True)
    summary = fields.Char(compute="_compute_summary")

    _days_range = models.Constraint(
        f"CHECK (days BETWEEN 1 AND {MAX_DAYS})",
        "A ticket is valid for 1 to 3653 days.",
    )
    _first_use = models.Constraint(
        "CHECK (mode <> 'days_from_first_use' OR days_from_first_use BETWEEN 1 AND "
        "days)",
        "The days from the first use are 1 or more, and not more than the days from "
        "the sale.",
    )
    _fixed_date = models.Constraint(
        "CHECK (mode NOT IN ('fixed_date', 'date_range') OR date_from IS NOT NULL)",
        "Please say on which day the validity begins.",
    )
    _dates = models.Constraint(
        "CHECK (mode NOT IN ('date_range', 'open_until') OR date_to IS NOT NULL AND "
        "(mode = 'open_until' OR date_from <= date_to "
        f"AND date_to - date_from < {MAX_DAYS}))",
        "The validity must end after it begins, within ten years.",
    )
    _period = models.Constraint(
        "CHECK (mode <> 'period' OR period_unit IS NOT NULL AND period_count > 0 AND "
        "period_count <= CASE period_unit WHEN 'day' THEN 3653 WHEN 'month' THEN 120 "
        "ELSE 10 END)",
        "A period is at least one day and at most ten years.",
    )
    _minutes_positive = models.Constraint(
        "CHECK (minutes_after_sale BETWEEN 0 AND 10080)",
        "The minutes after purchase are 0 to 10080, which is one week.",
    )

    @api.depends(
        "mode",
        "days",
        "days_from_first_use",
        "date_from",
        "date_to",
        "period_count",
        "period_unit",
        "time_from",
        "time_to",
        "minutes_after_sale",
        "blackout_ids.name",
        *WEEKDAYS,
    )
    @api.depends_context("lang")
    def _compute_summary(self):
        for rule in self:
            text = join_clauses(self.env, rule._texts())
            rule.summary = text[:1].upper() + text[1:]

    @api.depends("blackout_ids")
    def _compute_has_blackouts(self):
        for rule in self:
            rule.has_blackouts = bool(rule.blackout_ids)

    @api.constrains("time_from", "time_to")
    def _check_times(self):
        for rule in self:
            start, end = rule._minutes()
            if not 0 <= start < end <= window.FULL_DAY:
                raise ValidationError(
                    self.env._(
                        "“%(rule)s”: the time of the day must end after it begins, "
                        "both between 00:00 and 24:00.",
                        rule=rule.name,
                    )
                )

    @api.constrains(*WEEKDAYS)
    def _check_weekdays(self):
        for rule in self:
            if not rule._weekday_mask():
                raise ValidationError(
                    self.env._(
                        "“%(rule)s”: please choose at least one day of the week.",
                        rule=rule.name,
                    )
                )

    @api.constrains("mode")
    def _check_products(self):
        # sudo: products of other companies use the rule as well
        self.sudo().with_context(
            active_test=False
        ).product_tmpl_ids._check_scenic_definition()

    @api.onchange("mode")
    def _onchange_mode(self):
        if self.mode == "days_from_first_use" and not self.days_from_first_use:
            self.days_from_first_use = 1
            self.days = max(self.days, 30)

    # ------------------------------------------------------------------
    # The window
    # ------------------------------------------------------------------

    def _window(self, site, sale_datetime, visit_date, slot=None, template=None):
        """Return when a ticket of this rule may be used at a site.

        It is the intersection of the days of the rule, weekdays, blackout dates,
        opening hours until last admission, the time of the day and the time slot with
        the grace minutes of the product.

        :param site: the ``scenic.site`` whose clock and opening hours decide
        :param datetime sale_datetime: naive UTC
        :param date visit_date: needed by the mode ``visit_date``; the first day of a
            ``period``, by default the day of sale
        :param slot: the ``scenic.slot`` that was booked
        :param template: the ``product.template`` whose grace minutes count
        :return: ``tools.window.Window``: ``(first_day, span_days, valid_from,
            valid_to, weekdays, minute_from, minute_to)``; moments are naive UTC, start
            inclusive, end exclusive. Over more than 31 days the opening hours are left
            to the gate.
        :raise BookingError: no visit date, or one that the rule does not cover, with
            the code ``VISIT_DATE_MISSING``, ``DATE_RANGE``, ``DATE_WEEKDAY``,
            ``DATE_BLACKOUT`` or ``DATE_CLOSED``; the last four know their
            ``next_date``, the next possible one or None
        """
        self.ensure_one()
        zone = ZoneInfo(site.tz)
        today = window.local_day(sale_datetime, zone)
        calendar = self._calendar(site, zone)
        first, last = self._days(today, visit_date)
        if visit_date and self.mode != "period":
            self._check_visit_date(calendar, visit_date, (first, last), site, today)
        between = None
        if slot:
            between = (
                slot.start - timedelta(minutes=template.scenic_grace_early or 0),
                slot.end + timedelta(minutes=template.scenic_grace_late or 0),
            )
        not_before = None
        if self.minutes_after_sale:
            not_before = sale_datetime + timedelta(minutes=self.minutes_after_sale)
        result = calendar.window(first, last, not_before, between)
        if not result:
            code = calendar.refusal(first) or "DATE_CLOSED"
            self._refuse_date(
                code, calendar, visit_date or first, (first, last), site, today
            )
        return result

    def _calendar(self, site, zone=None):
        """Return the ``tools.window.Calendar`` of this rule at a site."""
        self.ensure_one()
        start, end = self._minutes()
        blackouts = self.blackout_ids if self.has_blackouts else ()
        return window.Calendar(
            zone or ZoneInfo(site.tz),
            self._weekday_mask(),
            start,
            end,
            tuple((b.date_from, b.date_to) for b in blackouts),
            site._opening_rows(),
        )

    def _days(self, today, visit_date):
        """Return the first and the last day, as if every day were open.

        :param date today: the day of sale at the site
        :raise BookingError: there is no such day
        """
        first = today
        match self.mode:
            case "visit_date":
                if not visit_date:
                    raise BookingError(
                        self.env._(
                            "Validity rule “%(rule)s” needs a visit date.",
                            rule=self.name,
                        ),
                        code="VISIT_DATE_MISSING",
                    )
                first = visit_date
                last = first + timedelta(days=self.days - 1)
            case "fixed_date":
                first = last = self.date_from
            case "date_range":
                first, last = self.date_from, self.date_to
            case "open_until":
                last = self.date_to
            case "period":
                first = visit_date or today
                last = self._period_end(first) - timedelta(days=1)
            case _:
                last = first + timedelta(days=self.days - 1)
        if first > last or (last - first).days >= MAX_DAYS:
            raise BookingError(
                self.env._(
                    "Validity rule “%(rule)s” ended on %(date)s.",
                    rule=self.name,
                    date=fields.Date.to_string(last),
                ),
                code="DATE_RANGE",
            )
        return first, last

    def _period_end(self, first):
        """Return the first day after the period that begins with a day."""
        if self.period_unit == "day":
            return first + timedelta(days=self.period_count)
        months = self.period_count * (12 if self.period_unit == "year" else 1)
        return window.add_months(first, months)

    def _check_visit_date(self, calendar, visit_date, days, site, today):
        if not days[0] <= visit_date <= days[1]:
            code = "DATE_RANGE"
        else:
            code = calendar.refusal(visit_date)
        if code:
            self._refuse_date(code, calendar, visit_date, days, site, today)

    def _refuse_date(self, code, calendar, day, days, site, today):
        """Refuse a day with the reason and the next day that is possible.

        :param days: the first and the last day that the rule covers
        :raise BookingError: always; its ``next_date`` is a date or None
        """
        first, last = days
        start, end = max(day, today - timedelta(days=1)), last
        if self.mode == "visit_date":
            end = None  # any later date can be chosen
        else:
            start = max(start, first - timedelta(days=1))
        next_date = calendar.next_day(start, end)
        values = {
            "date": format_date(self.env, day),
            "first": format_date(self.env, first),
            "last": format_date(self.env, last),
            "rule": self.name,
            "site": site.name,
        }
        match code:
            case "DATE_RANGE":
                text = self.env._(
                    "The visit date %(date)s is outside %(first)s to %(last)s, the "
                    "days that validity rule “%(rule)s” covers.",
                    **values,
                )
            case "DATE_WEEKDAY":
                text = self.env._(
                    "%(date)s is no day of the week on which “%(rule)s” admits.",
                    **values,
                )
            case "DATE_BLACKOUT":
                blackout = self.blackout_ids.filtered(
                    lambda b: b.date_from <= day <= b.date_to
                )[:1]
                text = self.env._(
                    "“%(rule)s” does not admit on %(date)s: %(blackout)s.",
                    blackout=blackout.reason or blackout.name or "",
                    **values,
                )
            case _:
                text = self.env._(
                    "%(site)s admits nobody any more on %(date)s.", **values
                )
        if next_date:
            text = self.env._(
                "%(text)s The next possible date is %(next)s.",
                text=text,
                next=format_date(self.env, next_date),
            )
        error = BookingError(text, code=code)
        error.next_date = next_date
        raise error

    def _minutes(self):
        """Return the time of the day as minutes."""
        self.ensure_one()
        return round(self.time_from * 60), round(self.time_to * 60)

    # ------------------------------------------------------------------
    # In words
    # ------------------------------------------------------------------

    def _texts(self):
        """Return the clauses that say when this rule admits."""
        self.ensure_one()
        texts = [self._mode_text()]
        weekdays = self._weekday_text()
        if weekdays:
            texts.append(self.env._("only %(weekdays)s", weekdays=weekdays))
        texts += self._blackout_texts() + self._time_texts()
        return [text for text in texts if text]

    def _mode_text(self):
        days, until = self.days, format_date(self.env, self.date_to)
        match self.mode:
            case "visit_date" if days == 1:
                return self.env._("valid on the visit date only")
            case "visit_date":
                return self.env._(
                    "valid for %(days)s days from the visit date", days=days
                )
            case "fixed_date":
                return self.env._(
                    "valid on %(date)s only", date=format_date(self.env, self.date_from)
                )
            case "date_range":
                return self.env._(
                    "valid from %(first)s to %(last)s",
                    first=format_date(self.env, self.date_from),
                    last=until,
                )
            case "days_from_sale" if days == 1:
                return self.env._("valid on the day of sale only")
            case "days_from_sale":
                return self.env._(
                    "valid for %(days)s days from the day of sale", days=days
                )
            case "days_from_first_use":
                return self._first_use_text()
            case "open_until":
                return self.env._("valid from the sale until %(date)s", date=until)
            case "period":
                return self._period_text()
        return ""

    def _first_use_text(self):
        values = {"days": self.days_from_first_use, "limit": self.days}
        if self.days_from_first_use == 1:
            return self.env._(
                "valid on the day of the first use only, within %(limit)s days of the "
                "sale",
                **values,
            )
        return self.env._(
            "valid for %(days)s days from the first use, within %(limit)s days of the "
            "sale",
            **values,
        )

    def _period_text(self):
        count = self.period_count
        match self.period_unit, count == 1:
            case "day", True:
                return self.env._("valid for one day")
            case "day", False:
                return self.env._("valid for %(count)s days", count=count)
            case "month", True:
                return self.env._("valid for one month")
            case "month", False:
                return self.env._("valid for %(count)s months", count=count)
            case _, True:
                return self.env._("valid for one year")
        return self.env._("valid for %(count)s years", count=count)

    def _blackout_texts(self):
        count = len(self.blackout_ids)
        if not count:
            return []
        if count <= 3:
            names = [blackout.name or "" for blackout in self.blackout_ids]
            return [
                self.env._(
                    "not on %(blackouts)s", blackouts=format_list(self.env, names)
                )
            ]
        return [self.env._("not on %(count)s blackout dates", count=count)]

    def _time_texts(self):
        start, end = self._minutes()
        texts = []
        values = {"start": self._clock(start), "end": self._clock(end)}
        if start and end < window.FULL_DAY:
            texts.append(self.env._("from %(start)s to %(end)s", **values))
        elif start:
            texts.append(self.env._("not before %(start)s", **values))
        elif end < window.FULL_DAY:
            texts.append(self.env._("not after %(end)s", **values))
        if self.minutes_after_sale:
            texts.append(
                self.env._(
                    "usable %(minutes)s minutes after the purchase",
                    minutes=self.minutes_after_sale,
                )
            )
        return texts

    def _clock(self, minute):
        return f"{minute // 60:02d}:{minute % 60:02d}"
