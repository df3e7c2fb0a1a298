from datetime import timedelta

from psycopg2.errors import CheckViolation, UniqueViolation

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import B2BCommon


@tagged("post_install", "-at_install")
class TestContract(B2BCommon):
    def test_only_agencies_have_contracts(self):
        customer = self.env["res.partner"].create({"name": "X", "is_company": True})
        with self.assertRaises(ValidationError):
            self._make_contract(customer, self.scenic_individual)

    def test_only_ticket_products_are_granted(self):
        plain = self.env["product.product"].create({"name": "Map"})
        with self.assertRaises(ValidationError):
            self._make_contract(self.agency, plain)

    def test_a_contract_without_products_cannot_run(self):
        with self.assertRaises(ValidationError):
            self._make_contract(self.agency)

    @mute_logger("odoo.sql_db")
    def test_impossible_limits(self):
        for values in (
            {"date_end": self.today - timedelta(days=1)},
            {"max_quantity": 0},
            {"max_quantity": 5001},
            {"max_days_ahead": -1},
        ):
            with self.assertRaises(CheckViolation), self.env.cr.savepoint():
                self.contract.write(values)
                self.contract.flush_recordset()

    @mute_logger("odoo.sql_db")
    def test_a_product_is_granted_once(self):
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            self.contract.line_ids = [
                Command.create(
                    {"product_tmpl_id": self.scenic_combo.product_tmpl_id.id}
                )
            ]
            self.env.flush_all()

    def test_only_the_company_itself_is_an_agency(self):
        with self.assertRaises(ValidationError):
            self.agent.partner_id.is_scenic_agency = True

    def test_an_agency_with_a_running_contract_stays_one(self):
        with self.assertRaises(ValidationError):
            self.agency.is_scenic_agency = False
        self.contract.action_close()
        self.agency.is_scenic_agency = False

    def test_grants_follow_contract_state_dates_and_product(self):
        def granted():
            return self.agency._scenic_grants(self.env.company).product_tmpl_id

        templates = (
            self.scenic_individual | self.scenic_group | self.scenic_combo
        ).product_tmpl_id
        self.assertEqual(granted(), templates)
        self.scenic_combo.product_tmpl_id.sale_ok = False
        self.assertEqual(granted(), templates - self.scenic_combo.product_tmpl_id)
        self.contract.date_start -= timedelta(days=30)
        self.contract.date_end = self.today
        self.assertTrue(granted(), "the last day still counts")
        self.contract.date_end = self.today - timedelta(days=1)
        self.assertFalse(granted())
        self.contract.date_end = self.today + timedelta(days=1)
        self.contract.action_close()
        self.assertFalse(granted())

    def test_portal_users_are_counted(self):
        self.assertEqual(self.agency.scenic_portal_user_count, 2)
        self.assertEqual(self.other_agency.scenic_portal_user_count, 1)

    def test_portal_access_opens_odoos_wizard_with_the_contacts(self):
        action = self.agency.action_scenic_portal_access()
        wizard = self.env["portal.wizard"].browse(action["res_id"])
        self.assertIn(self.agent.partner_id, wizard.user_ids.partner_id)
        self.assertNotIn(self.stranger.partner_id, wizard.user_ids.partner_id)

    def test_who_may_change_contracts(self):
        for group, may_write in (
            ("scenic_ticket_base.group_scenic_manager", True),
            ("scenic_ticket_base.group_scenic_customer_service", False),
            ("scenic_ticket_base.group_scenic_finance", False),
            ("scenic_ticket_base.group_scenic_auditor", False),
        ):
            user = new_test_user(self.env, login=f"user.{group}", groups=group)
            contract = self.contract.with_user(user)
            self.assertEqual(contract.name, self.contract.name)
            if may_write:
                contract.max_quantity = 100
            else:
                with self.assertRaises(AccessError):
                    contract.max_quantity = 100
        for group in (
            "scenic_ticket_base.group_scenic_cashier",
            "scenic_ticket_base.group_scenic_gate_operator",
        ):
            user = new_test_user(self.env, login=f"user.{group}", groups=group)
            with self.assertRaises(AccessError):
                self.contract.with_user(user).read(["name"])
