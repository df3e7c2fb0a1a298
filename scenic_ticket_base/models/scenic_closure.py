from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL, format_date

from ..exceptions import ClosureError, ScenicError
from ..tools.quick_fetch import quick_fetch

SUPERVISOR = "scenic_ticket_base.group_scenic_supervisor"
#: What a person may write, by state; all the rest is the model's own.
DRAFT_FIELDS = {"site_id", "date_from", "date_to", "slot_id", "reason"}
CHOICE_FIELDS = {"choice", "new_date", "new_slot_id", "voucher_days"}
BATCH = 20


class ScenicClosure(models.Model):
    """Days or a time slot on which a site is closed, and what its visitors get.

    While it is not undone nothing is sold for these days. The tickets concerned are
    listed by booking line; for each one somebody chooses another date, the money or a
    voucher. Applied are the lines one by one, each as a whole: a run that was killed
    is gone on with.
    """

    _name = "scenic.closure"
    _description = "Closure"
    _inherit = ["mail.thread"]
    _order = "date_from desc, id desc"

    name = fields.Char(compute="_compute_name", store=True)
    site_id = fields.Many2one(
        "scenic.site",
        required=True,
        index=True,
        ondelete="restrict",
        help="The area or spot that is closed, with all that belongs to it.",
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    date_from = fields.Date(
        string="From", required=True, index=True, help="First closed day."
    )
    date_to = fields.Date(
        string="Until", required=True, index=True, help="Last closed day."
    )
    slot_id = fields.Many2one(
        "scenic.slot",
        string="Time Slot",
        index="btree_not_null",
        ondelete="restrict",
        domain="[('site_id', 'parent_of', site_id), ('date', '=', date_from)]",
        help="Only this time slot is closed. Empty: the whole days.",
    )
    reason = fields.Char(required=True, help="The customers read it, too.")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("open", "Sale Stopped"),
            ("applying", "Being Applied"),
            ("done", "Applied"),
            ("undone", "Undone"),
        ],
        required=True,
        readonly=True,
        default="draft",
        copy=False,
        index=True,
        tracking=True,
    )
    line_ids = fields.One2many(
        "scenic.closure.line", "closure_id", string="Tickets Concerned"
    )
    # What the visitors get
    choice = fields.Selection(
        "_selection_choice", string="Visitors Get", required=True, default="refund"
    )
    new_date = fields.Date(string="Other Date")
    new_slot_id = fields.Many2one(
        "scenic.slot",
        string="Other Time Slot",
        index="btree_not_null",
        ondelete="restrict",
        domain="[('date', '=', new_date)]",
    )
    voucher_days = fields.Integer(
        string="Voucher Valid (Days)",
        required=True,
        default=90,
        help="So many days from the day on which the voucher is given.",
    )
    # Progress
    line_count = fields.Integer(string="Lines", compute="_compute_progress")
    ticket_count = fields.Integer(string="Tickets", compute="_compute_progress")
    amount_total = fields.Monetary(
        string="Value without Tax", compute="_compute_progress"
    )
    failed_count = fields.Integer(string="Failed", compute="_compute_progress")
    progress = fields.Float(compute="_compute_progress")

    _dates = models.Constraint(
        "CHECK (date_from <= date_to)", "A closure cannot end before it begins."
    )
    _voucher_days = models.Constraint(
        "CHECK (voucher_days BETWEEN 1 AND 255)", "A voucher is for 1 to 255 days."
    )

    @api.model
    def _selection_choice(self):
        lines = self.env["scenic.closure.line"]
        return lines._fields["choice"]._description_selection(self.env)

    @api.depends("site_id.name", "date_from", "date_to", "slot_id")
    def _compute_name(self):
        for closure in self:
            days = [
                fields.Date.to_string(day)
                for day in dict.fromkeys((closure.date_from, closure.date_to))
                if day
            ]
            parts = [closure.site_id.name or "", " – ".join(days)]
            if closure.slot_id:
                parts[1] = closure.slot_id.display_name
            closure.name = ", ".join(filter(None, parts))

    @api.depends("line_ids.state", "line_ids.ticket_count", "line_ids.amount_total")
    def _compute_progress(self):
        for closure in self:
            lines = closure.line_ids
            done = lines.filtered(lambda line: line.state != "todo")
            closure.line_count = len(lines)
            closure.ticket_count = sum(lines.mapped("ticket_count"))
            closure.amount_total = sum(lines.mapped("amount_total"))
            closure.failed_count = len(lines.filtered(lambda x: x.state == "failed"))
            closure.progress = 100 * len(done) / len(lines) if lines else 0

    @api.constrains("site_id", "slot_id", "date_from", "date_to")
    def _check_slot(self):
        for closure in self.filtered("slot_id"):
            if not closure.date_from == closure.date_to == closure.slot_id.date:
                raise ValidationError(
                    self.env._("A time slot can only be closed on its own day.")
                )

    @api.onchange("date_from")
    def _onchange_date_from(self):
        if self.date_from and (not self.date_to or self.date_to < self.date_from):
            self.date_to = self.date_from

    def write(self, vals):
        self.check_access("write")
        self._check_written(vals)
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        if any(closure.state != "draft" for closure in self):
            raise ClosureError(
                self.env._("Only a draft can be deleted. Undo the closure instead."),
                code="CLOSURE_STATE",
            )

    def _check_written(self, vals):
        """Check that a person writes only what its state leaves open.

        :raise ClosureError:
        """
        if self.env.su:
            return
        for closure in self:
            allowed = {"draft": DRAFT_FIELDS | CHOICE_FIELDS, "open": CHOICE_FIELDS}
            own = {name for name in vals if self._fields[name].column_type}
            if own - allowed.get(closure.state, set()):
                raise ClosureError(
                    self.env._(
                        "“%(closure)s” is no draft any more and cannot be changed.",
                        closure=closure.name,
                    ),
                    code="CLOSURE_STATE",
                )

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_close(self):
        """Stop the sale of these days and list the tickets concerned."""
        closure_sudo = self._for_action(("draft",))
        closure_sudo.state = "open"
        closure_sudo._list()
        self.env["scenic.audit"]._log(
            "closure", self, reason=self.reason, after={"state": "open"}
        )

    def action_refresh(self):
        """List tickets that were sold meanwhile, by a till that was offline."""
        self._for_action(("open",))._list()

    def action_choose_all(self):
        """Give all lines the choice that stands above them."""
        closure_sudo = self._for_action(("open",))
        closure_sudo._check_choice()
        closure_sudo.line_ids.write(
            {
                "choice": closure_sudo.choice,
                "new_date": closure_sudo.new_date,
                "new_slot_id": closure_sudo.new_slot_id.id,
            }
        )

    def action_undo(self):
        """Sell again; nothing has happened to the tickets."""
        closure_sudo = self._for_action(("open",))
        closure_sudo.line_ids.unlink()
        closure_sudo.state = "undone"
        self.env["scenic.audit"]._log(
            "closure", self, reason=self.reason, after={"state": "undone"}
        )

    def action_apply(self):
        """Give the visitors what was chosen; many lines go on in the background."""
        closure_sudo = self._for_action(("open",))
        closure_sudo._list()
        for line_sudo in closure_sudo.line_ids:
            line_sudo._check_choice()
        closure_sudo.state = "applying"
        self.env["scenic.audit"]._log(
            "closure", self, reason=self.reason, after={"state": "applying"}
        )
        closure_sudo._apply_batch(BATCH)
        if closure_sudo.state == "applying":
            # sudo: the scheduler is started, nothing of it is changed
            cron_sudo = self.env.ref("scenic_ticket_base.ir_cron_apply_closures").sudo()
            cron_sudo._trigger()

    def action_retry(self):
        """Try the lines again that could not be applied; their choice may change."""
        closure_sudo = self._for_action(("done",))
        failed_sudo = closure_sudo.line_ids.filtered(lambda x: x.state == "failed")
        failed_sudo.write({"state": "todo", "message": False})
        closure_sudo.state = "open"

    def action_view_tickets(self):
        """Open the tickets concerned."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_ticket_action"
        )
        tickets = self.line_ids._tickets()
        return {**action, "domain": [("id", "in", tickets.ids)], "context": {}}

    def _for_action(self, states):
        """Return the closure as superuser, locked, for one who may close sites.

        :raise AccessError: no supervisor
        :raise ClosureError: its state does not allow this
        """
        self.ensure_one()
        self.check_access("write")
        if not self.env.su and not self.env.user.has_group(SUPERVISOR):
            raise AccessError(self.env._("Only a shift supervisor may close a site."))
        # sudo: state and lines are written by these actions only
        closure_sudo = self.sudo()
        closure_sudo.flush_recordset()
        self.env.cr.execute(
            SQL("SELECT id FROM scenic_closure WHERE id = %s FOR UPDATE", self.id),
            log_exceptions=False,
        )
        closure_sudo.invalidate_recordset()
        if closure_sudo.state not in states:
            raise ClosureError(
                self.env._(
                    "“%(closure)s” was worked on meanwhile: this is not possible now.",
                    closure=closure_sudo.name,
                ),
                code="CLOSURE_STATE",
            )
        return closure_sudo

    def _check_choice(self):
        self.ensure_one()
        if self.choice == "rebook" and not self.new_date:
            raise ClosureError(
                self.env._("Please choose the other date."), code="CLOSURE_DATE"
            )

    # ------------------------------------------------------------------
    # What is closed, and who is concerned
    # ------------------------------------------------------------------

    @api.model
    def _on(self, sites, day, slot=None):
        """Return the closure of one of these sites on a day, if any.

        :param sites: ``scenic.site``; a closed area closes its spots
        :param date day: day at the site; None closes nothing
        :param slot: ``scenic.slot`` of the visit
        """
        if not day:
            return self.browse()
        return self._during(sites, day, day).filtered(
            lambda closure: closure._closes(day, slot)
        )[:1]

    def _closes(self, day, slot=None):
        """Tell whether this closure of a site is for a visit there."""
        self.ensure_one()
        closure_sudo = self.sudo()  # sudo: as in :meth:`_during`
        return closure_sudo.date_from <= day <= closure_sudo.date_to and (
            not closure_sudo.slot_id or closure_sudo.slot_id == slot
        )

    @api.model
    def _during(self, sites, first, last):
        """Return the closures of these sites, or of their areas, on some days.

        :param date first: first day at the site
        :param date last: last day, included
        """
        if not sites:
            return self.browse()
        # sudo: a sale is refused whether or not the seller may read closures
        closures_sudo = quick_fetch(
            self.sudo(),
            [],
            SQL(
                "site_id = ANY(%s) AND date_from <= %s AND date_to >= %s "
                "AND state IN ('open', 'applying', 'done') "
                "ORDER BY date_from DESC, id DESC",
                (sites | sites._with_areas()).ids,
                last,
                first,
            ),
        )
        return self.browse(closures_sudo.ids)

    def _list(self):
        """Add the booking lines with living tickets that this closure concerns.

        Concerned are tickets for a closed day or slot, and tickets without a day
        whose last chance are the closed days.
        """
        self.ensure_one()
        self.env["scenic.ticket"].flush_model()
        self.env["scenic.entitlement"].flush_model()
        self.line_ids.flush_recordset()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO scenic_closure_line (
                    closure_id, company_id, booking_line_id, booking_id, product_id,
                    channel_id, partner_id, choice, new_date, new_slot_id, state,
                    ticket_count, persons, amount_total,
                    create_uid, write_uid, create_date, write_date)
                SELECT %(closure)s, l.company_id, l.id, l.booking_id, l.product_id,
                       b.channel_id, b.partner_id, %(choice)s, %(new_date)s,
                       %(new_slot)s, 'todo', count(*), sum(c.persons), sum(c.amount),
                       %(uid)s, %(uid)s, %(now)s, %(now)s
                  FROM (
                        SELECT t.booking_line_id,
                               t.persons - t.persons_refunded AS persons,
                               sum(e.amount - e.amount_recognised - e.amount_refunded)
                                   AS amount
                          FROM scenic_ticket t
                          JOIN scenic_entitlement e ON e.ticket_id = t.id
                          JOIN scenic_site s ON s.id = e.site_id
                         WHERE %(concerned)s
                         GROUP BY t.id
                       ) c
                  JOIN scenic_booking_line l ON l.id = c.booking_line_id
                  JOIN scenic_booking b ON b.id = l.booking_id
                 WHERE NOT EXISTS (
                       SELECT FROM scenic_closure_line o
                        WHERE o.closure_id = %(closure)s AND o.booking_line_id = l.id)
                 GROUP BY l.id, b.id
                 ORDER BY l.id
                """,
                closure=self.id,
                choice=self.choice,
                new_date=self.new_date or None,
                new_slot=self.new_slot_id.id or None,
                uid=self.env.uid,
                now=fields.Datetime.now(),
                concerned=self._concerned_sql(),
            )
        )
        self.invalidate_recordset()

    def _concerned_sql(self):
        """Return the condition on ticket ``t``, right ``e`` and its site ``s``."""
        when = SQL(
            "CASE WHEN t.visit_date IS NOT NULL "
            "THEN t.visit_date BETWEEN %(first)s AND %(last)s ELSE "
            "GREATEST(e.valid_from, %(now)s) >= "
            "(%(first)s::timestamp AT TIME ZONE s.tz AT TIME ZONE 'UTC') "
            "AND e.valid_to <= "
            "(%(after)s::timestamp AT TIME ZONE s.tz AT TIME ZONE 'UTC') END",
            first=self.date_from,
            last=self.date_to,
            after=self.date_to + timedelta(days=1),
            now=fields.Datetime.now(),
        )
        if self.slot_id:
            when = SQL("t.slot_id = %s", self.slot_id.id)
        return SQL(
            "t.state IN ('valid', 'part_used', 'frozen') AND t.kind <> 'staff' "
            "AND (t.lease_id IS NULL OR t.blank_state = 'sold') "
            "AND t.refund_due IS NULL AND s.parent_path LIKE %s "
            "AND (e.unlimited IS TRUE OR "
            "e.entries_used + e.entries_refunded < e.entries_total) AND %s",
            f"{self.site_id.parent_path}%",
            when,
        )

    # ------------------------------------------------------------------
    # Apply
    # ------------------------------------------------------------------

    @api.model
    def _cron_apply(self):
        """Go on with closures that are being applied."""
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        for closure in self.search([("state", "=", "applying")]):
            while count := closure._apply_batch(BATCH):
                if in_cron and not cron._commit_progress(count, remaining=1):
                    return
        if in_cron:
            cron._commit_progress(remaining=0)

    def _apply_batch(self, limit):
        """Apply some lines; return how many. Each line is a whole of its own."""
        self.ensure_one()
        self.line_ids.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_closure_line WHERE closure_id = %s "
                "AND state = 'todo' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                self.id,
                limit,
            )
        )
        lines = self.line_ids.browse(id_ for (id_,) in self.env.cr.fetchall())
        for line in lines:
            try:
                with self.env.cr.savepoint():
                    line._apply()
            except ScenicError as error:
                line.write({"state": "failed", "message": str(error)})
        if not self.line_ids.search_count(
            [("closure_id", "=", self.id), ("state", "=", "todo")], limit=1
        ):
            self.state = "done"
        return len(lines)

    def _text(self):
        """Return what is closed and why, for a person."""
        self.ensure_one()
        days = " – ".join(
            dict.fromkeys(
                format_date(self.env, d) for d in (self.date_from, self.date_to)
            )
        )
        return self.env._(
            "%(site)s is closed on %(days)s: %(reason)s",
            site=self.site_id.name,
            days=days,
            reason=self.reason,
        )
