from datetime import date, datetime, time, timedelta

import pytz

from odoo import Command
from odoo.tests import tagged

from .common import GateCommon

MONDAY = date(2027, 3, 1)


class EntryCommon(GateCommon):
    """Scans and passes at moments of a test's choice, by the clock of the site."""

    def _at(self, day, clock="10:00", tz=None):
        """Return the UTC moment at which the site's clock shows a time."""
        hour, minute = map(int, clock.split(":"))
        zone = pytz.timezone(tz or self.scenic_area.tz)
        local = zone.localize(datetime.combine(day, time(hour, minute)))
        return local.astimezone(pytz.utc).replace(tzinfo=None)

    def _scan_at(self, ticket, moment, **values):
        [result] = self._validate(self._scan(ticket._qr_token(), **values), now=moment)
        return result

    def _code_at(self, ticket, day, clock="10:00", **values):
        return self._scan_at(ticket, self._at(day, clock), **values)["code"]

    def _report_at(self, moment, *events):
        for event in events:
            event["at"] = moment.isoformat() + "Z"
        return self._report(*events, now=moment)

    def _enter_at(self, ticket, day, clock="10:00", count=1, **values):
        """Admit and let pass; return the event of the pass."""
        moment = self._at(day, clock)
        result = self._scan_at(ticket, moment, **values)
        self.assertEqual(result["code"], "ADMIT", result)
        event = self._event(
            "passed",
            result["request_id"],
            count=count,
            lane=values.get("lane", "L1"),
        )
        self.assertEqual(self._report_at(moment, event), ["OK"])
        return self._find(event["event_id"])

    def _leave_at(self, ticket, day, clock="10:00", count=1, lane="X1"):
        event = self._event(
            "exit",
            lane=lane,
            count=count,
            credential={"kind": "auto", "value": ticket._qr_token()},
        )
        self.assertEqual(self._report_at(self._at(day, clock), event), ["OK"])
        return self._find(event["event_id"])

    def _set_rights(self, ticket, **values):
        ticket.entitlement_ids.sudo().write(values)
        self.env.flush_all()

    def _days_ticket(self, days=7, product=None, **values):
        """Return a ticket whose window is whole days from MONDAY on."""
        values.setdefault("visit_date", MONDAY)
        ticket = self._scenic_sell(product or self.scenic_individual, **values)
        self._set_rights(
            ticket,
            valid_from=self._at(MONDAY, "00:00"),
            valid_to=self._at(MONDAY + timedelta(days=days), "00:00"),
        )
        return ticket

    def _component(self, product, site=None):
        components = product.product_tmpl_id.scenic_component_ids
        return components.filtered(lambda c: not site or c.site_id == site)[:1]


