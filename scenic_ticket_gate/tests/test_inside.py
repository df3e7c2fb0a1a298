import uuid
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .test_entry_rules import MONDAY, EntryCommon


class InsideCommon(EntryCommon):
    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        cls.pool = cls._pool(cls.scenic_area, 3)

    @classmethod
    def _pool(cls, site, capacity, **values):
        pool = cls.env["scenic.capacity.pool"].create(
            {
                "name": f"{site.name} inside",
                "site_id": site.id,
                "kind": "instant",
                "capacity": capacity,
                **values,
            }
        )
        cls.env.flush_all()
        return pool

    def _set_capacity(self, capacity, pool=None):
        (pool or self.pool).capacity = capacity
        self.env.flush_all()

    def _people(self, pool=None):
        """Return ``(inside, on their way in)`` of a pool."""
        self.env.invalidate_all()
        count = self.env["scenic.headcount"].search(
            [("pool_id", "=", (pool or self.pool).id)]
        )
        return count.inside, count.reserved

    def _tickets(self, count, product=None):
        tickets = [self._days_ticket(product=product) for _number in range(count)]
        return tickets

    def _exit_at(self, day, clock, count=1, lane="X1"):
        event = self._event("exit", lane=lane, count=count)
        self.assertEqual(self._report_at(self._at(day, clock), event), ["OK"])


