import uuid
from datetime import datetime, timedelta

import pytz

from odoo import fields
from odoo.tests import TransactionCase

from odoo.addons.scenic_ticket_base.tests.common import ScenicMixin
from odoo.addons.scenic_ticket_gate.tools import gate_schema

LANE_DEFAULTS = {"direction": "in", "kind": "tripod"}


class GateMixin(ScenicMixin):
    """Puts a gate with lanes and a device in front of the sites of the base data."""

    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        today = datetime.now(pytz.timezone(cls.scenic_area.tz)).date()
        cls.visit_date = today
        cls.zone = cls.env["scenic.zone"].create(
            {"name": "Park", "site_id": cls.scenic_area.id}
        )
        cls.zone_cave = cls.env["scenic.zone"].create(
            {"name": "Cave", "site_id": cls.scenic_spot.id}
        )
        cls.gate = cls.env["scenic.gate"].create(
            {"name": "South Gate", "to_zone_id": cls.zone.id}
        )
        cls.gate_cave = cls.env["scenic.gate"].create(
            {
                "name": "Cave Mouth",
                "from_zone_id": cls.zone.id,
                "to_zone_id": cls.zone_cave.id,
            }
        )
        cls.device = cls.env["scenic.device"].create(
            {"name": "south-1", "site_id": cls.scenic_area.id}
        )
        cls.lane = cls._lane("L1", name="Lane 1")
        cls.lane_two = cls._lane("L2", name="Lane 2")
        cls.lane_out = cls._lane("X1", name="Exit 1", direction="out")
        cls.lane_cave = cls._lane("C1", name="Cave 1", gate_id=cls.gate_cave.id)
        cls.key = cls.device._generate_key()
        cls.key_hash = cls.device._hash_key(cls.key)
        cls.env.flush_all()
        cls.sequence = 0

    @classmethod
    def _lane(cls, code, **values):
        return cls.env["scenic.lane"].create(
            {
                "code": code,
                "name": code,
                "gate_id": cls.gate.id,
                "device_id": cls.device.id,
                **LANE_DEFAULTS,
                **values,
            }
        )

    @classmethod
    def _next_seq(cls):
        cls.sequence += 1
        return cls.sequence

    @classmethod
    def _now(cls, **delta):
        value = datetime.now(pytz.utc) + timedelta(**delta)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    @classmethod
    def _scan(cls, value, **values):
        """Return one scan as a device sends it."""
        kind = values.pop("kind", "auto")
        return {
            "request_id": str(uuid.uuid4()),
            "seq": cls._next_seq(),
            "lane": "L1",
            "direction": "in",
            "credential": {"kind": kind, "value": value},
            "at": cls._now(),
            **values,
        }

    @classmethod
    def _event(cls, kind, request_id=None, **values):
        """Return one event as a device sends it."""
        event = {
            "event_id": str(uuid.uuid4()),
            "seq": cls._next_seq(),
            "lane": "L1",
            "type": kind,
            "request_id": request_id,
            "direction": "in",
            "assumed": False,
            "at": cls._now(),
            "note": "",
        }
        if kind in ("passed", "annulled", "exit"):
            event["count"] = 1
        if kind == "exit":
            event["direction"] = "out"
        return {**event, **values}

    @classmethod
    def _today_ticket(cls, product=None, quantity=1, **values):
        return cls._scenic_sell(
            product or cls.scenic_individual, quantity=quantity, **values
        )

    def _set_ticket(self, ticket, **values):
        """Bring a ticket into a state that no method of this module makes."""
        ticket.sudo().write(values)
        self.env.flush_all()

    def _set_window(self, ticket, start, end):
        """Move the window of all entitlements, in hours from now."""
        now = fields.Datetime.now()
        ticket.entitlement_ids.sudo().write(
            {
                "valid_from": now + timedelta(hours=start),
                "valid_to": now + timedelta(hours=end),
            }
        )
        self.env.flush_all()

    def _counts(self, ticket):
        """Return ``[(total, reserved, used)]`` of the entitlements."""
        self.env.invalidate_all()
        return [
            (e.entries_total, e.entries_reserved, e.entries_used)
            for e in ticket.entitlement_ids.sorted("id")
        ]


class GateCommon(GateMixin, TransactionCase):
    """Plain tests that call what stands behind the routes."""

    def _validate(self, *scans, device=None, now=None):
        """Decide on scans as the route does; return the results.

        :param datetime now: naive UTC, instead of the clock of the server
        """
        self.env.flush_all()
        device = device or self.device
        checked = gate_schema.check_validate({"scans": list(scans)})
        answer = device.sudo()._gate_validate(device.sudo().key_hash, checked, now)
        self.env.invalidate_all()
        return answer["results"]

    def _report(self, *events, device=None, now=None):
        """Report events as the route does; return the codes."""
        self.env.flush_all()
        device = device or self.device
        checked = gate_schema.check_report({"events": list(events)})
        answer = device.sudo()._gate_report(device.sudo().key_hash, checked, now)
        self.env.invalidate_all()
        return [result["code"] for result in answer["results"]]

    def _admit(self, ticket, **values):
        """Scan a ticket that must be admitted; return the result."""
        [result] = self._validate(self._scan(ticket._qr_token(), **values))
        self.assertEqual(result["code"], "ADMIT")
        return result

    def _pass(self, ticket, count=1, **values):
        """Let a ticket through; return the pass event."""
        result = self._admit(ticket)
        event = self._event("passed", result["request_id"], count=count, **values)
        self.assertEqual(self._report(event), ["OK"])
        return self._find(event["event_id"])

    def _find(self, uid):
        events = self.env["scenic.pass.event"].search([("uid", "=", uid)])
        self.assertEqual(len(events), 1)
        return events
