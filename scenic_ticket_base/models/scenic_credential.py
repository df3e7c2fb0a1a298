import re
from typing import NamedTuple

import psycopg2.errors

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.fields import Domain
from odoo.orm.models import NO_ACCESS
from odoo.tools import SQL

from ..exceptions import CredentialError
from ..tools import barcode1d, id_document, t1
from ..tools.guard import check_reason
from ..tools.lock_first import locks_first

KINDS = [
    ("qr", "Signed QR"),
    ("barcode", "1-D Number"),
    ("ic_card", "IC Card"),
    ("id_document", "ID Document"),
    ("staff_card", "Staff Card"),
]
# What a ticket prints: one issue of it at a time
CODES = ("qr", "barcode")
# A chip is read the same, whoever holds the card
CARDS = ("ic_card", "staff_card")
# Tickets whose holder still needs the medium
LIVE_STATES = ("held", "valid", "part_used", "frozen")

_CARD = re.compile(r"[0-9A-F]{4,32}")
_DOCUMENT = re.compile(r"(?=.*[0-9])[A-Z0-9]{5,18}")


class ParsedCredential(NamedTuple):
    """What a text that was read turns out to be.

    kind: ``qr``, ``barcode``, ``ic_card``, ``id_document`` or ``unknown``; a staff
        card is read as what it is made of, a chip or a document
    normalised: the text as it is hashed
    status: ``ok``, ``forged`` (a QR whose signature is wrong), ``unverified`` or
        ``unknown``
    number: the ticket number that a genuine QR names, else None
    lookup: the keyed hash to find credentials by, else None
    issue: which issue of the ticket's code a genuine QR is, else None
    """

    kind: str
    normalised: str
    status: str
    number: int | None
    lookup: str | None
    issue: int | None = None


