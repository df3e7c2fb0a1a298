from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .test_entry_rules import MONDAY, EntryCommon


@tagged("post_install", "-at_install")
class TestLifeLine(EntryCommon):
    def _events(self, ticket, user=None):
        events = ticket.with_user(user or self.env.user)._life_line()
        return {event["kind"]: event for event in events}

    def test_scanned_passed_and_used_again(self):
        ticket = self._today_ticket()
        event = self._pass(ticket)
        self._validate(self._scan(ticket._qr_token(), lane="L2"))
        events = self._events(ticket)
        scanned = events["scanned"]
        self.assertEqual(scanned["where"], "South Gate, Lane 1")
        self.assertEqual(scanned["device"], "south-1")
        self.assertIn("QR", scanned["detail"])
        passed = events["passed"]
        self.assertEqual(passed["document"]["id"], event.id)
        self.assertEqual(passed["document"]["model"], "scenic.pass.event")
        refused = events["refused"]
        self.assertEqual(refused["where"], "South Gate, Lane 2")
        self.assertIn("Used Already", refused["detail"])
        kinds = [event["kind"] for event in ticket._life_line()]
        self.assertLess(kinds.index("scanned"), kinds.index("passed"))

    def test_last_refusal_in_the_words_of_the_lane(self):
        ticket = self._today_ticket()
        self.assertIsNone(ticket._last_refusal())
        self._pass(ticket)
        self._validate(self._scan(ticket._qr_token(), lane="L2"))
        cashier = new_test_user(
            self.env, "refusal_cashier", "scenic_ticket_base.group_scenic_cashier"
        )
        refusal = ticket.with_user(cashier)._last_refusal()
        self.assertEqual(refusal["code"], "USED")
        self.assertEqual(refusal["where"], "South Gate, Lane 2")
        self.assertIn("South Gate, Lane 1", refusal["text"])
        self.assertEqual(refusal["remedy"], "Please buy a new ticket")
        self.env["res.lang"]._activate_lang("zh_CN")
        cashier.lang = "zh_CN"
        refusal = ticket.with_user(cashier).with_context(lang="zh_CN")._last_refusal()
        self.assertEqual(refusal["remedy"], "请重新购票")

    def test_entered_left_and_entered_again(self):
        """An exit that read the code is in the life of the ticket, too."""
        self._component(self.scenic_individual).reentry = "after_exit"
        ticket = self._days_ticket()
        self._set_rights(ticket, minute_from=540)
        self._code_at(ticket, MONDAY, "08:00")
        self._enter_at(ticket, MONDAY, "09:00")
        self._leave_at(ticket, MONDAY, "10:00")
        self._enter_at(ticket, MONDAY, "11:00")
        line = [
            event
            for event in ticket._life_line()
            if event["document"] and event["document"]["model"] == "scenic.pass.event"
        ]
        self.assertEqual(
            [event["kind"] for event in line],
            ["refused", "scanned", "passed", "left", "scanned", "passed"],
        )
        self.assertIn("Too Early in the Day", line[0]["detail"])
        self.assertEqual(line[3]["where"], "South Gate, Exit 1")
        self.assertIn("QR", line[3]["detail"])
        self.assertEqual(line[5]["detail"], "free re-entry")

    def test_annulled_and_given_back(self):
        ticket = self._today_ticket()
        result = self._admit(ticket)
        self._report(self._event("annulled", result["request_id"], note="timeout"))
        event = self._pass(ticket, assumed=True)
        supervisor = new_test_user(
            self.env,
            "life_supervisor",
            "scenic_ticket_base.group_scenic_supervisor",
            name="Life Supervisor",
        )
        event.with_user(supervisor)._give_back("Nobody went in")
        events = self._events(ticket)
        self.assertIn("nobody walked in time", events["annulled"]["detail"])
        back = events["given_back"]
        self.assertEqual(back["who"], "Life Supervisor")
        self.assertIn("Nobody went in", back["detail"])
        trail = self.env["scenic.audit"].search(
            [("action", "=", "pass_give_back"), ("res_id", "=", event.id)]
        )
        self.assertEqual(trail.user_id, supervisor)
        self.assertEqual(trail.reason, "Nobody went in")

    def test_cashier_sees_the_pass_without_link(self):
        """Pass events are not for the window, what happened to a ticket is."""
        ticket = self._today_ticket()
        event = self._pass(ticket)
        cashier = new_test_user(
            self.env, "life_cashier", "scenic_ticket_base.group_scenic_cashier"
        )
        passed = self._events(ticket, cashier)["passed"]
        self.assertEqual(passed["where"], "South Gate, Lane 1")
        self.assertFalse(passed["document"]["url"])
        with self.assertRaises(AccessError):
            event.with_user(cashier).read(["phase"])

    def test_settings_of_the_gate_are_audited(self):
        for record, values in (
            (self.zone, {"name": "Other"}),
            (self.gate, {"name": "Other"}),
            (self.lane, {"name": "Other"}),
            (self.device, {"name": "other"}),
        ):
            record.write(values)
            [trail] = self.env["scenic.audit"].search(
                [
                    ("action", "=", "config_write"),
                    ("res_model", "=", record._name),
                    ("res_id", "=", record.id),
                ]
            )
            self.assertEqual(trail.after, values)

    def test_a_key_is_noted_but_not_kept(self):
        key = self.device._generate_key()
        self.device.action_revoke()
        trail = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.device"), ("res_id", "=", self.device.id)],
            order="id",
        )
        self.assertEqual(trail[-2:].mapped("action"), ["device_key", "device_revoke"])
        kept = str(trail.read())
        self.assertNotIn(key, kept)
        self.assertNotIn(self.device._hash_key(key), kept)

    def test_lane_switched_by_an_operator(self):
        operator = new_test_user(
            self.env, "life_operator", "scenic_ticket_base.group_scenic_gate_operator"
        )
        self.lane.with_user(operator)._switch("locked", "lunch")
        trail = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.lane"), ("res_id", "=", self.lane.id)], limit=1
        )
        self.assertEqual(trail.user_id, operator)
        self.assertEqual(trail.after, {"mode": "locked"})