@tagged("post_install", "-at_install")
class TestEntryTimes(EntryCommon):
    """Days of the week, hours of the day and slots, by the clock of the site."""

    def test_weekday(self):
        ticket = self._days_ticket()
        self._set_rights(ticket, weekdays=1 + 32)  # Monday and Saturday
        tuesday = MONDAY + timedelta(days=1)
        result = self._scan_at(ticket, self._at(tuesday))
        self.assertEqual(result["code"], "WRONG_DAY")
        self.assertEqual(result["remedy"]["en"], "Please come on Monday, Saturday")
        self.assertEqual(result["remedy"]["zh"], "请于周一、周六前来")
        for day, code in ((tuesday, "WRONG_DAY"), (MONDAY, "ADMIT")):
            for clock in ("00:00", "23:59"):
                other = self._days_ticket()
                self._set_rights(other, weekdays=1 + 32)
                self.assertEqual(self._code_at(other, day, clock), code, clock)

    def test_hours_start_inclusive_end_exclusive(self):
        for clock, code in (
            ("08:29", "TOO_EARLY"),
            ("08:30", "ADMIT"),
            ("16:59", "ADMIT"),
            ("17:00", "TOO_LATE"),
        ):
            ticket = self._days_ticket(days=1)
            self._set_rights(ticket, minute_from=510, minute_to=1020)
            result = self._scan_at(ticket, self._at(MONDAY, clock))
            self.assertEqual(result["code"], code, clock)
            if code == "TOO_EARLY":
                self.assertEqual(result["text"]["en"], "Admission begins at 08:30")
            elif code == "TOO_LATE":
                self.assertEqual(result["text"]["zh"], "今日入园截止时间为17:00")

    def test_window_that_begins_today_names_the_hour(self):
        ticket = self._days_ticket(days=1)
        self._set_rights(
            ticket,
            valid_from=self._at(MONDAY, "09:15"),
            valid_to=self._at(MONDAY, "16:45"),
        )
        early = self._scan_at(ticket, self._at(MONDAY, "09:14"))
        self.assertEqual(early["code"], "TOO_EARLY")
        self.assertEqual(early["text"]["en"], "Admission begins at 09:15")
        late = self._scan_at(ticket, self._at(MONDAY, "16:45"))
        self.assertEqual(late["code"], "TOO_LATE")
        self.assertEqual(late["text"]["en"], "Last admission was at 16:45")
        before = MONDAY - timedelta(days=1)
        self.assertEqual(self._code_at(ticket, before, "23:59"), "NOT_YET_VALID")
        after = MONDAY + timedelta(days=1)
        self.assertEqual(self._code_at(ticket, after, "00:00"), "EXPIRED")

    def test_slot(self):
        slot = self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_area.id,
                "date": MONDAY,
                "start": self._at(MONDAY, "10:00"),
                "end": self._at(MONDAY, "11:00"),
            }
        )
        ticket = self._days_ticket(days=1)
        self._set_ticket(ticket, slot_id=slot.id)
        self._set_rights(
            ticket,
            valid_from=self._at(MONDAY, "09:45"),
            valid_to=self._at(MONDAY, "11:30"),
        )
        early = self._scan_at(ticket, self._at(MONDAY, "09:44"))
        self.assertEqual(early["code"], "SLOT_NOT_YET")
        self.assertEqual(early["text"]["zh"], "您的时段09:45起可入园")
        over = self._scan_at(ticket, self._at(MONDAY, "11:30"))
        self.assertEqual(over["code"], "SLOT_OVER")
        self.assertEqual(over["text"]["en"], "Your time slot admitted until 11:30")
        self.assertEqual(self._code_at(ticket, MONDAY, "11:29"), "ADMIT")

    def test_blackout(self):
        rule = self.env["scenic.validity.rule"].create(
            {
                "name": "Card",
                "mode": "days_from_sale",
                "days": 400,
                "blackout_ids": [
                    Command.create(
                        {
                            "name": "Spring Festival",
                            "date_from": MONDAY + timedelta(days=1),
                            "date_to": MONDAY + timedelta(days=2),
                        }
                    )
                ],
            }
        )
        ticket = self._days_ticket(days=30)
        self._set_rights(ticket, validity_rule_id=rule.id)
        codes = [
            self._code_at(ticket, MONDAY + timedelta(days=number), clock)
            for number, clock in ((1, "00:00"), (2, "23:59"), (3, "00:00"))
        ]
        self.assertEqual(codes, ["BLACKOUT", "BLACKOUT", "ADMIT"])
        result = self._scan_at(
            self._reset(ticket), self._at(MONDAY + timedelta(days=1))
        )
        self.assertEqual(result["text"]["en"], "Not valid today: Spring Festival")

    def _reset(self, ticket):
        self._set_rights(ticket, entries_reserved=0)
        return ticket

    def test_opening_hours_of_each_day(self):
        """A right of several days follows the hours that each day has."""
        self.scenic_area.opening_hours_ids = [
            Command.create({"name": "Usual", "time_open": 8, "time_close": 17.5}),
            Command.create(
                {
                    "name": "Inventory",
                    "special": True,
                    "date_from": MONDAY + timedelta(days=2),
                    "date_to": MONDAY + timedelta(days=2),
                    "closed": True,
                }
            ),
            Command.create(
                {
                    "name": "Short Tuesday",
                    "special": True,
                    "date_from": MONDAY + timedelta(days=1),
                    "date_to": MONDAY + timedelta(days=1),
                    "time_open": 10,
                    "time_close": 15,
                    "last_admission": 45,
                }
            ),
        ]
        self.env.flush_all()
        ticket = self._days_ticket(days=40)
        for number, clock, code in (
            (0, "07:59", "TOO_EARLY"),
            (0, "17:30", "TOO_LATE"),
            (1, "09:59", "TOO_EARLY"),
            (1, "14:15", "TOO_LATE"),
            (2, "12:00", "CLOSED_TODAY"),
            (3, "08:00", "ADMIT"),
        ):
            day = MONDAY + timedelta(days=number)
            self.assertEqual(self._code_at(ticket, day, clock), code, (number, clock))

    def test_opening_hours_agree_with_the_calendar_of_the_site(self):
        """The function of the gate and the Python of the site say the same."""
        self.scenic_area.opening_hours_ids = [
            Command.create(
                {
                    "name": "Winter",
                    "yearly": True,
                    "date_from": "2020-11-01",
                    "date_to": "2020-03-15",
                    "time_open": 9,
                    "time_close": 16,
                    "last_admission": 30,
                    "monday": False,
                }
            ),
            Command.create(
                {
                    "name": "Leap Day",
                    "special": True,
                    "yearly": True,
                    "date_from": "2028-02-29",
                    "date_to": "2028-02-29",
                    "closed": True,
                }
            ),
            Command.create(
                {
                    "name": "Summer",
                    "sequence": 20,
                    "date_from": "2027-05-01",
                    "date_to": "2027-09-30",
                    "time_open": 7.25,
                    "time_close": 19,
                    "sunday": False,
                }
            ),
        ]
        self.env.flush_all()
        for site in (self.scenic_area, self.scenic_spot):
            rows = site._opening_rows()
            for number in range(0, 500, 1):
                day = date(2027, 1, 1) + timedelta(days=number)
                self.env.cr.execute(
                    "SELECT minute_from, minute_to FROM scenic_gate_opening(%s, %s)",
                    [site.id, day],
                )
                found = self.env.cr.fetchone()
                expected = site._opening_minutes(day) or (None, None)
                self.assertEqual(found, expected, (site.name, day, rows))
        self.scenic_area.opening_hours_ids.unlink()
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT 1 FROM scenic_gate_opening(%s, %s)", [self.scenic_spot.id, MONDAY]
        )
        self.assertFalse(self.env.cr.fetchall())

    def test_night_of_the_clock_change(self):
        """On a day of 23 or 25 hours the clock on the wall decides."""
        tz = "America/New_York"
        self.scenic_area.tz = tz
        self.env.flush_all()
        spring, autumn = date(2027, 3, 14), date(2027, 11, 7)
        for day in (spring, autumn):
            for clock, code in (
                ("00:00", "TOO_EARLY"),
                ("08:29", "TOO_EARLY"),
                ("08:30", "ADMIT"),
                ("17:00", "TOO_LATE"),
                ("23:59", "TOO_LATE"),
            ):
                ticket = self._scenic_sell(self.scenic_individual, visit_date=MONDAY)
                self._set_rights(
                    ticket,
                    valid_from=self._at(day, "00:00"),
                    valid_to=self._at(day + timedelta(days=1), "00:00"),
                    minute_from=510,
                    minute_to=1020,
                )
                self.assertEqual(self._code_at(ticket, day, clock), code, (day, clock))

    def test_leap_day(self):
        ticket = self._days_ticket()
        leap = date(2028, 2, 29)
        self._set_rights(
            ticket,
            valid_from=self._at(leap, "00:00"),
            valid_to=self._at(date(2028, 3, 1), "00:00"),
            weekdays=2,  # it is a Tuesday
        )
        self.assertEqual(self._code_at(ticket, date(2028, 3, 1), "00:00"), "EXPIRED")
        self.assertEqual(self._code_at(ticket, leap, "23:59"), "ADMIT")

    def test_blocked_visitor(self):
        visitor = self.env["scenic.visitor"].create({"name": "甲"})
        ticket = self._days_ticket()
        self._set_ticket(ticket, visitor_id=visitor.id)
        visitor.write(
            {
                "blocked_from": MONDAY + timedelta(days=1),
                "blocked_until": MONDAY + timedelta(days=2),
            }
        )
        self.env.flush_all()
        days = [MONDAY + timedelta(days=number) for number in range(4)]
        codes = [
            self._code_at(self._reset(ticket), days[number], clock)
            for number, clock in (
                (0, "23:59"),
                (1, "00:00"),
                (2, "23:59"),
                (3, "00:00"),
            )
        ]
        self.assertEqual(
            codes, ["ADMIT", "VISITOR_BLOCKED", "VISITOR_BLOCKED", "ADMIT"]
        )


