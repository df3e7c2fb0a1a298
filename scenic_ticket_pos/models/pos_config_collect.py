"""Collecting (取票): tickets of web and agency orders, handed out at the window."""

from odoo import models
from odoo.fields import Domain

from odoo.addons.scenic_ticket_base.tools.lock_first import lock_first

from ..exceptions import WindowCheckError, WindowCollectError

MAX_FOUND = 20
MAX_TEXT = 300
PRINT_BATCH = 5000


class PosConfig(models.Model):
    _inherit = "pos.config"

    def scenic_collect_find(self, text):
        """Find the orders of a voucher, a document or an order number.

        :param str text: as scanned or typed: a code of a ticket, the number of a
            document or card, the name of the order or of the booking
        :return: dicts as ``scenic.booking._pos_row`` tells them, first those of which
            something is due
        :raise WindowCollectError: COLLECT_UNKNOWN, this user finds no such order here
        """
        self._scenic_check_desk()
        text = self._scenic_text(text)
        bookings = self._scenic_tickets_of(text).booking_id
        bookings |= self._scenic_bookings_named(text)
        if not bookings:
            raise WindowCollectError(
                self.env._(
                    "No order of this park is found by “%(text)s”. Scan the voucher or "
                    "the document of the buyer, or type the order number as it stands "
                    "on the confirmation. An order of another company is collected "
                    "at its own window.",
                    text=text[:40],
                ),
                code="COLLECT_UNKNOWN",
            )
        rows = [booking._pos_row() for booking in bookings]
        return sorted(rows, key=lambda row: (not row["due"], -row["id"]))

    def scenic_collect(self, booking_id, key):
        """Hand out what is due of an order, once.

        Two windows at once, or one twice: the tickets are printed by the first call,
        and the other one is told when and where that was.

        :param int booking_id: ``scenic.booking`` as found
        :param str key: the window's word for this request; sent again by the same
            user it gives the same answer and counts nothing
        :return: the tickets to print, as the window loads them, and the booking's row
        :raise WindowCollectError: COLLECT_DONE, COLLECT_NOTHING, COLLECT_UNKNOWN
        """
        self._scenic_check_desk()
        if not isinstance(key, str) or not 8 <= len(key) <= 64:
            raise WindowCollectError(
                self.env._("This request is not readable. Search for the order again.")
            )
        booking = self._scenic_booking(booking_id)
        # sudo: only the names of the locks
        names = booking.sudo()._lock_names()
        return lock_first(
            self.env, names, lambda: self._scenic_collect(booking.id, key)
        )

    def _scenic_collect(self, booking_id, key):
        booking = self._scenic_booking(booking_id)
        # sudo: the right to hand out was checked; nobody may write tickets
        tickets_sudo = booking._pos_tickets().sudo()
        tickets_sudo._lock()
        same_sudo = tickets_sudo.filtered(
            lambda t: (
                t.collection_ids.request_key == key
                and t.collection_ids.user_id == self.env.user
            )
        )
        due_sudo = tickets_sudo.filtered(lambda t: t._pos_is_due())
        if not same_sudo:
            if not due_sudo:
                booking._pos_raise_nothing_due(tickets_sudo)
            self.env["scenic.collection"]._record(due_sudo, self.name, key)
            due_sudo._count_print("receipt", self.name, booking)
        return self._scenic_print_data(same_sudo or due_sudo, booking)

    def scenic_reprint(self, ticket_ids):
        """Print tickets again: each print is counted and marked on the paper.

        :param list ticket_ids: ``scenic.ticket`` that were handed out before
        :return: as :meth:`scenic_collect`
        :raise WindowCollectError: COLLECT_DUE, it was never collected
        :raise WindowCheckError: CHECK_STATE, its code opens nothing any more
        """
        self._scenic_check_desk()
        tickets = self._scenic_own_tickets(ticket_ids)
        for ticket in tickets:
            if not ticket._pos_is_printable():
                raise WindowCheckError(ticket._state_message(), code="CHECK_STATE")
            if ticket._pos_is_due():
                raise WindowCollectError(
                    self.env._(
                        "Ticket %(ticket)s was not collected yet. Press Collect "
                        "instead: what is printed there is no reprint.",
                        ticket=ticket.name,
                    ),
                    code="COLLECT_DUE",
                )
        booking = tickets.booking_id[:1]
        tickets._count_print("receipt", self.name, booking)
        return self._scenic_print_data(tickets, booking)

    # ------------------------------------------------------------
    # What was found
    # ------------------------------------------------------------

    def _scenic_check_desk(self):
        """Check that the user serves at this window.

        :raise AccessError, WindowRightError: he does not
        """
        self.ensure_one()
        self.check_access("read")
        self.env["pos.order"]._scenic_check_cashier()

    def _scenic_text(self, text):
        """Return what was scanned or typed, fit to be looked up."""
        text = text.strip() if isinstance(text, str) else ""
        if not text or len(text) > MAX_TEXT or "\x00" in text:
            raise WindowCheckError(
                self.env._(
                    "Scan the ticket or the document again, or type its number."
                ),
                code="CHECK_TEXT",
            )
        return text

    def _scenic_tickets_of(self, text):
        """The tickets that a code, card or document opens, of this window's company.

        What the user may not read, by company or site, is not found.
        """
        credentials = self.env["scenic.credential"]
        found = credentials._find_all(text)
        if not found:
            # a passport or card number has no shape of its own
            found = credentials._find_all(text, "id_document")
            found |= credentials._find_all(text, "ic_card")
        tickets = found.ticket_id._filtered_access("read")
        return tickets.filtered(lambda t: t.company_id == self.company_id)[:MAX_FOUND]

    def _scenic_bookings_named(self, text):
        names = [text, text.upper()]
        return self.env["scenic.booking"].search(
            Domain("company_id", "=", self.company_id.id)
            & (Domain("name", "in", names) | Domain("external_ref", "in", names))
            & Domain("channel_id.kind", "!=", "window"),
            limit=MAX_FOUND,
        )

    def _scenic_booking(self, booking_id):
        """The booking that a client names, if this user finds it at this window."""
        bookings = self.env["scenic.booking"]
        if type(booking_id) is int:
            bookings = bookings.search(
                [("id", "=", booking_id), ("company_id", "=", self.company_id.id)]
            )
        if not bookings:
            raise WindowCollectError(
                self.env._("This order is not found here. Search for it again."),
                code="COLLECT_UNKNOWN",
            )
        return bookings

    def _scenic_own_tickets(self, ticket_ids):
        """The tickets that a client names, if this user finds them at this window."""
        tickets = self.env["scenic.ticket"]
        if (
            isinstance(ticket_ids, list)
            and 0 < len(ticket_ids) <= PRINT_BATCH
            and all(type(ticket_id) is int for ticket_id in ticket_ids)
        ):
            tickets = tickets.search(
                [("id", "in", ticket_ids), ("company_id", "=", self.company_id.id)],
                order="number",
            )
        if not tickets or len(tickets) != len(set(ticket_ids)):
            raise WindowCheckError(
                self.env._("This ticket is not found here. Scan it again."),
                code="CHECK_UNKNOWN",
            )
        return tickets

    def _scenic_print_data(self, tickets_sudo, booking):
        """What the window needs to print tickets that are counted."""
        # as the user: the codes are for who may print them
        tickets = self.env["scenic.ticket"].browse(tickets_sudo.ids)
        slots_sudo = tickets_sudo.sudo().slot_id  # sudo: the hours of the visit
        return {
            "scenic.ticket": tickets._load_pos_data_read(tickets, self),
            "scenic.slot": slots_sudo._load_pos_data_read(slots_sudo, self),
            "ticket_ids": tickets.ids,
            "booking": booking._pos_row(),
        }
