from datetime import datetime, time, timedelta

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_base.exceptions import (
    BookingError,
    CapacityError,
    ScenicError,
)

from ..exceptions import WindowError, WindowRightError, WindowSlotError
from .common import ScenicPosCommon


class VisitCommon(ScenicPosCommon):
    def setUp(self):
        super().setUp()
        self.today = fields.Date.context_today(
            self.env.user.with_context(tz=self.scenic_area.tz)
        )

    def _pool(self, capacity, kind="day", site=None, **values):
        return self.env["scenic.capacity.pool"].create(
            {
                "name": f"{kind} {capacity}",
                "site_id": (site or self.scenic_area).id,
                "kind": kind,
                "capacity": capacity,
                "days_shown": 0,
                **values,
            }
        )

    def _slot(self, hour, day=None, site=None, **values):
        """A slot of one hour; the clock of the site is eight hours before UTC."""
        day = day or self.visit_date
        start = datetime.combine(day, time()) + timedelta(hours=hour - 8)
        # sudo: also a slot of another company
        slots_sudo = self.env["scenic.slot"].sudo()
        return slots_sudo.create(
            {
                "site_id": (site or self.scenic_area).id,
                "date": day,
                "start": start,
                "end": start + timedelta(hours=1),
                **values,
            }
        )

    def _visit(self, slot=None, day=None, product=None, quantity=1, **values):
        """The values of an order line for a visit, as the window sends them."""
        return self._line_vals(
            product or self.adult,
            quantity,
            scenic_visit_date=str(day or self.visit_date),
            scenic_slot_id=slot.id if slot else False,
            **values,
        )

    def _places(self, product=None, *args, user=None):
        config = self.config.with_user(user or self.cashier)
        return config.scenic_places((product or self.adult).id, *args)

    def _day(self, day, product=None):
        """The answer for one day."""
        answer = self._places(product, str(day), 1)
        self.assertEqual(len(answer["days"]), 1)
        self.assertEqual(answer["days"][0]["date"], day)
        return answer["days"][0]

    def _states(self, day, product=None):
        return [(s["id"], s["state"]) for s in self._day(day, product)["slots"]]


