from dataclasses import dataclass, field

from odoo import api, fields, models

from ..exceptions import BookingError, TicketStateError
from ..tools import refund_terms
from .product_template import MAX_PERSONS

MONEY = ("amount_untaxed", "amount_total")
#: In the context of a change for which the customer is not to blame: it costs no fee,
#: counts for nothing and is never too late. An object, so that no client can say it.
FREE_CHANGE = object()


@dataclass
class Plan:
    """A change of one booking line that was worked out; nothing is written yet.

    line: ``scenic.booking.line``, as superuser
    tickets: its tickets that change, empty while it is held
    visit_date, slot: what they will be
    payers: how many persons will pay, those of ended tickets left out
    added, guides: how many more pay, and how many more guides enter free
    removed: how many fewer pay; their tickets are paid back
    before, kept: amounts of those who stay, before and after the change
    extra: amounts of those who come in addition
    back: what those who do not come get back
    price_unit: price of a person after the change
    fee: of the change, tax included
    visitors: who will come, None: as before
    moves: whether date or slot change
    issued: whether the line has tickets
    new_tickets: those of who comes in addition, once they are made
    """

    line: models.Model
    tickets: models.Model
    visit_date: fields.Date
    slot: models.Model
    payers: int
    added: int = 0
    guides: int = 0
    removed: int = 0
    before: dict = field(default_factory=dict)
    kept: dict = field(default_factory=dict)
    extra: dict = field(default_factory=lambda: dict.fromkeys(MONEY, 0.0))
    back: dict = field(default_factory=lambda: dict.fromkeys(MONEY, 0.0))
    price_unit: float = 0.0
    fee: float = 0.0
    visitors: list | None = None
    moves: bool = field(init=False)
    issued: bool = field(init=False)
    new_tickets: models.Model | None = None

    def __post_init__(self):
        line = self.line
        now = (line.visit_date or False, line.slot_id)
        self.moves = now != (self.visit_date, self.slot)
        self.issued = line.booking_id.state == "confirmed"


