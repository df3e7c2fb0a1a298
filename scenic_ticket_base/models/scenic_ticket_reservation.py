"""Reserves a day or a time slot for a ticket that was sold without one."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import fields, models
from odoo.tools import format_date

from ..exceptions import CapacityError
from ..tools.lock_first import locks_first
from ..tools.window import day_start


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    @locks_first(lambda tickets: tickets._lock_names())
    def _reserve(self, day, slot=None):
        """Reserve a day, or a time slot of it, for tickets that have no date.

        Called again for the same day with another slot it swaps the slot. Gates look
        for a sold hold of the ticket with the site and the date.

        :param date day: the day of the visit
        :param slot: a ``scenic.slot`` of that day
        :return: the ``scenic.capacity.hold`` records
        :raise CapacityError: DATE_MISSING, DATE_OUTSIDE, and as
            ``scenic.capacity.pool._take``
        :raise BookingError: ``SITE_CLOSED``; ``ID_TAKEN``, the document of a holder
            has another ticket for that day
        :raise TicketStateError: the ticket is not valid
        """
        if not day:
            raise CapacityError(
                self.env._("Please say the visit date."), code="DATE_MISSING"
            )
        # sudo: no user may write tickets or holds; callers answer for the right
        tickets_sudo = self.sudo()
        tickets_sudo._lock()
        tickets_sudo._check_state(("valid", "part_used"))
        pools = self.env["scenic.capacity.pool"]
        holds_sudo = self.env["scenic.capacity.hold"].sudo()
        with self.env.cr.savepoint():
            for ticket_sudo in tickets_sudo:
                ticket_sudo._check_reservable(day)
                ticket_sudo.product_id.product_tmpl_id._scenic_check_open(day, slot)
                mine_sudo = ticket_sudo._reservations(day)
                wanted = slot if slot else self.env["scenic.slot"]
                if mine_sudo and mine_sudo.slot_id == wanted:
                    holds_sudo += mine_sudo
                    continue
                mine_sudo._free()
                ticket_sudo.holder_ids._reserve_day(day, wanted)
                holds_sudo += pools._reserve(ticket_sudo, day, wanted)
        return holds_sudo

    @locks_first(lambda tickets: tickets._lock_names())
    def _unreserve(self, day=None):
        """Give the reservations of a day back, or all of them."""
        # sudo: no user may write holds; callers answer for the right
        tickets_sudo = self.sudo()
        tickets_sudo._reservations(day)._free()
        for ticket_sudo in tickets_sudo:
            left_sudo = ticket_sudo._reservations()[:1]
            ticket_sudo.holder_ids._reserve_day(left_sudo.date, left_sudo.slot_id)

    def _reservations(self, day=None):
        """Return the living reservations made after the sale."""
        domain = [("ticket_id", "in", self.ids), ("state", "=", "sold")]
        if day:
            domain.append(("date", "=", day))
        return self.env["scenic.capacity.hold"].sudo().search(domain)

    def _check_reservable(self, day):
        """Check that a ticket can be used on a day.

        :raise CapacityError: DATE_OUTSIDE
        """
        self.ensure_one()
        zone = ZoneInfo(self.site_id.tz)
        start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
        now = fields.Datetime.now()
        if (
            self.kind == "staff"
            or end <= now
            or not any(
                right.valid_from < end
                and start < right.valid_to
                and not right.validity_rule_id._calendar(right.site_id).refusal(day)
                for right in self.entitlement_ids
            )
        ):
            raise CapacityError(
                self.env._(
                    "Ticket %(ticket)s cannot be used on %(date)s.",
                    ticket=self.name,
                    date=format_date(self.env, day),
                ),
                code="DATE_OUTSIDE",
            )
