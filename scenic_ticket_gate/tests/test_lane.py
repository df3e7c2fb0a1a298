import psycopg2.errors

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestLane(GateCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._scenic_users("lane", ("gate_operator", "cashier", "manager"))

    def _switch(self, action, role="gate_operator", reason="because"):
        """Confirm the window that a button opens."""
        env = self.env(user=self.users[role])
        wizard = env[action["res_model"]].with_context(**action["context"])
        with Form(wizard) as form:
            form.reason = reason
        form.record.action_confirm()

    def test_outdoor_warns_and_saves(self):
        warned = {"flap": (True, True), "swing": (True, True), "door": (True, False)}
        with Form(self.lane) as form:
            form.outdoor = True
            for kind, _name in self.lane._fields["kind"].selection:
                form.kind = kind
                self.assertEqual(
                    (form.indoor_only, form.attendant_advised),
                    warned.get(kind, (False, False)),
                    kind,
                )
            form.kind = "swing"
        self.assertEqual((self.lane.kind, self.lane.outdoor), ("swing", True))

    @mute_logger("odoo.sql_db")
    def test_code_is_unique_per_device(self):
        with (
            self.assertRaises(psycopg2.errors.UniqueViolation),
            self.env.cr.savepoint(),
        ):
            self._lane("L1")
        other = self.env["scenic.device"].create(
            {"name": "north-1", "site_id": self.scenic_area.id}
        )
        self.assertTrue(self._lane("L1", device_id=other.id))

    def test_device_of_another_company(self):
        company = self.env["res.company"].create({"name": "Other Park"})
        site = self.env["scenic.site"].create(
            {"name": "Other", "code": "OTHER", "company_id": company.id}
        )
        device = self.env["scenic.device"].create({"name": "o", "site_id": site.id})
        with self.assertRaises(ValidationError):
            self.lane.device_id = device
        for record in (self.device, self.zone, self.zone_cave):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                record.site_id = site

    def test_gate_leads_somewhere_else(self):
        for zones in (
            {"from_zone_id": self.zone.id},
            {"from_zone_id": self.zone_cave.id, "to_zone_id": self.zone_cave.id},
        ):
            with self.assertRaises(ValidationError):
                self.gate.write(zones)

    def test_operator_switches_the_mode_and_nothing_else(self):
        lane = self.lane.with_user(self.users["gate_operator"])
        self._switch(lane.action_locked())
        self.assertEqual((lane.mode, lane.current_mode), ("locked", "locked"))
        self._switch(lane.action_free())
        self.assertEqual(lane.current_mode, "free")
        lane.action_exit()
        self.assertEqual(lane.current_mode, "exit")
        lane.action_controlled()
        self.assertEqual(lane.current_mode, "controlled")
        with self.assertRaises(AccessError):
            lane.write({"mode": "free"})
        with self.assertRaises(AccessError):
            lane.write({"direction": "both"})

    def test_emergency_is_declared_and_ended_with_a_reason(self):
        lanes = (self.lane | self.lane_two).with_user(self.users["gate_operator"])
        with self.assertRaises(UserError), self.env.cr.savepoint():
            lanes._switch("emergency", " ")
        self._switch(lanes.action_emergency(), reason="smoke in the cave")
        self.assertEqual(set(lanes.mapped("current_mode")), {"emergency"})
        # nothing but its end leaves it
        for act in (
            lanes.action_controlled,
            lanes.action_exit,
            lambda: self._switch(lanes.action_locked()),
            lambda: self._switch(lanes.action_free()),
        ):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                act()
        self.assertEqual(set(lanes.mapped("current_mode")), {"emergency"})
        self._switch(lanes.action_end_emergency(), reason="it was a kettle")
        self.assertEqual(set(lanes.mapped("current_mode")), {"controlled"})

    def test_who_switched_and_why_is_known(self):
        lane = self.lane.with_user(self.users["gate_operator"])
        self._switch(lane.action_emergency(), reason="smoke in the cave")
        self.env.cr.flush()  # what the tracking waits for
        message = self.lane.message_ids[0]
        self.assertEqual(message.author_id, self.users["gate_operator"].partner_id)
        self.assertIn("smoke in the cave", message.body)
        self.assertEqual(message.tracking_value_ids.new_value_char, "Emergency")
        audit = self.env["scenic.audit"].search([("action", "=", "lane_mode")], limit=1)
        self.assertEqual(
            (audit.res_id, audit.user_id, audit.reason, audit.before, audit.after),
            (
                self.lane.id,
                self.users["gate_operator"],
                "smoke in the cave",
                {"mode": "controlled"},
                {"mode": "emergency"},
            ),
        )

    def test_what_became_of_the_lane_is_read_in_ones_own_language(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        reader = self.env(context={**self.env.context, "lang": "zh_CN"})
        modes = dict(self.lane._fields["mode"]._description_selection(reader))
        for note, words in (
            ("exit by schedule", f"{modes['exit']} · 按时间表"),
            ("emergency by server", f"{modes['emergency']} · 服务器指令"),
            ("locked by local", f"{modes['locked']} · 现场设置"),
            ("mode", "通道已切换模式"),
            ("fire", "消防报警"),
            ("port lost: end of data", "端口断开 · end of data"),
            ("seen by the guard", "seen by the guard"),
        ):
            event = self._event("mode", note=note)
            self.assertEqual(self._report(event), ["OK"])
            kept = self._find(event["event_id"])
            self.assertEqual(kept.with_env(reader).note_text, words)

    def test_nobody_writes_the_mode(self):
        lane = self.lane.with_user(self.users["manager"])
        for values in ({"mode": "free"}, {"mode_at": False}):
            with self.assertRaises(UserError):
                lane.write(values)
        with self.assertRaises(UserError):
            lane.create(
                {
                    "name": "L9",
                    "code": "L9",
                    "mode": "emergency",
                    "gate_id": self.gate.id,
                    "device_id": self.device.id,
                }
            )
        device = self.device.with_user(self.users["manager"])
        with self.assertRaises(UserError):
            device.write({"enabled": False})
        with self.assertRaises(UserError):
            device.create(
                {"name": "x", "site_id": self.scenic_area.id, "enabled": False}
            )

    def test_cashier_does_not_switch(self):
        cashier = self.users["cashier"]
        lane = self.lane.with_user(cashier)
        for mode in ("controlled", "exit", "locked", "free", "emergency", None):
            with self.assertRaises(AccessError):
                lane._switch(mode, "because")
        for name in ("scenic.lane.switch", "scenic.device.switch"):
            with self.assertRaises(AccessError):
                self.env[name].with_user(cashier).create({"reason": "because"})
        with self.assertRaises(AccessError):
            self.device.with_user(cashier)._enable(False, "because")
        self.assertEqual(self.lane.current_mode, "controlled")

    def test_device_is_disabled_and_enabled_with_a_reason(self):
        device = self.device.with_user(self.users["gate_operator"])
        with self.assertRaises(UserError):
            device._enable(False, "")
        self._switch(device.action_disable(), reason="water in the box")
        self.assertFalse(device.enabled)
        self.assertEqual(self.lane.current_mode, "locked")
        self.assertEqual(
            self.env["scenic.lane"].search(
                [("current_mode", "!=", "locked"), ("device_id", "=", device.id)]
            ),
            self.env["scenic.lane"],
        )
        self._switch(device.action_enable(), reason="dry again")
        self.assertEqual((device.enabled, self.lane.current_mode), (True, "controlled"))
        audit = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.device"), ("res_id", "=", device.id)], limit=2
        )
        self.assertEqual(
            audit.mapped(lambda a: (a.action, a.reason)),
            [("device_enable", "dry again"), ("device_disable", "water in the box")],
        )

    def test_last_event(self):
        self._pass(self._today_ticket())
        exit_ = self._event("exit", lane="X1")
        self._report(exit_)
        lanes = self.lane | self.lane_two | self.lane_out
        lanes.invalidate_recordset()
        self.assertEqual(lanes.mapped("last_event_phase"), ["passed", False, "exit"])
        self.assertEqual(self.lane_out.last_event_id.uid, exit_["event_id"])
