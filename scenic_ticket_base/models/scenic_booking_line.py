import functools
import json
import math
import secrets

from odoo import api, fields, models
from odoo.exceptions import MissingError
from odoo.orm.models import NO_ACCESS

from ..exceptions import BookingError, CredentialError
from ..tools import t1
from ..tools.mask import mask_text
from ..tools.split import split_units
from .scenic_credential import CARDS
from .scenic_ticket import PEOPLE_READERS

MAX_TICKETS = 5000
MAX_AMOUNT = 10**12
AMOUNTS = ("price_unit", "amount_untaxed", "amount_total")
# Tickets of these kinds take no place at their sale. Staff never does; members come
# when they like, and reserve where a reservation is needed.
KINDS_WITHOUT_PLACE = ("member", "staff")


class ScenicBookingLine(models.Model):
    _name = "scenic.booking.line"
    _description = "Booking Line"
    _order = "booking_id, id"
    _inherit = ["scenic.bulk"]
    _rec_name = "product_id"

    booking_id = fields.Many2one(
        "scenic.booking", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="booking_id.company_id", store=True, index=True, precompute=True
    )
    currency_id = fields.Many2one(related="booking_id.currency_id")
    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    site_id = fields.Many2one(
        "scenic.site",
        compute="_compute_site_id",
        store=True,
        index=True,
        ondelete="restrict",
        help="Site of the product at the sale.",
    )
    quantity = fields.Integer(string="Persons", required=True, readonly=True)
    visit_date = fields.Date(readonly=True)
    slot_id = fields.Many2one(
        "scenic.slot",
        string="Time Slot",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    free_persons = fields.Integer(
        string="Free Guides",
        required=True,
        readonly=True,
        default=0,
        help="Persons who enter with the group without paying.",
    )
    refund_policy_id = fields.Many2one(
        "scenic.refund.policy",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    refund_terms = fields.Json(
        readonly=True,
        help="The refund policy as it was at the sale; later changes do not count.",
    )
    proof_checked = fields.Boolean(
        readonly=True, help="Somebody saw the proof of the concession at the sale."
    )
    proof_note = fields.Char(
        string="Proof", readonly=True, help="What was shown, or why not."
    )
    medium_sealed = fields.Char(
        readonly=True,
        copy=False,
        groups=NO_ACCESS,
        help="The card that the ticket will be on, encrypted, until it is issued.",
    )
    change_count = fields.Integer(
        string="Changes", required=True, readonly=True, default=0
    )
    renew_membership_id = fields.Many2one(
        "scenic.membership",
        string="Renews Card",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The member card that this line gives another period.",
    )
    staff_card_id = fields.Many2one(
        "scenic.staff.card",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The staff card that this line makes.",
    )
    price_unit = fields.Float(
        string="Unit Price", digits="Product Price", readonly=True
    )
    amount_untaxed = fields.Monetary(
        string="Untaxed Amount", required=True, readonly=True
    )
    amount_total = fields.Monetary(string="Total", required=True, readonly=True)
    ticket_ids = fields.One2many("scenic.ticket", "booking_line_id", string="Tickets")
    hold_ids = fields.One2many(
        "scenic.capacity.hold", "booking_line_id", string="Places Taken", readonly=True
    )
    holder_ids = fields.One2many(
        "scenic.ticket.holder",
        "booking_line_id",
        string="Visitors",
        readonly=True,
        groups=PEOPLE_READERS,
    )

    _quantity_positive = models.Constraint(
        "CHECK (quantity > 0 AND free_persons >= 0)",
        "A booking line is for one person or more.",
    )
    _amounts_positive = models.Constraint(
        "CHECK (amount_untaxed >= 0 AND amount_total >= 0)",
        "The amounts of a booking line cannot be negative.",
    )

    # not of the site of the product: it may move, what was sold stays where it was
    @api.depends("product_id")
    def _compute_site_id(self):
        for line in self:
            line.site_id = line.product_id.scenic_site_id

    # ------------------------------------------------------------------
    # What a channel asks for
    # ------------------------------------------------------------------

    @api.model
    def _parse(self, lines):
        """Return the lines of a channel with known keys and types.

        :raise BookingError: with the code of the first value that is none
        """
        if (
            not lines
            or not isinstance(lines, list | tuple)
            or not all(isinstance(line, dict) for line in lines)
        ):
            raise BookingError(self.env._("A booking needs at least one line."))
        return [self._parse_line(line) for line in lines]

    @api.model
    def _parse_line(self, line):
        parsed = {
            "product_id": line.get("product_id"),
            "quantity": self._parse_quantity(line.get("quantity")),
            "visit_date": self._parse_date(line.get("visit_date")),
            "slot_id": self._parse_slot(line.get("slot_id")),
            **self._parse_amounts(line),
            "visitors": self._parse_visitors(line.get("visitors")),
            **self._parse_proof(line.get("eligibility")),
            "medium": self._parse_medium(line.get("medium")),
        }
        if parsed["medium"] and parsed["quantity"] != 1:
            raise CredentialError(
                self.env._("A card is for one person."), code="MEDIUM_QUANTITY"
            )
        for name in ("renew_membership_id", "staff_card_id"):
            if line.get(name):
                parsed[name] = line[name]
        return parsed

    @api.model
    def _parse_quantity(self, quantity):
        if (
            isinstance(quantity, bool)
            or not isinstance(quantity, int | float)
            or not math.isfinite(quantity)
            or quantity != int(quantity)
            or not 1 <= quantity < 2**31
        ):
            raise BookingError(
                self.env._(
                    "The number of persons must be a whole number above zero, not "
                    "%(quantity)s.",
                    quantity=quantity,
                ),
                code="QUANTITY_INVALID",
            )
        return int(quantity)

    @api.model
    def _parse_date(self, value):
        try:
            return fields.Date.to_date(value) or False
        except (ValueError, TypeError) as error:
            raise BookingError(
                self.env._("“%(value)s” is not a date.", value=value),
                code="VISIT_DATE_INVALID",
            ) from error

    @api.model
    def _parse_slot(self, value):
        if not value and not isinstance(value, bool | None):
            raise self._slot_error()
        if value and (isinstance(value, bool) or not isinstance(value, int)):
            raise self._slot_error()
        return value or False

    @api.model
    def _slot_error(self):
        return BookingError(
            self.env._("There is no such time slot."), code="SLOT_INVALID"
        )

    @api.model
    def _parse_proof(self, eligibility):
        """Return what was seen of the proof of a concession."""
        eligibility = eligibility or {}
        if not isinstance(eligibility, dict):
            raise BookingError(
                self.env._("Please say whether the proof was checked."),
                code="ELIGIBILITY_INVALID",
            )
        return {
            "proof_checked": eligibility.get("proof_checked") is True,
            "proof_note": mask_text(str(eligibility.get("note") or "").strip())
            or False,
        }

    @api.model
    def _parse_medium(self, medium):
        """Return kind and number of the card that a ticket is to be on, or None.

        :raise CredentialError: it is no card
        """
        if not medium:
            return None
        kind = medium.get("kind") if isinstance(medium, dict) else None
        if kind not in CARDS:
            raise CredentialError(
                self.env._("“%(kind)s” is no card.", kind=kind), code="MEDIUM_KIND"
            )
        credentials = self.env["scenic.credential"]
        number = credentials._normalise_medium(kind, str(medium.get("number") or ""))
        if not number:
            raise CredentialError(
                self.env._("The number of a card has 4 to 32 hexadecimal digits."),
                code="MEDIUM_INVALID",
            )
        return {"kind": kind, "number": number}

    @api.model
    def _parse_visitors(self, visitors):
        """Return who comes: a list of dicts, whose values are checked with them."""
        if not visitors:
            return []
        if not isinstance(visitors, list | tuple) or not all(
            isinstance(visitor, dict) for visitor in visitors
        ):
            raise BookingError(
                self.env._("The visitors of a line are a list, each with a name."),
                code="VISITORS_INVALID",
            )
        return [dict(visitor) for visitor in visitors]

    @api.model
    def _parse_amounts(self, line):
        """Return price and amounts, all of them or none.

        Half of them would leave open what the rest is.
        """
        if all(line.get(name) is None for name in AMOUNTS):
            return dict.fromkeys(AMOUNTS)
        return {name: self._parse_amount(line.get(name)) for name in AMOUNTS}

    @api.model
    def _parse_amount(self, value):
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
    def _check_products(self, prepared, company, late=False):
        """Check that each line can become tickets, and count its free guides.

        :param bool late: sold by a till that was offline, be it closed meanwhile
        :raise BookingError: with the code of the first line that cannot
        """
        now = fields.Datetime.now()
        tickets = 0
        for line in prepared:
            product = self._find_product(line["product_id"])
            template = product.product_tmpl_id
            template._scenic_check_sellable(company)
            # first, before anything is made for each person
            self._check_count(line["quantity"])
            persons, guides = template._scenic_group_persons(line["quantity"])
            line["free_persons"] = guides
            tickets += len(persons)
            if not (line.get("renew_membership_id") or line.get("staff_card_id")):
                self._check_visit(template, line, now, late)
            self._check_eligibility(product, line)
        self._check_count(tickets)
        self.env["scenic.membership"]._prepare_renewals(prepared, company)
        self.env["scenic.staff.card"]._check_lines(prepared, company)

    @api.model
    def _find_product(self, product_id):
        """Return the product that a channel names.

        :raise BookingError: ``PRODUCT_NOT_TICKET``, there is none
        """
        error = BookingError(
            self.env._("There is no such product."), code="PRODUCT_NOT_TICKET"
        )
        if isinstance(product_id, bool) or not isinstance(product_id, int):
            raise error
        product = self.env["product.product"].browse(product_id)
        try:
            # whoever has read it need not look whether it is there
            product.product_tmpl_id.ensure_one()
        except (MissingError, ValueError):
            raise error from None
        return product

    @api.model
    def _check_count(self, tickets):
        """Check that a booking does not ask for tickets out of all proportion."""
        if tickets > MAX_TICKETS:
            raise BookingError(
                self.env._(
                    "A booking is for %(max)s tickets at most, not %(count)s.",
                    max=MAX_TICKETS,
                    count=tickets,
                ),
                code="BOOKING_TOO_LARGE",
            )

    @api.model
    def _check_eligibility(self, product, line):
        """Refuse a concession that what is known of the visitors contradicts."""
        self.env["scenic.eligibility"]._check(
            product,
            {name: line[name] for name in ("visit_date", "visitors", "proof_checked")},
        )

    @api.model
    def _check_visit(self, template, line, now, late=False):
        """Check date and slot of a visit against the rules of the product."""
        visit_date = line["visit_date"]
        if visit_date and not t1.EPOCH <= visit_date <= t1.LAST:
            raise BookingError(
                self.env._(
                    "The visit date %(date)s is out of all proportion.",
                    date=fields.Date.to_string(visit_date),
                ),
                code="VISIT_DATE_INVALID",
            )
        slot = self.env["scenic.slot"].browse(line["slot_id"] or [])
        if slot and not slot.exists():
            raise self._slot_error()
        template._scenic_windows(now, visit_date, slot)
        if not late:
            template._scenic_check_open(visit_date, slot)

    @api.model
    def _check_not_past(self, prepared, sold_at=None):
        """Check that no visit is over at its site: neither its day nor its hours.

        :param datetime sold_at: when it was sold, by default now
        :raise BookingError: the day is over, or last admission
        """
        slots = self.env["scenic.slot"]
        for line in prepared:
            template = self.env["product.product"].browse(line["product_id"])
            template = template.product_tmpl_id
            site = template.scenic_site_id
            today = fields.Date.context_today(self.with_context(tz=site.tz))
            if line["visit_date"] and line["visit_date"] < today:
                raise BookingError(
                    self.env._(
                        "The visit date %(date)s is over.",
                        date=fields.Date.to_string(line["visit_date"]),
                    ),
                    code="VISIT_DATE_PAST",
                )
            if not (line.get("renew_membership_id") or line.get("staff_card_id")):
                slot = slots.browse(line.get("slot_id") or [])
                template._scenic_check_date(line["visit_date"], slot, sold_at)

    @api.model
    def _prepare_values(self, prepared, booking):
        """Return the rows of a new booking for parsed, checked and priced lines."""
        names = {name for line in prepared for name in line if name in self._fields}
        rows = []
        for line in prepared:
            product = self.env["product.product"].browse(line["product_id"])
            rows.append(
                {
                    **{name: line.get(name, False) for name in names},
                    "booking_id": booking.id,
                    "company_id": booking.company_id.id,
                    "site_id": product.scenic_site_id.id,
                    **(
                        self._prepare_refund_terms(product, booking.company_id)
                        if booking.state == "confirmed"
                        else {}
                    ),
                }
            )
        return rows

    def _register_people(self, prepared):
        """Keep what prepared lines say of persons and cards, in the order of ids."""
        pairs = []
        for line, values in zip(self.sorted("id"), prepared, strict=True):
            if values["medium"]:
                line.medium_sealed = line._seal_medium(values["medium"])
            if values["visitors"]:
                pairs.append((line, values["visitors"]))
        if pairs:
            self.env["scenic.ticket.holder"]._register_lines(pairs)

    def _seal_medium(self, medium):
        self.ensure_one()
        # sudo: the keys of the key file, which no user may read
        keys_sudo = self.env["scenic.signing.key"].sudo()
        return keys_sudo._encrypt(
            self._medium_place(), json.dumps(medium), keys_sudo._data().data_kid
        )

    def _medium_place(self):
        """Return what binds the cipher text of a card to its line."""
        return f"scenic.booking.line,{self.id},medium"

    # ------------------------------------------------------------------
    # Tickets
    # ------------------------------------------------------------------

    def _windows(self, now):
        """Return the windows of the tickets of this line, sold now.

        See ``product.template._scenic_windows``.
        """
        self.ensure_one()
        if self.renew_membership_id:
            # lock: whoever freezes the card or renews it, too, is waited for
            self.renew_membership_id._lock()
            return self.renew_membership_id._renewal_windows(self.product_id)
        if self.staff_card_id:
            return self.staff_card_id._ticket_windows()
        return self.product_id.product_tmpl_id._scenic_windows(
            now, self.visit_date, self.slot_id
        )

    def _paying_persons(self):
        """Return for how many persons is paid, those paid back left out."""
        self.ensure_one()
        if self.booking_id.state != "confirmed":
            return self.quantity
        live = self.ticket_ids.filtered(lambda t: t.state not in ("refunded", "void"))
        persons = sum(t.persons - t.persons_refunded for t in live)
        return persons - min(self.free_persons, max(persons - 1, 0))

    def _issue_tickets(self, now):
        """Create the tickets of these lines with all that belongs to them.

        The number of queries does not grow with the number of tickets.

        :return: the new ``scenic.ticket`` records
        """
        prepared = []
        for line in self.sorted("id"):
            template = line.product_id.product_tmpl_id
            template._scenic_check_sellable(line.company_id)
            persons, _guides = template._scenic_group_persons(line.quantity)
            prepared += line._prepare_tickets(now, persons, line.quantity, line)
        tickets = self._create_tickets(prepared)
        self.env["scenic.ticket.holder"]._assign(tickets)
        self._issue_media()
        self._freeze_refund_terms()
        return tickets

    def _issue_media(self):
        """Put tickets on the cards that were named with their lines."""
        # sudo: the number of a card is hidden from everybody until it is issued
        for line_sudo in self.sudo().filtered("medium_sealed"):
            keys_sudo = line_sudo.env["scenic.signing.key"]
            medium = json.loads(
                keys_sudo._decrypt(line_sudo._medium_place(), line_sudo.medium_sealed)
            )
            line_sudo.medium_sealed = False
            line_sudo.ticket_ids._add_medium(medium["kind"], medium["number"])

    def _create_tickets(self, prepared):
        """Create tickets with entitlements and codes, few queries for all."""
        ticket_values = [values for values, _rights in prepared]
        entitlement_values = [rights for _values, rights in prepared]
        tickets = self.env["scenic.ticket"]
        numbers = tickets._next_numbers(len(ticket_values))
        for values, number in zip(ticket_values, numbers, strict=True):
            values["number"] = number
            values["name"] = f"{number:010d}"
        tickets = tickets._bulk_create(ticket_values)
        self.env["scenic.entitlement"]._bulk_create(
            [
                {**values, "ticket_id": ticket.id}
                for ticket, rows in zip(tickets, entitlement_values, strict=True)
                for values in rows
            ]
        )
        tickets._issue_credentials()
        return tickets

    def _issue_more(self, now, quantity, guides, amounts):
        """Create tickets for persons who come in addition, a ticket each.

        :param int quantity: persons who pay
        :param dict amounts: what they pay in all
        """
        self.ensure_one()
        return self._create_tickets(
            self._prepare_tickets(now, [1] * (quantity + guides), quantity, amounts)
        )

    def _freeze_refund_terms(self):
        """Keep the refund policy as it is at the sale; later changes do not count."""
        for line in self:
            terms = self._prepare_refund_terms(line.product_id, line.company_id)
            if terms != {
                "refund_policy_id": line.refund_policy_id.id,
                "refund_terms": line.refund_terms,
            }:
                line.write(terms)

    @api.model
    def _prepare_refund_terms(self, product, company):
        policy = product.scenic_refund_policy_id
        return {
            "refund_policy_id": policy.id,
            "refund_terms": policy.with_context(lang=None)._terms(company),
        }

    def _prepare_tickets(self, now, persons, quantity, amounts):
        """Return ``[(ticket values, [entitlement values])]`` of this line.

        Amounts are split to the cent, first to the tickets of those who pay, then
        each ticket to its components; all sums are exact.

        :param persons: for how many persons each ticket is
        :param int quantity: persons who pay; with a ticket each they come first, and
            guides cost nothing
        :param amounts: record or dict with the amounts of all of them
        """
        self.ensure_one()
        template = self.product_id.product_tmpl_id
        weights = [int(i < quantity) for i in range(len(persons))]
        untaxed = self._split(amounts["amount_untaxed"], weights)
        total = self._split(amounts["amount_total"], weights)
        components = template.scenic_component_ids
        shares = [component._share_weight() for component in components]
        window, windows = self._windows(now)
        common = self._prepare_ticket_values(template, window)
        rights = [
            self._prepare_entitlement_values(component, windows[component])
            for component in components
        ]
        # tickets of one price are split alike
        split = functools.lru_cache(lambda amount: self._split(amount, shares))
        result = []
        for count, amount_untaxed, amount_total in zip(
            persons, untaxed, total, strict=True
        ):
            ticket = {
                **common,
                "persons": count,
                "amount_untaxed": amount_untaxed,
                "amount_total": amount_total,
                "amount_open": amount_untaxed,
                "access_token": secrets.token_urlsafe(24),
            }
            entitlements = [
                {
                    **values,
                    "entries_total": component.entries * count,
                    "amount": amount,
                }
                for component, values, amount in zip(
                    components,
                    rights,
                    split(amount_untaxed),
                    strict=True,
                )
            ]
            result.append((ticket, entitlements))
        return result

    def _prepare_ticket_values(self, template, window):
        """Return what all tickets of this line have in common."""
        booking = self.booking_id
        return {
            "product_id": self.product_id.id,
            "booking_id": booking.id,
            "booking_line_id": self.id,
            "channel_id": booking.channel_id.id,
            "site_id": template.scenic_site_id.id,
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "partner_id": booking.partner_id.id,
            "kind": template.scenic_ticket_kind,
            "visit_date": self.visit_date,
            "slot_id": self.slot_id.id,
            "state": "valid",
            **self._prepare_window(window),
        }

    def _prepare_window(self, window):
        """Return the part of a window that a ticket carries."""
        return {"date_first": window.first_day, "span_days": window.span_days}

    def _prepare_entitlement_values(self, component, window):
        """Return what one component gives to each ticket of this line."""
        return {
            "component_id": component.id,
            "site_id": component.site_id.id,
            "company_id": self.company_id.id,
            **component._entitlement_values(window),
        }

    def _split(self, amount, weights):
        """Split an amount in whole cents of the company's currency."""
        currency = self.currency_id
        units = split_units(round(amount / currency.rounding), weights)
        rounded = {unit: currency.round(unit * currency.rounding) for unit in {*units}}
        return [rounded[unit] for unit in units]

    def _answer(self):
        """Return this line in plain words, as part of an answer to its channel."""
        self.ensure_one()
        return {
            "line_id": self.id,
            "product_id": self.product_id.id,
            "quantity": self.quantity,
            "free_persons": self.free_persons,
            "visit_date": fields.Date.to_string(self.visit_date) or None,
            "slot_id": self.slot_id.id or None,
            "price_unit": self.price_unit,
            "amount_untaxed": self.amount_untaxed,
            "amount_total": self.amount_total,
        }

    def _with_places(self):
        """Return the lines whose tickets take places at their sale."""
        return self.filtered(
            lambda line: line.product_id.scenic_ticket_kind not in KINDS_WITHOUT_PLACE
        )

    def _capacity_holds(self):
        """Return the living holds of the lines, without reservations of tickets."""
        return self.hold_ids.filtered(
            lambda hold: hold.state != "released" and not hold.ticket_id
        )

    def _capacity_persons(self):
        """Return how many places the line has or, without any, would need."""
        self.ensure_one()
        holds = self._capacity_holds()
        if holds:
            return max(hold._live() for hold in holds)
        if self.ticket_ids:
            return sum(
                ticket.persons - ticket.persons_refunded
                for ticket in self.ticket_ids
                if ticket.state not in ("refunded", "void")
            )
        return self.quantity + self.free_persons
