from collections import defaultdict
from datetime import datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL, format_amount, format_date

from ..exceptions import (
    BookingError,
    CapacityError,
    ReasonMissingError,
    RefundError,
    TicketReservedError,
    TicketStateError,
    TicketUsedError,
)
from ..tools import barcode1d, images, refund_terms, t1
from ..tools.lock_first import locks_first
from .product_template import TICKET_KINDS
from .scenic_credential import CODES, LIVE_STATES

# Who sees the names on tickets
PEOPLE_READERS = (
    "scenic_ticket_base.group_scenic_cashier,"
    "scenic_ticket_base.group_scenic_gate_operator,"
    "scenic_ticket_base.group_scenic_customer_service,"
    "scenic_ticket_base.group_scenic_auditor"
)

TICKET_STATES = [
    ("held", "Held"),
    ("valid", "Valid"),
    ("part_used", "Partly Used"),
    ("used", "Used"),
    ("frozen", "Frozen"),
    ("expired", "Expired"),
    ("refunded", "Refunded"),
    ("void", "Void"),
]

PRINTERS = (
    "scenic_ticket_base.group_scenic_cashier",
    "scenic_ticket_base.group_scenic_customer_service",
)

# Who takes tickets back, and so may ask for an exception
REFUND_ASKERS = (
    "scenic_ticket_base.group_scenic_cashier",
    "scenic_ticket_base.group_scenic_customer_service",
    "scenic_ticket_base.group_scenic_finance",
)


