import json
import logging
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..exceptions import AccountMissingError, RevenueError
from ..tools.entry_slots import Slots

_logger = logging.getLogger(__name__)

#: Tickets whose calendar earns; nothing is earned while a ticket is frozen.
EARNING_STATES = ("valid", "part_used", "used", "expired")
#: What :meth:`_book` needs of each right.
BOOKED = (
    "id",
    "ticket_id",
    "site_id",
    "product_id",
    "company_id",
    "currency_id",
    "trigger",
    "date",
    "entries_lapsed",
    "days_recognised",
    "recognised_until",
)


class ScenicRevenueEntry(models.Model):
    _name = "scenic.revenue.entry"
    _description = "Revenue Recognition Entry"
    _order = "date desc, id desc"
    _rec_name = "ticket_id"

    ticket_id = fields.Many2one(
        "scenic.ticket",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    entitlement_id = fields.Many2one(
        "scenic.entitlement",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    product_id = fields.Many2one(related="ticket_id.product_id", store=True, index=True)
    site_id = fields.Many2one(
        related="entitlement_id.site_id", string="Site", store=True, index=True
    )
    trigger = fields.Selection(
        [
            ("admission", "Admission"),
            ("visit_date", "Visit Date"),
            ("straight_line", "Day by Day"),
            ("refund_fee", "Kept at Refund"),
            ("breakage", "Not Used"),
            ("void", "Void"),
            ("reversal", "Taken Back"),
        ],
        required=True,
        readonly=True,
        default="admission",
        help="Taken Back: revenue of a part that was paid back by way of exception.",
    )
    date = fields.Date(
        required=True, readonly=True, index=True, help="Day at the site."
    )
    quantity = fields.Integer(string="Entries", required=True, readonly=True)
    amount = fields.Monetary(required=True, readonly=True)
    company_id = fields.Many2one(related="ticket_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="company_id.currency_id", store=True)
    state = fields.Selection(
        [("draft", "To Post"), ("posted", "Posted")],
        required=True,
        readonly=True,
        default="draft",
        index=True,
    )
    move_id = fields.Many2one(
        "account.move",
        string="Journal Entry",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )

    _quantity_positive = models.Constraint(
        "CHECK (quantity > 0 OR (quantity = 0 AND trigger <> 'admission'))",
        "An entry is for one admission or more.",
    )
    _amount_positive = models.Constraint(
        "CHECK (CASE trigger WHEN 'reversal' THEN amount <= 0 ELSE amount >= 0 END)",
        "Recognised revenue cannot be negative.",
    )

    def write(self, vals):
        if any(entry.state == "posted" for entry in self):
            raise RevenueError(
                self.env._("Posted revenue entries cannot change."),
                code="REVENUE_POSTED",
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_posted(self):
        if any(entry.state == "posted" for entry in self):
            raise RevenueError(
                self.env._("Posted revenue entries cannot be deleted."),
                code="REVENUE_POSTED",
            )

    def action_post(self):
        """Post the selected entries now."""
        self.check_access("read")
        if not self.env.user.has_group("scenic_ticket_base.group_scenic_finance"):
            raise AccessError(self.env._("Only finance may post revenue."))
        # sudo: finance need not be an accountant; the entries decide the move
        for entries_sudo in self.sudo()._lock_drafts()._by_move().values():
            entries_sudo._post()
            self.env["scenic.audit"]._log(
                "revenue_post", entries_sudo, document=entries_sudo.move_id
            )

    # ------------------------------------------------------------------
    # Recognise
    # ------------------------------------------------------------------

    @api.model
    def _recognise(self, entitlement, quantity, date, **extra):
        """Earn the price of some entries of an entitlement.

        The sum over all entries of the entitlement is exactly its amount: each
        entry earns its own slot, see :class:`~..tools.entry_slots.Slots`. A right
        that the calendar earns notes its admissions at no amount.

        :param entitlement: one ``scenic.entitlement``
        :param int quantity: entries passed
        :param date date: day at the site
        :param extra: more values of the revenue entry (fields of other modules)
        :return: the new ``scenic.revenue.entry``
        :raise RevenueError: more entries than the entitlement has, or the ticket's
            money was paid back
        """
        return self._recognise_many([(entitlement, quantity, date, extra)])

    @api.model
    def _recognise_many(self, rows):
        """Do :meth:`_recognise` for many passes with few queries.

        :param rows: ``[(entitlement, quantity, date, extra values)]``, earned in
            this order; all or none
        """
        # sudo: no user has the right to create revenue entries
        entitlements_sudo = (
            self.env["scenic.entitlement"]
            .sudo()
            .browse({entitlement.id for entitlement, *_rest in rows})
        )
        # browse: records of their own, so that reading one reads all
        tickets_sudo = (
            self.env["scenic.ticket"].sudo().browse(entitlements_sudo.ticket_id.ids)
        )
        tickets_sudo._lock()
        by_id = {entitlement.id: entitlement for entitlement in entitlements_sudo}
        values = []
        state = {
            e.id: (e._slots(), e.entries_recognised, e._cents(e.amount_recognised))
            for e in entitlements_sudo
        }
        for entitlement, quantity, date, extra in rows:
            entitlement_sudo = by_id[entitlement.id]
            slots, done, earned = state[entitlement.id]
            entitlement_sudo._check_recognisable(done, quantity)
            units = slots.admission(done, quantity)
            values.append(
                {
                    **extra,
                    "ticket_id": entitlement_sudo.ticket_id.id,
                    "entitlement_id": entitlement.id,
                    "quantity": quantity,
                    "date": date,
                    "amount": entitlement_sudo.ticket_id._money(units),
                }
            )
            if slots.by_entry:
                done += quantity
            state[entitlement.id] = (slots, done, earned + units)
        entries_sudo = self.sudo().create(values)
        for entitlement_sudo in entitlements_sudo:
            _slots, done, earned = state[entitlement_sudo.id]
            entitlement_sudo.write(
                {
                    "entries_recognised": done,
                    "amount_recognised": entitlement_sudo.ticket_id._money(earned),
                }
            )
        for ticket_sudo in tickets_sudo:
            ticket_sudo.with_context(tracking_disable=True).write(
                ticket_sudo._money_sums()
            )
        return self.browse(entries_sudo.ids)

    @api.model
    def _create_kept(self, kept):
        """Note what refunds keep as fees, or take back of revenue.

        The amounts of the entitlements are the caller's to write.

        :param list kept: ``[(entitlement, trigger, cents)]``
        """
        if not kept:
            return
        # sudo: no user has the right to create revenue entries
        self.sudo().create(
            [
                {
                    "ticket_id": right.ticket_id.id,
                    "entitlement_id": right.id,
                    "trigger": trigger,
                    "quantity": 0,
                    "date": fields.Date.context_today(
                        self.with_context(tz=right.site_id.tz)
                    ),
                    "amount": right.ticket_id._money(cents),
                }
                for right, trigger, cents in kept
            ]
        )

    # ------------------------------------------------------------------
    # Earn by the calendar, and what lapses
    # ------------------------------------------------------------------

    @api.model
    def _cron_earn(self, limit=1000):
        """Earn what is due by visit date or day by day, up to yesterday at the site.

        Each batch is a whole: a run that was killed is gone on with, and ends the
        same. Called again on the same day it finds nothing to do.
        """
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        for step in (self._earn_visit_dates, self._earn_days):
            while count := step(limit=limit):
                if in_cron and not cron._commit_progress(count, remaining=1):
                    return
        if in_cron:
            cron._commit_progress(remaining=0)

    @api.model
    def _earn_visit_dates(self, limit):
        """Earn rights whose visit day is over; return how many."""
        rows = self._earning_rows(
            SQL(
                "e.revenue_trigger = 'visit_date' AND t.state IN %s "
                "AND e.refund_due IS NOT TRUE "
                "AND e.amount_recognised + e.amount_refunded < e.amount "
                "AND COALESCE(t.visit_date, %s) < %s",
                EARNING_STATES,
                self._local_day_sql("e.valid_to - interval '1 second'"),
                self._today_sql(),
            ),
            limit,
        )
        self._book(
            [
                {
                    **row,
                    "trigger": "visit_date",
                    "cents": slots.calendar(1, 0),
                    "date": row["visit_date"] or row["last_day"],
                }
                for row, slots in rows
            ]
        )
        return len(rows)

    @api.model
    def _earn_days(self, tickets=None, limit=None):
        """Earn the days up to yesterday of rights that are earned day by day.

        :param tickets: only these; their rows are locked by the caller
        :return: how many rights
        """
        rows = self._earning_rows(
            SQL(
                "e.revenue_trigger = 'straight_line' AND t.state IN %s "
                "AND e.refund_due IS NOT TRUE "
                "AND e.amount_recognised + e.amount_refunded < e.amount "
                "AND %s < %s "
                "AND COALESCE(e.recognised_until, '-infinity') < %s - 1 AND %s",
                EARNING_STATES,
                self._local_day_sql("e.valid_from"),
                self._today_sql(),
                self._today_sql(),
                SQL("t.id IN %s", tuple(tickets.ids) or (0,))
                if tickets
                else SQL("TRUE"),
            ),
            limit,
        )
        booked = []
        for row, slots in rows:
            yesterday = row["today"] - timedelta(days=1)
            until = min(yesterday, row["last_day"])
            start = row["recognised_until"] or row["first_day"] - timedelta(days=1)
            done = row["days_recognised"] + max(0, (until - start).days)
            left = (row["last_day"] - until).days
            booked.append(
                {
                    **row,
                    "trigger": "straight_line",
                    "cents": slots.calendar(done, left),
                    "date": until,
                    "days_recognised": done,
                    "recognised_until": yesterday,
                }
            )
        self._book(booked)
        return len(rows)

    @api.model
    def _skip_days(self, tickets):
        """Let the days up to yesterday earn nothing: the tickets were frozen."""
        tickets.entitlement_ids.flush_recordset()
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_entitlement e SET recognised_until = %(today)s - 1 "
                "FROM scenic_site s WHERE s.id = e.site_id AND e.ticket_id IN %(ids)s "
                "AND e.revenue_trigger = 'straight_line' "
                "AND %(first)s < %(today)s "
                "AND COALESCE(e.recognised_until, '-infinity') < %(today)s - 1",
                today=self._today_sql(),
                first=self._local_day_sql("e.valid_from"),
                ids=tuple(tickets.ids) or (0,),
            )
        )
        tickets.entitlement_ids.invalidate_recordset()

    @api.model
    def _lapse(self, tickets, trigger):
        """Turn what was not used of tickets into revenue; they are locked.

        :param str trigger: ``breakage`` or ``void``
        """
        if not tickets:
            return
        rows = self._earning_rows(SQL("t.id IN %s", tuple(tickets.ids)), None)
        booked = []
        for row, slots in rows:
            count, cents = slots.lapse()
            booked.append(
                {
                    **row,
                    "trigger": trigger,
                    "quantity": count,
                    "cents": cents,
                    "date": row["today"],
                    "entries_lapsed": row["entries_lapsed"] + count,
                }
            )
        self._book(booked)
        self.env.cr.execute(
            SQL(
                "WITH lapsed AS (UPDATE scenic_ticket SET breakage_at = NULL, "
                "refund_due = NULL WHERE id IN %s RETURNING id) "
                "UPDATE scenic_entitlement e SET refund_due = FALSE FROM lapsed x "
                "WHERE e.ticket_id = x.id AND e.refund_due",
                tuple(tickets.ids),
            )
        )
        tickets.invalidate_recordset()
        tickets.entitlement_ids.invalidate_recordset()

    @api.model
    def _today_sql(self):
        """Return the day it is at the site ``s``."""
        return SQL(
            "(%s::timestamp AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date",
            fields.Datetime.now(),
        )

    @api.model
    def _local_day_sql(self, moment):
        return SQL(f"(({moment}) AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date")

    @api.model
    def _earning_rows(self, condition, limit):
        """Return rights with their money, ``[(row, Slots)]``, the tickets locked.

        Rows that somebody else is changing are left out. Plain SQL: a night has
        hundreds of thousands of them.
        """
        self.env["scenic.ticket"].flush_model()
        self.env["scenic.entitlement"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT e.id, e.ticket_id, e.site_id, t.product_id, t.company_id,
                       t.currency_id, c.rounding, t.visit_date, e.unlimited,
                       e.amount, e.amount_recognised, e.amount_refunded,
                       e.entries_total, e.entries_refunded,
                       GREATEST(e.entries_used, e.entries_recognised) AS used,
                       e.entries_repaid, e.entries_lapsed, e.revenue_trigger,
                       e.days_recognised, e.recognised_until,
                       %(today)s AS today, %(first)s AS first_day, %(last)s AS last_day
                  FROM scenic_entitlement e
                  JOIN scenic_ticket t ON t.id = e.ticket_id
                  JOIN scenic_site s ON s.id = e.site_id
                  JOIN res_currency c ON c.id = t.currency_id
                 WHERE %(condition)s
                 ORDER BY e.ticket_id, e.id
                 LIMIT %(limit)s
                   FOR NO KEY UPDATE OF t, e SKIP LOCKED
                """,
                today=self._today_sql(),
                first=self._local_day_sql("e.valid_from"),
                last=self._local_day_sql("e.valid_to - interval '1 second'"),
                condition=condition,
                limit=limit,
            )
        )
        result = []
        for row in self.env.cr.dictfetchall():
            cent = row["rounding"]
            result.append(
                (
                    row,
                    Slots(
                        amount=round(row["amount"] / cent),
                        entries=row["entries_total"],
                        used=0 if row["unlimited"] else row["used"],
                        refunded=row["entries_refunded"],
                        repaid=row["entries_repaid"],
                        lapsed=row["entries_lapsed"],
                        recognised=round(row["amount_recognised"] / cent),
                        paid_back=round(row["amount_refunded"] / cent),
                        by_entry=row["revenue_trigger"] == "admission",
                    ),
                )
            )
        return result

    @api.model
    def _book(self, rows):
        """Write revenue entries of many rights, and what they earned, by few queries.

        :param rows: of :meth:`_earning_rows`, with ``trigger``, ``cents``, ``date``,
            and the values that change; nothing is entered for no money
        """
        if not rows:
            return
        data = json.dumps(
            [
                {
                    **{key: row[key] for key in BOOKED},
                    "quantity": row.get("quantity", 0),
                    "earned": str(row["cents"] * Decimal(str(row["rounding"]))),
                }
                for row in rows
            ],
            default=str,
        )
        self.env.cr.execute(
            SQL(
                """
                WITH r AS (
                    SELECT * FROM jsonb_to_recordset(%(data)s::jsonb) AS r (
                        id integer, ticket_id integer, site_id integer,
                        product_id integer, company_id integer, currency_id integer,
                        trigger varchar, date date, quantity integer, earned numeric,
                        entries_lapsed integer, days_recognised integer,
                        recognised_until date)
                ), entered AS (
                    INSERT INTO scenic_revenue_entry (
                        ticket_id, entitlement_id, site_id, product_id, company_id,
                        currency_id, trigger, date, quantity, amount, state,
                        create_uid, write_uid, create_date, write_date)
                    SELECT ticket_id, id, site_id, product_id, company_id, currency_id,
                           trigger, date, quantity, earned, 'draft',
                           %(uid)s, %(uid)s, %(now)s, %(now)s
                      FROM r WHERE earned > 0 ORDER BY id
                ), earned AS (
                    UPDATE scenic_entitlement e
                       SET amount_recognised = e.amount_recognised + r.earned,
                           entries_lapsed = r.entries_lapsed,
                           days_recognised = r.days_recognised,
                           recognised_until = r.recognised_until,
                           write_uid = %(uid)s, write_date = %(now)s
                      FROM r WHERE e.id = r.id
                )
                UPDATE scenic_ticket t
                   SET amount_recognised = t.amount_recognised + s.earned,
                       amount_open = t.amount_open - s.earned,
                       write_uid = %(uid)s, write_date = %(now)s
                  FROM (SELECT ticket_id, sum(earned) AS earned FROM r
                         GROUP BY ticket_id) s
                 WHERE t.id = s.ticket_id
                """,
                data=data,
                uid=self.env.uid,
                now=fields.Datetime.now(),
            )
        )
        tickets = self.env["scenic.ticket"].browse({row["ticket_id"] for row in rows})
        tickets.invalidate_recordset()
        tickets.entitlement_ids.invalidate_recordset()

    # ------------------------------------------------------------------
    # Post
    # ------------------------------------------------------------------

    @api.model
    def _cron_post(self):
        """Post all open entries: one journal entry per company, day, site, product.

        A group that cannot be posted (an account is missing) stays open and is
        logged; the others are posted. Called again it finds nothing to do.
        """
        groups = self.search([("state", "=", "draft")])._lock_drafts()._by_move()
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        if in_cron:
            cron._commit_progress(remaining=len(groups))
        for entries in groups.values():
            try:
                with self.env.cr.savepoint():
                    # lock: a commit between two groups gave the locks back
                    entries._lock_drafts()._post()
            except UserError as error:
                _logger.warning(
                    "revenue of %s at %s on %s is not posted: %s",
                    entries.product_id.display_name,
                    entries.site_id.display_name,
                    entries[:1].date,
                    error,
                )
            if in_cron and not cron._commit_progress(1):
                break

    def _lock_drafts(self):
        """Return those that are still to post and that nobody else is posting."""
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_revenue_entry WHERE id IN %s "
                "AND state = 'draft' ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
                tuple(self.ids) or (0,),
            )
        )
        return self.browse(id_ for (id_,) in self.env.cr.fetchall())

    def _by_move(self):
        """Return ``{(company, day, site, product): entries}`` in a stable order."""
        groups = defaultdict(list)
        for entry in self.sorted(lambda e: (e.company_id.id, e.date, e.id)):
            key = (entry.company_id, entry.date, entry.site_id, entry.product_id)
            groups[key].append(entry.id)
        return {key: self.browse(ids) for key, ids in groups.items()}

    def _post(self):
        """Post the journal entry of entries of one company, day, site, product."""
        if not self:
            return
        move = self.env["account.move"]
        if not self.currency_id.is_zero(sum(self.mapped("amount"))):
            move = move.with_company(self.company_id).create(self._prepare_move())
            move._post(soft=False)
        self.write({"state": "posted", "move_id": move.id})

    def _prepare_move(self):
        """Return the values of the journal entry: liability to revenue.

        The other way round when more was taken back than earned.
        """
        company = self.company_id
        template = self.product_id.product_tmpl_id.with_company(company)
        journal = company.scenic_revenue_journal_id
        if not journal:
            raise AccountMissingError(
                self.env._(
                    "No ticket revenue journal for company %(company)s. Set it in "
                    "Settings ‣ Scenic Ticket.",
                    company=company.name,
                ),
                code="JOURNAL_MISSING",
            )
        amount = company.currency_id.round(sum(self.mapped("amount")))
        # the ledger is kept in the language of the company, not of the scheduler
        local = self.with_context(lang=company.partner_id.lang or self.env.lang)
        names = {
            "site": local.site_id.name,
            "product": local.product_id.display_name,
            "date": fields.Date.to_string(self[0].date),
        }
        if set(self.mapped("trigger")) == {"admission"}:
            label = local.env._("Admissions %(site)s %(product)s, %(date)s", **names)
        else:
            label = local.env._("Revenue %(site)s %(product)s, %(date)s", **names)
        common = {"name": label, "product_id": self.product_id.id, "tax_ids": []}
        return {
            "move_type": "entry",
            "journal_id": journal.id,
            "date": self[0].date,
            "ref": label,
            "line_ids": [
                fields.Command.create(
                    {
                        **common,
                        "account_id": template._scenic_deferral_account().id,
                        "balance": amount,
                    }
                ),
                fields.Command.create(
                    {
                        **common,
                        "account_id": template._scenic_revenue_account().id,
                        "balance": -amount,
                    }
                ),
            ],
        }
