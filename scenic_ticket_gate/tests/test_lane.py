import psycopg2.errors

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import GateCommon

MODES = (
    *("action_locked", "action_controlled", "action_free"),
    *("action_exit", "action_emergency"),
)


@tagged("post_install", "-at_install")
class TestLane(GateCommon):
    def test_outdoor_flap_warns_and_saves(self):
        with Form(self.lane) as form:
            form.outdoor = True
            self.assertFalse(form.outdoor_unfit)
            for kind in ("flap", "swing"):
                form.kind = kind
                self.assertTrue(form.outdoor_unfit)
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
        operator = new_test_user(
            self.env, "lane_operator", "scenic_ticket_base.group_scenic_gate_operator"
        )
        lane = self.lane.with_user(operator)
        lane.action_locked()
        self.assertEqual(lane.mode, "locked")
        lane.action_free()
        self.assertEqual(lane.mode, "free")
        lane.action_controlled()
        self.assertEqual(lane.mode, "controlled")
        with self.assertRaises(AccessError):
            lane.write({"mode": "free"})
        with self.assertRaises(AccessError):
            lane.write({"direction": "both"})

    def test_cashier_does_not_switch(self):
        cashier = new_test_user(
            self.env, "lane_cashier", "scenic_ticket_base.group_scenic_cashier"
        )
        for method in MODES:
            with self.assertRaises(AccessError):
                getattr(self.lane.with_user(cashier), method)()
        self.assertEqual(self.lane.mode, "controlled")

    def test_last_event(self):
        self._pass(self._today_ticket())
        exit_ = self._event("exit", lane="X1")
        self._report(exit_)
        lanes = self.lane | self.lane_two | self.lane_out
        lanes.invalidate_recordset()
        self.assertEqual(lanes.mapped("last_event_phase"), ["passed", False, "exit"])
        self.assertEqual(self.lane_out.last_event_id.uid, exit_["event_id"])