@tagged("post_install", "-at_install")
class TestEntryCounts(EntryCommon):
    """How often a right admits."""

    def test_c5_unlimited(self):
        """A member card counts its entries and never runs out."""
        ticket = self._days_ticket(days=365)
        self._set_rights(ticket, unlimited=True)
        for number in range(3):
            event = self._enter_at(ticket, MONDAY + timedelta(days=number))
            self.assertEqual((event.used_delta, event.reentry), (1, False))
        self.assertEqual(self._counts(ticket), [(1, 0, 3)])
        self.assertEqual(ticket.state, "part_used")
        result = self._scan_at(ticket, self._at(MONDAY + timedelta(days=4)))
        self.assertIsNone(result["ticket"]["left"])
        # the holder is one person: not through two lanes at once
        self.assertEqual(
            self._code_at(ticket, MONDAY + timedelta(days=4), lane="L2"), "IN_USE"
        )

    def test_c5_daily_entries_by_the_day_of_the_site(self):
        ticket = self._days_ticket(days=365)
        self._set_rights(ticket, unlimited=True, daily_entries=2)
        self._enter_at(ticket, MONDAY, "00:00")
        self._enter_at(ticket, MONDAY, "12:00")
        result = self._scan_at(ticket, self._at(MONDAY, "23:59"))
        self.assertEqual(result["code"], "DAILY_USED")
        self.assertEqual(result["text"]["en"], "All entries of today are used: 2 a day")
        self._enter_at(ticket, MONDAY + timedelta(days=1), "00:00")

    def test_daily_entry_under_way_is_taken(self):
        ticket = self._days_ticket(days=365, product=self.scenic_group, quantity=2)
        self._set_rights(ticket, daily_entries=1, entries_total=20)
        request = self._scan_at(ticket, self._at(MONDAY))
        self.assertEqual((request["code"], request["passes"]), ("ADMIT", 2))
        self.assertEqual(self._code_at(ticket, MONDAY, lane="L2"), "IN_USE")
        self._report_at(
            self._at(MONDAY),
            self._event("passed", request["request_id"]),
            self._event("annulled", request["request_id"]),
        )
        self.assertEqual(self._scan_at(ticket, self._at(MONDAY))["passes"], 1)

    def test_given_back_entry_of_today_is_free_again(self):
        ticket = self._days_ticket(days=365)
        self._set_rights(ticket, unlimited=True, daily_entries=1)
        event = self._enter_at(ticket, MONDAY)
        self.assertEqual(self._code_at(ticket, MONDAY, "11:00"), "DAILY_USED")
        event._give_back("turned back")
        self.assertEqual(self._code_at(ticket, MONDAY, "11:00"), "ADMIT")

    def test_refunded_heads_do_not_enter(self):
        ticket = self._days_ticket(product=self.scenic_group, quantity=10)
        self._set_rights(ticket, entries_refunded=4)
        self._set_ticket(ticket, persons_refunded=4)
        request = self._scan_at(ticket, self._at(MONDAY))
        self.assertEqual((request["passes"], request["ticket"]["left"]), (6, 0))
        self._report_at(
            self._at(MONDAY), self._event("passed", request["request_id"], count=8)
        )
        self.assertEqual(self._counts(ticket), [(10, 0, 6)])
        self.assertEqual(ticket.state, "used")

    def test_all_that_is_left_was_refunded(self):
        ticket = self._days_ticket()
        self._set_rights(ticket, entries_refunded=1)
        self.assertEqual(self._code_at(ticket, MONDAY), "REFUNDED")

    def test_minutes_between_entries(self):
        component = self._component(self.scenic_individual)
        component.reentry_minutes = 30
        ticket = self._days_ticket()
        self._set_rights(ticket, entries_total=5)
        self._enter_at(ticket, MONDAY, "10:00")
        result = self._scan_at(ticket, self._at(MONDAY, "10:29"))
        self.assertEqual(result["code"], "TOO_SOON")
        self.assertEqual(result["remedy"]["en"], "Please come back at 10:30")
        self._enter_at(ticket, MONDAY, "10:30")

    def test_minutes_over_midnight(self):
        self._component(self.scenic_individual).reentry_minutes = 30
        ticket = self._days_ticket()
        self._set_rights(ticket, entries_total=5)
        self._enter_at(ticket, MONDAY, "23:50")
        tuesday = MONDAY + timedelta(days=1)
        self.assertEqual(self._code_at(ticket, tuesday, "00:19"), "TOO_SOON")
        self.assertEqual(self._code_at(ticket, tuesday, "00:20"), "ADMIT")

    def test_minutes_do_not_keep_the_rest_of_a_group_out(self):
        self._component(self.scenic_group).reentry_minutes = 30
        ticket = self._days_ticket(product=self.scenic_group, quantity=10)
        self._enter_at(ticket, MONDAY, "10:00", count=6)
        request = self._event(
            "annulled", self.env["scenic.pass.event"].search([], limit=1).request_uid
        )
        request["count"] = None
        self._report_at(self._at(MONDAY, "10:01"), request)
        self.assertEqual(self._scan_at(ticket, self._at(MONDAY, "10:02"))["passes"], 4)

    def test_first_entry(self):
        ticket = self._days_ticket()
        self._set_rights(ticket, entries_total=5)
        request = self._scan_at(ticket, self._at(MONDAY, "09:00"))
        self.assertFalse(ticket.first_entry_at)
        event = self._event("passed", request["request_id"])
        self._report_at(self._at(MONDAY, "09:01"), event)
        self.assertEqual(ticket.first_entry_at, self._at(MONDAY, "09:01"))
        self._enter_at(ticket, MONDAY, "12:00")
        self.assertEqual(ticket.first_entry_at, self._at(MONDAY, "09:01"))
        self._find(event["event_id"])._give_back("turned back")
        self.assertEqual(ticket.first_entry_at, self._at(MONDAY, "12:00"))

    def test_first_entry_of_an_event_that_arrives_late(self):
        ticket = self._days_ticket(product=self.scenic_group, quantity=2)
        request = self._scan_at(ticket, self._at(MONDAY, "09:00"))
        late, early = (
            self._event("passed", request["request_id"]) for _number in range(2)
        )
        self._report_at(self._at(MONDAY, "09:10"), late)
        early["at"] = self._at(MONDAY, "09:05").isoformat() + "Z"
        self._report(early, now=self._at(MONDAY, "09:20"))
        self.assertEqual(ticket.first_entry_at, self._at(MONDAY, "09:05"))

    def test_minutes_from_first_use(self):
        self.scenic_combo.product_tmpl_id.scenic_minutes_from_first = 120
        ticket = self._days_ticket(product=self.scenic_combo)
        self._enter_at(ticket, MONDAY, "10:00")
        self._enter_at(ticket, MONDAY, "11:59", lane="C1")
        result = self._scan_at(ticket, self._at(MONDAY, "12:00"), lane="C1")
        self.assertEqual(result["code"], "FIRST_USE_OVER")
        self.assertIn("12:00", result["text"]["en"])

    def test_days_from_first_use(self):
        rule = self.env["scenic.validity.rule"].create(
            {
                "name": "Two days of thirty",
                "mode": "days_from_first_use",
                "days": 30,
                "days_from_first_use": 2,
            }
        )
        ticket = self._days_ticket(days=30)
        self._set_rights(ticket, entries_total=9, validity_rule_id=rule.id)
        self._enter_at(ticket, MONDAY + timedelta(days=5), "23:59")
        self._enter_at(ticket, MONDAY + timedelta(days=6), "23:59")
        result = self._scan_at(ticket, self._at(MONDAY + timedelta(days=7), "00:00"))
        self.assertEqual(result["code"], "FIRST_USE_OVER")
        self.assertEqual(
            result["text"]["en"],
            f"The time after the first entry ended on {MONDAY + timedelta(days=6)}",
        )


