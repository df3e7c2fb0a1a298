from odoo import Command
from odoo.tests import tagged

from .common import PROCESS, KioskCommon


@tagged("post_install", "-at_install")
class TestKioskForgery(KioskCommon):
    """Whoever reads the address of a kiosk can send it anything."""

    def test_prices_are_ours(self):
        for claim in ({"price_unit": 0.01}, {"discount": 99}, {"tax_ids": []}):
            with self.subTest(claim=claim):
                order = self._buy({**self._line_vals(self.adult, 2), **claim})
                self.assertEqual((order.state, order.amount_total), ("draft", 120))
                line = order.lines
                self.assertEqual((line.price_unit, line.discount), (60, 0))
                self.assertEqual(line.tax_ids, self.tax_6)
                self._pay(order)
                self.assertEqual(
                    line.scenic_ticket_ids.mapped("amount_total"), [60, 60]
                )

    def test_other_goods_do_not_pay_for_tickets(self):
        for claim in ({"price_unit": -60}, {"price_unit": -60, "qty": 1}):
            order = self._buy(
                (self.adult, 1), {**self._line_vals(self.souvenir, 1), **claim}
            )
            self.assertEqual((order.state, order.amount_total), ("draft", 69.9))

    def test_nobody_says_that_he_has_paid(self):
        payment = Command.create(
            {
                "uuid": self._uuid(),
                "amount": 60,
                "payment_method_id": self.card_method.id,
            }
        )
        order = self._buy(
            (self.adult, 1), state="paid", amount_paid=60, payment_ids=[payment]
        )
        self.assertEqual((order.state, order.amount_paid), ("draft", 0))
        self.assertFalse(order.payment_ids)
        self.assertFalse(order.lines.scenic_ticket_ids)

    def test_tickets_do_not_join_what_was_paid_for_something_else(self):
        sent = self._order((self.souvenir, 1))
        order = self._process(sent)
        order.add_payment(
            {
                "amount": 5,
                "payment_method_id": self.card_method.id,
                "pos_order_id": order.id,
            }
        )
        again = {**sent, "access_token": order.access_token}
        again["lines"] = [[0, 0, self._line_vals(self.adult, 1)]]
        self._assert_order_refused(again)

    def test_quantities(self):
        for quantity in (0, -1, 1001, 10**400, "2", None, True, [1]):
            with self.subTest(quantity=quantity):
                order = self._order((self.adult, 1))
                order["lines"][0][2]["qty"] = quantity
                self._assert_order_refused(order)
        order["lines"][0][2]["qty"] = 1.5
        self._assert_order_refused(order, "WindowQuantityError")

    def test_shapes(self):
        good = self._order((self.adult, 1))
        line = good["lines"][0][2]
        for order in (
            None,
            [],
            "x",
            {},
            {**good, "uuid": None},
            {**good, "uuid": ["x"]},
            {**good, "lines": None},
            {**good, "lines": ["x"]},
            {**good, "lines": [[0, 0, "x"]]},
            {**good, "lines": [[0, 0, {**line, "product_id": "x"}]]},
            {**good, "lines": [[0, 0, {**line, "product_id": [1]}]]},
            {**good, "lines": [[0, 0, {**line, "uuid": 5}]]},
            {**good, "lines": [[0, 0, {**line, "scenic_visit_date": "soon"}]]},
            {**good, "lines": [[0, 0, {**line, "scenic_visit_date": 5}]]},
            {**good, "lines": [[0, 0, {**line, "scenic_slot_id": "x"}]]},
            {**good, "lines": [[5, 0, 0]]},
            {**good, "lines": [[6, 0, [1]]]},
            {**good, "lines": good["lines"] * 51},
        ):
            with self.subTest(order=order):
                self._assert_order_refused(order)

    def test_slots_that_are_not_there(self):
        line = {**self._line_vals(self.adult, 1), "scenic_slot_id": 2**31 - 1}
        self._assert_order_refused(self._order(line), "WindowSlotError")

    def test_combos_and_configured_goods_are_apart(self):
        value = self.env["product.attribute"].create(
            {
                "name": "Colour",
                "create_variant": "no_variant",
                "value_ids": [Command.create({"name": "Red"})],
            }
        )
        line = {
            **self._line_vals(self.souvenir, 1),
            "attribute_value_ids": [[4, value.value_ids.id]],
        }
        self._assert_order_refused(self._order((self.adult, 1), line))

    # ------------------------------------------------------------
    # Of others
    # ------------------------------------------------------------

    def test_another_kiosk_has_its_own(self):
        order = self._buy((self.adult, 1))
        other = self._open_other_kiosk()
        again = self._order((self.adult, 5), uuid=order.uuid)
        self._assert_refused(
            "KioskError",
            PROCESS,
            order=again,
            table_identifier=None,
            access_token=other.access_token,
        )
        self._pay(order)
        self._assert_refused(
            "KioskError",
            "/scenic/kiosk/tickets",
            access_token=other.access_token,
            order_id=order.id,
            order_access_token=order.access_token,
        )
        self.assertEqual(order.lines.qty, 1)
        self.assertEqual(order.lines.scenic_ticket_ids.print_count, 0)

    def test_without_the_token_of_a_kiosk(self):
        order = self._order((self.adult, 1))
        for token in ("", "x", False, None):
            with self.subTest(token=token):
                self._assert_refused(
                    "Unauthorized",
                    PROCESS,
                    order=order,
                    table_identifier=None,
                    access_token=token,
                )
                self._assert_refused(
                    "Unauthorized",
                    "/scenic/kiosk/places",
                    product_id=self.adult.id,
                    access_token=token,
                )

    def test_a_closed_kiosk_sells_nothing(self):
        order = self._order((self.adult, 1))
        self.config.current_session_id.close_session_from_ui()
        self._assert_order_refused(order, "Unauthorized")

    def test_an_order_is_changed_by_who_made_it(self):
        sent = self._order((self.adult, 1))
        order = self._process(sent)
        again = {**sent, "access_token": self._uuid(), "lines": [[2, order.lines.id]]}
        self._assert_order_refused(again)
        self.assertTrue(order.lines.exists())

    def test_lines_of_others_stay_where_they_are(self):
        theirs = self._buy((self.adult, 1))
        self._pay(theirs)
        for command in (
            [1, theirs.lines.id, {"qty": 9}],
            [2, theirs.lines.id],
            [4, theirs.lines.id],
            [6, 0, theirs.lines.ids],
        ):
            for own in ((self.adult, 1), (self.souvenir, 1)):
                with self.subTest(command=command, own=own):
                    order = self._order(own)
                    order["lines"].append(command)
                    self._assert_order_refused(order)
        self.assertEqual(theirs.lines.qty, 1)

    def test_a_paid_line_is_not_carried_away(self):
        """By the uuid that a visitor knows of his own line."""
        paid = self._buy((self.adult, 1))
        self._pay(paid)
        sent = self._order((self.souvenir, 1))
        sent["relations_uuid_mapping"] = {
            "pos.order.line": {paid.lines.uuid: {"order_id": sent["uuid"]}}
        }
        self._process(sent)
        self.assertEqual(paid.lines.order_id, paid)

    def test_what_is_ours_is_not_written(self):
        theirs = self._buy((self.boat, 1))
        order = self._buy(
            (self.souvenir, 1),
            scenic_booking_id=theirs.scenic_booking_id.id,
            scenic_shift_id=1,
        )
        self.assertFalse(order.scenic_booking_id)
        self._request(
            "/pos-self-order/remove-order",
            order_id=order.id,
            order_access_token=order.access_token,
        )
        self.assertEqual(theirs.scenic_booking_id.state, "held")

    # ------------------------------------------------------------
    # What is told
    # ------------------------------------------------------------

    def test_nobody_reads_tickets_or_names(self):
        order = self._buy((self.adult, 1))
        self._pay(order)
        data = self._request(f"/pos-self/data/{self.kiosk.id}")
        self.assertEqual(data["scenic.ticket"], [])
        self.assertEqual(data["pos.order"], [])
        answer = self._request(
            "/pos-self-order/get-user-data",
            order_access_tokens=[
                {"access_token": order.access_token, "state": "draft"}
            ],
            table_identifier=None,
        )
        self.assertNotIn("scenic.ticket", answer)
        [line] = answer["pos.order.line"]
        self.assertFalse(
            {"scenic_ticket_ids", "scenic_visitors", "scenic_visitors_sealed"}
            & line.keys()
        )
        [row] = answer["pos.order"]
        self.assertFalse([name for name in row if name.startswith("scenic_")])

    def test_places_of_tickets_only(self):
        for product_id in (self.souvenir.id, 0, -1, "x", None, [1]):
            with self.subTest(product_id=product_id):
                self._assert_refused(
                    "WindowError", "/scenic/kiosk/places", product_id=product_id
                )
