from datetime import date, datetime, timedelta, timezone
from time import perf_counter
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg2.errors import CheckViolation

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tests.common import BaseCase
from odoo.tools import mute_logger

from ..exceptions import BookingError
from ..tools.window import (
    ALL_DAYS,
    FROZEN_HOURS_DAYS,
    Calendar,
    Hours,
    add_months,
    ages,
    day_start,
)
from .common import ScenicCommon

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
# Clocks that change at midnight, by half an hour, in the south, and not at all.
ZONES = (
    "Asia/Shanghai",
    "Europe/Paris",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kathmandu",
)


def clock_changes():
    """Return the days of 2026 to 2028 on which a clock of ZONES changes."""
    days = []
    for name in ZONES:
        zone = ZoneInfo(name)
        for count in range(3 * 365):
            day = date(2026, 1, 1) + timedelta(days=count)
            if day_start(day + DAY, zone) - day_start(day, zone) != DAY:
                days.append((name, day))
    return days


CHANGES = clock_changes()


@st.composite
def hours_rows(draw, first):
    rows = []
    for _count in range(draw(st.integers(0, 3))):
        start, end = sorted(draw(st.tuples(st.integers(0, 1440), st.integers(0, 1440))))
        yearly = draw(st.booleans())
        dates = st.dates(first - 3 * DAY, first + 5 * DAY)
        if yearly:
            limits = [draw(dates), draw(dates)]
        else:
            limits = [draw(st.none() | dates), draw(st.none() | dates)]
        rows.append(Hours(*limits, yearly, draw(st.integers(0, 127)), start, end))
    return tuple(rows)


@st.composite
def cases(draw):
    """Return ``(calendar, first, last, not_before, between)``."""
    name, day = draw(
        st.sampled_from(CHANGES)
        | st.tuples(
            st.sampled_from(ZONES), st.dates(date(2028, 2, 26), date(2028, 3, 2))
        )
    )
    zone = ZoneInfo(name)
    first = day + draw(st.integers(-2, 1)) * DAY
    last = first + draw(st.integers(0, 3)) * DAY
    minutes = sorted(draw(st.tuples(st.integers(0, 1440), st.integers(0, 1440))))
    moment = st.integers(-600, 6000).map(lambda m: day_start(first, zone) + m * MINUTE)
    blackouts = draw(
        st.lists(
            st.tuples(
                st.dates(first - 3 * DAY, first + 4 * DAY), st.integers(0, 2)
            ).map(lambda b: (b[0], b[0] + b[1] * DAY)),
            max_size=2,
        )
    )
    calendar = Calendar(
        zone,
        draw(st.just(ALL_DAYS) | st.integers(0, 127)),
        *draw(st.just((0, 1440)) | st.just(tuple(minutes))),
        tuple(blackouts),
        draw(hours_rows(first)),
    )
    return (
        calendar,
        first,
        last,
        draw(st.none() | moment),
        draw(st.none() | st.tuples(moment, moment).map(sorted)),
    )


def plain_opening(rows, day):
    """Return the minutes of a day by the first row that speaks about it."""
    if not rows:
        return range(1440)
    for row in rows:
        if not row.weekdays & (1 << day.weekday()):
            continue
        if row.yearly:
            # walk from the first day of the season to its last one
            start = row.date_from.month * 100 + row.date_from.day
            end = row.date_to.month * 100 + row.date_to.day
            today = day.month * 100 + day.day
            inside = start <= today <= end if start <= end else not end < today < start
        else:
            inside = (row.date_from or day) <= day <= (row.date_to or day)
        if inside:
            return range(row.minute_from, row.minute_to)
    return range(0)


