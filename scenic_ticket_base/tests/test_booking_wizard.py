from datetime import timedelta

from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import ScenicCommon

MAY_CHANGE = {"supervisor", "customer_service", "manager"}


@tagged("post_install", "-at_install")
class TestBookingWizard(ScenicCommon):
    """The back office changes and cancels bookings with a reason."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._scenic_users("wizard")
        cls.next_day = cls.visit_date + timedelta(days=1)

    def _sold(self, quantity=2, ref="W1"):
        line = {
            "product_id": self.scenic_individual.id,
            "quantity": quantity,
            "visit_date": self.visit_date,
        }
        booking = self.env["scenic.booking"]._hold("web", ref, [line])
        booking._confirm()
        return booking

    def _form(self, booking, role="customer_service"):
        wizard = self.env["scenic.booking.amend"].with_user(self.users[role])
        return Form(
            wizard.with_context(default_booking_id=booking.id),
            "scenic_ticket_base.scenic_booking_amend_view_form",
        )

    def test_the_form_says_what_a_change_costs(self):
        booking = self._sold()
        with self._form(booking) as form:
            form.line_id = booking.line_ids
            self.assertEqual(form.visit_date, self.visit_date)
            self.assertEqual(form.quantity, 2)
            form.visit_date = self.next_day
            self.assertFalse(form.problem)
            self.assertEqual(form.difference_total, 0)
            form.quantity = 3
            self.assertEqual(form.difference_total, 100)
            form.visit_date = self.visit_date - timedelta(days=30)
            self.assertTrue(form.problem)
            form.visit_date = self.next_day
            form.document_ref = "INV/9"
            form.reason = "one more guest"
        wizard = form.record
        wizard.action_apply()
        self.assertEqual(booking.line_ids.visit_date, self.next_day)
        self.assertEqual(len(booking.ticket_ids), 3)
        event = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.booking"), ("res_id", "=", booking.id)],
            limit=1,
        )
        self.assertEqual(event.action, "booking_amend")
        self.assertEqual(event.reason, "one more guest")
        self.assertEqual(event.document, "INV/9")
        self.assertEqual(event.user_id, self.users["customer_service"])

    def test_cancel_with_a_reason(self):
        booking = self.env["scenic.booking"]._hold(
            "web", "W2", [self._scenic_line(self.scenic_individual)]
        )
        user = self.users["supervisor"]
        wizard = (
            self.env["scenic.booking.cancel"]
            .with_user(user)
            .create({"booking_id": booking.id, "reason": "asked by telephone"})
        )
        wizard.action_apply()
        self.assertEqual(booking.state, "cancelled")
        self.assertIn("asked by telephone", booking.message_ids[0].body)

    def test_hold_longer(self):
        booking = self.env["scenic.booking"]._hold(
            "web", "W3", [self._scenic_line(self.scenic_individual)], minutes=1
        )
        until = booking.held_until
        booking.with_user(self.users["customer_service"]).action_hold_longer()
        self.assertGreater(booking.held_until, until)

    def test_f1_only_service_and_supervisors_change_bookings(self):
        for role, user in self.users.items():
            booking = self.env["scenic.booking"]._hold(
                "web", f"R-{role}", [self._scenic_line(self.scenic_individual)]
            )
            mine = booking.with_user(user)
            change = {
                "booking_id": booking.id,
                "line_id": booking.line_ids.id,
                "quantity": 2,
                "reason": "test",
            }
            calls = [
                mine.action_hold_longer,
                lambda u=user, c=change: (
                    self.env["scenic.booking.amend"]
                    .with_user(u)
                    .create(c)
                    .action_apply()
                ),
                lambda u=user, b=booking: (
                    self.env["scenic.booking.cancel"]
                    .with_user(u)
                    .create({"booking_id": b.id, "reason": "test"})
                    .action_apply()
                ),
            ]
            with self.subTest(role=role):
                for call in calls:
                    if role in MAY_CHANGE:
                        call()
                    else:
                        with self.assertRaises(AccessError):
                            call()
                expected = "cancelled" if role in MAY_CHANGE else "held"
                self.assertEqual(booking.state, expected)

    def test_f1_services_are_not_for_rpc(self):
        """What the channels call begins with an underscore: no client reaches it."""
        for name in ("hold", "confirm", "amend", "cancel", "extend", "expire"):
            self.assertFalse(hasattr(self.env["scenic.booking"], name), name)

    def test_f2_only_managers_set_up_channels(self):
        values = {"name": "Fair", "code": "fair", "kind": "ota"}
        for role, user in self.users.items():
            channels = self.env["scenic.channel"].with_user(user)
            with self.subTest(role=role):
                if role == "manager":
                    channel = channels.create(values)
                    channel.hold_minutes = 5
                    event = self.env["scenic.audit"].search(
                        [("res_model", "=", "scenic.channel")], limit=1
                    )
                    self.assertEqual(event.after, {"hold_minutes": 5})
                    continue
                with self.assertRaises(AccessError):
                    channels.create(values)

    @mute_logger("odoo.sql_db")
    def test_channel_out_of_range(self):
        web = self.env["scenic.channel"].search([("code", "=", "web")])
        for values in ({"hold_minutes": 0}, {"hold_minutes": 1441}):
            with self.subTest(values=values), self.assertRaises(CheckViolation):
                with self.env.cr.savepoint():
                    web.write(values)
                    web.flush_recordset()
