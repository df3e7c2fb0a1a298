from datetime import datetime
from unittest.mock import patch

import psycopg2.errors
import pytz

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import GateCommon

MODEL = "odoo.addons.scenic_ticket_gate.models.scenic_pass_event_revenue"


@tagged("post_install", "-at_install")
class TestRevenue(GateCommon):
    def _recognise(self, **options):
        return self.env["scenic.pass.event"]._recognise_revenue(**options)

    def _entries(self, ticket):
        return self.env["scenic.revenue.entry"].search(
            [("ticket_id", "=", ticket.id)], order="id"
        )

    def test_each_pass_once(self):
        self._recognise()
        ticket = self._today_ticket()
        event = self._pass(ticket)
        self.assertEqual(self._recognise(), 1)
        entry = self._entries(ticket)
        self.assertEqual(
            (entry.pass_event_id, entry.quantity, entry.amount), (event, 1, 100.0)
        )
        self.assertEqual(ticket.amount_open, 0)
        self.assertEqual(self._recognise(), 0)
        self.assertEqual(self._entries(ticket), entry)

    def test_group_by_parts(self):
        ticket = self._today_ticket(self.scenic_group, 3, amount_untaxed=100)
        result = self._admit(ticket)
        for _person in range(3):
            self._report(self._event("passed", result["request_id"]))
            self._recognise()
        amounts = self._entries(ticket).mapped("amount")
        self.assertEqual(amounts, [33.33, 33.33, 33.34])
        self.assertEqual(ticket.amount_open, 0)

    def test_admissions_and_annulments_earn_nothing(self):
        ticket = self._today_ticket()
        request_id = self._admit(ticket)["request_id"]
        self._report(self._event("annulled", request_id), self._event("exit"))
        self._recognise()
        self.assertFalse(self._entries(ticket))

    def test_conflict_earns_what_it_used(self):
        ticket = self._today_ticket(self.scenic_group, 2)
        request_id = self._admit(ticket)["request_id"]
        self._report(self._event("passed", request_id, count=5))
        self._recognise()
        self.assertEqual(self._entries(ticket).quantity, 2)

    def test_passes_of_what_the_calendar_earns_earn_nothing(self):
        for trigger in ("visit_date", "straight_line"):
            ticket = self._today_ticket()
            ticket.entitlement_ids.sudo().revenue_trigger = trigger
            event = self._pass(ticket)
            self._recognise()
            self.assertFalse(self._entries(ticket))
            # and what never earns does not hold up the mark
            self.env["scenic.pass.event"]._move_revenue_mark(event.id - 1)
            rows = self.env["scenic.pass.event"]._next_earned(0, None, False)
            self.assertNotIn(event.id, [row["id"] for row in rows])

    def test_given_back_earns_nothing(self):
        ticket = self._today_ticket(self.scenic_group, 3)
        event = self._pass(ticket, count=2, assumed=True)
        event._give_back("one did not go in")
        self._recognise()
        self.assertEqual(self._entries(ticket).quantity, 1)
        other = self._today_ticket()
        self._pass(other, assumed=True)._give_back("did not go in")
        self._recognise()
        self.assertFalse(self._entries(other))

    def test_day_of_the_site(self):
        """Late at night in UTC is the next day in Shanghai."""
        ticket = self._today_ticket()
        event = self._pass(ticket)
        self.scenic_area.tz = "Pacific/Kiritimati"
        self._recognise()
        expected = (
            pytz.utc.localize(event.event_time)
            .astimezone(pytz.timezone("Pacific/Kiritimati"))
            .date()
        )
        self.assertEqual(self._entries(ticket).date, expected)

    def test_cron_waits_for_the_end_of_the_day(self):
        ticket = self._today_ticket()
        self._pass(ticket)
        self.assertEqual(self._recognise(finished_days=True), 0)
        self.assertFalse(self._entries(ticket))
        self.assertEqual(self._recognise(), 1)

    def test_cron(self):
        """Yesterday's passes end in one posted journal entry a day and product."""
        cron = self.env.ref("scenic_ticket_gate.ir_cron_recognise_revenue")
        tickets = self._today_ticket(quantity=3)
        self._set_clock_back(tickets)
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.env.invalidate_all()
        entries = self.env["scenic.revenue.entry"].search(
            [("ticket_id", "in", tickets.ids)]
        )
        self.assertEqual(entries.mapped("quantity"), [1, 1, 1])
        self.assertEqual(set(entries.mapped("state")), {"posted"})
        move = entries.move_id
        self.assertEqual((len(move), move.state), (1, "posted"))
        self.assertEqual(
            sum(
                move.line_ids.filtered(
                    lambda line: line.account_id == self.scenic_liability
                ).mapped("debit")
            ),
            300.0,
        )
        yesterday = datetime.now(pytz.timezone(self.scenic_area.tz)).date()
        self.assertLess(move.date, yesterday)
        self.assertEqual(sum(tickets.mapped("amount_open")), 0)
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.assertEqual(
            self.env["scenic.revenue.entry"].search_count(
                [("ticket_id", "in", tickets.ids)]
            ),
            3,
        )

    def _set_clock_back(self, tickets):
        """Let tickets pass yesterday, as a device that uploads late."""
        requests = [self._admit(ticket)["request_id"] for ticket in tickets]
        # the pass may not be before its admission: age the admissions, too
        self.env.cr.execute(
            "ALTER TABLE scenic_pass_event DISABLE TRIGGER USER;"
            "UPDATE scenic_pass_event SET event_time = event_time - interval '1 day' "
            "WHERE ticket_id = ANY (%s);"
            "ALTER TABLE scenic_pass_event "
            "ENABLE ALWAYS TRIGGER scenic_pass_event_no_change;"
            "ALTER TABLE scenic_pass_event "
            "ENABLE ALWAYS TRIGGER scenic_pass_event_no_truncate",
            [tickets.ids],
        )
        self._report(
            *[
                self._event("passed", request, at=self._now(days=-1))
                for request in requests
            ]
        )

    def test_cron_out_of_time_goes_on_in_another_run(self):
        tickets = self._today_ticket(quantity=3)
        for ticket in tickets:
            self._pass(ticket)
        cron = self.env.ref("scenic_ticket_gate.ir_cron_recognise_revenue")
        events = self.env["scenic.pass.event"].with_context(ir_cron_progress_id=1)
        with (
            patch(f"{MODEL}.REVENUE_BATCH", 2),
            patch.object(type(cron), "_commit_progress", return_value=0),
        ):
            self.assertEqual(events._recognise_revenue(), 2)
        triggers = self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)])
        self.assertEqual(len(triggers), 1)
        self.assertEqual(self._recognise(), 1)

    def test_one_that_fails_does_not_stop_the_others(self):
        good, bad = self._today_ticket(quantity=2)
        self._pass(good)
        event = self._pass(bad)
        self._set_ticket(bad, state="held")
        with mute_logger(MODEL):
            self.assertEqual(self._recognise(), 1)
        self.assertTrue(self._entries(good))
        self.assertFalse(self._entries(bad))
        self._set_ticket(bad, state="used")
        self.assertEqual(self._recognise(), 1)
        self.assertEqual(self._entries(bad).pass_event_id, event)

    def test_mark_keeps_recent_and_open_events(self):
        """What is remembered as done never hides an event that is not."""
        ticket = self._today_ticket()
        event = self._pass(ticket)
        self.env["scenic.pass.event"]._move_revenue_mark(0)
        mark = int(
            self.env["ir.config_parameter"].get_param(
                "scenic_ticket_gate.revenue_done_until", 0
            )
        )
        self.assertLess(mark, event.id)
        self._recognise()
        self.assertTrue(self._entries(ticket))

    @mute_logger("odoo.sql_db")
    def test_unique_in_the_database(self):
        ticket = self._today_ticket(self.scenic_group, 2)
        event = self._pass(ticket)
        self._recognise()
        with (
            self.assertRaises(psycopg2.errors.UniqueViolation),
            self.env.cr.savepoint(),
        ):
            self.env["scenic.revenue.entry"]._recognise(
                ticket.entitlement_ids,
                1,
                self.visit_date,
                pass_event_id=event.id,
            )

    def test_finance_button(self):
        ticket = self._today_ticket()
        self._pass(ticket)
        finance = new_test_user(
            self.env, "gate_finance", "scenic_ticket_base.group_scenic_finance"
        )
        action = self.env.ref("scenic_ticket_gate.ir_actions_server_recognise_revenue")
        result = action.with_user(finance).run()
        self.assertEqual(result["tag"], "display_notification")
        self.assertEqual(self._entries(ticket).state, "posted")

    def test_button_is_for_finance(self):
        self._pass(self._today_ticket())
        for role in ("supervisor", "gate_operator", "customer_service", "auditor"):
            user = new_test_user(
                self.env, f"revenue_{role}", f"scenic_ticket_base.group_scenic_{role}"
            )
            with self.assertRaises(AccessError):
                self.env["scenic.pass.event"].with_user(user).action_recognise_revenue()

    def test_button_keeps_to_the_companies_of_the_user(self):
        ticket = self._today_ticket()
        self._pass(ticket)
        other = self.env["res.company"].create({"name": "Other Park"})
        self._recognise(companies=other)
        self.assertFalse(self._entries(ticket))
