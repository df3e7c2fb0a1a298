from copy import deepcopy

import psycopg2.errors

from odoo import api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError
from odoo.tools import SQL, format_amount

from ..exceptions import (
    BookingConflictError,
    BookingError,
    ReasonMissingError,
)
from ..tools.lock_first import lock_first, locks_first
from ..tools.quick_fetch import quick_fetch
from .scenic_channel import MAX_HOLD_MINUTES

CHANGERS = (
    "scenic_ticket_base.group_scenic_customer_service",
    "scenic_ticket_base.group_scenic_supervisor",
)


class ScenicBooking(models.Model):
    _name = "scenic.booking"
    _description = "Ticket Booking"
    _inherit = ["mail.thread", "scenic.bulk"]
    _order = "id desc"

    name = fields.Char(string="Booking", required=True, readonly=True, copy=False)
    channel_id = fields.Many2one(
        "scenic.channel",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    channel = fields.Char(
        related="channel_id.code", string="Channel Code", store=True, index=True
    )
    external_ref = fields.Char(
        string="Reference",
        required=True,
        readonly=True,
        help="Name of the order in its channel; unique per channel and company.",
    )
    pricelist_id = fields.Many2one(
        "product.pricelist",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The pricelist that the channel asked for. Empty: the customer's or the "
        "channel's.",
    )
    body_hash = fields.Char(
        required=True,
        readonly=True,
        groups="base.group_system",
        help="Fingerprint of what was asked for, to tell a repeat from a conflict.",
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", readonly=True, index="btree_not_null"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True
    )
    currency_id = fields.Many2one(related="company_id.currency_id", store=True)
    line_ids = fields.One2many(
        "scenic.booking.line", "booking_id", string="Lines", readonly=True
    )
    state = fields.Selection(
        [
            ("held", "Held"),
            ("confirmed", "Confirmed"),
            ("cancelled", "Cancelled"),
            ("expired", "Expired"),
        ],
        required=True,
        readonly=True,
        default="held",
        index=True,
    )
    held_until = fields.Datetime(
        readonly=True,
        index="btree_not_null",
        help="From this moment on the held places are free again and the booking "
        "cannot be confirmed any more.",
    )
    sold_at = fields.Datetime(
        string="Sold Offline on",
        readonly=True,
        help="When a till that was offline took the money. Such a sale is recorded "
        "even if there was no place any more or the day was closed meanwhile.",
    )
    date_confirmed = fields.Datetime(string="Confirmed on", readonly=True)
    ticket_ids = fields.One2many("scenic.ticket", "booking_id", string="Tickets")
    request_ids = fields.One2many(
        "scenic.booking.request",
        "booking_id",
        string="Requests",
        readonly=True,
        groups="scenic_ticket_base.group_scenic_customer_service,"
        "scenic_ticket_base.group_scenic_supervisor,"
        "scenic_ticket_base.group_scenic_auditor",
    )
    visit_date = fields.Date(
        compute="_compute_visit_date",
        store=True,
        index=True,
        help="The first day of the visits.",
    )
    ticket_count = fields.Integer(compute="_compute_ticket_count")
    amount_total = fields.Monetary(
        string="Total", compute="_compute_amount_total", store=True
    )

    _external_ref_unique = models.Constraint(
        "UNIQUE (channel_id, company_id, external_ref)",
        "A booking with this reference exists already.",
    )

    @api.depends("line_ids.visit_date")
    def _compute_visit_date(self):
        for booking in self:
            days = booking.line_ids.filtered("visit_date").mapped("visit_date")
            booking.visit_date = min(days, default=False)

    @api.depends("ticket_ids")
    def _compute_ticket_count(self):
        counts = dict(
            self.env["scenic.ticket"]._read_group(
                [("booking_id", "in", self.ids)], ["booking_id"], ["__count"]
            )
        )
        for booking in self:
            booking.ticket_count = counts.get(booking._origin, 0)

    @api.depends("line_ids.amount_total")
    def _compute_amount_total(self):
        for booking in self:
            booking.amount_total = sum(booking.line_ids.mapped("amount_total"))

    def action_view_tickets(self):
        """Open the tickets of this booking."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_ticket_action"
        )
        return {
            **action,
            "domain": [("booking_id", "in", self.ids)],
            "context": {},
        }

    def action_hold_longer(self):
        """Hold the booking for another time to pay, as its channel grants it."""
        self.ensure_one()
        self.check_access("read")
        self._check_service_right()
        self._extend()

    def _payment_state(self):
        """Tell how far this booking is paid, for whoever hands its tickets out.

        :return: ``paid``; ``contract``, confirmed and to be paid later; or ``open``
        """
        self.ensure_one()
        return "paid" if self.state == "confirmed" else "open"

    def _check_service_right(self):
        """Check that the user may change bookings in the office.

        :raise AccessError: for cashiers the window changes what it sold
        """
        self.check_access("read")
        if not self.env.su and not any(map(self.env.user.has_group, CHANGERS)):
            raise AccessError(
                self.env._(
                    "Only customer service or a shift supervisor may change or cancel "
                    "bookings."
                )
            )

    # ------------------------------------------------------------------
    # The API of the channels
    #
    # Whoever calls answers for the right to sell: bookings and tickets are made as
    # superuser, since no user may create or write them. Each operation is done as a
    # whole or not at all, also for a caller who catches the error and goes on.
    # ------------------------------------------------------------------

    @api.model
    def _quote(self, channel, lines, partner=None, company=None, pricelist=None):
        """Return what lines would cost now; nothing is taken.

        See :meth:`_hold` for the parameters and the errors.

        :return: ``{"lines": [{product_id, quantity, free_persons, visit_date,
            slot_id, price_unit, amount_untaxed, amount_total, free, level,
            reservation}], "amount_untaxed", "amount_total"}``; the last three of a
            line as ``scenic.capacity.pool._availability`` tells them
        """
        company = company or self.env.company
        # sudo: whoever may sell need not be allowed to read taxes and price rules
        bookings_sudo = self.sudo().with_company(company)
        channel_sudo = bookings_sudo._channel(channel)
        prepared = bookings_sudo.line_ids._parse(lines)
        bookings_sudo._prepare_lines(
            prepared, channel_sudo, company, partner, pricelist
        )
        names = (
            *("product_id", "quantity", "free_persons", "visit_date", "slot_id"),
            *("price_unit", "amount_untaxed", "amount_total"),
        )
        quoted = [{name: line[name] for name in names} for line in prepared]
        pools = self.env["scenic.capacity.pool"]
        for line in quoted:
            product = self.env["product.product"].browse(line["product_id"])
            line.update(
                pools._quoted(
                    product, channel_sudo, line["visit_date"], line["slot_id"]
                )
            )
        return {"lines": quoted, **self._sums(quoted, company)}

    @api.model
    def _hold(
        self,
        channel,
        external_ref,
        lines,
        partner=None,
        company=None,
        minutes=None,
        pricelist=None,
        key=None,
        sold_at=None,
        confirm=False,
        alone=False,
    ):
        """Take a booking with its prices; tickets come with :meth:`_confirm`.

        Called again with the same reference and content, or with the same key and
        content, it returns the first booking.

        :param str channel: code of the ``scenic.channel``
        :param str external_ref: name of the order in the channel
        :param list lines: dicts with ``product_id`` (product.product id),
            ``quantity`` (persons who pay), ``visit_date`` (date or None),
            ``slot_id``; and either all of ``price_unit``, ``amount_untaxed``,
            ``amount_total`` (of the whole line, in the currency of the company) from
            a channel whose document computed them, or none: then the pricelist
            decides, by the visit date
        :param partner: the buyer, a ``res.partner``
        :param company: ``res.company``, by default the current one
        :param int minutes: how long to hold; None: as the channel says
        :param pricelist: None: the customer's or the channel's
        :param str key: word of the caller for this request
        :param datetime sold_at: when a till that was offline took the money, naive
            UTC; in a channel that accepts late orders such a sale is not refused for
            want of places or because the day was closed meanwhile
        :param bool confirm: confirm it in the same step, its money is taken
        :param bool alone: see ``scenic.booking.request._once``
        :return: the ``scenic.booking`` in the caller's environment
        :raise BookingConflictError: same reference or key, other content
        :raise BookingError: a line cannot be sold as asked
        """
        company = company or self.env.company
        # sudo: no user has the right to create bookings
        bookings_sudo = self.sudo().with_company(company)
        channel_sudo = bookings_sudo._channel(channel)
        if not external_ref or not isinstance(external_ref, str):
            raise BookingError(self.env._("A booking needs the name of its order."))
        prepared = bookings_sudo.line_ids._parse(lines)
        body = {
            "partner": partner.id if partner else None,
            "pricelist": pricelist.id if pricelist else None,
            "lines": prepared,
        }
        body_hash = self.env["scenic.booking.request"]._fingerprint(body)
        minutes = self._hold_minutes(channel_sudo, minutes)

        def act():
            booking_sudo = bookings_sudo._same_order(
                channel_sudo, company, external_ref, body_hash
            )
            if not booking_sudo:
                self._check_seller_sites(prepared)
                priced = deepcopy(prepared)
                # who was sold a blank has the ticket in his hand already
                late = channel_sudo._is_late(sold_at) or any(
                    line.get("blank_numbers") for line in priced
                )
                bookings_sudo._prepare_lines(
                    priced, channel_sudo, company, partner, pricelist, late
                )
                booking_sudo = bookings_sudo._create_held(
                    {
                        "channel_id": channel_sudo.id,
                        "external_ref": external_ref,
                        "body_hash": body_hash,
                        "partner_id": partner.id if partner else False,
                        "company_id": company.id,
                        "pricelist_id": pricelist.id if pricelist else False,
                        "sold_at": sold_at if late else False,
                        "held_until": fields.Datetime.add(
                            fields.Datetime.now(), minutes=minutes
                        ),
                    },
                    priced,
                    late,
                    confirm,
                )
            elif confirm:
                booking_sudo._confirm_held()
            return booking_sudo, booking_sudo._answer()

        answer = self.env["scenic.booking.request"]._once(
            "hold",
            channel_sudo,
            company,
            key,
            {**body, "external_ref": external_ref, "minutes": minutes},
            act,
            [f"order {company.id} {channel_sudo.id} {external_ref}"],
            alone,
        )
        return self.browse(answer["booking_id"])

    def _extend(self, minutes=None, key=None):
        """Hold a booking longer, from now on; never shorter than it is held already.

        :param int minutes: None: as the channel says
        :return: until when it is held, naive UTC
        :raise BookingError: it is not held any more, or would be for over 24 hours, or
            its day was closed meanwhile
        """
        self.ensure_one()
        booking_sudo = self.sudo()  # sudo: no user has the right to write bookings
        minutes = self._hold_minutes(booking_sudo.channel_id, minutes)

        def act():
            booking_sudo._lock()
            booking_sudo._check_held()
            booking_sudo._check_open()
            held = booking_sudo.held_until
            until = max(
                held, fields.Datetime.add(fields.Datetime.now(), minutes=minutes)
            )
            last = fields.Datetime.add(
                booking_sudo.create_date, minutes=MAX_HOLD_MINUTES
            )
            if until > max(held, last):
                raise BookingError(
                    self.env._(
                        "Booking %(booking)s cannot be held for more than 24 hours "
                        "in all.",
                        booking=booking_sudo.name,
                    ),
                    code="HOLD_TOO_LONG",
                )
            before = booking_sudo._audit_values("held_until")
            booking_sudo._write_quiet({"held_until": until})
            booking_sudo._audit(
                "booking_extend",
                before=before,
                after=booking_sudo._audit_values("held_until"),
            )
            return booking_sudo, booking_sudo._answer()

        answer = booking_sudo._once("extend", key, {"minutes": minutes}, act)
        return fields.Datetime.to_datetime(answer["held_until"])

    def _confirm(self, key=None):
        """Issue the tickets of held bookings, in the caller's transaction.

        Called again it returns the same tickets. The number of queries does not
        grow with the number of tickets.

        :param str key: word of the caller for this request, of one booking
        :return: the ``scenic.ticket`` records in the caller's environment
        :raise BookingError: a booking was cancelled, its hold is over, or its day was
            closed meanwhile
        """
        # sudo: no user has the right to create tickets
        bookings_sudo = self.sudo()

        def act():
            bookings_sudo._confirm_held()
            ticket_ids = sorted(bookings_sudo.ticket_ids.ids)
            return bookings_sudo, {"ticket_ids": ticket_ids}

        answer = bookings_sudo._once("confirm", key, {}, act)
        return self.env["scenic.ticket"].browse(answer["ticket_ids"])

    def _confirm_held(self):
        """Confirm bookings that are not yet, as superuser."""
        self._lock()
        for booking in self:
            if booking.state != "confirmed":
                booking._check_held()
                booking._check_open()
                booking.with_company(booking.company_id)._issue()

    def _amend(self, changes, reason, key=None, document_ref=None):
        """Change lines of a booking, all or none, before their first use.

        Tickets keep their numbers. A ticket whose first day or number of persons
        changes gets a new code, and the old one opens nothing from this moment on.
        What is asked for and holds already changes nothing.

        :param list changes: dicts with ``line_id`` and what is to change:
            ``visit_date``, ``slot_id``, ``quantity`` (persons who pay, from now on),
            ``visitors`` (who comes, all of them), and maybe all of ``price_unit``,
            ``amount_untaxed``, ``amount_total`` of the persons who then pay; without
            them the pricelist decides
        :param str reason: for the audit trail
        :param str key: word of the caller for this request
        :param str document_ref: what takes or returns the difference, needed if a
            confirmed booking has one
        :return: the answer of :meth:`_answer` with ``difference_untaxed``,
            ``difference_total`` (below zero: to be paid back) and ``change_fee``
        :raise BookingError: it cannot be changed as asked, or not any more
        :raise TicketUsedError, TicketReservedError, TicketStateError: a ticket cannot
        """
        self.ensure_one()
        if not (reason or "").strip():
            raise ReasonMissingError(self.env._("Please give a reason."))
        # sudo: no user has the right to write bookings
        booking_sudo = self.sudo().with_company(self.sudo().company_id)
        parsed = self.env["scenic.booking.change"]._parse(changes)

        def act():
            booking_sudo._lock()
            return booking_sudo, booking_sudo._amend_one(
                parsed, reason.strip(), (document_ref or "").strip()
            )

        body = {"changes": parsed, "reason": reason, "document_ref": document_ref}
        return booking_sudo._once("amend", key, body, act)

    def _amend_quote(self, changes):
        """Tell what a change would cost; nothing changes. See :meth:`_amend`.

        :return: ``{"difference_untaxed", "difference_total", "change_fee"}``
        """
        self.ensure_one()
        # sudo: whoever may sell need not be allowed to read taxes and price rules
        booking_sudo = self.sudo().with_company(self.sudo().company_id)
        change_sudo = booking_sudo.env["scenic.booking.change"]
        plans = change_sudo._plan(booking_sudo, change_sudo._parse(changes))
        return change_sudo._cost(booking_sudo, plans)

    def _cancel(self, reason, key=None):
        """Give bookings up; what is held for them is free again.

        :param str key: word of the caller for this request, of one booking
        :raise BookingError: tickets of it are still worth something
        """
        if not (reason or "").strip():
            raise ReasonMissingError(self.env._("Please give a reason."))
        # sudo: no user has the right to write bookings
        bookings_sudo = self.sudo()

        def act():
            bookings_sudo._lock()
            for booking_sudo in bookings_sudo.filtered(
                lambda b: b.state not in ("cancelled", "expired")
            ):
                booking_sudo._cancel_one(reason.strip())
            return bookings_sudo, {"state": bookings_sudo[:1].state}

        bookings_sudo._once("cancel", key, {"reason": reason}, act)

    @locks_first(lambda self: ())
    def _expire(self):
        """Give up those of these bookings whose hold is over; the others stay.

        A booking that somebody is changing at this moment is left alone.

        :return: the bookings that expired now
        """
        # sudo: no user has the right to write bookings
        expired_sudo = self.sudo()._lock_over()
        expired_sudo._give_up("expired")
        expired_sudo._audit("booking_expire")
        return self.browse(expired_sudo.ids)

    @api.model
    def _cron_expire(self, limit=100):
        """Give up all bookings whose hold is over, so many at a time."""
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        domain = [("state", "=", "held"), ("held_until", "<=", fields.Datetime.now())]

        def expire():
            return self._lock_over(limit)._expire()

        while expired := lock_first(self.env, (), expire):
            if in_cron and not cron._commit_progress(
                len(expired), remaining=self.search_count(domain)
            ):
                break

    # ------------------------------------------------------------------
    # Tools of the API
    # ------------------------------------------------------------------

    def _once(self, operation, key, body, act):
        """Do an operation once per key; see ``scenic.booking.request``."""
        if key is not None:
            self.ensure_one()
        return self.env["scenic.booking.request"]._once(
            operation,
            self.channel_id,
            self.company_id,
            key,
            {**body, "bookings": self.ids},
            act,
            self._lock_names(),
        )

    def _lock_names(self):
        """Return the names by which changes of bookings and tickets lock them."""
        return [f"booking {id_}" for id_ in self.ids]

    @api.model
    def _channel(self, code):
        """Return the channel with this code.

        :raise BookingError: there is none
        """
        channel = self.env["scenic.channel"]
        if isinstance(code, str):
            channel = channel.browse(channel._id_of(code))
        if not channel:
            raise BookingError(
                self.env._("There is no sales channel “%(name)s”.", name=code),
                code="CHANNEL_UNKNOWN",
            )
        return channel

    @api.model
    def _hold_minutes(self, channel, minutes):
        """Return how long to hold, checked.

        :raise BookingError: no whole number of minutes within one day
        """
        if minutes is None:
            return channel.hold_minutes
        if (
            isinstance(minutes, bool)
            or not isinstance(minutes, int)
            or not 1 <= minutes <= MAX_HOLD_MINUTES
        ):
            raise BookingError(
                self.env._(
                    "A booking can be held for 1 to %(max)s minutes, not %(minutes)s.",
                    max=MAX_HOLD_MINUTES,
                    minutes=minutes,
                ),
                code="MINUTES_INVALID",
            )
        return minutes

    @api.model
    def _check_seller_sites(self, prepared):
        """Check that the user sells for the sites of these lines.

        :raise BookingError: ``SITE_NOT_YOURS``, see ``res.users.scenic_site_ids``
        """
        sites = None if self.env.su else self.env.user._scenic_sites()
        if sites is None:
            return
        # sudo: a product that the user cannot see is named in the refusal
        products_sudo = self.env["product.product"].sudo()
        for line in prepared:
            product_sudo = products_sudo.browse(line["product_id"]).exists()
            places_sudo = (
                product_sudo.scenic_site_id | product_sudo.scenic_component_ids.site_id
            )
            if places_sudo and not places_sudo & sites:
                raise BookingError(
                    self.env._(
                        "You do not sell for “%(site)s”. Ask the ticketing manager.",
                        site=product_sudo.scenic_site_id.display_name,
                    ),
                    code="SITE_NOT_YOURS",
                )

    @api.model
    def _same_order(self, channel, company, external_ref, body_hash):
        """Return the booking of this order, if it was taken before.

        :raise BookingConflictError: it was, with other content
        """
        booking = quick_fetch(
            self,
            ["body_hash"],
            SQL(
                "channel_id = %s AND company_id = %s AND external_ref = %s",
                channel.id,
                company.id,
                external_ref,
            ),
        )
        if booking and booking.body_hash != body_hash:
            raise BookingConflictError(
                self.env._(
                    "Order %(ref)s was booked before as %(booking)s with other "
                    "content.",
                    ref=external_ref,
                    booking=booking.name,
                )
            )
        return booking

    @api.model
    def _prepare_lines(
        self, prepared, channel, company, partner, pricelist, late=False
    ):
        """Check parsed lines against the products and give them their prices.

        :param bool late: as in :meth:`_create_held`
        """
        lines = self.env["scenic.booking.line"]
        lines._check_products(prepared, company, late)
        if not channel.accepts_late:
            lines._check_not_past(prepared)
        to_price = [line for line in prepared if line["amount_total"] is None]
        if to_price:
            prices = channel._price(to_price, company, partner, pricelist)
            for line, price in zip(to_price, prices, strict=True):
                line.update(price)
        for line in prepared:
            for name in ("amount_untaxed", "amount_total"):
                line[name] = company.currency_id.round(line[name])

    def _create_held(self, values, prepared, late, confirm=False):
        """Create a held booking with its lines and take what they need.

        :param bool late: sold by a till that was offline: nothing is refused for want
            of places
        :param bool confirm: it is paid: create it confirmed, with its tickets
        """
        now = fields.Datetime.now()
        if confirm:
            values = {**values, "state": "confirmed", "date_confirmed": now}
        booking = self._insert(values, prepared)
        self.env["scenic.membership"]._hold_renewals(booking.line_ids)
        self.env["scenic.staff.card"]._hold_lines(booking.line_ids)
        booking.line_ids._register_people(prepared)
        # last: others who want the same places wait from here to the commit
        pools = self.env["scenic.capacity.pool"]
        state = "sold" if confirm else "held"
        over = pools._take(booking.line_ids, state, force=late).filtered("over")
        rows = booking._audit_rows(
            "booking_hold",
            after={
                "line_ids": booking._audit_lines(),
                **booking._audit_values("held_until"),
            },
        )
        if over:
            rows += booking._audit_rows(
                "capacity_override",
                after={hold.pool_id.display_name: hold.over for hold in over},
            )
        if confirm:
            rows += booking._issue_tickets(now)
        self.env["scenic.audit"]._insert(rows)
        return booking

    def _insert(self, values, prepared):
        """Write a new booking with its lines, and nothing else."""
        company = self.env["res.company"].browse(values["company_id"])
        days = [line["visit_date"] for line in prepared if line["visit_date"]]
        values = {
            **values,
            "name": self._next_name(company),
            "channel": self.env["scenic.channel"].browse(values["channel_id"]).code,
            "currency_id": company.currency_id.id,
            "visit_date": min(days, default=False),
            "amount_total": sum(line["amount_total"] for line in prepared),
        }
        try:
            booking = self._bulk_create([values])
        except psycopg2.errors.UniqueViolation as error:
            if error.diag.constraint_name != f"{self._table}_external_ref_unique":
                raise
            # lock: the same order arrived twice at once; called again it finds the
            # first booking
            raise ConcurrencyError(f"booking {values['external_ref']}") from error
        sums = [self._fields["visit_date"], self._fields["amount_total"]]
        with self.env.protecting(sums, booking):
            self.line_ids._bulk_create(self.line_ids._prepare_values(prepared, booking))
        return booking

    def _next_name(self, company):
        """Return the next number of a booking, as ``next_by_code`` in one query."""
        # of this company before that of all
        sequence = quick_fetch(
            self.env["ir.sequence"],
            ["implementation", "prefix", "suffix", "padding", "use_date_range"],
            SQL(
                "active AND code = 'scenic.booking' "
                "AND (company_id = %s OR company_id IS NULL) "
                "ORDER BY company_id LIMIT 1",
                company.id,
            ),
        )
        return sequence._next() if sequence else False

    def _audit_name(self):
        return self.name

    def _answer(self):
        """Return this booking in plain words, as an answer to its channel."""
        self.ensure_one()
        lines = [line._answer() for line in self.line_ids.sorted("id")]
        return {
            "booking_id": self.id,
            "booking": self.name,
            "state": self.state,
            "held_until": fields.Datetime.to_string(self.held_until) or None,
            "lines": lines,
            **self._sums(lines, self.company_id),
        }

    @api.model
    def _sums(self, lines, company):
        return {
            name: company.currency_id.round(sum(line[name] for line in lines))
            for name in ("amount_untaxed", "amount_total")
        }

    def _check_held(self):
        """Check that the places of this booking are still kept.

        :raise BookingError: with a code that says why they are not
        """
        self.ensure_one()
        if self.state == "expired" or self._is_over():
            raise BookingError(
                self.env._(
                    "The time to pay booking %(booking)s is over and its places are "
                    "free again. Please book anew.",
                    booking=self.name,
                ),
                code="HOLD_EXPIRED",
            )
        if self.state != "held":
            self._raise_state()

    def _check_open(self):
        """Check that no day or slot was closed since the places were held.

        :raise BookingError: ``SITE_CLOSED``; a till that was offline has sold already
        """
        self.ensure_one()
        if self.sold_at:
            return
        for line in self.line_ids:
            template = line.product_id.product_tmpl_id
            template._scenic_check_open(line.visit_date, line.slot_id)

    def _is_over(self):
        """Tell whether the hold ended, be it that nobody has expired it yet."""
        self.ensure_one()
        return (
            self.state == "held"
            and bool(self.held_until)
            and self.held_until <= fields.Datetime.now()
        )

    def _raise_state(self):
        selection = dict(self._fields["state"]._description_selection(self.env))
        raise BookingError(
            self.env._(
                "Booking %(booking)s is in state “%(state)s”: this is not possible.",
                booking=self.name,
                state=selection[self.state],
            ),
            code="BOOKING_STATE",
        )

    def _issue(self):
        """Create tickets, entitlements and credentials and set the state."""
        self.ensure_one()
        now = fields.Datetime.now()
        self.env["scenic.capacity.pool"]._sell(self.line_ids)
        rows = self._issue_tickets(now)
        self._write_quiet({"state": "confirmed", "date_confirmed": now})
        self.env["scenic.audit"]._insert(rows)

    def _issue_tickets(self, now):
        """Create what was paid; return what the audit trail is to say of it."""
        self.ensure_one()
        tickets = self.line_ids._issue_tickets(now)
        self.env["scenic.membership"]._create_for(tickets)
        self.env["scenic.staff.card"]._create_for(tickets)
        return self._audit_rows("booking_confirm", after={"ticket_count": len(tickets)})

    def _amend_one(self, parsed, reason, document_ref):
        """Change a locked booking and return the answer."""
        self.ensure_one()
        change = self.env["scenic.booking.change"]
        plans = change._plan(self, parsed)
        cost = change._cost(self, plans)
        if self.state == "confirmed" and not document_ref and any(cost.values()):
            raise BookingError(
                self.env._(
                    "The change of booking %(booking)s needs the document that takes "
                    "or returns the difference.",
                    booking=self.name,
                ),
                code="DOCUMENT_MISSING",
            )
        before, lines = self._answer(), self._audit_lines()
        change._apply(plans, reason, document_ref)
        after = self._answer()
        if before != after or any(plan.visitors is not None for plan in plans):
            self._message_log(body=self.env._("Changed: %(reason)s", reason=reason))
            self._audit(
                "booking_amend",
                reason=reason,
                before={"line_ids": lines},
                after={"line_ids": self._audit_lines(), **cost},
                document=document_ref or None,
            )
        return {**after, **cost}

    def _cancel_one(self, reason):
        """Cancel a locked booking."""
        self.ensure_one()
        if self.ticket_ids.filtered(lambda t: t.state not in ("refunded", "void")):
            raise BookingError(
                self.env._(
                    "Booking %(booking)s has tickets that were neither refunded nor "
                    "voided. Refund or void them first.",
                    booking=self.name,
                ),
                code="BOOKING_HAS_TICKETS",
            )
        before = self._audit_values("state")
        self._give_up("cancelled")
        self._message_log(body=self.env._("Cancelled: %(reason)s", reason=reason))
        self._audit(
            "booking_cancel",
            reason=reason,
            before=before,
            after=self._audit_values("state"),
        )

    def _give_up(self, state):
        """End locked bookings; what is still held for them is free again."""
        if not self:
            return
        self.env["scenic.capacity.pool"]._release(self.line_ids)
        self.line_ids.holder_ids._release()
        self.line_ids.filtered("medium_sealed").medium_sealed = False
        self._write_quiet({"state": state})

    def _write_quiet(self, values):
        """Write without tracking: the caller logs what was done and why."""
        self.with_context(tracking_disable=True).write(values)
        self.flush_recordset()

    def _audit(self, action, **kwargs):
        self.env["scenic.audit"]._log(action, self, **kwargs)

    def _audit_rows(self, action, after):
        """Return what :meth:`_audit` writes down, to be written with more."""
        return self.env["scenic.audit"]._prepare_rows(action, self, None, None, after)

    def _audit_lines(self):
        """Return the lines in words, one text a line."""
        return [
            " ".join(
                filter(
                    None,
                    [
                        line.product_id.display_name,
                        f"× {line.quantity}",
                        line.free_persons and f"+ {line.free_persons}",
                        line.slot_id.display_name
                        or fields.Date.to_string(line.visit_date),
                        format_amount(self.env, line.amount_total, self.currency_id),
                    ],
                )
            )
            for line in self.line_ids
        ]

    def _audit_values(self, *names):
        answer = self._answer()
        return {name: answer[name] for name in names}

    def _lock(self):
        """Lock the rows, waiting for whoever holds them."""
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_booking WHERE id IN %s ORDER BY id "
                "FOR NO KEY UPDATE",
                tuple(self.ids) or (0,),
            ),
            log_exceptions=False,
        )
        self.invalidate_recordset()

    def _lock_over(self, limit=None):
        """Return locked bookings whose hold is over: of these, or of all.

        lock: whoever holds a row is about to confirm, extend or cancel it.
        """
        self.flush_model(["state", "held_until"])
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_booking WHERE state = 'held' "
                "AND held_until <= %s AND (%s OR id IN %s) ORDER BY id LIMIT %s "
                "FOR NO KEY UPDATE SKIP LOCKED",
                fields.Datetime.now(),
                limit is not None,
                tuple(self.ids) or (0,),
                limit,
            ),
            log_exceptions=False,
        )
        bookings = self.browse(id_ for (id_,) in self.env.cr.fetchall())
        bookings.invalidate_recordset()
        return bookings
