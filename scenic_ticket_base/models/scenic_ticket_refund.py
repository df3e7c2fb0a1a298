"""Pays tickets back, or tells what that would give; ``scenic.refund`` has the sums."""

from zoneinfo import ZoneInfo

from odoo import fields, models

from ..exceptions import RefundError, TicketStateError, TicketUsedError
from ..tools import refund_terms
from ..tools.lock_first import locks_first
from ..tools.window import local_day


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

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

    def _mark_due(self, cause):
        """Note that the customer is owed what is left of the price."""
        self.entitlement_ids.write({"refund_due": True})
        self._write_quiet({"refund_due": cause, "breakage_at": False})

    # ------------------------------------------------------------------
    # Terms and refusals
    # ------------------------------------------------------------------

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

    # ------------------------------------------------------------------
    # What a refund counts with
    # ------------------------------------------------------------------

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
        today = local_day(now, ZoneInfo(self.site_id.tz))
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