@tagged("post_install", "-at_install")
class TestEntryAgain(EntryCommon):
    """Free re-entry and anti-passback."""

    def _product(self, quantity=1, **values):
        product = self.scenic_group if quantity > 1 else self.scenic_individual
        self._component(product).write(values)
        self.env.flush_all()
        return product

    def _assert_log_explains(self, ticket):
        self.env.invalidate_all()
        for right in ticket.entitlement_ids:
            events = self.env["scenic.pass.event"].search(
                [("entitlement_id", "=", right.id)]
            )
            self.assertEqual(
                (
                    sum(events.mapped("reserved_delta")),
                    sum(events.mapped("used_delta")),
                    sum(events.mapped("free_delta")),
                ),
                (right.entries_reserved, right.entries_used, right.reentries_reserved),
            )

    def test_c3_a_copied_qr_opens_once(self):
        """A screenshot is the same text: it fails after the first pass."""
        ticket = self._days_ticket()
        self._enter_at(ticket, MONDAY, "10:00")
        copy = self._scan_at(ticket, self._at(MONDAY, "10:01"), lane="L2")
        self.assertEqual(copy["code"], "USED")
        self.assertIn("10:00", copy["text"]["en"])
        code = ticket._qr_token()
        changed = code[:-1] + ("B" if code[-1] == "A" else "A")
        [forged] = self._validate(self._scan(changed), now=self._at(MONDAY, "10:02"))
        self.assertEqual(forged["code"], "FORGED")
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])

    def test_c3_a_copied_qr_opens_by_the_rule_of_reentry(self):
        """Where people may come back the same day, so may a copy, if nobody is in."""
        ticket = self._days_ticket(product=self._product(reentry="after_exit"))
        self._enter_at(ticket, MONDAY, "10:00")
        self.assertEqual(self._code_at(ticket, MONDAY, "10:01", lane="L2"), "INSIDE")
        self._leave_at(ticket, MONDAY, "11:00")
        self.assertEqual(self._code_at(ticket, MONDAY, "11:01", lane="L2"), "ADMIT")

    def test_same_day(self):
        ticket = self._days_ticket(product=self._product(reentry="same_day"))
        first = self._enter_at(ticket, MONDAY, "00:00")
        again = self._enter_at(ticket, MONDAY, "23:59")
        self.assertEqual((first.used_delta, first.reentry), (1, False))
        self.assertEqual((again.used_delta, again.reentry, again.passes), (0, True, 1))
        self.assertEqual(again.zone_to_id, self.zone)
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])
        tuesday = MONDAY + timedelta(days=1)
        self.assertEqual(self._code_at(ticket, tuesday, "00:00"), "USED")
        self._assert_log_explains(ticket)

    def test_again_uses_no_entry_while_some_are_left(self):
        ticket = self._days_ticket(product=self._product(reentry="same_day"))
        self._set_rights(ticket, entries_total=2)
        self._enter_at(ticket, MONDAY)
        result = self._scan_at(ticket, self._at(MONDAY, "11:00"))
        self.assertEqual(result["text"]["en"], "Welcome back")
        self.assertEqual(result["ticket"]["left"], 1)
        self.assertEqual(self._counts(ticket), [(2, 0, 1)])
        self.assertEqual(self._code_at(ticket, MONDAY, "11:00", lane="L2"), "IN_USE")
        self._report_at(
            self._at(MONDAY, "11:00"), self._event("annulled", result["request_id"])
        )
        self._enter_at(ticket, MONDAY, "12:00")
        self._enter_at(ticket, MONDAY + timedelta(days=1))
        self.assertEqual(self._counts(ticket), [(2, 0, 2)])
        self._assert_log_explains(ticket)

    def test_after_exit(self):
        ticket = self._days_ticket(product=self._product(reentry="after_exit"))
        self._enter_at(ticket, MONDAY, "09:00")
        result = self._scan_at(ticket, self._at(MONDAY, "09:30"))
        self.assertEqual(result["code"], "INSIDE")
        self.assertEqual(result["text"]["zh"], "已于09:00入园，尚未出园")
        left = self._leave_at(ticket, MONDAY, "10:00")
        self.assertEqual((left.ticket_id, left.credential_kind), (ticket, "qr"))
        self.assertEqual(left.zone_from_id, self.zone)
        again = self._enter_at(ticket, MONDAY, "10:30")
        self.assertTrue(again.reentry)
        self.assertEqual(self._code_at(ticket, MONDAY, "11:00"), "INSIDE")
        self._leave_at(ticket, MONDAY, "12:00")
        tuesday = MONDAY + timedelta(days=1)
        self.assertEqual(self._code_at(ticket, tuesday, "00:00"), "USED")

    def test_group_enters_first_and_again_afterwards(self):
        product = self._product(3, reentry="same_day")
        ticket = self._days_ticket(product=product, quantity=3)
        moment = self._at(MONDAY, "09:00")
        first = self._scan_at(ticket, moment)
        self._report_at(
            moment,
            self._event("passed", first["request_id"], count=2),
            self._event("annulled", first["request_id"]),
        )
        # the third person first, by an entry
        event = self._enter_at(ticket, MONDAY, "09:30")
        self.assertEqual((event.used_delta, event.reentry), (1, False))
        again = self._scan_at(ticket, self._at(MONDAY, "10:00"))
        self.assertEqual(again["passes"], 3)
        self.assertEqual(self._counts(ticket), [(3, 0, 3)])
        self._report_at(
            self._at(MONDAY, "10:00"),
            self._event("passed", again["request_id"], count=1),
            self._event("annulled", again["request_id"], count=None),
        )
        self.assertEqual(ticket.entitlement_ids.reentries_reserved, 0)
        self._assert_log_explains(ticket)

    def test_group_after_exit(self):
        product = self._product(3, reentry="after_exit")
        ticket = self._days_ticket(product=product, quantity=3)
        self._enter_at(ticket, MONDAY, "09:00", count=3)
        self._leave_at(ticket, MONDAY, "10:00", count=2)
        again = self._scan_at(ticket, self._at(MONDAY, "10:30"))
        self.assertEqual(again["passes"], 2)
        self._report_at(
            self._at(MONDAY, "10:30"),
            self._event("passed", again["request_id"], count=2),
        )
        self.assertEqual(self._code_at(ticket, MONDAY, "11:00"), "INSIDE")
        self.assertEqual(self._counts(ticket), [(3, 0, 3)])

    def test_late_pass_of_a_free_re_entry_uses_no_entry(self):
        ticket = self._days_ticket(product=self._product(reentry="same_day"))
        self._set_rights(ticket, entries_total=2)
        self._enter_at(ticket, MONDAY, "09:00")
        request = self._scan_at(ticket, self._at(MONDAY, "10:00"))["request_id"]
        moment = self._at(MONDAY, "10:01")
        self._report_at(moment, self._event("annulled", request))
        event = self._event("passed", request)
        self.assertEqual(self._report_at(moment, event), ["CONFLICT"])
        self.assertEqual(self._counts(ticket), [(2, 0, 1)])
        # one more than was admitted: that one pays
        more = self._event("passed", request)
        self.assertEqual(self._report_at(moment, more), ["CONFLICT"])
        self.assertEqual(self._counts(ticket), [(2, 0, 2)])
        self._assert_log_explains(ticket)

    def test_give_back_of_a_free_re_entry_moves_people_only(self):
        ticket = self._days_ticket(product=self._product(reentry="same_day"))
        self._enter_at(ticket, MONDAY, "09:00")
        again = self._enter_at(ticket, MONDAY, "10:00")
        again._give_back("turned back")
        [returned] = again.follow_ids
        self.assertEqual((returned.passes, returned.used_delta), (1, 0))
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])
        with self.assertRaisesRegex(Exception, "no entry"):
            again._give_back("twice")

    def test_give_back_of_an_admission_under_way(self):
        ticket = self._days_ticket(product=self._product(reentry="same_day"))
        self._enter_at(ticket, MONDAY, "09:00")
        request = self._scan_at(ticket, self._at(MONDAY, "10:00"))["request_id"]
        self._find(request)._give_back("the lane died")
        self.assertEqual(ticket.entitlement_ids.reentries_reserved, 0)
        self._assert_log_explains(ticket)

    def test_free_re_entry_earns_nothing(self):
        ticket = self._days_ticket(product=self._product(reentry="same_day"))
        self._enter_at(ticket, MONDAY, "09:00")
        self._enter_at(ticket, MONDAY, "10:00")
        self.env["scenic.pass.event"]._recognise_revenue()
        entries = self.env["scenic.revenue.entry"].search(
            [("ticket_id", "=", ticket.id)]
        )
        self.assertEqual(entries.mapped("quantity"), [1])

    def test_hard_antipassback(self):
        ticket = self._days_ticket(product=self._product(antipassback="hard"))
        self._set_rights(ticket, entries_total=9)
        self._enter_at(ticket, MONDAY, "09:00")
        self.assertEqual(self._code_at(ticket, MONDAY, "10:00"), "INSIDE")
        self._leave_at(ticket, MONDAY, "10:30")
        self._enter_at(ticket, MONDAY, "11:00")
        self.assertEqual(self._counts(ticket), [(9, 0, 2)])
        # it forgets at night
        self._enter_at(ticket, MONDAY + timedelta(days=1), "00:00")

    def test_soft_antipassback_is_told_to_staff(self):
        ticket = self._days_ticket(product=self._product(antipassback="soft"))
        self._set_rights(ticket, entries_total=9)
        first = self._enter_at(ticket, MONDAY, "09:00")
        self.assertFalse(first.flag or first.to_review)
        second = self._enter_at(ticket, MONDAY, "10:00")
        self.assertEqual(second.flag, "antipassback")
        self.assertTrue(second.to_review)
        found = self.env["scenic.pass.event"].search([("to_review", "=", True)])
        self.assertIn(second, found)
        self.assertNotIn(first, found)
        second._mark_reviewed("left by the open door")
        self.assertFalse(second.to_review)

    def test_hard_antipassback_of_a_group(self):
        product = self._product(4, antipassback="hard")
        ticket = self._days_ticket(product=product, quantity=4)
        self._set_rights(ticket, entries_total=40)
        moment = self._at(MONDAY, "09:00")
        first = self._scan_at(ticket, moment)
        self._report_at(
            moment,
            self._event("passed", first["request_id"], count=3),
            self._event("annulled", first["request_id"]),
        )
        self.assertEqual(self._scan_at(ticket, moment)["passes"], 1)


