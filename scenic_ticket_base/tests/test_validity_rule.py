from datetime import date, datetime

from psycopg2.errors import CheckViolation

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import BookingError
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestValidityRule(ScenicCommon):
    def _window(self, rule, sale, visit_date):
        return rule._window(self.scenic_area, sale, visit_date)

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
