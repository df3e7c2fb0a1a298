"""A sold ticket: what it is worth, its fields, locks and changes of state.

Beside it: ``scenic_ticket_media`` (codes, cards and documents), ``_print``,
``_reservation``, ``_refund`` and ``_state`` (void, freeze, expire).
"""

from urllib.parse import urlencode

from odoo import api, fields, models
from odoo.tools import SQL

from ..exceptions import TicketReservedError, TicketStateError, TicketUsedError
from ..tools.guard import check_reason
from .product_template import TICKET_KINDS

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
        groups=PEOPLE_READERS,
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
        string="Amount Paid Back",
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
            ("closure", "Site Closed"),
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

    @api.model
    def _get_thread_with_access(self, thread_id, **kwargs):
        # The token of a ticket shows the ticket. It neither reads nor writes the
        # audit trail, which holds the reasons of the staff.
        for name in ("hash", "pid", "token"):
            kwargs.pop(name, None)
        return super()._get_thread_with_access(thread_id, **kwargs)

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

    # ------------------------------------------------------------------
    # Lock and check
    # ------------------------------------------------------------------

    def _lock_for_change(self, reason):
        """Return the tickets as superuser, locked with their entitlements."""
        check_reason(self.env, reason)
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

    # ------------------------------------------------------------------
    # Write
    # ------------------------------------------------------------------

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
