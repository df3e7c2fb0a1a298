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
from ..tools import personal_data
from ..tools.guard import check_reason
from ..tools.keystore import (
    MAX_KID,
    KeyStore,
    KeyStoreError,
)
from .scenic_credential import CODES, LIVE_STATES


class ScenicSigningKey(models.Model):
    _name = "scenic.signing.key"
    _description = "Ticket Signing Key"
    _inherit = ["scenic.audited"]
    _order = "id desc"
    _rec_name = "kid"

    kid = fields.Integer(string="Key ID", required=True, readonly=True)
    public_key = fields.Char(
        required=True, readonly=True, help="Raw Ed25519 public key, base64."
    )
    state = fields.Selection(
        [("active", "Active"), ("retired", "Retired"), ("purged", "Purged")],
        required=True,
        readonly=True,
        default="active",
        help="Retired: signs nothing new, but its tickets are still around. Purged: "
        "all its tickets are over, the private key was deleted and the id given to "
        "another key; the public key is kept to tell old codes from forged ones.",
    )

    _kid_living_unique = models.UniqueIndex(
        "(kid) WHERE state <> 'purged'", "This key id exists already."
    )
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
        self._check_manager()
        # sudo: nobody may write keys but this method and the first use
        self.sudo()._rotate()
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    @api.model
    def action_rotate_data_key(self):
        """Encrypt personal data with a new key, what is stored already as well.

        The work is done in the background. Old keys stay in the file until
        :meth:`action_purge_data_keys`, because backups of the database need them.
        """
        self._check_manager()
        # sudo: the key file is for nobody's eyes
        self.sudo()._add_data_key()
        # sudo: a manager does not run scheduled jobs
        self.env.ref("scenic_ticket_base.ir_cron_reencrypt").sudo()._trigger()
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    @api.model
    def action_purge_data_keys(self):
        """Delete the data keys that nothing in this database needs any more.

        What an older backup of the database holds of persons is then unreadable,
        unless there is a copy of the old key file, too.
        """
        self._check_manager()
        # sudo: the key file is for nobody's eyes
        dropped = self.sudo()._purge_data_keys()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "Data keys deleted: %(count)s. Keys in use were kept.",
                    count=len(dropped),
                ),
            },
        }

    def _check_manager(self):
        if not self.env.user.has_group("scenic_ticket_base.group_scenic_manager"):
            raise AccessError(
                self.env._("Only a ticketing manager may change the keys.")
            )

    # ------------------------------------------------------------------
    # Rotation
    # ------------------------------------------------------------------

    @api.model
    def _rotate(self):
        """Make a new signing key the active one."""
        current = self._active()
        kid, over = self._next_kid()
        current.write({"state": "retired"})
        current.flush_recordset()
        key = self._make_active(kid, over)
        self.env["scenic.audit"]._log(
            "key_rotate", key, before={"kid": current.kid}, after={"kid": kid}
        )

    @api.model
    def _make_active(self, kid, over):
        """Make a new key of an id, in the place of one whose tickets are over."""
        store = KeyStore(self._path())
        try:
            if over:
                known = [
                    base64.b64encode(k).decode() for k in self._raw_public_keys(kid)
                ]
                data = store.replace_key(kid, known)
            else:
                data = store.add_key(kid)
        except KeyStoreError as error:
            raise self._user_error(error) from error
        over.write({"state": "purged"})
        over.flush_recordset()
        return self.create({"kid": kid, "public_key": data.public_keys[kid]})

    @api.model
    def _next_kid(self):
        """Return the id of the next key and the key that it takes the id from.

        An id that was never used comes first; when all 16 were, that of the oldest
        retired key whose tickets are all over.

        :raise KeyFileError: every key still has tickets that may be shown
        """
        known = self._known_keys()
        for kid in (max(known) + 1, *range(MAX_KID + 1)):
            if kid <= MAX_KID and kid not in known:
                return kid, self.browse()
        self.env["scenic.credential"].flush_model()
        self.env["scenic.ticket"].flush_model(["state"])
        rows = self.env.execute_query(
            SQL(
                "SELECT k.id, max(t.date_first + t.span_days + t.days_added) "
                "FROM scenic_signing_key k "
                "LEFT JOIN scenic_credential c ON c.signing_key_id = k.id AND c.active "
                "LEFT JOIN scenic_ticket t ON t.id = c.ticket_id AND t.state IN %s "
                "WHERE k.state = 'retired' GROUP BY k.id ORDER BY 2 NULLS FIRST, 1",
                LIVE_STATES,
            )
        )
        key_id, free_from = rows[0]
        if free_from is None:
            over = self.browse(key_id)
            return over.kid, over
        raise KeyFileError(
            self.env._(
                "All 16 key ids are in use: each signed tickets that are still valid. "
                "The next one becomes free after %(date)s.",
                date=fields.Date.to_string(free_from),
            ),
            code="KEY_IDS_EXHAUSTED",
        )

    @api.model
    def _add_data_key(self):
        data = self._data()
        try:
            data = KeyStore(self._path()).add_data_key()
        except KeyStoreError as error:
            raise self._user_error(error) from error
        key = self._active()
        self.env["scenic.audit"]._log("key_rotate", key, after={"data": data.data_kid})
        return data.data_kid

    @api.model
    def _purge_data_keys(self):
        """Delete data keys that no visitor is encrypted with; return their ids."""
        data = self._data()
        self.env["scenic.visitor"].flush_model(["data_kid"])
        used = {
            kid
            for (kid,) in self.env.execute_query(
                SQL("SELECT DISTINCT data_kid FROM scenic_visitor")
            )
        }
        dropped = sorted(set(data.data_keys) - used - {data.data_kid})
        if dropped:
            try:
                KeyStore(self._path()).drop_data_keys(dropped)
            except KeyStoreError as error:
                raise self._user_error(error) from error
            self.env["scenic.audit"]._log(
                "key_rotate", self._active(), before={"data": dropped}
            )
        return dropped

    @api.model
    def _start_over(self, reason):
        """Go on without a key file that is lost for good (docs/keys.md).

        To be called from ``odoo shell``, when no better backup of the file exists.

        A file that is an older copy is extended: codes signed with a key that it
        lacks are issued anew. A file of another database is not touched. Without any
        file, or with a damaged one, which is set aside, a new one is made: codes of
        tickets that are still valid are issued anew and have to be sent or printed
        again; cards must be given out again, because their numbers are stored
        nowhere; documents and telephones of visitors are lost, while names, last four
        and tickets stay, and who comes again is registered as a new visitor.

        :return: ``{"tickets": reissued, "cards": ended, "visitors": without number}``
        """
        check_reason(self.env, reason)
        store = KeyStore(self._path())
        try:
            found = store.load()
        except KeyStoreError as error:
            if error.reason != "damaged":
                raise self._user_error(error) from error
            found = None
        # sudo: keys, credentials and visitors of all companies
        keys_sudo = self.sudo()
        if found is not None:
            return keys_sudo._extend_older_copy(found, reason)
        try:
            store.set_aside()
            data = store.ensure()
        except KeyStoreError as error:
            raise self._user_error(error) from error
        # pylint: disable-next=no-search-all
        keys_sudo.search([]).write({"state": "purged"})
        keys_sudo.flush_model()
        for kid, public_key in sorted(data.public_keys.items()):
            key_sudo = keys_sudo.create({"kid": kid, "public_key": public_key})
        # sudo: the codes of all tickets depend on the key file
        media_sudo = self.env["scenic.credential"].sudo()
        cards_sudo = media_sudo.search([("kind", "not in", CODES)])
        cards_sudo._write_state("ended")
        # sudo: the codes of all tickets depend on the key file
        visitors = self.env["scenic.visitor"].sudo()._forget_numbers()
        tickets = keys_sudo._reissue_all([], reason)
        self.env["scenic.audit"]._log("key_rotate", key_sudo, reason=reason)
        return {"tickets": tickets, "cards": len(cards_sudo), "visitors": visitors}

    @api.model
    def _extend_older_copy(self, found, reason):
        """Go on with a copy of the key file that lacks the newest signing keys."""
        known = self._known_keys()
        lost = [
            key_id
            for kid, (key_id, public, _active) in known.items()
            if found.public_keys.get(kid) != public
        ]
        if len(lost) == len(known):
            raise self._user_error(KeyStoreError("foreign", self._path()))
        if not any(known[kid][0] in lost for kid in known if known[kid][2]):
            raise KeyFileError(
                self.env._(
                    "The key file %(path)s is in order. Nothing was changed.",
                    path=self._path(),
                ),
                code="KEY_FILE_IN_ORDER",
            )
        self.browse([row[0] for row in known.values() if row[2]]).write(
            {"state": "retired"}
        )
        self.flush_model()
        kid, over = self._next_kid()
        self._make_active(kid, over)
        tickets = self._reissue_all(
            [("credential_ids.signing_key_id", "in", lost)], reason
        )
        self.env["scenic.audit"]._log("key_rotate", self._active(), reason=reason)
        return {"tickets": tickets, "cards": 0, "visitors": 0}

    @api.model
    def _reissue_all(self, domain, reason):
        """Issue the codes of living tickets anew, in batches; return how many."""
        tickets = self.env["scenic.ticket"].search(
            [("state", "in", LIVE_STATES), *domain]
        )
        for start in range(0, len(tickets), 1000):
            tickets[start : start + 1000]._reissue(reason)
            self.env.flush_all()
            self.env.invalidate_all()
        return len(tickets)

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
            elif not data.data_keys:
                data = store.ensure_data_key()
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
            SQL(
                "SELECT kid, id, public_key, state = 'active' FROM scenic_signing_key "
                "WHERE state <> 'purged'"
            )
        )
        return {
            kid: (id_, public, on) for kid, id_, public, on in self.env.cr.fetchall()
        }

    @api.model
    def _active(self):
        """Return the key that signs new tickets, made on first use."""
        self._data()
        for kid, (id_, public, is_active) in self._known_keys().items():
            if is_active:
                key = self.browse(id_)
                # known already: nobody who sells need ask the database
                self._fields["kid"]._insert_cache(key, [kid])
                self._fields["public_key"]._insert_cache(key, [public])
                return key
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
    @tools.ormcache()
    def _all_public_keys(self):
        """Return ``{kid: [public keys, the newest first]}``, cached."""
        self.flush_model()
        keys = {}
        for kid, text in self.env.execute_query(
            SQL("SELECT kid, public_key FROM scenic_signing_key ORDER BY id DESC")
        ):
            keys.setdefault(kid, []).append(base64.b64decode(text))
        return keys

    @api.model
    def _raw_public_keys(self, kid):
        return self._all_public_keys().get(kid, ())

    @api.model
    def _public_keys(self, kid):
        """Return the public keys that a key id has or had, the newest first."""
        return [
            Ed25519PublicKey.from_public_bytes(raw)
            for raw in self._raw_public_keys(kid)
        ]

    @api.model
    def _hash(self, normalised):
        """Return the keyed hash under which a credential is stored."""
        return self._hasher()(normalised)

    @api.model
    def _hasher(self):
        """Return what hashes many codes, with the key file looked at once."""
        secret = self._data().lookup_secret

        def hash_of(normalised):
            digest = hmac.new(
                secret, normalised.encode("utf-8", "surrogatepass"), hashlib.sha256
            ).digest()
            return digest[:16].hex()

        return hash_of

    # ------------------------------------------------------------------
    # Personal data
    # ------------------------------------------------------------------

    @api.model
    def _encrypt(self, place, text, kid):
        """Return the cipher text of a text that is stored in a place."""
        return personal_data.encrypt(self._data().data_keys, kid, place, text)

    @api.model
    def _decrypt(self, place, cipher):
        """Return the text of a cipher text.

        :raise KeyFileError: ``KEY_DATA_MISSING`` if the key file has lost its key,
            ``KEY_DATA_DAMAGED`` if the cipher text does not belong to the place
        """
        try:
            return personal_data.decrypt(self._data().data_keys, place, cipher)
        except personal_data.CipherError as error:
            if error.reason == "no_key":
                text = self.env._(
                    "The ticket key file %(path)s does not hold the key of these "
                    "data. Put the newest backup of the file there.",
                    path=self._path(),
                )
                raise KeyFileError(text, code="KEY_DATA_MISSING") from error
            text = self.env._("These data were altered in the database.")
            raise KeyFileError(text, code="KEY_DATA_DAMAGED") from error


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
