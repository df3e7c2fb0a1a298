from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import barcode1d, t1


class ParsedCredential(NamedTuple):
    """What a text that was read turns out to be.

    kind: ``qr``, ``barcode`` or ``unknown``
    normalised: the text as it is hashed
    status: ``ok``, ``forged`` (a QR whose signature is wrong) or ``unknown``
    number: the ticket number that a genuine QR names, else None
    lookup: the keyed hash to find the credential by, else None
    """

    kind: str
    normalised: str
    status: str
    number: int | None
    lookup: str | None


class ScenicCredential(models.Model):
    _name = "scenic.credential"
    _description = "Ticket Credential"
    _inherit = ["scenic.bulk"]
    _order = "id"
    _rec_name = "kind"

    ticket_id = fields.Many2one(
        "scenic.ticket", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="ticket_id.company_id", store=True, index=True)
    kind = fields.Selection(
        [("qr", "Signed QR"), ("barcode", "1-D Number")], required=True, readonly=True
    )
    lookup = fields.Char(
        required=True,
        readonly=True,
        index=True,
        groups="base.group_system",
        help="Keyed hash of the code; the code itself is not stored.",
    )
    active = fields.Boolean(default=True, readonly=True)
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
        "(lookup) WHERE active IS TRUE", "This code belongs to another ticket already."
    )

    @api.model
    def _lookup(self, text):
        """Return the 32 hex characters under which a code is stored.

        White space and case do not matter.
        """
        return self.env["scenic.signing.key"]._hash(t1.normalise(text))

    @api.model
    def _find(self, text):
        """Return the credential of a code, one that is no longer active included."""
        # sudo: the hash is hidden from everybody; record rules apply to the result
        found_sudo = (
            self.sudo()
            .with_context(active_test=False)
            .search([("lookup", "=", self._lookup(text))])
        )
        return self.browse(found_sudo.sorted("active", reverse=True)[:1].ids)

    @api.model
    def _parse(self, text):
        """Tell what a text is; see :class:`ParsedCredential`. No text raises."""
        return self._parse_many([text])[0]

    @api.model
    def _parse_many(self, texts):
        """Tell what many texts are, with one query for all of them.

        A lookup that finds a stored credential is proof of issue already: the
        signature matters for codes that are not found.
        """
        normalised = [t1.normalise(text) for text in texts]
        tokens = {}
        for text in normalised:
            if t1.is_token(text) and text not in tokens:
                try:
                    tokens[text] = t1.parse(text)
                except t1.T1Error:
                    tokens[text] = None
        numbers = {parsed[0].number for parsed in tokens.values() if parsed}
        codes = self._site_codes(numbers)
        hash_of = self.env["scenic.signing.key"]._hash
        result = []
        for text in normalised:
            if text in tokens:
                genuine = tokens[text] and self._is_genuine(*tokens[text], codes)
                result.append(
                    ParsedCredential(
                        "qr",
                        text,
                        "ok" if genuine else "forged",
                        tokens[text][0].number if genuine else None,
                        hash_of(text),
                    )
                )
            elif barcode1d.is_valid(text):
                result.append(
                    ParsedCredential("barcode", text, "ok", None, hash_of(text))
                )
            else:
                result.append(ParsedCredential("unknown", text, "unknown", None, None))
        return result

    @api.model
    def _site_codes(self, numbers):
        """Return ``{ticket number: code of the issuing site}``."""
        # a code may carry any 8-byte number, the column holds 4 bytes
        numbers = [number for number in numbers if number < 2**31]
        if not numbers:
            return {}
        self.env["scenic.ticket"].flush_model(["number", "site_id"])
        return dict(
            self.env.execute_query(
                SQL(
                    "SELECT t.number, s.code FROM scenic_ticket t "
                    "JOIN scenic_site s ON s.id = t.site_id WHERE t.number IN %s",
                    tuple(numbers),
                )
            )
        )

    @api.model
    def _is_genuine(self, values, payload, signature, codes):
        """Verify a signature for the site that issued the ticket number."""
        public_key = self.env["scenic.signing.key"]._public_key(values.kid)
        code = codes.get(values.number)
        return (
            public_key is not None
            and code is not None
            and t1.verify(public_key, code, payload, signature)
        )
