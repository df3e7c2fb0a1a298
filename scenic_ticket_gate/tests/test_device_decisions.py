"""What a device decided by itself and told later, and the order of its messages."""

import uuid
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.scenic_ticket_base.tools.rate_limit import RateLimit

from ..models import ir_http
from ..tools import gate_schema
from .common import GateCommon
from .test_gate_api import GateHttpCase


@tagged("post_install", "-at_install")
class TestDeviceDecisions(GateCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["scenic.device"].create(
            {"name": "north-1", "site_id": cls.scenic_area.id}
        )
        cls._lane("N1", name="North 1", device_id=cls.other.id)
        cls.other._generate_key()

    def _results(self, *events, device=None):
        """Report as the route does; return the whole results."""
        self.env.flush_all()
        device = (device or self.device).sudo()
        checked = gate_schema.check_report({"events": list(events)})
        answer = device._gate_report(device.key_hash, checked)
        self.env.invalidate_all()
        return answer["results"]

    def _admitted(self, ticket, **values):
        values.setdefault("right", ticket.entitlement_ids[:1].id)
        return self._event(
            "admitted", str(uuid.uuid4()), count=1, mode="offline", **values
        )

    def _row(self, event):
        return self.env["scenic.pass.event"].search([("uid", "=", event["request_id"])])

    def test_h2_an_offline_pass_is_booked_like_any_other(self):
        ticket = self._today_ticket()
        admitted = self._admitted(ticket)
        passed = self._event("passed", admitted["request_id"])
        self.assertEqual(
            [r["code"] for r in self._results(admitted, passed)], ["OK"] * 2
        )
        right = ticket.entitlement_ids
        self.assertEqual((right.entries_used, right.entries_reserved), (1, 0))
        self.assertEqual(ticket.state, "used")
        row = self._row(admitted)
        self.assertEqual(
            (row.phase, row.mode, row.conflict), ("authorised",) + ("offline", False)
        )
        self.assertFalse(row.to_review)

    def test_a_repeated_upload_changes_nothing(self):
        ticket = self._today_ticket()
        admitted = self._admitted(ticket)
        passed = self._event("passed", admitted["request_id"])
        self._results(admitted, passed)
        self.assertEqual(self._report(admitted, passed), ["REPEAT", "REPEAT"])
        self.assertEqual(ticket.entitlement_ids.entries_used, 1)

    def test_an_annulled_offline_admission_gives_its_entry_back(self):
        ticket = self._today_ticket()
        admitted = self._admitted(ticket)
        self._results(admitted, self._event("annulled", admitted["request_id"]))
        right = ticket.entitlement_ids
        self.assertEqual((right.entries_used, right.entries_reserved), (0, 0))
        self.assertEqual(self._admit(ticket)["code"], "ADMIT")

    def test_double_use_is_listed_with_its_value(self):
        ticket = self._today_ticket()
        first, second = self._admitted(ticket), self._admitted(ticket, lane="N1")
        self._results(first, self._event("passed", first["request_id"]))
        late = self._event("passed", second["request_id"], lane="N1")
        told = self._results(second, late, device=self.other)
        self.assertEqual(told[0]["code"], "CONFLICT")
        conflict = told[0]["conflict"]
        self.assertEqual(conflict["why"], "DOUBLE_USE")
        self.assertEqual(conflict["ticket"], ticket.name)
        self.assertEqual(conflict["persons"], 1)
        self.assertEqual(float(conflict["value"]), ticket.amount_total)
        row = self._row(second)
        self.assertEqual(row.conflict, "DOUBLE_USE")
        self.assertEqual(row.conflict_value, ticket.amount_total)
        self.assertTrue(row.to_review)
        self.assertEqual(ticket.entitlement_ids.entries_used, 1)
        # a repeat of the upload tells it again and keeps no second row
        [repeat] = self._results(second, device=self.other)
        self.assertEqual(
            (repeat["code"], repeat["conflict"]["why"]), ("REPEAT", "DOUBLE_USE")
        )
        self.assertEqual(len(self._row(second)), 1)

    def test_both_passes_of_a_double_use_are_one_click_away(self):
        ticket = self._today_ticket()
        given_back, first, second = (
            self._admitted(ticket, lane=lane) for lane in ("L1", "L2", "N1")
        )
        self._results(given_back, self._event("annulled", given_back["request_id"]))
        passed = self._event("passed", first["request_id"], lane="L2")
        self._results(first, passed)
        late = self._event("passed", second["request_id"], lane="N1")
        self._results(second, late, device=self.other)
        other = self._today_ticket()
        self._admit(other)

        supervisor = new_test_user(
            self.env, "both", "scenic_ticket_base.group_scenic_supervisor"
        )
        action = self._row(second).with_user(supervisor).action_both_passes()
        found = self.env["scenic.pass.event"].search(action["domain"])
        self.assertEqual(
            [(event.lane_code, event.phase, event.conflict) for event in found[::-1]],
            [
                ("L2", "authorised", False),
                ("L2", "passed", False),
                ("N1", "authorised", "DOUBLE_USE"),
                ("N1", "passed", False),
            ],
        )
        self.assertIn(ticket.name, action["name"])

    def test_what_was_refunded_or_void_meanwhile_is_a_conflict(self):
        for state, why in (("refunded", "REFUNDED"), ("void", "VOID")):
            with self.subTest(state):
                ticket = self._today_ticket()
                self._set_ticket(ticket, state=state)
                [told] = self._results(self._admitted(ticket))
                self.assertEqual(told["conflict"]["why"], why)
                self.assertEqual(ticket.entitlement_ids.entries_reserved, 0)

    def test_a_code_that_was_in_no_copy_finds_its_ticket(self):
        ticket = self._today_ticket()
        admitted = self._admitted(
            ticket,
            right=None,
            credential={"kind": "qr", "value": ticket._qr_token()},
        )
        [told] = self._results(admitted)
        self.assertEqual(told["code"], "OK")
        self.assertEqual(self._row(admitted).ticket_id, ticket)

    def test_a_right_of_another_company_opens_nothing_here(self):
        company = self.env["res.company"].create({"name": "Other Park"})
        ticket = self._today_ticket()
        ticket.sudo().company_id = company
        self.env.flush_all()
        [told] = self._results(self._admitted(ticket))
        self.assertEqual(told["conflict"]["why"], "UNKNOWN")
        self.assertEqual(ticket.entitlement_ids.entries_reserved, 0)

    def test_an_admission_names_a_right_or_a_code(self):
        event = self._admitted(self._today_ticket(), right=None)
        with self.assertRaises(gate_schema.SchemaError) as caught:
            gate_schema.check_report({"events": [event]})
        self.assertEqual(caught.exception.field, "events[0].right")

    def test_a_refusal_is_kept_and_moves_nothing(self):
        ticket = self._today_ticket()
        refused = self._event(
            "refused",
            code="TOO_EARLY",
            credential_kind="qr",
            mode="site",
            right=ticket.entitlement_ids.id,
        )
        self.assertEqual(self._report(refused), ["OK"])
        self.assertEqual(self._report(refused), ["REPEAT"])
        row = self.env["scenic.pass.event"].search([("uid", "=", refused["event_id"])])
        self.assertEqual(
            (row.phase, row.code, row.ticket_id), ("denied", "TOO_EARLY", ticket)
        )
        self.assertEqual(ticket.entitlement_ids.entries_left, 1)

    def test_people_without_a_ticket_are_counted(self):
        before = self.zone.headcount
        self._results(self._event("entry", count=4))
        self.assertEqual(self.zone.headcount, before + 4)
        self._results(self._event("exit", lane="X1", direction="out", count=1))
        self.assertEqual(self.zone.headcount, before + 3)

    def test_what_became_of_a_lane_is_kept(self):
        kinds = (
            *("mode", "emergency", "emergency_over", "fire", "fire_over"),
            *("pinch", "muted"),
        )
        events = [self._event(kind, note="free by server") for kind in kinds]
        self.assertEqual(
            [r["code"] for r in self._results(*events)], ["OK"] * len(kinds)
        )
        kept = self.env["scenic.pass.event"].search(
            [("uid", "in", [event["event_id"] for event in events])]
        )
        self.assertEqual(set(kept.mapped("phase")), set(kinds))

    # ------------------------------------------------------------------
    # The order of messages
    # ------------------------------------------------------------------

    def test_h4_a_replayed_number_is_refused(self):
        first, second = self._today_ticket(quantity=2)
        scan = self._scan(first._qr_token())
        self.assertEqual(self._validate(scan)[0]["code"], "ADMIT")
        [repeat] = self._validate(scan)
        self.assertEqual((repeat["code"], repeat["repeat"]), ("ADMIT", True))
        [replayed] = self._validate(self._scan(second._qr_token(), seq=scan["seq"]))
        self.assertEqual(replayed["code"], "SEQUENCE")
        self.assertEqual(second.entitlement_ids.entries_left, 1)
        [next_one] = self._validate(self._scan(second._qr_token()))
        self.assertEqual(next_one["code"], "ADMIT")

    def test_h4_an_old_number_is_refused(self):
        first, second, third = self._today_ticket(quantity=3)
        high = self._scan(first._qr_token(), seq=5000)
        self.assertEqual(self._validate(high)[0]["code"], "ADMIT")
        [old] = self._validate(self._scan(second._qr_token(), seq=3999))
        self.assertEqual(old["code"], "SEQUENCE")
        [late] = self._validate(self._scan(third._qr_token(), seq=4001))
        self.assertEqual(late["code"], "ADMIT")

    def test_a_new_key_begins_a_new_sequence(self):
        first, second = self._today_ticket(quantity=2)
        scan = self._scan(first._qr_token(), seq=5000)
        self._validate(scan)
        self.device._generate_key()
        [result] = self._validate(self._scan(second._qr_token(), seq=1))
        self.assertEqual(result["code"], "ADMIT")

    def test_a_fact_with_a_used_number_is_kept(self):
        event = self._event("fault", note="arm stuck")
        self._results(event)
        other = self._event("fault_cleared", seq=event["seq"])
        self.assertEqual(self._report(other), ["OK"])
        kept = self.env["scenic.pass.event"].search([("uid", "=", other["event_id"])])
        self.assertIn("seq reused", kept.note)


@tagged("post_install", "-at_install")
class TestDeviceKeys(GateHttpCase):
    def _status(self, key):
        token = self._today_ticket()._qr_token()
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "call",
            "params": {"scans": [self._scan(token)]},
        }
        response = self.url_open(
            "/scenic/gate/v1/validate",
            json=body,
            headers={"Authorization": f"Bearer {key}"},
        )
        return response.status_code

    def test_h4_a_rotated_key_leaves_no_gap(self):
        old = self.key
        self.assertEqual(self._status(old), 200)
        new = self.device._rotate_key()
        self.env.flush_all()
        # both work until the new one is used, and the old one five minutes longer
        self.assertEqual(self._status(old), 200)
        self.assertEqual(self._status(new), 200)
        self.assertEqual(self._status(old), 200)
        self.env.invalidate_all()
        device_sudo = self.device.sudo()
        self.assertTrue(device_sudo.old_key_until)
        device_sudo.old_key_until = fields.Datetime.now() - timedelta(seconds=1)
        self.env.flush_all()
        self.env.registry.clear_cache()
        self.assertEqual(self._status(old), 401)
        self.assertEqual(self._status(new), 200)

    def test_a_new_key_ends_all_others_at_once(self):
        old = self.key
        rotated = self.device._rotate_key()
        new = self.device._generate_key()
        self.env.flush_all()
        self.assertEqual(
            [self._status(key) for key in (old, rotated, new)], [401, 401, 200]
        )

    def test_only_a_device_with_a_key_rotates_it(self):
        self.device.action_revoke()
        with self.assertRaises(UserError):
            self.device._rotate_key()

    def test_only_a_manager_rotates_keys(self):
        operator = new_test_user(
            self.env, "gate_op", "scenic_ticket_base.group_scenic_gate_operator"
        )
        with self.assertRaises(AccessError):
            self.device.with_user(operator).action_rotate_key()

    def test_who_guesses_keys_has_to_wait(self):
        # no time passes: a slow machine would give a try back
        limit = RateLimit(clock=lambda: 0.0)
        with patch.object(ir_http, "_limit", limit):
            statuses = [self._status("sgk_" + "x" * 43) for _turn in range(25)]
            self.assertEqual(statuses, [401] * 20 + [429] * 5)
            self.assertEqual(self._status(self.key), 200)
