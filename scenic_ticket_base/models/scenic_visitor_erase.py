"""Deletes the data of visitors: when asked to, and when nothing needs them any more."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..exceptions import VisitorError
from .scenic_credential import LIVE_STATES
from .scenic_visitor import SHRED_BATCH


class ScenicVisitor(models.Model):
    _inherit = "scenic.visitor"

    def action_erase(self, reason):
        """Delete name, document, telephone and birth date of a visitor at once.

        :raise VisitorError: ``VISITOR_IN_USE``, a ticket still needs them
        """
        visitors_sudo = self._check_people_right(reason)
        visitors_sudo._erase(reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _erase(self, reason):
        self._lock()
        needed = self._needed_by(fields.Date.context_today(self))
        for visitor in self:
            if visitor.id in needed:
                raise VisitorError(
                    self.env._(
                        "%(visitor)s cannot be erased yet, the data are needed for: "
                        "%(what)s. Refund or void it first, or wait until it is over.",
                        visitor=visitor.display_name,
                        what=", ".join(needed[visitor.id]),
                    ),
                    code="VISITOR_IN_USE",
                )
        self.env["scenic.audit"]._log("visitor_erase", self, reason=reason)
        self._shred()

    def _needed_by(self, today):
        """Return ``{visitor id: [names of what still needs the data]}``.

        Tickets that may still be used or are in dispute, orders on hold, complaints
        that are not closed. Other add-ons and models add their own.
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT t.visitor_id, t.name FROM scenic_ticket t "
                "WHERE t.visitor_id IN %(ids)s AND t.state IN %(live)s UNION "
                "SELECT h.visitor_id, COALESCE(t.name, b.name) "
                "FROM scenic_ticket_holder h "
                "JOIN scenic_booking_line l ON l.id = h.booking_line_id "
                "JOIN scenic_booking b ON b.id = l.booking_id "
                "LEFT JOIN scenic_ticket t ON t.id = h.ticket_id "
                "WHERE h.visitor_id IN %(ids)s AND h.live AND ("
                "t.state IN %(live)s OR t.id IS NULL AND b.state = 'held') UNION "
                "SELECT c.visitor_id, c.name FROM scenic_complaint c "
                "WHERE c.visitor_id IN %(ids)s AND c.state <> 'closed' "
                "ORDER BY 1, 2",
                ids=tuple(self.ids) or (0,),
                live=LIVE_STATES,
            )
        )
        rows += [
            (visitor.id, self.env._("the blacklist"))
            for visitor in self
            if visitor.blocked_from
            and not (visitor.blocked_until and visitor.blocked_until < today)
        ]
        needed = {}
        for visitor_id, name in rows:
            needed.setdefault(visitor_id, []).append(name)
        return needed

    # ------------------------------------------------------------------
    # Shredding
    # ------------------------------------------------------------------

    @api.model
    def _shred_day(self, company, last_day):
        """Return the day on which data that are needed until a day go."""
        return last_day + timedelta(days=company.scenic_shred_days)

    @api.model
    def _cron_shred(self, limit=SHRED_BATCH):
        """Delete the data of persons whose last ticket is over for long enough.

        Who turns out to be needed longer is looked at again on the new day. Each
        batch is committed, so that a run which is cut off goes on where it was.
        """
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        today = fields.Date.context_today(self)
        if in_cron:
            cron._commit_progress(
                remaining=self.search_count(
                    [("shred_on", "<=", today), ("shredded", "=", False)]
                )
            )
        while due := self._lock_due(today, limit):
            kept = due._postpone(today)
            (due - kept)._shred(log=True)
            self.env.invalidate_all()
            if in_cron and not cron._commit_progress(len(due)):
                break

    @api.model
    def _lock_due(self, today, limit):
        """Return locked visitors whose day has come."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_visitor WHERE shred_on <= %s "
                "AND shredded IS NOT TRUE ORDER BY shred_on, id LIMIT %s "
                "FOR NO KEY UPDATE SKIP LOCKED",
                today,
                limit,
            )
        )
        return self.browse(id_ for (id_,) in self.env.cr.fetchall())

    def _postpone(self, today):
        """Set a later day for those who are still needed, and return them."""
        needed = self._needed_by(today)
        last_days = self._last_days()
        kept = self.browse()
        for visitor in self:
            day = self._shred_day(
                visitor.company_id, last_days.get(visitor.id, today - timedelta(36500))
            )
            if visitor.id in needed:
                day = max(day, today + timedelta(days=1))
            if day > today:
                visitor.shred_on = day
                kept |= visitor
        return kept

    def _last_days(self):
        """Return ``{visitor id: last day on which a ticket can be used or paid back}``.

        That is the last valid day and what the refund terms add to it. Tickets that
        were paid back or voided count until the day of that.
        """
        self.env.flush_all()
        ids = tuple(self.ids) or (0,)
        ticket_day = SQL(
            "CASE WHEN t.state IN ('refunded', 'void') THEN t.write_date::date "
            "ELSE t.date_first + t.span_days + t.days_added - 1 + ceil(COALESCE("
            "(l.refund_terms ->> 'lapse_hours')::float, 0) / 24)::integer END"
        )
        return dict(
            self.env.execute_query(
                SQL(
                    "SELECT visitor_id, max(day) FROM ("
                    "SELECT t.visitor_id, %(day)s AS day FROM scenic_ticket t "
                    "JOIN scenic_booking_line l ON l.id = t.booking_line_id "
                    "WHERE t.visitor_id IN %(ids)s UNION ALL "
                    "SELECT h.visitor_id, COALESCE(h.released_at::date, %(day)s, "
                    "h.visit_date, h.create_date::date) FROM scenic_ticket_holder h "
                    "JOIN scenic_booking_line l ON l.id = h.booking_line_id "
                    "LEFT JOIN scenic_ticket t ON t.id = h.ticket_id "
                    "WHERE h.visitor_id IN %(ids)s) days GROUP BY visitor_id",
                    day=ticket_day,
                    ids=ids,
                )
            )
        )

    def _shred(self, log=False):
        """Delete what tells who these visitors are; tickets and figures stay.

        :param bool log: write it into the audit trail
        """
        if not self:
            return
        self.env.flush_all()
        ids = tuple(self.ids)
        # before the visitors: it is found by their hash
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_credential c SET lookup = 'shredded-' || c.id, "
                "last_four = NULL, rank = NULL, active = false, "
                "state = CASE WHEN c.state = 'replaced' THEN c.state ELSE 'ended' END "
                "FROM scenic_visitor v WHERE v.id IN %s AND c.lookup = v.doc_lookup "
                "AND c.company_id = v.company_id AND c.kind = 'id_document'",
                ids,
            )
        )
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_visitor SET name = '—', doc_last4 = NULL, "
                "doc_lookup = NULL, doc_cipher = NULL, data_kid = NULL, "
                "birth_date = NULL, phone_masked = NULL, phone_lookup = NULL, "
                "phone_cipher = NULL, guardian_name = NULL, partner_id = NULL, "
                "shredded = true, write_uid = %s, "
                "write_date = now() AT TIME ZONE 'UTC' WHERE id IN %s",
                self.env.uid,
                ids,
            )
        )
        # what was shown at the sale says something of the person
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_booking_line l SET proof_note = NULL "
                "FROM scenic_ticket_holder h WHERE h.visitor_id IN %s "
                "AND h.booking_line_id = l.id AND l.proof_note IS NOT NULL",
                ids,
            )
        )
        self.env["scenic.booking.line"].invalidate_model(["proof_note"])
        self.env["scenic.credential"].invalidate_model()
        self.invalidate_recordset()
        self.env["scenic.membership"]._forget(self)
        self.env["scenic.complaint"]._forget(self)
        if log:
            self.env["scenic.audit"]._log("visitor_shred", self)
