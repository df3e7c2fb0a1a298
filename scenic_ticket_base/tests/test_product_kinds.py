from datetime import date, timedelta

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import Form, freeze_time, new_test_user, tagged

from ..exceptions import BookingError
from .common import ScenicCommon

STRAIGHT = {"scenic_revenue_trigger": "straight_line"}


@tagged("post_install", "-at_install")
class TestProductKinds(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.period = cls.env["scenic.validity.rule"].create(
            {"name": "One year", "mode": "period"}
        )
        cls.card = cls._scenic_product(
            "Card 年卡",
            "member",
            300,
            scenic_real_name="visitor",
            scenic_validity_rule_id=cls.period.id,
            **STRAIGHT,
        )
        cls.staff = cls._scenic_product(
            "Staff 员工卡",
            "staff",
            0,
            scenic_validity_rule_id=cls.period.id,
        )

    def _assert_refused(self, product, values, words):
        with self.assertRaises(ValidationError) as caught, self.env.cr.savepoint():
            product.product_tmpl_id.write(values)
        self.assertIn(words, str(caught.exception))
        self.env.invalidate_all()

    # --- combinations ------------------------------------------------------

    def test_group_fields_are_for_groups(self):
        for values in ({"scenic_min_persons": 10}, {"scenic_guide_per": 10}):
            for product in (self.scenic_individual, self.card, self.staff):
                self._assert_refused(product, values, "group tickets only")
            self.scenic_group.product_tmpl_id.write(values)
        self._assert_refused(
            self.scenic_group, {"scenic_ticket_kind": "individual"}, "group tickets"
        )

    def test_one_code_is_for_255_persons(self):
        self._assert_refused(self.scenic_group, {"scenic_min_persons": 256}, "255")
        self.scenic_group.product_tmpl_id.write(
            {"scenic_min_persons": 256, "scenic_group_codes": "each"}
        )
        self._assert_refused(self.scenic_group, {"scenic_group_codes": "one"}, "255")

    def test_c5_card_needs_a_period(self):
        for product in (self.card, self.staff):
            self._assert_refused(
                product, {"scenic_validity_rule_id": self.scenic_rule.id}, "period"
            )
            product.scenic_validity_rule_id = self.scenic_rule_sale

    def test_c2_staff_card_costs_nothing(self):
        self._assert_refused(self.staff, {"list_price": 1}, "given, not sold")
        with self.assertRaises(BookingError) as caught:
            self._scenic_sell(self.staff)
        self.assertEqual(caught.exception.code, "STAFF_NOT_SOLD")

    def test_unlimited_entries_have_no_price_each(self):
        component = self.scenic_individual.scenic_component_ids
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            component.unlimited = True
        self.env.invalidate_all()
        self.scenic_individual.product_tmpl_id.write(
            {
                "scenic_revenue_trigger": "visit_date",
                "scenic_component_ids": [
                    Command.update(component.id, {"unlimited": True})
                ],
            }
        )
        self._assert_refused(
            self.scenic_individual, {"scenic_revenue_trigger": "admission"}, "entries"
        )

    def test_revenue_on_the_visit_date_needs_one(self):
        self._assert_refused(
            self.card, {"scenic_revenue_trigger": "visit_date"}, "visit date"
        )

    def test_either_or_needs_two(self):
        area, spot = self.scenic_combo.scenic_component_ids
        template = self.scenic_combo.product_tmpl_id
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            area.choice_group = 1
        self.env.invalidate_all()
        both = [
            Command.update(component.id, {"choice_group": 1})
            for component in (area, spot)
        ]
        template.write({"scenic_component_ids": both})
        forged = spot.with_context(scenic_whole_product=True)
        for change in (
            lambda: spot.unlink(),
            lambda: spot.write({"active": False}),
            lambda: forged.write({"choice_group": 2}),
            lambda: template.write({"scenic_in_sequence": True}),
            lambda: template.write({"scenic_component_ids": [Command.delete(spot.id)]}),
        ):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                change()
            self.env.invalidate_all()
        self.assertEqual(template.scenic_component_ids.mapped("choice_group"), [1, 1])

    def test_sequence_needs_two(self):
        self._assert_refused(
            self.scenic_individual, {"scenic_in_sequence": True}, "two components"
        )
        self.scenic_combo.scenic_in_sequence = True
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.scenic_combo.scenic_component_ids[1].unlink()

    def test_minutes_from_first_need_a_second_entry(self):
        self._assert_refused(
            self.scenic_individual, {"scenic_minutes_from_first": 60}, "single entry"
        )
        self.scenic_combo.scenic_minutes_from_first = 60

    def test_daily_entries_are_part_of_all(self):
        component = self.scenic_individual.scenic_component_ids
        with self.assertRaises(ValidationError):
            component.daily_entries = 2
        component.write({"entries": 4, "daily_entries": 2})

    def test_other_products_are_left_alone(self):
        plain = self.env["product.template"].create(
            {"name": "Map", "scenic_ticket_kind": "staff", "list_price": 5}
        )
        plain.list_price = 6

    # --- the services of the booking ---------------------------------------

    def test_b2_group_sizes_and_guides(self):
        template = self.scenic_group.product_tmpl_id
        template.write({"scenic_min_persons": 10, "scenic_guide_per": 16})
        for quantity, expected in (
            (10, ([10], 0)),
            (15, ([15], 0)),
            (16, ([17], 1)),
            (47, ([49], 2)),
            (240, ([255], 15)),
        ):
            self.assertEqual(template._scenic_group_persons(quantity), expected)
        for quantity, code in ((9, "GROUP_TOO_SMALL"), (241, "GROUP_TOO_LARGE")):
            with self.assertRaises(BookingError) as caught:
                template._scenic_group_persons(quantity)
            self.assertEqual(caught.exception.code, code)
        template.scenic_group_codes = "each"
        self.assertEqual(template._scenic_group_persons(241), ([1] * 256, 15))
        individual = self.scenic_individual.product_tmpl_id
        self.assertEqual(individual._scenic_group_persons(3), ([1, 1, 1], 0))

    def test_slot_limits_the_components_at_its_site(self):
        slot = self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_spot.id,
                "date": "2027-06-01",
                "start": "2027-06-01 02:00:00",
                "end": "2027-06-01 03:00:00",
            }
        )
        template = self.scenic_combo.product_tmpl_id
        area, spot = template.scenic_component_ids
        day = date(2027, 6, 1)
        whole, windows = template._scenic_windows(slot.start, day, slot)
        hours = timedelta(hours=1)
        self.assertEqual(windows[area].valid_to - windows[area].valid_from, 24 * hours)
        self.assertEqual(
            windows[spot].valid_to - windows[spot].valid_from, 1.75 * hours
        )
        self.assertEqual(whole.valid_from, windows[area].valid_from)

    def test_component_may_have_a_validity_of_its_own(self):
        template = self.scenic_combo.product_tmpl_id
        area, spot = template.scenic_component_ids
        spot.validity_rule_id = self.env["scenic.validity.rule"].create(
            {"name": "A week", "days": 7, "monday": False}
        )
        day = date(2027, 6, 1)
        whole, windows = template._scenic_windows(
            self.env.cr.now(), day, self.env["scenic.slot"]
        )
        self.assertEqual(windows[area].span_days, 1)
        self.assertEqual(windows[spot].span_days, 7)
        self.assertEqual((whole.first_day, whole.span_days), (day, 7))
        with freeze_time("2027-05-20"):
            ticket = self._scenic_sell(self.scenic_combo, visit_date=day)
        self.assertEqual(ticket.span_days, 7)
        rights = ticket.entitlement_ids
        self.assertEqual(
            rights.mapped("validity_rule_id"),
            self.scenic_rule + spot.validity_rule_id,
        )
        self.assertEqual(rights.mapped("weekdays"), [127, 126])

    def test_window_is_asked_once_for_many_tickets(self):
        """What a line costs does not grow with its tickets."""
        template = self.scenic_combo.product_tmpl_id
        self._scenic_sell(self.scenic_combo)
        calls = []
        rule = type(self.scenic_rule)
        origin = rule._window

        def counted(*args, **kwargs):
            calls.append(args)
            return origin(*args, **kwargs)

        self.patch(rule, "_window", counted)
        counts = []
        for quantity in (1, 50):
            calls.clear()
            self._scenic_sell(self.scenic_combo, quantity)
            counts.append(len(calls))
        self.assertEqual(counts[0], counts[1])
        self.assertGreaterEqual(counts[0], len(template.scenic_component_ids))

    def test_blackout_and_weekday_reach_the_sale(self):
        day = date(2027, 6, 1)  # Tuesday
        self.scenic_rule.write(
            {
                "saturday": False,
                "blackout_ids": [
                    Command.create({"name": "x", "date_from": day, "date_to": day})
                ],
            }
        )
        with freeze_time("2027-05-20"):
            for visit, code in (
                (day, "DATE_BLACKOUT"),
                (date(2027, 6, 5), "DATE_WEEKDAY"),
            ):
                with self.assertRaises(BookingError) as caught:
                    self._scenic_sell(self.scenic_individual, visit_date=visit)
                self.assertEqual(caught.exception.code, code)
            ticket = self._scenic_sell(
                self.scenic_individual, visit_date=date(2027, 6, 2)
            )
        self.assertEqual(ticket.entitlement_ids.weekdays, 127 - 32)

    # --- the form ------------------------------------------------------------

    def _form(self, user=None, record=None):
        env = self.env(user=user) if user else self.env
        return Form(
            (record or self.env["product.template"])
            .with_env(env)
            .with_context(
                default_type="service",
                default_service_tracking="scenic_ticket",
                lang="en_US",
            )
        )

    def test_f2_manager_makes_each_kind_in_the_form(self):
        manager = new_test_user(
            self.env, "kinds_manager", "scenic_ticket_base.group_scenic_manager"
        )
        for kind, rule in (
            ("individual", self.scenic_rule),
            ("group", self.scenic_rule),
            ("member", self.period),
            ("staff", self.period),
        ):
            with self.subTest(kind=kind):
                form = self._form(manager)
                form.name = f"New {kind}"
                form.list_price = 10
                form.scenic_site_id = self.scenic_area
                form.scenic_ticket_kind = kind
                form.scenic_validity_rule_id = rule
                if kind == "group":
                    form.scenic_min_persons = 10
                    form.scenic_guide_per = 16
                product = form.save()
                self.assertEqual(product.scenic_ticket_kind, kind)
                self.assertTrue(product.scenic_class_code)
                self.assertEqual(
                    product.scenic_revenue_trigger,
                    "straight_line" if kind in ("member", "staff") else "admission",
                )
                self.assertEqual(product.list_price, 0 if kind == "staff" else 10)

    def test_f2_every_change_is_audited(self):
        """Type, price calendar, validity, refund and check policy."""
        manager = new_test_user(
            self.env, "audit_manager", "scenic_ticket_base.group_scenic_manager"
        )
        template = self.scenic_individual.product_tmpl_id.with_user(manager)
        rule = self.scenic_rule.with_user(manager)
        policy = self.env["scenic.refund.policy"].with_user(manager)
        pricelist = self.env["product.pricelist"].create({"name": "Season"})
        template.write(
            {"scenic_real_name": "visitor", "list_price": 90, "name": "Adults"}
        )
        template.scenic_refund_policy_id = policy.create({"name": "None"})
        template.scenic_component_ids.write({"entries": 2, "antipassback": "hard"})
        rule.write({"days": 2, "sunday": False})
        rule.blackout_ids = [
            Command.create(
                {"name": "x", "date_from": "2027-01-01", "date_to": "2027-01-02"}
            )
        ]
        item = (
            self.env["product.pricelist.item"]
            .with_user(manager)
            .create(
                {
                    "pricelist_id": pricelist.id,
                    "applied_on": "1_product",
                    "product_tmpl_id": template.id,
                    "compute_price": "fixed",
                    "fixed_price": 60,
                    "date_start": "2027-01-01",
                    "date_end": "2027-01-03",
                }
            )
        )
        for records, after in (
            (template, {"scenic_real_name": "visitor", "list_price": 90.0}),
            (template, {"scenic_refund_policy_id": "None"}),
            (template.scenic_component_ids, {"entries": 2, "antipassback": "hard"}),
            (rule, {"days": 2, "sunday": False}),
            (rule.blackout_ids, {"date_from": "2027-01-01"}),
            (item, {"fixed_price": 60.0, "date_start": "2027-01-01 00:00:00"}),
        ):
            entries = self.env["scenic.audit"].search(
                [
                    ("res_model", "=", records._name),
                    ("res_id", "=", records.id),
                    ("user_id", "=", manager.id),
                ]
            )
            found = [e.after for e in entries if after.items() <= e.after.items()]
            self.assertEqual(len(found), 1, (records, entries.mapped("after")))

    def test_preview_follows_what_is_typed(self):
        form = self._form()
        form.name = "Preview"
        form.scenic_site_id = self.scenic_area
        self.assertFalse(form.scenic_summary)
        form.scenic_validity_rule_id = self.scenic_rule
        self.assertEqual(
            form.scenic_summary,
            "Valid on the visit date only; one entry to Test Hill; refundable in full "
            "until first use.",
        )
        form.scenic_real_name = "visitor"
        with form.scenic_component_ids.edit(0) as component:
            component.entries = 3
            component.daily_entries = 1
            component.name = "Main Gate"
        self.assertIn("3 entries to Main Gate (at most 1 a day)", form.scenic_summary)
        self.assertIn("real name of every visitor", form.scenic_summary)
        form.scenic_ticket_kind = "group"
        form.scenic_min_persons = 10
        form.scenic_guide_per = 16
        self.assertTrue(
            form.scenic_summary.startswith(
                "One code for the whole group; 10 persons or more; one guide free for "
                "every 16 persons; valid on the visit date only;"
            ),
            form.scenic_summary,
        )

    def test_preview_of_a_combo(self):
        combo = self.scenic_combo.product_tmpl_id.with_context(lang="en_US")
        combo.write({"scenic_in_sequence": True, "scenic_minutes_from_first": 240})
        self.assertIn(
            "one entry to Test Hill; 2 entries to Test Cave; only in this order; all "
            "within 240 minutes of the first entry",
            combo.scenic_summary,
        )
        combo.write(
            {
                "scenic_in_sequence": False,
                "scenic_component_ids": [
                    Command.update(component.id, {"choice_group": 1})
                    for component in combo.scenic_component_ids
                ],
            }
        )
        self.assertIn(
            "only one of: one entry to Test Hill or 2 entries to Test Cave",
            combo.scenic_summary,
        )

    def test_preview_names_slots_where_there_are_some(self):
        template = self.scenic_individual.product_tmpl_id
        self.assertNotIn("time slot", template.scenic_summary)
        start = self.env.cr.now().replace(microsecond=0) + timedelta(days=2)
        self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_area.id,
                "date": start.date(),
                "start": start,
                "end": start + timedelta(hours=1),
            }
        )
        template.invalidate_recordset()
        self.assertIn(
            "from 15 minutes before to 30 minutes after the time slot",
            template.scenic_summary,
        )

    def test_price_calendar_shows_what_can_decide(self):
        template = self.scenic_individual.product_tmpl_id
        pricelist = self.env["product.pricelist"].create({"name": "Season"})
        category = self.env["product.category"].create({"name": "Tickets"})
        template.categ_id = self.env["product.category"].create(
            {"name": "Adults", "parent_id": category.id}
        )
        common = {"pricelist_id": pricelist.id, "compute_price": "fixed"}
        items = self.env["product.pricelist.item"].create(
            [
                {**common, "applied_on": "1_product", "product_tmpl_id": template.id},
                {
                    **common,
                    "applied_on": "0_product_variant",
                    "product_id": self.scenic_individual.id,
                },
                {**common, "applied_on": "3_global"},
                {
                    **common,
                    "applied_on": "2_product_category",
                    "categ_id": category.id,
                },
                {
                    **common,
                    "applied_on": "1_product",
                    "product_tmpl_id": self.scenic_group.product_tmpl_id.id,
                },
            ]
        )
        action = template.action_view_scenic_prices()
        found = self.env["product.pricelist.item"].search(action["domain"])
        self.assertEqual(found & items, items[:4])
        self.assertEqual(template.scenic_price_count, len(found))