@tagged("post_install", "-at_install")
class TestWindowPlaces(VisitCommon):
    """What the window is told of places left."""

    def test_no_limit(self):
        answer = self._places()
        self.assertEqual(answer["today"], self.today)
        self.assertEqual(
            [day["date"] for day in answer["days"]],
            [self.today + timedelta(days=offset) for offset in range(14)],
        )
        self.assertEqual({day["state"] for day in answer["days"]}, {"open"})
        self.assertEqual({day["free"] for day in answer["days"]}, {None})
        self.assertEqual(answer["scenic.slot"], [])

    def test_places_of_a_day(self):
        scheme = self.env["scenic.capacity.scheme"].create(
            {
                "name": "Half",
                "level_ids": [
                    Command.create({"name": "Half", "percent": 50, "colour": "orange"})
                ],
            }
        )
        self._pool(4, scheme_id=scheme.id)
        self._sell(self._visit(quantity=3))
        day = self._day(self.visit_date)
        self.assertEqual((day["free"], day["level"]), (1, "orange"))
        self._sell(self._visit())
        day = self._day(self.visit_date)
        self.assertEqual((day["state"], day["free"]), ("full", 0))
        self.assertEqual(self._day(self.visit_date + timedelta(days=1))["free"], 4)

    def test_places_kept_for_others_are_not_told(self):
        agency = self.env["scenic.channel"].search([("code", "=", "agency")])
        pool = self._pool(10)
        self.env["scenic.capacity.share"].create(
            {"pool_id": pool.id, "channel_id": agency.id, "guaranteed": 7}
        )
        self.assertEqual(self._day(self.visit_date)["free"], 3)

    def test_places_of_slots(self):
        self._pool(2, "slot")
        slots = self._slot(10, name="Morning") + self._slot(11) + self._slot(12)
        slots[2].closed = True
        self._sell(self._visit(slots[0], quantity=2))
        answer = self._places(None, str(self.visit_date), 2)
        day, next_day = answer["days"]
        self.assertEqual(
            [(s["id"], s["state"], s["free"]) for s in day["slots"]],
            [
                (slots[0].id, "full", 0),
                (slots[1].id, "open", 2),
                (slots[2].id, "closed", 0),
            ],
        )
        self.assertEqual((day["state"], day["free"]), ("open", 2))
        self.assertEqual(next_day["slots"], [])
        loaded = {slot["id"]: slot for slot in answer["scenic.slot"]}
        self.assertEqual(loaded.keys(), set(slots.ids))
        self.assertEqual(loaded[slots[0].id]["pos_hours"], "10:00–11:00")
        self.assertEqual(loaded[slots[0].id]["name"], "Morning")

    def test_slots_that_are_over(self):
        self._pool(2, "slot")
        slots = self._slot(10) + self._slot(11)
        with freeze_time(slots[0].end):
            self.assertEqual(
                self._states(self.visit_date),
                [(slots[0].id, "over"), (slots[1].id, "open")],
            )
        with freeze_time(slots[1].end):
            self.assertEqual(self._day(self.visit_date)["state"], "over")

    def test_a_day_without_a_free_slot_is_full(self):
        self._pool(1, "slot")
        slots = self._slot(10) + self._slot(11)
        slots[1].closed = True
        self._sell(self._visit(slots[0]))
        day = self._day(self.visit_date)
        self.assertEqual((day["state"], day["free"]), ("full", 0))

    def test_slots_that_limit_nothing(self):
        """Without a pool by slot a day is as open as its pools by day."""
        slot = self._slot(10, closed=True)
        day = self._day(self.visit_date)
        self.assertEqual((day["state"], day["free"], day["slots"]), ("open", None, []))
        self._pool(4)
        with freeze_time(slot.end):
            day = self._day(self.visit_date)
        self.assertEqual((day["state"], day["free"], day["slots"]), ("open", 4, []))

    def test_slots_outside_the_hours_of_the_ticket(self):
        self._pool(5, "slot")
        self.scenic_rule.time_to = 11
        slots = self._slot(10) + self._slot(12)
        self.assertEqual(
            self._states(self.visit_date),
            [(slots[0].id, "open"), (slots[1].id, "closed")],
        )

    def test_a_closed_day_says_why(self):
        closure = self.env["scenic.closure"].create(
            {
                "site_id": self.scenic_area.id,
                "date_from": self.visit_date,
                "date_to": self.visit_date,
                "reason": "storm warning",
            }
        )
        closure.action_close()
        day = self._day(self.visit_date)
        self.assertEqual(day["state"], "closed")
        self.assertIn("storm warning", day["why"])
        self.assertEqual(self._day(self.visit_date + timedelta(days=1))["why"], False)

    def test_a_day_of_the_week_without_admission(self):
        weekday = self.visit_date.strftime("%A").lower()
        self.scenic_rule[weekday] = False
        day = self._day(self.visit_date)
        self.assertEqual(day["state"], "closed")
        self.assertIn(self.scenic_rule.name, day["why"])

    def test_sites_with_slots_each(self):
        """One slot cannot stand for both: they are sold separately."""
        self._pool(5, "slot")
        self._pool(5, "slot", self.scenic_spot)
        self._slot(10)
        self._slot(10, site=self.scenic_spot)
        day = self._day(self.visit_date, self.combo)
        self.assertEqual(day["state"], "closed")
        self.assertIn(self.scenic_spot.name, day["why"])

    def test_a_day_that_needs_a_slot_and_has_none(self):
        self.env["scenic.reservation.rule"].create(
            {"name": "By slot", "site_id": self.scenic_area.id, "level": "slot"}
        )
        self.assertEqual(self._day(self.visit_date)["state"], "closed")
        slot = self._slot(10)
        self.assertEqual(self._states(self.visit_date), [(slot.id, "open")])

    def test_a_fixed_date_is_the_only_one(self):
        self.scenic_rule.write({"mode": "fixed_date", "date_from": self.visit_date})
        answer = self._places()
        self.assertEqual([d["date"] for d in answer["days"]], [self.visit_date])

    def test_days_asked_for(self):
        yesterday = str(self.today - timedelta(days=1))
        for args, count in (((yesterday, 2), 2), ((None, 0), 1), ((None, 999), 31)):
            days = self._places(None, *args)["days"]
            self.assertEqual((days[0]["date"], len(days)), (self.today, count))
        for args in (("nonsense",), (5,), (None, "x"), (None, None), ("9999-12-31",)):
            with self.subTest(args=args), self.assertRaises(WindowError):
                self._places(None, *args)

    def test_products_without_a_day_of_visit(self):
        open_ticket = self._scenic_product(
            "Open", "individual", 10, scenic_validity_rule_id=self.scenic_rule_sale.id
        )
        config = self.config.with_user(self.cashier)
        wrong = (open_ticket.id, self.souvenir.id, 2**31 - 1, True, "1", None, [1])
        for product_id in wrong:
            with self.subTest(product_id=product_id), self.assertRaises(WindowError):
                config.scenic_places(product_id)

    def test_who_may_ask(self):
        shop_user = new_test_user(
            self.env,
            "shop_user",
            "base.group_user,point_of_sale.group_pos_user",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
        )
        with self.assertRaises(WindowRightError):
            self._places(user=shop_user)
        stranger = new_test_user(
            self.env,
            "stranger",
            "base.group_user,point_of_sale.group_pos_user,"
            "scenic_ticket_base.group_scenic_cashier",
        )
        company = self.setup_other_company()["company"]
        stranger.sudo().write(
            {"company_ids": [Command.set(company.ids)], "company_id": company.id}
        )
        with self.assertRaises(AccessError):
            self._places(user=stranger)
        far = self.env["scenic.site"].create({"name": "Far", "code": "FARSITE"})
        self.cashier.sudo().scenic_site_ids = [Command.set(far.ids)]
        with self.assertRaises(BookingError) as caught:
            self._places()
        self.assertEqual(caught.exception.code, "SITE_NOT_YOURS")

    def test_a_month_costs_hardly_more_queries_than_a_day(self):
        self._pool(5, "slot")
        for offset in range(31):
            for hour in (9, 10, 11):
                self._slot(hour, self.visit_date + timedelta(days=offset))
        first = str(self.visit_date)
        counts = [
            self._scenic_queries(self._places, None, first, days) for days in (1, 31)
        ]
        self.assertLess(counts[1], counts[0] + 5, counts)

    def test_the_window_knows_what_limits_a_ticket(self):
        def limits():
            self.env.invalidate_all()
            templates = (self.adult + self.combo + self.souvenir).product_tmpl_id
            return templates.with_user(self.cashier).mapped("scenic_limited_by")

        self.assertEqual(limits(), [False, False, False])
        self._pool(5, product_ids=[Command.set(self.adult.product_tmpl_id.ids)])
        self.assertEqual(limits(), ["day", False, False])
        self._pool(5, "slot", self.scenic_spot)
        self.assertEqual(limits(), ["day", "slot", False])
        self.env["scenic.reservation.rule"].create(
            {"name": "By slot", "site_id": self.scenic_area.id, "level": "slot"}
        )
        self.assertEqual(limits(), ["slot", "slot", False])


