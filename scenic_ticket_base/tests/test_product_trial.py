from datetime import date

from odoo import Command
from odoo.tests import Form, freeze_time, new_test_user, tagged

from .common import ScenicCommon

TUESDAY = date(2027, 6, 1)


@tagged("post_install", "-at_install")
class TestProductTrial(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env, "trial_manager", "scenic_ticket_base.group_scenic_manager"
        )
        cls.startClassPatcher(freeze_time("2027-05-01 02:00:00"))

    def _trial(self, product, **values):
        form = Form(
            self.env["scenic.product.trial"]
            .with_user(self.manager)
            .with_context(lang="en_US", default_product_id=product.id)
        )
        form.visit_date = TUESDAY
        for name, value in values.items():
            form[name] = value
        return form

    def test_answer_is_what_a_sale_would_give(self):
        self.env["scenic.opening.hours"].create(
            {"name": "x", "site_id": self.scenic_area.id, "last_admission": 60}
        )
        form = self._trial(self.scenic_individual, quantity=2)
        self.assertFalse(form.refusal)
        self.assertEqual(form.amount_total, 200)
        self.assertEqual(form.window_text, "2027-06-01 08:00 to 2027-06-01 17:00")
        self.assertEqual(form.reservation, "none")
        bookings = self.env["scenic.booking"].search_count([])
        form.save()
        self.assertEqual(self.env["scenic.booking"].search_count([]), bookings)

    def test_a_window_until_midnight_ends_at_24(self):
        form = self._trial(self.scenic_individual)
        self.assertEqual(form.window_text, "2027-06-01 00:00 to 2027-06-01 24:00")

    def test_refusal_names_the_next_date(self):
        self.scenic_rule.write(
            {
                "wednesday": False,
                "blackout_ids": [
                    Command.create(
                        {"name": "x", "date_from": TUESDAY, "date_to": TUESDAY}
                    )
                ],
            }
        )
        form = self._trial(self.scenic_individual)
        self.assertIn("does not admit on", form.refusal)
        self.assertEqual(form.next_date, date(2027, 6, 3))
        self.assertFalse(form.window_text)
        trial = form.save()
        trial.action_next_date()
        self.assertEqual(trial.visit_date, date(2027, 6, 3))
        self.assertFalse(trial.refusal)
        self.assertEqual(trial.amount_total, 100)

    def test_group_has_its_guides(self):
        self.scenic_group.product_tmpl_id.write(
            {"scenic_min_persons": 10, "scenic_guide_per": 16}
        )
        action = self.scenic_group.product_tmpl_id.action_try_scenic_date()
        self.assertEqual(action["context"]["default_quantity"], 10)
        form = self._trial(self.scenic_group, quantity=32)
        self.assertEqual(form.free_persons, 2)
        self.assertEqual(form.amount_total, 32 * 80)
        form.quantity = 9
        self.assertIn("10 persons or more", form.refusal)

    def test_places_left(self):
        self.env["scenic.capacity.pool"].create(
            {
                "name": "Day",
                "site_id": self.scenic_area.id,
                "kind": "day",
                "capacity": 7,
            }
        )
        self._scenic_sell(self.scenic_individual, 3, visit_date=TUESDAY)
        form = self._trial(self.scenic_individual)
        self.assertEqual(form.places, "4")
