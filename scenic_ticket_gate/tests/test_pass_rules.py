import random
import uuid

import psycopg2.errors

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_gate.tools import gate_schema

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestPassRules(GateCommon):
    """What admissions, passes and annulments do to the entries of a ticket."""

    def _assert_log_explains(self, tickets):
        """The entries of a ticket are the sums of its events, always."""
        self.env.invalidate_all()
        for right in tickets.entitlement_ids:
            events = self.env["scenic.pass.event"].search(
                [("entitlement_id", "=", right.id)]
            )
            self.assertEqual(
                sum(events.mapped("reserved_delta")), right.entries_reserved
            )
            self.assertEqual(sum(events.mapped("used_delta")), right.entries_used)
            self.assertEqual(
                right.entries_total,
                right.entries_used + right.entries_reserved + right.entries_left,
            )
            self.assertGreaterEqual(right.entries_left, 0)

    def test_annulled_gives_the_entry_back(self):
        ticket = self._today_ticket()
        request_id = self._admit(ticket)["request_id"]
        self.assertEqual(self._report(self._event("annulled", request_id)), ["OK"])
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])
        self._admit(ticket)

    def test_annulled_without_count_gives_all_back(self):
        """A device that lost the answer cannot know how many were reserved."""
        ticket = self._today_ticket(self.scenic_group, 9)
        request_id = self._admit(ticket)["request_id"]
        self._report(self._event("passed", request_id, count=2))
        event = self._event("annulled", request_id, count=None)
        self.assertEqual(self._report(event), ["OK"])
        self.assertEqual(self._find(event["event_id"]).reserved_delta, -7)
        self.assertEqual(self._counts(ticket), [(9, 0, 2)])
        again = self._event("annulled", request_id, count=None)
        self.assertEqual(self._report(again), ["OK"])
        self.assertEqual(self._counts(ticket), [(9, 0, 2)])
        self._assert_log_explains(ticket)

    def test_annulled_before_asked_makes_the_request_unusable(self):
        ticket = self._today_ticket()
        scan = self._scan(ticket._qr_token())
        annulled = self._event("annulled", scan["request_id"])
        self.assertEqual(self._report(annulled), ["OK"])
        [result] = self._validate(scan)
        self.assertEqual(
            (result["decision"], result["code"], result["passes"]), ("deny", "VOID", 0)
        )
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])
        self.assertEqual(self._report(annulled), ["REPEAT"])
        again = self._event("annulled", scan["request_id"])
        self.assertEqual(self._report(again), ["OK"])
        self._admit(ticket)

    def test_annulled_after_a_refusal_is_fine(self):
        ticket = self._today_ticket()
        ticket._freeze("dispute")
        [result] = self._validate(self._scan(ticket._qr_token()))
        self.assertEqual(
            self._report(self._event("annulled", result["request_id"])), ["OK"]
        )

    def test_annulled_twice(self):
        ticket = self._today_ticket()
        request_id = self._admit(ticket)["request_id"]
        self._report(self._event("annulled", request_id))
        self.assertEqual(
            self._report(self._event("annulled", request_id)), ["CONFLICT"]
        )
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])
        self._assert_log_explains(ticket)

    def test_annulled_after_passed(self):
        ticket = self._today_ticket()
        request_id = self._admit(ticket)["request_id"]
        self._report(self._event("passed", request_id))
        self.assertEqual(
            self._report(self._event("annulled", request_id)), ["CONFLICT"]
        )
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])
        self._assert_log_explains(ticket)

    def test_passed_after_annulled_uses_the_free_entry(self):
        """Somebody went in late: the ticket must not open a second time."""
        ticket = self._today_ticket()
        request_id = self._admit(ticket)["request_id"]
        self._report(self._event("annulled", request_id))
        self.assertEqual(self._report(self._event("passed", request_id)), ["CONFLICT"])
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])
        self.assertEqual(ticket.state, "used")
        [result] = self._validate(self._scan(ticket._qr_token()))
        self.assertEqual(result["code"], "USED")
        self._assert_log_explains(ticket)

    def test_passed_after_annulled_and_admitted_again(self):
        """The only entry is held by another lane: kept as a fact, nothing moves."""
        ticket = self._today_ticket()
        first = self._admit(ticket)["request_id"]
        self._report(self._event("annulled", first))
        second = self._admit(ticket)["request_id"]
        self.assertEqual(self._report(self._event("passed", first)), ["CONFLICT"])
        self.assertEqual(self._counts(ticket), [(1, 1, 0)])
        self.assertEqual(self._report(self._event("passed", second)), ["OK"])
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])
        self._assert_log_explains(ticket)

    def test_passed_after_refund_moves_nothing(self):
        ticket = self._today_ticket()
        request_id = self._admit(ticket)["request_id"]
        self._report(self._event("annulled", request_id))
        ticket._refund("RF1", "changed plans")
        self.assertEqual(self._report(self._event("passed", request_id)), ["CONFLICT"])
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])
        self.assertEqual(ticket.state, "refunded")

    def test_passed_more_than_reserved(self):
        ticket = self._today_ticket(self.scenic_group, 5)
        request_id = self._admit(ticket)["request_id"]
        event = self._event("passed", request_id, count=7)
        self.assertEqual(self._report(event), ["CONFLICT"])
        kept = self._find(event["event_id"])
        self.assertEqual((kept.passes, kept.used_delta), (7, 5))
        self.assertEqual(self._counts(ticket), [(5, 0, 5)])
        self._assert_log_explains(ticket)

    def test_passed_without_admission(self):
        event = self._event("passed", str(uuid.uuid4()))
        self.assertEqual(self._report(event), ["CONFLICT"])
        self.assertFalse(self._find(event["event_id"]).ticket_id)
        self.assertEqual(self._report(event), ["REPEAT"])

    def test_passed_after_a_refusal(self):
        [result] = self._validate(self._scan("nonsense"))
        self.assertEqual(
            self._report(self._event("passed", result["request_id"])), ["CONFLICT"]
        )

    def test_passed_of_a_frozen_ticket(self):
        """Frozen between admission and pass: the pass counts, the state stays."""
        ticket = self._today_ticket(self.scenic_group, 2)
        request_id = self._admit(ticket)["request_id"]
        ticket._freeze("dispute")
        self.assertEqual(self._report(self._event("passed", request_id)), ["OK"])
        self.assertEqual(self._counts(ticket), [(2, 1, 1)])
        self.assertEqual(ticket.state, "frozen")
        ticket._unfreeze("settled")
        self.assertEqual(ticket.state, "part_used")

    def test_request_of_another_device(self):
        """The ids of one device mean nothing to another."""
        other = self.env["scenic.device"].create(
            {"name": "north-1", "site_id": self.scenic_area.id}
        )
        self._lane("L1", device_id=other.id)
        other._generate_key()
        ticket = self._today_ticket()
        scan = self._scan(ticket._qr_token())
        self._validate(scan)
        [stolen] = self._validate(scan, device=other)
        self.assertEqual((stolen["code"], stolen["repeat"]), ("IN_USE", False))
        self.assertEqual(
            self._report(self._event("annulled", scan["request_id"]), device=other),
            ["OK"],
        )
        self.assertEqual(self._counts(ticket), [(1, 1, 0)])

    def test_same_id_for_request_and_event(self):
        """A device that uses one id for both loses nothing."""
        ticket = self._today_ticket()
        request_id = self._admit(ticket)["request_id"]
        event = self._event("passed", request_id, event_id=request_id)
        self.assertEqual(self._report(event), ["OK"])
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])

    def test_refund_waits_for_the_lane(self):
        ticket = self._today_ticket()
        self._admit(ticket)
        with self.assertRaises(Exception) as caught:
            ticket._refund("RF1", "changed plans")
        self.assertEqual(caught.exception.code, "TICKET_RESERVED")

    def test_clock_of_the_device_is_bounded(self):
        ticket = self._today_ticket()
        result = self._admit(ticket)
        admission = self._find(result["request_id"])
        early = self._event("passed", result["request_id"], at="1999-01-01T00:00:00Z")
        late = self._event("exit", at=self._now(days=400))
        self.assertEqual(self._report(early, late), ["OK", "OK"])
        early, late = self._find(early["event_id"]), self._find(late["event_id"])
        self.assertEqual(early.event_time, admission.event_time)
        self.assertEqual(early.device_time.year, 1999)
        self.assertLessEqual(late.event_time, late.received_time)

    def test_offset_is_understood(self):
        event = self._event("exit", at="2026-11-01T08:30:00.5+08:00")
        self._report(event)
        kept = self._find(event["event_id"])
        self.assertEqual(str(kept.event_time)[:21], "2026-11-01 00:30:00.5")

    def test_number_of_statements(self):
        tickets = self._today_ticket(quantity=20)
        scans = [self._scan(ticket._qr_token()) for ticket in tickets]
        events = [self._event("passed", scan["request_id"]) for scan in scans]
        self._admit(self._today_ticket())
        device = self.device.sudo()
        scans = gate_schema.check_validate({"scans": scans})
        events = gate_schema.check_report({"events": events})
        with self.assertQueryCount(2):
            answer = device._gate_validate(self.key_hash, scans)
        self.assertEqual({r["code"] for r in answer["results"]}, {"ADMIT"})
        with self.assertQueryCount(1):
            answer = device._gate_report(self.key_hash, events)
        self.assertEqual({r["code"] for r in answer["results"]}, {"OK"})

    def test_entries_can_never_exceed_the_total(self):
        ticket = self._today_ticket()
        for values in ("entries_used = 2", "entries_reserved = -1"):
            with (
                self.assertRaises(psycopg2.errors.CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(
                    f"UPDATE scenic_entitlement SET {values} WHERE ticket_id = %s",
                    [ticket.id],
                )

    def test_any_order_of_messages(self):
        """Random messages, repeats and lies: entries are conserved throughout."""
        rng = random.Random(20261123)
        tickets = (
            self._today_ticket(quantity=2)
            | self._today_ticket(self.scenic_group, 6)
            | self._today_ticket(self.scenic_combo)
        )
        tokens = [ticket._qr_token() for ticket in tickets]
        scans, events, codes = [], [], set()
        for _step in range(150):
            roll = rng.random()
            if roll < 0.35 or not scans:
                scan = self._scan(
                    rng.choice(tokens), lane=rng.choice(["L1", "L2", "C1"])
                )
                scans.append(scan)
                codes.update(r["code"] for r in self._validate(scan))
            elif roll < 0.45:
                batch = rng.choices(scans, k=3)
                self.assertTrue(all(r["repeat"] for r in self._validate(*batch)))
            elif roll < 0.55 and events:
                batch = rng.choices(events, k=3)
                self.assertEqual(self._report(*batch), ["REPEAT"] * 3)
            else:
                request_id = rng.choice(scans)["request_id"]
                if rng.random() < 0.1:
                    request_id = str(uuid.uuid4())
                event = self._event(
                    rng.choice(["passed", "passed", "annulled"]),
                    request_id,
                    count=rng.choice([1, 1, 1, 2, 6]),
                )
                events.append(event)
                codes.update(self._report(event))
            self._assert_log_explains(tickets)
        self.assertLessEqual({"ADMIT", "USED", "OK", "CONFLICT"}, codes)
        for ticket in tickets:
            used = sum(ticket.entitlement_ids.mapped("entries_used"))
            total = sum(ticket.entitlement_ids.mapped("entries_total"))
            expected = "used" if used == total else "part_used" if used else "valid"
            self.assertEqual(ticket.state, expected)
