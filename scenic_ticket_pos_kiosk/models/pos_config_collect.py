"""Collecting (取票) at a kiosk: tickets of web and agency orders, with nobody there."""

from odoo import models

from odoo.addons.scenic_ticket_base.tools.rate_limit import RateLimit

from ..exceptions import KioskError

# What a person alone has bought; more is a group, whose guide goes to the window.
MAX_TICKETS = 20
# Of a kiosk, in one worker: codes and documents without an order, and after how many
# seconds one more. Somebody else's document number must not be found by trying.
WRONG_TRIES, WRONG_SECONDS = 10, 60
_limit = RateLimit()


class PosConfig(models.Model):
    _inherit = "pos.config"

    def _scenic_kiosk_collect(self, text, key):
        """Hand out what is due of the orders that a code or document opens, once.

        Not by the number of an order: it can be guessed, and nobody looks who asks.
        What opens no order counts: after ten of them the kiosk looks for nothing,
        right or wrong, until a minute has passed for each further one.

        :param str text: as scanned
        :param str key: as of :meth:`scenic_collect`
        :return: ``{model: rows}`` as the kiosk loads them, and ``ticket_ids`` to print
        :raise KioskError: COLLECT_UNKNOWN, COLLECT_LIMIT, COLLECT_GROUP; or
            COLLECT_KIOSK, this is a menu on the visitor's telephone
        :raise WindowCollectError: as :meth:`scenic_collect`, when nothing is due
        """
        self._scenic_check_desk()
        if self.self_ordering_mode != "kiosk":
            raise KioskError(
                self.env._("Tickets are collected at a kiosk or at the window."),
                code="COLLECT_KIOSK",
            )
        bookings = self._scenic_kiosk_bookings(self._scenic_text(text))
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
        desk = self.with_context(scenic_public_screen=True)
        answers = [desk.scenic_collect(id_, key) for id_ in sorted(chosen.ids)]
        return {
            name: [row for answer in answers for row in answer[name]]
            for name in ("scenic.slot", "scenic.ticket", "ticket_ids")
        }

    def _scenic_kiosk_bookings(self, text):
        """Return the orders of other channels that a code or document opens.

        :raise KioskError: COLLECT_UNKNOWN, COLLECT_LIMIT
        """
        bucket = (self.env.cr.dbname, self.id)
        if _limit.take(bucket, 1 / WRONG_SECONDS, WRONG_TRIES):
            raise KioskError(
                self.env._(
                    "Too many codes or documents without an order were shown here. "
                    "Wait a minute and try again, or go to the window."
                ),
                code="COLLECT_LIMIT",
            )
        bookings = self._scenic_tickets_of(text).booking_id
        bookings = bookings.filtered(lambda b: b.channel_id.kind != "window")
        if not bookings:
            raise KioskError(
                self.env._(
                    "There is no order to collect by this code or document. Show it "
                    "at the window."
                ),
                code="COLLECT_UNKNOWN",
            )
        _limit.give_back(bucket, WRONG_TRIES)
        return bookings
