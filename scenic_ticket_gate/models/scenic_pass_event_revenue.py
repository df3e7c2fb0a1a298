"""Passes become revenue, each once."""

import logging
from datetime import timedelta

import psycopg2.errors

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

REVENUE_BATCH = 200
REVENUE_MARK = "scenic_ticket_gate.revenue_done_until"
# Passes ``e`` of entitlements ``n`` that earn the price; others earn by the calendar.
EARNS = SQL(
    "e.phase = 'passed' AND e.used_delta > 0 AND e.staff IS NOT TRUE "
    "AND n.revenue_trigger = 'admission'"
)


class ScenicPassEvent(models.Model):
    _inherit = "scenic.pass.event"

    @api.model
    def action_recognise_revenue(self):
        """Turn the passes of the user's companies into posted revenue, up to now."""
        if not self.env.user.has_group("scenic_ticket_base.group_scenic_finance"):
            raise AccessError(self.env._("Only finance may recognise revenue."))
        count = self._recognise_revenue(companies=self.env.companies)
        self.env["scenic.revenue.entry"].search(
            [("state", "=", "draft"), ("company_id", "in", self.env.companies.ids)]
        ).action_post()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "Revenue of %(count)s passes was recognised.", count=count
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @api.model
    def _cron_recognise_revenue(self):
        """Recognise the passes of finished days, then post them.

        Today's passes wait until the day is over by the clock of their site, so
        that a day has one journal entry, and staff have time to give entries back.
        """
        self._recognise_revenue(finished_days=True)
        self.env["scenic.revenue.entry"]._cron_post()

    @api.model
    def _recognise_revenue(self, companies=None, finished_days=False):
        """Turn passes into revenue entries; each pass once, however often called.

        A pass whose revenue cannot be recognised is logged and left for the next
        time; it does not stop the others.

        :param companies: only passes at these ``res.company``
        :param bool finished_days: only passes of days that are over at their site
        :return: how many passes were recognised
        """
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        # sudo: system parameter, read and written by this method only
        parameters_sudo = self.env["ir.config_parameter"].sudo()
        start = int(parameters_sudo.get_param(REVENUE_MARK, 0))
        last, count, tries = start, 0, 0
        while rows := self._next_earned(last, companies, finished_days):
            try:
                done = self._recognise_rows(rows)
                self.env.flush_all()
            except psycopg2.errors.SerializationFailure:
                # a gate moved an entry of these tickets since the batch was read
                tries += 1
                if not in_cron or tries > 5:
                    raise
                self.env.cr.rollback()
                continue
            tries = 0
            count += done
            last = rows[-1]["id"]
            if in_cron and not self.env["ir.cron"]._commit_progress(
                done, remaining=REVENUE_BATCH
            ):
                # the time of this run is over: go on in another one
                self.env.ref("scenic_ticket_gate.ir_cron_recognise_revenue")._trigger()
                return count
        if companies is None:
            self._move_revenue_mark(start)
        return count

    @api.model
    def _next_earned(self, last, companies, finished_days):
        """Return the next passes without revenue, oldest first."""
        condition = SQL("TRUE")
        if companies is not None:
            condition = SQL("e.company_id IN %s", tuple(companies.ids) or (0,))
        if finished_days:
            condition = SQL(
                "%s AND (e.event_time AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date "
                "< (now() AT TIME ZONE s.tz)::date",
                condition,
            )
        self.env["scenic.revenue.entry"].flush_model(["pass_event_id"])
        self.env["scenic.entitlement"].flush_model(["revenue_trigger"])
        self.env["scenic.site"].flush_model(["tz"])
        self.env["scenic.ticket"].flush_model(["blank_state", "lease_id"])
        self.env.cr.execute(
            SQL(
                """
                SELECT e.id, e.entitlement_id, u.quantity,
                       (e.event_time AT TIME ZONE 'UTC' AT TIME ZONE s.tz)::date AS day
                  FROM scenic_pass_event e
                  JOIN scenic_site s ON s.id = e.site_id
                  JOIN scenic_entitlement n ON n.id = e.entitlement_id
                  -- a blank whose sale has not arrived has no price yet
                  JOIN scenic_ticket t ON t.id = n.ticket_id
                   AND (t.lease_id IS NULL OR t.blank_state = 'sold')
                  LEFT JOIN scenic_revenue_entry r ON r.pass_event_id = e.id
                 CROSS JOIN LATERAL (
                           SELECT e.used_delta + COALESCE(sum(f.used_delta), 0)
                                      AS quantity
                             FROM scenic_pass_event f
                            WHERE f.origin_id = e.id
                       ) u
                 WHERE e.id > %s AND %s
                   AND r.id IS NULL AND u.quantity > 0 AND %s
                 ORDER BY e.id
                 LIMIT %s
                """,
                last,
                EARNS,
                condition,
                REVENUE_BATCH,
            )
        )
        return self.env.cr.dictfetchall()

    @api.model
    def _recognise_rows(self, rows):
        """Recognise a batch; return how many passes could be.

        One that cannot be recognised makes the batch go one by one.
        """
        entries = self.env["scenic.revenue.entry"]
        entitlements = self.env["scenic.entitlement"]
        batch = [
            (
                entitlements.browse(row["entitlement_id"]),
                row["quantity"],
                row["day"],
                {"pass_event_id": row["id"]},
            )
            for row in rows
        ]
        try:
            with self.env.cr.savepoint():
                entries._recognise_many(batch)
            return len(rows)
        except UserError as error:
            if len(rows) == 1:
                _logger.warning(
                    "revenue of pass event %s is not recognised: %s",
                    rows[0]["id"],
                    error,
                )
                return 0
        return sum(self._recognise_rows([row]) for row in rows)

    @api.model
    def _move_revenue_mark(self, start):
        """Remember up to which event nothing is left to recognise.

        Ids are handed out before a transaction ends, so events of the last two
        days are always looked at again.
        """
        [[done]] = self.env.execute_query(
            SQL(
                """
                SELECT LEAST(
                           COALESCE((
                               SELECT e.id FROM scenic_pass_event e
                                WHERE e.received_time < %s
                                ORDER BY e.id DESC LIMIT 1
                           ), 0),
                           (
                               SELECT e.id - 1 FROM scenic_pass_event e
                                 JOIN scenic_entitlement n ON n.id = e.entitlement_id
                                 LEFT JOIN scenic_revenue_entry r
                                   ON r.pass_event_id = e.id
                                WHERE e.id > %s AND %s AND r.id IS NULL
                                  AND e.used_delta > (
                                          SELECT COALESCE(-sum(f.used_delta), 0)
                                            FROM scenic_pass_event f
                                           WHERE f.origin_id = e.id
                                      )
                                ORDER BY e.id LIMIT 1
                           )
                       )
                """,
                fields.Datetime.now() - timedelta(days=2),
                start,
                EARNS,
            )
        )
        if done > start:
            # sudo: system parameter, see _recognise_revenue
            self.env["ir.config_parameter"].sudo().set_param(REVENUE_MARK, done)
