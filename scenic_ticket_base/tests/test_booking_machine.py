from datetime import datetime, timedelta

from freezegun import freeze_time
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from odoo import fields
from odoo.tests import tagged

from ..exceptions import BookingError, CapacityError, ScenicError
from .common import ScenicCommon

CAPACITY = 12
# not a date of its own: the database stamps rows with its own clock
START = datetime.now().replace(microsecond=0)
DAYS = (7, 8)  # after the start; the second one is dearer

persons = st.integers(1, 6)
minutes = st.integers(1, 30)
day = st.integers(0, len(DAYS) - 1)

# Everything that a refusal or a repeat must leave as it is.
FACTS = """
SELECT jsonb_build_array(
  (SELECT jsonb_agg(to_jsonb(b) ORDER BY b.id) FROM (
     SELECT id, state, held_until, amount_total FROM scenic_booking
      WHERE id = ANY(%(ids)s)) b),
  (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.id) FROM (
     SELECT id, quantity, free_persons, visit_date, price_unit, amount_untaxed,
            amount_total, change_count FROM scenic_booking_line
      WHERE booking_id = ANY(%(ids)s)) l),
  (SELECT jsonb_agg(to_jsonb(t) ORDER BY t.id) FROM (
     SELECT id, number, state, persons, persons_refunded, visit_date, date_first,
            amount_untaxed, amount_total, amount_refunded FROM scenic_ticket
      WHERE booking_id = ANY(%(ids)s)) t),
  (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.id) FROM (
     SELECT e.id, e.entries_total, e.entries_refunded, e.valid_from, e.amount
       FROM scenic_entitlement e JOIN scenic_ticket t ON t.id = e.ticket_id
      WHERE t.booking_id = ANY(%(ids)s)) e),
  (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.id) FROM (
     SELECT c.id, c.active, c.lookup FROM scenic_credential c
       JOIN scenic_ticket t ON t.id = c.ticket_id
      WHERE t.booking_id = ANY(%(ids)s)) c),
  (SELECT jsonb_agg(to_jsonb(h) ORDER BY h.id) FROM (
     SELECT h.id, h.state, h.date, h.persons, h.persons_released
       FROM scenic_capacity_hold h
       JOIN scenic_booking_line l ON l.id = h.booking_line_id
      WHERE l.booking_id = ANY(%(ids)s)) h),
  (SELECT count(*) FROM scenic_booking_request WHERE booking_id = ANY(%(ids)s)))
"""

