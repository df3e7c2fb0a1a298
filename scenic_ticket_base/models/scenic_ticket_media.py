"""What opens a ticket: signed codes, cards and the documents of its holders."""

from odoo import models
from odoo.tools import SQL

from ..exceptions import BookingError
from ..tools import barcode1d, t1
from ..tools.lock_first import locks_first
from .scenic_credential import CODES, LIVE_STATES

KEPT_TOKENS = 10_000  # by a cursor, which may live as long as a cron job


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    # ------------------------------------------------------------------
    # Codes
    # ------------------------------------------------------------------

    def _issue_credentials(self, issues=None):
        """Create QR and 1-D credentials of tickets in one batch.

        :param dict issues: ``{ticket id: which issue}``, by default the first one
        :return: the credentials
        """
        # sudo: nobody may create credentials or read the key
        tickets_sudo = self.sudo()
        key_sudo = self.env["scenic.signing.key"].sudo()._active()
        # once for all tickets: each look at the key file costs as much as a signature
        hash_of, private_key = key_sudo._hasher(), key_sudo._private_key()
        secret = key_sudo._data().barcode_secret
        values = []
        for ticket_sudo in tickets_sudo:
            issue = (issues or {}).get(ticket_sudo.id, 0)
            for kind, code, key_id in (
                ("qr", ticket_sudo._sign(key_sudo, issue, private_key), key_sudo.id),
                ("barcode", ticket_sudo._barcode_digits(issue, secret), False),
            ):
                values.append(
                    {
                        "ticket_id": ticket_sudo.id,
                        "company_id": ticket_sudo.company_id.id,
                        "kind": kind,
                        "lookup": hash_of(code),
                        "issue": issue,
                        "active": True,
                        "signing_key_id": key_id,
                    }
                )
        # sudo: no user has the right to write what belongs to a ticket
        return self.env["scenic.credential"].sudo()._bulk_create(values)

    @locks_first(lambda tickets: tickets._lock_names())
    def _reissue(self, reason):
        """Give tickets new codes; the old ones open nothing from this moment on.

        To be called, too, after a change of what a code says (days, persons). The
        number of queries does not grow with the number of tickets.

        :return: the new credentials
        :raise TicketStateError:
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_state(LIVE_STATES)
        self.env["scenic.credential"].flush_model()
        rows = self.env.execute_query(
            SQL(
                "SELECT ticket_id, max(issue) FROM scenic_credential "
                "WHERE ticket_id IN %s AND kind IN %s GROUP BY ticket_id",
                tuple(tickets_sudo.ids) or (0,),
                CODES,
            )
        )
        old_sudo = (
            self.env["scenic.credential"]
            # sudo: no user has the right to write what belongs to a ticket
            .sudo()
            .search([("ticket_id", "in", tickets_sudo.ids), ("kind", "in", CODES)])
        )
        old_sudo._write_state("replaced")
        new_sudo = tickets_sudo._issue_credentials(
            {ticket_id: issue + 1 for ticket_id, issue in rows}
        )
        new_sudo.flush_recordset()
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_credential o SET replaced_by_id = n.id "
                "FROM scenic_credential n WHERE o.id IN %s AND n.id IN %s "
                "AND n.ticket_id = o.ticket_id AND n.kind = o.kind",
                tuple(old_sudo.ids) or (0,),
                tuple(new_sudo.ids) or (0,),
            )
        )
        old_sudo.invalidate_recordset(["replaced_by_id"])
        self.env["scenic.audit"]._log("credential_replace", old_sudo, reason=reason)
        return new_sudo

    def _sign(self, key, issue=0, private_key=None):
        """Return the T1 text of this ticket, signed with a key.

        :param private_key: that of the key, to sign many
        :raise BookingError: a value does not fit the T1 format
        """
        self.ensure_one()
        # whoever issues tickets prints them in the same transaction
        known = self.env.cr.cache.setdefault("scenic_qr_tokens", {})
        if (self.id, issue, key.id) in known:
            return known[self.id, issue, key.id]
        try:
            payload = t1.T1Payload(
                kid=key.kid,
                number=t1.medium_number(self.number, issue),
                product_class=self.product_id.scenic_class_code,
                date_first=self.date_first,
                span_days=min(self.span_days, t1.MAX_SPAN),
                persons=self.persons,
            )
            token = t1.sign(
                private_key or key._private_key(), self.site_id.code, payload
            )
        except t1.T1Error as error:
            raise BookingError(
                self.env._(
                    "Ticket %(ticket)s cannot be signed: %(detail)s.",
                    ticket=self.name,
                    detail=error,
                ),
                code="TICKET_NOT_SIGNABLE",
            ) from error
        if len(known) >= KEPT_TOKENS:
            known.clear()
        known[self.id, issue, key.id] = token
        return token

    def _codes(self, kind):
        """Return the newest QR or 1-D credential of each ticket, as superuser.

        :return: dict of tickets, as superuser, to ``scenic.credential``, maybe none
        """
        # sudo: the codes of tickets that the caller has, not of the key
        tickets_sudo = self.sudo()
        codes = dict.fromkeys(tickets_sudo, tickets_sudo.env["scenic.credential"])
        for code_sudo in tickets_sudo.credential_ids.sorted("id"):
            if code_sudo.kind == kind:
                codes[code_sudo.ticket_id] = code_sudo
        return codes

    def _code(self, kind):
        """Return the newest QR or 1-D credential, as superuser."""
        self.ensure_one()
        [code_sudo] = self._codes(kind).values()
        return code_sudo

    def _qr_tokens(self):
        """Return the T1 texts of the tickets' QRs: ``{ticket id: text}``.

        They are made anew each time and never stored: the same ticket gives the same
        text, also after the signing key was rotated.
        """
        tokens, private_keys = {}, {}
        for ticket_sudo, code_sudo in self._codes("qr").items():
            key_sudo = code_sudo.signing_key_id
            if key_sudo not in private_keys:
                private_keys[key_sudo] = key_sudo._private_key()
            tokens[ticket_sudo.id] = ticket_sudo._sign(
                key_sudo, code_sudo.issue, private_keys[key_sudo]
            )
        return tokens

    def _qr_token(self):
        """Return the T1 text of the ticket's QR."""
        self.ensure_one()
        return self._qr_tokens()[self.id]

    def _barcode_numbers(self):
        """Return the 22 digits of the tickets' 1-D codes: ``{ticket id: digits}``."""
        if not self:
            return {}
        # sudo: derived with a secret that no user may read
        secret = self.env["scenic.signing.key"].sudo()._data().barcode_secret
        return {
            ticket_sudo.id: ticket_sudo._barcode_digits(code_sudo.issue, secret)
            for ticket_sudo, code_sudo in self._codes("barcode").items()
        }

    def _barcode_number(self):
        """Return the 22 digits of the ticket's 1-D code."""
        self.ensure_one()
        return self._barcode_numbers()[self.id]

    def _barcode_digits(self, issue, secret):
        self.ensure_one()
        return barcode1d.encode(secret, t1.medium_number(self.number, issue))

    # ------------------------------------------------------------------
    # Cards, documents and holders
    # ------------------------------------------------------------------

    @locks_first(lambda tickets: tickets._lock_names())
    def _add_medium(self, kind, number, reason=None):
        """Let a card or document open these tickets, which are of one person.

        :param str kind: ``ic_card``, ``id_document`` or ``staff_card``
        :param str number: as it was read or typed
        :return: the credentials, one a ticket
        :raise CredentialError: ``MEDIUM_KIND``, ``MEDIUM_INVALID``, ``MEDIUM_TAKEN``
        :raise TicketStateError:
        """
        # sudo: nobody may create credentials; callers answer for the right
        tickets_sudo = self.sudo()
        tickets_sudo._lock()
        tickets_sudo._check_state(LIVE_STATES)
        media_sudo = self.env["scenic.credential"]._give(
            tickets_sudo, kind, number, reason
        )
        return self.env["scenic.credential"].browse(media_sudo.ids)

    def _medium_owner(self):
        """Return who owns the cards of this ticket: a person, else the order."""
        self.ensure_one()
        return self.visitor_id or self.booking_id

    def _end_media(self):
        """Take codes and cards out of use, and free the documents of the holders."""
        self.credential_ids.filtered("active").write({"state": "ended"})
        self._release_holders()

    def _release_holders(self):
        """Free the documents of tickets that are given back, at once.

        A person who stands for a whole order keeps standing for its other tickets.
        """
        for holder in self.holder_ids.filtered("live"):
            line = holder.booking_line_id
            others = line.ticket_ids.filtered(
                lambda t: t.state in LIVE_STATES and t not in self
            )
            if line.product_id.scenic_real_name == "order" and others:
                holder.ticket_id = others[0]
            else:
                holder._release()

    def _hand_on(self, old_visitor, new_visitor, reason):
        """Make another person the holder; what the first one has opens nothing."""
        media = self.credential_ids.filtered("active")
        media.filtered(lambda c: c.kind not in CODES)._write_state("ended")
        self._reissue(reason)
        for ticket in self:
            if ticket.visitor_id in (old_visitor, ticket.visitor_id.browse()):
                ticket.visitor_id = new_visitor
        people = self.holder_ids.filtered("live").visitor_id | new_visitor
        self.env["scenic.ticket.holder"]._issue_documents(
            [(t, v) for t in self for v in people if v.doc_lookup]
        )

    def _take_documents(self, visitors):
        """Let the documents of persons who do not come open these tickets no more."""
        lookups = set(visitors.mapped("doc_lookup")) - {False}
        media = self.credential_ids.filtered(
            lambda c: c.active and c.kind == "id_document" and c.lookup in lookups
        )
        media._write_state("ended")
        for ticket in self.filtered(lambda t: t.visitor_id in visitors):
            ticket.visitor_id = ticket.holder_ids.filtered("live").visitor_id[:1]
