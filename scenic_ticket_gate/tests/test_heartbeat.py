from datetime import datetime, timedelta

from odoo import fields
from odoo.tests import tagged

from odoo.addons.scenic_ticket_gate.tools import gate_schema

from .test_gate_api import GateHttpCase


@tagged("post_install", "-at_install")
class TestGateHeartbeat(GateHttpCase):
    def _beat(self, **values):
        lane = {
            "lane": "L1",
            "link": "up",
            "mode": "controlled",
            "granted": 10,
            "completed": 8,
            "timed_out": 1,
            "revoked": 0,
            "outstanding": 1,
        }
        return {
            "seq": 43,
            "version": "19.0.1.0.0",
            "outbox": 3,
            "unresolved": 1,
            "lanes": [lane],
            **values,
        }

    def test_heartbeat(self):
        self.assertEqual(self.device.connection, "never")
        self.lane_two._switch("locked", "test")
        answer = self._call("heartbeat", self._beat())
        self.assertEqual(
            set(answer),
            {"server_time", "device", "config", "behind", "lanes", "inside"},
        )
        self.assertEqual(answer["device"], "south-1")
        self.assertEqual(
            [lane["lane"] for lane in answer["lanes"]], ["C1", "L1", "L2", "X1"]
        )
        self.assertEqual(
            answer["lanes"][2],
            {
                "lane": "L2",
                "name": "Lane 2",
                "direction": "in",
                "mode": "locked",
                "by": "server",
                "next": [],
            },
        )
        self.assertEqual(self.device.connection, "online")
        self.assertEqual((self.device.outbox, self.device.last_seq), (3, 43))
        self.assertEqual((self.lane.link, self.lane.granted), ("up", 10))
        self.assertFalse(self.lane_two.link)

    def test_what_the_device_says_of_itself(self):
        self._call(
            "heartbeat",
            self._beat(decides="site", copy_at="2026-12-01T01:02:03.5Z", conflicts=2),
        )
        self.assertEqual((self.device.told_decides, self.device.conflicts), ("site", 2))
        self.assertEqual(f"{self.device.copy_at}", "2026-12-01 01:02:03.500000")
        lane = {**self._beat()["lanes"][0], "fire": True, "emergency": True}
        self._call("heartbeat", self._beat(lanes=[lane]))
        self.assertTrue(self.lane.reported_fire and self.lane.reported_emergency)

    def test_second_computer_with_one_key_is_told(self):
        def behind(seq):
            return self._call("heartbeat", self._beat(seq=seq))["behind"]

        # the same number again is a device that cannot write, not a second one
        self.assertEqual([behind(seq) for seq in (43, 44, 44)], [False] * 3)
        self.device.settings_at = False  # ten seconds later
        self.assertFalse(behind(60))
        self.assertTrue(behind(3))
        self.assertFalse(behind(61))
        # a device that lost its count gets a new key
        self.key = self.device._generate_key()
        self.assertFalse(behind(4))

    def _versions(self):
        """Return which versions of their rows device and lane have."""
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT d.ctid::text, l.ctid::text FROM scenic_device d "
            "JOIN scenic_lane l ON l.device_id = d.id AND l.code = 'L1' "
            "WHERE d.id = %s",
            [self.device.id],
        )
        return self.env.cr.fetchone()

    def _beat_at(self, seconds, **values):
        checked = gate_schema.check_heartbeat(self._beat(**values))
        now = datetime(2026, 12, 1, 1) + timedelta(seconds=seconds)
        self.device.sudo()._gate_heartbeat(self.key_hash, checked, now)
        self.env.invalidate_all()
        return self._versions()

    def test_rows_are_written_for_news_and_each_ten_seconds(self):
        first = self._beat_at(0)
        self.assertEqual(self._beat_at(1, seq=44), first)
        self.assertEqual(self._beat_at(9.9, seq=45), first)
        lane = self._beat()["lanes"][0]
        moved = {**lane, "granted": 12, "completed": 10}
        # people passing are no news: they are counted with the next row
        self.assertEqual(self._beat_at(9.9, lanes=[moved]), first)
        second = self._beat_at(10, lanes=[moved])
        self.assertNotEqual(second[0], first[0])
        self.assertNotEqual(second[1], first[1])
        self.assertEqual(self.lane.granted, 12)
        for values in (
            {"outbox": 4},
            {"outbox": 4, "unresolved": 0},
            {"outbox": 4, "unresolved": 0, "conflicts": 1},
            {"outbox": 4, "unresolved": 0, "conflicts": 1, "decides": "site"},
        ):
            before = self._versions()
            after = self._beat_at(11, lanes=[moved], **values)
            self.assertNotEqual(after[0], before[0], values)
            self.assertEqual(after[1], before[1], values)
            self.assertEqual(self._beat_at(11, lanes=[moved], **values), after)
        down = {**moved, "link": "down"}
        after = self._beat_at(11, lanes=[down], **values)
        self.assertNotEqual(after[1], before[1])

    def test_constant_news_hold_nothing_up(self):
        """Who has news each second is told of new settings all the same."""
        self._beat_at(0)
        told = self.device.settings_version
        self.lane.name = "Another Name"
        lane = {**self._beat()["lanes"][0], "granted": 12, "completed": 10}
        for second in range(1, 11):
            self.assertEqual(self.device.settings_version, told, second)
            self.assertEqual(self.lane.granted, 10, second)
            self._beat_at(second, outbox=100 + second, lanes=[lane])
        self.assertNotEqual(self.device.settings_version, told)
        self.assertEqual(self.lane.granted, 12)

    def test_clock_that_was_put_back(self):
        """A device seen in the future is not silent for ever."""
        first = self._beat_at(3600)
        self.assertNotEqual(self._beat_at(0)[0], first[0])

    def test_version_of_the_settings(self):
        told = self._call("heartbeat", self._beat())["config"]
        self.assertEqual(self._call("config", {"version": None})["version"], told)
        self.assertTrue(self._call("config", {"version": told})["unchanged"])
        self.lane.name = "Another Name"
        # a heartbeat may be ten seconds behind, who asks is told what is
        self.assertEqual(self._call("heartbeat", self._beat())["config"], told)
        self.assertFalse(self._call("config", {"version": told})["unchanged"])
        news = self._call("heartbeat", self._beat())["config"]
        self.assertNotEqual(news, told)
        # who asked for them is told the same from then on
        self.lane.name = "Yet Another Name"
        newest = self._call("config", {"version": None})["version"]
        self.assertEqual(self._call("heartbeat", self._beat())["config"], newest)

    def test_people_inside(self):
        pool = self.env["scenic.capacity.pool"].create(
            {
                "name": "Inside",
                "site_id": self.scenic_area.id,
                "kind": "instant",
                "capacity": 100,
            }
        )
        admitted = self._call(
            "validate", {"scans": [self._scan(self._today_ticket()._qr_token())]}
        )
        request_id = admitted["results"][0]["request_id"]
        told = self._call("heartbeat", self._beat())["inside"]
        self.assertEqual(told[str(pool.id)], {"inside": 0, "held": 1})
        self._call("report", {"events": [self._event("passed", request_id)]})
        told = self._call("heartbeat", self._beat())["inside"]
        self.assertEqual(told[str(pool.id)], {"inside": 1, "held": 0})
        checked = gate_schema.check_heartbeat(self._beat())
        tomorrow = fields.Datetime.now() + timedelta(days=1)
        told = self.device.sudo()._gate_heartbeat(self.key_hash, checked, tomorrow)
        self.assertEqual(told["inside"][str(pool.id)], {"inside": 0, "held": 0})

    def test_offline_after_a_while(self):
        self._call("heartbeat", self._beat())
        self.device.last_seen -= timedelta(minutes=5)
        self.device.invalidate_recordset(["connection"])
        self.assertEqual(self.device.connection, "offline")

    def test_archived_lane_is_locked(self):
        self.lane.active = False
        answer = self._call("heartbeat", self._beat(lanes=[]))
        modes = {lane["lane"]: lane["mode"] for lane in answer["lanes"]}
        self.assertEqual((modes["L1"], modes["L2"]), ("locked", "controlled"))

    def test_lanes_of_others_are_left_alone(self):
        other = self.env["scenic.device"].create(
            {"name": "north-1", "site_id": self.scenic_area.id}
        )
        lane = self._lane("L1", device_id=other.id)
        self._call("heartbeat", self._beat())
        self.assertFalse(lane.link)
        self.assertFalse(other.last_seen)
