"""What a device gets to keep: its settings; if it decides, a copy of the tickets."""

import base64
import json

from odoo import api, fields, models, tools
from odoo.tools import SQL

SQL_FILES = ("change_log", "sync", "config")
#: How long a bridge may be away and still go on from where it was.
KEEP_DAYS = 14


class ScenicDevice(models.Model):
    _inherit = "scenic.device"

    decides = fields.Selection(
        [
            ("no", "Asks the server only"),
            ("offline", "By itself when the server does not answer"),
            ("site", "Always by itself (site server)"),
        ],
        required=True,
        default="no",
        copy=False,
        help="Who admits. A device that decides keeps a copy of the tickets for the "
        "places it leads to: no names and no numbers, but whoever steals it can test "
        "guesses of card and document numbers against the copy.",
    )
    offline_hours = fields.Integer(
        string="Copy Valid for (Hours)",
        required=True,
        default=24,
        aggregator=None,
        help="With an older copy of the tickets the device refuses everybody.",
    )
    offline_unsynced = fields.Integer(
        string="Unknown Codes Admitted",
        required=True,
        default=100,
        aggregator=None,
        help="How many genuine QR codes that are not in the copy yet, because they "
        "were sold after it was made, the device admits until it sees the server "
        "again. 0: none.",
    )
    offline_qr = fields.Boolean(string="QR Codes", default=True)
    offline_barcode = fields.Boolean(string="1-D Numbers", default=True)
    offline_ic_card = fields.Boolean(string="IC Cards", default=True)
    offline_id_document = fields.Boolean(string="ID Documents", default=True)
    has_fingerprint = fields.Boolean(
        string="Fingerprint Sensors",
        copy=False,
        help="Lanes of this device have sensors. It is told which members agreed to "
        "show a finger; the templates lie on the device only.",
    )
    config_version = fields.Char(
        string="Settings",
        readonly=True,
        copy=False,
        help="Version of the settings that the device was told last.",
    )
    config_at = fields.Datetime(
        string="Settings Changed on",
        readonly=True,
        copy=False,
        help="When the device was told these settings.",
    )
    settings_version = fields.Char(
        string="Settings to Have",
        readonly=True,
        copy=False,
        help="Version of the settings that the device ought to have.",
    )
    born = fields.Datetime(
        string="Journal Begun on",
        readonly=True,
        copy=False,
        help="When the journal began by which this device decides. A second computer "
        "with the same key has another one and gets no copy of the tickets.",
    )
    settings_at = fields.Datetime(
        string="Settings Looked at on",
        readonly=True,
        copy=False,
        help="When the version that the device ought to have was made.",
    )

    _offline_limits = models.Constraint(
        "CHECK (offline_hours BETWEEN 1 AND 720 "
        "AND offline_unsynced BETWEEN 0 AND 100000)",
        "A copy is valid for 1 to 720 hours; 0 to 100000 unknown codes are admitted.",
    )

    def init(self):
        super().init()
        # triggers need the tables of all models
        if self.pool.ready:
            self._init_feed()
        else:
            self.pool.post_init(self._init_feed)

    @api.model
    def _init_feed(self):
        for name in SQL_FILES:
            with tools.file_open(f"scenic_ticket_gate/sql/{name}.sql") as file:
                self.env.cr.execute(file.read())

    def write(self, vals):
        if vals.get("decides") == "no":
            # it forgets the copy, and begins a new journal when it may decide again
            vals = {**vals, "born": False}
        return super().write(vals)

    def _audited_names(self):
        return [
            *super()._audited_names(),
            "decides",
            *(name for name in self._fields if name.startswith("offline_")),
        ]

    def _gate_sync(self, key_hash, values, now=None):
        """Return a page of the copy of the tickets as JSON text.

        :param dict values: as ``gate_schema.check_sync`` returns them
        :param datetime now: naive UTC; by default the clock of the database
        :return: the answer of the API; empty if the device does not decide,
            ``KEY_SHARED`` if another computer does with this key, None if the key is
            no longer valid
        """
        self.ensure_one()
        [[answer]] = self.env.execute_query(
            SQL(
                "SELECT scenic_gate_sync(%s, %s, %s, %s, %s, %s)",
                self.id,
                key_hash,
                values["cursor"],
                values["limit"],
                values["born"],
                now,
            )
        )
        return answer

    def _gate_config(self, key_hash, values, now=None):
        """Return the settings of the device as JSON text.

        :param dict values: as ``gate_schema.check_config`` returns them
        :param datetime now: naive UTC; by default the clock of the database
        :return: the answer of the API, or None if the key is no longer valid
        """
        self.ensure_one()
        rows = self.env.execute_query(
            SQL(
                "SELECT version, settings, decides, server_time "
                "FROM scenic_gate_config(%s, %s, %s, %s)",
                self.id,
                key_hash,
                values["version"],
                now,
            )
        )
        if not rows:
            return None
        [[version, settings, decides, server_time]] = rows
        head = {
            "version": version,
            "unchanged": settings is None,
            "server_time": server_time,
        }
        if settings is None:
            return json.dumps(head)
        head["lookup_key"] = None
        if decides != "no":
            secret = self.env["scenic.signing.key"]._data().lookup_secret
            head["lookup_key"] = base64.b64encode(secret).decode()
        return f"{json.dumps(head)[:-1]}, {settings[1:]}"

    @api.model
    def _cron_prune_changes(self):
        """Forget old changes; a device from before then gets a full copy."""
        [[removed]] = self.env.execute_query(
            SQL("SELECT scenic_gate_prune_changes(%s)", KEEP_DAYS)
        )
        return removed