def plain_moments(calendar, first, last, not_before, between):
    """Return each minute that admits, by looking at one after the other."""
    moment = datetime(first.year, first.month, first.day) - DAY
    stop = datetime(last.year, last.month, last.day) + 7 * DAY
    opening = {
        first + count * DAY: plain_opening(calendar.hours, first + count * DAY)
        for count in range((last - first).days + 1)
    }
    result = []
    while moment < stop:
        local = moment.replace(tzinfo=timezone.utc).astimezone(calendar.zone)
        minute, day = local.hour * 60 + local.minute, local.date()
        if day > last and between:
            # the night goes on: as in the last minute of the last day
            minute, day = 1439, last
        if (
            first <= day <= last
            and calendar.weekdays & (1 << day.weekday())
            and not any(a <= day <= b for a, b in calendar.blackouts)
            and calendar.minute_from <= minute < calendar.minute_to
            and minute in opening[day]
            and (not not_before or moment >= not_before)
            and (not between or between[0] <= moment < between[1])
        ):
            result.append(moment)
        moment += MINUTE
    return result


@tagged("post_install", "-at_install")
class TestWindow(BaseCase):
    """The calendar against a slow and plain one; no database."""

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=True,
    )
    @given(cases())
    def test_window_is_the_intersection(self, case):
        calendar, first, last, not_before, between = case
        moments = plain_moments(*case)
        window = calendar.window(first, last, not_before, between)
        if not moments:
            self.assertIsNone(window)
            return
        self.assertEqual(window.valid_from, moments[0])
        self.assertEqual(window.valid_to, moments[-1] + MINUTE)
        self.assertEqual((window.first_day, window.last_day), (first, last))
        admitted = [m for m in moments if self._gate_admits(window, m, calendar.zone)]
        self.assertEqual(admitted, moments)
        if first == last:
            self._assert_nothing_else(window, moments, calendar.zone)

    def _gate_admits(self, window, moment, zone):
        """Judge as a gate does: by what an entitlement stores and the clock."""
        local = moment.replace(tzinfo=timezone.utc).astimezone(zone)
        return (
            window.valid_from <= moment < window.valid_to
            and bool(window.weekdays & (1 << local.weekday()))
            and window.minute_from <= local.hour * 60 + local.minute < window.minute_to
        )

    def _assert_nothing_else(self, window, moments, zone):
        moment = window.valid_from - DAY
        admitted = []
        while moment < window.valid_to + DAY:
            if self._gate_admits(window, moment, zone):
                admitted.append(moment)
            moment += MINUTE
        self.assertEqual(admitted, moments)

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(cases())
    def test_next_day_is_the_first_that_is_not_refused(self, case):
        calendar, first, *_rest = case
        expected = None
        for count in range(1, 30):
            day = first + count * DAY
            if (
                calendar.weekdays & (1 << day.weekday())
                and not any(a <= day <= b for a, b in calendar.blackouts)
                and set(range(calendar.minute_from, calendar.minute_to))
                & set(plain_opening(calendar.hours, day))
            ):
                expected = day
                break
        self.assertEqual(calendar.next_day(first, first + 29 * DAY), expected)

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(st.dates(date(1950, 1, 1), date(2050, 12, 31)), st.integers(1, 120))
    @example(date(2028, 2, 29), 12)
    @example(date(2027, 1, 31), 1)
    @example(date(2026, 3, 1), 1)
    def test_months_end_with_the_day_before_or_with_the_month(self, first, months):
        end = add_months(first, months)
        last = end - DAY
        index = first.year * 12 + first.month - 1 + months
        wanted = (index // 12, index % 12 + 1)
        if end.day == first.day:
            self.assertEqual((end.year, end.month), wanted)
        else:
            # the month has no such day: it is valid until the month ends
            self.assertEqual(end.day, 1)
            self.assertEqual((last.year, last.month), wanted)
            self.assertLess(last.day, first.day)

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(st.dates(date(1900, 1, 1), date(2026, 12, 31)), st.integers(0, 40000))
    @example(date(2020, 2, 29), 365)
    @example(date(2020, 2, 29), 1461)
    def test_ages_count_birthdays(self, birth, later):
        day = birth + later * DAY
        counts = set()
        for birthday in ((2, 28), (3, 1)):
            count = 0
            for year in range(birth.year + 1, day.year + 1):
                try:
                    celebrated = date(year, birth.month, birth.day)
                except ValueError:
                    celebrated = date(year, *birthday)
                count += celebrated <= day
            counts.add(count)
        self.assertEqual(ages(birth, day), counts)

    def test_window_of_ten_years_is_fast(self):
        calendar = Calendar(
            ZoneInfo("Europe/Paris"), blackouts=((date(2026, 1, 1), date(2026, 1, 7)),)
        )
        started = perf_counter()
        window = calendar.window(date(2026, 1, 1), date(2035, 12, 31))
        self.assertLess(perf_counter() - started, 0.1)
        self.assertEqual(window.valid_from, datetime(2026, 1, 7, 23))
        self.assertEqual(window.valid_to, datetime(2035, 12, 31, 23))

    def test_opening_hours_are_frozen_for_a_month_at_most(self):
        """Whoever holds a year card must not be bound by this week's hours."""
        zone = ZoneInfo("Asia/Shanghai")
        hours = (Hours(None, None, False, ALL_DAYS, 480, 1020),)
        calendar = Calendar(zone, hours=hours)
        first = date(2026, 1, 1)
        for span, minutes in (
            (FROZEN_HOURS_DAYS, (480, 1020)),
            (FROZEN_HOURS_DAYS + 1, (0, 1440)),
        ):
            window = calendar.window(first, first + (span - 1) * DAY)
            self.assertEqual((window.minute_from, window.minute_to), minutes)


@tagged("post_install", "-at_install")
class TestValidityRule(ScenicCommon):
    def _window(self, rule, sale, visit_date, **kwargs):
        return rule._window(self.scenic_area, sale, visit_date, **kwargs)

    def _rule(self, mode, **values):
        return self.env["scenic.validity.rule"].create(
            {"name": f"Rule {mode}", "mode": mode, **values}
        )

    def _assert_refused(self, code, next_date, rule, sale, visit_date, **kwargs):
        with self.assertRaises(BookingError) as caught:
            self._window(rule, sale, visit_date, **kwargs)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(caught.exception.next_date, next_date)
        return str(caught.exception)

    def test_visit_date_is_judged_by_the_clock_of_the_site(self):
        first, span, start, end, *_ = self._window(
            self.scenic_rule, datetime(2026, 11, 20, 8), date(2026, 12, 1)
        )
        self.assertEqual((first, span), (date(2026, 12, 1), 1))
        self.assertEqual(start, datetime(2026, 11, 30, 16))
        self.assertEqual(end, datetime(2026, 12, 1, 16))

    def test_day_of_sale_is_the_day_at_the_site(self):
        """17:00 UTC is the next day in China already."""
        first, span, start, end, *_ = self._window(
            self.scenic_rule_sale, datetime(2026, 11, 30, 17), None
        )
        self.assertEqual((first, span), (date(2026, 12, 1), 3))
        self.assertEqual(start, datetime(2026, 11, 30, 16))
        self.assertEqual(end, datetime(2026, 12, 3, 16))

    def test_summer_time_day_is_short(self):
        self.scenic_area.tz = "Europe/Paris"
        _first, _span, start, end, *_ = self._window(
            self.scenic_rule, datetime(2027, 1, 1), date(2027, 3, 28)
        )
        self.assertEqual(start, datetime(2027, 3, 27, 23))
        self.assertEqual(end, datetime(2027, 3, 28, 22))

    def test_visit_date_is_needed(self):
        with self.assertRaises(BookingError) as caught:
            self._window(self.scenic_rule, datetime(2026, 12, 1), None)
        self.assertEqual(caught.exception.code, "VISIT_DATE_MISSING")

    def test_visit_date_outside_the_days_from_sale(self):
        for day, covered in ((1, True), (3, True), (4, False)):
            args = (
                self.scenic_rule_sale,
                datetime(2026, 12, 1),
                date(2026, 12, day),
            )
            if covered:
                self._window(*args)
                continue
            with self.assertRaises(BookingError) as caught:
                self._window(*args)
            self.assertEqual(caught.exception.code, "DATE_RANGE")

    def test_days_are_at_most_ten_years(self):
        for days in (0, 3654, -1):
            with (
                self.assertRaises(CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self.scenic_rule.days = days
                self.scenic_rule.flush_recordset()
        self.scenic_rule.days = 3653
        self.scenic_rule.flush_recordset()

    # --- modes ----------------------------------------------------------

    def test_each_mode_has_its_days(self):
        """Sold on Tuesday 1 December 2026, 10:00 in China."""
        sale = datetime(2026, 12, 1, 2)
        for mode, values, visit_date, first, span in (
            ("visit_date", {"days": 2}, date(2026, 12, 9), date(2026, 12, 9), 2),
            ("fixed_date", {"date_from": "2026-12-24"}, None, date(2026, 12, 24), 1),
            (
                "date_range",
                {"date_from": "2026-12-05", "date_to": "2027-01-04"},
                None,
                date(2026, 12, 5),
                31,
            ),
            ("days_from_sale", {"days": 3}, None, date(2026, 12, 1), 3),
            (
                "days_from_first_use",
                {"days": 30, "days_from_first_use": 2},
                None,
                date(2026, 12, 1),
                30,
            ),
            ("open_until", {"date_to": "2026-12-31"}, None, date(2026, 12, 1), 31),
            (
                "period",
                {"period_count": 1, "period_unit": "year"},
                None,
                date(2026, 12, 1),
                365,
            ),
            (
                "period",
                {"period_count": 3, "period_unit": "month"},
                date(2026, 12, 15),
                date(2026, 12, 15),
                90,
            ),
            (
                "period",
                {"period_count": 10, "period_unit": "year"},
                None,
                date(2026, 12, 1),
                3653,
            ),
        ):
            with self.subTest(mode=mode, values=values):
                window = self._window(self._rule(mode, **values), sale, visit_date)
                self.assertEqual((window.first_day, window.span_days), (first, span))
                zone = ZoneInfo(self.scenic_area.tz)
                self.assertEqual(window.valid_from, day_start(first, zone))
                self.assertEqual(
                    window.valid_to, day_start(first + timedelta(days=span), zone)
                )

    def test_year_from_the_leap_day(self):
        rule = self._rule("period", period_count=1, period_unit="year")
        window = self._window(rule, datetime(2028, 2, 29, 2), None)
        self.assertEqual(window.last_day, date(2029, 2, 28))
        window = self._window(rule, datetime(2027, 3, 1, 2), None)
        self.assertEqual(window.last_day, date(2028, 2, 29))

    def test_fixed_days_refuse_other_days(self):
        sale = datetime(2026, 12, 1, 2)
        fixed = self._rule("fixed_date", date_from="2026-12-24")
        dates = self._rule("date_range", date_from="2026-12-05", date_to="2026-12-10")
        until = self._rule("open_until", date_to="2026-12-03")
        for rule, day, next_date in (
            (fixed, date(2026, 12, 23), date(2026, 12, 24)),
            (fixed, date(2026, 12, 25), None),
            (dates, date(2026, 12, 1), date(2026, 12, 5)),
            (dates, date(2026, 12, 11), None),
            (until, date(2026, 12, 4), None),
        ):
            with self.subTest(rule=rule.mode, day=day):
                self._assert_refused("DATE_RANGE", next_date, rule, sale, day)
        self._assert_refused("DATE_RANGE", None, until, datetime(2026, 12, 4), None)

    def test_mode_needs_its_values(self):
        for mode, values in (
            ("fixed_date", {}),
            ("date_range", {"date_from": "2026-12-05"}),
            ("date_range", {"date_from": "2026-12-05", "date_to": "2026-12-04"}),
            ("date_range", {"date_from": "2026-12-05", "date_to": "2037-12-05"}),
            ("open_until", {}),
            ("days_from_first_use", {}),
            ("days_from_first_use", {"days": 3, "days_from_first_use": 4}),
            ("period", {"period_count": 0}),
            ("period", {"period_count": 11}),
            ("period", {"period_count": 121, "period_unit": "month"}),
            ("visit_date", {"minutes_after_sale": -1}),
        ):
            with (
                self.subTest(mode=mode, values=values),
                self.assertRaises(CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self._rule(mode, **values)
        for values in (
            {"time_from": 12, "time_to": 12},
            {"time_from": -1},
            {"time_to": 25},
            dict.fromkeys(
                [
                    "monday",
                    "tuesday",
                    "wednesday",
                    "thursday",
                    "friday",
                    "saturday",
                    "sunday",
                ],
                False,
            ),
        ):
            with self.subTest(values=values), self.assertRaises(ValidationError):
                self._rule("visit_date", **values)

    # --- weekdays, blackout dates, time of the day -----------------------

    def test_weekday_is_refused_with_the_next_one(self):
        rule = self._rule("visit_date", saturday=False, sunday=False)
        rule = rule.with_context(lang="en_US")
        sale = datetime(2026, 12, 1, 2)
        text = self._assert_refused(
            "DATE_WEEKDAY", date(2026, 12, 7), rule, sale, date(2026, 12, 5)
        )
        self.assertIn("12/07/2026", text)
        window = self._window(rule, sale, date(2026, 12, 4))
        self.assertEqual(window.weekdays, 0b0011111)

    def test_blackout_is_refused_with_its_reason(self):
        rule = self._rule(
            "visit_date",
            blackout_ids=[
                Command.create(
                    {
                        "name": "国庆",
                        "date_from": "2026-10-01",
                        "date_to": "2026-10-07",
                        "reason": "National Day is fully booked",
                    }
                ),
                Command.create(
                    {
                        "name": "One more",
                        "date_from": "2026-10-08",
                        "date_to": "2026-10-08",
                    }
                ),
            ],
        )
        sale = datetime(2026, 9, 1, 2)
        for day in (1, 7, 8):
            text = self._assert_refused(
                "DATE_BLACKOUT", date(2026, 10, 9), rule, sale, date(2026, 10, day)
            )
            self.assertEqual("fully booked" in text, day < 8)
        self._window(rule, sale, date(2026, 9, 30))
        self._window(rule, sale, date(2026, 10, 9))

    def test_first_day_counts_even_if_a_later_one_would_do(self):
        """Of two days the visitor named the first."""
        rule = self._rule("visit_date", days=2, saturday=False)
        sale = datetime(2026, 12, 1, 2)
        self._assert_refused(
            "DATE_WEEKDAY", date(2026, 12, 6), rule, sale, date(2026, 12, 5)
        )
        window = self._window(rule, sale, date(2026, 12, 4))
        self.assertEqual(window.valid_to, datetime(2026, 12, 4, 16))

    def test_card_may_begin_on_a_day_without_admission(self):
        rule = self._rule("period", period_unit="month", saturday=False, sunday=False)
        window = self._window(rule, datetime(2026, 12, 5, 2), None)
        self.assertEqual(window.first_day, date(2026, 12, 5))
        self.assertEqual(window.valid_from, datetime(2026, 12, 6, 16))

    def test_time_of_the_day(self):
        rule = self._rule("visit_date", time_from=18.5, time_to=22)
        window = self._window(rule, datetime(2026, 12, 1, 2), date(2026, 12, 2))
        self.assertEqual(window.valid_from, datetime(2026, 12, 2, 10, 30))
        self.assertEqual(window.valid_to, datetime(2026, 12, 2, 14))
        self.assertEqual((window.minute_from, window.minute_to), (1110, 1320))

    def test_minutes_after_purchase(self):
        rule = self._rule("visit_date", minutes_after_sale=30, time_to=17)
        sale = datetime(2026, 12, 1, 2)
        window = self._window(rule, sale, date(2026, 12, 1))
        self.assertEqual(window.valid_from, datetime(2026, 12, 1, 2, 30))
        late = datetime(2026, 12, 1, 8, 30)
        self._assert_refused(
            "DATE_CLOSED", date(2026, 12, 2), rule, late, date(2026, 12, 1)
        )
        window = self._window(rule, late - MINUTE, date(2026, 12, 1))
        self.assertEqual(window.valid_to - window.valid_from, MINUTE)

    def test_slot_with_grace_minutes(self):
        template = self.scenic_individual.product_tmpl_id
        template.write({"scenic_grace_early": 15, "scenic_grace_late": 30})
        slot = self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_area.id,
                "date": "2026-12-02",
                "start": "2026-12-02 02:00:00",
                "end": "2026-12-02 03:00:00",
            }
        )
        sale, day = datetime(2026, 12, 1, 2), date(2026, 12, 2)
        window = self._window(self.scenic_rule, sale, day, slot=slot, template=template)
        self.assertEqual(window.valid_from, datetime(2026, 12, 2, 1, 45))
        self.assertEqual(window.valid_to, datetime(2026, 12, 2, 3, 30))
        self.scenic_rule.time_to = 11  # 03:00 UTC
        window = self._window(self.scenic_rule, sale, day, slot=slot, template=template)
        self.assertEqual(window.valid_to, datetime(2026, 12, 2, 3))
        self.scenic_rule.time_to = 9.5
        self._assert_refused(
            "DATE_CLOSED",
            date(2026, 12, 3),
            self.scenic_rule,
            sale,
            day,
            slot=slot,
            template=template,
        )

    def test_slot_goes_on_after_midnight(self):
        template = self.scenic_individual.product_tmpl_id
        self.scenic_rule.write({"time_from": 18, "thursday": False})
        slot = self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_area.id,
                "date": "2026-12-02",
                "start": "2026-12-02 15:00:00",
                "end": "2026-12-02 17:00:00",
            }
        )
        window = self._window(
            self.scenic_rule,
            datetime(2026, 12, 1, 2),
            date(2026, 12, 2),
            slot=slot,
            template=template,
        )
        self.assertEqual(window.valid_from, datetime(2026, 12, 2, 14, 45))
        self.assertEqual(window.valid_to, datetime(2026, 12, 2, 17, 30))
        self.assertEqual((window.first_day, window.span_days), (slot.date, 1))
        self.assertEqual((window.minute_from, window.minute_to), (0, 1440))
        self.assertEqual(window.weekdays, ALL_DAYS)

    # --- in words --------------------------------------------------------

    def test_summary_is_made_of_clauses(self):
        rule = self._rule(
            "visit_date",
            saturday=False,
            sunday=False,
            time_from=9,
            minutes_after_sale=30,
            blackout_ids=[
                Command.create(
                    {
                        "name": "国庆",
                        "date_from": "2026-10-01",
                        "date_to": "2026-10-07",
                    }
                )
            ],
        )
        rule = rule.with_context(lang="en_US")
        self.assertEqual(
            rule.summary,
            "Valid on the visit date only; only Mon–Fri; not on 国庆; not before 09:00;"
            " usable 30 minutes after the purchase",
        )
        rule.write({"wednesday": False, "blackout_ids": [Command.clear()]})
        self.assertIn("only Mon, Tue, Thu, and Fri", rule.summary)

    def test_cards_keep_a_rule_for_cards(self):
        rule = self._rule("period")
        self._scenic_product(
            "Card",
            "member",
            300,
            scenic_real_name="visitor",
            scenic_validity_rule_id=rule.id,
            scenic_revenue_trigger="straight_line",
        )
        with self.assertRaises(ValidationError):
            rule.mode = "visit_date"
        rule.mode = "days_from_sale"