@tagged("post_install", "-at_install")
class TestInside(InsideCommon):
    """Not more people inside than a site takes (A4)."""

    def test_a4_full_at_the_exact_number(self):
        tickets = self._tickets(5)
        self._enter_at(tickets[0], MONDAY)
        second = self._scan_at(tickets[1], self._at(MONDAY))
        third = self._scan_at(tickets[2], self._at(MONDAY))
        self.assertEqual(self._people(), (1, 2))
        result = self._scan_at(tickets[3], self._at(MONDAY))
        self.assertEqual(result["code"], "PARK_FULL")
        self.assertEqual(result["passes"], 0)
        self.assertEqual(self._counts(tickets[3]), [(1, 0, 0)])
        # who gives up makes room, and so does who leaves
        self._report_at(
            self._at(MONDAY, "10:01"),
            self._event("annulled", second["request_id"]),
            self._event("passed", third["request_id"]),
        )
        self.assertEqual(self._people(), (2, 0))
        self._enter_at(tickets[3], MONDAY, "10:02")
        self.assertEqual(self._code_at(tickets[4], MONDAY, "10:03"), "PARK_FULL")
        self._exit_at(MONDAY, "10:04")
        self._enter_at(tickets[4], MONDAY, "10:05")
        self.assertEqual(self._people(), (3, 0))

    def test_a4_group_enters_as_far_as_there_is_room(self):
        ticket = self._days_ticket(product=self.scenic_group, quantity=10)
        result = self._scan_at(ticket, self._at(MONDAY))
        self.assertEqual((result["passes"], result["ticket"]["left"]), (3, 7))
        self.assertEqual(self._people(), (0, 3))
        self._report_at(
            self._at(MONDAY), self._event("passed", result["request_id"], count=3)
        )
        self.assertEqual(self._code_at(ticket, MONDAY, "10:01"), "PARK_FULL")
        self._exit_at(MONDAY, "10:02", count=2)
        self.assertEqual(self._scan_at(ticket, self._at(MONDAY, "10:03"))["passes"], 2)

    def test_a4_repeat_reserves_once(self):
        ticket = self._days_ticket()
        scan = self._scan(ticket._qr_token())
        for _time in range(3):
            [result] = self._validate(scan, now=self._at(MONDAY))
            self.assertEqual(result["code"], "ADMIT")
        self.assertEqual(self._people(), (0, 1))
        event = self._event("passed", scan["request_id"])
        for _time in range(3):
            self._report_at(self._at(MONDAY), event)
        self.assertEqual(self._people(), (1, 0))

    def test_a4_list_of_scans(self):
        tickets = self._tickets(5)
        results = self._validate(
            *[self._scan(ticket._qr_token()) for ticket in tickets],
            now=self._at(MONDAY),
        )
        self.assertEqual(
            [r["code"] for r in results], ["ADMIT"] * 3 + ["PARK_FULL"] * 2
        )
        self.assertEqual(self._people(), (0, 3))

    def test_a4_free_re_entry_takes_a_place(self):
        self._component(self.scenic_individual).reentry = "same_day"
        self._set_capacity(1)
        first, second = self._tickets(2)
        self._enter_at(first, MONDAY, "09:00")
        self.assertEqual(self._code_at(first, MONDAY, "09:30"), "PARK_FULL")
        self._exit_at(MONDAY, "10:00")
        self._enter_at(second, MONDAY, "10:01")
        self.assertEqual(self._code_at(first, MONDAY, "10:02"), "PARK_FULL")
        self._exit_at(MONDAY, "10:03")
        self.assertTrue(self._enter_at(first, MONDAY, "10:04").reentry)
        self.assertEqual(self._people(), (1, 0))

    def test_a4_night_begins_with_nobody(self):
        tickets = self._tickets(4)
        for ticket in tickets[:3]:
            self._enter_at(ticket, MONDAY, "22:00")
        self.assertEqual(self._code_at(tickets[3], MONDAY, "23:59"), "PARK_FULL")
        tuesday = MONDAY + timedelta(days=1)
        self.assertEqual(self._code_at(tickets[3], tuesday, "00:00"), "ADMIT")
        self.assertEqual(self._people(), (0, 1))

    def test_a4_admission_over_midnight(self):
        ticket = self._tickets(1)[0]
        result = self._scan_at(ticket, self._at(MONDAY, "23:59"))
        tuesday = MONDAY + timedelta(days=1)
        self._report_at(
            self._at(tuesday, "00:00"), self._event("passed", result["request_id"])
        )
        self.assertEqual(self._people(), (1, 0))

    def test_a4_fact_of_yesterday_arrives_today(self):
        """It is nobody's way in today, and holds no place any more."""
        ticket, other = self._tickets(2)
        result = self._scan_at(ticket, self._at(MONDAY, "23:59"))
        event = self._event("passed", result["request_id"])
        event["at"] = self._at(MONDAY, "23:59").isoformat() + "Z"
        tuesday = MONDAY + timedelta(days=1)
        self._report(event, now=self._at(tuesday, "08:00"))
        self.assertEqual(self._people(), (0, 0))
        self._enter_at(other, tuesday, "08:01")
        self.assertEqual(self._people(), (1, 0))

    def test_a4_spot_counts_for_its_area(self):
        """From the area into its cave nobody is added, from outside somebody is."""
        cave = self._pool(self.scenic_spot, 1)
        product = self.scenic_combo
        first, second = (
            self._days_ticket(product=product),
            self._days_ticket(product=product),
        )
        self._enter_at(first, MONDAY, "10:00")
        self._enter_at(first, MONDAY, "10:10", lane="C1")
        self.assertEqual((self._people(), self._people(cave)), ((1, 0), (1, 0)))
        self._enter_at(second, MONDAY, "10:20")
        self.assertEqual(self._code_at(second, MONDAY, "10:21", lane="C1"), "PARK_FULL")
        event = self._event("exit", lane="C1")
        self._report_at(self._at(MONDAY, "10:30"), event)
        self.assertEqual((self._people(), self._people(cave)), ((2, 0), (0, 0)))
        back_door = self.env["scenic.gate"].create(
            {"name": "Back Door", "to_zone_id": self.zone_cave.id}
        )
        self._lane("B1", gate_id=back_door.id)
        self.env.flush_all()
        self._enter_at(second, MONDAY, "10:40", lane="B1")
        self.assertEqual((self._people(), self._people(cave)), ((3, 0), (1, 0)))

    def test_a4_level_stops_entry(self):
        scheme = self.env["scenic.capacity.scheme"].create(
            {
                "name": "60/80",
                "level_ids": [
                    (0, 0, {"name": "Orange", "percent": 60, "colour": "orange"}),
                    (
                        0,
                        0,
                        {
                            "name": "Red",
                            "percent": 80,
                            "colour": "red",
                            "stops_entry": True,
                        },
                    ),
                ],
            }
        )
        self.pool.write({"capacity": 5, "scheme_id": scheme.id})
        self.env.flush_all()
        tickets = self._tickets(5)
        for ticket in tickets[:4]:
            self._enter_at(ticket, MONDAY)
        result = self._scan_at(tickets[4], self._at(MONDAY))
        self.assertEqual(result["code"], "ENTRY_STOPPED")
        self.assertIn("Red", result["text"]["en"])

    def test_a4_staff_need_no_room(self):
        self._set_capacity(0)
        card = self.env["scenic.staff.card"]._issue(
            self._scenic_product(
                "员工卡",
                "staff",
                0,
                sale_ok=False,
                scenic_revenue_trigger="straight_line",
                scenic_validity_rule_id=self.scenic_rule_sale.id,
            ),
            {
                "holder_name": "王五",
                "employee_no": "0815",
                "date_from": MONDAY,
                "date_to": MONDAY,
            },
            medium={"kind": "staff_card", "number": "04A2B3C4"},
        )
        self.assertEqual(self._code_at(self._days_ticket(), MONDAY), "PARK_FULL")
        self._enter_at(card.ticket_id, MONDAY)
        self.assertEqual(self._people(), (0, 0))

    def test_a4_gates_know_when_they_are_limited(self):
        """Whatever moves a place, its gates know at once."""
        outside = self.env["scenic.site"].create(
            {"name": "Car Park", "code": "CARPARK"}
        )
        zone = self.env["scenic.zone"].create(
            {"name": "Car Park", "site_id": outside.id}
        )
        gate = self.env["scenic.gate"].create({"name": "Car", "to_zone_id": zone.id})
        inner = self.gate_cave
        self.assertEqual(
            [self.gate.into_pools, inner.into_pools, gate.into_pools],
            [[self.pool.id], False, False],
        )
        outside.parent_id = self.scenic_area
        self.assertTrue(gate.into_pools)
        gate.from_zone_id = self.zone
        self.assertFalse(gate.into_pools)
        zone.site_id = self.scenic_spot
        gate.from_zone_id = False
        self.assertTrue(gate.into_pools)
        self.pool.unlink()
        self.assertFalse(gate.into_pools or self.gate.into_pools)
        pool = self._pool(self.scenic_spot, 5)
        self.assertEqual(
            [self.gate.into_pools, inner.into_pools, gate.into_pools],
            [False, [pool.id], [pool.id]],
        )
        pool.kind = "day"
        self.assertFalse(inner.into_pools)
        self.env.cr.execute("UPDATE scenic_gate SET into_pools = NULL")
        pool.kind = "instant"
        self.assertTrue(inner.into_pools)

    def test_archived_pool_limits_nothing_and_keeps_counting(self):
        self._set_capacity(0)
        self.pool.active = False
        self.env.flush_all()
        self._enter_at(self._days_ticket(), MONDAY)
        self.assertEqual(self._people(), (1, 0))

    def test_a_new_pool_knows_who_came_in_before(self):
        self._enter_at(self._days_ticket(), MONDAY)
        late = self._pool(self.scenic_area, 2)
        self.env.cr.execute("DELETE FROM scenic_headcount")
        self._enter_at(self._days_ticket(), MONDAY, "11:00")
        self.assertEqual(self._people(late), (2, 0))
        self.assertEqual(
            self._code_at(self._days_ticket(), MONDAY, "12:00"), "PARK_FULL"
        )

    def test_give_back_takes_the_person_out(self):
        today = self.visit_date
        ticket = self._today_ticket()
        result = self._admit(ticket)
        event = self._event("passed", result["request_id"], assumed=True)
        self._report(event)
        self.assertEqual(self._people(), (1, 0))
        self.assertEqual(self.pool._inside(), 1)
        self._find(event["event_id"])._give_back("did not go in")
        self.assertEqual(self._people(), (0, 0))
        self.assertEqual(self.pool._inside(), 0)
        held = self._admit(ticket)
        self.assertEqual(self._people(), (0, 1))
        self._find(held["request_id"])._give_back("the lane died")
        self.assertEqual(self._people(), (0, 0))
        self.assertEqual(self.env["scenic.headcount"].search([]).day, today)

    def test_nobody_writes_counts(self):
        self._enter_at(self._days_ticket(), MONDAY)
        count = self.env["scenic.headcount"].search([])
        for role in ("manager", "supervisor", "gate_operator", "auditor"):
            user = self._user(role)
            self.assertEqual(count.with_user(user).inside, 1)
            for method, values in (
                ("write", [{"inside": 0}]),
                ("unlink", []),
                ("create", [{"pool_id": self.pool.id}]),
            ):
                with self.assertRaises(AccessError):
                    getattr(count.with_user(user), method)(*values)

    def _user(self, role):
        return new_test_user(
            self.env, f"inside_{role}", f"scenic_ticket_base.group_scenic_{role}"
        )


