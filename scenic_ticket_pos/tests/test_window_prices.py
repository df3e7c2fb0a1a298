from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged

from ..exceptions import WindowError, WindowPriceError
from .test_window_visit import VisitCommon


@tagged("post_install", "-at_install")
class TestWindowPrices(VisitCommon):
    """A ticket costs what the price list says for the day of its visit."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.holiday = cls.visit_date + timedelta(days=1)
        # by the clock of the site, eight hours before UTC
        midnight = fields.Datetime.to_datetime(cls.holiday) - timedelta(hours=8)
        cls._rule(
            cls.window_pricelist,
            cls.adult,
            80,
            date_start=midnight,
            date_end=midnight + timedelta(hours=24, seconds=-1),
        )

    @classmethod
    def _rule(cls, pricelist, product, price, **values):
        return cls.env["product.pricelist.item"].create(
            {
                "pricelist_id": pricelist.id,
                "applied_on": "1_product",
                "product_tmpl_id": product.product_tmpl_id.id,
                "compute_price": "fixed",
                "fixed_price": price,
                **values,
            }
        )

    def _priced(self, price, day=None, **values):
        """A line whose price comes from the price list, as the window says."""
        return self._visit(day=day, price_unit=price, price_type="original", **values)

    def _assert_refused(self, *lines, user=None, **values):
        vals = self._order_vals(list(lines), **values)
        with self.assertRaises(WindowPriceError) as caught, self.cr.savepoint():
            self._sync(vals, user=user)
        self.assertEqual(caught.exception.code, "WINDOW_PRICE")
        self.assertFalse(self.env["pos.order"].search([("uuid", "=", vals["uuid"])]))

    def _prices(self, *visits, pricelist=None):
        """The steps of these visits in one price list."""
        answer = self.config.with_user(self.cashier).scenic_prices(
            [[product.id, day and str(day)] for product, day in visits]
        )
        pricelist_id = (pricelist or self.window_pricelist).id
        return [prices[pricelist_id] for prices in answer]

    # ------------------------------------------------------------
    # What the window is told
    # ------------------------------------------------------------

    def test_each_day_has_its_price(self):
        days = self._places(None, str(self.visit_date), 3)["days"]
        self.assertEqual(
            [day["prices"][self.window_pricelist.id] for day in days],
            [[[1, 60]], [[1, 80]], [[1, 60]]],
        )
        self.assertEqual(
            [day["prices"][self.member_pricelist.id] for day in days], [[[1, 45.5]]] * 3
        )
        self.assertEqual({repr(day["prices"][0]) for day in days}, {"[[1, 60.0]]"})

    def test_prices_by_number_of_persons(self):
        self._rule(self.window_pricelist, self.group, 35, min_quantity=30)
        self.assertEqual(
            self._prices((self.group, self.visit_date), (self.adult, None)),
            [[[1, 50], [10, 40], [30, 35]], [[1, 60]]],
        )

    def test_a_list_that_builds_on_another(self):
        self.member_pricelist.item_ids.unlink()
        self.env["product.pricelist.item"].create(
            {
                "pricelist_id": self.member_pricelist.id,
                "applied_on": "3_global",
                "compute_price": "percentage",
                "base": "pricelist",
                "base_pricelist_id": self.window_pricelist.id,
                "percent_price": 50,
            }
        )
        found = self._prices(
            (self.adult, self.holiday),
            (self.group, self.holiday),
            pricelist=self.member_pricelist,
        )
        self.assertEqual(found, [[[1, 40]], [[1, 25], [10, 20]]])

    def test_questions_that_are_none(self):
        config = self.config.with_user(self.cashier)
        adult = self.adult.id
        for visits in (
            "x",
            [adult],
            [[adult]],
            [[adult, "someday"]],
            [[True, None]],
            [["1", None]],
            [[2**31 - 1, None]],
            [[self.souvenir.id, None]],
            [[adult, None]] * 501,
        ):
            with self.subTest(visits=visits), self.assertRaises(WindowError):
                config.scenic_prices(visits)

    # ------------------------------------------------------------
    # What the sale takes
    # ------------------------------------------------------------

    def test_the_price_of_the_day_is_taken(self):
        order = self._sell(self._priced(60), self._priced(80, self.holiday))
        self.assertEqual(order.amount_total, 140)

    def test_the_price_of_another_day_is_refused(self):
        self._assert_refused(self._priced(60, self.holiday))
        self._assert_refused(self._priced(80))
        self._assert_refused(self._priced(0))

    def test_the_number_of_persons_counts(self):
        def group(quantity, price):
            return self._priced(price, product=self.group, quantity=quantity)

        self._sell(group(9, 50))
        self._sell(group(12, 40))
        self._assert_refused(group(9, 40))

    def test_the_list_of_the_order_counts(self):
        members = {"pricelist_id": self.member_pricelist.id}
        self._sell(self._priced(45.5), **members)
        self._assert_refused(self._priced(60), **members)
        agency = self.env["product.pricelist"].create({"name": "Agency"})
        self._rule(agency, self.adult, 1)
        self._assert_refused(self._priced(1), pricelist_id=agency.id)
        self._sell(self._priced(60), pricelist_id=False)

    def test_a_list_of_another_window_lends_no_manual_price(self):
        agency = self.env["product.pricelist"].create({"name": "Agency"})
        self._assert_refused(
            self._visit(price_unit=1, price_type="manual"), pricelist_id=agency.id
        )

    def test_a_price_by_hand(self):
        by_hand = {"price_unit": 12, "price_type": "manual"}
        self._sell(self._visit(**by_hand))
        self.config.restrict_price_control = True
        self._assert_refused(self._visit(**by_hand))
        self._sell(self._visit(price_unit=60, price_type="manual"))
        manager = self.env.user
        self._sell(self._visit(**by_hand), user=manager)

    def test_what_an_offline_till_has_sold_is_a_fact(self):
        sold_at = fields.Datetime.subtract(fields.Datetime.now(), days=1)
        order = self._sell(
            self._priced(55), date_order=fields.Datetime.to_string(sold_at)
        )
        self.assertEqual(order.amount_total, 55)

    def test_a_choice_of_an_attribute_costs_extra(self):
        attribute = self.env["product.attribute"].create(
            {
                "name": "Seat",
                "create_variant": "no_variant",
                "value_ids": [
                    Command.create({"name": "Back"}),
                    Command.create({"name": "Front", "default_extra_price": 5}),
                ],
            }
        )
        line = self.env["product.template.attribute.line"].create(
            {
                "product_tmpl_id": self.adult.product_tmpl_id.id,
                "attribute_id": attribute.id,
                "value_ids": [Command.set(attribute.value_ids.ids)],
            }
        )
        front = line.product_template_value_ids[1]
        chosen = {"attribute_value_ids": [Command.set(front.ids)]}
        self._sell(self._priced(65, **chosen))
        self._assert_refused(self._priced(60, **chosen))
