from datetime import date, datetime, time, timedelta
from itertools import pairwise

import psycopg2.errors
from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import BookingError, CapacityError, TicketStateError
from .common import ScenicCommon


class CapacityCommon(ScenicCommon):
    number = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pools = cls.env["scenic.capacity.pool"]
        cls.window = cls.env.ref("scenic_ticket_base.channel_window")
        cls.agency = cls.env.ref("scenic_ticket_base.channel_agency")
        cls.ota = cls.env.ref("scenic_ticket_base.channel_ota")

    @classmethod
    def _pool(cls, capacity=10, site=None, kind="day", **values):
        return cls.pools.create(
            {
                "name": "Places",
                "site_id": (site or cls.scenic_area).id,
                "kind": kind,
                "capacity": capacity,
                "days_shown": 0,
                **values,
            }
        )

    @classmethod
    def _slot(cls, hour=10, day=None, site=None, **values):
        day = day or cls.visit_date
        start = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour - 8)
        return cls.env["scenic.slot"].create(
            {
                "site_id": (site or cls.scenic_area).id,
                "date": day,
                "start": start,
                "end": start + timedelta(hours=1),
                **values,
            }
        )

    @classmethod
    def _line(cls, quantity=1, product=None, channel=None, **values):
        """Return a line of a held booking that has taken no places yet."""
        cls.number += 1
        product = product or cls.scenic_individual
        slot = values.pop("slot", None)
        booking = cls.env["scenic.booking"].create(
            {
                "name": f"B{cls.number}",
                "channel_id": (channel or cls.window).id,
                "external_ref": f"CAP-{cls.number}",
                "body_hash": "-",
                "company_id": cls.env.company.id,
            }
        )
        return cls.env["scenic.booking.line"].create(
            {
                "booking_id": booking.id,
                "product_id": product.id,
                "quantity": quantity,
                "visit_date": cls.visit_date,
                "slot_id": slot.id if slot else False,
                "amount_untaxed": 0,
                "amount_total": 0,
                **values,
            }
        )

    def _take(self, quantity=1, **values):
        line = self._line(quantity, **values)
        return self.pools._take(line)

    def _refused(self, code, call, *args, **values):
        with self.assertRaises(CapacityError) as caught:
            call(*args, **values)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception

    def _stand(self, pool, day=None, slot=None, channel=None):
        unit = (pool.id, day or self.visit_date, slot.id if slot else False)
        state = self.pools._state([unit], channel)[unit]
        return {name: state[name] for name in ("held", "sold", "free")}