@tagged("post_install", "-at_install")
class TestReservation(EntryCommon):
    """On days that ask for a reservation, a ticket without a date needs one (C5)."""

    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        cls.env["scenic.reservation.rule"].create(
            {
                "name": "Golden Week",
                "site_id": cls.scenic_area.id,
                "level": "required",
                "date_from": MONDAY,
                "date_to": MONDAY,
            }
        )
        cls.env.flush_all()

    def _open_ticket(self):
        ticket = self._days_ticket()
        self._set_ticket(ticket, visit_date=False)
        self._set_rights(ticket, unlimited=True)
        return ticket

    def test_c5_reservation_needed(self):
        ticket = self._open_ticket()
        result = self._scan_at(ticket, self._at(MONDAY))
        self.assertEqual(result["code"], "RESERVATION_NEEDED")
        self.assertEqual(result["remedy"]["zh"], "请在手机上或到售票窗口预约")
        ticket._reserve(MONDAY)
        self.env.flush_all()
        self._enter_at(ticket, MONDAY)
        self._enter_at(ticket, MONDAY + timedelta(days=1))

    def test_c5_given_up_reservation(self):
        ticket = self._open_ticket()
        ticket._reserve(MONDAY)
        ticket._unreserve(MONDAY)
        self.env.flush_all()
        self.assertEqual(self._code_at(ticket, MONDAY), "RESERVATION_NEEDED")

    def test_c5_ticket_of_that_date_needs_none(self):
        self._enter_at(self._days_ticket(), MONDAY)

    def test_c5_reserved_slot(self):
        slot = self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_area.id,
                "date": MONDAY,
                "start": self._at(MONDAY, "10:00"),
                "end": self._at(MONDAY, "11:00"),
            }
        )
        ticket = self._open_ticket()
        ticket._reserve(MONDAY, slot)
        self.env.flush_all()
        for clock, code in (
            ("09:44", "SLOT_NOT_YET"),
            ("09:45", "ADMIT"),
            ("11:30", "SLOT_OVER"),
        ):
            self._set_rights(ticket, entries_reserved=0)
            result = self._scan_at(ticket, self._at(MONDAY, clock))
            self.assertEqual(result["code"], code, clock)


