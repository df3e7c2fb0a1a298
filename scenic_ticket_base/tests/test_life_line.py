from datetime import datetime, timedelta

import psycopg2.errors

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models.scenic_life_line import AUDIT_KINDS, LOOKS
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestLifeLine(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: new_test_user(
                cls.env,
                f"life_{role}",
                f"scenic_ticket_base.group_scenic_{role}",
                name=f"Life {role}",
            )
            for role in ("cashier", "supervisor", "finance", "auditor")
        }
        cls.ticket = cls._scenic_sell(cls.scenic_individual)

    def _kinds(self, ticket=None):
        return [event["kind"] for event in (ticket or self.ticket)._life_line()]

    def _event(self, kind, user=None):
        events = self.ticket.with_user(user or self.env.user)._life_line()
        [event] = [event for event in events if event["kind"] == kind]
        return event

    def test_from_sale_to_books(self):
        """Each step stands there with who, where, device and document."""
        cashier, supervisor = self.users["cashier"], self.users["supervisor"]
        self.ticket.with_user(cashier)._count_print("receipt", "Window 3")
        self.ticket.with_user(supervisor)._freeze("Lost")
        self.ticket.with_user(supervisor)._unfreeze("Found")
        entry = self.env["scenic.revenue.entry"]._recognise(
            self.ticket.entitlement_ids, 1, self.visit_date
        )
        entry.with_user(self.users["finance"]).action_post()
        events = self.ticket._life_line()
        self.assertEqual(
            sorted(event["kind"] for event in events),
            sorted(
                [
                    "held",
                    "sold",
                    "printed",
                    "frozen",
                    "released",
                    "recognised",
                    "settled",
                ]
            ),
        )
        sold = self._event("sold")
        self.assertEqual(sold["document"]["id"], self.ticket.booking_id.id)
        self.assertIn(self.scenic_area.name, sold["where"])
        self.assertIn("Adult", sold["detail"])
        printed = self._event("printed")
        self.assertEqual(printed["who"], "Life cashier")
        self.assertEqual(printed["where"], "Window 3")
        self.assertEqual(printed["device"], "Receipt Printer")
        frozen = self._event("frozen")
        self.assertEqual(frozen["who"], "Life supervisor")
        self.assertIn("Lost", frozen["detail"])
        settled = self._event("settled")
        self.assertEqual(settled["document"]["id"], entry.move_id.id)

    def test_order_is_by_time_and_then_by_life(self):
        now = datetime(2026, 11, 23, 1, 0, 0)

        def _events(self):
            return [
                self._life_event(kind, now + timedelta(seconds=second))
                for kind, second in (
                    ("passed", 1),
                    ("scanned", 1),
                    ("sold", 0),
                    ("left", 2),
                    ("held", 0),
                )
            ]

        self.patch(type(self.env["scenic.ticket"]), "_life_line_events", _events)
        self.assertEqual(self._kinds(), ["held", "sold", "scanned", "passed", "left"])

    def test_ends(self):
        other = self._scenic_sell(self.scenic_individual)
        self.ticket._void("Test print")
        other._refund("CN/1", "Ill")
        self.assertEqual(self._kinds()[-1], "voided")
        refunded = other._life_line()[-1]
        self.assertEqual(refunded["kind"], "refunded")
        self.assertIn("Ill", refunded["detail"])
        self.assertIn("CN/1", refunded["detail"])
        expired = self._scenic_sell(self.scenic_individual)
        expired.entitlement_ids.write(
            {
                "valid_from": datetime(2020, 1, 1),
                "valid_to": datetime(2020, 1, 2),
            }
        )
        self.env["scenic.ticket"]._cron_expire()
        self.assertEqual(self._kinds(expired)[-1], "expired")

    def test_words_of_the_trail_have_a_place_in_a_life(self):
        actions = dict(self.env["scenic.audit"]._fields["action"].selection)
        self.assertLessEqual(set(AUDIT_KINDS), set(actions))
        self.assertLessEqual(set(AUDIT_KINDS.values()), set(LOOKS))
        self.assertEqual(set(self.ticket._life_titles()), set(LOOKS))
        # what is done to a ticket or its media shows in its life
        for word in actions:
            if word.startswith(("ticket_", "credential_", "holder_")):
                self.assertIn(word, AUDIT_KINDS)

    def test_a_refused_change_is_no_event(self):
        self.ticket._void("Test print")
        before = self._kinds()
        with self.assertRaises(Exception) as caught, self.env.cr.savepoint():
            self.ticket._freeze("Too late")
        self.assertEqual(caught.exception.code, "TICKET_VOID")
        self.assertEqual(self._kinds(), before)

    # --- rights ----------------------------------------------------------

    def test_document_without_right_is_a_name_without_link(self):
        entry = self.env["scenic.revenue.entry"]._recognise(
            self.ticket.entitlement_ids, 1, self.visit_date
        )
        seen = self._event("recognised", self.users["finance"])
        self.assertEqual(
            seen["document"]["url"], f"/odoo/scenic.revenue.entry/{entry.id}"
        )
        self.assertIn("100", seen["detail"])
        hidden = self._event("recognised", self.users["cashier"])
        self.assertFalse(hidden["document"]["url"])
        self.assertTrue(hidden["document"]["name"])
        self.assertFalse(hidden["detail"], "what was earned is not for the window")

    def test_who_may_not_read_the_ticket_sees_no_life(self):
        stranger = new_test_user(self.env, "life_stranger", "base.group_user")
        with self.assertRaises(AccessError):
            self.ticket.with_user(stranger)._life_line()
        with self.assertRaises(AccessError):
            self.ticket.with_user(stranger).action_life_line()
        with self.assertRaises(AccessError):
            self.ticket.with_user(stranger).action_print_life_line()

    # --- page and paper --------------------------------------------------

    def test_page(self):
        self.ticket.with_user(self.users["cashier"])._count_print()
        self.ticket._freeze("<script>alert(1)</script>")
        html = str(self.ticket.with_user(self.users["auditor"]).life_line)
        self.assertIn("Life cashier", html)
        self.assertIn(f"/odoo/scenic.booking/{self.ticket.booking_id.id}", html)
        self.assertNotIn("<script>", html)
        self.assertIn("&lt;script&gt;", html)

    def test_times_are_those_of_the_site(self):
        self.scenic_area.tz = "Pacific/Auckland"
        moment = {"time": datetime(2026, 11, 23, 16, 30, 5)}
        self.assertEqual(self.ticket._life_time(moment), ("2026-11-24", "05:30:05"))

    def test_paper(self):
        html, _type = self.env["ir.actions.report"]._render_qweb_html(
            "scenic_ticket_base.report_scenic_life_line", self.ticket.ids
        )
        self.assertIn(self.ticket.name, html.decode())
        self.assertIn(self.ticket.booking_id.name, html.decode())

    def test_found_by_number(self):
        tickets = self.env["scenic.ticket"].with_user(self.users["auditor"])
        action = tickets.search([("name", "=", self.ticket.name)]).action_life_line()
        self.assertEqual(action["res_id"], self.ticket.id)

    def test_found_by_its_codes(self):
        other = self._scenic_sell(self.scenic_individual)
        tickets = self.env["scenic.ticket"].with_user(self.users["cashier"])
        for ticket in (self.ticket, other):
            for code in (ticket._qr_token(), ticket._barcode_text()):
                found = tickets.search([("scanned_code", "ilike", code)])
                self.assertEqual(found, ticket.with_user(self.users["cashier"]))
        self.assertFalse(tickets.search([("scanned_code", "ilike", "no such code")]))

    # --- prints ----------------------------------------------------------

    def test_b5_each_print_is_a_fact(self):
        cashier = self.users["cashier"]
        self.ticket.with_user(cashier).action_print()
        self.ticket.with_user(cashier)._count_print(
            "receipt", "Window 3", self.ticket.booking_id
        )
        prints = self.env["scenic.print"].search(
            [("ticket_id", "=", self.ticket.id)], order="id"
        )
        self.assertRecordValues(
            prints,
            [
                {"number": 1, "kind": "first", "medium": "document"},
                {"number": 2, "kind": "reprint", "medium": "receipt"},
            ],
        )
        self.assertEqual(prints.user_id, cashier)
        self.assertEqual(prints[1].terminal, "Window 3")
        self.assertEqual(prints[1].document, self.ticket.booking_id.name)
        self.assertEqual(self.ticket.print_count, 2)

    @mute_logger("odoo.sql_db")
    def test_prints_stay_as_they_are(self):
        self.ticket._count_print()
        row = self.env["scenic.print"].search([("ticket_id", "=", self.ticket.id)])
        with self.assertRaises(AccessError):
            row.terminal = "Elsewhere"
        with self.assertRaises(AccessError):
            row.unlink()
        for query in (
            "UPDATE scenic_print SET number = 9 WHERE id = %s",
            "DELETE FROM scenic_print WHERE id = %s",
        ):
            with (
                self.assertRaises(psycopg2.errors.RestrictViolation),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(query, [row.id])

    def test_prints_of_one_second_in_their_order(self):
        for _time in range(3):
            self.ticket._count_print()
        titles = [
            e["title"] for e in self.ticket._life_line() if e["kind"] == "printed"
        ]
        self.assertEqual(titles, ["Printed", "Printed again (2)", "Printed again (3)"])

    def test_one_statement_for_many_prints(self):
        tickets = self._scenic_sell(self.scenic_individual, 30)
        counts = []
        for some in (tickets[:1], tickets):
            self.env.flush_all()
            tickets.invalidate_recordset()
            tickets.mapped("print_count")
            tickets.mapped("site_id.company_id")
            before = self.env.cr.sql_log_count
            some.sudo()._count_print()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLess(counts[1], counts[0] + 12)
