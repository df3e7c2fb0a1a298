from psycopg2 import IntegrityError
from psycopg2.errors import UniqueViolation

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestSite(ScenicCommon):
    def test_code_must_fit_the_signature(self):
        for code in ("yunxi", "云溪", "", "TOOLONG99", "A B", "A\n"):
            with (
                self.subTest(code=code),
                self.assertRaises(IntegrityError),
                self.env.cr.savepoint(),
                mute_logger("odoo.sql_db"),
            ):
                self.env["scenic.site"].create({"name": "x", "code": code})

    def test_code_is_unique_per_company(self):
        other = self.env["res.company"].create({"name": "Other park"})
        self.env["scenic.site"].create(
            {"name": "same", "code": "TESTHILL", "company_id": other.id}
        )
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"):
            self.env["scenic.site"].create({"name": "same", "code": "TESTHILL"})

    def test_code_is_frozen_by_the_first_ticket(self):
        self.scenic_area.code = "BEFORE"
        self._scenic_sell(self.scenic_individual)
        with self.assertRaises(ValidationError):
            self.scenic_area.code = "AFTER"
        self.scenic_area.write({"code": "BEFORE", "name": "New name"})
        self.scenic_spot.code = "FREE"

    def test_tree_has_no_cycle_and_one_company(self):
        with self.assertRaises(UserError):
            self.scenic_area.parent_id = self.scenic_spot
        other = self.env["res.company"].create({"name": "Other park"})
        with self.assertRaises(ValidationError):
            self.env["scenic.site"].create(
                {
                    "name": "x",
                    "code": "X",
                    "company_id": other.id,
                    "parent_id": self.scenic_area.id,
                }
            )

    def test_display_name_shows_the_area(self):
        self.assertEqual(self.scenic_spot.display_name, "Test Hill / Test Cave")
