import logging
from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..exceptions import AccountMissingError, RevenueError
from ..tools.split import earned_units

_logger = logging.getLogger(__name__)


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
        [("admission", "Admission")],
        required=True,
        readonly=True,
        default="admission",
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
        "CHECK (quantity > 0)", "An entry is for one admission or more."
    )
    _amount_positive = models.Constraint(
        "CHECK (amount >= 0)", "Recognised revenue cannot be negative."
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
            raise RevenueError(
                self.env._("Only finance may post revenue."), code="REVENUE_RIGHT"
            )
        # sudo: finance need not be an accountant; the entries decide the move
        for entries_sudo in self.sudo()._lock_drafts()._by_move().values():
            entries_sudo._post()

    # ------------------------------------------------------------------
    # Recognise
    # ------------------------------------------------------------------

    @api.model
    def _recognise(self, entitlement, quantity, date, **extra):
        """Earn the price of some entries of an entitlement.

        The sum over all entries of the entitlement is exactly its amount: each
        call earns the cumulative share, the last one takes the residual.

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
        recognised = {
            e.id: [e.entries_recognised, e.amount_recognised] for e in entitlements_sudo
        }
        for entitlement, quantity, date, extra in rows:
            entitlement_sudo = by_id[entitlement.id]
            entitlement_sudo._check_recognisable(
                recognised[entitlement.id][0], quantity
            )
            currency = entitlement_sudo.currency_id
            done, earned = recognised[entitlement.id]
            units = earned_units(
                round(entitlement_sudo.amount / currency.rounding),
                done + quantity,
                entitlement_sudo.entries_total,
            )
            target = currency.round(units * currency.rounding)
            values.append(
                {
                    **extra,
                    "ticket_id": entitlement_sudo.ticket_id.id,
                    "entitlement_id": entitlement.id,
                    "quantity": quantity,
                    "date": date,
                    "amount": currency.round(target - earned),
                }
            )
            recognised[entitlement.id] = [done + quantity, target]
        entries_sudo = self.sudo().create(values)
        for entitlement_sudo in entitlements_sudo:
            done, earned = recognised[entitlement_sudo.id]
            entitlement_sudo.write(
                {"entries_recognised": done, "amount_recognised": earned}
            )
        for ticket_sudo in tickets_sudo:
            ticket_sudo.with_context(tracking_disable=True).amount_recognised = sum(
                ticket_sudo.entitlement_ids.mapped("amount_recognised")
            )
        return self.browse(entries_sudo.ids)

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
        groups = defaultdict(self.browse)
        for entry in self.sorted(lambda e: (e.company_id.id, e.date, e.id)):
            key = (entry.company_id, entry.date, entry.site_id, entry.product_id)
            groups[key] |= entry
        return groups

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
        """Return the values of the journal entry: liability to revenue."""
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
        amount = sum(self.mapped("amount"))
        # the ledger is kept in the language of the company, not of the scheduler
        local = self.with_context(lang=company.partner_id.lang or self.env.lang)
        label = local.env._(
            "Admissions %(site)s %(product)s, %(date)s",
            site=local.site_id.name,
            product=local.product_id.display_name,
            date=fields.Date.to_string(self[0].date),
        )
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
                        "debit": amount,
                    }
                ),
                fields.Command.create(
                    {
                        **common,
                        "account_id": template._scenic_revenue_account().id,
                        "credit": amount,
                    }
                ),
            ],
        }
