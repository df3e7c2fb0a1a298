from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestReview(GateCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.supervisor = new_test_user(
            cls.env, "gate_supervisor", "scenic_ticket_base.group_scenic_supervisor"
        )

    def _to_review(self):
        return self.env["scenic.pass.event"].search([("to_review", "=", True)])

    def _review(self, events, decision, reason="seen by staff", user=None):
        action = events.with_user(user or self.supervisor).action_review()
        wizard = (
            self.env["scenic.pass.review"]
            .with_user(user or self.supervisor)
            .with_context(**action["context"])
            .create({"decision": decision, "reason": reason})
        )
        self.assertEqual(wizard.event_ids, events)
        wizard.action_confirm()

    def test_list(self):
        before = self._to_review()
        seen = self._pass(self._today_ticket())
        assumed = self._pass(self._today_ticket(), assumed=True)
        self.assertFalse(seen.to_review)
        self.assertTrue(assumed.to_review)
        self.assertEqual(self._to_review() - before, assumed)
        self.assertNotIn(
            assumed,
            self.env["scenic.pass.event"].search([("to_review", "=", False)]),
        )

    def test_keep(self):
        ticket = self._today_ticket()
        event = self._pass(ticket, assumed=True)
        self._review(event, "keep")
        self.assertNotIn(event, self._to_review())
        self.assertFalse(event.to_review)
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])
        follow = event.follow_ids
        self.assertEqual(
            (follow.phase, follow.note, follow.user_id),
            ("reviewed", "seen by staff", self.supervisor),
        )

    def test_give_back(self):
        ticket = self._today_ticket()
        event = self._pass(ticket, assumed=True)
        self.assertEqual(ticket.state, "used")
        self._review(event, "give_back")
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])
        self.assertEqual(ticket.state, "valid")
        self.assertEqual(event.follow_ids.phase, "returned")
        rows = self.env["scenic.admission.report"].search(
            [("ticket_id", "=", ticket.id)]
        )
        self.assertEqual(sum(rows.mapped("admitted")), 1)
        self.assertEqual(sum(rows.mapped("given_back")), 1)
        self.assertEqual(event.follow_ids.used_delta, -1)
        self.assertFalse(self._to_review() & event)
        self._admit(ticket)

    def test_give_back_of_a_conflict(self):
        ticket = self._today_ticket()
        request_id = self._admit(ticket)["request_id"]
        self._report(self._event("annulled", request_id))
        late = self._event("passed", request_id)
        self.assertEqual(self._report(late), ["CONFLICT"])
        self._review(self._find(late["event_id"]), "give_back")
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])

    def test_give_back_no_more_than_was_used(self):
        ticket = self._today_ticket(self.scenic_group, 3)
        event = self._pass(ticket, count=2, assumed=True)
        self._review(event, "give_back")
        self._review(event, "give_back")
        with self.assertRaisesRegex(UserError, "holds no entry"):
            self._review(event, "give_back")
        self.assertEqual(self._counts(ticket), [(3, 1, 0)])
        self.assertEqual(ticket.state, "valid")

    def test_give_back_what_a_dead_lane_holds(self):
        """The device never told the end of an admission, and never will."""
        ticket = self._today_ticket()
        result = self._admit(ticket)
        admission = self._find(result["request_id"])
        self._review(admission, "give_back", "device burnt out")
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])
        with self.assertRaisesRegex(UserError, "holds no entry"):
            self._review(admission, "give_back")
        # it comes back after all, and somebody had passed
        self.assertEqual(
            self._report(self._event("passed", result["request_id"])), ["CONFLICT"]
        )
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])

    def test_give_back_refused_once_it_is_revenue(self):
        ticket = self._today_ticket()
        event = self._pass(ticket, assumed=True)
        self.env["scenic.pass.event"]._recognise_revenue()
        with self.assertRaisesRegex(UserError, "recognised already"):
            self._review(event, "give_back")
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])
        self.assertFalse(event.follow_ids)

    def test_give_back_of_other_events(self):
        refused = self._validate(self._scan("nonsense"))[0]["request_id"]
        exit_ = self._event("exit")
        self._report(exit_)
        for uid in (refused, exit_["event_id"]):
            with self.assertRaisesRegex(UserError, "holds no entry"):
                self._review(self._find(uid), "give_back")

    def test_give_back_one_event_at_a_time(self):
        events = self._pass(self._today_ticket(), assumed=True)
        events |= self._pass(self._today_ticket(), assumed=True)
        with self.assertRaisesRegex(UserError, "one event at a time"):
            self._review(events, "give_back")
        self._review(events, "keep")
        self.assertFalse(self._to_review() & events)

    def test_reason_is_needed(self):
        event = self._pass(self._today_ticket(), assumed=True)
        for decision in ("keep", "give_back"):
            with self.assertRaisesRegex(UserError, "reason"):
                self._review(event, decision, "  ")

    def test_only_a_supervisor(self):
        event = self._pass(self._today_ticket(), assumed=True)
        for role in (
            "cashier",
            "gate_operator",
            "customer_service",
            "finance",
            "auditor",
        ):
            user = new_test_user(
                self.env, f"review_{role}", f"scenic_ticket_base.group_scenic_{role}"
            )
            for decision in ("keep", "give_back"):
                with self.assertRaises(AccessError):
                    self._review(event, decision, user=user)
            with self.assertRaises(AccessError):
                event.with_user(user)._give_back("mine")
        self.assertFalse(event.follow_ids)
