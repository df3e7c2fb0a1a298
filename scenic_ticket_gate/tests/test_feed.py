import json
from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from odoo.addons.scenic_ticket_gate.tools import gate_schema

from .common import GateCommon, GateMixin


class FeedMixin(GateMixin):
    """Asks for the copy of the tickets as a device does."""

    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        cls.device.decides = "offline"
        cls.born = cls._now(seconds=-1)

    def _sync(self, cursor=None, limit=100, device=None, born=None, now=None):
        self.env.flush_all()
        device = (device or self.device).sudo()
        values = gate_schema.check_sync(
            {"cursor": cursor, "limit": limit, "born": born or self.born}
        )
        return json.loads(device._gate_sync(device.key_hash, values, now))

    def _sync_all(self, cursor=None, **values):
        """Return ``(cursor, {id: ticket}, [gone])`` after all pages."""
        tickets, gone = {}, []
        while True:
            answer = self._sync(cursor, **values)
            cursor = answer["cursor"]
            tickets.update({t["id"]: t for t in answer["tickets"]})
            gone += answer["gone"]
            if not answer["more"]:
                return cursor, tickets, gone

    def _right(self, ticket, cursor=None, **values):
        """Return the first right of a ticket as the feed tells it."""
        return self._sync_all(cursor, **values)[1][ticket.id]["rights"][0]


@tagged("post_install", "-at_install")
class TestFeed(FeedMixin, GateCommon):
    def test_ticket_as_told(self):
        ticket = self._today_ticket()
        _cursor, tickets, _gone = self._sync_all()
        told = tickets[ticket.id]
        self.assertEqual(told["name"], ticket.name)
        self.assertEqual(told["state"], "valid")
        self.assertEqual(told["persons"], 1)
        self.assertEqual(told["visit_date"], fields.Date.to_string(self.visit_date))
        self.assertEqual(
            told["media"],
            [[c.lookup, c.kind, c.state] for c in ticket.credential_ids.sudo()],
        )
        [right] = told["rights"]
        entitlement = ticket.entitlement_ids
        self.assertEqual(right["id"], entitlement.id)
        self.assertEqual(
            right["from"], f"{entitlement.valid_from:%Y-%m-%dT%H:%M:%S}.000Z"
        )
        self.assertEqual(
            (right["total"], right["used"], right["held"], right["today"]),
            (1, 0, 0, None),
        )
        self.assertEqual(float(right["value"]), ticket.amount_total)
