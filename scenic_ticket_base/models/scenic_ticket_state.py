"""How a ticket loses its worth: voided, frozen for a while, given up or expired."""

from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

from ..exceptions import TicketStateError
from ..tools.lock_first import locks_first


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    @locks_first(lambda tickets: tickets._lock_names())
    def _void(self, reason, forfeit=False):
        """Make tickets worthless for admission.

        :param bool forfeit: their price becomes revenue at once; else it is owed to
            the customer until a refund pays it back
        :raise TicketUsedError, TicketReservedError, TicketStateError:
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_unused()
        tickets_sudo._check_state(("held", "valid", "frozen"))
        due_sudo = tickets_sudo.filtered(
            lambda t: not forfeit and t.state != "held" and t.amount_open
        )
        due_sudo._mark_due("void")
        tickets_sudo._end(
            {"state": "void"},
            self.env._("Voided: %(reason)s", reason=reason.strip()),
            "ticket_void",
            reason,
        )
        self._release_places(
            [(t, t.persons - t.persons_refunded) for t in tickets_sudo]
        )
        if forfeit:
            self.env["scenic.revenue.entry"]._lapse(tickets_sudo, "void")

    @api.model
    def _release_places(self, heads):
        """Give the places of persons back who will not come.

        lock: tickets before places, as whoever moves a visit does.

        :param list heads: ``[(ticket, persons)]``, as superuser
        """
        persons = defaultdict(int)
        for ticket_sudo, count in heads:
            persons[ticket_sudo.booking_line_id] += count
        # sudo: no user has the right to write what belongs to a ticket
        pools_sudo = self.env["scenic.capacity.pool"].sudo()
        # a union has the rights of what it began with
        by_count = defaultdict(self.env["scenic.booking.line"].sudo().browse)
        for line_sudo, count in persons.items():
            by_count[count] |= line_sudo
        for count, lines_sudo in by_count.items():
            pools_sudo._release(lines_sudo, persons=count)
        leaving = dict(heads)
        for hold_sudo in self.browse([t.id for t in leaving])._reservations():
            hold_sudo._free(leaving[hold_sudo.ticket_id])

    @locks_first(lambda tickets: tickets._lock_names())
    def _forfeit(self, reason):
        """Give up what is owed for expired or void tickets: it becomes revenue.

        :raise TicketStateError: the ticket can still be used
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_state(("expired", "void"))
        for trigger, state in (("breakage", "expired"), ("void", "void")):
            given_up_sudo = tickets_sudo.filtered(lambda t, s=state: t.state == s)
            self.env["scenic.revenue.entry"]._lapse(given_up_sudo, trigger)
        tickets_sudo._log(
            self.env._("Given up, it became revenue: %(reason)s", reason=reason.strip())
        )
        self.env["scenic.audit"]._log(
            "revenue_change", tickets_sudo, reason=reason, after={"forfeit": True}
        )

    @locks_first(lambda tickets: tickets._lock_names())
    def _freeze(self, reason, of_card=False):
        """Suspend tickets until :meth:`_unfreeze`.

        :param bool of_card: the member card freezes, whose periods the tickets are
        :raise TicketStateError:
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_of_card(of_card)
        tickets_sudo._check_state(("valid", "part_used"))
        self.env["scenic.revenue.entry"]._earn_days(tickets_sudo)
        tickets_sudo._write_state({"state": "frozen"}, "ticket_freeze", reason)
        tickets_sudo._log(self.env._("Frozen: %(reason)s", reason=reason.strip()))

    @locks_first(lambda tickets: tickets._lock_names())
    def _unfreeze(self, reason, of_card=False):
        """Give frozen tickets back to their holders.

        :raise TicketStateError:
        """
        tickets_sudo = self._lock_for_change(reason)
        tickets_sudo._check_of_card(of_card)
        tickets_sudo._check_state(("frozen",))
        self.env["scenic.revenue.entry"]._skip_days(tickets_sudo)
        used_sudo = tickets_sudo.filtered(
            lambda t: any(e.entries_used for e in t.entitlement_ids)
        )
        used_sudo._write_state({"state": "part_used"}, "ticket_unfreeze", reason)
        (tickets_sudo - used_sudo)._write_state(
            {"state": "valid"}, "ticket_unfreeze", reason
        )
        tickets_sudo._log(self.env._("Released: %(reason)s", reason=reason.strip()))

    def _check_of_card(self, of_card):
        """Refuse to freeze one period of a card: days and state are the card's."""
        for ticket in self:
            if ticket.membership_id and not of_card:
                raise TicketStateError(
                    self.env._(
                        "Ticket %(ticket)s is a period of card %(card)s. Please freeze "
                        "or release the card.",
                        ticket=ticket.name,
                        card=ticket.membership_id.name,
                    ),
                    code="TICKET_OF_CARD",
                )

    # ------------------------------------------------------------------
    # Expiry
    # ------------------------------------------------------------------

    @api.model
    def _cron_expire(self, limit=1000):
        """Mark tickets whose last window is over, then earn what has lapsed.

        A ticket that somebody else is changing is left for the next run. Each batch
        is a whole: a run that was killed is gone on with, and ends the same.
        """
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        for step in (self._expire_batch, self._lapse_batch):
            while count := step(limit):
                if in_cron and not cron._commit_progress(count, remaining=1):
                    return
        if in_cron:
            cron._commit_progress(remaining=0)

    @api.model
    def _expire_batch(self, limit):
        """Expire some tickets; return how many. Set-based, however many they are."""
        tickets = self._lock_expired(limit)
        if not tickets:
            return 0
        # terms: frozen at the sale, as _refund_terms()
        terms = "COALESCE(l.refund_terms, '{}'::jsonb)"
        self.env.cr.execute(
            SQL(
                f"""
                WITH facts AS (
                    SELECT t.id,
                           -- a card whose period is over is never paid back
                           CASE WHEN t.kind = 'member'
                               AND {terms} ->> 'at_expiry' = 'refund' THEN 'breakage'
                               ELSE COALESCE({terms} ->> 'at_expiry', 'keep')
                           END AS at_expiry,
                           t.amount_open > 0 AS has_money,
                           NOT ({terms} ? 'lapse_hours')
                               OR {terms} ->> 'lapse_hours' IS NOT NULL AS lapses,
                           max(e.valid_to) + COALESCE(
                               ({terms} ->> 'lapse_hours')::float, 0
                           ) * interval '1 hour' AS lapse_at
                      FROM scenic_ticket t
                      JOIN scenic_booking_line l ON l.id = t.booking_line_id
                      JOIN scenic_entitlement e ON e.ticket_id = t.id
                     WHERE t.id IN %(ids)s
                     GROUP BY t.id, l.refund_terms
                ), expired AS (
                    UPDATE scenic_ticket t
                       SET state = 'expired',
                           breakage_at = CASE WHEN f.has_money AND f.lapses
                               AND f.at_expiry = 'breakage' AND t.refund_due IS NULL
                               THEN f.lapse_at END,
                           refund_due = CASE WHEN f.has_money
                               AND f.at_expiry = 'refund' AND t.refund_due IS NULL
                               THEN 'expiry' ELSE t.refund_due END,
                           write_uid = %(uid)s, write_date = %(now)s
                      FROM facts f WHERE f.id = t.id
                    RETURNING t.id, t.refund_due
                )
                UPDATE scenic_entitlement e SET refund_due = TRUE
                  FROM expired x
                 WHERE e.ticket_id = x.id AND x.refund_due = 'expiry'
                """,
                ids=tuple(tickets.ids),
                uid=self.env.uid,
                now=fields.Datetime.now(),
            )
        )
        tickets.invalidate_recordset()
        tickets.entitlement_ids.invalidate_recordset()
        self.env["scenic.audit"]._log(
            "ticket_expire", tickets, after={"state": "expired"}
        )
        return len(tickets)

    def _lock_expired(self, limit):
        """Return locked tickets that are to expire."""
        self.flush_model()
        self.env["scenic.entitlement"].flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT t.id FROM scenic_ticket t "
                "WHERE t.state IN ('valid', 'part_used') AND NOT EXISTS ("
                "SELECT 1 FROM scenic_entitlement e WHERE e.ticket_id = t.id "
                "AND (e.valid_to > %s OR e.entries_reserved > 0)) "
                "ORDER BY t.id LIMIT %s FOR NO KEY UPDATE OF t SKIP LOCKED",
                fields.Datetime.now(),
                limit,
            )
        )
        return self.browse(id_ for (id_,) in self.env.cr.fetchall())

    @api.model
    def _lapse_batch(self, limit):
        """Earn what has lapsed of some expired tickets; return how many."""
        self.flush_model(["state", "breakage_at"])
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_ticket WHERE breakage_at <= %s "
                "ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
                fields.Datetime.now(),
                limit,
            )
        )
        tickets = self.browse(id_ for (id_,) in self.env.cr.fetchall())
        if tickets:
            self.env["scenic.revenue.entry"]._lapse(tickets, "breakage")
        return len(tickets)
