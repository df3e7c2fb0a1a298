from datetime import timedelta

from odoo.tests import tagged

from .common import KioskCommon


@tagged("post_install", "-at_install")
class TestKioskOrder(KioskCommon):
    """B9: tickets are sold with nobody at the till."""

    def test_what_is_paid_becomes_tickets(self):
        order = self._buy((self.adult, 2), (self.group, 12), (self.souvenir, 1))
        self.assertEqual((order.state, order.amount_total), ("draft", 609.9))
        self.assertFalse(order.lines.scenic_ticket_ids)
        booking = order.scenic_booking_id
        self.assertEqual((booking.state, booking.channel), ("held", "kiosk"))
        self._pay(order)
        self.assertEqual(order.state, "paid")
        self.assertEqual(order.scenic_booking_id, booking)
        tickets = order.lines.scenic_ticket_ids
        self.assertEqual(tickets.mapped("persons"), [1, 1, 12])
        self.assertEqual(set(tickets.mapped("state")), {"valid"})
        self.assertEqual(order.scenic_shift_id.user_id, self.cashier)
        self.config.current_session_id.close_session_from_ui()
        self._assert_books_agree()

    def test_with_nothing_to_pay_it_is_through(self):
        order = self._buy((self.open_day, 2))
        self.assertEqual((order.state, order.amount_total), ("paid", 0))
        self.assertEqual(len(order.lines.scenic_ticket_ids), 2)
        self.assertEqual(order.scenic_booking_id.channel, "kiosk")

    def test_another_day_has_its_price(self):
        """Shown with the places, and asked again at the payment."""
        tomorrow = self._today() + timedelta(days=1)
        noon = self.env["scenic.channel"]._price_moment(
            self.scenic_area, {"visit_date": tomorrow}
        )
        self.env["product.pricelist.item"].create(
            {
                "pricelist_id": self.window_pricelist.id,
                "applied_on": "1_product",
                "product_tmpl_id": self.adult.product_tmpl_id.id,
                "compute_price": "fixed",
                "fixed_price": 80,
                "date_start": noon - timedelta(hours=1),
            }
        )
        answer = self._request("/scenic/kiosk/places", product_id=self.adult.id, days=2)
        shown = [day["prices"][str(self.window_pricelist.id)] for day in answer["days"]]
        self.assertEqual(shown, [[[1, 60]], [[1, 80]]])
        order = self._buy(
            (self.adult, 1),
            {**self._line_vals(self.adult, 2), "scenic_visit_date": str(tomorrow)},
        )
        self.assertEqual(order.lines.mapped("price_unit"), [60, 80])
        self._pay(order)
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        self.assertEqual(tickets.mapped("amount_total"), [60, 80, 80])
        self.assertEqual(tickets[-1].visit_date, tomorrow)

    def test_goods_alone_go_odoos_way(self):
        order = self._buy((self.souvenir, 2))
        self.assertEqual((order.state, order.amount_total), ("draft", 19.8))
        self.assertFalse(order.scenic_booking_id)

    # ------------------------------------------------------------
    # Places
    # ------------------------------------------------------------

    def test_places_are_kept_for_the_payment(self):
        order = self._buy((self.boat, 2))
        self.assertEqual(self._places(), 1)
        self._assert_order_refused(self._order((self.boat, 2)), "CapacityError")
        self._pay(order)
        self.assertEqual(len(order.lines.scenic_ticket_ids), 2)
        self.assertEqual(self._places(), 1)

    def test_who_goes_back_takes_the_same_places(self):
        """Also the last ones: an order is not in its own way."""
        sent = self._order((self.boat, 3))
        order = self._process(sent)
        first = order.scenic_booking_id
        again = {**sent, "access_token": order.access_token, "lines": []}
        self.assertEqual(self._process(again), order)
        self.assertEqual(order.scenic_booking_id, first)
        again["lines"] = [[1, order.lines.id, {"qty": 2}]]
        self._process(again)
        self.assertEqual(order.amount_total, 60)
        self.assertEqual(first.state, "cancelled")
        self.assertEqual(self._places(), 1)
        again["lines"] = [[1, order.lines.id, {"qty": 3}]]
        self._process(again)
        self._pay(order)
        self.assertEqual(len(order.lines.scenic_ticket_ids), 3)

    def test_who_cancels_gives_the_places_back(self):
        order = self._buy((self.boat, 3))
        self._request(
            "/pos-self-order/remove-order",
            order_id=order.id,
            order_access_token=order.access_token,
        )
        self.assertEqual(order.state, "cancel")
        self.assertEqual(order.scenic_booking_id.state, "cancelled")
        self.assertEqual(self._places(), 3)

    def test_who_takes_the_tickets_out_gives_the_places_back(self):
        sent = self._order((self.boat, 3), (self.souvenir, 1))
        order = self._process(sent)
        boat = order.lines.filtered(lambda line: line.product_id == self.boat)
        again = {**sent, "access_token": order.access_token}
        self._process({**again, "lines": [[2, boat.id]]})
        self.assertEqual(order.amount_total, 9.9)
        self.assertEqual(self._places(), 3)

    def test_money_that_comes_late_gets_its_tickets(self):
        """The terminal was slow, the hold is over and the places are gone."""
        order = self._buy((self.boat, 3))
        self._pass_time(order, 20)
        other = self._buy((self.boat, 3))
        self._pay(other)
        self._pay(order)
        self.assertEqual(len(order.lines.scenic_ticket_ids), 3)
        self.assertEqual(self._places(), 0)

    def test_a_lost_answer_is_given_again(self):
        sent = self._order((self.boat, 2))
        order = self._process(sent)
        self._pay(order)
        self.assertEqual(self._process(sent), order)
        self.assertEqual((order.state, order.amount_total), ("paid", 60))
        self.assertEqual(len(order.lines.scenic_ticket_ids), 2)

    # ------------------------------------------------------------
    # What is sold
    # ------------------------------------------------------------

    def test_what_needs_somebody_is_left_to_the_window(self):
        template = self.adult.product_tmpl_id
        concession = self.env["scenic.eligibility"].create(
            {"name": "Elders", "age_limited": True, "age_from": 60}
        )
        usual = {
            "scenic_real_name": "none",
            "scenic_eligibility_ids": False,
            "available_in_pos": True,
            "self_order_available": True,
            "pos_categ_ids": self.shelf.ids,
        }
        for values in (
            {"scenic_real_name": "visitor"},
            {"scenic_real_name": "order"},
            {"scenic_eligibility_ids": concession.ids},
            {"self_order_available": False},
            {"available_in_pos": False},
            {"pos_categ_ids": False},
        ):
            with self.subTest(values=values):
                template.write({**usual, **values})
                self._assert_order_refused(self._order((self.adult, 1)))
                rows = self._request(f"/pos-self/data/{self.kiosk.id}")
                self.assertNotIn(
                    template.id, [row["id"] for row in rows["product.template"]]
                )
        template.write(usual)
        self.assertTrue(self._buy((self.adult, 1)))

    def test_the_fee_for_a_new_card_is_left_to_the_window(self):
        fee = self.souvenir.product_tmpl_id

        def listed():
            rows = self._request(f"/pos-self/data/{self.kiosk.id}")
            return fee.id in [row["id"] for row in rows["product.template"]]

        self.assertTrue(listed())
        card = self.env["product.template"].sudo().create({"name": "Year Card"})
        card.scenic_replacement_product_id = self.souvenir
        self.env.flush_all()
        self.assertFalse(listed())

    def test_no_tickets_on_the_visitors_telephone(self):
        self.kiosk.self_ordering_mode = "mobile"
        self._assert_order_refused(self._order((self.adult, 1)))
        rows = self._request(f"/pos-self/data/{self.kiosk.id}")
        self.assertEqual(
            [row["id"] for row in rows["product.template"]],
            self.souvenir.product_tmpl_id.ids,
        )

    def test_who_stands_behind_the_kiosk_is_a_cashier(self):
        self.kiosk.self_ordering_default_user_id = self.pos_user
        self._assert_order_refused(self._order((self.adult, 1)), "WindowRightError")
        self.assertTrue(self._buy((self.souvenir, 1)))
        rows = self._request(f"/pos-self/data/{self.kiosk.id}")
        self.assertIn(
            self.souvenir.product_tmpl_id.id,
            [row["id"] for row in rows["product.template"]],
        )
