import json

from odoo import fields
from odoo.tests import tagged

from odoo.addons.scenic_ticket_gate.tools import gate_schema

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestBlank(GateCommon):
    """A till that is offline sells what it was lent; the gate admits it at once."""

    def _copy(self):
        """Return ``{id: ticket}``, the full copy that a device gets."""
        tickets, cursor, more = {}, None, True
        while more:
            self.env.flush_all()
            device = self.device.sudo()
            values = gate_schema.check_sync({"cursor": cursor, "born": self.born})
            answer = json.loads(device._gate_sync(device.key_hash, values))
            cursor, more = answer["cursor"], answer["more"]
            tickets.update({t["id"]: t for t in answer["tickets"]})
        return tickets

    def _is_told(self, ticket):
        """Tell whether a change is in the log that the next copy goes by."""
        self.env.flush_all()
        self.env.cr.execute(
            "DELETE FROM scenic_gate_change WHERE ticket_id = %s", [ticket.id]
        )
        return bool(self.env.cr.rowcount)

    def _lease(self, count=2):
        lease = self.env["scenic.blank.lease"]._lease(
            "window", "Till", "browser", self.scenic_individual, count
        )
        return lease.ticket_ids.sorted("number")

    def _sell(self, blanks):
        booking = self.env["scenic.booking"]._hold(
            "window",
            "OFF-1",
            [
                self._scenic_line(
                    self.scenic_individual,
                    len(blanks),
                    visit_date=blanks[0].visit_date,
                    blanks=blanks.mapped("number"),
                )
            ],
            sold_at=fields.Datetime.now(),
        )
        return booking._confirm()

    def _code(self, value):
        [result] = self._validate(self._scan(value))
        return result["code"]

    def test_admitted_before_the_sale_arrives(self):
        """By QR or bar code, once; then the sale brings the price, and it is earned."""
        first, second = self._lease()
        event = self._pass(first)
        self.assertEqual(first.state, "used")
        self.assertEqual(self._code(first._qr_token()), "USED")
        self.assertEqual(self._code(second._barcode_number()), "ADMIT")
        # without a price there is nothing to earn, and it is not forgotten
        recognise = self.env["scenic.pass.event"]._recognise_revenue
        recognise()
        entries = self.env["scenic.revenue.entry"].search
        self.assertFalse(entries([("ticket_id", "=", first.id)]))
        tickets = self._sell(first)
        self.assertEqual((tickets, first.state), (first, "used"))
        self.assertEqual(event.ticket_id, first)
        recognise()
        entry = entries([("ticket_id", "=", first.id)])
        self.assertEqual((entry.pass_event_id, entry.amount), (event, 100))
        self.assertEqual(first.amount_open, 0)
        self.assertEqual(self._code(first._qr_token()), "USED")

    def test_what_was_given_back_opens_nothing(self):
        first, second = self._lease()
        self._pass(first)
        first.lease_id._give_back("closed")
        self.assertEqual(self._code(second._qr_token()), "VOID")
        # who is inside stays inside, and the sale can still arrive
        self.assertEqual((first.state, first.blank_state), ("used", "left"))
        self._sell(first)
        self.assertEqual(first.amount_open, 100)

    def test_copy_of_a_bridge(self):
        """A bridge's copy has blanks as any other ticket, and learns of the sale."""
        self.device.decides = "offline"
        self.born = self._now(seconds=-1)
        blank = self._lease(1)
        told = self._copy()[blank.id]
        self.assertEqual((told["state"], told["persons"]), ("valid", 1))
        self.assertEqual(
            [kind for _lookup, kind, state in told["media"] if state == "active"],
            ["qr", "barcode"],
        )
        self.assertEqual(told["rights"][0]["value"], "0.00")
        self.assertTrue(self._is_told(blank))
        self.assertFalse(self._is_told(blank))
        self._sell(blank)
        self.assertTrue(self._is_told(blank))
        self.assertEqual(self._copy()[blank.id]["rights"][0]["value"], "100.00")