# Rows of these bookings that do not add up.
FAULTS = """
SELECT 'paid line and its tickets', l.id FROM scenic_booking_line l
  JOIN scenic_booking b ON b.id = l.booking_id
  LEFT JOIN scenic_ticket t ON t.booking_line_id = l.id
 WHERE b.id = ANY(%(ids)s) AND b.state = 'confirmed' GROUP BY l.id
HAVING COALESCE(sum(t.persons), 0) <> l.quantity + l.free_persons
    OR COALESCE(sum(t.amount_total), 0) <> l.amount_total
    OR COALESCE(sum(t.amount_untaxed), 0) <> l.amount_untaxed
UNION ALL
SELECT 'ticket without a payment', t.id FROM scenic_ticket t
  JOIN scenic_booking b ON b.id = t.booking_id
 WHERE b.id = ANY(%(ids)s) AND (b.state IN ('held', 'expired')
    OR b.state = 'cancelled' AND t.state NOT IN ('refunded', 'void'))
UNION ALL
SELECT 'entitlements and their ticket', t.id FROM scenic_ticket t
  LEFT JOIN scenic_entitlement e ON e.ticket_id = t.id
 WHERE t.booking_id = ANY(%(ids)s) GROUP BY t.id
HAVING COALESCE(sum(e.amount), -1) <> t.amount_untaxed
    OR COALESCE(sum(e.amount_refunded), -1) <> t.amount_refunded
UNION ALL
SELECT 'date of line and ticket', t.id FROM scenic_ticket t
  JOIN scenic_booking_line l ON l.id = t.booking_line_id
 WHERE t.booking_id = ANY(%(ids)s) AND t.state = 'valid'
   AND (t.visit_date <> l.visit_date OR t.date_first <> l.visit_date)
UNION ALL
SELECT 'codes of a ticket', t.id FROM scenic_ticket t
  LEFT JOIN scenic_credential c ON c.ticket_id = t.id AND c.active
 WHERE t.booking_id = ANY(%(ids)s) GROUP BY t.id
HAVING count(c.id) <> CASE WHEN t.state = 'valid' THEN 2 ELSE 0 END
UNION ALL
SELECT 'places and persons', l.id FROM scenic_booking_line l
  JOIN scenic_booking b ON b.id = l.booking_id
 WHERE b.id = ANY(%(ids)s) AND COALESCE((
       SELECT sum(h.persons - h.persons_released) FROM scenic_capacity_hold h
        WHERE h.booking_line_id = l.id AND h.state <> 'released'
          AND h.date = l.visit_date), 0) <> CASE b.state
       WHEN 'held' THEN l.quantity + l.free_persons
       WHEN 'confirmed' THEN (SELECT COALESCE(sum(t.persons - t.persons_refunded), 0)
         FROM scenic_ticket t WHERE t.booking_line_id = l.id AND t.state = 'valid')
       ELSE 0 END
UNION ALL
SELECT 'place on another day', h.id FROM scenic_capacity_hold h
  JOIN scenic_booking_line l ON l.id = h.booking_line_id
 WHERE l.booking_id = ANY(%(ids)s) AND h.state <> 'released'
   AND h.date <> l.visit_date
"""


