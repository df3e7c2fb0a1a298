from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..exceptions import BlankError, CapacityError
from ..tools import t1
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestBlank(ScenicCommon):
    """Tickets signed in advance, lent to a till that may lose the server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        zone = cls.scenic_area.tz
        cls.today = fields.Date.context_today(cls.env.user.with_context(tz=zone))

    def _lease(self, count=3, product=None, till="Gate till"):
        return self.env["scenic.blank.lease"]._lease(
            "window", till, "browser-1", product or self.scenic_individual, count
        )

    def _sell_blanks(self, blanks, ref="OFF-1", sold_at=None, **values):
        line = self._scenic_line(blanks.product_id, len(blanks))
        line.update(
            visit_date=blanks[:1].visit_date or None, blanks=blanks.mapped("number")
        )
        line.update(values)
        booking = self.env["scenic.booking"]._hold(
            "window", ref, [line], sold_at=sold_at or fields.Datetime.now()
        )
        return booking._confirm()

    def _assert_refused(self, code, blanks, **values):
        with self.assertRaises(BlankError) as caught, self.cr.savepoint():
            self._sell_blanks(blanks, **values)
        self.assertEqual(caught.exception.code, code)

    # Lease

    def test_lease(self):
        lease = self._lease()
        blanks = lease.ticket_ids
        self.assertEqual((len(blanks), lease.count, lease.left_count), (3, 3, 3))
        self.assertEqual((lease.day, lease.state), (self.today, "open"))
        self.assertEqual(set(blanks.mapped("state")), {"valid"})
        self.assertEqual(set(blanks.mapped("visit_date")), {self.today})
        self.assertEqual(sum(blanks.mapped("amount_total")), 0)
        self.assertEqual(sum(blanks.mapped("amount_open")), 0)
        for blank in blanks:
            payload, raw, signature = t1.parse(blank._qr_token())
            key = blank.credential_ids.signing_key_id
            self.assertTrue(
                any(
                    t1.verify(public, self.scenic_area.code, raw, signature)
                    for public in key._public_keys(payload.kid)
                )
            )
            self.assertEqual(t1.split_number(payload.number), (blank.number, 0))
        # nobody but the till prints it
        self.assertFalse(any(blank._shows_codes() for blank in blanks))

    def test_lease_of_an_open_date(self):
        self.scenic_individual.scenic_validity_rule_id = self.scenic_rule_sale
        blanks = self._lease().ticket_ids
        self.assertFalse(any(blanks.mapped("visit_date")))
        self.assertEqual(set(blanks.mapped("date_first")), {self.today})
        sold = self._sell_blanks(blanks)
        self.assertEqual(set(sold.mapped("span_days")), {3})

    def test_what_cannot_be_lent(self):
        named = self._scenic_product(
            "Named", "individual", 50, scenic_real_name="visitor"
        )
        other_day = self._scenic_product(
            "Festival",
            "individual",
            50,
            scenic_validity_rule_id=self.env["scenic.validity.rule"]
            .create(
                {
                    "name": "Festival",
                    "mode": "fixed_date",
                    "date_from": self.today + timedelta(days=3),
                    "date_to": self.today + timedelta(days=3),
                }
            )
            .id,
        )
        for product in (named, other_day, self.scenic_group):
            with self.subTest(product.name), self.assertRaises(BlankError) as caught:
                self._lease(product=product)
            self.assertEqual(caught.exception.code, "BLANK_PRODUCT")
        self.env["scenic.capacity.pool"].create(
            {
                "name": "By slot",
                "site_id": self.scenic_area.id,
                "kind": "slot",
                "capacity": 10,
            }
        )
        with self.assertRaises(BlankError):
            self._lease()

    def test_places_lent_are_not_sold_elsewhere(self):
        pool = self.env["scenic.capacity.pool"].create(
            {"name": "Day", "site_id": self.scenic_area.id, "capacity": 5}
        )
        lease = self._lease(3)
        with self.assertRaises(CapacityError) as caught, self.cr.savepoint():
            self._scenic_sell(self.scenic_individual, 3, visit_date=self.today)
        self.assertEqual(caught.exception.left, 2)
        self._scenic_sell(self.scenic_individual, 2, visit_date=self.today)
        # what the till sells it has already: the day is full and nothing is over
        sold = self._sell_blanks(lease.ticket_ids[:2])
        holds = self.env["scenic.capacity.hold"].search([("pool_id", "=", pool.id)])
        self.assertEqual(holds._live(), 5)
        self.assertEqual(sum(holds.mapped("over")), 0)
        self.assertEqual(sold.booking_line_id.hold_ids._live(), 2)
        lease._give_back("closed")
        self.assertEqual(holds._live(), 4)
        self.assertEqual((lease.state, lease.sold_count), ("returned", 2))
        self._scenic_sell(self.scenic_individual, 1, visit_date=self.today)

    # Sale

    def test_sale(self):
        """The blank is the ticket: same number, same code, and now it has a price."""
        lease = self._lease(product=self.scenic_combo)
        blanks = lease.ticket_ids.sorted("number")
        printed = [blank._qr_token() for blank in blanks]
        tickets = self._sell_blanks(
            blanks, price_unit=33.33, amount_untaxed=94.33, amount_total=99.99
        )
        self.assertEqual(tickets, blanks)
        self.assertEqual([ticket._qr_token() for ticket in tickets], printed)
        self.assertEqual(set(tickets.mapped("state")), {"valid"})
        self.assertEqual(set(tickets.mapped("blank_state")), {"sold"})
        self.assertEqual(tickets.mapped("amount_untaxed"), [31.45, 31.44, 31.44])
        self.assertAlmostEqual(sum(tickets.mapped("amount_open")), 94.33)
        for ticket in tickets:
            self.assertAlmostEqual(
                sum(ticket.entitlement_ids.mapped("amount")), ticket.amount_untaxed
            )
        line = tickets.booking_line_id
        self.assertEqual((line.quantity, line.booking_id.state), (3, "confirmed"))
        self.assertTrue(line.refund_terms)
        self.assertTrue(all(ticket._shows_codes() for ticket in tickets))
        self.assertEqual((lease.left_count, lease.sold_count), (0, 3))

    def test_sale_twice(self):
        blanks = self._lease().ticket_ids
        tickets = self._sell_blanks(blanks[:1])
        # the same order again is the same answer
        self.assertEqual(self._sell_blanks(blanks[:1], "OFF-1"), tickets)
        self._assert_refused("BLANK_SOLD", blanks[:2], ref="OFF-2")
        self.assertEqual(blanks[1].blank_state, "left")

    def test_sale_of_what_was_never_lent(self):
        ticket = self._scenic_sell(self.scenic_individual, visit_date=self.today)
        self._assert_refused("BLANK_UNKNOWN", ticket)

    def test_sale_of_another_day_or_product(self):
        blanks = self._lease().ticket_ids
        other = self._scenic_product("Child", "individual", 50)
        self._assert_refused("BLANK_OTHER", blanks, product_id=other.id)
        self._assert_refused(
            "BLANK_OTHER", blanks, visit_date=self.today + timedelta(days=1)
        )
        self._assert_refused("BLANK_COUNT", blanks, quantity=2)

    def test_sale_after_the_lease(self):
        """Sold in time and told late is sold; sold late is not."""
        lease = self._lease()
        blanks = lease.ticket_ids
        later = lease.date_end + timedelta(hours=5)
        in_time = lease.date_end - timedelta(hours=1)
        with freeze_time(later):
            self._assert_refused("BLANK_LATE", blanks[:1], sold_at=later)
            self.env["scenic.blank.lease"]._cron_end()
            self.assertEqual((lease.state, lease.left_count), ("over", 0))
            self.assertEqual(set(blanks.mapped("state")), {"expired"})
            tickets = self._sell_blanks(blanks[:2], sold_at=in_time)
            self.assertEqual(set(tickets.mapped("state")), {"valid"})
            # and ends as any other ticket whose day is over
            self.env["scenic.ticket"]._cron_expire()
            self.assertEqual(set(tickets.mapped("state")), {"expired"})
            self.assertEqual(sum(tickets.mapped("amount_open")), 200)

    def test_admitted_before_it_is_sold(self):
        lease = self._lease()
        blank = lease.ticket_ids[0]
        blank.sudo().entitlement_ids.entries_used = 1
        blank.sudo().state = "used"
        self.assertEqual(lease.admitted_count, 1)
        with freeze_time(lease.date_end + timedelta(minutes=1)):
            self.env["scenic.blank.lease"]._cron_end()
            self.assertEqual((blank.state, blank.blank_state), ("used", "left"))
            self.assertEqual((lease.state, lease.admitted_count), ("over", 1))
            self._sell_blanks(
                blank, sold_at=lease.date_end - timedelta(hours=1), ref="OFF-9"
            )
        self.assertEqual((blank.state, blank.blank_state), ("used", "sold"))
        self.assertEqual(lease.admitted_count, 0)
        self.assertEqual(blank.amount_open, 100)

    def test_closed_meanwhile(self):
        """Who has the ticket in his hand keeps it; the money is in the books."""
        blanks = self._lease().ticket_ids
        closure = self.env["scenic.closure"].create(
            {
                "site_id": self.scenic_area.id,
                "date_from": self.today,
                "date_to": self.today,
                "reason": "Storm",
            }
        )
        closure.action_close()
        # what was not sold concerns nobody
        self.assertFalse(closure.line_ids)
        tickets = self._sell_blanks(blanks)
        self.assertEqual(len(tickets), 3)

    # End

    def test_give_back(self):
        lease = self._lease()
        lease._give_back("closed")
        self.assertEqual(lease.state, "returned")
        self.assertEqual(lease.booking_id.state, "cancelled")
        self.assertEqual(set(lease.ticket_ids.mapped("state")), {"void"})
        self.assertFalse(any(lease.ticket_ids.credential_ids.mapped("active")))
        self._assert_refused("BLANK_VOID", lease.ticket_ids[:1])

    def test_write_off_and_reinstate(self):
        lease = self._lease()
        blanks = lease.ticket_ids
        users = self._scenic_users("blank", ("manager", "supervisor", "auditor"))
        for role in ("supervisor", "auditor"):
            with self.subTest(role), self.assertRaises(AccessError):
                lease.with_user(users[role])._write_off("the till was stolen")
        lease = lease.with_user(users["manager"])
        lease._write_off("the till was stolen")
        self.assertEqual((lease.state, lease.left_count), ("lost", 0))
        self.assertEqual(set(blanks.mapped("state")), {"void"})
        self._assert_refused("BLANK_VOID", blanks[:1])
        with self.assertRaises(BlankError) as caught:
            lease._write_off("again")
        self.assertEqual(caught.exception.code, "BLANK_LEASE_STATE")
        lease._reinstate("found in the shed")
        self.assertEqual(set(blanks.mapped("state")), {"expired"})
        tickets = self._sell_blanks(blanks[:1])
        self.assertEqual((tickets.state, tickets.blank_state), ("valid", "sold"))
        self.assertTrue(all(tickets.credential_ids.mapped("active")))
        actions = self.env["scenic.audit"].search(
            [("res_model", "=", lease._name), ("res_id", "=", lease.id)], order="id"
        )
        self.assertEqual(
            actions.mapped("action"),
            ["blank_lease", "blank_write_off", "blank_reinstate"],
        )

    def test_life_line(self):
        blank = self._lease().ticket_ids[0]
        kinds = [event["kind"] for event in blank._life_line()]
        self.assertNotIn("sold", kinds)
        self._sell_blanks(blank)
        events = blank._life_line()
        self.assertEqual(
            [event["kind"] for event in events if event["kind"] in ("held", "sold")],
            ["held", "held", "sold"],
        )
        self.assertIn("Gate till", [event["where"] for event in events])
