from odoo.tests import tagged

from .common import KioskCommon

ROUTE = "/scenic/kiosk/tickets"


@tagged("post_install", "-at_install")
class TestKioskTickets(KioskCommon):
    """The printer of a kiosk gets the tickets of an order once."""

    def _fetch(self, order):
        return self._request(
            ROUTE, order_id=order.id, order_access_token=order.access_token
        )

    def _assert_not_given(self, order_id, token):
        self._assert_refused(
            "KioskError", ROUTE, order_id=order_id, order_access_token=token
        )

    def test_they_are_counted_and_given_once(self):
        order = self._buy((self.adult, 2))
        self._pay(order)
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        rows = self._fetch(order)["scenic.ticket"]
        self.assertEqual(
            [row["pos_qr_token"] for row in rows],
            [ticket._qr_token() for ticket in tickets],
        )
        self.assertEqual(tickets.mapped("print_count"), [1, 1])
        prints = self.env["scenic.print"].search([("ticket_id", "in", tickets.ids)])
        self.assertEqual(set(prints.mapped("terminal")), {"Kiosk East"})
        self._assert_not_given(order.id, order.access_token)
        self.assertEqual(tickets.mapped("print_count"), [1, 1])

    def test_they_are_not_printed_again_after_the_window(self):
        order = self._buy((self.adult, 1))
        self._pay(order)
        order.with_user(self.cashier).scenic_count_ticket_print()
        self._assert_not_given(order.id, order.access_token)

    def test_who_has_not_paid_gets_nothing(self):
        order = self._buy((self.adult, 1))
        self._assert_not_given(order.id, order.access_token)

    def test_whose_order_it_is(self):
        order = self._buy((self.adult, 1))
        self._pay(order)
        for order_id, token in (
            (order.id, self._uuid()),
            (order.id, ""),
            (order.id, None),
            (order.id, 5),
            (str(order.id), order.access_token),
            (2**31 - 1, order.access_token),
            (None, order.access_token),
        ):
            with self.subTest(order_id=order_id, token=token):
                self._assert_not_given(order_id, token)
        self.assertEqual(order.lines.scenic_ticket_ids.print_count, 0)