class BookingMachine(RuleBasedStateMachine):
    """Bookings of one pool in any order of events; see the invariants below."""

    test = None  # the test case that runs it
    bookings = Bundle("bookings")
    requests = Bundle("requests")

    def __init__(self):
        super().__init__()
        self.env = self.test.env
        self.savepoint = self.env.cr.savepoint()
        self.test.clock.move_to(START)
        self.ids = []
        self.keys = 0

    def teardown(self):
        self.savepoint.close(rollback=True)

    # Tools

    def booking(self, booking_id):
        return self.env["scenic.booking"].browse(booking_id)

    def date(self, number):
        return (START + timedelta(days=DAYS[number])).date()

    def facts(self):
        self.env.flush_all()
        self.env.cr.execute(FACTS, {"ids": self.ids or [0]})
        return self.env.cr.fetchone()[0]

    def stand(self, number):
        unit = (self.test.pool.id, self.date(number), False)
        return self.env["scenic.capacity.pool"]._state([unit])[unit]

    def key(self, keyed):
        self.keys += keyed
        return f"key-{self.keys}" if keyed else None

    def attempt(self, function):
        """Call; what is refused with a code must have changed nothing."""
        before = self.facts()
        try:
            return function(), None
        except ScenicError as error:
            assert self.facts() == before, f"{error.code} left something behind"
            return None, error

    def is_over(self, booking):
        return booking.state == "expired" or (
            booking.state == "held" and booking.held_until <= fields.Datetime.now()
        )

    # Events

    @initialize(target=bookings)
    def begin(self):
        """One that is sold and one that is held, so that every step finds some."""
        sold = self.hold("scenic_combo", 2, 0, 30)
        self.confirm(sold)
        return multiple(sold, self.hold("scenic_individual", 1, 1, 10))

    @rule(
        target=bookings,
        product=st.sampled_from(["scenic_individual", "scenic_combo", "scenic_group"]),
        quantity=persons,
        number=day,
        hold=minutes,
    )
    def hold(self, product, quantity, number, hold):
        product = getattr(self.test, product)
        guides = quantity // 5 if product == self.test.scenic_group else 0
        free = self.stand(number)["free"]
        line = {
            "product_id": product.id,
            "quantity": quantity,
            "visit_date": self.date(number),
        }
        ref = f"machine-{len(self.ids)}-{self.keys}-{free}-{quantity}"
        booking, error = self.attempt(
            lambda: self.env["scenic.booking"]._hold("web", ref, [line], minutes=hold)
        )
        if quantity + guides <= free:
            assert error is None, error
            self.ids.append(booking.id)
            assert booking.line_ids.free_persons == guides
            assert self.stand(number)["free"] == free - quantity - guides
            return booking.id
        assert isinstance(error, CapacityError), error
        return self.ids[-1] if self.ids else 0

    @rule(
        target=requests,
        booking_id=bookings,
        what=st.sampled_from(["extend", "confirm", "amend", "cancel"]),
        quantity=persons,
        number=day,
        hold=minutes,
    )
    def keyed(self, booking_id, what, quantity, number, hold):
        """Do something by a key; it is sent again later."""
        booking = self.booking(booking_id)
        if not booking:
            return None
        key = self.key(True)
        change = {
            "line_id": booking.line_ids.id,
            "visit_date": self.date(number),
            "quantity": quantity,
        }
        call = {
            "extend": lambda: booking._extend(hold, key=key),
            "confirm": lambda: booking._confirm(key=key).ids,
            "amend": lambda: booking._amend([change], "m", key=key, document_ref="D"),
            "cancel": lambda: booking._cancel("m", key=key),
        }[what]
        answer, error = self.attempt(call)
        return None if error else (call, answer)

    @rule(request=requests)
    def repeat(self, request):
        """The first answer again, and nothing else, whatever happened since."""
        if not request:
            return
        call, answer = request
        before = self.facts()
        assert call() == answer
        assert self.facts() == before

    @rule(booking_id=bookings, hold=minutes)
    def extend(self, booking_id, hold):
        booking = self.booking(booking_id)
        if not booking:
            return
        before = booking.held_until
        until, error = self.attempt(lambda: booking._extend(hold))
        if error:
            assert booking.state != "held" or self.is_over(booking)
        else:
            wanted = fields.Datetime.now() + timedelta(minutes=hold)
            assert until == booking.held_until == max(before, wanted)

    @rule(booking_id=bookings)
    def confirm(self, booking_id):
        booking = self.booking(booking_id)
        if not booking:
            return
        was, over = booking.state, self.is_over(booking)
        tickets, error = self.attempt(booking._confirm)
        if over:
            assert isinstance(error, BookingError) and error.code == "HOLD_EXPIRED"
        elif was == "cancelled":
            assert error.code == "BOOKING_STATE"
        else:
            assert error is None, error
            assert booking.state == "confirmed"
            assert tickets == booking.ticket_ids.sorted("id")

    @rule(
        booking_id=bookings,
        number=st.none() | day,
        quantity=st.none() | persons,
        quote=st.booleans(),
    )
    def amend(self, booking_id, number, quantity, quote):
        booking = self.booking(booking_id)
        if not booking:
            return
        line = booking.line_ids
        change = {"line_id": line.id}
        if number is not None:
            change["visit_date"] = self.date(number)
        if quantity is not None:
            change["quantity"] = quantity
        quoted = None
        if quote:
            quoted, _error = self.attempt(lambda: booking._amend_quote([change]))
        numbers = set(booking.ticket_ids.mapped("number"))
        answer, error = self.attempt(
            lambda: booking._amend([change], "machine", document_ref="DOC")
        )
        if self.is_over(booking) or booking.state == "cancelled":
            assert error is not None
        if error:
            return
        if quoted:
            assert quoted.items() <= answer.items()
        if number is not None:
            assert line.visit_date == self.date(number)
        assert numbers <= set(booking.ticket_ids.mapped("number"))

    @rule(booking_id=bookings)
    def cancel(self, booking_id):
        booking = self.booking(booking_id)
        if not booking:
            return
        valid = booking.ticket_ids.filtered(lambda t: t.state == "valid")
        _answer, error = self.attempt(lambda: booking._cancel("machine"))
        if valid:
            assert error.code == "BOOKING_HAS_TICKETS"
        else:
            assert error is None
            assert booking.state in ("cancelled", "expired")

    @rule(booking_id=bookings, heads=st.none() | persons)
    def refund(self, booking_id, heads):
        """A money document takes the first ticket back, or some of its persons."""
        booking = self.booking(booking_id)
        valid = booking.ticket_ids.filtered(lambda t: t.state == "valid")
        if valid:
            ticket = valid.sorted("number")[0]
            self.attempt(lambda: ticket._refund("CN", "machine", persons=heads))

    @rule(passed=minutes)
    def time_passes(self, passed):
        self.test.clock.tick(timedelta(minutes=passed))

    @rule()
    def cron(self):
        held = self.booking(self.ids).filtered(lambda b: b.state == "held")
        over = held.filtered(self.is_over)
        self.env["scenic.booking"]._cron_expire()
        assert set(over.mapped("state")) <= {"expired"}
        assert set((held - over).mapped("state")) <= {"held"}

    @rule(booking_id=bookings)
    def expire_one(self, booking_id):
        booking = self.booking(booking_id)
        over = booking.state == "held" and self.is_over(booking)
        assert bool(booking._expire()) == over

    # What always holds

    @invariant()
    def everything_adds_up(self):
        if not self.ids:
            return
        self.env.flush_all()
        self.env.cr.execute(FAULTS, {"ids": self.ids})
        assert self.env.cr.fetchall() == []

    @invariant()
    def no_place_is_lost_or_sold_twice(self):
        for number in range(len(DAYS)):
            stand = self.stand(number)
            assert stand["held"] + stand["sold"] + stand["free"] == CAPACITY
            assert stand["free"] >= 0


