from odoo import api, fields, models
from odoo.tools import SQL

from ..exceptions import BookingError, VisitorError
from ..tools.guard import check_reason


class ScenicBlacklist(models.Model):
    """When and why a visitor was kept out; made by :meth:`_block`.

    A gate and a sale look at the dates on the visitor, never at the reason.
    """

    _name = "scenic.blacklist"
    _description = "Blacklist Entry"
    _order = "date_from desc, id desc"
    _rec_name = "visitor_id"

    visitor_id = fields.Many2one(
        "scenic.visitor", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        related="visitor_id.company_id", store=True, index=True
    )
    reason = fields.Char(required=True, readonly=True)
    date_from = fields.Date(
        string="From", required=True, readonly=True, help="First blocked day."
    )
    date_until = fields.Date(
        string="Until", readonly=True, help="Last blocked day. Empty: for good."
    )
    user_id = fields.Many2one(
        "res.users", string="Blocked by", required=True, readonly=True, index=True
    )
    lifted_at = fields.Datetime(string="Lifted on", readonly=True)
    lifted_by_id = fields.Many2one(
        "res.users", string="Lifted by", readonly=True, index="btree_not_null"
    )
    lift_reason = fields.Char(readonly=True)
    state = fields.Selection(
        [
            ("planned", "Planned"),
            ("blocked", "Blocked"),
            ("over", "Over"),
            ("lifted", "Lifted"),
        ],
        compute="_compute_state",
    )

    _one_open = models.UniqueIndex(
        "(visitor_id) WHERE lifted_at IS NULL AND date_until IS NULL",
        "This visitor is blocked already.",
    )
    _dates = models.Constraint(
        "CHECK (date_until >= date_from)", "A block cannot end before it begins."
    )

    @api.depends("lifted_at", "date_from", "date_until")
    def _compute_state(self):
        today = fields.Date.context_today(self)
        for entry in self:
            if entry.lifted_at:
                entry.state = "lifted"
            elif entry.date_from > today:
                entry.state = "planned"
            elif entry.date_until and entry.date_until < today:
                entry.state = "over"
            else:
                entry.state = "blocked"

    @api.model
    def _check(self, visitors, *days):
        """Check that none of the visitors is kept out on these days.

        The text is for the public and names no reason.

        :raise BookingError: code VISITOR_BLOCKED
        """
        # sudo: whoever sells need not be able to read the blacklist
        for visitor_sudo in visitors.sudo().filtered("blocked_from"):
            last = visitor_sudo.blocked_until
            if any(
                day >= visitor_sudo.blocked_from and (not last or day <= last)
                for day in days
                if day
            ):
                raise BookingError(
                    self.env._(
                        "No ticket can be booked with this document. Please ask at "
                        "the service desk."
                    ),
                    code="VISITOR_BLOCKED",
                )

    @api.model
    def _block(self, visitor, reason, date_from=None, date_until=None):
        """Put a visitor on the blacklist. Callers answer for the right.

        :param date date_from: first blocked day, by default today
        :param date date_until: last blocked day; None: for good
        :raise VisitorError: blocked already, or the days make no sense
        """
        visitor_sudo = self._lock_visitor(visitor, reason)
        today = fields.Date.context_today(self)
        date_from = date_from or today
        if date_until and date_until < max(date_from, today):
            raise VisitorError(
                self.env._("A block ends on its first day or later, not before today."),
                code="BLOCK_DATES",
            )
        if self._open_entry(visitor_sudo):
            raise VisitorError(
                self.env._("This visitor is on the blacklist already."),
                code="VISITOR_BLOCKED_ALREADY",
            )
        # sudo: written for staff whose right was checked above
        entry_sudo = self.sudo().create(
            {
                "visitor_id": visitor_sudo.id,
                "reason": reason.strip(),
                "date_from": date_from,
                "date_until": date_until,
                "user_id": self.env.uid,
            }
        )
        self._write_dates(visitor_sudo, date_from, date_until)
        self.env["scenic.audit"]._log(
            "visitor_block",
            visitor,
            reason=reason,
            after={
                "blocked_from": fields.Date.to_string(date_from),
                "blocked_until": date_until and fields.Date.to_string(date_until),
            },
        )
        return self.browse(entry_sudo.id)

    @api.model
    def _lift(self, visitor, reason):
        """Take a visitor off the blacklist. Callers answer for the right.

        :raise VisitorError: the visitor is not on it
        """
        visitor_sudo = self._lock_visitor(visitor, reason)
        entry_sudo = self._open_entry(visitor_sudo)
        if not entry_sudo:
            raise VisitorError(
                self.env._("This visitor is not on the blacklist."),
                code="VISITOR_NOT_BLOCKED",
            )
        entry_sudo.write(
            {
                "lifted_at": fields.Datetime.now(),
                "lifted_by_id": self.env.uid,
                "lift_reason": reason.strip(),
            }
        )
        self._write_dates(visitor_sudo, False, False)
        self.env["scenic.audit"]._log("visitor_unblock", visitor, reason=reason)

    def _open_entry(self, visitor_sudo):
        """Return the entry that keeps a visitor out, now or later."""
        today = fields.Date.context_today(self)
        return visitor_sudo.blacklist_ids.filtered(
            lambda e: not e.lifted_at and (not e.date_until or e.date_until >= today)
        )

    @api.model
    def _lock_visitor(self, visitor, reason):
        """Return a visitor as superuser, locked.

        lock: of two who block at once the second one waits and then sees the first
        """
        visitor.ensure_one()
        check_reason(self.env, reason)
        # sudo: no user has the right to write visitors
        visitor_sudo = visitor.sudo()
        visitor_sudo.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_visitor WHERE id = %s FOR NO KEY UPDATE",
                visitor.id,
            ),
            log_exceptions=False,
        )
        visitor_sudo.invalidate_recordset()
        return visitor_sudo

    @api.model
    def _write_dates(self, visitor_sudo, date_from, date_until):
        visitor_sudo.write({"blocked_from": date_from, "blocked_until": date_until})
        visitor_sudo.flush_recordset()
