from odoo.tests import new_test_user, tagged

from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestLifeLine(ScenicPosCommon):
    def _event(self, ticket, kind, user=None, title=None):
        [event] = [
            event
            for event in ticket.with_user(user or self.env.user)._life_line()
            if event["kind"] == kind and title in (None, event["title"])
        ]
        return event

    def test_paid_printed_and_booked(self):
        order = self._sell((self.adult, 1))
        ticket = order.lines.scenic_ticket_ids
        order.with_user(self.cashier).scenic_count_ticket_print()
        paid = self._event(ticket, "paid")
        self.assertEqual(paid["who"], self.cashier.name)
        self.assertEqual(paid["where"], "South Gate")
        self.assertEqual(paid["device"], order.session_id.name)
        self.assertEqual(paid["document"]["id"], order.id)
        self.assertIn("Cash", paid["detail"])
        self.assertIn("60", paid["detail"])
        printed = self._event(ticket, "printed")
        self.assertEqual(printed["who"], self.cashier.name)
        self.assertEqual(printed["where"], "South Gate")
        self.assertEqual(printed["document"]["id"], order.id)
        session = self._close_session()
        booked = self._event(ticket, "settled")
        self.assertEqual(booked["document"]["id"], session.move_id.id)

    def test_paid_back(self):
        order = self._sell((self.adult, 1))
        ticket = order.lines.scenic_ticket_ids
        refund = self._refund({order.lines: 1})
        back = self._event(ticket, "paid", title="Paid back")
        self.assertEqual(back["document"]["id"], refund.id)
        self.assertIn("-", back["detail"])

    def test_who_may_not_open_the_order_sees_no_amount(self):
        ticket = self._sell((self.adult, 1)).lines.scenic_ticket_ids
        operator = new_test_user(
            self.env, "life_operator", "scenic_ticket_base.group_scenic_gate_operator"
        )
        paid = self._event(ticket, "paid", operator)
        self.assertEqual(paid["where"], "South Gate")
        self.assertFalse(paid["document"]["url"])
        self.assertFalse(paid["detail"])
