from datetime import timedelta

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..exceptions import OverrideError, ReasonMissingError
from .test_refund import RefundCommon

MODEL = "scenic.refund.override"


@tagged("post_install", "-at_install")
class TestRefundOverride(RefundCommon):
    """Used parts: never without supervisor, reason and a second person."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            login: new_test_user(
                cls.env, f"over_{login}", f"scenic_ticket_base.group_scenic_{group}"
            )
            for login, group in (
                ("cashier", "cashier"),
                ("supervisor", "supervisor"),
                ("second", "supervisor"),
                ("manager", "manager"),
                ("gate_operator", "gate_operator"),
                ("customer_service", "customer_service"),
                ("finance", "finance"),
                ("auditor", "auditor"),
            )
        }
        cls.ticket = cls._scenic_sell(cls.scenic_individual)

    def setUp(self):
        super().setUp()
        self._gate(self.ticket, "used", entries_used=1)

    def _act(self, login, method, *args, model=MODEL):
        return self._rpc(self.users[login], model, method, *args)

    def _request(self, login="cashier", ticket=None, **values):
        ticket = (ticket or self.ticket).with_user(self.users[login])
        return (
            self.env[MODEL]
            .with_user(self.users[login])
            ._request(ticket, "guest fell ill at the gate", **values)
        )

    def _approved(self, **values):
        override = self._request(**values)
        self._act("supervisor", "action_approve", override.ids)
        return override

    def test_b4_used_parts_need_supervisor_reason_and_second_person(self):
        self._assert_refused("TICKET_USED", self.ticket._refund, "R", "x")
        override = self._request()
        self._assert_refused(
            "OVERRIDE_NOT_APPROVED",
            self.ticket._refund,
            "R",
            "x",
            override=override,
            error=OverrideError,
        )
        self._act("supervisor", "action_approve", override.ids)
        refund = self.ticket._refund("R", "x", override=override)
        self.assertEqual((refund.cause, refund.amount_total), ("override", 100))
        self.assertEqual(refund.approver_id, self.users["supervisor"])
        self.assertEqual(override.state, "used")
        self.assertEqual(self.ticket.state, "refunded")
        self._assert_refused("TICKET_REFUNDED", self.ticket._refund, "R", "x")
        trail = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.ticket"), ("res_id", "=", self.ticket.id)]
        )
        self.assertLessEqual(
            {"ticket_refund_override", "ticket_refund"}, set(trail.mapped("action"))
        )

    def test_reason_is_needed(self):
        with self.assertRaises(ReasonMissingError):
            self.env[MODEL]._request(self.ticket, "  ")

    def test_money_of_a_recognised_part_is_taken_back(self):
        entries = self.env["scenic.revenue.entry"]
        entries._recognise(self.ticket.entitlement_ids, 1, self.visit_date)
        self.ticket._refund("R", "x", override=self._approved())
        found = entries.search([("ticket_id", "=", self.ticket.id)], order="id")
        self.assertEqual(
            [(entry.trigger, entry.amount) for entry in found],
            [("admission", 100), ("reversal", -100)],
        )
        self.assertEqual(
            (self.ticket.amount_recognised, self.ticket.amount_open), (0, 0)
        )
        self._assert_identity(self.ticket)
        entries._cron_post()
        lines = found.move_id.line_ids.filtered(
            lambda line: line.account_id == self.scenic_income
        )
        self.assertEqual(sum(lines.mapped("balance")), 0)

    def test_pass_that_is_recognised_later_earns_once(self):
        """The gate turns passes into revenue at night, after the refund."""
        self.ticket._refund("R", "x", override=self._approved())
        self._assert_identity(self.ticket)
        self.env["scenic.revenue.entry"]._recognise(
            self.ticket.entitlement_ids, 1, self.visit_date
        )
        self.assertEqual(
            (self.ticket.amount_recognised, self.ticket.amount_open), (0, 0)
        )
        self._assert_identity(self.ticket)

    def test_some_persons_of_a_group(self):
        ticket = self._scenic_sell(self.scenic_group, 4)
        self._gate(ticket, "part_used", entries_used=3)
        override = self._request(ticket=ticket, persons=2)
        self.assertEqual(override.amount_total, 160)
        self._act("supervisor", "action_approve", override.ids)
        ticket._refund("R", "x", override=override)
        right = ticket.entitlement_ids
        self.assertEqual((right.entries_refunded, right.entries_repaid), (1, 1))
        self.assertEqual((ticket.state, ticket.persons_refunded), ("used", 2))
        self._assert_identity(ticket)
        again = self._request(ticket=ticket)
        self.assertEqual(again.amount_total, 160)

    def test_nobody_agrees_to_his_own(self):
        override = self._request("supervisor")
        self._assert_refused(
            "OVERRIDE_SAME_PERSON",
            self._act,
            "supervisor",
            "action_approve",
            override.ids,
            error=OverrideError,
        )
        self._act("second", "action_approve", override.ids)
        self.assertEqual(override.approver_id, self.users["second"])

    @mute_logger("odoo.sql_db")
    def test_the_database_knows_that_two_persons_decide(self):
        override = self._request("supervisor").sudo()
        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.env.cr.execute(
                "UPDATE scenic_refund_override SET state = 'approved', "
                "approver_id = requester_id WHERE id = %s",
                [override.id],
            )
        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.env.cr.execute(
                "UPDATE scenic_refund_override SET state = 'approved' WHERE id = %s",
                [override.id],
            )

    def test_only_supervisors_decide(self):
        override = self._request()
        for login in ("cashier", "customer_service", "finance", "auditor"):
            for method in ("action_approve", "action_refuse"):
                with self.subTest(login=login), self.assertRaises(AccessError):
                    self._act(login, method, override.ids)
        self.assertEqual(override.state, "requested")

    def test_policy_can_ask_for_the_manager(self):
        self.scenic_policy.override = "manager"
        ticket = self._scenic_sell(self.scenic_individual)
        override = self._request(ticket=ticket)
        with self.assertRaises(AccessError):
            self._act("supervisor", "action_approve", override.ids)
        self._act("manager", "action_approve", override.ids)

    def test_policy_can_allow_no_exceptions(self):
        self.scenic_policy.override = "none"
        ticket = self._scenic_sell(self.scenic_individual)
        self._assert_refused(
            "OVERRIDE_NEVER", self._request, ticket=ticket, error=OverrideError
        )

    def test_who_may_ask(self):
        for login in ("gate_operator", "auditor"):
            with self.subTest(login=login), self.assertRaises(AccessError):
                self._request(login)

    def test_decided_once(self):
        override = self._request()
        self._act("supervisor", "action_refuse", override.ids)
        for method in ("action_approve", "action_refuse"):
            self._assert_refused(
                "OVERRIDE_DECIDED",
                self._act,
                "second",
                method,
                override.ids,
                error=OverrideError,
            )
        self._assert_refused(
            "OVERRIDE_NOT_APPROVED",
            self.ticket._refund,
            "R",
            "x",
            override=override,
            error=OverrideError,
        )

    def test_it_expires(self):
        override, late = self._approved(), fields.Datetime.now() + timedelta(hours=24)
        asked = self._request()
        with freeze_time(late):
            self._assert_refused(
                "OVERRIDE_EXPIRED",
                self.ticket._refund,
                "R",
                "x",
                override=override,
                error=OverrideError,
            )
            self._assert_refused(
                "OVERRIDE_EXPIRED",
                self._act,
                "supervisor",
                "action_approve",
                asked.ids,
                error=OverrideError,
            )

    def test_it_holds_for_its_ticket_and_once(self):
        other = self._scenic_sell(self.scenic_individual)
        group = self._scenic_sell(self.scenic_group, 4)
        override = self._approved(ticket=group, persons=1)
        for tickets in (other, self.ticket, group | other):
            self._assert_refused(
                "OVERRIDE_TICKET",
                tickets._refund,
                "R",
                "x",
                override=override,
                error=OverrideError,
            )
        group._refund("R", "x", override=override)
        self._assert_refused(
            "OVERRIDE_USED",
            group._refund,
            "R2",
            "x",
            override=override,
            error=OverrideError,
        )
        self.assertEqual(group.persons_refunded, 1)

    def test_nobody_makes_or_writes_one_by_rpc(self):
        override = self._request("supervisor")
        refund = self._scenic_sell(self.scenic_individual)._refund("R", "rain")
        now = fields.Datetime.to_string(fields.Datetime.now())
        forged = {
            "ticket_id": self.ticket.id,
            "persons": 0,
            "amount_total": 100,
            "reason": "forged",
            "requester_id": self.users["cashier"].id,
            "approver_id": self.users["manager"].id,
            "date_requested": now,
            "valid_until": now,
            "state": "approved",
        }
        for login in self.users:
            for model, ids, values in (
                (MODEL, override.ids, forged),
                ("scenic.refund", refund.ids, {"reason": "x"}),
                ("scenic.refund.line", refund.line_ids.ids, {"entries": 0}),
            ):
                for method, args in (
                    ("create", [[values]]),
                    ("write", [ids, {"create_uid": 1}]),
                    ("unlink", [ids]),
                ):
                    with (
                        self.subTest(login=login, model=model, method=method),
                        self.assertRaises(AccessError),
                    ):
                        self._act(login, method, *args, model=model)
        for method in ("_request", "_decide", "_use", "_check_usable", "_lock"):
            with self.subTest(method=method), self.assertRaises(AccessError):
                self._act("manager", method, override.ids)
        for method in ("_make", "_plan", "_prepare", "_write_parts"):
            with self.subTest(method=method), self.assertRaises(AccessError):
                self._act("manager", method, self.ticket.ids, model="scenic.refund")

    def test_who_reads_refunds(self):
        refund = self._scenic_sell(self.scenic_individual)._refund("R", "rain")
        for login in ("cashier", "customer_service", "finance", "auditor", "manager"):
            rows = self._act(
                login, "read", refund.ids, ["amount_total"], model="scenic.refund"
            )
            self.assertEqual(rows[0]["amount_total"], 100)
        with self.assertRaises(AccessError):
            self._act("gate_operator", "read", refund.ids, model="scenic.refund")

    def test_another_company_sees_nothing(self):
        refund = self._scenic_sell(self.scenic_individual)._refund("R", "rain")
        override = self._request()
        stranger = self._scenic_stranger("over_stranger")
        self.users = {**self.users, "stranger": stranger}
        for model, ids in (("scenic.refund", refund.ids), (MODEL, override.ids)):
            with self.subTest(model=model), self.assertRaises(AccessError):
                self._act("stranger", "read", ids, model=model)
        with self.assertRaises(AccessError):
            self._act("stranger", "action_approve", override.ids)
