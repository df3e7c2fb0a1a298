from odoo.tests import tagged

from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestBooking(ScenicCommon):
    def test_individual_makes_one_ticket_per_person(self):
        tickets = self._scenic_sell(self.scenic_individual, 3)
        self.assertEqual(len(tickets), 3)
        self.assertEqual(tickets.mapped("persons"), [1, 1, 1])
        self.assertEqual(set(tickets.mapped("state")), {"valid"})
        ticket = tickets[0]
        self.assertEqual(len(ticket._qr_token()), 130)
        self.assertEqual(len(ticket._barcode_number()), 22)
        parse = self.env["scenic.credential"]._parse
        self.assertEqual(parse(ticket._qr_token()).status, "ok")
        self.assertEqual(
            self.env["scenic.credential"]._find(ticket._barcode_number()).ticket_id,
            ticket,
        )
        entry = self.env["scenic.revenue.entry"]._recognise(
            ticket.entitlement_ids, 1, self.visit_date
        )
        self.env["scenic.revenue.entry"]._cron_post()
        self.assertEqual(entry.state, "posted")
        self.assertEqual(ticket.amount_open, 0)
        tickets[1]._refund("R1", "rain")
        self.assertEqual(tickets[1].state, "refunded")
