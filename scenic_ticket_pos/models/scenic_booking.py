"""What a cashier is shown of an order whose tickets are collected."""

from odoo import models
from odoo.tools import format_datetime

from ..exceptions import WindowCollectError


class ScenicBooking(models.Model):
    _inherit = "scenic.booking"

    def _pos_row(self):
        """Return this order as the window shows it, in the words of the cashier.

        :return: dict of ``id``, ``name``, ``reference``, ``channel``, ``customer``,
            ``payment`` and ``payment_text``, ``lines`` (``product``, ``visit``,
            ``persons``, ``names``, ``due`` and ``tickets``: how many, ``states``),
            ``due`` (how many tickets), ``reprint_ids`` (those that were collected and
            still admit), ``notice``: what was collected, or why nothing is due
        """
        self.ensure_one()
        tickets = self._pos_tickets()
        # sudo: the right to hand out was checked; who bought and who comes
        booking_sudo, tickets_sudo = self.sudo(), tickets.sudo()
        payment = booking_sudo._payment_state()
        lines = tickets_sudo._pos_rows()
        again_sudo = tickets_sudo.filtered(
            lambda t: t.collection_ids and t._pos_is_printable()
        )
        return {
            "id": self.id,
            "name": self.name,
            "reference": self.external_ref,
            "channel": booking_sudo.channel_id.name,
            "customer": booking_sudo.partner_id.display_name or "",
            "payment": payment,
            "payment_text": self._pos_payment_text(payment),
            "lines": lines,
            "due": sum(line["due"] for line in lines),
            "reprint_ids": again_sudo.ids,
            "notice": booking_sudo._pos_notice(tickets_sudo),
        }

    def _pos_tickets(self):
        """The tickets of this order that the user may read, by number."""
        self.ensure_one()
        return self.env["scenic.ticket"].search(
            [("booking_id", "=", self.id)], order="number"
        )

    def _pos_payment_text(self, payment):
        return {
            "paid": self.env._("Paid"),
            "contract": self.env._("To pay by contract: hand the tickets out"),
            "open": self.env._("Not paid"),
        }[payment]

    def _pos_notice(self, tickets):
        """Tell what was collected before, or why nothing can be collected."""
        self.ensure_one()
        if self.channel_id.kind == "window":
            return self.env._(
                "This order was sold at a window and its tickets were handed out "
                "there. Print them again from the order list."
            )
        if self.state == "held":
            return self.env._(
                "This order is not paid yet, so there are no tickets to collect. It "
                "is held until %(until)s.",
                until=format_datetime(
                    self.env,
                    self.held_until,
                    tz=self.line_ids.site_id[:1].tz,
                    dt_format="short",
                ),
            )
        if self.state != "confirmed":
            states = dict(self._fields["state"]._description_selection(self.env))
            return self.env._(
                "This order is %(state)s: there is nothing to collect.",
                state=states[self.state].lower(),
            )
        rows = tickets.collection_ids.sorted("id")
        if rows:
            return "\n".join(
                group._pos_text()
                for group in rows.grouped(
                    lambda r: (r.event_time, r.terminal, r.user_id, r.request_key)
                ).values()
            )
        if not any(ticket._pos_is_due() for ticket in tickets):
            return self.env._(
                "All tickets of this order are used, expired, refunded or void: there "
                "is nothing to collect."
            )
        return ""

    def _pos_raise_nothing_due(self, tickets):
        """Say why nothing is printed.

        :param tickets: of this order, as superuser
        :raise WindowCollectError:
        """
        raise WindowCollectError(
            # sudo: when and where it was collected, for whoever may hand it out
            self.sudo()._pos_notice(tickets),
            code="COLLECT_DONE" if tickets.collection_ids else "COLLECT_NOTHING",
        )
