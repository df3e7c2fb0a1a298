from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestCustomer(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.env["res.partner"].create(
            {"name": "Firm", "is_company": True, "email": "firm@example.com"}
        )
        cls.buyer = cls.env["res.partner"].create(
            {"name": "Buyer", "parent_id": cls.firm.id}
        )
        cls.service = new_test_user(
            cls.env,
            "customer_service",
            "scenic_ticket_base.group_scenic_customer_service,base.group_partner_manager",
        )

    def _book(self, partner, product=None, quantity=1):
        type(self)._count = getattr(type(self), "_count", 0) + 1
        booking = self.env["scenic.booking"]._hold(
            "window",
            f"CUSTOMER-{self._count}",
            [self._scenic_line(product or self.scenic_individual, quantity)],
            partner=partner,
        )
        return booking._confirm()

    def test_f5_corporate_history_counts_its_contacts(self):
        self._book(self.buyer, quantity=2)
        self._book(self.firm)
        other = self.env["res.partner"].create({"name": "Other"})
        self._book(other)
        firm = self.firm.with_user(self.service)
        self.assertEqual(firm.scenic_booking_count, 2)
        self.assertEqual(firm.scenic_ticket_count, 3)
        self.assertEqual(firm.scenic_amount, 300)
        self.assertEqual(self.buyer.with_user(self.service).scenic_ticket_count, 2)
        found = self.env["res.partner"].search([("scenic_is_customer", "=", True)])
        self.assertLessEqual(self.firm | self.buyer | other, found)
        self.assertNotIn(self.env.user.partner_id, found)

    def test_f5_a_figure_is_the_sum_of_the_rows_behind_it(self):
        tickets = self._book(self.buyer, self.scenic_combo, 2)
        tickets[0].entitlement_ids[1].sudo().entries_used = 2
        self._book(self.buyer)._void("misprint")
        firm = self.firm.with_user(self.service)
        rows = self._rows(firm.action_scenic_tickets())
        self.assertEqual(len(rows), firm.scenic_ticket_count)
        self.assertEqual(sum(rows.mapped("amount_total")), firm.scenic_amount)
        self.assertEqual(firm.scenic_amount, 280)
        visited = self._rows(firm.action_scenic_visits())
        self.assertEqual(visited, tickets[0])
        self.assertEqual(
            sum(visited.entitlement_ids.mapped("entries_used")),
            firm.scenic_visit_count,
        )
        bookings = self._rows(firm.action_scenic_bookings())
        self.assertEqual(len(bookings), firm.scenic_booking_count)

    def _rows(self, action):
        return (
            self.env[action["res_model"]]
            .with_user(self.service)
            .search(action["domain"])
        )

    def test_f5_complaints_are_on_the_customer(self):
        self.env["scenic.complaint"].with_user(self.service).create(
            {"subject": "Toilet", "description": "Dirty", "partner_id": self.buyer.id}
        )
        firm = self.firm.with_user(self.service)
        self.assertEqual(firm.scenic_complaint_count, 1)
        self.assertEqual(len(self._rows(firm.action_scenic_complaints())), 1)

    def test_f5_who_reads_no_tickets_sees_no_history(self):
        self._book(self.buyer)
        plain = new_test_user(
            self.env, "customer_plain", "base.group_user,base.group_partner_manager"
        )
        firm = self.firm.with_user(plain)
        with self.assertRaises(AccessError):
            firm.read(["scenic_ticket_count"])
        Form(firm)  # and the form still opens
