from uuid import uuid4

from odoo import Command, fields
from odoo.tests import new_test_user

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.point_of_sale.tests.test_frontend import TestPointOfSaleHttpCommon
from odoo.addons.scenic_ticket_base.tests.browser import BrowserMixin
from odoo.addons.scenic_ticket_base.tests.common import ScenicMixin


class ScenicPosMixin(ScenicMixin):
    """A ticket window with a cashier, three ticket products and their prices.

    To be mixed into a test class that has a chart of accounts.
    """

    @classmethod
    def get_default_groups(cls):
        return (
            super().get_default_groups()
            | cls.quick_ref("point_of_sale.group_pos_manager")
            | cls.quick_ref("scenic_ticket_base.group_scenic_manager")
        )

    @classmethod
    def _setup_window(cls):
        cls.env["res.lang"]._activate_lang("en_US")
        company = cls.env.company
        company.account_default_pos_receivable_account_id = cls.env[
            "account.account"
        ].create(
            {
                "name": "Window Receivable",
                "code": "SCW112",
                "account_type": "asset_receivable",
                "reconcile": True,
            }
        )
        cls.tax_account = cls._scenic_account("SCW221", "VAT", "liability_current")
        cls.tax_6 = cls._create_tax("VAT 6% included", 6)
        window = {
            "available_in_pos": True,
            "taxes_id": [Command.set(cls.tax_6.ids)],
        }
        cls.adult = cls._scenic_product("Adult Ticket", "individual", 60.0, **window)
        cls.group = cls._scenic_product("Group Ticket", "group", 50.0, **window)
        cls.combo = cls._scenic_product(
            "Hill and Cave",
            "individual",
            99.99,
            components=[(cls.scenic_area, 1, 60.0), (cls.scenic_spot, 1, 40.0)],
            **window,
        )
        cls.souvenir = cls.env["product.product"].create(
            {"name": "Magnet", "type": "consu", "list_price": 9.9, **window}
        )
        cls._setup_prices()
        cls.cashier = new_test_user(
            cls.env,
            login="scenic_cashier",
            groups="base.group_user,point_of_sale.group_pos_user,"
            "scenic_ticket_base.group_scenic_cashier",
            name="Window Cashier",
            lang="en_US",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    @classmethod
    def _create_tax(cls, name, amount):
        """A percentage included in the price, booked on ``tax_account``."""
        tax = cls.env["account.tax"].create(
            {
                "name": name,
                "amount": amount,
                "amount_type": "percent",
                "type_tax_use": "sale",
                "price_include_override": "tax_included",
            }
        )
        parts = tax.invoice_repartition_line_ids + tax.refund_repartition_line_ids
        parts.filtered(
            lambda line: line.repartition_type == "tax"
        ).account_id = cls.tax_account
        return tax

    @classmethod
    def _setup_prices(cls):
        """The window's list (groups of 10 pay less) and the members' list."""
        currency = cls.env.company.currency_id
        group_rule = Command.create(
            {
                "applied_on": "1_product",
                "product_tmpl_id": cls.group.product_tmpl_id.id,
                "min_quantity": 10,
                "compute_price": "fixed",
                "fixed_price": 40,
            }
        )
        cls.window_pricelist = cls.env["product.pricelist"].create(
            {
                "name": "Window Prices",
                "currency_id": currency.id,
                "item_ids": [group_rule],
            }
        )
        cls.member_pricelist = cls.env["product.pricelist"].create(
            {
                "name": "Member Prices",
                "currency_id": currency.id,
                "item_ids": [
                    group_rule,
                    Command.create(
                        {
                            "applied_on": "1_product",
                            "product_tmpl_id": cls.adult.product_tmpl_id.id,
                            "compute_price": "fixed",
                            "fixed_price": 45.5,
                        }
                    ),
                ],
            }
        )
        cls.member = cls.env["res.partner"].create({"name": "Member Wang"})
        cls.member.property_product_pricelist = cls.member_pricelist

    # ------------------------------------------------------------
    # What a window sends
    # ------------------------------------------------------------

    def _line_vals(self, product, qty, **values):
        return {
            "uuid": str(uuid4()),
            "product_id": product.id,
            "qty": qty,
            "price_unit": product.lst_price,
            # the test says what it costs; "original": the price list does
            "price_type": "manual",
            "discount": 0,
            "tax_ids": [Command.set(product.taxes_id.ids)],
            "full_product_name": product.display_name,
            "pack_lot_ids": [],
            **values,
        }

    def _order_vals(self, lines, state="paid", **values):
        """The order that the window would send for these lines, fully paid in cash."""
        session = self.config.current_session_id
        untaxed, tax = self._totals(lines)
        total = session.currency_id.round(untaxed + tax)
        order = {
            "uuid": str(uuid4()),
            "access_token": str(uuid4()),
            "session_id": session.id,
            "user_id": self.cashier.id,
            "company_id": self.env.company.id,
            "partner_id": False,
            "pricelist_id": self.config.pricelist_id.id,
            "fiscal_position_id": False,
            "date_order": fields.Datetime.to_string(fields.Datetime.now()),
            "pos_reference": f"26-{session.id}-{uuid4().hex[:6]}",
            "sequence_number": 1,
            "last_order_preparation_change": "{}",
            "to_invoice": False,
            "is_refund": any(line["qty"] < 0 for line in lines),
            "state": state,
            "amount_total": total,
            "amount_tax": tax,
            "amount_paid": total if state == "paid" else 0,
            "amount_return": 0,
            "lines": [Command.create({**line}) for line in lines],
            "payment_ids": [],
            **values,
        }
        if state == "paid" and "payment_ids" not in values:
            order["payment_ids"] = [self._payment(order["amount_total"])]
        return order

    def _payment(self, amount):
        return Command.create(
            {
                "uuid": str(uuid4()),
                "name": fields.Datetime.to_string(fields.Datetime.now()),
                "amount": amount,
                "payment_method_id": self.cash_method.id,
            }
        )

    def _totals(self, lines):
        """Fill in the line amounts and return the totals, as the client does."""
        AccountTax = self.env["account.tax"]
        currency = self.env.company.currency_id
        base_lines = []
        for line in lines:
            taxes = AccountTax.browse(
                [tax_id for command in line["tax_ids"] for tax_id in command[2]]
            )
            base_line = AccountTax._prepare_base_line_for_taxes_computation(
                {},
                product_id=self.env["product.product"].browse(line["product_id"]),
                currency_id=currency,
                quantity=line["qty"],
                price_unit=line["price_unit"],
                discount=line["discount"],
                tax_ids=taxes,
                extra_tax_data=line.get("extra_tax_data") or {},
            )
            extra = line.get("extra_tax_data") or {}
            if extra and not taxes:  # the client honours it without taxes, too
                base_line["manual_total_excluded_currency"] = extra[
                    "manual_total_excluded_currency"
                ]
            base_lines.append(base_line)
        AccountTax._add_tax_details_in_base_lines(base_lines, self.env.company)
        AccountTax._round_base_lines_tax_details(base_lines, self.env.company)
        for line, base_line in zip(lines, base_lines, strict=True):
            details = base_line["tax_details"]
            line["price_subtotal"] = details["total_excluded_currency"]
            line["price_subtotal_incl"] = details["total_included_currency"]
        summary = AccountTax._get_tax_totals_summary(
            base_lines, currency, self.env.company
        )
        return summary["base_amount_currency"], summary["tax_amount_currency"]

    def _sync(self, *orders, user=None):
        """Send orders as the cashier's window does; return the answer."""
        return (
            self.env["pos.order"]
            .with_user(user or self.cashier)
            .with_context(config_id=self.config.id, device_identifier="test")
            .sync_from_ui([{**order} for order in orders])
        )

    def _stranger(self, role="supervisor"):
        """Return somebody who serves at the windows of another company.

        :param str role: ``cashier`` or ``supervisor``
        """
        company = self.setup_other_company()["company"]
        return new_test_user(
            self.env,
            "stranger",
            "base.group_user,point_of_sale.group_pos_user,"
            f"scenic_ticket_base.group_scenic_{role}",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    def _sell(self, *lines, user=None, **values):
        """Sell lines ``(product, qty)`` or line values; return the order."""
        vals = self._order_vals(
            [
                line if isinstance(line, dict) else self._line_vals(*line)
                for line in lines
            ],
            **values,
        )
        self._sync(vals, user=user)
        return self.env["pos.order"].search([("uuid", "=", vals["uuid"])])

    def _refund_vals(self, quantities, **values):
        """The refund order that the window sends for ``{sold line: persons}``."""
        quotes = (
            self.env["pos.order"]
            .with_user(self.cashier)
            .scenic_refund_quote({str(k.id): v for k, v in quantities.items()})
        )
        lines = []
        for origin, quantity in quantities.items():
            lines.append(
                self._line_vals(
                    origin.product_id,
                    -quantity,
                    price_unit=origin.price_unit,
                    discount=origin.discount,
                    tax_ids=[Command.set(origin.tax_ids.ids)],
                    refunded_orderline_id=origin.id,
                    extra_tax_data=quotes[origin.id]["extra_tax_data"],
                )
            )
        return self._order_vals(lines, **values)

    def _refund(self, quantities, **values):
        vals = self._refund_vals(quantities, **values)
        self._sync(vals)
        return self.env["pos.order"].search([("uuid", "=", vals["uuid"])])

    def _admit(self, tickets):
        """Use one entry of each ticket, as a gate leaves it behind."""
        for ticket in tickets.sudo():
            entitlement = ticket.entitlement_ids[0]
            entitlement.entries_used += 1
            complete = all(
                right.entries_used == right.entries_total
                for right in ticket.entitlement_ids
            )
            ticket.state = "used" if complete else "part_used"

    # ------------------------------------------------------------
    # Books
    # ------------------------------------------------------------

    def _open_session(self):
        self.config.with_user(self.cashier).open_ui()
        session = self.config.current_session_id
        session.with_user(self.cashier).set_opening_control(0, "")
        return session

    def _close_session(self):
        session = self.config.current_session_id
        session.post_closing_cash_details(session.cash_register_balance_end)
        session.close_session_from_ui()
        self.assertEqual(session.state, "closed")
        return session

    def _liability_balance(self):
        """What the books owe to ticket holders, a positive figure."""
        return -sum(
            self.env["account.move.line"]
            .search(
                [
                    ("account_id", "=", self.scenic_liability.id),
                    ("parent_state", "=", "posted"),
                ]
            )
            .mapped("balance")
        )

    def _open_amount(self):
        return sum(self.env["scenic.ticket"].search([]).mapped("amount_open"))

    def _assert_books_agree(self):
        self.assertEqual(
            self.env.company.currency_id.compare_amounts(
                self._liability_balance(), self._open_amount()
            ),
            0,
            f"liability {self._liability_balance()}, tickets {self._open_amount()}",
        )


class ScenicPosCommon(ScenicPosMixin, AccountTestInvoicingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Texts are compared in English, whatever the language of the database.
        cls.env = cls.env(context={**cls.env.context, "lang": "en_US"})
        cls._setup_window()
        cls.cash_method = cls.env["pos.payment.method"].create(
            {
                "name": "Cash",
                "journal_id": cls.company_data["default_journal_cash"].id,
            }
        )
        cls.config = cls.env["pos.config"].create(
            {
                "name": "South Gate",
                "journal_id": cls.company_data["default_journal_sale"].id,
                "invoice_journal_id": cls.company_data["default_journal_sale"].id,
                "payment_method_ids": [Command.set(cls.cash_method.ids)],
                "use_pricelist": True,
                "pricelist_id": cls.window_pricelist.id,
                "available_pricelist_ids": [
                    Command.set((cls.window_pricelist + cls.member_pricelist).ids)
                ],
            }
        )

    def setUp(self):
        super().setUp()
        self._open_session()


class ScenicPosTourCommon(BrowserMixin, ScenicPosMixin, TestPointOfSaleHttpCommon):
    """The window in a browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "lang": "en_US"})
        cls._setup_window()
        cls.config = cls.main_pos_config
        cls.config.write(
            {
                "pricelist_id": cls.window_pricelist.id,
                "available_pricelist_ids": [
                    Command.set((cls.window_pricelist + cls.member_pricelist).ids)
                ],
            }
        )
        cls.cash_method = cls.config.payment_method_ids.filtered("is_cash_count")[:1]

    def start_pos_tour(self, *args, **kwargs):
        super().start_pos_tour(*args, login=self.cashier.login, **kwargs)
