import json

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, HttpCase, tagged

from odoo.addons.scenic_ticket_base.tests.browser import BrowserMixin

from .common import GateCommon, GateMixin

WAIT_FOR_ROW = """.then((answer) => {
    if (!answer.ok) console.error(`report: ${answer.status}`);
    const wait = setInterval(() => {
        const row = document.querySelector(".o_data_row");
        if (row && row.textContent.includes("left wing")) {
            clearInterval(wait);
            console.log("test successful");
        }
    }, 100);
});"""


@tagged("post_install", "-at_install")
class TestLaneCounter(GateCommon):
    """E2: at an exit without a barrier an operator counts who leaves."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._scenic_users(
            "count", ("gate_operator", "cashier", "supervisor", "auditor")
        )
        cls.pool = cls.env["scenic.capacity.pool"].create(
            {
                "name": "Inside",
                "site_id": cls.scenic_area.id,
                "kind": "instant",
                "capacity": 100,
            }
        )
        cls.exit = cls._lane("M1", kind="manual", direction="out")

    def setUp(self):
        super().setUp()
        self._report(self._event("entry", count=30))
        self.lane_exit = self.exit.with_user(self.users["gate_operator"])

    def _inside(self):
        self.env.invalidate_all()
        headcount = self.env["scenic.headcount"].search(
            [("pool_id", "=", self.pool.id)]
        )
        self.assertEqual(self.zone.headcount, headcount.people)
        return headcount.people

    def _reported(self):
        rows = self.env["scenic.admission.report"].search(
            [("lane_id", "=", self.exit.id)]
        )
        return sum(rows.mapped("gone"))

    def test_counted_people_leave(self):
        self.assertEqual(self._inside(), 30)
        self.lane_exit.action_count_one()
        self.lane_exit.action_count_five()
        action = self.lane_exit.action_count_group()
        wizard = self.env[action["res_model"]].with_user(self.users["gate_operator"])
        with Form(wizard.with_context(**action["context"])) as form:
            form.people = 12
        form.record.action_confirm()
        self.assertEqual((self._inside(), self.lane_exit.left_today), (12, 18))
        events = self.env["scenic.pass.event"].search([("lane_id", "=", self.exit.id)])
        self.assertEqual(events.mapped("passes"), [12, 5, 1])
        self.assertEqual(set(events.mapped("phase")), {"exit"})
        self.assertEqual(events.user_id, self.users["gate_operator"])
        self.assertEqual(set(events.mapped("note")), {self.lane_exit.env.user.name})

    def test_last_count_is_taken_back_once(self):
        self.lane_exit.action_count_one()
        self.lane_exit.action_count_five()
        self.lane_exit.action_uncount()
        self.assertEqual((self._inside(), self.lane_exit.left_today), (29, 1))
        self.assertEqual(self._reported(), 1)
        self.lane_exit.action_uncount()
        self.assertEqual((self._inside(), self.lane_exit.left_today), (30, 0))
        with self.assertRaises(UserError):
            self.lane_exit.action_uncount()
        self.assertEqual(self._inside(), 30)

    def test_no_count_of_others_and_no_old_one_is_taken_back(self):
        self.lane_exit.action_count_five()
        other = self._scenic_users("other", ("gate_operator",))["gate_operator"]
        with self.assertRaises(UserError):
            self.exit.with_user(other).action_uncount()
        self.env.cr.execute(
            "ALTER TABLE scenic_pass_event DISABLE TRIGGER USER;"
            "UPDATE scenic_pass_event SET event_time = event_time - interval '61 s' "
            "WHERE lane_id = %s;"
            "ALTER TABLE scenic_pass_event ENABLE TRIGGER USER",
            [self.exit.id],
        )
        with self.assertRaises(UserError):
            self.lane_exit.action_uncount()
        self.assertEqual(self._inside(), 25)

    def test_who_counts_and_where(self):
        for role in ("cashier", "supervisor", "auditor"):
            lane = self.exit.with_user(self.users[role])
            for act in (
                lane.action_count_one,
                lane.action_count_five,
                lane.action_uncount,
            ):
                with self.assertRaises(AccessError):
                    act()
            with self.assertRaises(AccessError):
                self.env["scenic.lane.count"].with_user(self.users[role]).create(
                    {"lane_id": self.exit.id, "people": 3}
                )
        entry = self._lane("M2", kind="manual")
        for lane in (self.lane, self.lane_out, entry):
            with self.assertRaises(UserError):
                lane.with_user(self.users["gate_operator"]).action_count_one()
        for count in (0, -5, 1001):
            with self.assertRaises(UserError):
                self.lane_exit._count_people(count)
        self.assertEqual(self._inside(), 30)


@tagged("post_install", "-at_install")
class TestAlarms(BrowserMixin, GateMixin, HttpCase):
    def test_alarm_shows_up_by_itself(self):
        """The list is open when the alarm comes, and nobody touches it."""
        self._drop_missing_library()
        operator = self._scenic_users("alarm", ("gate_operator",))["gate_operator"]
        action = self.env.ref("scenic_ticket_gate.scenic_pass_event_action_alarm")
        event = self._event("pinch", note="left wing")
        call = {
            "method": "POST",
            "headers": {
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                "X-Odoo-Database": self.env.cr.dbname,
            },
            "body": json.dumps(
                {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "method": "call",
                    "params": {"events": [event]},
                }
            ),
        }
        self.browser_js(
            f"/odoo/action-{action.id}",
            f"fetch('/scenic/gate/v1/report', {json.dumps(call)})" + WAIT_FOR_ROW,
            "!!document.querySelector('.o_view_nocontent_smiling_face')",
            login=operator.login,
            timeout=120,
        )
