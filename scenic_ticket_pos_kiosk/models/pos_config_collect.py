"""Collecting (取票) at a kiosk: tickets of web and agency orders, with nobody there."""

from odoo import models

from ..exceptions import KioskError

# What a person alone has bought; more is a group, whose guide goes to the window.
MAX_TICKETS = 20


class PosConfig(models.Model):
    _inherit = "pos.config"

    def _scenic_kiosk_collect(self, text, key):
        """Hand out what is due of the orders that a code or document opens, once.

        Not by the number of an order: it can be guessed, and nobody looks who asks.

        :param str text: as scanned
        :param str key: as of :meth:`scenic_collect`
        :return: ``{model: rows}`` as the kiosk loads them, and ``ticket_ids`` to print
        :raise KioskError: COLLECT_UNKNOWN, COLLECT_GROUP
        :raise WindowCollectError: as :meth:`scenic_collect`, when nothing is due
        """
        self._scenic_check_desk()
        found = self._scenic_tickets_of(self._scenic_text(text)).booking_id
        bookings = found.filtered(lambda booking: booking.channel_id.kind != "window")
        if not bookings:
            raise KioskError(
                self.env._(
                    "There is no order to collect by this code or document. Show it "
                    "at the window."
                ),
                code="COLLECT_UNKNOWN",
            )
        tickets = bookings.sudo().ticket_ids  # sudo: how many, and of which orders
        due = tickets.filtered(lambda ticket: ticket._pos_is_due())
        if len(due) > MAX_TICKETS:
            raise KioskError(
                self.env._(
                    "The tickets of a group are collected at the window. Show the "
                    "voucher there."
                ),
                code="COLLECT_GROUP",
            )
        # with nothing due the answer says when it was collected
        chosen = due.booking_id or bookings[:1]
        chosen |= tickets.filtered(
            lambda ticket: key in ticket.collection_ids.mapped("request_key")
        ).booking_id
        answers = [self.scenic_collect(id_, key) for id_ in sorted(chosen.ids)]
        return {
            name: [row for answer in answers for row in answer[name]]
            for name in ("scenic.slot", "scenic.ticket", "ticket_ids")
        }