@tagged("post_install", "-at_install")
class TestWindowVisit(VisitCommon):
    """A day and a slot chosen at the window are checked when the order is paid."""

    def _assert_refused(self, error, code, *lines, **values):
        """The order is refused and nothing of it remains."""
        vals = self._order_vals(list(lines), **values)
        tickets = self.env["scenic.ticket"].search_count([])
        with (
            self.assertRaises(error) as caught,
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            self._sync(vals)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.env["scenic.ticket"].search_count([]), tickets)
        self.assertFalse(self.env["pos.order"].search([("uuid", "=", vals["uuid"])]))

    def test_slot_sold(self):
        self._pool(3, "slot")
        slots = self._slot(10) + self._slot(11)
        order = self._sell(self._visit(slots[0], quantity=2), self._visit(slots[1]))
        first, second = order.lines
        self.assertEqual(first.scenic_ticket_ids.slot_id, slots[0])
        self.assertEqual(second.scenic_ticket_ids.slot_id, slots[1])
        self.assertEqual(
            set(first.scenic_ticket_ids.mapped("visit_date")), {self.visit_date}
        )
        right = first.scenic_ticket_ids.entitlement_ids[0]
        self.assertLessEqual(right.valid_from, slots[0].start)
        self.assertLess(right.valid_to, slots[1].end)
        self.assertEqual(
            [s["free"] for s in self._day(self.visit_date)["slots"]], [1, 2]
        )

    def test_slot_full(self):
        self._pool(2, "slot")
        slot = self._slot(10)
        self._sell(self._visit(slot))
        self._assert_refused(CapacityError, "SOLD_OUT", self._visit(slot, quantity=2))
        self._assert_refused(
            CapacityError,
            "SOLD_OUT",
            self._visit(slot),
            self._visit(slot, product=self.combo),
        )
        self._sell(self._visit(slot))

    def test_slot_missing(self):
        self._pool(2, "slot")
        self._slot(10)
        self._assert_refused(CapacityError, "SLOT_MISSING", self._visit())

    def test_slot_closed(self):
        self._pool(2, "slot")
        slot = self._slot(10, closed=True)
        self._assert_refused(CapacityError, "SLOT_CLOSED", self._visit(slot))

    def test_slot_over(self):
        self._pool(2, "slot")
        slot = self._slot(10)
        with freeze_time(slot.end):
            self._assert_refused(WindowSlotError, "WINDOW_SLOT", self._visit(slot))
        with freeze_time(slot.end - timedelta(seconds=1)):
            self._sell(self._visit(slot))

    def test_slot_over_when_it_was_sold(self):
        """An order that arrives late is no way into a slot of the past."""
        self._pool(2, "slot")
        slot = self._slot(10)
        with freeze_time(slot.end + timedelta(hours=2)):
            for sold_at, refused in (
                (slot.end, True),
                (slot.end - timedelta(minutes=1), False),
            ):
                values = {"date_order": fields.Datetime.to_string(sold_at)}
                if refused:
                    self._assert_refused(
                        WindowSlotError, "WINDOW_SLOT", self._visit(slot), **values
                    )
                else:
                    self._sell(self._visit(slot), **values)

    def test_slot_of_another_day(self):
        self._pool(2, "slot")
        self._slot(10)
        later = self.visit_date + timedelta(days=1)
        with self.assertRaises(ScenicError), self.cr.savepoint():
            self._sell(self._visit(self._slot(10, later)))

    def test_slot_of_another_site(self):
        """Nor does a slot of the cave stand for the hill, limited or not."""
        slot = self._slot(10, site=self.scenic_spot)
        self._assert_refused(CapacityError, "SLOT_WRONG", self._visit(slot))
        self._pool(2, "slot")
        self._assert_refused(CapacityError, "SLOT_WRONG", self._visit(slot))

    def test_slot_of_another_company(self):
        company = self.setup_other_company()["company"]
        site = self.env["scenic.site"].sudo()  # sudo: of another company
        site = site.create(
            {"name": "Abroad", "code": "ABROAD", "company_id": company.id}
        )
        # the taxes of the other company are on the product now, too
        taxes = [Command.set(self.tax_6.ids)]
        line = self._visit(self._slot(10, site=site), tax_ids=taxes)
        self._assert_refused(WindowSlotError, "WINDOW_SLOT", line)

    def test_slot_forged(self):
        for slot_id in (2**31 - 1, 2**40, "12", True, [[4, 12]], {"id": 12}):
            with self.subTest(slot_id=slot_id):
                line = {**self._visit(), "scenic_slot_id": slot_id}
                self._assert_refused(WindowSlotError, "WINDOW_SLOT", line)

    def test_slot_for_a_ticket_without_a_day(self):
        self.adult.scenic_validity_rule_id = self.scenic_rule_sale
        slot = self._slot(10)
        self._assert_refused(WindowSlotError, "WINDOW_SLOT", self._visit(slot))

    def test_day_closed(self):
        closure = self.env["scenic.closure"].create(
            {
                "site_id": self.scenic_area.id,
                "date_from": self.visit_date,
                "date_to": self.visit_date,
                "reason": "storm warning",
            }
        )
        closure.action_close()
        self._assert_refused(BookingError, "SITE_CLOSED", self._visit())

    def test_a_fixed_date_takes_a_place(self):
        self.scenic_rule.write({"mode": "fixed_date", "date_from": self.visit_date})
        self._pool(1)
        order = self._sell((self.adult, 1))
        self.assertEqual(order.lines.scenic_ticket_ids.visit_date, self.visit_date)
        self._assert_refused(CapacityError, "SOLD_OUT", self._line_vals(self.adult, 1))

    def test_slot_changed_before_payment(self):
        """An order that waits may move; what is paid does not."""
        self._pool(2, "slot")
        slots = self._slot(10) + self._slot(11)
        vals = self._order_vals([self._visit(slots[0])], state="draft")
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        line = order.lines.with_user(self.cashier)
        self.assertEqual(line.scenic_slot_id, slots[0])
        line.write({"scenic_slot_id": slots[1].id})
        with self.assertRaises(WindowSlotError), self.cr.savepoint():
            line.write({"scenic_slot_id": 2**31 - 1})
        paid = self._sell(self._visit(slots[1]))
        with self.assertRaises(WindowError), self.cr.savepoint():
            paid.lines.with_user(self.cashier).write({"scenic_slot_id": slots[0].id})

    def test_a_waiting_order_keeps_no_slot_alive(self):
        slot = self._slot(10)
        vals = self._order_vals([self._visit(slot)], state="draft")
        self._sync(vals)
        slot.unlink()
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.assertFalse(order.lines.scenic_slot_id)

    def test_answer_holds_the_hours(self):
        self._pool(2, "slot")
        slot = self._slot(10)
        answer = self._sync(self._order_vals([self._visit(slot)]))
        self.assertEqual(answer["pos.order.line"][0]["scenic_slot_id"], slot.id)
        self.assertEqual(answer["scenic.ticket"][0]["slot_id"], slot.id)
        self.assertEqual(
            [(s["id"], s["pos_hours"]) for s in answer["scenic.slot"]],
            [(slot.id, "10:00–11:00")],
        )

    def test_a_waiting_order_is_loaded_with_its_slot(self):
        slot, _other = self._slot(10), self._slot(11)
        self._sync(self._order_vals([self._visit(slot)], state="draft"))
        session = self.config.current_session_id.with_user(self.cashier)
        data = session.load_data([])
        self.assertEqual([s["id"] for s in data["scenic.slot"]], [slot.id])
