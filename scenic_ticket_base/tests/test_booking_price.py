from datetime import date, timedelta

from odoo import Command
from odoo.tests import tagged

from ..exceptions import BookingError
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestBookingPrice(ScenicCommon):
    """Prices and taxes of the core are those of an invoice on the visit date."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref("product.group_product_pricelist")
        cls.pricelist = cls._pricelist("Season")
        cls.channel = cls.env["scenic.channel"].search([("code", "=", "web")])
        cls.channel.pricelist_id = cls.pricelist
        cls.partner = cls.env["res.partner"].create({"name": "林静怡"})
        cls.bookings = cls.env["scenic.booking"]

    @classmethod
    def _pricelist(cls, name, *rules):
        return cls.env["product.pricelist"].create(
            {
                "name": name,
                "currency_id": cls.env.company.currency_id.id,
                "item_ids": [Command.create(rule) for rule in rules],
            }
        )

    @classmethod
    def _rule(cls, pricelist, price, **values):
        return cls.env["product.pricelist.item"].create(
            {
                "pricelist_id": pricelist.id,
                "applied_on": "0_product_variant",
                "product_id": cls.scenic_individual.id,
                "compute_price": "fixed",
                "fixed_price": price,
                **values,
            }
        )

    @classmethod
    def _tax(cls, amount, included):
        return cls.env["account.tax"].create(
            {
                "name": f"{amount} % {included}",
                "amount": amount,
                "price_include_override": "tax_included"
                if included
                else "tax_excluded",
            }
        )

    def _line(self, product=None, quantity=1, **values):
        return {
            "product_id": (product or self.scenic_individual).id,
            "quantity": quantity,
            "visit_date": self.visit_date,
            **values,
        }

    def _quote(self, *lines, **kwargs):
        return self.bookings._quote("web", list(lines), **kwargs)

    def _price(self, **kwargs):
        values = kwargs.pop("line", {})
        [line] = self._quote(self._line(**values), **kwargs)["lines"]
        return line["price_unit"]

    # Which price

    def test_price_of_the_visit_date_not_of_today(self):
        """A rule is for the days it names, from the first to the last one."""
        first = self.visit_date
        self._rule(
            self.pricelist,
            180,
            date_start=f"{first} 00:00:00",
            date_end=f"{first + timedelta(days=1)} 23:59:59",
        )
        prices = [
            self._price(line={"visit_date": first + timedelta(days=days)})
            for days in (-1, 0, 1, 2)
        ]
        self.assertEqual(prices, [100, 180, 180, 100])

    def test_noon_at_the_site_decides(self):
        """A rule written in the clock of another continent means the same day."""
        self.scenic_area.tz = "America/Los_Angeles"
        # 00:00 to 23:59 of the visit date in Los Angeles, in UTC
        self._rule(
            self.pricelist,
            180,
            date_start=f"{self.visit_date} 08:00:00",
            date_end=f"{self.visit_date + timedelta(days=1)} 07:59:59",
        )
        self.assertEqual(self._price(), 180)
        other = self.visit_date + timedelta(days=1)
        self.assertEqual(self._price(line={"visit_date": other}), 100)

    def test_price_without_a_visit_date_is_that_of_today(self):
        self.scenic_individual.scenic_validity_rule_id = self.scenic_rule_sale
        today = date.today()
        self._rule(
            self.pricelist,
            70,
            date_start=today - timedelta(days=2),
            date_end=today + timedelta(days=2),
        )
        self.assertEqual(self._price(line={"visit_date": None}), 70)

    def test_order_of_the_pricelists(self):
        """The one asked for, the customer's own, the channel's, the list price."""
        self._rule(self.pricelist, 90)
        own, asked = self._pricelist("Own"), self._pricelist("Asked")
        self._rule(own, 80)
        self._rule(asked, 70)
        self.assertEqual(self._price(), 90)
        self.assertEqual(self._price(partner=self.partner), 90)
        self.partner.property_product_pricelist = own
        self.assertEqual(self._price(partner=self.partner), 80)
        self.assertEqual(self._price(partner=self.partner, pricelist=asked), 70)
        self.channel.pricelist_id = False
        self.env["product.pricelist"].search([]).active = False
        self.assertEqual(self._price(), 100)

    def test_number_of_persons_decides_as_in_odoo(self):
        self._rule(self.pricelist, 60, min_quantity=10)
        self.assertEqual(self._price(line={"quantity": 9}), 100)
        self.assertEqual(self._price(line={"quantity": 10}), 60)

    def test_pricelist_of_another_company(self):
        other = self.env["res.company"].create({"name": "Other park"})
        self.pricelist.company_id = other
        with self.assertRaises(BookingError) as caught:
            self._quote(self._line())
        self.assertEqual(caught.exception.code, "PRICELIST_COMPANY")

    def test_price_in_another_currency(self):
        foreign = self.env["res.currency"].create(
            {
                "name": "XTS",
                "symbol": "¤",
                "rounding": 0.01,
                "rate_ids": [Command.create({"rate": 0.5, "name": "2020-01-01"})],
            }
        )
        self.pricelist.currency_id = foreign
        self._rule(self.pricelist, 45)
        self.assertEqual(self._price(), 90)

    # Taxes

    def test_tax_on_top(self):
        self.scenic_individual.taxes_id = self._tax(6, included=False)
        quote = self._quote(self._line(quantity=3))
        self.assertEqual(quote["amount_untaxed"], 300)
        self.assertEqual(quote["amount_total"], 318)
        self.assertEqual(quote["lines"][0]["price_unit"], 100)

    def test_tax_included(self):
        self.scenic_individual.taxes_id = self._tax(6, included=True)
        quote = self._quote(self._line(quantity=3))
        self.assertEqual(quote["amount_untaxed"], 283.02)
        self.assertEqual(quote["amount_total"], 300)

    def test_fiscal_position_of_the_customer(self):
        tax, none = self._tax(6, included=True), self._tax(0, included=True)
        self.scenic_individual.taxes_id = tax
        position = self.env["account.fiscal.position"].create({"name": "Exempt"})
        none.write({"fiscal_position_ids": position.ids, "original_tax_ids": tax.ids})
        self.partner.property_account_position_id = position
        quote = self._quote(self._line(), partner=self.partner)
        self.assertEqual(quote["amount_untaxed"], quote["amount_total"])
        self.assertEqual(quote["amount_total"], 94.34)
        self.assertEqual(self._quote(self._line())["amount_total"], 100)

    def test_amounts_are_those_of_an_invoice(self):
        """The same taxes and rounding, so that no cent is looked for later."""
        self.scenic_individual.taxes_id = self._tax(6, included=False)
        self.scenic_group.taxes_id = self._tax(3, included=True)
        self._rule(self.pricelist, 33.33)
        quote = self._quote(
            self._line(quantity=7), self._line(self.scenic_group, quantity=13)
        )
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": line["product_id"],
                            "quantity": line["quantity"],
                            "price_unit": line["price_unit"],
                        }
                    )
                    for line in quote["lines"]
                ],
            }
        )
        self.assertEqual(quote["amount_untaxed"], invoice.amount_untaxed)
        self.assertEqual(quote["amount_total"], invoice.amount_total)
        self.assertEqual(
            [line["amount_untaxed"] for line in quote["lines"]],
            invoice.invoice_line_ids.mapped("price_subtotal"),
        )

    # Frozen

    def test_price_is_frozen_at_hold(self):
        rule = self._rule(self.pricelist, 90)
        booking = self.bookings._hold("web", "F1", [self._line(quantity=2)])
        rule.fixed_price = 500
        tickets = booking._confirm()
        self.assertEqual(tickets.mapped("amount_total"), [90, 90])
        self.assertEqual(booking.line_ids.price_unit, 90)

    def test_amounts_of_the_channel_are_kept(self):
        line = self._line(
            quantity=2, price_unit=55.5, amount_untaxed=100, amount_total=111
        )
        booking = self.bookings._hold("web", "F2", [line])
        line = booking.line_ids
        self.assertEqual(
            (line.price_unit, line.amount_untaxed, line.amount_total), (55.5, 100, 111)
        )

    def test_some_amounts_are_not_enough(self):
        for missing in ("price_unit", "amount_untaxed", "amount_total"):
            line = self._line(price_unit=1.0, amount_untaxed=1.0, amount_total=1.0)
            line[missing] = None
            with self.assertRaises(BookingError) as caught:
                self._quote(line)
            self.assertEqual(caught.exception.code, "AMOUNT_INVALID")

    def test_quote_takes_nothing(self):
        before = self.bookings.search_count([])
        quote = self._quote(self._line(quantity=4))
        self.assertEqual(quote["amount_total"], 400)
        self.assertEqual(self.bookings.search_count([]), before)

    def test_quote_counts_free_guides(self):
        self.scenic_group.scenic_guide_per = 10
        [line] = self._quote(self._line(self.scenic_group, quantity=21))["lines"]
        self.assertEqual((line["quantity"], line["free_persons"]), (21, 2))
        self.assertEqual(line["amount_total"], 1680)
