from datetime import date, datetime

from psycopg2.errors import CheckViolation

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from ..exceptions import BookingError
from .common import ScenicCommon

SALE = datetime(2026, 6, 1, 2)


@tagged("post_install", "-at_install")
class TestOpeningHours(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.regular = cls._hours("Regular", time_open=8, time_close=17.5)

    @classmethod
    def _hours(cls, name, **values):
        return cls.env["scenic.opening.hours"].create(
            {"name": name, "site_id": cls.scenic_area.id, **values}
        )

    def _window(self, day, **kwargs):
        return self.scenic_rule._window(self.scenic_area, SALE, day, **kwargs)

    def test_last_admission_ends_the_window(self):
        self.regular.last_admission = 60
        window = self._window(date(2026, 6, 9))
        self.assertEqual((window.minute_from, window.minute_to), (480, 990))
        self.assertEqual(window.valid_from, datetime(2026, 6, 9))
        self.assertEqual(window.valid_to, datetime(2026, 6, 9, 8, 30))

    def test_site_without_hours_is_always_open(self):
        self.regular.unlink()
        window = self._window(date(2026, 6, 9))
        self.assertEqual((window.minute_from, window.minute_to), (0, 1440))

    def test_spot_has_the_hours_of_its_area_or_its_own(self):
        day = date(2026, 6, 9)
        self.assertEqual(self.scenic_spot._opening_minutes(day), (480, 1050))
        self._hours("Cave", site_id=self.scenic_spot.id, time_open=9, time_close=16)
        self.assertEqual(self.scenic_spot._opening_minutes(day), (540, 960))
        self.assertEqual(self.scenic_area._opening_minutes(day), (480, 1050))

    def test_special_days_go_before_seasons_before_regular_hours(self):
        self.regular.sequence = 90
        self._hours(
            "Summer",
            time_open=7,
            time_close=19,
            date_from="2026-06-15",
            date_to="2026-08-31",
        )
        self._hours(
            "Dragon Boat Festival",
            special=True,
            time_open=6,
            time_close=20,
            date_from="2026-06-19",
            date_to="2026-06-19",
        )
        for day, minutes in (
            (date(2026, 6, 14), (480, 1050)),
            (date(2026, 6, 15), (420, 1140)),
            (date(2026, 6, 19), (360, 1200)),
            (date(2026, 6, 20), (420, 1140)),
            (date(2026, 8, 31), (420, 1140)),
            (date(2026, 9, 1), (480, 1050)),
        ):
            self.assertEqual(self.scenic_area._opening_minutes(day), minutes, day)

    def test_winter_comes_every_year(self):
        self.regular.sequence = 90
        self._hours(
            "Winter",
            yearly=True,
            time_open=9,
            time_close=16,
            date_from="2020-11-01",
            date_to="2020-02-29",
        )
        for day, minutes in (
            (date(2026, 10, 31), (480, 1050)),
            (date(2026, 11, 1), (540, 960)),
            (date(2027, 1, 1), (540, 960)),
            (date(2027, 2, 28), (540, 960)),
            (date(2027, 3, 1), (480, 1050)),
            (date(2028, 2, 29), (540, 960)),
        ):
            self.assertEqual(self.scenic_area._opening_minutes(day), minutes, day)

    def test_closed_day_is_refused_with_the_next_open_one(self):
        self._hours(
            "Maintenance",
            special=True,
            closed=True,
            date_from="2026-06-08",
            date_to="2026-06-09",
        )
        self.assertIsNone(self.scenic_area._opening_minutes(date(2026, 6, 9)))
        with self.assertRaises(BookingError) as caught:
            self._window(date(2026, 6, 8))
        self.assertEqual(caught.exception.code, "DATE_CLOSED")
        self.assertEqual(caught.exception.next_date, date(2026, 6, 10))

    def test_day_that_no_row_speaks_about_is_closed(self):
        self.regular.write({"monday": False})
        with self.assertRaises(BookingError) as caught:
            self._window(date(2026, 6, 8))
        self.assertEqual(caught.exception.code, "DATE_CLOSED")
        self.assertEqual(caught.exception.next_date, date(2026, 6, 9))

    def test_several_days_have_the_widest_hours(self):
        self._hours(
            "Long night",
            special=True,
            time_open=10,
            time_close=22,
            date_from="2026-06-09",
            date_to="2026-06-09",
        )
        self.scenic_rule.days = 3
        window = self._window(date(2026, 6, 8))
        self.assertEqual((window.minute_from, window.minute_to), (480, 1320))
        self.assertEqual(window.valid_to, datetime(2026, 6, 10, 9, 30))

    def test_each_component_has_the_hours_of_its_site(self):
        self._hours("Cave", site_id=self.scenic_spot.id, time_open=9, time_close=16)
        whole, windows = self.scenic_combo.product_tmpl_id._scenic_windows(
            SALE, date(2026, 6, 9)
        )
        area, spot = self.scenic_combo.scenic_component_ids
        self.assertEqual(windows[area].minute_to, 1050)
        self.assertEqual(windows[spot].minute_to, 960)
        self.assertEqual(whole.valid_from, windows[area].valid_from)
        self.assertEqual(whole.valid_to, windows[area].valid_to)

    def test_sold_ticket_keeps_its_hours(self):
        with freeze_time("2026-06-01 02:00:00"):
            ticket = self._scenic_sell(
                self.scenic_individual, visit_date=date(2026, 6, 9)
            )
        self.regular.time_close = 12
        right = ticket.entitlement_ids
        self.assertEqual((right.minute_from, right.minute_to), (480, 1050))
        self.assertEqual(right.valid_to, datetime(2026, 6, 9, 9, 30))
        self.assertEqual(right.validity_rule_id, self.scenic_rule)

    def test_today_is_over_after_last_admission(self):
        template = self.scenic_individual.product_tmpl_id
        day = date(2026, 6, 9)
        self.regular.last_admission = 30
        with freeze_time("2026-06-09 08:59:00"):
            template._scenic_check_date(day)
        with (
            freeze_time("2026-06-09 09:00:00"),
            self.assertRaises(BookingError) as caught,
        ):
            template._scenic_check_date(day)
        self.assertEqual(caught.exception.code, "DATE_CLOSED")
        self.assertEqual(caught.exception.next_date, date(2026, 6, 10))

    def test_nothing_is_sold_after_last_admission(self):
        """But a till that was off-line brings what it has sold."""
        day = date(2026, 6, 9)
        channel = self.env["scenic.channel"].search([("code", "=", "window")])
        channel.accepts_late = False
        with freeze_time("2026-06-09 09:31:00"):
            with self.assertRaises(BookingError) as caught:
                self._scenic_sell(self.scenic_individual, visit_date=day)
            self.assertEqual(caught.exception.code, "DATE_CLOSED")
            channel.accepts_late = True
            ticket = self._scenic_sell(self.scenic_individual, visit_date=day)
        self.assertEqual(ticket.entitlement_ids.valid_to, datetime(2026, 6, 9, 9, 30))

    def test_hours_must_make_sense(self):
        for values in (
            {"time_open": 18, "time_close": 8},
            {"time_open": 8, "time_close": 8},
            {"time_close": 24.5},
            {"time_open": -1},
            {"last_admission": 600},
            {"special": True},
        ):
            with self.subTest(values=values), self.assertRaises(ValidationError):
                self._hours("x", **values)
        for values in (
            {"date_from": "2026-06-02", "date_to": "2026-06-01"},
            {"yearly": True, "date_from": "2026-06-02"},
            {"last_admission": -1},
        ):
            with (
                self.subTest(values=values),
                self.assertRaises(CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self._hours("x", **values)
        # who is closed needs no hours
        self._hours(
            "Closed",
            closed=True,
            special=True,
            time_open=0,
            time_close=0,
            date_from="2026-06-02",
            date_to="2026-06-02",
        )

    def test_f2_hours_are_audited(self):
        self.regular.time_close = 18
        entry = self.env["scenic.audit"].search(
            [
                ("res_model", "=", "scenic.opening.hours"),
                ("res_id", "=", self.regular.id),
                ("action", "=", "config_write"),
            ]
        )
        self.assertEqual(
            (entry.before, entry.after), ({"time_close": 17.5}, {"time_close": 18.0})
        )

    def test_hours_belong_to_their_company(self):
        other = self.env["res.company"].create({"name": "Other park"})
        site = self.env["scenic.site"].create(
            {
                "name": "x",
                "code": "X",
                "company_id": other.id,
                "opening_hours_ids": [Command.create({"name": "Theirs"})],
            }
        )
        self.assertEqual(site.opening_hours_ids.company_id, other)
