from datetime import timedelta
from itertools import count
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged

from ..exceptions import BookingError, ClosureError
from .test_refund import RefundCommon


@tagged("post_install", "-at_install")
class TestClosure(RefundCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.supervisor = new_test_user(
            cls.env, "closer", "scenic_ticket_base.group_scenic_supervisor"
        )
        cls.customer = cls.env["res.partner"].create(
            {"name": "Ms Lin", "email": "lin@example.com"}
        )
        cls.next_day = cls.visit_date + timedelta(days=1)
        cls.refs = count()

    def _closure(self, site=None, **values):
        return (
            self.env["scenic.closure"]
            .with_user(self.supervisor)
            .create(
                {
                    "site_id": (site or self.scenic_area).id,
                    "date_from": self.visit_date,
                    "date_to": self.visit_date,
                    "reason": "storm warning",
                    **values,
                }
            )
        )

    def _closed(self, *args, **values):
        closure = self._closure(*args, **values)
        closure.action_close()
        return closure

    def _slot(self, hour):
        start = fields.Datetime.to_datetime(self.visit_date) + timedelta(hours=hour)
        return self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_area.id,
                "start": start,
                "end": start + timedelta(hours=2),
            }
        )

    def _assert_not_sold(self, product, **values):
        with self.assertRaises(BookingError) as caught, self.env.cr.savepoint():
            self._scenic_sell(product, **values)
        self.assertEqual(caught.exception.code, "SITE_CLOSED")
        self.assertIn("storm warning", str(caught.exception))

    # Sale

    def test_sale_stops_and_goes_on_after_undo(self):
        closure = self._closure()
        self._scenic_sell(self.scenic_individual)
        closure.action_close()
        self._assert_not_sold(self.scenic_individual)
        self._scenic_sell(self.scenic_individual, visit_date=self.next_day)
        self.assertEqual(closure.ticket_count, 1)
        closure.action_undo()
        self.assertEqual((closure.state, closure.line_count), ("undone", 0))
        self._scenic_sell(self.scenic_individual)

    def test_closed_area_closes_its_spots_and_not_the_other_way_round(self):
        self._closed(self.scenic_spot)
        self._assert_not_sold(self.scenic_combo)
        self._scenic_sell(self.scenic_individual)
        self._closed()
        self._assert_not_sold(self.scenic_individual)

    def test_slot(self):
        morning, noon = self._slot(1), self._slot(4)
        ticket = self._scenic_sell(self.scenic_individual, slot_id=morning.id)
        self._scenic_sell(self.scenic_individual, slot_id=noon.id)
        closure = self._closed(slot_id=morning.id)
        self.assertEqual(closure.line_ids._tickets(), ticket)
        self._assert_not_sold(self.scenic_individual, slot_id=morning.id)
        self._scenic_sell(self.scenic_individual, slot_id=noon.id)
        with self.assertRaises(ValidationError):
            self._closure(date_to=self.next_day, slot_id=morning.id)

    # Held before it was closed

    def _held(self, **values):
        line = self._scenic_line(self.scenic_individual, **values)
        return self.env["scenic.booking"]._hold(
            "web", f"CLOSED-{next(self.refs)}", [line]
        )

    def _assert_closed(self, method, *args, **kwargs):
        with self.assertRaises(BookingError) as caught, self.env.cr.savepoint():
            method(*args, **kwargs)
        self.assertEqual(caught.exception.code, "SITE_CLOSED")
        self.assertIn("storm warning", str(caught.exception))
        self.assertIn("another date", str(caught.exception))

    def test_held_booking_of_a_closed_day_is_not_sold(self):
        booking, other = self._held(), self._held(visit_date=self.next_day)
        closure = self._closed()
        before = booking.held_until
        self._assert_closed(booking._confirm)
        self._assert_closed(booking._confirm, key="c")
        self._assert_closed(booking._extend, 600)
        self.assertEqual((booking.state, booking.held_until), ("held", before))
        self.assertFalse(booking.ticket_ids)
        self.assertEqual(len(other._confirm()), 1)
        # what it says to do, and it is sold
        change = {"line_id": booking.line_ids.id, "visit_date": self.next_day}
        booking._amend([change], "storm")
        self.assertEqual(len(booking._confirm(key="c")), 1)
        third = self._held(visit_date=self.next_day)
        third._cancel("storm")
        closure.action_undo()

    def test_held_booking_is_sold_when_the_closure_is_undone(self):
        booking = self._held()
        closure = self._closed()
        self._assert_closed(booking._confirm)
        closure.action_undo()
        self.assertEqual(len(booking._confirm()), 1)

    def test_held_booking_of_a_closed_slot_is_not_sold(self):
        morning, noon = self._slot(1), self._slot(4)
        early, late = (self._held(slot_id=slot.id) for slot in (morning, noon))
        self._closed(slot_id=morning.id)
        self._assert_closed(early._confirm)
        self.assertEqual(len(late._confirm()), 1)

    def test_nobody_is_added_on_a_closed_day(self):
        booking = self._held()
        booking._confirm()
        self._closed()
        change = {"line_id": booking.line_ids.id, "quantity": 2}
        self._assert_closed(booking._amend, [change], "friend", document_ref="D")

    def test_till_that_was_offline_has_sold_it(self):
        """Its money is taken and its ticket is out: recorded, and listed again."""
        self.env.ref("scenic_ticket_base.channel_window").accepts_late = True
        sold_at = fields.Datetime.now() - timedelta(hours=2)
        line = self._scenic_line(self.scenic_individual)
        hold = self.env["scenic.booking"]._hold
        held = hold("window", f"CLOSED-{next(self.refs)}", [line], sold_at=sold_at)
        closure = self._closed()
        self.assertFalse(closure.line_ids)
        after = hold("window", f"CLOSED-{next(self.refs)}", [line], sold_at=sold_at)
        self.assertEqual((held | after).mapped("sold_at"), [sold_at] * 2)
        held._extend(600)
        tickets = held._confirm() | after._confirm()
        self.assertEqual(tickets.mapped("state"), ["valid"] * 2)
        closure.action_refresh()
        self.assertEqual(closure.line_ids.sudo()._tickets(), tickets)
        # another till, which was not offline
        with self.assertRaises(BookingError) as caught, self.env.cr.savepoint():
            hold(
                "window",
                f"CLOSED-{next(self.refs)}",
                [line],
                sold_at=fields.Datetime.now(),
            )
        self.assertEqual(caught.exception.code, "SITE_CLOSED")

    # List

    def test_who_is_concerned(self):
        adult = self._scenic_sell(self.scenic_individual, 3)
        group = self._scenic_sell(self.scenic_group, 10, channel="agency")
        combo = self._scenic_sell(self.scenic_combo)
        self._scenic_sell(self.scenic_individual, visit_date=self.next_day)
        used = self._scenic_sell(self.scenic_individual)
        self._gate(used, "used", entries_used=1)
        refunded = self._scenic_sell(self.scenic_individual)
        refunded._refund("R", "x")
        last_chance = self._scenic_sell(self.scenic_individual)
        last_chance.sudo().visit_date = False
        week = self._scenic_sell(self.scenic_individual)
        week.sudo().visit_date = False
        week.sudo().entitlement_ids.valid_to += timedelta(days=1)
        closure = self._closed()
        self.assertEqual(
            closure.line_ids.sudo()._tickets(), adult | group | combo | last_chance
        )
        rows = {
            line.channel_id.code: (line.ticket_count, line.persons, line.amount_total)
            for line in closure.line_ids
            if line.booking_line_id in (adult | group).booking_line_id
        }
        self.assertEqual(rows, {"window": (3, 3, 300), "agency": (1, 10, 800)})
        self.assertEqual(closure.amount_total, 1340)
        closure.action_refresh()
        self.assertEqual(closure.line_count, 4, "listed once")

    # Refund

    def test_money_back_overrides_the_policy(self):
        self.scenic_policy.line_ids = [
            (5, 0, 0),
            (0, 0, {"unlimited": True, "allowed": False}),
        ]
        ticket = self._scenic_sell(self.scenic_individual)
        self._assert_refused("REFUND_NOT_ALLOWED", ticket._refund, "R", "x")
        closure = self._closed()
        closure.action_apply()
        self.assertEqual((closure.state, closure.progress), ("done", 100))
        self.assertEqual((ticket.state, ticket.refund_due), ("valid", "closure"))
        refund = ticket._refund("R", "storm")
        self.assertEqual((refund.amount_total, refund.cause), (100, "due"))
        self._assert_identity(ticket)

    def test_only_what_is_closed_is_due(self):
        ticket = self._scenic_sell(self.scenic_combo)
        self._gate(ticket, "part_used", entries_used=1)
        self._closed(self.scenic_spot).action_apply()
        self.assertEqual(ticket.entitlement_ids.mapped("refund_due"), [False, True])
        self.assertEqual(ticket._refund("R", "storm").amount_total, 56)
        self.assertEqual((ticket.state, ticket.refund_due), ("used", False))

    def test_applied_twice_is_applied_once(self):
        ticket = self._scenic_sell(self.scenic_individual)
        closure = self._closed()
        closure.action_apply()
        with self.assertRaises(ClosureError):
            closure.action_apply()
        closure.sudo()._apply_batch(20)
        logged = ticket.message_ids.filtered(lambda m: "storm" in (m.body or ""))
        self.assertEqual(len(logged), 1)

    # Another date

    def test_rebook_costs_nothing_and_counts_for_nothing(self):
        self.scenic_policy.write(
            {"changes_limited": True, "changes_max": 0, "change_fee": 10}
        )
        ticket = self._scenic_sell(self.scenic_individual, 2)
        number, code = ticket[0].name, ticket[0]._qr_token()
        closure = self._closed(choice="rebook", new_date=self.next_day)
        closure.action_apply()
        self.assertEqual(closure.line_ids.state, "done", closure.line_ids.message)
        self.assertEqual(set(ticket.mapped("visit_date")), {self.next_day})
        self.assertEqual(ticket[0].name, number)
        self.assertNotEqual(ticket[0]._qr_token(), code)
        self.assertEqual(ticket.booking_line_id.change_count, 0)
        self.assertEqual(sum(ticket.mapped("amount_open")), 200)

    def test_a_client_cannot_say_that_a_change_is_free(self):
        self.scenic_policy.write({"changes_limited": True, "changes_max": 0})
        ticket = self._scenic_sell(self.scenic_individual)
        booking = ticket.booking_id.with_context(scenic_free_change=True)
        change = {"line_id": ticket.booking_line_id.id, "visit_date": self.next_day}
        with self.assertRaises(BookingError) as caught:
            booking._amend([change], "x")
        self.assertEqual(caught.exception.code, "CHANGE_TOO_OFTEN")

    def test_line_that_fails_does_not_stop_the_others(self):
        good = self._scenic_sell(self.scenic_individual)
        bad = self._scenic_sell(self.scenic_group, 5)
        self._gate(bad, "part_used", entries_used=1)
        closure = self._closed(choice="rebook", new_date=self.next_day)
        closure.action_apply()
        by_ticket = {line._tickets(): line for line in closure.line_ids.sudo()}
        self.assertEqual(by_ticket[good].state, "done")
        self.assertEqual(by_ticket[bad].state, "failed")
        self.assertIn(bad.name, by_ticket[bad].message)
        self.assertEqual(bad.visit_date, self.visit_date)
        closure.action_retry()
        by_ticket[bad].with_user(self.supervisor).choice = "refund"
        closure.action_apply()
        self.assertEqual(by_ticket[bad].state, "done")
        self.assertEqual(bad.refund_due, "closure")

    def test_rebook_needs_a_date(self):
        self._scenic_sell(self.scenic_individual)
        closure = self._closed()
        closure.choice = "rebook"
        for function in (closure.action_choose_all, None):
            with self.assertRaises(ClosureError) as caught:
                if function:
                    function()
                else:
                    closure.line_ids.choice = "rebook"
                    closure.action_apply()
            self.assertEqual(caught.exception.code, "CLOSURE_DATE")

    # Voucher

    def test_voucher(self):
        ticket = self._scenic_sell(self.scenic_individual)
        old = ticket._qr_token()
        closure = self._closed(choice="voucher", voucher_days=60)
        closure.action_apply()
        self.assertEqual(closure.line_ids.state, "done", closure.line_ids.message)
        today = fields.Date.context_today(
            self.env.user.with_context(tz="Asia/Shanghai")
        )
        self.assertFalse(ticket.visit_date)
        self.assertEqual(ticket.date_first, today)
        self.assertEqual(ticket.date_last, today + timedelta(days=59))
        self.assertNotEqual(ticket._qr_token(), old)
        self.assertGreater(
            ticket.entitlement_ids.valid_to,
            fields.Datetime.to_datetime(today + timedelta(days=59)),
        )
        with freeze_time(fields.Datetime.to_datetime(today + timedelta(days=58))):
            self.env["scenic.ticket"]._cron_expire()
        self.assertEqual(ticket.state, "valid")
        self.assertEqual(ticket.amount_open, 100)

    # Batches

    def test_interrupted_run_ends_the_same(self):
        tickets = self.env["scenic.ticket"]
        for _turn in range(5):
            tickets |= self._scenic_sell(self.scenic_individual)
        closure = self._closed()
        with patch("odoo.addons.scenic_ticket_base.models.scenic_closure.BATCH", 2):
            closure.action_apply()
            self.assertEqual(closure.state, "applying")
            self.assertEqual(closure.progress, 40)
            with self.assertRaises(ClosureError):
                closure.action_undo()
            self.env["scenic.closure"]._cron_apply()
        self.assertEqual((closure.state, closure.progress), ("done", 100))
        self.assertEqual(set(tickets.mapped("refund_due")), {"closure"})

    def test_scheduler(self):
        ticket = self._scenic_sell(self.scenic_individual)
        closure = self._closed()
        closure.sudo().state = "applying"
        with self.enter_registry_test_mode():
            self.env.ref(
                "scenic_ticket_base.ir_cron_apply_closures"
            ).method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual((closure.state, ticket.refund_due), ("done", "closure"))

    # Mail

    def test_customers_are_told(self):
        booking = self.env["scenic.booking"]._hold(
            "web",
            "WEB-1",
            [self._scenic_line(self.scenic_individual)],
            partner=self.customer,
        )
        booking._confirm()
        self._scenic_sell(self.scenic_individual)
        closure = self._closed()
        closure.action_apply()
        mails = self.env["mail.mail"].search([("model", "=", closure.line_ids._name)])
        self.assertEqual(mails.recipient_ids, self.customer)
        self.assertIn("storm warning", mails.body_html)
        self.assertIn(booking.name, mails.body_html)

    # Rights

    def test_only_supervisors_close(self):
        self._scenic_sell(self.scenic_individual)
        closure = self._closed()
        values = {
            "site_id": self.scenic_area.id,
            "date_from": self.visit_date,
            "date_to": self.visit_date,
            "reason": "x",
        }
        others = (
            "cashier",
            "gate_operator",
            "customer_service",
            "finance",
            "auditor",
        )
        for user in self._scenic_users("closer", others).values():
            for method, args in (
                ("create", [[values]]),
                ("action_apply", [closure.ids]),
                ("action_undo", [closure.ids]),
                ("action_choose_all", [closure.ids]),
                ("unlink", [closure.ids]),
            ):
                self._assert_denied(user, "scenic.closure", method, *args)
        self.assertEqual(closure.state, "open")

    def test_what_a_supervisor_cannot_forge(self):
        self._scenic_sell(self.scenic_individual)
        closure = self._closed()
        line = closure.line_ids
        for model, record, values in (
            ("scenic.closure", closure, {"state": "draft"}),
            ("scenic.closure", closure, {"date_to": self.next_day}),
            ("scenic.closure.line", line, {"state": "done"}),
            ("scenic.closure.line", line, {"amount_total": 1}),
            ("scenic.closure.line", line, {"booking_line_id": 1}),
        ):
            with self.subTest(values=values), self.assertRaises(ClosureError):
                self._rpc(self.supervisor, model, "write", record.ids, values)
        self._rpc(
            self.supervisor,
            "scenic.closure.line",
            "write",
            line.ids,
            {"choice": "voucher"},
        )
        for method in ("_apply", "_apply_refund", "_list"):
            with self.subTest(method=method), self.assertRaises(AccessError):
                self._rpc(self.supervisor, "scenic.closure.line", method, line.ids)
        closure.action_apply()
        with self.assertRaises(ClosureError):
            self._rpc(
                self.supervisor,
                "scenic.closure.line",
                "write",
                line.ids,
                {"choice": "refund"},
            )
        with self.assertRaises(ClosureError):
            self._rpc(self.supervisor, "scenic.closure", "unlink", closure.ids)