class ScenicTicket(models.Model):
    _name = "scenic.ticket"
    _description = "Ticket"
    _inherit = ["mail.thread", "portal.mixin", "scenic.bulk", "scenic.life.line"]
    _order = "number desc"

    number = fields.Integer(required=True, readonly=True, copy=False, aggregator=None)
    name = fields.Char(
        string="Ticket Number", required=True, readonly=True, copy=False, index=True
    )
    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    # Origin
    booking_id = fields.Many2one(
        "scenic.booking",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    booking_line_id = fields.Many2one(
        "scenic.booking.line",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    channel_id = fields.Many2one(
        related="booking_id.channel_id", store=True, index=True
    )
    site_id = fields.Many2one(
        "scenic.site",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True
    )
    currency_id = fields.Many2one(related="company_id.currency_id", store=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", readonly=True, index="btree_not_null"
    )
    # Right
    kind = fields.Selection(
        TICKET_KINDS,
        string="Ticket Kind",
        required=True,
        readonly=True,
        help="The kind of the ticket product at the sale.",
    )
    persons = fields.Integer(required=True, readonly=True)
    date_first = fields.Date(string="Valid from", required=True, readonly=True)
    span_days = fields.Integer(
        string="Days Valid", required=True, readonly=True, aggregator=None
    )
    date_last = fields.Date(
        string="Valid until", compute="_compute_date_last", help="Last valid day."
    )
    visit_date = fields.Date(readonly=True, index=True)
    slot_id = fields.Many2one(
        "scenic.slot",
        string="Time Slot",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    visitor_id = fields.Many2one(
        "scenic.visitor",
        string="Holder",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    membership_id = fields.Many2one(
        "scenic.membership",
        string="Member Card",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The card of which this ticket is one period.",
    )
    days_added = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        aggregator=None,
        help="Days that were added after the sale, for days on which the card was "
        "frozen. The signed code does not know them, the gate does.",
    )
    holder_ids = fields.One2many(
        "scenic.ticket.holder",
        "ticket_id",
        string="Visitors",
        readonly=True,
        groups=PEOPLE_READERS,
    )
    holders_missing = fields.Integer(
        string="Names Missing",
        compute="_compute_holders_missing",
        compute_sudo=True,
        help="How many persons of a ticket with real names are not known yet.",
    )
    first_entry_at = fields.Datetime(
        string="First Entry", readonly=True, help="When the first person passed."
    )
    entitlement_ids = fields.One2many(
        "scenic.entitlement", "ticket_id", string="Entitlements", readonly=True
    )
    credential_ids = fields.One2many(
        "scenic.credential",
        "ticket_id",
        string="Credentials",
        readonly=True,
        context={"active_test": False},
    )
    state = fields.Selection(
        TICKET_STATES,
        required=True,
        readonly=True,
        default="held",
        index=True,
    )
    print_count = fields.Integer(
        string="Prints", required=True, readonly=True, copy=False, default=0
    )
    # Money
    # required: in a CHECK NULL would let all pass
    amount_untaxed = fields.Monetary(
        string="Untaxed Amount", required=True, readonly=True
    )
    amount_total = fields.Monetary(string="Price", required=True, readonly=True)
    amount_recognised = fields.Monetary(
        string="Recognised", required=True, readonly=True, default=0
    )
    persons_refunded = fields.Integer(
        string="Refunded Persons", required=True, readonly=True, default=0
    )
    amount_refunded = fields.Monetary(
        string="Refunded",
        required=True,
        readonly=True,
        default=0,
        help="Part of the untaxed amount that was paid back.",
    )
    amount_open = fields.Monetary(
        string="Open Amount",
        compute="_compute_amount_open",
        store=True,
        help="What is still on the contract liability account for this ticket.",
    )
    refund_due = fields.Selection(
        [
            ("closure", "Closed"),
            ("expiry", "Not used"),
            ("void", "Voided"),
        ],
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The customer is owed what is left of the price, whatever the policy "
        "says: a refund is waiting to be made.",
    )
    breakage_at = fields.Datetime(
        string="Lapses on",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="When what was not used becomes revenue.",
    )
    refund_ids = fields.One2many(
        "scenic.refund",
        "ticket_id",
        string="Refunds",
        readonly=True,
        groups="scenic_ticket_base.group_scenic_cashier,"
        "scenic_ticket_base.group_scenic_customer_service,"
        "scenic_ticket_base.group_scenic_finance,"
        "scenic_ticket_base.group_scenic_auditor",
    )
    refund_ref = fields.Char(
        string="Refund Document", readonly=True, copy=False, index="btree_not_null"
    )

    _number_unique = models.Constraint(
        "UNIQUE (number)", "A ticket with this number exists already."
    )
    _persons_range = models.Constraint(
        "CHECK (persons BETWEEN 1 AND 255)", "A ticket is for 1 to 255 persons."
    )
    _amounts = models.Constraint(
        "CHECK (amount_untaxed >= 0 AND amount_total >= 0 AND amount_refunded >= 0 "
        "AND amount_recognised + amount_refunded <= amount_untaxed "
        "AND persons_refunded BETWEEN 0 AND persons)",
        "A ticket cannot earn and pay back more than its price.",
    )

    def init(self):
        self.env.cr.execute(
            "CREATE SEQUENCE IF NOT EXISTS scenic_ticket_number_seq MAXVALUE 2147483647"
        )

    @api.depends("date_first", "span_days", "days_added")
    def _compute_date_last(self):
        for ticket in self:
            ticket.date_last = ticket.date_first and fields.Date.add(
                ticket.date_first, days=ticket.span_days + ticket.days_added - 1
            )

    @api.depends("persons", "persons_refunded", "product_id", "holder_ids.live")
    def _compute_holders_missing(self):
        for ticket in self:
            template = ticket.product_id.product_tmpl_id
            missing = 0
            if template.scenic_real_name == "visitor":
                named = len(ticket.holder_ids.filtered("live"))
                missing = max(ticket.persons - ticket.persons_refunded - named, 0)
            ticket.holders_missing = missing

    @api.depends(
        "amount_untaxed",
        "amount_recognised",
        "amount_refunded",
        "state",
        "currency_id",
    )
    def _compute_amount_open(self):
        for ticket in self:
            ticket.amount_open = (
                ticket.currency_id.round(
                    ticket.amount_untaxed
                    - ticket.amount_recognised
                    - ticket.amount_refunded
                )
                if ticket.state != "held"
                else 0
            )

    def _compute_access_url(self):
        res = super()._compute_access_url()
        for ticket in self:
            ticket.access_url = f"/scenic/ticket/{ticket.id}"
        return res

    def _page_url(self, suffix=""):
        """Return the address of the public page, its secret included.

        Whoever has it may show the ticket: give it to the holder only.
        """
        self.ensure_one()
        # sudo: the secret may be missing on a ticket that the caller may only read
        token = self.sudo()._portal_ensure_token()
        return f"/scenic/ticket/{self.id}{suffix}?{urlencode({'access_token': token})}"

    def action_print(self):
        """Print the tickets; each print is counted."""
        self._check_printable()
        self._count_print()
        return self.env.ref(
            "scenic_ticket_base.action_report_scenic_ticket"
        ).report_action(self)

    # ------------------------------------------------------------------
    # Codes
    # ------------------------------------------------------------------

    @api.model
    def _next_numbers(self, count):
        """Return new ticket numbers, one query for all."""
        self.env.cr.execute(
            SQL(
                "SELECT nextval('scenic_ticket_number_seq') "
                "FROM generate_series(1, %s)",
                count,
            )
        )
        return [number for (number,) in self.env.cr.fetchall()]

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

    def _medium_owner(self):
        """Return who owns the cards of this ticket: a person, else the order."""
        self.ensure_one()
        return self.visitor_id or self.booking_id

    def _sign(self, key, issue=0, private_key=None):
        """Return the T1 text of this ticket, signed with a key.

        :param private_key: that of the key, to sign many
        :raise BookingError: a value does not fit the T1 format
        """
        self.ensure_one()
        try:
            payload = t1.T1Payload(
                kid=key.kid,
                number=t1.medium_number(self.number, issue),
                product_class=self.product_id.scenic_class_code,
                date_first=self.date_first,
                span_days=min(self.span_days, t1.MAX_SPAN),
                persons=self.persons,
            )
            return t1.sign(
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

    def _code(self, kind):
        """Return the newest QR or 1-D credential, as superuser."""
        self.ensure_one()
        # sudo: the code of a ticket that the caller has, not of the key
        codes_sudo = self.sudo().credential_ids.filtered(lambda c: c.kind == kind)
        return codes_sudo.sorted("id")[-1:]

    def _qr_token(self):
        """Return the T1 text of the ticket's QR.

        It is made anew each time and never stored: the same ticket gives the same
        text, also after the signing key was rotated.
        """
        self.ensure_one()
        credential_sudo = self._code("qr")
        # sudo: no user has the right to write what belongs to a ticket
        return self.sudo()._sign(credential_sudo.signing_key_id, credential_sudo.issue)

    def _barcode_number(self):
        """Return the 22 digits of the ticket's 1-D code."""
        self.ensure_one()
        return self._barcode_digits(self._code("barcode").issue)

    def _barcode_digits(self, issue, secret=None):
        self.ensure_one()
        if not secret:
            # sudo: derived with a secret that no user may read
            secret = self.env["scenic.signing.key"].sudo()._data().barcode_secret
        return barcode1d.encode(secret, t1.medium_number(self.sudo().number, issue))

    def _barcode_text(self):
        """Return the 22 digits in groups for a person."""
        return barcode1d.grouped(self._barcode_number())

    def _qr_image(self):
        """Return the QR as a data URI, to put into pages that must not fetch."""
        return images.qr_data_uri(self._qr_token())

    def _barcode_image(self):
        """Return the Code128-C bars as a data URI."""
        return images.code128_data_uri(self._barcode_number())

    def _product_name(self):
        """Return the name of the ticket product as visitors know it."""
        self.ensure_one()
        return self.product_id.with_context(display_default_code=False).display_name

    def _price_text(self):
        """Return the price for a person."""
        self.ensure_one()
        return format_amount(self.env, self.amount_total, self.currency_id)

    def _places_text(self):
        """Return what the ticket admits to, for a person."""
        self.ensure_one()
        return " · ".join(
            self.env._(
                "%(place)s %(entries)s×",
                place=entitlement.display_name,
                entries=entitlement.entries_total // self.persons,
            )
            for entitlement in self.entitlement_ids
        )

    def _check_printable(self):
        """Check that the codes of these tickets may be printed.

        :raise AccessError: reading is not enough, a print is a means of entry
        :raise TicketStateError: the ticket is worth nothing any more
        """
        self.check_access("read")
        if not self.env.su and not any(map(self.env.user.has_group, PRINTERS)):
            raise AccessError(
                self.env._("Only cashiers and customer service may print tickets.")
            )
        for ticket in self:
            if not ticket._shows_codes():
                ticket._raise_state()

    def _shows_codes(self):
        """Tell whether the codes may still be shown to the holder.

        Those of a ticket that is over for long cannot: its signing key is gone.
        """
        self.ensure_one()
        return (
            self.state not in ("held", "refunded", "void")
            and self._code("qr").signing_key_id.state != "purged"
        )

    def _validity_text(self):
        """Return the valid days for a person."""
        self.ensure_one()
        first = format_date(self.env, self.date_first)
        last = format_date(self.env, self.date_last)
        if first == last:
            return first
        return self.env._("%(first)s to %(last)s", first=first, last=last)

    # ------------------------------------------------------------------
    # Reservation
    # ------------------------------------------------------------------

    @locks_first(lambda tickets: tickets._lock_names())
    def _reserve(self, day, slot=None):
        """Reserve a day, or a time slot of it, for tickets that have no date.

        Called again for the same day with another slot it swaps the slot. Gates look
        for a sold hold of the ticket with the site and the date.

        :param date day: the day of the visit
        :param slot: a ``scenic.slot`` of that day
        :return: the ``scenic.capacity.hold`` records
        :raise CapacityError: DATE_MISSING, DATE_OUTSIDE, and as
            ``scenic.capacity.pool._take``
        :raise TicketStateError: the ticket is not valid
        """
        if not day:
            raise CapacityError(
                self.env._("Please say the visit date."), code="DATE_MISSING"
            )
        # sudo: no user may write tickets or holds; callers answer for the right
        tickets_sudo = self.sudo()
        tickets_sudo._lock()
        tickets_sudo._check_state(("valid", "part_used"))
        pools = self.env["scenic.capacity.pool"]
        holds_sudo = self.env["scenic.capacity.hold"].sudo()
        with self.env.cr.savepoint():
            for ticket_sudo in tickets_sudo:
                ticket_sudo._check_reservable(day)
                mine_sudo = ticket_sudo._reservations(day)
                wanted = slot if slot else self.env["scenic.slot"]
                if mine_sudo and mine_sudo.slot_id == wanted:
                    holds_sudo += mine_sudo
                    continue
                mine_sudo._free()
                holds_sudo += pools._reserve(ticket_sudo, day, wanted)
        return holds_sudo

    @locks_first(lambda tickets: tickets._lock_names())
    def _unreserve(self, day=None):
        """Give the reservations of a day back, or all of them."""
        # sudo: no user may write holds; callers answer for the right
        self.sudo()._reservations(day)._free()

    def _reservations(self, day=None):
        """Return the living reservations made after the sale."""
        domain = [("ticket_id", "in", self.ids), ("state", "=", "sold")]
        if day:
            domain.append(("date", "=", day))
        return self.env["scenic.capacity.hold"].sudo().search(domain)

    def _check_reservable(self, day):
        """Check that a ticket can be used on a day.

        :raise CapacityError: DATE_OUTSIDE
        """
        self.ensure_one()
        zone = ZoneInfo(self.site_id.tz)
        start, end = (
            datetime.combine(moment, time.min, tzinfo=zone)
            .astimezone(ZoneInfo("UTC"))
            .replace(tzinfo=None)
            for moment in (day, day + timedelta(days=1))
        )
        now = fields.Datetime.now()
        if (
            self.kind == "staff"
            or end <= now
            or not any(
                right.valid_from < end and start < right.valid_to
                for right in self.entitlement_ids
            )
        ):
            raise CapacityError(
                self.env._(
                    "Ticket %(ticket)s cannot be used on %(date)s.",
                    ticket=self.name,
                    date=format_date(self.env, day),
                ),
                code="DATE_OUTSIDE",
            )

    # ------------------------------------------------------------------
    # State
    # ------------------------------------------------------------------

    def _refund_quote(self, persons=None, entitlements=None, at=None, override=None):
        """Tell what a refund of this ticket would pay back; nothing changes.

        :param int persons: so many persons of a group
        :param entitlements: these components; with neither: all that is left
        :param datetime at: the moment that counts, by default now
        :param override: a ``scenic.refund.override`` that was agreed to
        :return: dict with ``allowed``, ``code``, ``message`` (why not and what to do,
            or False), ``persons``, ``value_total``, ``fee_total``, ``fee_untaxed``,
            ``amount_untaxed``, ``amount_tax``, ``amount_total``
        :raise RefundError: what is asked for makes no sense
        """
        self.ensure_one()
        # sudo: the terms and the money of a ticket that the caller has
        ticket_sudo = self.sudo()
        plan = self.env["scenic.refund"]._plan(
            ticket_sudo,
            persons,
            entitlements and entitlements.sudo(),
            override and override.sudo(),
            at,
        )
        decision, money = plan.decision, self._money
        return {
            "allowed": decision.allowed,
            "code": decision.code,
            "message": (
                False
                if decision.allowed
                else ticket_sudo._refund_message(decision.code)
            ),
            "persons": plan.heads,
            "value_total": money(plan.value_total),
            "fee_total": money(decision.fee),
            "fee_untaxed": money(plan.value_untaxed - plan.untaxed),
            "amount_untaxed": money(plan.untaxed),
            "amount_tax": money(plan.tax),
            "amount_total": money(decision.amount),
        }

    @locks_first(lambda tickets: tickets._lock_names())
    def _refund(
        self,
        document_ref,
        reason,
        persons=None,
        entitlements=None,
        override=None,
        serial=None,
        **extra,
    ):
        """Pay tickets back, for the document that moves the money.

        What each ticket pays back is what :meth:`_refund_quote` says at this moment;
        the fee becomes revenue. All or none: nothing changes if one of the tickets
        cannot be refunded.

        :param str document_ref: name of the refund order or credit note
        :param str reason: for the audit trail
        :param int persons: so many persons of a group ticket
        :param entitlements: these components; with neither: all that is left
        :param override: a ``scenic.refund.override`` that was agreed to
        :param str serial: number that a channel gave this refund; called again with
            the same document and number it returns the first refund
        :param extra: more values of the refunds (fields of other modules)
        :return: the ``scenic.refund`` records, one for each ticket
        :raise TicketUsedError, TicketReservedError, TicketStateError:
        :raise RefundError: the policy does not grant it; its code says why
        :raise OverrideError: the exception does not hold for this
        """
        if not (document_ref or "").strip():
            raise TicketStateError(
                self.env._("A refund needs the document that pays the money back."),
                code="REFUND_DOCUMENT_MISSING",
            )
        tickets_sudo = self._lock_for_change(reason)
        document, reason = document_ref.strip(), reason.strip()
        before = {ticket.id: {"state": ticket.state} for ticket in tickets_sudo}
        known_sudo = tickets_sudo.refund_ids
        refunds_sudo = self.env["scenic.refund"]._make(
            tickets_sudo,
            document,
            reason,
            persons=persons,
            # sudo: no user has the right to write what belongs to a ticket
            rights=entitlements and entitlements.sudo(),
            override=override,
            serial=serial,
            **extra,
        )
        new_sudo = refunds_sudo - known_sudo
        paid_sudo = new_sudo.ticket_id
        paid_sudo._write_quiet({"refund_ref": document})
        paid_sudo.flush_recordset()
        paid_sudo._log(
            self.env._(
                "Refunded by %(document)s: %(reason)s",
                document=document,
                reason=reason,
            )
        )
        self.env["scenic.audit"]._log(
            "ticket_refund",
            paid_sudo,
            reason=reason,
            document=document,
            before={id_: before[id_] for id_ in paid_sudo.ids},
            after={
                refund_sudo.ticket_id.id: {
                    "state": refund_sudo.ticket_id.state,
                    "persons_refunded": refund_sudo.ticket_id.persons_refunded,
                    "amount_refunded": refund_sudo.ticket_id.amount_refunded,
                }
                for refund_sudo in new_sudo
            },
        )
        return self.env["scenic.refund"].browse(refunds_sudo.ids)

    def _pay_back_due(self, reason):
        """Pay back what is owed for tickets of channels whose document can do so.

        Here no document moves money: a window pays back what it sold, an OTA asks
        for it. Other modules make their document.

        :param str reason: why it is owed
        :return: names of the documents made, or an empty text
        """
        return ""

    def _refund_terms(self):
        """Return the terms that were frozen at the sale."""
        self.ensure_one()
        return self.booking_line_id.refund_terms or refund_terms.DEFAULT_TERMS

    def _refund_message(self, code):
        """Return why a ticket is not refunded, and what can be done about it."""
        self.ensure_one()
        messages = {
            "REFUND_NOT_PAID": self.env._(
                "Ticket %(ticket)s is not paid yet. Release the booking instead."
            ),
            "REFUND_PARTIAL": self.env._(
                "Ticket %(ticket)s is refunded as a whole, by its refund policy. "
                "Refund all of it, or ask a supervisor for an exception."
            ),
            "REFUND_TOO_LATE": self.env._(
                "It is too late to refund ticket %(ticket)s, by its refund policy. "
                "Offer another date, or ask a supervisor for an exception."
            ),
            "REFUND_NOT_ALLOWED": self.env._(
                "Ticket %(ticket)s is not refundable, by its refund policy. Offer "
                "another date, or ask a supervisor for an exception."
            ),
            "REFUND_EXPIRED": self.env._(
                "Ticket %(ticket)s has expired and is not refunded any more, by its "
                "refund policy. A supervisor can ask for an exception."
            ),
            "TICKET_USED": self.env._(
                "Ticket %(ticket)s was used for admission already. What was used is "
                "not refunded; a supervisor can ask for an exception."
            ),
        }
        messages["CHANGE_TOO_OFTEN"] = self.env._(
            "Ticket %(ticket)s was changed as often as its policy allows."
        )
        messages["CHANGE_TOO_LATE"] = self.env._(
            "It is too late to change ticket %(ticket)s, by its refund policy."
        )
        template = messages.get(code)
        if template:
            return template % {"ticket": self.name}
        return self._state_message()

    def _raise_refund(self, code):
        message = self._refund_message(code)
        if code == "TICKET_USED":
            raise TicketUsedError(message)
        if code.startswith("TICKET_"):
            raise TicketStateError(message, code=code)
        raise RefundError(message, code=code)

    def _visit_start(self):
        """Return when the visit starts, as refunds and changes count back from it.

        The start of the slot, or of admission on the visit day, or for a ticket
        without a day on its last valid day. Naive UTC.
        """
        self.ensure_one()
        if self.slot_id:
            return self.slot_id.start
        rights = self.entitlement_ids
        day = self.visit_date or self.date_last
        minutes = min(rights.mapped("minute_from"), default=0)
        midnight = fields.Datetime.to_datetime(day)
        local = fields.Datetime.add(midnight, minutes=minutes)
        zone = ZoneInfo(self.site_id.tz)
        start = local.replace(tzinfo=zone).astimezone(ZoneInfo("UTC"))
        start = start.replace(tzinfo=None)
        if self.visit_date:
            return max([start, *rights.mapped("valid_from")[:1]])
        return start

    def _card_days(self, now):
        """Return how many days of a period are left at a moment, and how many it has.

        By the clock of the site; the current day counts as left.
        """
        self.ensure_one()
        zone = ZoneInfo(self.site_id.tz)
        today = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()
        total = self.span_days + self.days_added
        left = (self.date_last - max(today, self.date_first)).days + 1
        return {"days_left": max(0, left), "days_total": total}

    def _money(self, cents):
        """Return whole cents as an amount of the company's currency."""
        return self.currency_id.round(cents * self.currency_id.rounding)

    def _money_sums(self):
        """Return the money of this ticket, added up from its rights."""
        self.ensure_one()
        rights = self.entitlement_ids
        return {
            name: self.currency_id.round(sum(rights.mapped(name)))
            for name in ("amount_recognised", "amount_refunded")
        }

    def _state_after_refund(self, ends):
        """Return the state once parts were paid back.

        :param bool ends: nothing of the price is left
        """
        self.ensure_one()
        slots = [right._slots() for right in self.entitlement_ids]
        free = any(slot.free for slot in slots)
        used = any(right.entries_used for right in self.entitlement_ids)
        if ends or (not free and (not used or self.kind == "member")):
            return "refunded"
        if self.state in ("expired", "void"):
            return self.state
        if not free:
            return "used"
        return "part_used" if used else "valid"

    @locks_first(lambda tickets: tickets._lock_names())
    def _void(self, reason, forfeit=False):
        """Make tickets worthless for admission.

        :param bool forfeit: their price becomes revenue at once; else it is owed to
            the customer until a refund pays it back
        :raise TicketUsedError, TicketReservedError, TicketStateError:
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_unused()
        tickets_sudo._check_state(("held", "valid", "frozen"))
        due_sudo = tickets_sudo.filtered(
            lambda t: not forfeit and t.state != "held" and t.amount_open
        )
        due_sudo._mark_due("void")
        tickets_sudo._end(
            {"state": "void"},
            self.env._("Voided: %(reason)s", reason=reason.strip()),
            "ticket_void",
            reason,
        )
        self._release_places(
            [(t, t.persons - t.persons_refunded) for t in tickets_sudo]
        )
        if forfeit:
            self.env["scenic.revenue.entry"]._lapse(tickets_sudo, "void")

    @api.model
    def _release_places(self, heads):
        """Give the places of persons back who will not come.

        lock: tickets before places, as whoever moves a visit does.

        :param list heads: ``[(ticket, persons)]``, as superuser
        """
        persons = defaultdict(int)
        for ticket_sudo, count in heads:
            persons[ticket_sudo.booking_line_id] += count
        # sudo: no user has the right to write what belongs to a ticket
        pools_sudo = self.env["scenic.capacity.pool"].sudo()
        by_count = defaultdict(self.env["scenic.booking.line"].browse)
        for line_sudo, count in persons.items():
            by_count[count] |= line_sudo
        for count, lines_sudo in by_count.items():
            pools_sudo._release(lines_sudo, persons=count)
        leaving = dict(heads)
        for hold_sudo in self.browse([t.id for t in leaving])._reservations():
            hold_sudo._free(leaving[hold_sudo.ticket_id])

    @locks_first(lambda tickets: tickets._lock_names())
    def _forfeit(self, reason):
        """Give up what is owed for expired or void tickets: it becomes revenue.

        :raise TicketStateError: the ticket can still be used
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_state(("expired", "void"))
        for trigger, state in (("breakage", "expired"), ("void", "void")):
            given_up_sudo = tickets_sudo.filtered(lambda t, s=state: t.state == s)
            self.env["scenic.revenue.entry"]._lapse(given_up_sudo, trigger)
        tickets_sudo._log(
            self.env._("Given up, it became revenue: %(reason)s", reason=reason.strip())
        )
        self.env["scenic.audit"]._log(
            "revenue_change", tickets_sudo, reason=reason, after={"forfeit": True}
        )

    def _mark_due(self, cause):
        """Note that the customer is owed what is left of the price."""
        self.entitlement_ids.write({"refund_due": True})
        self._write_quiet({"refund_due": cause, "breakage_at": False})

    @locks_first(lambda tickets: tickets._lock_names())
    def _freeze(self, reason, of_card=False):
        """Suspend tickets until :meth:`_unfreeze`.

        :param bool of_card: the member card freezes, whose periods the tickets are
        :raise TicketStateError:
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_of_card(of_card)
        tickets_sudo._check_state(("valid", "part_used"))
        self.env["scenic.revenue.entry"]._earn_days(tickets_sudo)
        tickets_sudo._write_state({"state": "frozen"}, "ticket_freeze", reason)
        tickets_sudo._log(self.env._("Frozen: %(reason)s", reason=reason.strip()))

    @locks_first(lambda tickets: tickets._lock_names())
    def _unfreeze(self, reason, of_card=False):
        """Give frozen tickets back to their holders.

        :raise TicketStateError:
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_of_card(of_card)
        tickets_sudo._check_state(("frozen",))
        self.env["scenic.revenue.entry"]._skip_days(tickets_sudo)
        used_sudo = tickets_sudo.filtered(
            lambda t: any(e.entries_used for e in t.entitlement_ids)
        )
        used_sudo._write_state({"state": "part_used"}, "ticket_unfreeze", reason)
        (tickets_sudo - used_sudo)._write_state(
            {"state": "valid"}, "ticket_unfreeze", reason
        )
        tickets_sudo._log(self.env._("Released: %(reason)s", reason=reason.strip()))

    @api.model
    def _cron_expire(self, limit=1000):
        """Mark tickets whose last window is over, then earn what has lapsed.

        A ticket that somebody else is changing is left for the next run. Each batch
        is a whole: a run that was killed is gone on with, and ends the same.
        """
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        for step in (self._expire_batch, self._lapse_batch):
            while count := step(limit):
                if in_cron and not cron._commit_progress(count, remaining=1):
                    return
        if in_cron:
            cron._commit_progress(remaining=0)

    @api.model
    def _expire_batch(self, limit):
        """Expire some tickets; return how many. Set-based, however many they are."""
        tickets = self._lock_expired(limit)
        if not tickets:
            return 0
        # terms: frozen at the sale, as _refund_terms()
        terms = "COALESCE(l.refund_terms, '{}'::jsonb)"
        self.env.cr.execute(
            SQL(
                f"""
                WITH facts AS (
                    SELECT t.id,
                           -- a card whose period is over is never paid back
                           CASE WHEN t.kind = 'member'
                               AND {terms} ->> 'at_expiry' = 'refund' THEN 'breakage'
                               ELSE COALESCE({terms} ->> 'at_expiry', 'keep')
                           END AS at_expiry,
                           t.amount_open > 0 AS has_money,
                           NOT ({terms} ? 'lapse_hours')
                               OR {terms} ->> 'lapse_hours' IS NOT NULL AS lapses,
                           max(e.valid_to) + COALESCE(
                               ({terms} ->> 'lapse_hours')::float, 0
                           ) * interval '1 hour' AS lapse_at
                      FROM scenic_ticket t
                      JOIN scenic_booking_line l ON l.id = t.booking_line_id
                      JOIN scenic_entitlement e ON e.ticket_id = t.id
                     WHERE t.id IN %(ids)s
                     GROUP BY t.id, l.refund_terms
                ), expired AS (
                    UPDATE scenic_ticket t
                       SET state = 'expired',
                           breakage_at = CASE WHEN f.has_money AND f.lapses
                               AND f.at_expiry = 'breakage' AND t.refund_due IS NULL
                               THEN f.lapse_at END,
                           refund_due = CASE WHEN f.has_money
                               AND f.at_expiry = 'refund' AND t.refund_due IS NULL
                               THEN 'expiry' ELSE t.refund_due END,
                           write_uid = %(uid)s, write_date = %(now)s
                      FROM facts f WHERE f.id = t.id
                    RETURNING t.id, t.refund_due
                )
                UPDATE scenic_entitlement e SET refund_due = TRUE
                  FROM expired x
                 WHERE e.ticket_id = x.id AND x.refund_due = 'expiry'
                """,
                ids=tuple(tickets.ids),
                uid=self.env.uid,
                now=fields.Datetime.now(),
            )
        )
        tickets.invalidate_recordset()
        tickets.entitlement_ids.invalidate_recordset()
        self.env["scenic.audit"]._log(
            "ticket_expire", tickets, after={"state": "expired"}
        )
        return len(tickets)

    @api.model
    def _lapse_batch(self, limit):
        """Earn what has lapsed of some expired tickets; return how many."""
        self.flush_model(["state", "breakage_at"])
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_ticket WHERE breakage_at <= %s "
                "ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
                fields.Datetime.now(),
                limit,
            )
        )
        tickets = self.browse(id_ for (id_,) in self.env.cr.fetchall())
        if tickets:
            self.env["scenic.revenue.entry"]._lapse(tickets, "breakage")
        return len(tickets)

    def _lock_expired(self, limit):
        """Return locked tickets that are to expire."""
        self.flush_model()
        self.env["scenic.entitlement"].flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT t.id FROM scenic_ticket t "
                "WHERE t.state IN ('valid', 'part_used') AND NOT EXISTS ("
                "SELECT 1 FROM scenic_entitlement e WHERE e.ticket_id = t.id "
                "AND (e.valid_to > %s OR e.entries_reserved > 0)) "
                "ORDER BY t.id LIMIT %s FOR NO KEY UPDATE OF t SKIP LOCKED",
                fields.Datetime.now(),
                limit,
            )
        )
        return self.browse(id_ for (id_,) in self.env.cr.fetchall())

    @locks_first(lambda tickets: tickets._lock_names())
    def _count_print(self, medium="document", terminal=None, document=None):
        """Count one more print of each ticket and keep who printed it and where.

        See ``scenic.print._record``. A reprint shows in the chatter.
        """
        # sudo: no user has the right to write tickets
        tickets_sudo = self.sudo()
        tickets_sudo._lock()
        for ticket_sudo in tickets_sudo:
            ticket_sudo.with_context(tracking_disable=True).print_count += 1
        self.env["scenic.print"]._record(tickets_sudo, medium, terminal, document)
        reprinted_sudo = tickets_sudo.filtered(lambda t: t.print_count > 1)
        reprinted_sudo._log(self.env._("Printed again"))

    @api.model
    def _get_thread_with_access(self, thread_id, **kwargs):
        # The token of a ticket shows the ticket. It neither reads nor writes the
        # audit trail, which holds the reasons of the staff.
        for name in ("hash", "pid", "token"):
            kwargs.pop(name, None)
        return super()._get_thread_with_access(thread_id, **kwargs)

    def _lock_for_change(self, reason):
        """Return the tickets as superuser, locked with their entitlements."""
        if not (reason or "").strip():
            raise ReasonMissingError(self.env._("Please give a reason."))
        # sudo: no user has the right to write tickets; callers answer for the right
        tickets_sudo = self.sudo()
        tickets_sudo._lock()
        return tickets_sudo

    def _lock_names(self):
        """Return the names of :func:`~..tools.lock_first.lock_first` for a change."""
        return self.sudo().booking_id._lock_names()  # sudo: only the ids

    def _lock(self):
        """Lock ticket rows, then entitlement rows, waiting for whoever holds them.

        lock: a gate locks in the same order, so a scan and a change of state meet
        at the ticket row and the later one sees what the earlier one did.
        """
        ids = tuple(self.ids) or (0,)
        self.flush_recordset()
        self.entitlement_ids.flush_recordset()
        for statement in (
            "SELECT id FROM scenic_ticket WHERE id IN %s",
            "SELECT id FROM scenic_entitlement WHERE ticket_id IN %s",
        ):
            # a scan that came first is no fault: the framework calls again
            self.env.cr.execute(
                SQL(f"{statement} ORDER BY id FOR NO KEY UPDATE", ids),
                log_exceptions=False,
            )
        self.invalidate_recordset()
        self.entitlement_ids.invalidate_recordset()

    def _check_of_card(self, of_card):
        """Refuse to freeze one period of a card: days and state are the card's."""
        for ticket in self:
            if ticket.membership_id and not of_card:
                raise TicketStateError(
                    self.env._(
                        "Ticket %(ticket)s is a period of card %(card)s. Please freeze "
                        "or release the card.",
                        ticket=ticket.name,
                        card=ticket.membership_id.name,
                    ),
                    code="TICKET_OF_CARD",
                )

    def _check_state(self, states):
        for ticket in self:
            if ticket.state not in states:
                ticket._raise_state()

    def _raise_state(self):
        raise TicketStateError(
            self._state_message(), code=f"TICKET_{self.state.upper()}"
        )

    def _state_message(self):
        selection = dict(self._fields["state"]._description_selection(self.env))
        return self.env._(
            "Ticket %(ticket)s is in state “%(state)s”: this is not possible.",
            ticket=self.name,
            state=selection[self.state],
        )

    def _check_unused(self):
        for ticket in self:
            if any(e.entries_used for e in ticket.entitlement_ids):
                raise TicketUsedError(
                    self.env._(
                        "Ticket %(ticket)s was used for admission already.",
                        ticket=ticket.name,
                    )
                )
        self._check_not_reserved()

    def _check_not_reserved(self):
        for ticket in self:
            if any(e.entries_reserved for e in ticket.entitlement_ids):
                raise TicketReservedError(
                    self.env._(
                        "Ticket %(ticket)s is at a gate at this moment. Try again in "
                        "a minute.",
                        ticket=ticket.name,
                    )
                )

    def _end(self, values, message, action, reason, document=None):
        """Write a final state and take the codes out of use.

        :param action, reason, document: for the audit trail
        """
        self._write_state(values, action, reason, document)
        self._end_media()
        self._log(message)

    def _write_state(self, values, action, reason=None, document=None):
        """Write a state, and who did it and why into the audit trail."""
        before = {ticket.id: {name: ticket[name] for name in values} for ticket in self}
        self._write_quiet(values)
        self.flush_recordset()
        self.env["scenic.audit"]._log(
            action, self, reason, before, after=values, document=document
        )

    def _write_quiet(self, values):
        # what was done and why is logged by the caller, so no tracking beside it
        self.with_context(tracking_disable=True).write(values)

    def _log(self, message):
        if self:
            self._message_log_batch(bodies={ticket.id: message for ticket in self})
