from datetime import datetime, timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import SQL

from odoo.addons.scenic_ticket_base.models.scenic_weekday_mixin import WEEKDAYS
from odoo.addons.scenic_ticket_gate.tools import gate_schema

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestLaneSchedule(GateCommon):
    """One source says which mode a lane has; the clock is that of the site."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._scenic_users("mode", ("gate_operator", "manager", "cashier"))
        cls.scenic_area.tz = "Asia/Shanghai"

    def _hours(self, start, stop, mode="exit", days=WEEKDAYS, lane=None):
        return self.env["scenic.lane.schedule"].create(
            {
                "lane_id": (lane or self.lane).id,
                "time_from": start,
                "time_to": stop,
                "mode": mode,
                **{day: day in days for day in WEEKDAYS},
            }
        )

    def _mode(self, now, lane=None):
        """Return the mode at a moment, naive UTC."""
        self.env.flush_all()
        query = SQL(
            "SELECT scenic_lane_mode(l, g, d, %s) FROM scenic_lane l "
            "JOIN scenic_gate g ON g.id = l.gate_id "
            "JOIN scenic_device d ON d.id = l.device_id WHERE l.id = %s",
            now,
            (lane or self.lane).id,
        )
        return self.env.execute_query(query)[0][0]

    def _plan(self, now):
        query = SQL(
            "SELECT at, mode FROM scenic_lane_plan(%s, %s) WHERE at > %s ORDER BY at",
            self.lane.id,
            now,
            now,
        )
        self.env.flush_all()
        return self.env.execute_query(query)

    def _beat(self, now):
        self.env.flush_all()
        device = self.device.sudo()
        values = gate_schema.check_heartbeat(
            {"seq": 1, "version": "1", "outbox": 0, "unresolved": 0, "lanes": []}
        )
        answer = device._gate_heartbeat(device.key_hash, values, now)
        self.env.invalidate_all()
        return {lane["lane"]: lane for lane in answer["lanes"]}

    def _choose(self, mode, at, lane=None):
        """Choose a mode at a moment in the past or the future."""
        lane = lane or self.lane
        # sudo: the clock of a click is that of the server
        lane.sudo().write({"mode": mode, "mode_at": at})

    # ------------------------------------------------------------------
    # By the clock
    # ------------------------------------------------------------------

    def test_hours_of_a_day(self):
        self._hours(17, 19.5)
        monday = datetime(2026, 11, 30)  # UTC; 08:00 at the site
        for hour, minute, mode in (
            (8, 59, "controlled"),
            (9, 0, "exit"),
            (11, 29, "exit"),
            (11, 30, "controlled"),
        ):
            now = monday.replace(hour=hour, minute=minute)
            self.assertEqual(self._mode(now), mode, now)
        self.assertEqual(self._mode(monday, self.lane_two), "controlled")

    def test_days_of_the_week(self):
        self._hours(17, 19, days=("saturday",))
        friday = datetime(2026, 12, 4, 10)  # 18:00
        self.assertEqual(self._mode(friday), "controlled")
        self.assertEqual(self._mode(friday + timedelta(days=1)), "exit")
        self.assertEqual(self._mode(friday + timedelta(days=2)), "controlled")

    def test_over_midnight_belongs_to_the_day_it_began(self):
        self._hours(22, 6, "locked", days=("sunday",))
        night = datetime(2026, 12, 6, 16)  # Monday, 00:00
        for delta, mode in (
            (-121, "controlled"),  # Sunday 21:59
            (-120, "locked"),
            (-1, "locked"),
            (0, "locked"),
            (359, "locked"),
            (360, "controlled"),  # Monday 06:00
            (22 * 60, "controlled"),  # Monday 22:00
        ):
            now = night + timedelta(minutes=delta)
            self.assertEqual(self._mode(now), mode, now)

    def test_days_that_touch_are_one(self):
        self._hours(0, 24, "locked", days=("monday", "tuesday"))
        monday = datetime(2026, 12, 6, 16)
        self.assertEqual(
            self._plan(monday - timedelta(minutes=1))[:2],
            [
                (monday, "locked"),
                (monday + timedelta(days=2), "controlled"),
            ],
        )

    def test_night_in_which_an_hour_is_missing(self):
        """02:00 to 03:00 is not: 02:30 is 03:30, but the next hours begin on time."""
        self.scenic_area.tz = "Europe/Berlin"
        self._hours(1.5, 2.5)
        self._hours(3, 4, "locked")
        jump = datetime(2027, 3, 28, 1)
        night = [row for row in self._plan(jump - timedelta(hours=2)) if row[0] < jump]
        self.assertEqual(night, [(jump - timedelta(minutes=30), "exit")])
        self.assertEqual(self._mode(jump - timedelta(minutes=1)), "exit")
        self.assertEqual(self._mode(jump), "locked")
        self.assertEqual(self._mode(jump + timedelta(minutes=59)), "locked")
        self.assertEqual(self._mode(jump + timedelta(minutes=60)), "controlled")
        # hours within the missing one come an hour later
        self.lane.schedule_ids.unlink()
        self._hours(2.25, 2.75)
        self.assertEqual(
            self._plan(jump - timedelta(hours=1))[:2],
            [
                (jump + timedelta(minutes=15), "exit"),
                (jump + timedelta(minutes=45), "controlled"),
            ],
        )

    def test_night_in_which_an_hour_comes_twice(self):
        """Of 02:30 the second one counts, and nothing happens twice."""
        self.scenic_area.tz = "Europe/Berlin"
        self._hours(1, 2.5)
        midnight = datetime(2026, 10, 24, 22)
        self.assertEqual(
            self._plan(midnight)[:2],
            [
                (datetime(2026, 10, 24, 23), "exit"),
                (datetime(2026, 10, 25, 1, 30), "controlled"),
            ],
        )
        self.assertEqual(self._mode(datetime(2026, 10, 25, 0, 45)), "exit")
        self.assertEqual(self._mode(datetime(2026, 10, 25, 1, 29)), "exit")
        self.assertEqual(self._mode(datetime(2026, 10, 25, 1, 30)), "controlled")

    # ------------------------------------------------------------------
    # A click, and the next change
    # ------------------------------------------------------------------

    def test_click_beats_until_the_next_change(self):
        self._hours(17, 19)
        inside = datetime(2026, 12, 1, 10)  # 18:00
        self._choose("controlled", inside - timedelta(minutes=30))
        self.assertEqual(self._mode(inside), "controlled")
        # the end of the hours is a change, and so is their next beginning
        self.assertEqual(self._mode(inside + timedelta(hours=1)), "controlled")
        self.assertEqual(self._mode(inside + timedelta(hours=23)), "exit")
        self._choose("locked", inside - timedelta(hours=3))
        self.assertEqual(self._mode(inside - timedelta(hours=2)), "locked")
        self.assertEqual(self._mode(inside - timedelta(hours=1)), "exit")
        self.assertEqual(self._mode(inside + timedelta(hours=2)), "controlled")

    def test_emergency_beats_the_schedule(self):
        self._hours(17, 19)
        noon = datetime(2026, 12, 1, 4)
        self._choose("emergency", noon)
        for hours in (0, 6, 24, 24 * 20):
            self.assertEqual(
                self._mode(noon + timedelta(hours=hours, minutes=1)), "emergency"
            )
        self.assertEqual(self._beat(noon)["L1"]["next"], [])
        self.device.enabled = False
        self.assertEqual(self._mode(noon), "emergency")

    def test_follow_the_schedule_again(self):
        now = datetime.now()
        self._hours(0, 24)
        lane = self.lane.with_user(self.users["gate_operator"])
        self.assertEqual(lane.current_mode, "exit")
        lane.action_controlled()
        self.assertEqual(lane.current_mode, "controlled")
        # this schedule never changes
        self.assertEqual(self._mode(now + timedelta(days=30)), "controlled")
        lane.action_follow_schedule()
        self.assertEqual((lane.current_mode, lane.mode_at), ("exit", False))
        with self.assertRaises(UserError):
            self.lane_two.with_user(
                self.users["gate_operator"]
            ).action_follow_schedule()

    def test_what_was_chosen_long_ago_does_not_come_back(self):
        hours = self._hours(17, 19)
        self._choose("free", fields.Datetime.now() - timedelta(days=3))
        self.assertEqual(self.lane.mode, "free")
        hours.unlink()
        self.assertEqual((self.lane.mode, self.lane.current_mode), ("controlled",) * 2)

    def test_first_schedule_leaves_what_was_chosen(self):
        self._choose("locked", fields.Datetime.now())
        self._hours(0, 24)
        self.assertEqual(self.lane.current_mode, "locked")

    # ------------------------------------------------------------------
    # What the device is told, and what validate says
    # ------------------------------------------------------------------

    def test_heartbeat_and_validate_agree(self):
        self._hours(17, 19)
        self._hours(20, 21, "locked")
        ticket = self._today_ticket()
        self._set_window(ticket, -48, 96)
        start = datetime.combine(self.visit_date, datetime.min.time())
        seen = set()
        for hours in range(0, 26):
            now = start + timedelta(hours=hours, minutes=30)
            mode = self._beat(now)["L1"]["mode"]
            [result] = self._validate(self._scan(ticket._qr_token()), now=now)
            refused = {"exit": "WRONG_DIRECTION", "locked": "LANE_CLOSED"}.get(mode)
            if refused:
                self.assertEqual(result["code"], refused, now)
            else:
                self.assertNotIn(result["code"], ("WRONG_DIRECTION", "LANE_CLOSED"))
            seen.add(mode)
        self.assertEqual(seen, {"controlled", "exit", "locked"})

    def test_coming_day_is_told(self):
        self._hours(17, 19, days=WEEKDAYS[:5])
        self._hours(22, 6, "locked", days=WEEKDAYS[:5])
        now = datetime(2026, 12, 1, 10)  # Tuesday 18:00
        self.assertEqual(
            self._beat(now)["L1"]["next"],
            [
                {"at": "2026-12-01T11:00:00.000Z", "mode": "controlled"},
                {"at": "2026-12-01T14:00:00.000Z", "mode": "locked"},
                {"at": "2026-12-01T22:00:00.000Z", "mode": "controlled"},
                {"at": "2026-12-02T09:00:00.000Z", "mode": "exit"},
            ],
        )
        self.assertEqual(self._beat(now)["L2"]["next"], [])
        self.lane.active = False
        told = self._beat(now)["L1"]
        self.assertEqual((told["mode"], told["next"]), ("locked", []))

    def test_who_brought_the_mode_is_told(self):
        """A person's choice counts as such until the next change by schedule."""
        self._hours(17, 19)
        evening = datetime(2026, 12, 1, 10)  # 18:00
        hour = timedelta(hours=1)

        def told(now):
            row = self._beat(now)["L1"]
            return row["mode"], row["by"]

        self.assertEqual(told(evening), ("exit", "schedule"))
        self.assertEqual(told(evening + hour), ("controlled", "schedule"))
        self._choose("free", evening)
        self.assertEqual(told(evening), ("free", "server"))
        self.assertEqual(told(evening + hour), ("controlled", "schedule"))
        self._choose("emergency", evening)
        self.assertEqual(told(evening + hour), ("emergency", "server"))
        self._choose("controlled", evening - 2 * hour)
        self.lane.active = False
        self.assertEqual(told(evening), ("locked", "server"))
        self.assertEqual(self._beat(evening)["L2"]["by"], "server")

    def test_disabled_device_locks_its_lanes(self):
        now = fields.Datetime.now()
        self._hours(0, 24, "free")
        self.device.enabled = False
        modes = {code: lane["mode"] for code, lane in self._beat(now).items()}
        self.assertEqual(set(modes.values()), {"locked"})
        [result] = self._validate(self._scan(self._today_ticket()._qr_token()))
        self.assertEqual(result["code"], "LANE_CLOSED")

    # ------------------------------------------------------------------
    # What is refused
    # ------------------------------------------------------------------

    def test_overlap(self):
        self._hours(17, 19)
        self._hours(19, 20, "locked")
        self._hours(22, 6, "locked", days=("sunday",))
        for start, stop, days in (
            (18, 18.5, WEEKDAYS),
            (12, 17.25, ("monday",)),
            (17, 19, ("sunday",)),
            (5, 7, ("monday",)),
            (21, 22.5, ("sunday",)),
            (20, 17.5, ("wednesday",)),
        ):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self._hours(start, stop, "free", days)
        self._hours(6, 8, "free", ("monday",))
        self._hours(18, 19, "free", lane=self.lane_two)

    def test_no_hours(self):
        for start, stop, days in (
            (10, 10, WEEKDAYS),
            (-1, 5, WEEKDAYS),
            (24, 5, WEEKDAYS),
            (10, 25, WEEKDAYS),
            (10, 12, ()),
        ):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self._hours(start, stop, "free", days)
        with self.assertRaises(ValueError), self.env.cr.savepoint():
            self._hours(1, 2, "emergency")

    def test_the_lane_tells_who_changed_what(self):
        manager = self.users["manager"]

        def told(lane):
            self.env.flush_all()
            return [
                (message.author_id, str(message.body))
                for message in lane.message_ids.sorted("id")
                if "Schedule" in message.body
            ]

        lane = self.lane.with_user(manager)
        lane.schedule_ids = [
            Command.create({"time_from": 17, "time_to": 19}),
            Command.create({"time_from": 20, "time_to": 21, "mode": "locked"}),
        ]
        evening, night = lane.schedule_ids.sorted("time_from")
        evening.write({"time_to": 18, "mode": "free"})
        evening.write({"time_to": 18})
        night.unlink()
        evening.lane_id = self.lane_two
        texts = [
            "Schedule: every day 17:00–19:00: Free Exit added<br>"
            "Schedule: every day 20:00–21:00: Locked added",
            "Schedule: every day 17:00–19:00: Free Exit is now "
            "every day 17:00–18:00: Free Passage",
            "Schedule: every day 20:00–21:00: Locked removed",
            "Schedule: every day 17:00–18:00: Free Passage removed",
        ]
        self.assertEqual(
            told(self.lane),
            [(manager.partner_id, f"<span>{text}</span>") for text in texts],
        )
        self.assertEqual(
            told(self.lane_two),
            [
                (
                    manager.partner_id,
                    "<span>Schedule: every day 17:00–18:00: Free Passage added</span>",
                )
            ],
        )

    def test_manager_makes_the_schedule_and_it_is_logged(self):
        with Form(self.lane.with_user(self.users["manager"])) as form:
            with form.schedule_ids.new() as hours:
                hours.time_from = 17
                hours.time_to = 19
        hours = self.lane.schedule_ids
        self.assertEqual(
            (hours.mode, hours.sunday, self.lane.scheduled), ("exit", 1, 1)
        )
        audit = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.lane.schedule"), ("res_id", "=", hours.id)]
        )
        self.assertEqual(audit.user_id, self.users["manager"])
        for role in ("gate_operator", "cashier"):
            lane = self.lane.with_user(self.users[role])
            with self.assertRaises(AccessError):
                hours.with_user(self.users[role]).write({"mode": "free"})
            with self.assertRaises(AccessError):
                lane.write({"schedule_ids": [Command.clear()]})
