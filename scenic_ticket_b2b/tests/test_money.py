from odoo import Command
from odoo.tests import tagged

from .common import B2BCommon

UGLY = (33.33, 0.07, 19.99, 100.1, 66.67)


@tagged("post_install", "-at_install")
class TestMoney(B2BCommon):
    """Liability = open tickets, whatever prices and taxes look like."""

    @classmethod
    def _tax(cls, amount, included):
        cls._tax_count = getattr(cls, "_tax_count", 0) + 1
        return cls.tax_sale_a.copy(
            {
                "name": f"Tax {cls._tax_count}: {amount} {included}",
                "amount": amount,
                "price_include_override": (
                    "tax_included" if included else "tax_excluded"
                ),
            }
        )

    def _ugly_order(self, taxes, **values):
        """Several products of ugly prices, ordered together."""
        products = self.env["product.product"]
        for price in UGLY:
            products |= self._scenic_product(
                f"Ugly {price}",
                "individual",
                price,
                components=[(self.scenic_area, 1, 1.0), (self.scenic_spot, 3, 2.0)],
                taxes_id=[Command.set(taxes.ids)],
            )
        self._make_contract(self.agency, *products)
        return self._make_order(
            *((product, count) for count, product in enumerate(products, 1)), **values
        )

    def _assert_money(self, order):
        tickets = order.scenic_booking_id.ticket_ids
        invoice = order.invoice_ids
        self.assertAlmostEqual(self._liability_balance(), invoice.amount_untaxed)
        self.assertAlmostEqual(
            sum(tickets.mapped("amount_untaxed")), invoice.amount_untaxed
        )
        self.assertAlmostEqual(
            sum(tickets.mapped("amount_total")), invoice.amount_total
        )
        self.assertAlmostEqual(
            sum(tickets.entitlement_ids.mapped("amount")), invoice.amount_untaxed
        )
        self.assertLiabilityIsOpenTickets()
        order.action_cancel()
        self.assertAlmostEqual(self._liability_balance(), 0)
        self.assertLiabilityIsOpenTickets()

    def test_taxes_and_rounding(self):
        company = self.env.company
        for method in ("round_per_line", "round_globally"):
            for taxes in (
                self.env["account.tax"],
                self._tax(6, True),
                self._tax(6, False),
                self._tax(9.9, True) | self._tax(1, False),
                self._tax(3, True),
            ):
                with self.subTest(method=method, taxes=taxes.mapped("name")):
                    company.tax_calculation_rounding_method = method
                    self._assert_money(self._ugly_order(taxes))

    def test_discount(self):
        tax = self._tax(6, True)
        order = self._ugly_order(tax, state="draft", confirm=False)
        order.order_line.discount = 33.3
        order.action_confirm()
        self._assert_money(order)

    def test_percentage_pricelist_shown_as_discount(self):
        self.env["res.config.settings"].create(
            {"group_discount_per_so_line": True}
        ).execute()
        self.agency.property_product_pricelist.item_ids = [
            Command.create(
                {
                    "applied_on": "3_global",
                    "compute_price": "percentage",
                    "percent_price": 12.5,
                }
            )
        ]
        self._assert_money(self._ugly_order(self._tax(6, False)))

    def test_free_tickets(self):
        self.agency.property_product_pricelist.item_ids.fixed_price = 0
        order = self._make_order((self.scenic_individual, 2))
        self.assertEqual(order.scenic_ticket_count, 2)
        self.assertEqual(order.invoice_ids.state, "posted")
        self.assertEqual(self._liability_balance(), 0)
        self.assertLiabilityIsOpenTickets()

    def test_a_global_discount_line_does_not_touch_the_liability(self):
        order = self._make_order((self.scenic_individual, 3), confirm=False)
        self.env["sale.order.discount"].create(
            {
                "sale_order_id": order.id,
                "discount_type": "amount",
                "discount_amount": 33.33,
            }
        ).action_apply_discount()
        order.action_confirm()
        self.assertAlmostEqual(order.amount_total, 270 - 33.33)
        self.assertAlmostEqual(self._liability_balance(), 270)
        self.assertLiabilityIsOpenTickets()

    def test_the_identity_holds_through_admission_and_cancellation(self):
        tax = self._tax(6, True)
        orders = [self._ugly_order(tax) for _turn in range(2)]
        used = orders[0].scenic_booking_id.ticket_ids.entitlement_ids
        Entry = self.env["scenic.revenue.entry"]
        for entitlement in used[::2]:
            entitlement.sudo().entries_used = 1
            Entry._recognise(entitlement, 1, self.today)
        Entry.sudo()._cron_post()
        self.assertLiabilityIsOpenTickets()
        orders[1].action_cancel()
        self.assertLiabilityIsOpenTickets()
        self.assertGreater(self._liability_balance(), 0)

    def test_a_tax_without_account_is_refused(self):
        """Its amount would land on the liability, where no ticket carries it."""
        tax = self._tax(6, True)
        tax.invoice_repartition_line_ids.account_id = False
        self.scenic_individual.taxes_id = tax
        order = self._make_order((self.scenic_individual, 1), confirm=False)
        self.assertCode("LIABILITY_MIXED", order.action_confirm)
        self.assertEqual(self._liability_balance(), 0)
