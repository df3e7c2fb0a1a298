from datetime import timedelta

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.scenic_ticket_base.exceptions import (
    MembershipError,
    ReasonMissingError,
)

from .test_entry_rules import MONDAY, EntryCommon


@tagged("post_install", "-at_install")
class TestStaff(EntryCommon):
    """Staff cards open permitted lanes and hours, and are no visitors (C2)."""

    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        cls.staff_product = cls._scenic_product(
            "员工卡",
            "staff",
            0,
            sale_ok=False,
            scenic_revenue_trigger="straight_line",
            scenic_validity_rule_id=cls.scenic_rule_sale.id,
        )
        component = cls.staff_product.product_tmpl_id.scenic_component_ids
        component.write({"unlimited": True})
        cls.staff_component = component
        cls.staff_ticket = (
            cls.env["scenic.staff.card"]
            ._issue(
                cls.staff_product,
                {
                    "holder_name": "王五",
                    "employee_no": "0815",
                    "date_from": MONDAY,
                    "date_to": MONDAY + timedelta(days=99),
                    "weekdays": 1 + 2 + 4 + 8 + 16,
                    "minute_from": 420,
                    "minute_to": 1260,
                },
                medium={"kind": "staff_card", "number": "04A2B3C4"},
            )
            .ticket_id
        )

    def test_c2_hours(self):
        for day, clock, code in (
            (0, "06:59", "STAFF_HOURS"),
            (0, "07:00", "ADMIT"),
            (4, "21:00", "STAFF_HOURS"),
            (5, "12:00", "STAFF_HOURS"),
        ):
            ticket = self.staff_ticket
            self._set_rights(ticket, entries_reserved=0)
            result = self._scan_at(ticket, self._at(MONDAY + timedelta(day), clock))
            self.assertEqual(result["code"], code, (day, clock))
        self.assertEqual(
            result["remedy"]["zh"], "允许时间：周一、周二、周三、周四、周五 07:00–21:00"
        )

    def test_c2_lanes_of_the_product(self):
        self.assertEqual(self._code_at(self.staff_ticket, MONDAY), "ADMIT")
        self._set_rights(self.staff_ticket, entries_reserved=0)
        self.staff_component.lane_ids = self.lane_two
        self.env.flush_all()
        self.assertEqual(self._code_at(self.staff_ticket, MONDAY), "STAFF_LANE")
        self.assertEqual(self._code_at(self.staff_ticket, MONDAY, lane="L2"), "ADMIT")

    def test_c2_lanes_of_the_card(self):
        self.staff_component.lane_ids = self.lane | self.lane_two
        self._set_ticket(self.staff_ticket, lane_ids=self.lane_two.ids)
        self.assertEqual(self._code_at(self.staff_ticket, MONDAY), "STAFF_LANE")
        self.assertEqual(self._code_at(self.staff_ticket, MONDAY, lane="L2"), "ADMIT")
        # both lists count
        self._set_rights(self.staff_ticket, entries_reserved=0)
        self.staff_component.lane_ids = self.lane
        self.env.flush_all()
        self.assertEqual(
            self._code_at(self.staff_ticket, MONDAY, lane="L2"), "STAFF_LANE"
        )

    def test_c2_lanes_of_visitors_are_not_limited(self):
        self._component(self.scenic_individual).lane_ids = self.lane_two
        self.assertEqual(self._code_at(self._days_ticket(), MONDAY), "ADMIT")

    def test_c2_lane_must_lead_to_the_site(self):
        with self.assertRaisesRegex(ValidationError, "does not lead to"):
            self.staff_component.lane_ids = self.lane_cave

    def test_c2_never_a_visitor(self):
        before = self.zone.headcount
        passed = self._enter_at(self.staff_ticket, MONDAY)
        left = self._leave_at(self.staff_ticket, MONDAY, "18:00")
        for event in (passed, left):
            self.assertTrue(event.staff)
            self.assertEqual(event.ticket_id, self.staff_ticket)
            self.assertFalse(event.zone_from_id or event.zone_to_id)
        self.zone.invalidate_recordset(["headcount"])
        self.assertEqual(self.zone.headcount, before)
        admission = passed.origin_id
        self.assertTrue(admission.staff)
        # the entries of the card are counted all the same
        self.assertEqual(self.staff_ticket.entitlement_ids.entries_used, 1)

    def test_c2_not_among_the_admissions(self):
        report = self.env["scenic.admission.report"]
        before = report.search_count([])
        self._enter_at(self.staff_ticket, MONDAY)
        self._leave_at(self.staff_ticket, MONDAY, "17:00")
        self.assertEqual(report.search_count([]), before)

    def test_c2_never_revenue(self):
        self._enter_at(self.staff_ticket, MONDAY)
        self.env["scenic.pass.event"]._recognise_revenue()
        self.assertFalse(
            self.env["scenic.revenue.entry"].search(
                [("ticket_id", "=", self.staff_ticket.id)]
            )
        )

    def test_c2_not_bound_to_opening_hours_and_blackouts(self):
        self.scenic_area.opening_hours_ids = [
            (0, 0, {"name": "Usual", "time_open": 9, "time_close": 17})
        ]
        self.scenic_rule_sale.blackout_ids = [
            (0, 0, {"name": "Event", "date_from": MONDAY, "date_to": MONDAY})
        ]
        self.env.flush_all()
        self.assertEqual(self._code_at(self.staff_ticket, MONDAY, "07:30"), "ADMIT")

    def test_c2_lanes_are_set_by_the_manager_with_a_reason(self):
        card = self.env["scenic.staff.card"].search(
            [("ticket_id", "=", self.staff_ticket.id)]
        )
        manager = self._user("manager")
        wizard = (
            self.env["scenic.staff.lanes"]
            .with_user(manager)
            .create(
                {
                    "card_ids": card.ids,
                    "lane_ids": self.lane_two.ids,
                    "reason": "works at the south gate",
                }
            )
        )
        wizard.action_apply()
        self.env.flush_all()
        self.assertEqual(card.lane_ids, self.lane_two)
        self.assertEqual(self._code_at(self.staff_ticket, MONDAY), "STAFF_LANE")
        event = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.staff.card"), ("res_id", "=", card.id)],
            limit=1,
            order="id desc",
        )
        self.assertEqual(event.reason, "works at the south gate")
        self.assertIn("Lane 2", str(event.after))
        with self.assertRaises(MembershipError) as caught:
            card.action_set_lanes(self.lane_cave.ids, "wrong place")
        self.assertEqual(caught.exception.code, "STAFF_LANE")
        with self.assertRaises(ReasonMissingError):
            card.action_set_lanes([], " ")
        self.assertEqual(card.lane_ids, self.lane_two)

    def test_c2_nobody_else_sets_lanes(self):
        card = self.env["scenic.staff.card"].search(
            [("ticket_id", "=", self.staff_ticket.id)]
        )
        for role in ("gate_operator", "supervisor", "cashier", "auditor"):
            with self.assertRaises(AccessError):
                card.with_user(self._user(role)).action_set_lanes([], "x")
            with self.assertRaises(AccessError):
                self.staff_ticket.with_user(self._user(role)).lane_ids = False

    def test_c2_staff_entries_are_a_list_of_their_own(self):
        self._enter_at(self._days_ticket(), MONDAY)
        self._enter_at(self.staff_ticket, MONDAY)
        self._code_at(self.staff_ticket, MONDAY, "22:00")
        self._leave_at(self.staff_ticket, MONDAY, "18:00")
        action = self.env.ref("scenic_ticket_gate.scenic_pass_event_action_staff")
        events = (
            self.env["scenic.pass.event"]
            .with_user(self._user("gate_operator"))
            .search(safe_eval(action.domain))
        )
        self.assertEqual(events.ticket_id, self.staff_ticket)
        self.assertEqual(sorted(events.mapped("phase")), ["denied", "exit", "passed"])
        self.assertEqual(set(events.mapped("holder_name")), {"王五"})
        self.assertEqual(set(events.mapped("employee_no")), {"0815"})

    def _user(self, role):
        login = f"staff_{role}"
        user = self.env["res.users"].search([("login", "=", login)])
        return user or new_test_user(
            self.env, login, f"scenic_ticket_base.group_scenic_{role}"
        )
