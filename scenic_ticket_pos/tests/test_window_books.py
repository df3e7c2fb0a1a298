from odoo import Command
from odoo.tests import tagged

from .common import ScenicPosCommon


@tagged("post_install", "-at_install")
class TestWindowBooks(ScenicPosCommon):
    """The liability account holds exactly what the tickets are worth."""

    def _set_rounding(self, method):
        self.env.company.tax_calculation_rounding_method = method

    def _ugly_lines(self):
        return [
            self._line_vals(self.adult, 3, price_unit=33.33),
            self._line_vals(self.adult, 7, price_unit=19.99, discount=10),
            self._line_vals(self.combo, 1),
            self._line_vals(self.group, 13, price_unit=41.7, discount=33.3),
            self._line_vals(self.souvenir, 1),
            self._line_vals(self.combo, 3, price_unit=21.53),
            self._line_vals(self.combo, 3, price_unit=21.53, discount=5),
        ]

    def _assert_lines_agree(self, order):
        """Tickets add up to their line, lines to the order."""
        tickets = order.lines.scenic_ticket_ids
        other = order.lines.filtered(lambda line: not line.scenic_ticket_ids)
        self.assertAlmostEqual(
            sum(tickets.mapped("amount_total"))
            + sum(other.mapped("price_subtotal_incl")),
            order.amount_total,
            2,
        )
        for line in order.lines - other:
            self.assertEqual(
                self.env.company.currency_id.compare_amounts(
                    sum(line.scenic_ticket_ids.entitlement_ids.mapped("amount")),
                    sum(line.scenic_ticket_ids.mapped("amount_untaxed")),
                ),
                0,
            )

    def test_close_session(self):
        for method in ("round_per_line", "round_globally"):
            with self.subTest(method=method):
                self._set_rounding(method)
                order = self._sell(*self._ugly_lines())
                self._assert_lines_agree(order)
                self._sell(*self._ugly_lines()[:3])
                self._close_session()
                self._assert_books_agree()
                self._open_session()

    def test_refund_in_the_same_session(self):
        for method in ("round_per_line", "round_globally"):
            with self.subTest(method=method):
                self._set_rounding(method)
                order = self._sell(*self._ugly_lines())
                self._refund({order.lines[0]: 1, order.lines[5]: 2})
                self._refund({order.lines[3]: 13})
                self._close_session()
                self._assert_books_agree()
                self._open_session()

    def test_refund_in_a_later_session(self):
        for method in ("round_per_line", "round_globally"):
            with self.subTest(method=method):
                self._set_rounding(method)
                order = self._sell(*self._ugly_lines())
                self._close_session()
                self._open_session()
                self._refund({order.lines[1]: 3, order.lines[2]: 1})
                self._close_session()
                self._assert_books_agree()
                self._open_session()

    def test_refund_ticket_by_ticket(self):
        """Cents lost by the unit price would add up; the tickets' own do not."""
        for method in ("round_per_line", "round_globally"):
            for discount in (0, 10):
                with self.subTest(method=method, discount=discount):
                    self._set_rounding(method)
                    before = self._liability_balance()
                    order = self._sell(
                        self._line_vals(
                            self.adult, 7, price_unit=33.33, discount=discount
                        ),
                        self._line_vals(self.combo, 3, price_unit=19.99),
                    )
                    refunded = 0
                    for _index in range(7):
                        refunded += self._refund({order.lines[0]: 1}).amount_total
                    for _index in range(3):
                        refunded += self._refund({order.lines[1]: 1}).amount_total
                    self.assertAlmostEqual(refunded, -order.amount_total, 2)
                    self._close_session()
                    self._assert_books_agree()
                    self.assertAlmostEqual(self._liability_balance(), before, 2)
                    self._open_session()

    def test_taxes_given_back_in_full(self):
        """Selling and refunding everything leaves no tax behind."""
        order = self._sell(self._line_vals(self.adult, 3, price_unit=33.35))
        self._refund({order.lines: 2})
        self._refund({order.lines: 1})
        self._close_session()
        balance = sum(
            self.env["account.move.line"]
            .search([("account_id", "=", self.tax_account.id)])
            .mapped("balance")
        )
        self.assertAlmostEqual(balance, 0, 2)

    def test_untaxed_and_twice_taxed(self):
        """Also where the product has no tax, or two."""
        levy = self._create_tax("Levy 1.5%", 1.5)
        for taxes in (self.env["account.tax"], self.tax_6 + levy):
            for method in ("round_per_line", "round_globally"):
                with self.subTest(taxes=taxes.mapped("name"), method=method):
                    self._set_rounding(method)
                    order = self._sell(
                        self._line_vals(
                            self.adult,
                            7,
                            price_unit=19.99,
                            discount=15,
                            tax_ids=[Command.set(taxes.ids)],
                        )
                    )
                    self._refund({order.lines: 2})
                    self._refund({order.lines: 1})
                    self._close_session()
                    self._assert_books_agree()
                    self._open_session()

    def test_price_without_tax(self):
        """A price the tax comes on top of."""
        self.tax_6.price_include_override = "tax_excluded"
        order = self._sell(*self._ugly_lines())
        self._refund({order.lines[1]: 2})
        self._close_session()
        self._assert_books_agree()

    def test_closing_entry_by_product(self):
        self._close_session()
        self.config.is_closing_entry_by_product = True
        self._open_session()
        order = self._sell(*self._ugly_lines())
        self._refund({order.lines[1]: 3})
        self._close_session()
        self._assert_books_agree()

    def test_invoiced(self):
        """An invoice credits the liability at once, and its refund debits it."""
        for method in ("round_per_line", "round_globally"):
            with self.subTest(method=method):
                self._set_rounding(method)
                order = self._sell(
                    *self._ugly_lines(), partner_id=self.member.id, to_invoice=True
                )
                self.assertTrue(order.account_move)
                self._assert_books_agree()
                self._refund(
                    {order.lines[1]: 2, order.lines[5]: 1},
                    partner_id=self.member.id,
                    to_invoice=True,
                )
                self._assert_books_agree()
                self._close_session()
                self._assert_books_agree()
                self._open_session()

    def test_invoiced_after_the_session(self):
        order = self._sell(*self._ugly_lines(), partner_id=self.member.id)
        self._close_session()
        self._assert_books_agree()
        order.action_pos_order_invoice()
        self.assertTrue(order.account_move)
        self._assert_books_agree()

    def test_admission_then_close(self):
        """Revenue may be earned before the session that sold the ticket closes."""
        order = self._sell(*self._ugly_lines())
        tickets = order.lines.scenic_ticket_ids
        for ticket in tickets[:5]:
            for entitlement in ticket.entitlement_ids:
                self.env["scenic.revenue.entry"]._recognise(
                    entitlement, 1, ticket.date_first
                )
        self.env["scenic.revenue.entry"].sudo()._cron_post()
        self._close_session()
        self._assert_books_agree()

    def test_session_posts_to_the_liability_only(self):
        order = self._sell((self.adult, 2), (self.group, 10))
        session = self._close_session()
        credit_lines = session.move_id.line_ids.filtered(
            lambda line: line.account_id == self.scenic_liability
        )
        self.assertAlmostEqual(
            -sum(credit_lines.mapped("balance")),
            sum(order.lines.scenic_ticket_ids.mapped("amount_untaxed")),
            2,
        )
        self.assertFalse(
            session.move_id.line_ids.filtered(
                lambda line: line.account_id == self.scenic_income
            )
        )
