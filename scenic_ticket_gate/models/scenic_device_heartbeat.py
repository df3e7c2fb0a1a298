"""What a device says of itself, and what it is told each second."""

import json

from odoo import api, fields, models
from odoo.tools import SQL, file_open

ONLINE_SECONDS = 90


class ScenicDevice(models.Model):
    _inherit = "scenic.device"

    last_seen = fields.Datetime(readonly=True, copy=False)
    last_seq = fields.Integer(
        string="Message Number", readonly=True, copy=False, aggregator=None
    )
    version = fields.Char(readonly=True, copy=False)
    outbox = fields.Integer(
        string="Waiting Messages",
        readonly=True,
        copy=False,
        help="Reports that wait on the device for the line.",
    )
    unresolved = fields.Integer(
        readonly=True, copy=False, help="Admissions whose end the device does not know."
    )
    told_decides = fields.Selection(
        selection=lambda self: self._fields["decides"]._description_selection(self.env),
        string="Decides, as Told",
        readonly=True,
        copy=False,
        help="Who admits by what the device says of itself.",
    )
    copy_at = fields.Datetime(
        string="Tickets as of",
        readonly=True,
        copy=False,
        help="Of what moment the copy of the tickets is that the device has.",
    )
    conflicts = fields.Integer(
        readonly=True,
        copy=False,
        help="Admissions by the device itself that turned out to be wrong; it shows "
        "them to its staff.",
    )
    connection = fields.Selection(
        [("never", "Never Seen"), ("online", "Online"), ("offline", "Offline")],
        compute="_compute_connection",
    )
    last_event_id = fields.Many2one("scenic.pass.event", compute="_compute_last_event")
    last_event_time = fields.Datetime(compute="_compute_last_event")

    def init(self):
        super().init()
        with file_open("scenic_ticket_gate/sql/heartbeat.sql") as file:
            self.env.cr.execute(file.read())

    @api.depends("last_seen")
    def _compute_connection(self):
        now = fields.Datetime.now()
        for device in self:
            if not device.last_seen:
                device.connection = "never"
            elif (now - device.last_seen).total_seconds() <= ONLINE_SECONDS:
                device.connection = "online"
            else:
                device.connection = "offline"

    @api.depends("lane_ids.last_event_id")
    def _compute_last_event(self):
        for device in self:
            event = device.lane_ids.last_event_id.sorted("id")[-1:]
            device.last_event_id = event
            device.last_event_time = event.event_time

    def _gate_heartbeat(self, key_hash, values, now=None):
        """Keep that the device lives.

        :param dict values: as ``gate_schema.check_heartbeat`` returns them
        :param datetime now: naive UTC; by default the clock of the database
        :return: the answer of the API, or None if the key is no longer valid
        """
        self.ensure_one()
        [answer] = self._fetch_one(
            SQL(
                "SELECT scenic_gate_heartbeat(%s, %s, %s::jsonb, %s)",
                self.id,
                key_hash,
                json.dumps(values),
                now,
            )
        )
        return answer
