from typing import NamedTuple

from odoo import api, fields, models

from ..exceptions import RefundError
from ..tools import refund_terms
from ..tools.split import split_units
from .scenic_ticket import TICKET_STATES


class Part(NamedTuple):
    """What is paid back of one right; money in whole cents without tax.

    free, used: entries
    value: what they are worth
    earned: how much of it is revenue already
    """

    right: models.Model
    free: int
    used: int
    value: int
    earned: int


class Plan(NamedTuple):
    """A refund that was worked out; nothing is written yet."""

    ticket: models.Model
    parts: list
    heads: int
    decision: refund_terms.Decision
    untaxed: int
    tax: int
    value_untaxed: int
    value_total: int


class ScenicRefund(models.Model):
    """What was paid back of a ticket, by which document; made by :meth:`_make`."""

    _name = "scenic.refund"
    _description = "Ticket Refund"
    _order = "id desc"
    _rec_name = "document"

    ticket_id = fields.Many2one(
        "scenic.ticket", required=True, readonly=True, index=True, ondelete="restrict"
    )
    product_id = fields.Many2one(related="ticket_id.product_id", store=True, index=True)
    site_id = fields.Many2one(related="ticket_id.site_id", store=True, index=True)
    channel_id = fields.Many2one(related="ticket_id.channel_id", store=True, index=True)
    booking_id = fields.Many2one(related="ticket_id.booking_id", store=True, index=True)
    company_id = fields.Many2one(related="ticket_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="company_id.currency_id", store=True)
    document = fields.Char(
        required=True,
        readonly=True,
        index=True,
        help="Name of the refund order or credit note that pays the money back.",
    )
    serial = fields.Char(
        readonly=True,
        help="Number that the channel gave this refund: the same number is paid back "
        "once, however often it is sent.",
    )
    asked = fields.Json(
        readonly=True, help="What was asked for, to tell a repeat from a conflict."
    )
    date = fields.Datetime(required=True, readonly=True, index=True)
    user_id = fields.Many2one("res.users", required=True, readonly=True, index=True)
    reason = fields.Char(required=True, readonly=True)
    state_before = fields.Selection(
        TICKET_STATES, string="Ticket Was", required=True, readonly=True
    )
    cause = fields.Selection(
        [
            ("policy", "Refund policy"),
            ("due", "Owed to the customer"),
            ("override", "Exception"),
        ],
        string="Granted by",
        required=True,
        readonly=True,
        index=True,
    )
    override_id = fields.Many2one(
        "scenic.refund.override",
        string="Exception",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    approver_id = fields.Many2one(
        related="override_id.approver_id", string="Approved by"
    )
    line_ids = fields.One2many(
        "scenic.refund.line", "refund_id", string="Components", readonly=True
    )
    # How much
    persons = fields.Integer(
        required=True,
        readonly=True,
        help="Persons paid back; 0 if components were.",
    )
    value_total = fields.Monetary(
        string="Value",
        required=True,
        readonly=True,
        help="What the parts paid back had cost, tax included: paid back and fee.",
    )
    fee_total = fields.Monetary(
        string="Fee", required=True, readonly=True, help="Kept, tax included."
    )
    fee_untaxed = fields.Monetary(required=True, readonly=True)
    amount_untaxed = fields.Monetary(
        string="Paid Back Untaxed", required=True, readonly=True
    )
    amount_tax = fields.Monetary(string="Tax", required=True, readonly=True)
    amount_total = fields.Monetary(string="Paid Back", required=True, readonly=True)

    _serial_unique = models.UniqueIndex(
        "(ticket_id, document, serial) WHERE serial IS NOT NULL",
        "This refund was made already.",
    )
    _amounts = models.Constraint(
        "CHECK (fee_total >= 0 AND fee_untaxed >= 0 AND amount_untaxed >= 0 "
        "AND amount_tax >= 0 AND amount_total = amount_untaxed + amount_tax "
        "AND value_total = amount_total + fee_total AND persons >= 0)",
        "The amounts of a refund do not add up.",
    )

    # ------------------------------------------------------------------
    # Work out
    # ------------------------------------------------------------------

    @api.model
    def _plan(self, ticket, persons=None, rights=None, override=None, at=None):
        """Work out one refund; nothing is written.

        :param ticket: one ``scenic.ticket``, as superuser
        :param int persons: so many persons of a group; None: not by persons
        :param rights: these ``scenic.entitlement`` records; None: not by components.
            With neither: all that is left.
        :param override: approved ``scenic.refund.override``; it says what is paid back
        :param datetime at: the moment that counts, by default now
        :return: :class:`Plan`
        :raise RefundError: what is asked for makes no sense
        """
        now = at or fields.Datetime.now()
        if override:
            persons = override.persons or None
            rights = override.entitlement_ids or None
        if persons and rights:
            raise RefundError(
                self.env._("A refund is by persons or by components, not by both."),
                code="REFUND_PARTS",
            )
        due = self._due_rights(ticket, rights) if not persons and not override else None
        if due:
            rights = due
        elif not rights and not override and persons is None:
            persons = self._unused_heads(ticket)
        if persons is not None:
            parts, excess = self._parts_of_persons(ticket, persons, bool(override))
            heads = persons
        else:
            parts, excess = self._parts_of_rights(
                ticket, rights, with_used=bool(override), with_begun=bool(due)
            )
            heads = ticket.persons - ticket.persons_refunded
        slots = {right.id: right._slots() for right in ticket.entitlement_ids}
        before = sum(s.given_back for s in slots.values())
        value = sum(part.value for part in parts)
        last = self._ends(ticket, parts)
        cents = ticket.entitlement_ids[:1]._cents
        untaxed, total = cents(ticket.amount_untaxed), cents(ticket.amount_total)
        tax = refund_terms.tax_of(total - untaxed, untaxed, before, value, last)
        given = refund_terms.tax_of(total - untaxed, untaxed, 0, before)
        terms = ticket._refund_terms()
        decision = refund_terms.decide(
            terms,
            refund_terms.Facts(
                kind=ticket.kind,
                state=ticket.state,
                now=now,
                start=ticket._visit_start(),
                end=max(ticket.entitlement_ids.mapped("valid_to")),
                sold=ticket.booking_id.date_confirmed or ticket.create_date,
                value=value + tax,
                paid=total - before - given,
                heads=heads,
                uses=sum(ticket.entitlement_ids.mapped("entries_used")),
                partial=not last and not self._takes_all_left(ticket, parts),
                used_parts=excess,
                **ticket._card_days(now),
                due=bool(due),
                override=bool(override),
            ),
        )
        if decision.allowed and not any(part.free + part.used for part in parts):
            decision = refund_terms.refuse("TICKET_USED")
        back = refund_terms.split_amount(decision.amount, value, tax)
        return Plan(ticket, parts, heads, decision, *back, value, value + tax)

    @api.model
    def _due_rights(self, ticket, rights):
        """Return the rights to pay back because their price is owed, or None."""
        due = (rights or ticket.entitlement_ids).filtered("refund_due")
        return due if due and (not rights or due == rights) else None

    @api.model
    def _parts_of_persons(self, ticket, persons, with_used):
        """Return the parts of so many persons, and whether some of it was used."""
        left = ticket.persons - ticket.persons_refunded
        if isinstance(persons, bool) or not isinstance(persons, int) or persons < 1:
            raise RefundError(
                self.env._("A refund is for one person or more."), code="REFUND_PARTS"
            )
        if persons > left:
            raise RefundError(
                self.env._(
                    "Ticket %(ticket)s has %(left)s persons left to refund, not "
                    "%(persons)s.",
                    ticket=ticket.name,
                    left=left,
                    persons=persons,
                ),
                code="REFUND_PERSONS",
            )
        parts, excess = [], False
        for right in ticket.entitlement_ids:
            slots = right._slots()
            wanted = slots.entries // ticket.persons * persons
            free = min(wanted, slots.free)
            used = 0
            if wanted > free:
                excess = True
                if with_used:
                    used = min(wanted - free, slots.used - slots.repaid)
            parts.append(self._part(right, slots, free, used))
        return parts, excess

    @api.model
    def _parts_of_rights(self, ticket, rights, with_used=False, with_begun=False):
        """Return all that is left of rights, and whether some of it was used.

        Without rights: of all that can be refunded. A component of a combo that was
        begun, or that another one excludes, is not left.
        """
        parts, excess = [], False
        if rights and (rights - ticket.entitlement_ids):
            raise RefundError(
                self.env._(
                    "This is no component of ticket %(ticket)s.", ticket=ticket.name
                ),
                code="REFUND_PARTS",
            )
        for right in rights or ticket.entitlement_ids:
            slots = right._slots()
            begun = right._choice_is_made() or (
                slots.used > slots.repaid and len(ticket.entitlement_ids) > 1
            )
            keeps = with_used or with_begun or ticket.kind == "member"
            if begun and not keeps:
                excess = excess or bool(rights)
                continue
            used = slots.used - slots.repaid if with_used else 0
            parts.append(self._part(right, slots, slots.free, used))
        return parts, excess

    @api.model
    def _part(self, right, slots, free, used):
        return Part(
            right,
            free,
            used,
            slots.free_value(free) + slots.used_value(used),
            slots.free_earned(free) + slots.used_earned(used),
        )

    @api.model
    def _unused_heads(self, ticket):
        """Return of how many persons of a begun group nothing was used.

        None if the rest of the ticket is not counted in persons.
        """
        rights = ticket.entitlement_ids
        if ticket.persons == 1 or not any(rights.mapped("entries_used")):
            return None
        heads = min(
            right._slots().free // max(1, right.entries_total // ticket.persons)
            for right in rights
        )
        return heads or None

    @api.model
    def _ends(self, ticket, parts):
        """Tell whether nothing of the ticket's price is left after this."""
        taken = {part.right.id: part for part in parts}
        for right in ticket.entitlement_ids:
            slots, part = right._slots(), taken.get(right.id)
            if slots.free > (part.free if part else 0):
                return False
            if slots.used - slots.repaid > (part.used if part else 0):
                return False
        return True

    @api.model
    def _takes_all_left(self, ticket, parts):
        """Tell whether all that can still be used is taken."""
        taken = {part.right.id: part.free for part in parts}
        return all(
            right._slots().free <= taken.get(right.id, 0)
            for right in ticket.entitlement_ids
        )

    # ------------------------------------------------------------------
    # Make
    # ------------------------------------------------------------------

    @api.model
    def _make(
        self,
        tickets_sudo,
        document,
        reason,
        persons=None,
        rights=None,
        override=None,
        serial=None,
        **extra,
    ):
        """Pay tickets back for a document; all or none.

        The rows are locked by the caller. See ``scenic.ticket._refund``.
        """
        # sudo: refunds are written for a document, not for a user
        override_sudo = (override or self.env["scenic.refund.override"]).sudo()
        asked = {
            "persons": persons,
            "entitlement_ids": sorted(rights.ids) if rights else None,
            "override_id": override_sudo.id or None,
        }
        done_sudo = self._repeated(tickets_sudo, document, serial, asked)
        tickets_sudo -= done_sudo.ticket_id
        if not tickets_sudo:
            return done_sudo
        if override_sudo:
            override_sudo._check_usable(tickets_sudo)
        plans = []
        for ticket_sudo in tickets_sudo:
            ticket_sudo._check_not_reserved()
            plan = self._plan(ticket_sudo, persons, rights, override_sudo)
            if not plan.decision.allowed:
                ticket_sudo._raise_refund(plan.decision.code)
            plans.append(plan)
        # sudo: nobody may create refunds; tickets_sudo carries the right of the caller
        refunds_sudo = self.sudo().create(
            [
                {
                    **extra,
                    **self._prepare(plan, override_sudo),
                    "document": document,
                    "serial": serial or False,
                    "asked": asked,
                    "reason": reason,
                }
                for plan in plans
            ]
        )
        self._write_parts(plans)
        if override_sudo:
            override_sudo._use()
        return done_sudo | refunds_sudo

    @api.model
    def _repeated(self, tickets_sudo, document, serial, asked):
        """Return the refunds that a channel asks for again.

        :raise RefundError: the same serial, but something else is asked for
        """
        if not serial:
            # sudo: refunds are written for a document, not for a user
            return self.sudo().browse()
        # sudo: refunds are written for a document, not for a user
        done_sudo = self.sudo().search(
            [
                ("ticket_id", "in", tickets_sudo.ids),
                ("document", "=", document),
                ("serial", "=", serial),
            ]
        )
        for refund_sudo in done_sudo:
            if refund_sudo.asked != asked:
                raise RefundError(
                    self.env._(
                        "Refund %(serial)s of %(document)s was made before with other "
                        "content.",
                        serial=serial,
                        document=document,
                    ),
                    code="REFUND_CONFLICT",
                )
        return done_sudo

    @api.model
    def _prepare(self, plan, override_sudo):
        ticket = plan.ticket
        money = ticket._money
        cause = "policy"
        if override_sudo:
            cause = "override"
        elif any(part.right.refund_due for part in plan.parts):
            cause = "due"
        shares = self._shares(plan)
        return {
            "ticket_id": ticket.id,
            "date": fields.Datetime.now(),
            "user_id": self.env.uid,
            "state_before": ticket.state,
            "cause": cause,
            "override_id": override_sudo.id,
            "persons": plan.heads if self._counts_heads(plan) else 0,
            "value_total": money(plan.value_total),
            "fee_total": money(plan.decision.fee),
            "fee_untaxed": money(plan.value_untaxed - plan.untaxed),
            "amount_untaxed": money(plan.untaxed),
            "amount_tax": money(plan.tax),
            "amount_total": money(plan.decision.amount),
            "line_ids": [
                fields.Command.create(
                    {
                        "entitlement_id": part.right.id,
                        "entries": part.free,
                        "entries_repaid": part.used,
                        "amount_untaxed": money(share),
                        "fee_untaxed": money(part.value - share),
                    }
                )
                for part, share in zip(plan.parts, shares, strict=True)
                if part.free or part.used or part.value
            ],
        }

    @api.model
    def _counts_heads(self, plan):
        """Tell whether persons leave with this refund, and not only components."""
        return bool(plan.parts) and {part.right.id for part in plan.parts} == set(
            plan.ticket.entitlement_ids.ids
        )

    @api.model
    def _shares(self, plan):
        """Split what is paid back over the parts, none above its value."""
        values = [part.value for part in plan.parts]
        if not sum(values):
            return [0] * len(values)
        return split_units(plan.untaxed, values)

    @api.model
    def _write_parts(self, plans):
        """Move entries and money of the tickets paid back."""
        entries, ended, rest = [], [], {}
        for plan in plans:
            ticket = plan.ticket
            ends = self._ends(ticket, plan.parts)
            for part, share in zip(plan.parts, self._shares(plan), strict=True):
                right, money = part.right, ticket._money
                kept = part.value - share - part.earned
                lapsed = right.entries_lapsed
                right.write(
                    {
                        "entries_refunded": right.entries_refunded + part.free,
                        "entries_repaid": right.entries_repaid + part.used,
                        "entries_lapsed": max(0, lapsed - part.free),
                        "amount_refunded": money(
                            right._cents(right.amount_refunded) + share
                        ),
                        "amount_recognised": money(
                            right._cents(right.amount_recognised) + kept
                        ),
                        "refund_due": False,
                    }
                )
                if kept:
                    entries.append(
                        (right, "refund_fee" if kept > 0 else "reversal", kept)
                    )
            values = {}
            if self._counts_heads(plan):
                values["persons_refunded"] = min(
                    ticket.persons, ticket.persons_refunded + plan.heads
                )
            state = ticket._state_after_refund(ends)
            if state != ticket.state:
                values["state"] = state
            if not any(ticket.entitlement_ids.mapped("refund_due")):
                values["refund_due"] = False
            rest[ticket] = values
            if state == "refunded":
                ended.append(ticket.id)
        self.env["scenic.revenue.entry"]._create_kept(entries)
        for ticket, values in rest.items():
            ticket._write_quiet({**values, **ticket._money_sums()})
        # sudo: refunds are written for a document, not for a user
        tickets = self.env["scenic.ticket"].sudo().browse(ended)
        tickets._end_media()
        heads = [(p.ticket, p.heads) for p in plans if self._counts_heads(p)]
        self.env["scenic.ticket"]._release_places(heads)

    # ------------------------------------------------------------------
    # Errors
    # ------------------------------------------------------------------

    def write(self, vals):  # pylint: disable=method-required-super
        self.check_access("write")
        # a fact: what was paid back is never corrected, only paid back again
        raise RefundError(self.env._("A refund cannot change."), code="REFUND_FIXED")

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise RefundError(
            self.env._("A refund cannot be deleted."), code="REFUND_FIXED"
        )
