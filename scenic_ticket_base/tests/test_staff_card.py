from datetime import date, timedelta

from freezegun import freeze_time

from odoo.tests import Form, new_test_user, tagged

from ..exceptions import BookingError, MembershipError, ReasonMissingError
from .common import STAFF, ScenicCommon


@tagged("post_install", "-at_install")
class TestStaffCard(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.staff_product = cls._scenic_product(
            "Staff 员工卡",
            "staff",
            0,
            sale_ok=False,
            scenic_revenue_trigger="straight_line",
            scenic_validity_rule_id=cls.scenic_rule_sale.id,
        )
        cls.staff_product.scenic_component_ids.unlimited = True
        cls.manager = new_test_user(
            cls.env, "staff_manager", "scenic_ticket_base.group_scenic_manager"
        )
        cls.today = date.today()

    def _values(self, **values):
        return {
            "holder_name": "王强",
            "employee_no": "E-17",
            "date_from": self.today,
            "date_to": self.today + timedelta(days=400),
            **values,
        }

    def _issue(self, number="04A1B2C3", **values):
        return self.env["scenic.staff.card"]._issue(
            self.staff_product,
            self._values(**values),
            medium={"kind": "staff_card", "number": number},
        )

    def _assert_code(self, error, code, call, *args, **kwargs):
        with self.assertRaises(error) as caught, self.env.cr.savepoint():
            call(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)

    def test_c2_a_card_is_a_ticket_with_days_and_hours(self):
        card = self._issue(weekdays=31, minute_from=7 * 60, minute_to=19 * 60)
        ticket = card.ticket_id
        self.assertEqual(ticket.kind, "staff")
        self.assertEqual(ticket.amount_total, 0)
        self.assertEqual(ticket.channel_id.code, "staff")
        self.assertEqual(ticket.date_last, card.date_to)
        right = ticket.entitlement_ids
        self.assertTrue(right.unlimited)
        self.assertEqual(
            (right.weekdays, right.minute_from, right.minute_to), (31, 420, 1140)
        )
        self.assertEqual(card.state, "active")
        self.assertIn("07:00–19:00", card.hours_text)
        event = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.staff.card"), ("res_id", "=", card.id)]
        )
        self.assertEqual(event.action, "staff_issue")

    def test_c2_a_card_admits_in_its_period_only(self):
        with freeze_time("2026-03-01 04:00:00"):
            card = self._issue(date_from=date(2026, 3, 1), date_to=date(2026, 3, 31))
            self.assertEqual(card.state, "active")
        right = card.ticket_id.entitlement_ids
        self.assertEqual(str(right.valid_from), "2026-02-28 16:00:00")
        self.assertEqual(str(right.valid_to), "2026-03-31 16:00:00")
        with freeze_time("2026-03-31 15:59:00"):
            card.invalidate_recordset()
            self.assertEqual(card.state, "active")
        with freeze_time("2026-03-31 16:00:00"):
            card.invalidate_recordset()
            self.assertEqual(card.state, "lapsed")
            lapsed = self.env["scenic.staff.card"].search([("state", "=", "lapsed")])
            self.assertIn(card, lapsed)

    def test_c2_revoked_at_once_even_when_used(self):
        card = self._issue()
        card.ticket_id.entitlement_ids.sudo().entries_used = 1
        self.assertEqual(card.entry_count, 1)
        card.with_user(self.manager).action_revoke("left the company")
        self.assertEqual(card.state, "revoked")
        self.assertEqual(card.ticket_id.state, "void")
        self.assertFalse(any(card.ticket_id.credential_ids.mapped("active")))
        self.assertEqual(card.revoke_reason, "left the company")
        event = self.env["scenic.audit"].search([("action", "=", "staff_revoke")])[0]
        self.assertEqual((event.res_id, event.user_id), (card.id, self.manager))
        self._assert_code(MembershipError, "STAFF_REVOKED", card._revoke, "once more")

    def test_c2_a_reason_is_needed(self):
        card = self._issue()
        with self.assertRaises(ReasonMissingError):
            card._revoke("  ")
        self.assertEqual(card.state, "active")

    def test_c2_it_is_sold_to_nobody(self):
        line = self._scenic_line(self.staff_product, visit_date=None)
        hold = self.env["scenic.booking"]._hold
        self._assert_code(
            BookingError, "STAFF_NOT_SOLD", hold, "window", "STAFF-1", [line]
        )
        card = self._issue()
        line["staff_card_id"] = card.id
        self._assert_code(
            BookingError, "STAFF_CARD_INVALID", hold, "window", "STAFF-2", [line]
        )
        line["staff_card_id"] = "1 OR 1=1"
        self._assert_code(
            BookingError, "STAFF_CARD_INVALID", hold, "window", "STAFF-3", [line]
        )
        adult = self._scenic_line(self.scenic_individual, staff_card_id=card.id)
        self._assert_code(
            BookingError, "STAFF_CARD_INVALID", hold, "window", "STAFF-4", [adult]
        )

    def test_c2_bad_values_make_no_card(self):
        count = self.env["scenic.staff.card"].search_count([])
        for code, values, medium in (
            ("STAFF_IDENTITY_MISSING", {"employee_no": False}, True),
            ("STAFF_MEDIUM_MISSING", {}, False),
            ("STAFF_PERIOD", {"date_to": self.today - timedelta(days=1)}, True),
            ("STAFF_PERIOD", {"date_to": self.today + timedelta(days=9999)}, True),
            ("STAFF_PERIOD", {"weekdays": 0}, True),
            ("STAFF_PERIOD", {"minute_from": 600, "minute_to": 600}, True),
            ("STAFF_PERIOD", {"minute_to": 1441}, True),
        ):
            with self.subTest(code=code, values=values):
                self._assert_code(
                    MembershipError,
                    code,
                    self.env["scenic.staff.card"]._issue,
                    self.staff_product,
                    self._values(**values),
                    medium={"kind": "staff_card", "number": "0A0B0C0D"}
                    if medium
                    else None,
                )
        self._assert_code(
            BookingError,
            "STAFF_CARD_INVALID",
            self.env["scenic.staff.card"]._issue,
            self.scenic_individual,
            self._values(),
            medium={"kind": "staff_card", "number": "0A0B0C0D"},
        )
        self.assertEqual(self.env["scenic.staff.card"].search_count([]), count)

    def test_c2_the_manager_issues_one_by_id_document(self):
        number = self._scenic_citizen(5)
        wizards = self.env["scenic.staff.card.issue"].with_user(self.manager)
        with Form(wizards) as form:
            form.product_id = self.staff_product
            form.holder_name = "王强"
            form.doc_kind = "cn_id"
            form.doc_number = number
            form.date_to = self.today + timedelta(days=30)
            form.saturday = form.sunday = False
            form.hour_from, form.hour_to = 8.5, 18
        wizard = form.record
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT t::text FROM scenic_staff_card_issue t WHERE id = %s", [wizard.id]
        )
        self.assertNotIn(number, self.env.cr.fetchone()[0])
        action = wizard.action_apply()
        card = self.env["scenic.staff.card"].browse(action["res_id"])
        right = card.ticket_id.entitlement_ids
        self.assertEqual(
            (right.weekdays, right.minute_from, right.minute_to), (31, 510, 1080)
        )
        found = self.env["scenic.credential"]._find(number)
        self.assertEqual(found.ticket_id, card.ticket_id)
        self.assertEqual(card.visitor_id, card.ticket_id.visitor_id)
        # who is on the blacklist gets none
        self.env["scenic.blacklist"]._block(card.visitor_id, "theft")
        form = Form(wizards)
        form.product_id = self.staff_product
        form.holder_name = "王强"
        form.doc_kind = "cn_id"
        form.doc_number = number
        form.date_to = self.today
        self._assert_code(BookingError, "VISITOR_BLOCKED", form.save().action_apply)

    def test_c2_no_visitor_and_no_sale(self):
        """Figures of customers and of member cards leave the staff out."""
        card = self._issue()
        ticket = card.ticket_id
        self.assertFalse(ticket.membership_id)
        self.assertFalse(ticket.amount_open)
        found = self.env["scenic.staff.card"]._read_group(
            [("id", "=", card.id)], ["state"], ["entry_count:sum", "__count"]
        )
        self.assertEqual(found, [("active", 0, 1)])

    def test_c2_rights(self):
        card = self._issue()
        wizard_values = {
            "product_id": self.staff_product.id,
            "holder_name": "x",
            "employee_no": "1",
            "card_number": "11223344",
            "date_to": str(self.today),
        }
        others = [role for role in STAFF if role != "manager"]
        for user in self._scenic_users("staff", others).values():
            for model, method, args in (
                ("scenic.staff.card", "create", [[{"holder_name": "x"}]]),
                ("scenic.staff.card", "write", [card.ids, {"holder_name": "x"}]),
                ("scenic.staff.card", "unlink", [card.ids]),
                ("scenic.staff.card", "action_revoke", [card.ids, "because"]),
                ("scenic.staff.card", "_revoke", [card.ids, "because"]),
                ("scenic.staff.card", "_issue", [self.staff_product.id, {}]),
                ("scenic.staff.card.issue", "create", [[wizard_values]]),
                ("scenic.staff.card.revoke", "create", [[{"reason": "x"}]]),
            ):
                self._assert_denied(user, model, method, *args)
        for method, args in (
            ("create", [[{"holder_name": "x"}]]),
            ("write", [card.ids, {"date_to": "2099-01-01"}]),
            ("unlink", [card.ids]),
        ):
            self._assert_denied(self.manager, "scenic.staff.card", method, *args)
        self.assertEqual(card.state, "active")
