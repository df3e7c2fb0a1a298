from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..exceptions import WindowError, WindowRightError
from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowRights(ScenicPosCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shop_user = new_test_user(
            cls.env,
            login="shop_user",
            groups="base.group_user,point_of_sale.group_pos_user",
            company_id=cls.env.company.id,
            company_ids=[Command.set(cls.env.company.ids)],
        )
        cls.gate_operator = new_test_user(
            cls.env,
            login="gate_operator",
            groups="base.group_user,scenic_ticket_base.group_scenic_gate_operator",
            company_id=cls.env.company.id,
            company_ids=[Command.set(cls.env.company.ids)],
        )

    def test_shop_user_sells_no_tickets(self):
        vals = self._order_vals([self._line_vals(self.adult, 1)])
        with self.assertRaises(WindowRightError), self.cr.savepoint():
            self._sync(vals, user=self.shop_user)
        self.assertFalse(self.env["pos.order"].search([("uuid", "=", vals["uuid"])]))

    def test_shop_user_sells_souvenirs(self):
        order = self._sell((self.souvenir, 1), user=self.shop_user)
        self.assertEqual(order.state, "paid")

    def test_shop_user_gets_no_codes(self):
        order = self._sell((self.adult, 1))
        Order = self.env["pos.order"].with_user(self.shop_user)
        answer = Order.read_pos_orders([("id", "=", order.id)])
        self.assertEqual(answer["scenic.ticket"], [])
        with self.assertRaises(WindowRightError):
            Order.browse(order.id).scenic_count_ticket_print()
        with self.assertRaises(WindowRightError):
            Order.scenic_refund_quote({str(order.lines.id): 1})
        session = self.config.current_session_id.with_user(self.shop_user)
        self.assertTrue(session.load_data([])["scenic.site"])
        self.assertNotIn(
            "scenic_ticket_ids", order.lines.with_user(self.shop_user).read()[0]
        )

    def test_codes_are_for_those_who_hand_out_tickets(self):
        ticket = self._sell((self.adult, 1)).lines.scenic_ticket_ids
        self.assertTrue(ticket.with_user(self.cashier).read(["pos_qr_token"]))
        ticket.with_user(self.gate_operator).read(["name"])
        for name in ("pos_qr_token", "pos_barcode_number"):
            with self.assertRaises(AccessError):
                ticket.with_user(self.gate_operator).read([name])

    def test_order_created_as_paid(self):
        """No payment, no tickets: the order stays open."""
        vals = self._order_vals([self._line_vals(self.adult, 1)], payment_ids=[])
        order = self.env["pos.order"].with_user(self.cashier).create(vals)
        self.assertEqual(order.state, "draft")
        self.assertFalse(order.sudo().lines.scenic_ticket_ids)
        for state in ("paid", "done"):
            with self.assertRaises(WindowError), self.cr.savepoint():
                order.write({"state": state})
        with self.assertRaises(UserError), self.cr.savepoint():
            order.action_pos_order_paid()
        with self.assertRaises(UserError), self.cr.savepoint():
            order.action_pos_order_invoice()
        self.assertFalse(order.sudo().lines.scenic_ticket_ids)

    def test_booking_of_an_order_is_not_written(self):
        sold = self._sell((self.adult, 1)).with_user(self.cashier)
        other = self._sell((self.adult, 1)).with_user(self.cashier)
        with self.assertRaises(WindowRightError):
            other.write({"scenic_booking_id": sold.scenic_booking_id.id})
        vals = self._order_vals(
            [self._line_vals(self.adult, 1)],
            scenic_booking_id=sold.scenic_booking_id.id,
        )
        with self.assertRaises(WindowRightError), self.cr.savepoint():
            self._sync(vals)

    def test_tickets_are_not_written_through_lines(self):
        order = self._sell((self.adult, 1))
        other = self._sell((self.souvenir, 1))
        ticket = order.lines.scenic_ticket_ids
        for commands in (
            [Command.link(ticket.id)],
            [Command.update(ticket.id, {"state": "valid"})],
            [Command.create({"persons": 9})],
        ):
            for name in ("scenic_ticket_ids", "scenic_refunded_ticket_ids"):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    other.lines.with_user(self.cashier).write({name: commands})
                    self.env.flush_all()
        vals = self._order_vals(
            [self._line_vals(self.adult, 1, scenic_ticket_ids=[[4, ticket.id]])]
        )
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._sync(vals)
        self.assertEqual(ticket.pos_order_line_id, order.lines)

    def test_paid_lines_are_frozen(self):
        order = self._sell((self.adult, 2), (self.souvenir, 1))
        line = order.lines[0].with_user(self.cashier)
        for vals in (
            {"qty": 1},
            {"price_unit": 1},
            {"discount": 50},
            {"product_id": self.souvenir.id},
            {"extra_tax_data": {}},
            {"tax_ids": [Command.clear()]},
        ):
            with self.subTest(**vals), self.assertRaises(WindowError):
                with self.cr.savepoint():
                    line.write(vals)
        with self.assertRaises(WindowError), self.cr.savepoint():
            order.lines[1].with_user(self.cashier).product_id = self.adult
        with self.assertRaises(WindowError), self.cr.savepoint():
            self.env["pos.order.line"].with_user(self.cashier).create(
                {
                    **self._line_vals(self.adult, 1, price_subtotal=0),
                    "price_subtotal_incl": 0,
                    "order_id": order.id,
                }
            )
        with self.assertRaises(UserError), self.cr.savepoint():
            order.with_user(self.cashier).write({"state": "cancel"})
        with self.assertRaises(UserError), self.cr.savepoint():
            order.with_user(self.cashier).unlink()

    def test_refund_of_another_company(self):
        order = self._sell((self.adult, 1))
        stranger = self._stranger("cashier")
        with self.assertRaises(AccessError):
            self.env["pos.order"].with_user(stranger).scenic_refund_quote(
                {str(order.lines.id): 1}
            )
        with self.assertRaises(AccessError):
            order.with_user(stranger).scenic_count_ticket_print()

    def test_garbage_from_a_client(self):
        Order = self.env["pos.order"].with_user(self.cashier)
        order = self._sell((self.adult, 1), (self.souvenir, 1))
        self.assertEqual(Order.scenic_refund_quote({}), {})
        self.assertEqual(Order.scenic_refund_quote({"999999999": 1}), {})
        self.assertEqual(Order.scenic_refund_quote({str(order.lines[1].id): 1}), {})
        for quantities in ({"x": 1}, {str(order.lines[0].id): "x"}, [1], None):
            with self.subTest(quantities=quantities), self.assertRaises(WindowError):
                Order.scenic_refund_quote(quantities)
