"""A ticket that was lent to a till as a blank: sold, spoiled, given back or lost."""

from odoo import fields, models
from odoo.tools import format_datetime

from ..exceptions import BlankError

BLANK_STATES = [
    ("left", "Not Sold"),
    ("sold", "Sold"),
    ("spoiled", "Spoiled"),
    ("returned", "Given Back"),
    ("lost", "Written Off"),
    ("over", "Not Sold in Time"),
]


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    lease_id = fields.Many2one(
        "scenic.blank.lease",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The lease by which a till could sell this ticket without the server.",
    )
    blank_state = fields.Selection(
        BLANK_STATES,
        string="Blank",
        readonly=True,
        copy=False,
        help="What became of a leased blank. Not sold: the till has it, or has sold it "
        "and could not tell yet.",
    )

    blank_date = fields.Datetime(
        string="Blank Decided on",
        readonly=True,
        copy=False,
        help="When the server learned that the blank was sold, spoiled or given back.",
    )

    def _is_unsold_blank(self):
        """Tell whether this ticket was never sold, as far as the server knows."""
        self.ensure_one()
        return bool(self.lease_id) and self.blank_state != "sold"

    # ------------------------------------------------------------------
    # Without a sale
    # ------------------------------------------------------------------

    def _idle_blanks(self):
        """Return the blanks nobody was admitted with, locked; as superuser."""
        blanks = self.filtered(lambda t: t.blank_state == "left")
        blanks._lock()
        return blanks.filtered(
            lambda t: (
                t.blank_state == "left"
                and t.state in ("valid", "expired")
                and not any(
                    right.entries_used or right.entries_reserved
                    for right in t.entitlement_ids
                )
            )
        )

    def _lapse_blanks(self):
        """Let the blanks of a lease that is over admit nobody any more."""
        idle = self._idle_blanks()
        valid = idle.filtered(lambda t: t.state == "valid")
        if valid:
            valid._write_state({"state": "expired"}, "ticket_expire")
        idle._write_quiet({"blank_state": "over"})
        idle.flush_recordset()

    def _return_blanks(self, state, reason):
        """Void blanks that will not be sold; a blank somebody entered with stays.

        :param str state: of :data:`BLANK_STATES`
        """
        idle = self._idle_blanks()
        valid = idle.filtered(lambda t: t.state == "valid")
        if valid:
            valid._void(reason)
        # whose day is over, or whose lease is, holds no place any more
        past = (idle - valid) | self.filtered(lambda t: t.blank_state == "over")
        if past:
            past._lock_for_change(reason)._end(
                {"state": "void"},
                self.env._("Voided: %(reason)s", reason=reason.strip()),
                "ticket_void",
                reason,
            )
        (valid | past)._write_quiet(
            {"blank_state": state, "blank_date": fields.Datetime.now()}
        )
        (valid | past).flush_recordset()

    def _reinstate_blanks(self, reason):
        """Make blanks that were written off such that were not sold in time."""
        lost = self.filtered(lambda t: t.blank_state == "lost")
        if not lost:
            return
        lost._lock()
        ended = lost.credential_ids.filtered(lambda c: c.state == "ended")
        ended._write_state("active")
        lost._write_state(
            {"state": "expired", "blank_state": "over"}, "ticket_change", reason
        )

    # ------------------------------------------------------------------
    # With a sale
    # ------------------------------------------------------------------

    def _check_blank(self, line, sold_at):
        """Check that a blank can be what a booking line has sold.

        :param line: ``scenic.booking.line``
        :param datetime sold_at: by the clock of the till, naive UTC
        :raise BlankError: BLANK_SOLD, BLANK_VOID, BLANK_OTHER or BLANK_LATE
        """
        self.ensure_one()
        if self.blank_state == "sold":
            raise BlankError(
                self.env._(
                    "Blank %(ticket)s was sold already, by booking %(booking)s. Sell "
                    "the visitor another ticket.",
                    ticket=self.name,
                    booking=self.booking_id.name,
                ),
                code="BLANK_SOLD",
            )
        states = dict(self._fields["blank_state"]._description_selection(self.env))
        if self.blank_state not in ("left", "over") or self.state in (
            "void",
            "refunded",
            "frozen",
        ):
            raise BlankError(
                self.env._(
                    "Blank %(ticket)s admits nobody any more: %(state)s. If the till "
                    "has sold it, ask the ticketing manager to reinstate lease "
                    "%(lease)s, and send the order again.",
                    ticket=self.name,
                    state=states[self.blank_state],
                    lease=self.lease_id.name,
                ),
                code="BLANK_VOID",
            )
        if self.product_id != line.product_id or self.visit_date != line.visit_date:
            raise BlankError(
                self.env._(
                    "Blank %(ticket)s is for %(product)s of another day or kind. "
                    "Remove the line and choose the ticket again.",
                    ticket=self.name,
                    product=self._product_name(),
                ),
                code="BLANK_OTHER",
            )
        if not sold_at or sold_at > self.lease_id.date_end:
            raise BlankError(
                self.env._(
                    "Blank %(ticket)s was lent until %(end)s, and the order is later. "
                    "Check the clock of the till; the ticket admits nobody.",
                    ticket=self.name,
                    end=format_datetime(self.env, self.lease_id.date_end),
                ),
                code="BLANK_LATE",
            )

    def _sell_blanks(self, line):
        """Make locked blanks the tickets of a line, amounts split to the cent.

        Number, codes and windows stay: they are printed. So does what somebody
        entered with before the sale arrived.
        """
        booking = line.booking_id
        tickets = self.sorted("number")
        weights = [1] * len(tickets)
        untaxed = line._split(line.amount_untaxed, weights)
        total = line._split(line.amount_total, weights)
        for ticket, amount_untaxed, amount_total in zip(
            tickets, untaxed, total, strict=True
        ):
            rights = ticket.entitlement_ids.sorted("id")
            shares = [right.component_id._share_weight() for right in rights]
            parts = line._split(amount_untaxed, shares)
            for right, amount in zip(rights, parts, strict=True):
                right.amount = amount
            values = {
                "booking_id": booking.id,
                "booking_line_id": line.id,
                "partner_id": booking.partner_id.id,
                "amount_untaxed": amount_untaxed,
                "amount_total": amount_total,
                "blank_state": "sold",
                "blank_date": fields.Datetime.now(),
            }
            if ticket.state == "expired":
                # the lease was over, not the right: what is, expires as any other
                values["state"] = ticket._state_by_entries()
            ticket._write_quiet(values)
        tickets.flush_recordset()
        return tickets

    def _state_by_entries(self):
        """Return the state that the used entries of a living ticket make."""
        self.ensure_one()
        rights = self.entitlement_ids
        if not any(right.entries_used for right in rights):
            return "valid"
        if all(
            not right.unlimited
            and right.entries_used + right.entries_refunded == right.entries_total
            for right in rights
        ):
            return "used"
        return "part_used"

    # ------------------------------------------------------------------
    # Life line
    # ------------------------------------------------------------------

    def _life_line_sale(self):
        lease = self.lease_id
        if lease:
            yield self._life_event(
                "held",
                lease.date_start,
                title=self.env._("Lent to a till as a blank"),
                who=lease.user_id,
                where=lease.till,
                device=lease.device,
                document=lease,
            )
        if not self._is_unsold_blank():
            yield from super()._life_line_sale()