class ScenicCredential(models.Model):
    """A medium that opens a ticket.

    Codes (QR, 1-D) belong to one ticket. A card or a document belongs to a person,
    who may have several tickets: one credential for each, with the same look-up.
    """

    _name = "scenic.credential"
    _description = "Ticket Credential"
    _inherit = ["scenic.bulk"]
    _order = "id"
    _rec_name = "kind"

    ticket_id = fields.Many2one(
        "scenic.ticket", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="ticket_id.company_id", store=True, index=True)
    kind = fields.Selection(KINDS, required=True, readonly=True)
    lookup = fields.Char(
        required=True,
        readonly=True,
        index=True,
        groups=NO_ACCESS,
        help="Keyed hash of the code or number, which itself is not stored.",
    )
    last_four = fields.Char(
        readonly=True, help="Last characters of the number of a card or document."
    )
    issue = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        aggregator=None,
        help="How often the code of the ticket was replaced before.",
    )
    state = fields.Selection(
        [
            ("active", "Active"),
            ("frozen", "Frozen"),
            ("replaced", "Replaced"),
            ("ended", "Ended"),
        ],
        required=True,
        readonly=True,
        default="active",
        help="Frozen: a lost medium that may be found again; the ticket and its other "
        "media stay as they are. Ended: the ticket is worth nothing any more.",
    )
    active = fields.Boolean(
        compute="_compute_active",
        store=True,
        readonly=True,
        help="Not replaced and not ended; may be frozen.",
    )
    rank = fields.Integer(
        readonly=True,
        groups=NO_ACCESS,
        aggregator=None,
        help="Tells the live credentials of one card apart.",
    )
    replaced_by_id = fields.Many2one(
        "scenic.credential", readonly=True, index="btree_not_null"
    )
    signing_key_id = fields.Many2one(
        "scenic.signing.key",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )

    _lookup_unique = models.UniqueIndex(
        "(lookup) WHERE active IS TRUE AND kind IN ('qr', 'barcode')",
        "This code belongs to another ticket already.",
    )
    _medium_once = models.UniqueIndex(
        "(ticket_id, lookup) WHERE active IS TRUE",
        "The ticket has this medium already.",
    )
    # lock: two tickets that get the same card at once meet here; the later one is
    # called again and sees whose card it is
    _rank_unique = models.UniqueIndex(
        "(company_id, lookup, rank) WHERE active IS TRUE AND rank > 0",
        "This card was given to another ticket at this moment.",
    )

    @api.depends("state")
    def _compute_active(self):
        for credential in self:
            credential.active = credential.state in ("active", "frozen")

    @api.depends("kind", "last_four", "issue")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for credential in self:
            name = kinds.get(credential.kind, "")
            if credential.last_four:
                name = f"{name} …{credential.last_four}"
            elif credential.issue:
                name = f"{name} #{credential.issue + 1}"
            credential.display_name = name

    # ------------------------------------------------------------------
    # Look-up
    # ------------------------------------------------------------------

    @api.model
    def _lookup(self, text):
        """Return the 32 hex characters under which a code is stored.

        White space and case do not matter.
        """
        return self.env["scenic.signing.key"]._hash(t1.normalise(text))

    @api.model
    def _lookup_document(self, number):
        """Return the look-up of a normalised document number.

        The kind of the document does not count: a reader does not always know it,
        and nobody gets two tickets for one number by naming it differently.
        """
        return self.env["scenic.signing.key"]._hash(
            f"ID:{id_document.identity(number)}"
        )

    @api.model
    def _normalise_medium(self, kind, number):
        """Return the number of a card or document as it is stored, or "".

        Card numbers are hexadecimal or decimal as the reader gives them; a reader
        that gives the bytes in reversed order must be set to do as the others do.
        """
        text = id_document.normalise(number).replace(":", "")
        if kind in CARDS:
            return text if _CARD.fullmatch(text) else ""
        return text if _DOCUMENT.fullmatch(text) else ""

    @api.model
    def _lookup_medium(self, kind, normalised):
        """Return the look-up of a normalised card or document number."""
        if kind in CARDS:
            return self.env["scenic.signing.key"]._hash(f"IC:{normalised}")
        return self._lookup_document(normalised)

    @api.model
    def _find(self, text, kind=None):
        """Return one credential of a text, one that is no longer active included.

        :param str kind: what the reader says it is; without it codes and citizen
            numbers are recognised
        """
        return self._find_all(text, kind)[:1]

    @api.model
    def _find_all(self, text, kind=None):
        """Return all credentials of a text, the live ones first, then the newest."""
        parsed = self._parse(text, kind)
        if not parsed.lookup:
            return self.browse()
        # sudo: the hash is hidden from everybody; record rules apply to the result
        found_sudo = (
            self.sudo()
            .with_context(active_test=False)
            .search([("lookup", "=", parsed.lookup)])
        )
        ordered = found_sudo.sorted(lambda c: (c.active, c.id), reverse=True)
        return self.browse(ordered.ids)._filtered_access("read")

    @api.model
    def _parse(self, text, kind=None):
        """Tell what a text is; see :class:`ParsedCredential`. No text raises."""
        return self._parse_many([text], [kind])[0]

    @api.model
    def _parse_many(self, texts, kinds=None, verify=True):
        """Tell what many texts are, with one query for all of them.

        A lookup that finds a stored credential is proof of issue already: the
        signature matters for codes that are not found.

        :param list kinds: what the reader says of each text: ``ic_card``,
            ``staff_card`` or ``id_document``; whatever else leaves it to the text
        :param bool verify: without it no signature is looked at, the status of a QR
            of the right shape is ``unverified``, and there is no query
        """
        texts = list(texts)
        normalised = [t1.normalise(text) for text in texts]
        kinds = kinds or [None] * len(texts)
        tokens = {}
        for text in normalised:
            if t1.is_token(text) and text not in tokens:
                try:
                    tokens[text] = t1.parse(text)
                except t1.T1Error:
                    tokens[text] = None
        codes = (
            self._site_codes({parsed[0].number for parsed in tokens.values() if parsed})
            if verify
            else {}
        )
        hash_of = self.env["scenic.signing.key"]._hash
        result = []
        for raw, text, kind in zip(texts, normalised, kinds, strict=True):
            if kind in (*CARDS, "id_document"):
                result.append(self._parse_medium(kind, raw))
            elif text in tokens and tokens[text] and not verify:
                result.append(
                    ParsedCredential("qr", text, "unverified", None, hash_of(text))
                )
            elif text in tokens:
                genuine = tokens[text] and self._is_genuine(*tokens[text], codes)
                number, issue = (
                    t1.split_number(tokens[text][0].number) if genuine else (None, None)
                )
                status = "ok" if genuine else "forged"
                result.append(
                    ParsedCredential("qr", text, status, number, hash_of(text), issue)
                )
            elif barcode1d.is_valid(text):
                result.append(
                    ParsedCredential("barcode", text, "ok", None, hash_of(text))
                )
            elif id_document.is_citizen_number(id_document.normalise(raw)):
                result.append(self._parse_medium("id_document", raw))
            else:
                result.append(ParsedCredential("unknown", text, "unknown", None, None))
        return result

    @api.model
    def _parse_medium(self, kind, text):
        number = self._normalise_medium(kind, text)
        if not number:
            return ParsedCredential("unknown", "", "unknown", None, None)
        return ParsedCredential(
            "ic_card" if kind in CARDS else kind,
            number,
            "ok",
            None,
            self._lookup_medium(kind, number),
        )

    @api.model
    def _site_codes(self, numbers):
        """Return ``{ticket number: code of the issuing site}`` of media numbers."""
        # a code may carry any 8-byte number, the column holds 4 bytes
        tickets = {t1.split_number(number)[0] for number in numbers}
        tickets = [number for number in tickets if number < 2**31]
        if not tickets:
            return {}
        self.env["scenic.ticket"].flush_model(["number", "site_id"])
        return dict(
            self.env.execute_query(
                SQL(
                    "SELECT t.number, s.code FROM scenic_ticket t "
                    "JOIN scenic_site s ON s.id = t.site_id WHERE t.number IN %s",
                    tuple(tickets),
                )
            )
        )

    @api.model
    def _is_genuine(self, values, payload, signature, codes):
        """Verify a signature for the site that issued the ticket number.

        A key id may have had other keys before: what they signed is still genuine.
        """
        code = codes.get(t1.split_number(values.number)[0])
        return code is not None and any(
            t1.verify(public_key, code, payload, signature)
            for public_key in self.env["scenic.signing.key"]._public_keys(values.kid)
        )

    # ------------------------------------------------------------------
    # Changes
    # ------------------------------------------------------------------

    @locks_first(lambda media: media.sudo().ticket_id._lock_names())  # sudo: ids
    def _replace(self, reason, number=None):
        """Replace media; the old ones open nothing from this moment on.

        QR and 1-D number of a ticket are printed on the same paper, so they are
        replaced together.

        :param str number: of the new card or document; not for codes
        :return: the new credentials
        :raise CredentialError, TicketStateError:
        """
        # sudo: no user has the right to write credentials; callers answer for it
        media_sudo = self.sudo()
        media_sudo._check_live()
        codes_sudo = media_sudo.filtered(lambda c: c.kind in CODES)
        cards_sudo = media_sudo - codes_sudo
        if cards_sudo and (codes_sudo or len(set(cards_sudo.mapped("kind"))) > 1):
            raise CredentialError(
                self.env._("Please replace codes and cards one after the other."),
                code="MEDIUM_MIXED",
            )
        if codes_sudo:
            return self.browse(codes_sudo.ticket_id._reissue(reason).ids)
        tickets_sudo = cards_sudo.ticket_id._lock_for_change(reason)
        tickets_sudo._check_state(LIVE_STATES)
        cards_sudo._check_live()
        cards_sudo._write_state("replaced")
        new_sudo = tickets_sudo._add_medium(cards_sudo[0].kind, number, reason).sudo()
        by_ticket = {medium_sudo.ticket_id: medium_sudo for medium_sudo in new_sudo}
        for card_sudo in cards_sudo:
            card_sudo.replaced_by_id = by_ticket[card_sudo.ticket_id]
        self._log_change("credential_replace", cards_sudo, reason)
        return self.browse(new_sudo.ids)

    def _freeze(self, reason):
        """Suspend lost media; their tickets stay valid.

        :raise CredentialError: not active
        """
        self._suspend(reason, "active", "frozen", "credential_freeze")

    def _unfreeze(self, reason):
        """Let found media open their tickets again.

        :raise CredentialError: not frozen
        """
        self._suspend(reason, "frozen", "active", "credential_unfreeze")

    @locks_first(lambda media: media.sudo().ticket_id._lock_names())  # sudo: ids
    def _suspend(self, reason, before, after, action):
        # sudo: no user has the right to write credentials; callers answer for it
        media_sudo = self.sudo()
        media_sudo.ticket_id._lock_for_change(reason)
        media_sudo.invalidate_recordset(["state"])
        for medium_sudo in media_sudo:
            if medium_sudo.state != before:
                medium_sudo._raise_state()
        media_sudo._write_state(after)
        self._log_change(
            action, media_sudo, reason, before={"state": before}, after={"state": after}
        )

    def _write_state(self, state):
        self.write({"state": state})
        self.flush_recordset()

    def _check_live(self):
        for medium in self:
            if medium.state not in ("active", "frozen"):
                medium._raise_state()

    def _raise_state(self):
        selection = dict(self._fields["state"]._description_selection(self.env))
        raise CredentialError(
            self.env._(
                "%(medium)s of ticket %(ticket)s is in state “%(state)s”: this is not "
                "possible.",
                medium=self.display_name,
                ticket=self.ticket_id.name,
                state=selection[self.state],
            ),
            code=f"MEDIUM_{self.state.upper()}",
        )

    @api.model
    def _log_change(self, action, media, reason, before=None, after=None):
        check_reason(self.env, reason)
        self.env["scenic.audit"]._log(
            action, media, reason=reason, before=before, after=after
        )

    # ------------------------------------------------------------------
    # Cards and documents
    # ------------------------------------------------------------------

    @api.model
    def _give(self, tickets_sudo, kind, number, reason=None):
        """Make a card or document a medium of tickets, of one person.

        A card whose tickets are all over is taken over from them.

        :return: the credentials, one a ticket, those that were there included
        :raise CredentialError: ``MEDIUM_KIND``, ``MEDIUM_INVALID``, ``MEDIUM_TAKEN``
        """
        if kind not in (*CARDS, "id_document"):
            raise CredentialError(
                self.env._("“%(kind)s” is no card or document.", kind=kind),
                code="MEDIUM_KIND",
            )
        normalised = self._normalise_medium(kind, number)
        if not normalised:
            raise CredentialError(
                self.env._(
                    "This is no number of a card or document: a card has 4 to 32 "
                    "hexadecimal digits, a document 5 to 18 letters and digits."
                ),
                code="MEDIUM_INVALID",
            )
        lookup = self._lookup_medium(kind, normalised)
        # sudo: the hash is hidden from everybody
        live_sudo = self.sudo().search(
            Domain("lookup", "=", lookup)
            & Domain("company_id", "in", tickets_sudo.company_id.ids)
        )
        over_sudo = live_sudo.filtered(lambda c: c.ticket_id.state not in LIVE_STATES)
        over_sudo._write_state("ended")
        live_sudo -= over_sudo
        owners = {t._medium_owner() for t in live_sudo.ticket_id | tickets_sudo}
        if len(owners) > 1:
            raise CredentialError(
                self.env._(
                    "The card or document ending in %(last)s belongs to another "
                    "person already.",
                    last=normalised[-4:],
                ),
                code="MEDIUM_TAKEN",
            )
        if kind == "id_document":
            for ticket_sudo in tickets_sudo:
                ticket_sudo.visitor_id._check_document(lookup)
        had_sudo = live_sudo.filtered(lambda c: c.ticket_id in tickets_sudo)
        taken = set(live_sudo.mapped("rank"))
        free = (rank for rank in range(1, 10**6) if rank not in taken)
        try:
            with self.env.cr.savepoint():
                new_sudo = self.sudo()._bulk_create(
                    [
                        {
                            "ticket_id": ticket_sudo.id,
                            "company_id": ticket_sudo.company_id.id,
                            "kind": kind,
                            "lookup": lookup,
                            "last_four": normalised[-4:],
                            "rank": next(free),
                            "active": True,
                        }
                        for ticket_sudo in tickets_sudo - had_sudo.ticket_id
                    ]
                )
        except psycopg2.errors.UniqueViolation as error:
            # lock: the same card was given at once; the framework calls again, and
            # then it is seen
            raise ConcurrencyError(f"card {lookup}") from error
        self.env["scenic.audit"]._log("credential_add", new_sudo, reason=reason)
        return had_sudo | new_sudo

    def _same_medium(self):
        """Return this medium on all tickets it opens that are not over."""
        self.ensure_one()
        # sudo: the hash is hidden from everybody; callers answer for the right
        medium_sudo = self.sudo()
        return medium_sudo.search(
            [
                ("lookup", "=", medium_sudo.lookup),
                ("company_id", "=", medium_sudo.company_id.id),
                ("ticket_id.state", "in", LIVE_STATES),
            ]
        )

    def _copy_to(self, ticket_sudo):
        """Let cards and documents open one more ticket of the same person.

        Their numbers are not known any more, so the look-up is copied. A medium that
        is frozen stays so.
        """
        have = set(ticket_sudo.credential_ids.mapped("lookup"))
        by_lookup = {
            medium_sudo.lookup: medium_sudo
            for medium_sudo in self.filtered(lambda c: c.kind not in CODES)
            if medium_sudo.lookup not in have
        }
        ranks = self._last_ranks(by_lookup, ticket_sudo.company_id)
        self.create(
            [
                {
                    "ticket_id": ticket_sudo.id,
                    "kind": medium_sudo.kind,
                    "lookup": lookup,
                    "last_four": medium_sudo.last_four,
                    "state": medium_sudo.state,
                    "rank": ranks.get(lookup, 0) + 1,
                }
                for lookup, medium_sudo in by_lookup.items()
            ]
        )

    @api.model
    def _last_ranks(self, lookups, company):
        if not lookups:
            return {}
        self.flush_model(["lookup", "rank", "active", "company_id"])
        return dict(
            self.env.execute_query(
                SQL(
                    "SELECT lookup, max(rank) FROM scenic_credential "
                    "WHERE lookup IN %s AND company_id = %s AND active AND rank > 0 "
                    "GROUP BY lookup",
                    tuple(lookups),
                    company.id,
                )
            )
        )