@tagged("post_install", "-at_install")
class TestCapacity(CapacityCommon):
    def test_a4_last_place_is_sold_and_not_one_more(self):
        pool = self._pool(10)
        self._take(7)
        error = self._refused("SOLD_OUT", self._take, 4)
        self.assertEqual(error.left, 3)
        self._take(3)
        self.assertEqual(self._stand(pool), {"held": 10, "sold": 0, "free": 0})
        self._refused("SOLD_OUT", self._take, 1)

    def test_held_places_become_sold_and_free_again(self):
        pool = self._pool(10)
        line = self._line(4, free_persons=1)
        self.pools._take(line)
        self.assertEqual(self._stand(pool), {"held": 5, "sold": 0, "free": 5})
        self.pools._sell(line)
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 5, "free": 5})
        self.pools._release(line, 2)
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 3, "free": 7})
        self.pools._release(line)
        self.pools._release(line)
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 0, "free": 10})
        self.assertEqual(line.hold_ids.state, "released")

    def test_a_supervisor_who_voids_a_ticket_gives_its_place_back(self):
        pool = self._pool(10)
        ticket, _other = self._scenic_sell(self.scenic_individual, 2)
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 2, "free": 8})
        supervisor = self._scenic_users("place", ("supervisor",))["supervisor"]
        ticket.with_user(supervisor)._void("misprint")
        self.assertEqual(ticket.state, "void")
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 1, "free": 9})

    def test_taking_again_takes_what_is_missing(self):
        pool = self._pool(10)
        line = self._line(4)
        self.pools._take(line)
        self.pools._take(line)
        self.assertEqual(self._stand(pool)["held"], 4)
        line.quantity = 6
        self.pools._take(line)
        self.assertEqual(self._stand(pool)["held"], 6)
        self.assertEqual(len(line.hold_ids), 1)

    def test_more_places_for_a_line_that_gave_some_back(self):
        pool = self._pool(10)
        line = self._line(4)
        self.pools._take(line, "sold")
        self.pools._release(line, 1)
        self.pools._take(line, "sold", persons=2)
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 5, "free": 5})

    def test_all_lines_or_none(self):
        pool = self._pool(10)
        lines = self._line(6) + self._line(6)
        self._refused("SOLD_OUT", self.pools._take, lines)
        self.assertEqual(self._stand(pool)["free"], 10)
        self.assertFalse(lines.hold_ids)

    def test_components_in_one_pool_count_a_person_once(self):
        pool = self._pool(10, include_spots=True)
        self._take(3, product=self.scenic_combo)
        self.assertEqual(self._stand(pool)["held"], 3)

    def test_a_combo_takes_places_at_each_of_its_sites(self):
        area, spot = self._pool(10), self._pool(2, site=self.scenic_spot)
        self._take(2, product=self.scenic_combo)
        self.assertEqual(self._stand(area)["held"], 2)
        self.assertEqual(self._stand(spot)["held"], 2)
        self._refused("SOLD_OUT", self._take, 1, product=self.scenic_combo)
        self.assertEqual(self._stand(area)["held"], 2)
        self._take(1)

    def test_a_spot_counts_in_the_area_if_the_pool_says_so(self):
        cave = self._scenic_product(
            "Cave", "individual", 30, components=[(self.scenic_spot, 1, 1.0)]
        )
        without, counting = self._pool(10), self._pool(10, include_spots=True)
        self._take(3, product=cave)
        self.assertEqual(self._stand(without)["held"], 0)
        self.assertEqual(self._stand(counting)["held"], 3)

    def test_only_the_products_of_a_pool_take_its_places(self):
        pool = self._pool(1, product_ids=self.scenic_group.product_tmpl_id.ids)
        self._take(5)
        self._refused("SOLD_OUT", self._take, 2, product=self.scenic_group)
        self.assertEqual(self._stand(pool)["held"], 0)

    def test_staff_and_members_take_no_place_at_their_sale(self):
        pool = self._pool(0)
        for kind in ("staff", "member"):
            product = self._scenic_product(
                kind,
                kind,
                0,
                sale_ok=kind != "staff",
                scenic_real_name="visitor",
                scenic_validity_rule_id=self.scenic_rule_sale.id,
            )
            self.assertFalse(self._take(1, product=product))
        self.assertEqual(self._stand(pool)["held"], 0)

    def test_without_a_date_no_place_is_taken(self):
        self._pool(0)
        self.assertFalse(self._take(3, visit_date=False))

    def test_a_late_order_is_a_fact(self):
        pool = self._pool(3)
        self._take(2)
        hold = self.pools._take(self._line(4), "sold", force=True)
        self.assertEqual((hold.persons, hold.over), (4, 3))
        self.assertEqual(self._stand(pool), {"held": 2, "sold": 4, "free": -3})
        self._refused("SOLD_OUT", self._take, 1)
        day = self.env["scenic.capacity.day"].create(
            {"pool_id": pool.id, "date": self.visit_date}
        )
        self.assertEqual((day.over, day.free), (3, 0))
        entry = self._available(self.visit_date)[0]
        self.assertEqual(entry["free"], 0)
        self.pools._release(hold.booking_line_id)
        self.assertEqual(self._stand(pool)["free"], 1)

    def test_an_overdue_hold_frees_its_places(self):
        pool = self._pool(3)
        booking = self.env["scenic.booking"]._hold(
            "window", "CAP-LATE", [self._scenic_line(self.scenic_individual, 3)]
        )
        self._refused("SOLD_OUT", self._take, 2)
        with freeze_time(booking.held_until):
            self._take(2)
            self.assertEqual(booking.state, "expired")
        self.assertEqual(self._stand(pool), {"held": 2, "sold": 0, "free": 1})

    def test_error_names_no_day_on_which_the_site_is_closed(self):
        self._pool(3)
        self._take(3)
        following = self.visit_date + timedelta(days=1)
        for first in (following, following + timedelta(days=1)):
            self.env["scenic.closure"].create(
                {
                    "site_id": self.scenic_area.id,
                    "date_from": first,
                    "date_to": first,
                    "reason": "storm",
                }
            ).action_close()
        error = self._refused("SOLD_OUT", self._take, 1)
        self.assertEqual(error.next_free["date"], following + timedelta(days=2))
        free = [e["free"] for e in self._available(following, error.next_free["date"])]
        self.assertEqual(free, [0, 0, 3])

    def test_error_names_the_next_free_day(self):
        self._pool(3)
        self._take(3)
        following = self.visit_date + timedelta(days=1)
        self._take(2, visit_date=following)
        error = self._refused("SOLD_OUT", self._take, 2)
        self.assertEqual(error.next_free["date"], following + timedelta(days=1))
        error = self._refused("SOLD_OUT", self._take, 4)
        self.assertIsNone(error.next_free)

    # Moving

    def test_moving_swaps_places(self):
        pool = self._pool(5)
        other = self.visit_date + timedelta(days=1)
        line = self._line(3)
        self.pools._take(line, "sold")
        line.booking_id.state = "confirmed"
        self.pools._move(line, other)
        self.assertEqual(self._stand(pool)["free"], 5)
        self.assertEqual(self._stand(pool, other), {"held": 0, "sold": 3, "free": 2})

    def test_moving_to_a_full_day_changes_nothing(self):
        pool = self._pool(5)
        other = self.visit_date + timedelta(days=1)
        self._take(4, visit_date=other)
        line = self._line(3)
        self.pools._take(line)
        self._refused("SOLD_OUT", self.pools._move, line, other)
        self.assertEqual(self._stand(pool), {"held": 3, "sold": 0, "free": 2})
        self.assertEqual(self._stand(pool, other)["held"], 4)
        self.assertEqual(line._capacity_holds()._live(), 3)

    def test_moving_keeps_what_is_left_of_a_line(self):
        pool = self._pool(5)
        other = self.visit_date + timedelta(days=1)
        line = self._line(5)
        self.pools._take(line)
        self.pools._release(line, 2)
        self.pools._move(line, other)
        self.assertEqual(self._stand(pool, other)["held"], 3)

    def test_moving_from_a_day_without_a_pool(self):
        cap = self._pool(5, product_ids=self.scenic_group.product_tmpl_id.ids)
        line = self._line(3)
        self.assertFalse(self.pools._take(line))
        cap.product_ids = False
        self.pools._move(line, self.visit_date + timedelta(days=1))
        self.assertEqual(
            self._stand(cap, self.visit_date + timedelta(days=1))["held"], 3
        )

    def test_moving_to_no_date_gives_places_back(self):
        pool = self._pool(5)
        line = self._line(3)
        self.pools._take(line)
        self.pools._move(line, None)
        self.assertEqual(self._stand(pool)["free"], 5)
        self._refused("DATE_MISSING", self.pools._move, line, None, self._slot())

    # Alert levels

    def _scheme(self, *levels):
        return self.env["scenic.capacity.scheme"].create(
            {
                "name": "Levels",
                "level_ids": [
                    (
                        0,
                        0,
                        {
                            "name": colour,
                            "percent": percent,
                            "colour": colour,
                            "stops_sale": stops,
                        },
                    )
                    for percent, colour, stops in levels
                ],
            }
        )

    def test_a4_red_stops_sale_though_places_are_left(self):
        scheme = self._scheme((60, "yellow", False), (80, "red", True))
        self._pool(10, scheme_id=scheme.id)
        levels = []
        for _turn in range(8):
            levels.append(self._available(self.visit_date)[0]["level"])
            self._take(1)
        self.assertEqual(levels, [None] * 6 + ["yellow"] * 2)
        entry = self._available(self.visit_date)[0]
        self.assertEqual((entry["level"], entry["free"]), ("red", 0))
        self._refused("SALES_STOPPED", self._take, 1)

    def test_a_group_does_not_jump_over_red(self):
        scheme = self._scheme((85, "red", True))
        pool = self._pool(10, scheme_id=scheme.id)
        self._take(8)
        error = self._refused("SOLD_OUT", self._take, 2)
        self.assertEqual(error.left, 1)
        self._take(1)
        self._refused("SALES_STOPPED", self._take, 1)
        self.assertEqual(self._stand(pool)["held"], 9)

    def test_red_at_a_hundred_percent_is_sold_out(self):
        self._pool(2, scheme_id=self._scheme((100, "red", True)).id)
        self._take(2)
        self._refused("SOLD_OUT", self._take, 1)

    # Shares

    def test_kept_places_are_for_their_channel(self):
        pool = self._pool(10)
        self._share(pool, self.agency, guaranteed=4)
        error = self._refused("CHANNEL_SOLD_OUT", self._take, 7)
        self.assertEqual(error.left, 6)
        self._take(6)
        self._refused("CHANNEL_SOLD_OUT", self._take, 1, channel=self.ota)
        self._take(4, channel=self.agency)
        self._refused("SOLD_OUT", self._take, 1)
        self.assertEqual(self._stand(pool)["held"], 10)

    def test_places_taken_by_a_channel_count_for_its_share(self):
        pool = self._pool(10)
        self._share(pool, self.agency, guaranteed=4)
        self._take(3, channel=self.agency)
        self.assertEqual(self._stand(pool, channel=self.window)["free"], 6)
        self._take(3, channel=self.agency)
        self.assertEqual(self._stand(pool, channel=self.window)["free"], 4)

    def test_a_channel_takes_no_more_than_its_ceiling(self):
        pool = self._pool(10)
        self._share(pool, self.agency, ceiling=3)
        error = self._refused("CHANNEL_SOLD_OUT", self._take, 4, channel=self.agency)
        self.assertEqual(error.left, 3)
        self._take(3, channel=self.agency)
        self._refused("CHANNEL_SOLD_OUT", self._take, 1, channel=self.agency)
        self._take(7)

    def test_share_is_released_at_its_hour(self):
        pool = self._pool(10)
        self._share(pool, self.agency, guaranteed=10, release="hours", release_before=6)
        # midnight of the visit date in Shanghai is 16:00 UTC of the day before
        moment = datetime.combine(self.visit_date, time()) - timedelta(hours=14)
        with freeze_time(moment - timedelta(seconds=1)):
            self._refused("CHANNEL_SOLD_OUT", self._take, 1)
        with freeze_time(moment):
            self._take(1)

    def test_share_of_a_slot_is_released_before_the_slot(self):
        pool = self._pool(10, kind="slot")
        slot = self._slot(10)
        self._share(pool, self.agency, guaranteed=10, release="hours", release_before=2)
        moment = slot.start - timedelta(hours=2)
        with freeze_time(moment - timedelta(seconds=1)):
            self._refused("CHANNEL_SOLD_OUT", self._take, 1, slot=slot)
        with freeze_time(moment):
            self._take(1, slot=slot)

    def test_share_is_released_at_midnight_of_the_site(self):
        """Also on the night in which an hour is missing."""
        for tz, first, last, utc in (
            # the clock goes forward on 2031-03-30 in Berlin: that day begins at +1
            ("Europe/Berlin", date(2031, 3, 31), 1, datetime(2031, 3, 29, 23)),
            ("Europe/Berlin", date(2031, 3, 31), 0, datetime(2031, 3, 30, 22)),
            # midnight itself does not exist in Cairo on 2031-04-25
            ("Africa/Cairo", date(2031, 4, 26), 1, datetime(2031, 4, 24, 22)),
            ("Asia/Shanghai", date(2031, 4, 26), 1, datetime(2031, 4, 24, 16)),
        ):
            with self.subTest(tz=tz, last=last):
                self.scenic_area.tz = tz
                pool = self._pool(2)
                self._share(
                    pool, self.agency, guaranteed=2, release="days", release_before=last
                )
                with freeze_time(utc - timedelta(seconds=1)):
                    self._refused("CHANNEL_SOLD_OUT", self._take, 1, visit_date=first)
                with freeze_time(utc):
                    self._take(1, visit_date=first)
                pool.active = False

    def test_shares_fit_into_the_pool(self):
        pool = self._pool(10)
        self._share(pool, self.agency, guaranteed=6)
        with self.assertRaises(ValidationError):
            self._share(pool, self.ota, guaranteed=5)
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            pool.capacity = 5
        for values in (
            {"guaranteed": -1},
            {"guaranteed": 3, "ceiling": 2},
        ):
            with (
                self.assertRaises(psycopg2.errors.CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self._share(pool, self.ota, **values)

    def _share(self, pool, channel, **values):
        return self.env["scenic.capacity.share"].create(
            {"pool_id": pool.id, "channel_id": channel.id, **values}
        )

    # Capacity of a day

    def _day(self, pool, **values):
        return self.env["scenic.capacity.day"].create(
            {"pool_id": pool.id, "date": self.visit_date, **values}
        )

    def test_a_day_has_its_own_capacity(self):
        pool = self._pool(10)
        day = self._day(pool, capacity=2)
        self.assertEqual(day.capacity, 2)
        self._take(2)
        self._refused("SOLD_OUT", self._take, 1)
        day.capacity = 3
        self._take(1)
        self.assertEqual((day.held, day.free, day.rate), (3, 0, 1.0))
        self._take(9, visit_date=self.visit_date + timedelta(days=1))

    def test_capacity_does_not_fall_below_what_is_taken(self):
        pool = self._pool(10)
        day = self._day(pool)
        self._take(6)
        error = self._refused("CAPACITY_TAKEN", day.write, {"capacity": 5})
        self.assertIn("6", str(error))
        self._refused("CAPACITY_TAKEN", pool.write, {"capacity": 5})
        day.unlink()
        self._refused("CAPACITY_TAKEN", self._day, pool, capacity=5)
        self.env["scenic.capacity.day"].search([("pool_id", "=", pool.id)]).unlink()
        day = self._day(pool)
        day.capacity = 6
        # a day with its own number does not mind the pool's
        pool.capacity = 5
        self._refused("CAPACITY_TAKEN", day.unlink)
        self._refused("CAPACITY_TAKEN", day.write, {"capacity_own": 0})
        self.assertEqual(day.capacity, 6)

    def test_capacity_of_days_that_are_over_is_not_asked_for(self):
        pool = self._pool(10)
        self._take(6)
        with freeze_time(self.visit_date + timedelta(days=2)):
            pool.capacity = 5
        self.assertEqual(pool.capacity, 5)

    def test_capacity_can_be_raised_though_more_is_taken(self):
        pool = self._pool(3)
        self.pools._take(self._line(9), force=True)
        pool.capacity = 5
        self.assertEqual(self._stand(pool)["free"], -4)

    def test_a_closed_day_sells_nothing(self):
        pool = self._pool(10)
        self._day(pool, closed=True, note="storm")
        self._refused("SALES_STOPPED", self._take, 1)
        self.assertEqual(self._available(self.visit_date)[0]["free"], 0)

    def test_a_pool_counts_what_was_sold_before_it(self):
        tickets = self._scenic_sell(self.scenic_individual, 4)
        tickets[0]._refund("R1", "rain")
        self.env["scenic.booking"]._hold(
            "window", "CAP-OLD", [self._scenic_line(self.scenic_individual, 2)]
        )
        pool = self._pool(5)
        self.assertEqual(self._stand(pool), {"held": 2, "sold": 3, "free": 0})
        self.pools._adopt()
        pool._adopt()
        self.assertEqual(self._stand(pool), {"held": 2, "sold": 3, "free": 0})

    def test_kind_and_site_stay_once_places_are_taken(self):
        pool = self._pool(5)
        pool.kind = "slot"
        pool.kind = "day"
        self._take(1)
        for values in ({"kind": "slot"}, {"site_id": self.scenic_spot.id}):
            with self.assertRaises(ValidationError):
                pool.write(values)
        with self.assertRaises(UserError):
            pool.unlink()
        pool.active = False
        self._take(9)

    def test_pool_lists_its_coming_days(self):
        today = fields.Date.context_today(self.pools.with_context(tz="Asia/Shanghai"))
        pool = self._pool(5, days_shown=3)
        dates = pool.day_ids.sorted("date").mapped("date")
        self.assertEqual(dates, [today + timedelta(days=i) for i in range(3)])
        self.pools._cron_days()
        self.assertEqual(len(pool.day_ids), 3)

    # Time slots

    def test_a4_a_slot_sells_its_places(self):
        pool = self._pool(3, kind="slot")
        ten, eleven = self._slot(10), self._slot(11, capacity=2)
        self._take(3, slot=ten)
        error = self._refused("SOLD_OUT", self._take, 1, slot=ten)
        self.assertEqual(error.next_free["slot_id"], eleven.id)
        self._take(2, slot=eleven)
        error = self._refused("SOLD_OUT", self._take, 1, slot=eleven)
        self.assertIsNone(error.next_free["slot_id"])
        self.assertEqual(self._stand(pool, slot=ten)["free"], 0)
        self.assertEqual((eleven.held, eleven.sold, eleven.free), (2, 0, 0))

    def test_a_slot_is_needed_where_a_day_has_slots(self):
        self._pool(3, kind="slot")
        self._take(9)
        slot = self._slot(10)
        self._refused("SLOT_MISSING", self._take, 1)
        self._take(1, slot=slot)

    def test_a_slot_of_another_day_or_place_is_wrong(self):
        self._pool(3, kind="slot")
        other_day = self._slot(10, self.visit_date + timedelta(days=1))
        self._refused("SLOT_WRONG", self._take, 1, slot=other_day)
        cave = self._slot(10, site=self.scenic_spot)
        self._refused("SLOT_WRONG", self._take, 1, slot=cave)

    def test_a_closed_or_past_slot_sells_nothing(self):
        self._pool(3, kind="slot")
        slot = self._slot(10)
        slot.closed = True
        self._refused("SLOT_CLOSED", self._take, 1, slot=slot)
        slot.closed = False
        with freeze_time(slot.end - timedelta(seconds=1)):
            self._take(1, slot=slot)
        with freeze_time(slot.end):
            self._refused("SLOT_CLOSED", self._take, 1, slot=slot)
            self.assertEqual([e["free"] for e in self._available(self.visit_date)], [0])
        line = self._line(5, slot=slot)
        with freeze_time(slot.end):
            hold = self.pools._take(line, force=True)
        self.assertEqual(hold.over, 3)

    def test_one_slot_does_not_stand_for_another_place(self):
        self._pool(3, kind="slot")
        self._pool(3, kind="slot", site=self.scenic_spot)
        slot = self._slot(10)
        self._take(1, slot=slot, product=self.scenic_combo)
        self._slot(10, site=self.scenic_spot)
        self._refused(
            "SLOT_MISSING", self._take, 1, slot=slot, product=self.scenic_combo
        )

    def test_capacity_of_a_slot_does_not_fall_below_what_is_taken(self):
        pool = self._pool(5, kind="slot")
        slot = self._slot(10)
        self._take(4, slot=slot)
        self._refused("CAPACITY_TAKEN", slot.write, {"capacity": 3})
        self._refused("CAPACITY_TAKEN", pool.write, {"capacity": 3})
        slot.capacity = 4
        pool.capacity = 3
        self.assertEqual(slot.free, 0)

    def test_a_booked_slot_stays(self):
        self._pool(5, kind="slot")
        slot = self._slot(10)
        slot.start -= timedelta(minutes=30)
        self._take(1, slot=slot)
        with self.assertRaises(UserError):
            slot.end += timedelta(minutes=30)
        with self.assertRaises(UserError):
            slot.unlink()

    def test_units_of_a_pool_are_days_or_slots(self):
        day_pool, slot_pool = self._pool(5), self._pool(5, kind="slot")
        slot = self._slot(10)
        other = self._slot(10, site=self.scenic_spot)
        for pool, values in (
            (day_pool, {"slot_id": slot.id}),
            (slot_pool, {}),
            (slot_pool, {"slot_id": other.id}),
            (self._pool(5, kind="instant"), {}),
        ):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                self._day(pool, **values)
        self._day(slot_pool, slot_id=slot.id, capacity=2)
        self._take(2, slot=slot)
        self._refused("SOLD_OUT", self._take, 1, slot=slot)

    # Looking

    def _available(self, first, last=None, product=None, channel="window"):
        return self.pools._availability(
            product or self.scenic_individual, channel, first, last or first
        )

    def test_availability_of_days(self):
        day = self.visit_date
        self.assertEqual(
            self._available(day),
            [
                {
                    "date": day,
                    "slot_id": None,
                    "capacity": None,
                    "free": None,
                    "day_free": None,
                    "level": None,
                    "reservation": "none",
                }
            ],
        )
        pool = self._pool(10)
        self._pool(6)
        self._take(4)
        first, second = self._available(day, day + timedelta(days=1))
        self.assertEqual((first["capacity"], first["free"]), (6, 2))
        self.assertEqual(second["free"], 6)
        self.env["scenic.capacity.share"].create(
            {"pool_id": pool.id, "channel_id": self.agency.id, "guaranteed": 5}
        )
        self.assertEqual(self._available(day)[0]["free"], 1)
        self.assertEqual(self._available(day, channel="agency")[0]["free"], 2)

    def test_availability_of_slots(self):
        self._pool(5)
        self._pool(3, kind="slot")
        slots = self._slot(10) + self._slot(11)
        self._take(2, slot=slots[0])
        found = self._available(self.visit_date)
        self.assertEqual([e["slot_id"] for e in found], slots.ids)
        self.assertEqual([e["free"] for e in found], [1, 3])

    def test_quote_says_how_many_places_are_free(self):
        def quoted(**values):
            [line] = self.env["scenic.booking"]._quote(
                "window", [self._scenic_line(self.scenic_individual, 2, **values)]
            )["lines"]
            return line["free"], line["level"], line["reservation"]

        self.assertEqual(quoted(), (None, None, "none"))
        scheme = self._scheme((50, "orange", False))
        self._pool(8, scheme_id=scheme.id)
        self._take(5)
        self.assertEqual(quoted(), (3, "orange", "none"))
        self._pool(2, kind="slot")
        slots = self._slot(10) + self._slot(11)
        self._take(1, slot=slots[0])
        self.assertEqual(quoted(slot_id=slots[0].id), (1, "orange", "none"))
        # all of an order come in one slot
        self.assertEqual(quoted(), (2, "orange", "none"))

    def test_availability_asks_the_same_number_of_queries_for_a_year(self):
        self._pool(10)
        self._available(self.visit_date)
        with self.assertQueryCount(8):
            self._available(self.visit_date, self.visit_date + timedelta(days=364))
        self.assertEqual(
            self._available(self.visit_date, self.visit_date - timedelta(days=1)), []
        )

    def test_a_hundred_lines_take_places_with_few_queries(self):
        self._pool(1000)
        lines = self.env["scenic.booking.line"]
        for _turn in range(20):
            lines += self._line(2)
        self.env.flush_all()
        counts = []
        for part in (lines[:2], lines[2:]):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.pools._take(part)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLess(counts[1], counts[0] * 4, counts)

    def test_counts_follow_the_holds_whatever_writes_them(self):
        pool = self._pool(50)
        line = self._line(4)
        hold = self.pools._take(line)
        self.env.cr.execute(
            "UPDATE scenic_capacity_hold SET persons = 9 WHERE id = %s", hold.ids
        )
        self.assertEqual(self._stand(pool)["held"], 9)
        self.pools._fold()
        self.assertEqual(self._stand(pool)["held"], 9)
        self.env.cr.execute("DELETE FROM scenic_capacity_hold WHERE id = %s", hold.ids)
        self.assertEqual(self._stand(pool)["held"], 0)
        self.pools._fold()
        self.assertEqual(self._stand(pool)["held"], 0)

    def test_a_hold_gives_back_no_more_than_it_has(self):
        self._pool(50)
        hold = self.pools._take(self._line(4))
        for values in (
            {"persons_released": 5},
            {"persons_released": 4},
            {"state": "released"},
            {"persons": 0},
        ):
            with (
                self.assertRaises(psycopg2.errors.CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                hold.write(values)


@tagged("post_install", "-at_install")
class TestReservation(CapacityCommon):
    def _rule(self, level, site=None, **values):
        return self.env["scenic.reservation.rule"].create(
            {
                "name": level,
                "site_id": (site or self.scenic_area).id,
                "level": level,
                **values,
            }
        )

    def test_nothing_is_needed_by_default(self):
        self.assertEqual(self.scenic_area._reservation_level(self.visit_date), "none")

    def test_rule_of_dates_and_days_of_the_week(self):
        day = date(2031, 10, 3)  # a Friday
        self._rule("required", date_from=date(2031, 10, 1), date_to=date(2031, 10, 7))
        level = self.scenic_area._reservation_level
        self.assertEqual(level(date(2031, 9, 30)), "none")
        self.assertEqual(level(date(2031, 10, 1)), "required")
        self.assertEqual(level(date(2031, 10, 7)), "required")
        self.assertEqual(level(date(2031, 10, 8)), "none")
        weekend = {
            name: False
            for name in ("monday", "tuesday", "wednesday", "thursday", "friday")
        }
        self._rule("slot", sequence=1, **weekend)
        self.assertEqual(level(day), "required")
        self.assertEqual(level(day + timedelta(days=1)), "slot")
        self.assertEqual(level(day + timedelta(days=2)), "slot")
        self.assertEqual(level(day + timedelta(days=3)), "required")

    def test_a_spot_follows_its_area_unless_it_has_its_own_rule(self):
        self._rule("required")
        self.assertEqual(
            self.scenic_spot._reservation_level(self.visit_date), "required"
        )
        self._rule("none", self.scenic_spot, sequence=99)
        self.assertEqual(self.scenic_spot._reservation_level(self.visit_date), "none")
        both = self.scenic_area + self.scenic_spot
        self.assertEqual(both._reservation_level(self.visit_date), "required")
        entry = self.pools._availability(
            self.scenic_combo, None, self.visit_date, self.visit_date
        )[0]
        self.assertEqual(entry["reservation"], "required")

    def test_rules_need_days_that_exist(self):
        with self.assertRaises(ValidationError):
            self._rule("slot", date_from=date(2031, 2, 2), date_to=date(2031, 2, 1))
        with self.assertRaises(ValidationError):
            self._rule(
                "slot",
                **{
                    name: False
                    for name in (
                        "monday",
                        "tuesday",
                        "wednesday",
                        "thursday",
                        "friday",
                        "saturday",
                        "sunday",
                    )
                },
            )

    def test_a_slot_is_needed_on_a_day_of_slots(self):
        self._rule("slot")
        self._refused("SLOT_MISSING", self._take, 1)
        self._take(1, slot=self._slot(10))

    def _open_ticket(self, quantity=1):
        product = self._scenic_product(
            "Three days",
            "individual",
            90,
            scenic_validity_rule_id=self.scenic_rule_sale.id,
        )
        return self._scenic_sell(product, quantity, visit_date=None)

    def _reserved(self, ticket, day, site=None, slot=None):
        self.env.cr.execute(
            # what gates ask
            "SELECT EXISTS (SELECT FROM scenic_capacity_hold h "
            "WHERE h.ticket_id = %s AND h.site_id = %s AND h.date = %s "
            "AND h.state = 'sold' AND (%s IS NULL OR h.slot_id = %s))",
            [ticket.id, (site or self.scenic_area).id, day, *[slot and slot.id] * 2],
        )
        return self.env.cr.fetchone()[0]

    def test_c5_an_open_ticket_reserves_its_day(self):
        pool = self._pool(2)
        today = fields.Date.context_today(self.pools.with_context(tz="Asia/Shanghai"))
        ticket = self._open_ticket()
        tomorrow = today + timedelta(days=1)
        self.assertFalse(self._reserved(ticket, tomorrow))
        holds = ticket._reserve(tomorrow)
        self.assertEqual(ticket._reserve(tomorrow), holds)
        self.assertTrue(self._reserved(ticket, tomorrow))
        self.assertFalse(self._reserved(ticket, today))
        self.assertFalse(self._reserved(ticket, tomorrow, self.scenic_spot))
        self.assertEqual(self._stand(pool, tomorrow)["sold"], 1)
        ticket._unreserve(tomorrow)
        self.assertFalse(self._reserved(ticket, tomorrow))
        self.assertEqual(self._stand(pool, tomorrow)["free"], 2)

    def test_reservation_of_a_full_day_is_refused(self):
        self._pool(2)
        today = fields.Date.context_today(self.pools.with_context(tz="Asia/Shanghai"))
        first, second, third = self._open_ticket(3)
        first._reserve(today)
        second._reserve(today)
        self._refused("SOLD_OUT", third._reserve, today)
        self.assertFalse(self._reserved(third, today))
        # a refund or a void gives the place to the next
        first._void("lost")
        third._reserve(today)
        second._refund("R1", "rain")
        self.assertFalse(self._reserved(second, today))

    def test_reservation_of_a_slot_can_be_swapped(self):
        pool = self._pool(1, kind="slot")
        today = fields.Date.context_today(self.pools.with_context(tz="Asia/Shanghai"))
        day = today + timedelta(days=1)
        ten, eleven = self._slot(10, day), self._slot(11, day)
        first, second = self._open_ticket(2)
        self._refused("SLOT_MISSING", first._reserve, day)
        first._reserve(day, ten)
        self._refused("SOLD_OUT", second._reserve, day, ten)
        second._reserve(day, eleven)
        self._refused("SOLD_OUT", first._reserve, day, eleven)
        self.assertTrue(self._reserved(first, day, slot=ten))
        second._unreserve()
        first._reserve(day, eleven)
        self.assertFalse(self._reserved(first, day, slot=ten))
        self.assertTrue(self._reserved(first, day, slot=eleven))
        self.assertEqual(self._stand(pool, day, ten)["free"], 1)

    def test_a_site_without_a_pool_is_reserved_as_well(self):
        today = fields.Date.context_today(self.pools.with_context(tz="Asia/Shanghai"))
        ticket = self._open_ticket()
        hold = ticket._reserve(today)
        self.assertFalse(hold.pool_id)
        self.assertTrue(self._reserved(ticket, today))

    def test_reservation_within_the_validity_only(self):
        today = fields.Date.context_today(self.pools.with_context(tz="Asia/Shanghai"))
        ticket = self._open_ticket()
        for day in (today - timedelta(days=1), today + timedelta(days=3)):
            self._refused("DATE_OUTSIDE", ticket._reserve, day)
        self._refused("DATE_MISSING", ticket._reserve, None)
        ticket._void("lost")
        with self.assertRaises(TicketStateError):
            ticket._reserve(today)

    def test_reservation_of_a_day_without_admission_is_refused(self):
        today = fields.Date.context_today(self.pools.with_context(tz="Asia/Shanghai"))
        dark, shut, after = (today + timedelta(days=n) for n in (0, 1, 2))
        ticket = self._open_ticket()
        rule = ticket.entitlement_ids.validity_rule_id
        rule.blackout_ids = [
            Command.create({"name": "Festival", "date_from": dark, "date_to": dark})
        ]
        self._refused("DATE_OUTSIDE", ticket._reserve, dark)
        self.env["scenic.closure"].create(
            {
                "site_id": self.scenic_area.id,
                "date_from": shut,
                "date_to": shut,
                "reason": "storm",
            }
        ).action_close()
        with self.assertRaises(BookingError) as caught:
            ticket._reserve(shut)
        self.assertEqual(caught.exception.code, "SITE_CLOSED")
        ticket._reserve(after)


@tagged("post_install", "-at_install")
class TestSlotTemplate(CapacityCommon):
    def _template(self, **values):
        return self.env["scenic.slot.template"].create(
            {
                "name": "Hourly",
                "site_id": self.scenic_area.id,
                "hour_from": 9,
                "hour_to": 12,
                "days_ahead": 2,
                **values,
            }
        )

    @freeze_time("2031-05-05 00:00:00")
    def test_slots_are_made_once(self):
        template = self._template()
        slots = template._generate()
        # 8:00 in Shanghai: nothing of today is over
        self.assertEqual(len(slots), 9)
        self.assertEqual(slots[0].start, datetime(2031, 5, 5, 1))
        self.assertEqual(slots[0].end, datetime(2031, 5, 5, 2))
        self.assertEqual(
            set(slots.mapped("date")), {date(2031, 5, d) for d in (5, 6, 7)}
        )
        self.assertFalse(template._generate())
        self.env["scenic.slot.template"]._cron_generate()
        self.assertEqual(
            self.env["scenic.slot"].search_count(
                [("site_id", "=", self.scenic_area.id)]
            ),
            9,
        )

    @freeze_time("2031-05-05 02:30:00")
    def test_slots_that_are_over_are_not_made(self):
        slots = self._template(days_ahead=0)._generate()
        self.assertEqual(
            slots.mapped("start"), [datetime(2031, 5, 5, 2), datetime(2031, 5, 5, 3)]
        )

    @freeze_time("2031-05-05 00:00:00")
    def test_a_changed_timetable_leaves_what_is_booked(self):
        self._pool(5, kind="slot")
        template = self._template(days_ahead=1)
        slots = template._generate()
        booked, closed = slots[3], slots[4]
        self._take(1, slot=booked, visit_date=booked.date)
        closed.closed = True
        template.slot_minutes = 30
        template._generate()
        self.assertEqual(slots.exists(), booked + closed)

    @freeze_time("2031-05-05 00:00:00")
    def test_days_of_the_week_and_season(self):
        template = self._template(
            days_ahead=20,
            slot_minutes=0,
            date_from="2031-05-06",
            date_to="2031-05-20",
            saturday=False,
            sunday=False,
        )
        days = template._generate().mapped("date")
        self.assertEqual(days[0], date(2031, 5, 6))
        self.assertEqual(days[-1], date(2031, 5, 20))
        self.assertFalse([day for day in days if day.weekday() > 4])

    @freeze_time("2031-03-29 00:00:00")
    def test_the_hour_that_does_not_exist_has_no_slot(self):
        self.scenic_area.tz = "Europe/Berlin"
        template = self._template(hour_from=0, hour_to=4)
        slots = template._generate()
        by_day = {day: len(found) for day, found in slots.grouped("date").items()}
        # 2:00 to 3:00 of the 30th is skipped by the clock
        self.assertEqual(by_day[date(2031, 3, 30)], 3)
        self.assertEqual(by_day[date(2031, 3, 31)], 4)
        self.assertEqual(len(set(slots.mapped("start"))), len(slots))

    @freeze_time("2031-10-25 12:00:00")
    def test_the_hour_that_comes_twice_has_one_slot(self):
        self.scenic_area.tz = "Europe/Berlin"
        template = self._template(hour_from=1, hour_to=4, days_ahead=1)
        slots = template._generate().filtered(lambda s: s.date == date(2031, 10, 26))
        self.assertEqual(len(slots), 3)
        windows = [(slot.start, slot.end) for slot in slots]
        self.assertTrue(all(a[1] <= b[0] for a, b in pairwise(windows)), windows)

    @freeze_time("2031-05-05 00:00:00")
    def test_the_night_belongs_to_the_day_before(self):
        template = self._template(hour_from=22, hour_to=26, days_ahead=0)
        slots = template._generate()
        self.assertEqual(len(slots), 4)
        self.assertEqual(set(slots.mapped("date")), {date(2031, 5, 5)})
        self.assertEqual(slots[-1].end, datetime(2031, 5, 5, 18))

    def test_a_timetable_that_fits_nothing_is_refused(self):
        with self.assertRaises(ValidationError):
            self._template(hour_from=9, hour_to=9.5, slot_minutes=60)
        for values in (
            {"hour_from": 25, "hour_to": 27},
            {"slot_minutes": 3},
            {"days_ahead": 500},
        ):
            with (
                self.assertRaises(psycopg2.errors.CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self._template(**values)
