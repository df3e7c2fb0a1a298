import hashlib
import json
import math
import secrets

import psycopg2.errors

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.tools import SQL

from ..exceptions import (
    BookingConflictError,
    BookingError,
    ReasonMissingError,
)
from ..tools import t1
from ..tools.split import split_units

MAX_PERSONS = 255
MAX_TICKETS = 5000
MAX_AMOUNT = 10**12


class ScenicBooking(models.Model):
    _name = "scenic.booking"
    _description = "Ticket Booking"
    _inherit = ["mail.thread"]
    _order = "id desc"

    name = fields.Char(string="Booking", required=True, readonly=True, copy=False)
    channel_id = fields.Many2one(
        "scenic.channel",
        string="Channel",
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
    date_confirmed = fields.Datetime(string="Confirmed on", readonly=True)
    ticket_ids = fields.One2many("scenic.ticket", "booking_id", string="Tickets")
    ticket_count = fields.Integer(compute="_compute_ticket_count")
    amount_total = fields.Monetary(
        string="Total", compute="_compute_amount_total", store=True
    )

    _external_ref_unique = models.Constraint(
        "UNIQUE (channel_id, company_id, external_ref)",
        "A booking with this reference exists already.",
    )

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

    # ------------------------------------------------------------------
    # The API of the channels
    # ------------------------------------------------------------------

    @api.model
    def _hold(self, channel, external_ref, lines, partner=None, company=None):
        """Take a booking with its prices; tickets come with :meth:`_confirm`.

        Called again with the same reference and content it returns the first
        booking. Whoever calls answers for the right to sell: the booking itself
        is made as superuser, since no user may create one.

        :param str channel: code of the ``scenic.channel``
        :param str external_ref: name of the order in the channel
        :param list lines: dicts with ``product_id`` (product.product id),
            ``quantity`` (persons), ``visit_date`` (date or None), ``price_unit``,
            ``amount_untaxed``, ``amount_total`` (of the whole line, in the currency
            of the company)
        :param partner: the buyer, a ``res.partner``
        :param company: ``res.company``, by default the current one
        :return: the ``scenic.booking`` in the caller's environment
        :raise BookingConflictError: same reference, other content
        :raise BookingError: a line cannot be sold as asked
        """
        company = company or self.env.company
        # sudo: no user has the right to create bookings
        bookings_sudo = self.sudo().with_company(company)
        channel_sudo = bookings_sudo.env["scenic.channel"].search(
            [("code", "=", channel)]
        )
        if not channel_sudo:
            raise BookingError(
                self.env._("There is no sales channel “%(name)s”.", name=channel)
            )
        if not external_ref or not isinstance(external_ref, str):
            raise BookingError(self.env._("A booking needs the name of its order."))
        prepared = bookings_sudo._prepare_hold_lines(lines, company)
        body_hash = self._body_hash(prepared, partner)
        domain = [
            ("channel_id", "=", channel_sudo.id),
            ("company_id", "=", company.id),
            ("external_ref", "=", external_ref),
        ]
        booking_sudo = bookings_sudo.search(domain)
        if not booking_sudo:
            bookings_sudo._check_hold_lines(prepared, company)
            if not channel_sudo.accepts_late:
                bookings_sudo._check_not_past(prepared)
            values = {
                "name": self.env["ir.sequence"].sudo().next_by_code("scenic.booking"),
                "channel_id": channel_sudo.id,
                "external_ref": external_ref,
                "body_hash": body_hash,
                "partner_id": partner.id if partner else False,
                "company_id": company.id,
                "line_ids": [fields.Command.create(line) for line in prepared],
            }
            try:
                with self.env.cr.savepoint():
                    booking_sudo = bookings_sudo.with_context(
                        tracking_disable=True
                    ).create(values)
                    self.env["scenic.membership"]._hold_renewals(booking_sudo.line_ids)
            except psycopg2.errors.UniqueViolation as error:
                # lock: the same order arrived twice at once; the framework calls
                # again, and then the first booking is found
                raise ConcurrencyError(f"booking {external_ref}") from error
        elif booking_sudo.body_hash != body_hash:
            raise BookingConflictError(
                self.env._(
                    "Order %(ref)s was booked before as %(booking)s with other "
                    "content.",
                    ref=external_ref,
                    booking=booking_sudo.name,
                )
            )
        return self.browse(booking_sudo.id)

    def _confirm(self):
        """Issue the tickets of a held booking, in the caller's transaction.

        Called again it returns the same tickets. The number of queries does not
        grow with the number of tickets.

        :return: the ``scenic.ticket`` records in the caller's environment
        :raise BookingError: the booking was cancelled
        """
        # sudo: no user has the right to create tickets
        bookings_sudo = self.sudo()
        bookings_sudo._lock()
        for booking_sudo in bookings_sudo:
            if booking_sudo.state == "cancelled":
                raise BookingError(
                    self.env._(
                        "Booking %(booking)s was cancelled and cannot be confirmed.",
                        booking=booking_sudo.name,
                    ),
                    code="BOOKING_STATE",
                )
            if booking_sudo.state == "held":
                booking_sudo.with_company(booking_sudo.company_id)._issue_tickets()
        return self.env["scenic.ticket"].browse(sorted(bookings_sudo.ticket_ids.ids))

    def _cancel(self, reason):
        """Give a booking up.

        :raise BookingError: tickets of it are still worth something
        """
        if not (reason or "").strip():
            raise ReasonMissingError(self.env._("Please give a reason."))
        # sudo: no user has the right to write bookings
        bookings_sudo = self.sudo()
        bookings_sudo._lock()
        for booking_sudo in bookings_sudo.filtered(lambda b: b.state != "cancelled"):
            if booking_sudo.ticket_ids.filtered(
                lambda t: t.state not in ("refunded", "void")
            ):
                raise BookingError(
                    self.env._(
                        "Booking %(booking)s has tickets that were neither refunded "
                        "nor voided.",
                        booking=booking_sudo.name,
                    ),
                    code="BOOKING_HAS_TICKETS",
                )
            booking_sudo.with_context(tracking_disable=True).state = "cancelled"
            booking_sudo._message_log(
                body=self.env._("Cancelled: %(reason)s", reason=reason.strip())
            )

    def _lock(self):
        """Lock the rows, waiting for whoever holds them."""
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_booking WHERE id IN %s ORDER BY id "
                "FOR NO KEY UPDATE",
                tuple(self.ids) or (0,),
            )
        )
        self.invalidate_recordset()

    # ------------------------------------------------------------------
    # Hold
    # ------------------------------------------------------------------

    @api.model
    def _prepare_hold_lines(self, lines, company):
        """Return the lines as values to store, types and amounts checked."""
        if not lines:
            raise BookingError(self.env._("A booking needs at least one line."))
        prepared = []
        for line in lines:
            quantity = line.get("quantity")
            if (
                isinstance(quantity, bool)
                or not isinstance(quantity, int | float)
                or not math.isfinite(quantity)
                or quantity != int(quantity)
                or quantity < 1
            ):
                raise BookingError(
                    self.env._(
                        "The number of persons must be a whole number above zero, "
                        "not %(quantity)s.",
                        quantity=quantity,
                    ),
                    code="QUANTITY_INVALID",
                )
            values = {
                "product_id": line.get("product_id"),
                "quantity": int(quantity),
                "visit_date": self._visit_date(line.get("visit_date")),
            }
            for name in ("renew_membership_id", "staff_card_id"):
                if line.get(name):
                    values[name] = line[name]
            for name in ("price_unit", "amount_untaxed", "amount_total"):
                values[name] = self._amount(line.get(name))
            for name in ("amount_untaxed", "amount_total"):
                values[name] = company.currency_id.round(values[name])
            prepared.append(values)
        return prepared

    def _visit_date(self, value):
        try:
            return fields.Date.to_date(value) or False
        except (ValueError, TypeError) as error:
            raise BookingError(
                self.env._("“%(value)s” is not a date.", value=value),
                code="VISIT_DATE_INVALID",
            ) from error

    def _amount(self, value):
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or not 0 <= value < MAX_AMOUNT
        ):
            raise BookingError(
                self.env._(
                    "“%(value)s” is not an amount of zero or more.", value=value
                ),
                code="AMOUNT_INVALID",
            )
        return float(value)

    @api.model
    def _body_hash(self, prepared, partner):
        body = {"partner": partner.id if partner else None, "lines": prepared}
        text = json.dumps(body, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @api.model
    def _check_hold_lines(self, prepared, company):
        """Check that each line can become tickets.

        :raise BookingError: with the code of the first line that cannot
        """
        now = fields.Datetime.now()
        tickets = 0
        for line in prepared:
            product = self.env["product.product"].browse(line["product_id"])
            if not isinstance(line["product_id"], int) or not product.exists():
                raise BookingError(
                    self.env._("There is no such product."), code="PRODUCT_NOT_TICKET"
                )
            template = product.product_tmpl_id
            template._scenic_check_sellable(company)
            if line["visit_date"] and not t1.EPOCH <= line["visit_date"] <= t1.LAST:
                raise BookingError(
                    self.env._(
                        "The visit date %(date)s is out of all proportion.",
                        date=fields.Date.to_string(line["visit_date"]),
                    ),
                    code="VISIT_DATE_INVALID",
                )
            if not (line.get("renew_membership_id") or line.get("staff_card_id")):
                template._scenic_windows(now, line["visit_date"])
            if template.scenic_ticket_kind == "individual":
                tickets += line["quantity"]
            else:
                tickets += 1
                if line["quantity"] > MAX_PERSONS:
                    raise BookingError(
                        self.env._(
                            "A group ticket is for %(max)s persons at most, not "
                            "%(quantity)s. Please book several groups.",
                            max=MAX_PERSONS,
                            quantity=line["quantity"],
                        ),
                        code="GROUP_TOO_LARGE",
                    )
        if tickets > MAX_TICKETS:
            raise BookingError(
                self.env._(
                    "A booking is for %(max)s tickets at most, not %(count)s.",
                    max=MAX_TICKETS,
                    count=tickets,
                ),
                code="BOOKING_TOO_LARGE",
            )
        self.env["scenic.membership"]._prepare_renewals(prepared, company)
        self.env["scenic.staff.card"]._check_lines(prepared, company)

    @api.model
    def _check_not_past(self, prepared):
        """Check that no visit is on a day that is over at its site.

        :raise BookingError: the day is over
        """
        for line in prepared:
            site = self.env["product.product"].browse(line["product_id"]).scenic_site_id
            today = fields.Date.context_today(self.with_context(tz=site.tz))
            if line["visit_date"] and line["visit_date"] < today:
                raise BookingError(
                    self.env._(
                        "The visit date %(date)s is over.",
                        date=fields.Date.to_string(line["visit_date"]),
                    ),
                    code="VISIT_DATE_PAST",
                )

    # ------------------------------------------------------------------
    # Confirm
    # ------------------------------------------------------------------

    def _issue_tickets(self):
        """Create tickets, entitlements and credentials and set the state."""
        self.ensure_one()
        now = fields.Datetime.now()
        quiet = self.with_context(
            tracking_disable=True, mail_create_nolog=True, mail_create_nosubscribe=True
        )
        ticket_values, entitlement_values = [], []
        for line in self.line_ids:
            for values, entitlements in self._prepare_line_tickets(line, now):
                ticket_values.append(values)
                entitlement_values.append(entitlements)
        numbers = self.env["scenic.ticket"]._next_numbers(len(ticket_values))
        for values, number in zip(ticket_values, numbers, strict=True):
            values["number"] = number
            values["name"] = f"{number:010d}"
        tickets = quiet.env["scenic.ticket"].create(ticket_values)
        quiet.env["scenic.entitlement"].create(
            [
                {**values, "ticket_id": ticket.id}
                for ticket, rows in zip(tickets, entitlement_values, strict=True)
                for values in rows
            ]
        )
        tickets._issue_credentials()
        self.env["scenic.membership"]._create_for(tickets)
        self.env["scenic.staff.card"]._create_for(tickets)
        quiet.write({"state": "confirmed", "date_confirmed": now})

    def _prepare_line_tickets(self, line, now):
        """Return ``[(ticket values, [entitlement values])]`` of a line.

        Amounts are split to the cent, first to the tickets, then each ticket to
        its components; all sums are exact.
        """
        template = line.product_id.product_tmpl_id
        template._scenic_check_sellable(self.company_id)
        site = template.scenic_site_id
        components = template.scenic_component_ids
        window, windows = line._windows(now)
        if template.scenic_ticket_kind == "group":
            persons = [line.quantity]
        else:
            persons = [1] * line.quantity
        untaxed = self._split(line.amount_untaxed, [1] * len(persons))
        total = self._split(line.amount_total, [1] * len(persons))
        weights = [component._share_weight() for component in components]
        result = []
        for count, amount_untaxed, amount_total in zip(
            persons, untaxed, total, strict=True
        ):
            shares = self._split(amount_untaxed, weights)
            result.append(
                (
                    {
                        "product_id": line.product_id.id,
                        "booking_id": self.id,
                        "booking_line_id": line.id,
                        "site_id": site.id,
                        "company_id": self.company_id.id,
                        "partner_id": self.partner_id.id,
                        "persons": count,
                        "date_first": window.first_day,
                        "span_days": window.span_days,
                        "visit_date": line.visit_date,
                        "kind": template.scenic_ticket_kind,
                        "amount_untaxed": amount_untaxed,
                        "amount_total": amount_total,
                        "state": "valid",
                        "access_token": secrets.token_urlsafe(24),
                    },
                    [
                        {
                            "component_id": component.id,
                            "site_id": component.site_id.id,
                            "entries_total": component.entries * count,
                            "amount": share,
                            **component._entitlement_values(windows[component]),
                        }
                        for component, share in zip(components, shares, strict=True)
                    ],
                )
            )
        return result

    def _split(self, amount, weights):
        """Split an amount in whole cents of the company's currency."""
        currency = self.currency_id
        units = split_units(round(amount / currency.rounding), weights)
        return [currency.round(share * currency.rounding) for share in units]