class ScenicBookingChange(models.AbstractModel):
    """Changes lines of bookings: date, slot, number of persons, names (改签).

    What is sold stays what it is: the same tickets with the same numbers, at the same
    price a person as long as the pricelist asks no other price for the new day.
    """

    _name = "scenic.booking.change"
    _description = "Change of a Booking"

    # ------------------------------------------------------------------
    # What is asked for
    # ------------------------------------------------------------------

    @api.model
    def _parse(self, changes):
        """Return changes with known keys and types; missing keys mean: as before.

        :param changes: see ``scenic.booking._amend``
        :raise BookingError: with the code of the first value that is none
        """
        if (
            not changes
            or not isinstance(changes, list | tuple)
            or not all(isinstance(change, dict) for change in changes)
        ):
            raise BookingError(
                self.env._("Please say what to change."), code="CHANGE_EMPTY"
            )
        return [self._parse_one(change) for change in changes]

    @api.model
    def _parse_one(self, change):
        lines = self.env["scenic.booking.line"]
        parsed = {"line_id": change.get("line_id")}
        if "visit_date" in change:
            parsed["visit_date"] = lines._parse_date(change["visit_date"])
        if "slot_id" in change:
            parsed["slot_id"] = lines._parse_slot(change["slot_id"])
        if change.get("quantity") is not None:
            parsed["quantity"] = lines._parse_quantity(change["quantity"])
        if change.get("visitors") is not None:
            parsed["visitors"] = lines._parse_visitors(change["visitors"])
        parsed.update(lines._parse_amounts(change))
        return parsed

    # ------------------------------------------------------------------
    # Work out
    # ------------------------------------------------------------------

    @api.model
    def _plan(self, booking, changes):
        """Work out parsed changes of a booking; nothing is written.

        :param booking: one ``scenic.booking``, as superuser
        :return: list of :class:`Plan`
        :raise BookingError, TicketStateError: what is asked for is not possible
        """
        if booking.state != "confirmed":
            booking._check_held()
        by_id = {line.id: line for line in booking.line_ids}
        wanted = [change["line_id"] for change in changes]
        known = [w for w in wanted if type(w) is int and w in by_id]
        if len(set(known)) != len(wanted):
            raise BookingError(
                self.env._("This is no line of booking %(name)s.", name=booking.name),
                code="CHANGE_LINE",
            )
        return [self._plan_line(by_id[change["line_id"]], change) for change in changes]

    @api.model
    def _plan_line(self, line, change):
        template = line.product_id.product_tmpl_id
        moved = "visit_date" in change and change["visit_date"] != (
            line.visit_date or False
        )
        slot = line.slot_id
        if "slot_id" in change or moved:
            slot = slot.browse(change.get("slot_id") or [])
        plan = Plan(
            line,
            line.ticket_ids.browse(),
            change.get("visit_date", line.visit_date or False),
            slot,
            line.quantity,
            visitors=change.get("visitors"),
        )
        if plan.issued:
            self._plan_tickets(plan, change)
        elif "quantity" in change:
            plan.payers = change["quantity"]
        if plan.moves:
            self._check_date(plan, template)
        old = plan.line._paying_persons()
        if plan.payers != old:
            line._check_count(plan.payers)
            _persons, guides = template._scenic_group_persons(plan.payers)
            plan.added = max(plan.payers - old, 0)
            plan.removed = max(old - plan.payers, 0)
            plan.guides = guides - line.free_persons
            if plan.issued:
                # a guide who was promised stays
                plan.guides = max(plan.guides, 0) if plan.added else 0
        if plan.removed:
            self._plan_leaving(plan)
        if plan.added and not plan.moves:
            template._scenic_check_open(plan.visit_date, plan.slot)
        self._plan_money(plan, change)
        return plan

    @api.model
    def _plan_tickets(self, plan, change):
        """Find the tickets of a line that is paid, and check them."""
        line = plan.line
        line.ticket_ids._lock()
        ended = ("refunded", "void")
        tickets = line.ticket_ids.filtered(lambda t: t.state not in ended)
        if not tickets:
            line.ticket_ids[:1]._raise_state()
        plan.tickets = tickets.sorted("number")
        plan.payers = change.get("quantity", plan.line._paying_persons())
        asks = plan.moves or plan.payers != plan.line._paying_persons()
        if not asks and plan.visitors is None:
            return
        tickets._check_unused()
        tickets._check_state(("valid",))
        if asks and line.product_id.scenic_ticket_kind in ("member", "staff"):
            raise TicketStateError(
                self.env._(
                    "Ticket %(ticket)s is a period of a card: its days cannot be "
                    "changed here.",
                    ticket=tickets[0].name,
                ),
                code="TICKET_OF_CARD",
            )
        for ticket in tickets:
            if asks and ticket.amount_recognised:
                raise TicketStateError(
                    self.env._(
                        "Ticket %(ticket)s has earned revenue already and cannot be "
                        "changed any more.",
                        ticket=ticket.name,
                    ),
                    code="TICKET_EARNED",
                )
        if plan.moves:
            self._plan_fee(plan)

    @api.model
    def _plan_fee(self, plan):
        """Ask the refund terms of the sale whether date and slot may change."""
        line = plan.line
        if self._is_free_change():
            return
        decision = refund_terms.decide_change(
            plan.tickets[0]._refund_terms(),
            line.change_count,
            fields.Datetime.now(),
            plan.tickets[0]._visit_start(),
        )
        if not decision.allowed:
            raise BookingError(
                plan.tickets[0]._refund_message(decision.code), code=decision.code
            )
        persons = sum(t.persons - t.persons_refunded for t in plan.tickets)
        plan.fee = line.currency_id.round(
            decision.fee * persons * line.currency_id.rounding
        )

    @api.model
    def _is_free_change(self):
        return self.env.context.get("scenic_free_change") is FREE_CHANGE

    @api.model
    def _check_date(self, plan, template):
        """Check the new date and slot against the rules of the product."""
        values = {
            "product_id": plan.line.product_id.id,
            "visit_date": plan.visit_date,
            "slot_id": plan.slot.id,
        }
        lines = self.env["scenic.booking.line"]
        sold_at = self._sold_at(plan.line)
        lines._check_visit(template, values, sold_at)
        lines._check_not_past([values], sold_at)
        if not self._is_free_change():  # who was sent away comes when he can
            self.env["scenic.eligibility"]._check_move(plan.line, plan.visit_date)

    @api.model
    def _sold_at(self, line):
        return line.booking_id.date_confirmed or fields.Datetime.now()

    @api.model
    def _plan_money(self, plan, change):
        """Work out the amounts after the change.

        Who stays pays what was agreed, plus or minus what the pricelist asks more or
        less for the new day or number. A smaller group keeps its price per person.
        """
        line, rounded = plan.line, plan.line.currency_id.round
        stay = plan.payers - plan.added
        plan.before = self._amounts_of_stay(plan)
        plan.kept, plan.price_unit = dict(plan.before), line.price_unit
        if change["amount_total"] is not None:
            plan.price_unit = change["price_unit"]
            plan.kept = self._part(line, change, stay, plan.payers)
            for name in MONEY:
                plan.extra[name] = rounded(change[name] - plan.kept[name])
        elif plan.moves or plan.added:
            old = stay + plan.removed
            new, kept_new, kept_old = self._prices(
                line,
                (plan.visit_date, plan.payers, max(old, plan.payers)),
                (plan.visit_date, stay, max(old, plan.payers)),
                (line.visit_date, stay, old),
            )
            for name in MONEY:
                more = kept_new[name] - kept_old[name]
                plan.kept[name] = max(rounded(plan.before[name] + more), 0.0)
                plan.extra[name] = rounded(new[name] - kept_new[name])
            plan.price_unit = max(
                line.price_unit + new["price_unit"] - kept_old["price_unit"], 0.0
            )
        if plan.issued and plan.kept != plan.before:
            self._check_price_free(plan)

    @api.model
    def _amounts_of_stay(self, plan):
        """Return what those who stay have paid, or are asked to pay, so far."""
        line = plan.line
        if not plan.issued:
            stay = plan.payers - plan.added
            return self._part(line, line, stay, stay + plan.removed)
        tickets = self._staying(plan)
        return {
            name: line.currency_id.round(sum(tickets.mapped(name))) for name in MONEY
        }

    @api.model
    def _part(self, line, amounts, part, whole):
        """Return the part of some persons in amounts of the whole, to the cent."""
        weights = [part, whole - part]
        return {name: line._split(amounts[name], weights)[0] for name in MONEY}

    @api.model
    def _prices(self, line, *asked):
        """Return the amounts for ``(visit date, persons, persons of the price)``."""
        booking = line.booking_id
        return booking.channel_id._price(
            [
                {
                    "product_id": line.product_id.id,
                    "visit_date": visit_date,
                    "quantity": quantity,
                    "price_quantity": price_quantity,
                }
                for visit_date, quantity, price_quantity in asked
            ],
            booking.company_id,
            booking.partner_id,
            booking.pricelist_id,
        )

    @api.model
    def _check_price_free(self, plan):
        """Refuse another price for tickets of which a part is paid back."""
        for ticket in self._staying(plan):
            if ticket.amount_refunded or plan.removed and ticket.persons > 1:
                raise TicketStateError(
                    self.env._(
                        "A part of ticket %(ticket)s is paid back: it can only be "
                        "moved to a day of the same price.",
                        ticket=ticket.name,
                    ),
                    code="TICKET_PART_REFUNDED",
                )

    @api.model
    def _plan_leaving(self, plan):
        """Work out what is paid back for those who do not come."""
        line = plan.line
        if not plan.issued:
            old = plan.payers + plan.removed
            plan.back = self._part(line, line, plan.removed, old)
            return
        for ticket, persons in self._leaving(plan):
            quote = ticket._refund_quote(persons=persons)
            if not quote["allowed"]:
                ticket._raise_refund(quote["code"])
            for name in MONEY:
                plan.back[name] += quote[name]

    @api.model
    def _leaving(self, plan):
        """Return ``[(ticket, persons, None for all)]`` of those who do not come.

        Of tickets for one person the last ones; whoever wants others refunds them.
        """
        if not plan.removed:
            return []
        groups = plan.tickets.filtered(lambda t: t.persons > 1)
        if groups:
            return [(groups[-1], plan.removed)]
        paid = plan.tickets.filtered("amount_total") or plan.tickets
        return [(ticket, None) for ticket in paid[-plan.removed :]]

    @api.model
    def _staying(self, plan):
        gone = [ticket.id for ticket, persons in self._leaving(plan) if not persons]
        return plan.tickets.filtered(lambda t: t.id not in gone)

    @api.model
    def _cost(self, booking, plans):
        """Return what planned changes cost, as part of an answer to a channel."""
        rounded = booking.currency_id.round

        def differs(name):
            return rounded(
                sum(
                    plan.kept[name]
                    - plan.before[name]
                    + plan.extra[name]
                    - plan.back[name]
                    for plan in plans
                )
            )

        return {
            "difference_untaxed": differs("amount_untaxed"),
            "difference_total": differs("amount_total"),
            "change_fee": rounded(sum(plan.fee for plan in plans)),
        }

    # ------------------------------------------------------------------
    # Do
    # ------------------------------------------------------------------

    @api.model
    def _apply(self, plans, reason, document_ref):
        """Do planned changes; the caller's savepoint makes them all or none."""
        for plan in plans:
            if plan.issued:
                self._apply_issued(plan, reason, document_ref)
            else:
                self._apply_held(plan)
            self._apply_visitors(plan, reason)

    @api.model
    def _apply_held(self, plan):
        line = plan.line
        pools = self.env["scenic.capacity.pool"]
        old = line.quantity + line.free_persons
        persons = plan.payers + line.free_persons + plan.guides
        if plan.moves:
            pools._move(line, plan.visit_date, plan.slot, persons=persons)
        line.write(
            {
                "visit_date": plan.visit_date,
                "slot_id": plan.slot.id,
                "quantity": plan.payers,
                "free_persons": line.free_persons + plan.guides,
                "price_unit": plan.price_unit,
                **self._totals(plan, plan.kept),
            }
        )
        line.flush_recordset()
        if persons < old and not plan.moves:
            pools._release(line, persons=old - persons)
        elif persons > old and not plan.moves:
            pools._take(line)

    @api.model
    def _totals(self, plan, base):
        """Return amounts of a line: a base and what comes in addition."""
        rounded = plan.line.currency_id.round
        return {name: rounded(base[name] + plan.extra[name]) for name in MONEY}

    @api.model
    def _apply_issued(self, plan, reason, document_ref):
        line, tickets = plan.line, self._staying(plan)
        self._take_back(plan, reason, document_ref)
        before = self._signed(tickets)
        grown = {
            name: line[name] + plan.kept[name] - plan.before[name] for name in MONEY
        }
        pools = self.env["scenic.capacity.pool"]
        values = {"price_unit": plan.price_unit, **self._totals(plan, grown)}
        if plan.moves:
            pools._move(line, plan.visit_date, plan.slot)
            values.update(
                visit_date=plan.visit_date,
                slot_id=plan.slot.id,
                change_count=line.change_count + int(not self._is_free_change()),
            )
        if plan.added:
            values.update(
                quantity=line.quantity + plan.added,
                free_persons=line.free_persons + plan.guides,
            )
        line.write(values)
        line.flush_recordset()
        if plan.added:
            pools._take(line, "sold", persons=plan.added + plan.guides)
        if plan.moves:
            self._move_tickets(line, tickets)
        if plan.kept != plan.before:
            self._reprice(line, tickets, plan.kept)
        if plan.added:
            self._add_persons(plan, tickets)
        after = self._signed(tickets)
        # the code says the first day, so a code of the old day opens nothing more
        stale = tickets.filtered(lambda t: before[t.id] != after[t.id])
        if stale:
            stale._reissue(reason)

    @api.model
    def _signed(self, tickets):
        """Return what the codes of tickets say, by ticket."""
        return {t.id: (t.date_first, t.span_days, t.persons) for t in tickets}

    @api.model
    def _take_back(self, plan, reason, document_ref):
        whole = plan.tickets.browse()
        for ticket, persons in self._leaving(plan):
            if persons:
                ticket._refund(document_ref, reason, persons=persons)
            else:
                whole |= ticket
        if whole:
            whole._refund(document_ref, reason)

    @api.model
    def _move_tickets(self, line, tickets):
        """Give tickets and their entitlements the windows of the line's new day."""
        window, windows = line._windows(self._sold_at(line))
        self._write(
            tickets,
            {
                "visit_date": line.visit_date,
                "slot_id": line.slot_id.id,
                **line._prepare_window(window),
            },
        )
        names = ("valid_from", "valid_to", "weekdays", "minute_from", "minute_to")
        for component, rights in tickets.entitlement_ids.grouped(
            "component_id"
        ).items():
            # a component that is sold no more follows the ticket as a whole
            own = component._entitlement_values(windows.get(component, window))
            self._write(rights, {name: own[name] for name in names})

    @api.model
    def _reprice(self, line, tickets, amounts):
        """Give tickets other amounts, in the proportions of the old ones."""
        new = {
            name: self._split_like(line, amounts[name], tickets.mapped(name))
            for name in MONEY
        }
        for position, ticket in enumerate(tickets):
            values = {name: new[name][position] for name in MONEY}
            if any(ticket[name] != values[name] for name in MONEY):
                self._write(ticket, values)
                self._reprice_rights(line, ticket)

    @api.model
    def _reprice_rights(self, line, ticket):
        rights = ticket.entitlement_ids
        amounts = rights.mapped("amount")
        if not any(amounts):
            amounts = [r.component_id._share_weight() for r in rights]
        shares = self._split_like(line, ticket.amount_untaxed, amounts)
        for right, amount in zip(rights, shares, strict=True):
            self._write(right, {"amount": amount})

    @api.model
    def _split_like(self, line, amount, likes):
        """Split an amount in the proportions of others, equally if all are zero."""
        weights = [round(like / line.currency_id.rounding) for like in likes]
        return line._split(amount, weights if any(weights) else [1] * len(weights))

    @api.model
    def _add_persons(self, plan, tickets):
        """Let more persons in: with the code of the group, or by more tickets."""
        line = plan.line
        more = plan.added + plan.guides
        groups = tickets.filtered(lambda t: t.persons > 1)
        template = line.product_id.product_tmpl_id
        one_code = (
            template.scenic_ticket_kind == "group"
            and template.scenic_group_codes == "one"
        )
        ticket = (groups or tickets)[-1]
        if not one_code or ticket.persons + more > MAX_PERSONS:
            plan.new_tickets = line._issue_more(
                self._sold_at(line), plan.added, plan.guides, plan.extra
            )
            return
        for right in ticket.entitlement_ids:
            per_person = right.entries_total // ticket.persons
            self._write(right, {"entries_total": per_person * (ticket.persons + more)})
        rounded = line.currency_id.round
        self._write(
            ticket,
            {
                "persons": ticket.persons + more,
                **{name: rounded(ticket[name] + plan.extra[name]) for name in MONEY},
            },
        )
        self._reprice_rights(line, ticket)

    @api.model
    def _write(self, records, values):
        # the reason is logged with the booking, so no tracking beside it
        records.with_context(tracking_disable=True).write(values)
        records.flush_recordset()

    @api.model
    def _apply_visitors(self, plan, reason):
        """Register who comes now, and move the documents of those who came before."""
        holders = self.env["scenic.ticket.holder"]
        if plan.moves:
            plan.line.holder_ids._move()
        if plan.visitors is not None:
            holders._set_visitors(plan.line, plan.visitors, reason)
        if plan.new_tickets:
            holders._assign(plan.new_tickets)
