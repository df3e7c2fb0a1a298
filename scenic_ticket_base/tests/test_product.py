from psycopg2.errors import CheckViolation

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..exceptions import AccountMissingError
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestProduct(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template = cls.scenic_individual.product_tmpl_id

    def test_income_of_a_sale_is_the_liability(self):
        accounts = self.scenic_individual._get_product_accounts()
        self.assertEqual(accounts["income"], self.scenic_liability)
        self.assertEqual(self.template._scenic_revenue_account(), self.scenic_income)

    def test_income_of_other_products_is_untouched(self):
        plain = self.env["product.product"].create(
            {"name": "Map", "property_account_income_id": self.scenic_income.id}
        )
        self.assertEqual(plain._get_product_accounts()["income"], self.scenic_income)
        self.assertNotIn("scenic_revenue", plain._get_product_accounts())

    def test_own_deferral_account_wins(self):
        own = self._scenic_account("SCL009", "Own", "liability_current")
        self.template.scenic_deferral_account_id = own
        self.assertEqual(self.scenic_individual._get_product_accounts()["income"], own)

    def test_missing_liability_account_is_said_and_never_guessed(self):
        self.env.company.scenic_liability_account_id = False
        with self.assertRaises(AccountMissingError) as caught:
            self.scenic_individual._get_product_accounts()
        self.assertEqual(caught.exception.code, "ACCOUNT_MISSING")
        self.template.invalidate_recordset()
        self.assertIn("liability", self.template.scenic_warning)

    def test_same_account_on_both_sides_is_refused(self):
        self.template.property_account_income_id = self.scenic_liability
        with self.assertRaises(AccountMissingError):
            self.template._scenic_revenue_account()
        with self.assertRaises(ValidationError):
            self.template.scenic_deferral_account_id = self.scenic_liability

    def test_invoice_credits_the_liability(self):
        journal = self.env["account.journal"].create(
            {"name": "S", "code": "SCSAL", "type": "sale"}
        )
        receivable = self._scenic_account("SCR001", "Rec", "asset_receivable")
        partner = self.env["res.partner"].create(
            {"name": "P", "property_account_receivable_id": receivable.id}
        )
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "journal_id": journal.id,
                "partner_id": partner.id,
                "invoice_line_ids": [
                    Command.create({"product_id": self.scenic_individual.id})
                ],
            }
        )
        self.assertEqual(invoice.invoice_line_ids.account_id, self.scenic_liability)

    def test_ticket_is_a_service(self):
        with self.assertRaises(ValidationError):
            self._scenic_product("Goods", "individual", 1, type="consu")

    def test_class_codes_are_given_once(self):
        codes = (self.scenic_individual | self.scenic_group | self.scenic_combo).mapped(
            "scenic_class_code"
        )
        self.assertEqual(len(set(codes)), 3)
        self.assertTrue(all(codes))
        copy = self.template.copy()
        self.assertNotIn(copy.scenic_class_code, [0, *codes])
        self.assertEqual(len(copy.scenic_component_ids), 1)

    def test_class_code_fits_two_bytes(self):
        with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"):
            self.template.scenic_class_code = 65536
            self.template.flush_recordset()

    def test_product_with_tickets_stays_what_it_is(self):
        self._scenic_sell(self.scenic_individual)
        for values in (
            {"scenic_class_code": 60000},
            {"service_tracking": "no"},
            {"type": "consu"},
        ):
            with self.subTest(values=values), self.assertRaises(ValidationError):
                self.template.write(values)
        self.template.write({"name": "New name", "service_tracking": "scenic_ticket"})

    def test_component_needs_entries_and_share(self):
        for values in ({"entries": 0}, {"share": 0}, {"share": -1}):
            with (
                self.subTest(values=values),
                self.assertRaises(CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self.template.scenic_component_ids.write(values)
                self.template.scenic_component_ids.flush_recordset()

    def test_sold_component_is_archived_not_deleted(self):
        self._scenic_sell(self.scenic_combo)
        spot = self.scenic_combo.scenic_component_ids[1]
        with self.assertRaises(UserError):
            spot.unlink()
        spot.active = False
        ticket = self._scenic_sell(self.scenic_combo)
        self.assertEqual(ticket.entitlement_ids.site_id, self.scenic_area)
        self.assertEqual(ticket.entitlement_ids.amount, 140)

    def test_component_of_another_company_is_refused(self):
        other = self.env["res.company"].create({"name": "Other park"})
        site = self.env["scenic.site"].create(
            {"name": "x", "code": "X", "company_id": other.id}
        )
        with self.assertRaises(ValidationError):
            self.template.scenic_component_ids.site_id = site
        with self.assertRaises(ValidationError):
            self.template.write({"company_id": other.id})

    def test_form_makes_a_product_that_sells(self):
        form = Form(
            self.env["product.template"].with_context(
                default_type="service", default_service_tracking="scenic_ticket"
            )
        )
        form.name = "From the form"
        form.list_price = 50
        form.scenic_site_id = self.scenic_area
        form.scenic_validity_rule_id = self.scenic_rule
        self.assertIn("one entry to Test Hill", form.scenic_summary)
        product = form.save()
        product.property_account_income_id = self.scenic_income
        self.assertFalse(product.scenic_warning)
        ticket = self._scenic_sell(product.product_variant_id)
        self.assertEqual(ticket.entitlement_ids.site_id, self.scenic_area)
        self.assertEqual(len(ticket._qr_token()), 130)

    def test_summary_says_what_it_allows(self):
        self.assertEqual(
            self.scenic_combo.scenic_summary,
            "Valid on the visit date only; one entry to Test Hill; 2 entries to Test "
            "Cave; refundable in full until first use.",
        )
        self.assertIn(
            "one code for the whole group", self.scenic_group.scenic_summary.lower()
        )
        self.scenic_group.scenic_validity_rule_id = self.scenic_rule_sale
        self.assertIn(
            "valid for 3 days from the day of sale", self.scenic_group.scenic_summary
        )