@tagged("post_install", "-at_install")
class TestBookingMachine(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        frozen = freeze_time(START)
        cls.clock = frozen.start()
        cls.addClassCleanup(frozen.stop)
        cls.env.user.group_ids += cls.env.ref("product.group_product_pricelist")
        # the first sale of a new database makes the key: not inside an example, which
        # is rolled back
        cls.env["scenic.signing.key"]._active()
        cls.scenic_group.scenic_guide_per = 5
        policy = cls.env["scenic.refund.policy"].create(
            {
                "name": "Machine",
                "allow_partial": True,
                "line_ids": [
                    (0, 0, {"state": "valid", "allowed": True, "unlimited": True})
                ],
            }
        )
        products = cls.scenic_individual | cls.scenic_combo | cls.scenic_group
        products.scenic_refund_policy_id = policy
        dear = START + timedelta(days=DAYS[1])
        pricelist = cls.env["product.pricelist"].create(
            {
                "name": "Machine",
                "currency_id": cls.env.company.currency_id.id,
                "item_ids": [
                    (
                        0,
                        0,
                        {
                            "applied_on": "3_global",
                            "compute_price": "percentage",
                            "percent_price": -33.3,
                            "date_start": dear.replace(hour=0),
                            "date_end": dear.replace(hour=23),
                        },
                    )
                ],
            }
        )
        web = cls.env["scenic.channel"].search([("code", "=", "web")])
        web.pricelist_id = pricelist
        cls.pool = cls.env["scenic.capacity.pool"].create(
            {
                "name": "Machine",
                "site_id": cls.scenic_area.id,
                "kind": "day",
                "capacity": CAPACITY,
                "days_shown": 0,
            }
        )

    def test_any_order_of_events(self):
        BookingMachine.test = self
        run_state_machine_as_test(
            BookingMachine,
            settings=settings(
                max_examples=16,
                stateful_step_count=24,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