@tagged("post_install", "-at_install")
class TestEntryCombos(EntryCommon):
    """Which component of a ticket admits, and when."""

    def test_in_sequence(self):
        self.scenic_combo.product_tmpl_id.scenic_in_sequence = True
        for number, component in enumerate(
            self.scenic_combo.product_tmpl_id.scenic_component_ids
        ):
            component.sequence = number
        ticket = self._days_ticket(product=self.scenic_combo)
        result = self._scan_at(ticket, self._at(MONDAY), lane="C1")
        self.assertEqual(result["code"], "OUT_OF_SEQUENCE")
        self.assertEqual(result["remedy"]["en"], "Please go to Test Hill first")
        # admitted is not yet entered
        request = self._scan_at(ticket, self._at(MONDAY))
        self.assertEqual(self._code_at(ticket, MONDAY, lane="C1"), "OUT_OF_SEQUENCE")
        self._report_at(self._at(MONDAY), self._event("passed", request["request_id"]))
        self.assertEqual(self._code_at(ticket, MONDAY, lane="C1"), "ADMIT")

    def test_sequence_does_not_wait_for_what_was_refunded(self):
        template = self.scenic_combo.product_tmpl_id
        template.scenic_in_sequence = True
        ticket = self._days_ticket(product=self.scenic_combo)
        area = ticket.entitlement_ids.filtered(lambda e: e.site_id == self.scenic_area)
        area.sudo().entries_refunded = 1
        self.env.flush_all()
        self.assertEqual(self._code_at(ticket, MONDAY, lane="C1"), "ADMIT")

    def test_either_or(self):
        self.scenic_combo.product_tmpl_id.scenic_component_ids.choice_group = 1
        ticket = self._days_ticket(product=self.scenic_combo)
        request = self._scan_at(ticket, self._at(MONDAY))
        # a choice under way is made, until the lane gives it back
        result = self._scan_at(ticket, self._at(MONDAY), lane="C1")
        self.assertEqual(result["code"], "CHOICE_USED")
        self.assertEqual(result["text"]["zh"], "该门票已选用：Test Hill")
        self._report_at(
            self._at(MONDAY), self._event("annulled", request["request_id"])
        )
        self._enter_at(ticket, MONDAY, lane="C1")
        self.assertEqual(self._code_at(ticket, MONDAY), "CHOICE_USED")
        # and the second entry of the place that was chosen
        self.assertEqual(self._code_at(ticket, MONDAY, lane="C1"), "ADMIT")
