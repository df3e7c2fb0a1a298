import hashlib
import json
import secrets
from datetime import datetime, timezone

from psycopg2.extensions import STATUS_READY

from odoo import api, fields, models, tools
from odoo.exceptions import UserError
from odoo.orm.registry import _CACHES_BY_KEY
from odoo.sql_db import Cursor
from odoo.tools import SQL

from ..gate_connection import GateConnection
from ..tools import gate_text

KEY_PREFIX = "sgk_"
KEY_FIELDS = ("key_hash", "next_key_hash", "old_key_hash")
SQL_FILES = (
    "device_key",
    "ticket_state",
    "inside",
    "rules",
    "refusal",
    "validate",
    "admitted",
    "report_plain",
    "report",
    "give_back",
)


class ScenicDevice(models.Model):
    _name = "scenic.device"
    _description = "Gate Device"
    _inherit = ["scenic.audited", "mail.thread"]
    _order = "site_id, name, id"
    # its key has words of its own in the trail, what it says of itself is no setting
    _audited_fields = ("name", "site_id", "active")

    name = fields.Char(required=True, help="The device is told its name.")
    site_id = fields.Many2one(
        "scenic.site", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    lane_ids = fields.One2many("scenic.lane", "device_id", string="Lanes")
    active = fields.Boolean(default=True)
    # Key
    state = fields.Selection(
        [("new", "No Key Yet"), ("active", "Key in Use"), ("revoked", "Key Revoked")],
        string="Key",
        required=True,
        readonly=True,
        default="new",
        copy=False,
    )
    key_hash = fields.Char(groups=fields.NO_ACCESS, readonly=True, copy=False)
    key_date = fields.Datetime(string="Key Made on", readonly=True, copy=False)
    next_key_hash = fields.Char(groups=fields.NO_ACCESS, readonly=True, copy=False)
    next_key_date = fields.Datetime(
        string="Next Key Made on",
        readonly=True,
        copy=False,
        help="This key is not used yet. The present one stops working five minutes "
        "after its first use.",
    )
    old_key_hash = fields.Char(groups=fields.NO_ACCESS, readonly=True, copy=False)
    old_key_until = fields.Datetime(
        string="Key before Works Until", readonly=True, copy=False
    )
    epoch = fields.Integer(
        string="Sequence",
        required=True,
        readonly=True,
        default=0,
        copy=False,
        aggregator=None,
        help="The message numbers of a device begin anew with each new key of a lost "
        "or reset device.",
    )
    _name_unique = models.Constraint(
        "UNIQUE (name, company_id)", "Another device of this company has this name."
    )
    _key_hash_unique = models.UniqueIndex(
        "(key_hash) WHERE key_hash IS NOT NULL", "This key belongs to another device."
    )

    def init(self):
        for name in SQL_FILES:
            with tools.file_open(f"scenic_ticket_gate/sql/{name}.sql") as file:
                self.env.cr.execute(file.read())
        self._make_unchanged()

    @api.model
    def _make_unchanged(self):
        """Make the function that tells whether registry and caches are as known.

        What it is given is of ``gate_connection.known_sequences``. It stands in the
        statement of a decision, instead of one of its own before each. Where a later
        Odoo has other caches, it says no to everything.
        """
        names = ("registry", *sorted(_CACHES_BY_KEY))
        newest = SQL(", ").join(
            SQL("(SELECT max(id) FROM %s)", SQL.identifier(f"orm_signaling_{name}"))
            for name in names
        )
        # volatile, so that it sees what was signalled until this very moment
        self.env.cr.execute(
            SQL(
                """
                CREATE OR REPLACE FUNCTION scenic_gate_unchanged(p_known bigint[])
                RETURNS boolean
                LANGUAGE plpgsql VOLATILE AS $function$
                BEGIN
                    RETURN p_known = ARRAY[%s]::bigint[];
                END
                $function$
                """,
                newest,
            )
        )

    @api.constrains("site_id")
    def _check_site(self):
        self.with_context(active_test=False).lane_ids._check_device()

    def write(self, vals):
        res = super().write(vals)
        if vals.keys() & {*KEY_FIELDS, "state", "active"}:
            self.env.registry.clear_cache()
        return res

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    # ------------------------------------------------------------------
    # Keys
    # ------------------------------------------------------------------

    def action_generate_key(self):
        """Make a new key and show it once; an older key dies at once.

        For a device that is new, was reset or got lost: its message numbers begin anew.
        """
        self.ensure_one()
        return self._show_key(self._generate_key())

    def action_rotate_key(self):
        """Make a second key and show it once; the present one works until its use."""
        self.ensure_one()
        return self._show_key(self._rotate_key())

    def _show_key(self, key):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Device Key"),
            "res_model": "scenic.device.key",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_device_id": self.id,
                # in the action only: the wizard does not store it
                "scenic_device_key": key,
            },
        }

    def action_revoke(self):
        """Lock devices out at once; a new key lets them in again."""
        self.check_access("write")
        # sudo: the keys are hidden from everybody
        self.sudo().write({**self._no_keys(), "state": "revoked"})
        self._message_log_batch(
            bodies=dict.fromkeys(self.ids, self.env._("Key revoked"))
        )
        self.env["scenic.audit"]._log("device_revoke", self)

    def _generate_key(self):
        """Give the device a new key and return it; only its hash is kept."""
        self.ensure_one()
        self.check_access("write")
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        # sudo: the keys are hidden from everybody
        device_sudo = self.sudo()
        device_sudo.write(
            {
                **self._no_keys(),
                "key_hash": self._hash_key(key),
                "key_date": fields.Datetime.now(),
                "state": "active",
                "epoch": device_sudo.epoch + 1,
                "last_seq": 0,
                "born": False,
            }
        )
        self._message_log(body=self.env._("New key made"))
        self.env["scenic.audit"]._log("device_key", self)
        return key

    def _rotate_key(self):
        """Give the device a second key and return it; only its hash is kept.

        The first use of it starts the last five minutes of the present one.

        :raise UserError: the device has no key that could be followed
        """
        self.ensure_one()
        self.check_access("write")
        if self.state != "active":
            raise UserError(
                self.env._(
                    "Device “%(device)s” has no living key. Please generate one.",
                    device=self.name,
                )
            )
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        # sudo: the keys are hidden from everybody
        self.sudo().write(
            {
                "next_key_hash": self._hash_key(key),
                "next_key_date": fields.Datetime.now(),
            }
        )
        self._message_log(body=self.env._("Next key made"))
        self.env["scenic.audit"]._log("device_key", self)
        return key

    @api.model
    def _no_keys(self):
        dates = ("key_date", "next_key_date", "old_key_until")
        return dict.fromkeys((*KEY_FIELDS, *dates), False)

    @api.model
    def _hash_key(self, key):
        return hashlib.sha256(key.encode("ascii")).hexdigest()

    @api.model
    @tools.ormcache("key_hash")
    def _id_of_key(self, key_hash):
        """Return the id of the device that a key hash lets in.

        Only hits are cached, so that guesses cannot push anything out.

        :raise KeyError: no device has this key
        """
        self.flush_model([*KEY_FIELDS, "old_key_until", "state", "active"])
        [device_id] = self._fetch_one(
            SQL("SELECT scenic_gate_device_of_key(%s)", key_hash)
        )
        if not device_id:
            raise KeyError("no device has this key")
        return device_id

    # ------------------------------------------------------------------
    # Gate API
    # ------------------------------------------------------------------

    @api.model
    def _own_connection(self):
        """Return where the statements of a request of the gate API go.

        Statements on the cursor of the request commit by themselves, too. Test cursors
        share one transaction and keep it: then there is no other connection.
        """
        cr = self.env.cr
        if not isinstance(cr, Cursor):
            return None
        if cr._cnx.status != STATUS_READY:
            # looking the key up has opened a transaction
            cr.commit()  # pylint: disable=invalid-commit
        cr._cnx.autocommit = True
        return GateConnection(cr.dbname)

    @api.model
    def _fetch_one(self, query):
        """Return the row of one statement, which may be run again if the line broke.

        :param SQL query:
        """
        connection = self.env.context.get("scenic_gate_connection")
        if connection:
            return connection.fetch(query)
        [row] = self.env.execute_query(query)
        return row

    def _gate_validate(self, key_hash, scans, now=None):
        """Decide on scans.

        :param str key_hash: the hash that the device proved itself with
        :param list scans: as ``gate_schema.check_validate`` returns them
        :param datetime now: naive UTC; by default the clock of the database
        :return: the answer of the API, or None if the key is no longer valid
        """
        self.ensure_one()
        results = self._decide(key_hash, scans, now, verify=False)
        if results is None:
            return None
        unknown = [
            index for index, result in enumerate(results) if result.get("verify")
        ]
        if unknown:
            # codes that nobody has: genuine ones of elsewhere, or forged
            verified = self._decide(
                key_hash, [scans[index] for index in unknown], now, verify=True
            )
            if verified is None:
                return None
            for index, result in zip(unknown, verified, strict=True):
                results[index] = result
        server_time = self._server_time()
        return {"results": [self._shape_decision(r, server_time) for r in results]}

    def _decide(self, key_hash, scans, now, verify):
        rows = [
            {**{k: v for k, v in scan.items() if k != "value"}, **found}
            for scan, found in zip(
                scans, self._parse_scans(scans, verify=verify), strict=True
            )
        ]
        return self._call_function("scenic_gate_validate", key_hash, rows, now)

    @api.model
    def _parse_scans(self, scans, verify=True):
        """Return ``{kind, lookup, forged}`` of what readers read.

        Codes and numbers are hashed here: the database and its log see none.

        :param list scans: dicts of ``kind``, what the reader says, and ``value``
        :param bool verify: without it ``forged`` of a QR is None: nobody looked
        """
        if not scans:
            return []
        parsed = self.env["scenic.credential"]._parse_many(
            [scan["value"] for scan in scans],
            [scan["kind"] for scan in scans],
            verify=verify,
        )
        result = []
        for scan, found in zip(scans, parsed, strict=True):
            fits = scan["kind"] in ("auto", found.kind)
            is_code = fits and found.status in ("ok", "unverified")
            result.append(
                {
                    "kind": found.kind,
                    "forged": None
                    if is_code and found.status == "unverified"
                    else fits and found.status == "forged",
                    "lookup": found.lookup if is_code else None,
                }
            )
        return result

    @api.model
    def _shape_decision(self, result, server_time):
        """Return a decision as the API has it, with its texts."""
        detail = result["detail"] or {}
        text, remedy = gate_text.describe(result["code"], result["passes"], detail)
        return {
            "request_id": result["request_id"],
            "decision": "admit" if result["code"] == "ADMIT" else "deny",
            "code": result["code"],
            "passes": result["passes"],
            "repeat": result["repeat"],
            "again": bool(detail.get("again")),
            "text": text,
            "remedy": remedy,
            "ticket": detail.get("ticket"),
            "server_time": server_time,
        }

    def _gate_report(self, key_hash, events, now=None):
        """Keep what the lanes did.

        :param list events: as ``gate_schema.check_report`` returns them
        :param datetime now: naive UTC; by default the clock of the database
        :return: the answer of the API, or None if the key is no longer valid
        """
        self.ensure_one()
        # an exit may have read a code
        coded = [event for event in events if "value" in event]
        found = iter(self._parse_scans(coded))
        rows = [
            {
                **{k: v for k, v in event.items() if k != "value"},
                **(next(found) if "value" in event else {}),
            }
            for event in events
        ]
        results = self._call_function("scenic_gate_report", key_hash, rows, now)
        return None if results is None else {"results": results}

    def _call_function(self, name, key_hash, rows, now):
        [results] = self._fetch_one(
            SQL(
                "SELECT %s(%s, %s, %s::jsonb, %s)",
                SQL.identifier(name),
                self.id,
                key_hash,
                json.dumps(rows),
                now,
            )
        )
        return results

    @api.model
    def _server_time(self):
        now = datetime.now(timezone.utc)
        return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
