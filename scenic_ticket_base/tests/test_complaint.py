from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import Form, new_test_user, tagged

from ..exceptions import ComplaintError
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestComplaint(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = new_test_user(
            cls.env,
            "complaint_service",
            "scenic_ticket_base.group_scenic_customer_service",
        )
        cls.ticket = cls._scenic_sell(cls.scenic_individual)

    def _complaint(self, **values):
        return (
            self.env["scenic.complaint"]
            .with_user(self.service)
            .create({"subject": "Queue", "description": "Two hours.", **values})
        )

    def _assert_code(self, code, call, *args):
        with self.assertRaises(ComplaintError) as caught, self.env.cr.savepoint():
            call(*args)
        self.assertEqual(caught.exception.code, code)

    def test_f5_a_complaint_is_taken_on_answered_and_closed(self):
        complaint = self._complaint()
        self.assertRegex(complaint.name, r"^CP\d{5}$")
        complaint.action_start()
        self.assertEqual(complaint.user_id, self.service)
        complaint.answer = "We opened two more lanes."
        complaint.action_answer()
        self.assertTrue(complaint.date_answered)
        complaint.action_close()
        self.assertEqual(complaint.state, "closed")
        self.assertTrue(complaint.date_closed)
        complaint.action_start()
        self.assertEqual(complaint.state, "in_progress")
        self.assertFalse(complaint.date_closed)

    def test_f5_no_step_is_left_out(self):
        complaint = self._complaint()
        self._assert_code("COMPLAINT_STATE", complaint.write, {"state": "answered"})
        self._assert_code("COMPLAINT_ANSWER_MISSING", complaint.action_close)
        complaint.action_start()
        self._assert_code("COMPLAINT_ANSWER_MISSING", complaint.action_answer)
        self._assert_code("COMPLAINT_STATE", complaint.write, {"state": "new"})
        self._assert_code("COMPLAINT_STATE", complaint.write, {"state": "gone"})
        self.assertEqual(complaint.state, "in_progress")

    def test_f5_it_begins_new(self):
        with self.assertRaises(ComplaintError):
            self._complaint(state="closed")

    def test_f5_the_ticket_says_whom_and_where_it_is_about(self):
        partner = self.env["res.partner"].create({"name": "Guest"})
        ticket = self._scenic_sell(self.scenic_individual)
        ticket.sudo().partner_id = partner
        with Form(self.env["scenic.complaint"].with_user(self.service)) as form:
            form.subject = "Wrong price"
            form.description = "Paid twice."
            form.ticket_id = ticket
        complaint = form.record
        self.assertEqual(complaint.booking_id, ticket.booking_id)
        self.assertEqual(complaint.site_id, self.scenic_area)
        self.assertEqual(complaint.partner_id, partner)

    def test_f5_another_company_is_another_book(self):
        company = self.env["res.company"].create({"name": "Other Park"})
        with self.assertRaises(ValidationError):
            self.env["scenic.complaint"].create(
                {
                    "subject": "x",
                    "description": "x",
                    "ticket_id": self.ticket.id,
                    "company_id": company.id,
                }
            )

    def test_f5_rights(self):
        complaint = self._complaint()
        self.service.company_ids = [
            Command.link(self.env["res.company"].create({"name": "Elsewhere"}).id)
        ]
        values = {"subject": "y", "description": "y"}
        model = "scenic.complaint"
        for role, may_read, may_write in (
            ("cashier", False, False),
            ("gate_operator", False, False),
            ("finance", False, False),
            ("supervisor", True, False),
            ("auditor", True, False),
            ("customer_service", True, True),
            ("manager", True, True),
        ):
            user = new_test_user(
                self.env,
                f"complaint_{role}",
                f"scenic_ticket_base.group_scenic_{role}",
            )
            for method, args, allowed in (
                ("read", [complaint.ids, ["subject"]], may_read),
                ("create", [[values]], may_write),
                ("write", [complaint.ids, {"subject": "z"}], may_write),
                ("unlink", [complaint.ids], False),
            ):
                self._assert_right(allowed, user, model, method, *args)
