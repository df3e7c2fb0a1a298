import base64
import configparser
import functools
import hashlib
import hmac
import os
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..exceptions import KeyFileError
from ..tools.keystore import (
    MAX_KID,
    KeyStore,
    KeyStoreError,
)


class ScenicSigningKey(models.Model):
    _name = "scenic.signing.key"
    _description = "Ticket Signing Key"
    _inherit = ["scenic.audited"]
    _order = "kid desc"
    _rec_name = "kid"

    kid = fields.Integer(string="Key ID", required=True, readonly=True)
    public_key = fields.Char(
        required=True, readonly=True, help="Raw Ed25519 public key, base64."
    )
    state = fields.Selection(
        [("active", "Active"), ("retired", "Retired")],
        required=True,
        readonly=True,
        default="active",
    )

    _kid_unique = models.Constraint("UNIQUE (kid)", "This key id exists already.")
    _kid_range = models.Constraint(
        "CHECK (kid BETWEEN 0 AND 15)", "A key id is 0 to 15."
    )
    _one_active = models.UniqueIndex(
        "(state) WHERE state = 'active'", "Only one signing key can be active."
    )

    @api.depends("kid", "state")
    def _compute_display_name(self):
        for key in self:
            key.display_name = f"#{key.kid}"

    @api.model_create_multi
    def create(self, vals_list):
        keys = super().create(vals_list)
        self.env.registry.clear_cache()
        return keys

    def write(self, vals):
        res = super().write(vals)
        self.env.registry.clear_cache()
        return res

    def unlink(self):
        res = super().unlink()
        self.env.registry.clear_cache()
        return res

    def action_rotate(self):
        """Sign new tickets with a new key; codes of old keys stay valid.

        Old private keys stay in the key file, so that a reprint of an old ticket
        gives the same code.
        """
        if not self.env.user.has_group("scenic_ticket_base.group_scenic_manager"):
            raise AccessError(
                self.env._("Only a ticketing manager may change the signing key.")
            )
        # sudo: nobody may write keys but this method and the first use
        keys_sudo = self.sudo()
        current = keys_sudo._active()
        kid = max(keys_sudo._known_keys()) + 1
        if kid > MAX_KID:
            raise KeyFileError(
                self.env._(
                    "All 16 key ids were used. A T1 code has no room for another one."
                ),
                code="KEY_IDS_EXHAUSTED",
            )
        try:
            data = KeyStore(self._path()).add_key(kid)
        except KeyStoreError as error:
            raise self._user_error(error) from error
        current.write({"state": "retired"})
        current.flush_recordset()
        keys_sudo.create({"kid": kid, "public_key": data.public_keys[kid]})
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    # ------------------------------------------------------------------
    # Key file
    # ------------------------------------------------------------------

    @api.model
    def _path(self):
        """Return the path of the key file of this database.

        The environment variable ``SCENIC_KEY_FILE`` wins, then ``key_file`` in the
        section ``[scenic]`` of the configuration file (Odoo ignores sections that
        it does not know), then ``scenic_keys/<database>.json`` in the data folder.
        """
        path = os.environ.get("SCENIC_KEY_FILE") or _configured_path(
            tools.config["config"]
        )
        if path:
            return os.path.expanduser(path)
        name = re.sub(r"[^\w.-]", "_", self.env.cr.dbname)
        return os.path.join(tools.config["data_dir"], "scenic_keys", f"{name}.json")

    @api.model
    def _data(self):
        """Return the secrets, after proving that they belong to this database.

        A database without any credential adopts the file it finds (or makes one);
        a database with credentials refuses a file that does not fit them.

        :raise KeyFileError: no usable key file; the text says what to do
        """
        try:
            store = KeyStore(self._path())
            data = store.load()
            if data is None:
                if self._has_credentials():
                    raise KeyStoreError("missing", store.path)
                data = store.ensure()
        except KeyStoreError as error:
            raise self._user_error(error) from error
        public_keys = data.public_keys
        known = self._known_keys()
        active = [(kid, public) for kid, (_id, public, on) in known.items() if on]
        if not active or any(public_keys.get(kid) != public for kid, public in active):
            if self._has_credentials():
                raise self._user_error(KeyStoreError("foreign", store.path))
            self._adopt(public_keys)
        return data

    @api.model
    def _adopt(self, public_keys):
        """Take over the keys of the file, the highest id being the active one."""
        self.env.cr.execute(SQL("DELETE FROM scenic_signing_key"))
        newest = max(public_keys)
        for kid, public_key in sorted(public_keys.items()):
            # lock: of two first uses at once, the later one meets the row of the
            # first and is retried by the framework
            self.env.cr.execute(
                SQL(
                    "INSERT INTO scenic_signing_key (kid, public_key, state, "
                    "create_uid, write_uid, create_date, write_date) VALUES (%s, %s, "
                    "%s, %s, %s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC') "
                    "ON CONFLICT DO NOTHING",
                    kid,
                    public_key,
                    "active" if kid == newest else "retired",
                    self.env.uid,
                    self.env.uid,
                )
            )
        self.env["scenic.signing.key"].invalidate_model()
        self.env.registry.clear_cache()

    @api.model
    def _has_credentials(self):
        self.env["scenic.credential"].flush_model()
        self.env.cr.execute(SQL("SELECT 1 FROM scenic_credential LIMIT 1"))
        return bool(self.env.cr.fetchone())

    @api.model
    def _user_error(self, error):
        """Turn a :class:`KeyStoreError` into an error for a person."""
        texts = {
            "missing": self.env._(
                "The ticket key file %(path)s is missing, but tickets exist. Restore "
                "it from your backup; without it no ticket can be issued or checked.",
                path=error.path,
            ),
            "foreign": self.env._(
                "The ticket key file %(path)s does not hold the active signing key of "
                "this database. Put the right file there, or name it in the "
                "configuration ([scenic] key_file).",
                path=error.path,
            ),
            "exposed": self.env._(
                "The ticket key file %(path)s is open to every user of the server. "
                "Run: chmod 600 on it.",
                path=error.path,
            ),
            "damaged": self.env._(
                "The ticket key file %(path)s is damaged (%(detail)s). Restore it from "
                "your backup.",
                path=error.path,
                detail=error.detail,
            ),
            "unreadable": self.env._(
                "The ticket key file %(path)s cannot be read: %(detail)s.",
                path=error.path,
                detail=error.detail,
            ),
            "unwritable": self.env._(
                "The ticket key file %(path)s cannot be written: %(detail)s.",
                path=error.path,
                detail=error.detail,
            ),
        }
        return KeyFileError(
            texts[error.reason], code=f"KEY_FILE_{error.reason.upper()}"
        )

    # ------------------------------------------------------------------
    # Keys
    # ------------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _known_keys(self):
        """Return ``{kid: (id, public key, is active)}``, cached."""
        self.flush_model()
        self.env.cr.execute(
            SQL("SELECT kid, id, public_key, state = 'active' FROM scenic_signing_key")
        )
        return {
            kid: (id_, public, on) for kid, id_, public, on in self.env.cr.fetchall()
        }

    @api.model
    def _active(self):
        """Return the key that signs new tickets, made on first use."""
        self._data()
        for id_, _public, is_active in self._known_keys().values():
            if is_active:
                return self.browse(id_)
        raise self._user_error(KeyStoreError("foreign", self._path()))

    def _private_key(self):
        """Return the private key of this record.

        :raise KeyFileError: the file does not hold it
        """
        self.ensure_one()
        data = self._data()
        if data.public_keys.get(self.kid) != self.public_key:
            raise self._user_error(KeyStoreError("foreign", self._path()))
        return data.private_keys[self.kid]

    @api.model
    def _public_key(self, kid):
        """Return the public key of a key id, or None."""
        known = self._known_keys().get(kid)
        return known and Ed25519PublicKey.from_public_bytes(base64.b64decode(known[1]))

    @api.model
    def _hash(self, normalised):
        """Return the keyed hash under which a credential is stored."""
        secret = self._data().lookup_secret
        digest = hmac.new(
            secret, normalised.encode("utf-8", "surrogatepass"), hashlib.sha256
        ).digest()
        return digest[:16].hex()


@functools.lru_cache
def _configured_path(rcfile):
    """Return ``[scenic] key_file`` of a configuration file, or None.

    Read once: like all of the configuration it needs a restart to change.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read([rcfile])
    except (OSError, configparser.Error):
        return None
    return parser.get("scenic", "key_file", fallback=None)