@tagged("post_install", "-at_install")
class TestInsideSums(InsideCommon):
    """Whatever the order of messages, the counts are the sums of the events."""

    def test_any_order_of_messages(self):
        self._set_capacity(4)
        self._component(self.scenic_individual).write({"reentry": "same_day"})
        self._component(self.scenic_group).write(
            {"reentry": "after_exit", "antipassback": "hard"}
        )
        tickets = [
            self._days_ticket(),
            self._days_ticket(product=self.scenic_group, quantity=3),
            self._days_ticket(product=self.scenic_combo),
        ]
        tokens = [ticket._qr_token() for ticket in tickets]
        step = st.tuples(
            st.sampled_from(("scan", "passed", "passed", "annulled", "exit", "again")),
            st.integers(0, 2),
            st.integers(1, 3),
            st.integers(0, 99),
        )

        @settings(
            max_examples=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(step, max_size=30))
        def run(steps):
            savepoint = self.env.cr.savepoint()
            try:
                self._run(tickets, tokens, steps)
            finally:
                savepoint.close(rollback=True)
                self.env.invalidate_all()

        run()

    def _run(self, tickets, tokens, steps):
        requests, events = [], []
        for minute, (kind, which, count, pick) in enumerate(steps):
            moment = self._at(MONDAY, f"{10 + minute // 60}:{minute % 60:02d}")
            if kind == "scan" or not requests:
                lane = ("L1", "L2", "C1")[pick % 3]
                scan = self._scan(tokens[which], lane=lane)
                requests.append(scan["request_id"])
                self._validate(scan, now=moment)
            elif kind == "again" and events:
                codes = self._report(events[pick % len(events)], now=moment)
                self.assertEqual(codes, ["REPEAT"])
            else:
                if kind == "exit":
                    event = self._event(
                        "exit",
                        lane="X1",
                        count=count,
                        credential={"kind": "auto", "value": tokens[which]},
                    )
                else:
                    request = requests[pick % len(requests)]
                    if pick > 95:
                        request = str(uuid.uuid4())
                    kind = "annulled" if kind == "annulled" else "passed"
                    event = self._event(kind, request, count=count)
                events.append(event)
                self._report_at(moment, event)
        self._assert_sums(tickets)

    def _assert_sums(self, tickets):
        self.env.invalidate_all()
        for right in self.env["scenic.entitlement"].search(
            [("ticket_id", "in", [ticket.id for ticket in tickets])]
        ):
            events = self.env["scenic.pass.event"].search(
                [("entitlement_id", "=", right.id)]
            )
            self.assertEqual(sum(events.mapped("used_delta")), right.entries_used)
            self.assertEqual(
                sum(events.mapped("reserved_delta")), right.entries_reserved
            )
            self.assertEqual(sum(events.mapped("free_delta")), right.reentries_reserved)
            self.assertGreaterEqual(right.entries_left, 0)
        inside, reserved = self._people()
        self.env.cr.execute(
            "SELECT scenic_gate_inside(%s, %s)",
            [self.pool.id, self._at(MONDAY, "00:00")],
        )
        self.assertEqual(inside, self.env.cr.fetchone()[0])
        into = self.env["scenic.pass.event"].search(
            [("gate_id", "=", self.gate.id), ("phase", "=", "authorised")]
        )
        into |= into.follow_ids
        self.assertEqual(
            reserved,
            sum(into.mapped("reserved_delta")) + sum(into.mapped("free_delta")),
        )
