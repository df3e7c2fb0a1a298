from datetime import datetime, time, timedelta

from odoo import Command, fields
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import ScenicPosTourCommon


@tagged("post_install", "-at_install")
class TestWindowDeskTours(ScenicPosTourCommon):
    """Collect, check, change and refund on the smallest screen of a window."""

    browser_size = "1024x768"

    def setUp(self):
        super().setUp()
        self._open_session()
        self.today = fields.Date.context_today(
            self.env.user.with_context(tz=self.scenic_area.tz)
        )

    @mute_logger("odoo.http")
    def test_collect(self):
        web = self._scenic_sell(self.adult, 2, ref="WEB-TOUR", channel="web")
        agency = self._scenic_sell(self.group, 12, ref="AG-TOUR", channel="agency")
        self.start_pos_tour("ScenicWindowCollectTour")
        self.assertEqual(web.mapped("print_count"), [2, 2])
        self.assertEqual(set(web.collection_ids.user_id), {self.cashier})
        self.assertEqual(len(web.collection_ids), 2)
        # what never came to the server was never done
        self.assertFalse(agency.collection_ids)
        self.assertEqual(agency.print_count, 0)

    @mute_logger("odoo.http")
    def test_check(self):
        tomorrow = self.today + timedelta(days=1)
        midnight = datetime.combine(tomorrow, time()) - timedelta(hours=8)
        self.window_pricelist.item_ids = [
            Command.create(
                {
                    "applied_on": "1_product",
                    "product_tmpl_id": self.adult.product_tmpl_id.id,
                    "compute_price": "fixed",
                    "fixed_price": 80,
                    "date_start": midnight,
                    "date_end": midnight + timedelta(hours=23, minutes=59),
                }
            )
        ]
        checked = self._sell((self.adult, 3), pos_reference="26-CHECK")
        changed = self._sell((self.adult, 1), pos_reference="26-CHANGE")
        self.start_pos_tour("ScenicWindowCheckTour")
        tickets = checked.lines.scenic_ticket_ids.sorted("number")
        self.assertEqual(tickets.mapped("state"), ["refunded", "valid", "valid"])
        self.assertEqual(tickets[0].print_count, 2)
        moved = changed.lines.scenic_ticket_ids
        self.assertEqual((moved.visit_date, moved.amount_total), (tomorrow, 80))
        change = moved.pos_change_line_id.order_id
        self.assertEqual((change.state, change.amount_total), ("paid", 20))
        self.config.current_session_id.post_closing_cash_details(80 * 1 + 60 * 2)
        self.config.current_session_id.close_session_from_ui()
        self._assert_books_agree()

    @mute_logger("odoo.http")
    def test_exception(self):
        supervisor = new_test_user(
            self.env,
            "tour_supervisor",
            "scenic_ticket_base.group_scenic_supervisor",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
        )
        self.env["scenic.window.pin"].with_user(supervisor)._set_own("482915")
        used = self._sell((self.adult, 1), pos_reference="26-USED")
        ticket = used.lines.scenic_ticket_ids
        self._admit(ticket)
        self.start_pos_tour("ScenicWindowExceptionTour")
        self.assertEqual(ticket.state, "refunded")
        override = ticket.refund_ids.override_id
        self.assertEqual(
            (override.requester_id, override.approver_id), (self.cashier, supervisor)
        )
        self.assertEqual(ticket.refund_ids.reason, "Fell ill at the gate")
