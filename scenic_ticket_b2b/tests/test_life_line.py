from odoo.tests import new_test_user, tagged

from .common import B2BCommon


@tagged("post_install", "-at_install")
class TestLifeLine(B2BCommon):
    def _events(self, ticket, user=None):
        return {
            event["kind"]: event
            for event in ticket.with_user(user or self.env.user)._life_line()
        }

    def test_invoiced_paid_and_settled(self):
        order = self._make_order((self.scenic_individual, 1))
        ticket = order.scenic_booking_id.ticket_ids
        invoice = order.invoice_ids
        events = self._events(ticket)
        self.assertEqual(events["invoiced"]["document"]["id"], invoice.id)
        self.assertNotIn("paid", events)
        self.assertNotIn("settled", events)
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({})._create_payments()
        events = self._events(ticket)
        self.assertEqual(
            events["paid"]["document"]["id"], invoice._get_reconciled_payments().id
        )
        self.assertIn("90", events["paid"]["detail"])
        self.assertEqual(events["settled"]["document"]["id"], invoice.id)
        operator = new_test_user(
            self.env, "life_operator", "scenic_ticket_base.group_scenic_gate_operator"
        )
        seen = self._events(ticket, operator)
        self.assertFalse(seen["paid"]["detail"])
        self.assertFalse(seen["invoiced"]["document"]["url"])
        self.assertTrue(seen["invoiced"]["document"]["name"])

    def test_contracts_are_audited(self):
        self.contract.line_ids[0].min_quantity = 3
        trail = self.env["scenic.audit"].search(
            [("res_model", "=", "scenic.agency.contract.line")], limit=1
        )
        self.assertEqual(trail.before, {"min_quantity": 1})
        self.assertEqual(trail.after, {"min_quantity": 3})
