from odoo import fields, models
from odoo.tools import SQL

from odoo.addons.scenic_ticket_base.models.product_template import TICKET_KINDS


class ScenicAdmissionReport(models.Model):
    """Who came in, where and when: one row for each event of the lanes that counts.

    The figures are sums over pass events and nothing else, so they are right at any
    moment. Days and hours are those of the site's clock. Staff are left out: they are
    no visitors.
    """

    _name = "scenic.admission.report"
    _description = "Admissions"
    _auto = False
    _order = "event_time desc, id desc"
    _rec_name = "event_time"

    event_id = fields.Many2one("scenic.pass.event", readonly=True)
    event_time = fields.Datetime(string="Time", readonly=True)
    day = fields.Date(readonly=True, help="By the clock of the site.")
    hour = fields.Char(readonly=True, help="By the clock of the site.")
    site_id = fields.Many2one("scenic.site", readonly=True)
    gate_id = fields.Many2one("scenic.gate", readonly=True)
    lane_id = fields.Many2one("scenic.lane", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    direction = fields.Selection([("in", "In"), ("out", "Out")], readonly=True)
    ticket_id = fields.Many2one("scenic.ticket", readonly=True)
    product_id = fields.Many2one(
        "product.product", string="Ticket Product", readonly=True
    )
    kind = fields.Selection(TICKET_KINDS, string="Ticket Kind", readonly=True)
    channel_id = fields.Many2one("scenic.channel", readonly=True)
    slot_id = fields.Many2one("scenic.slot", string="Time Slot", readonly=True)
    admitted = fields.Integer(
        string="Came In",
        readonly=True,
        help="People who passed with a ticket, re-entries too.",
    )
    again = fields.Integer(
        string="Of These Again",
        readonly=True,
        help="Free re-entries: the same people on the same day.",
    )
    given_back = fields.Integer(
        readonly=True,
        help="People of a pass that staff took back: nobody had come in.",
    )
    uncounted = fields.Integer(
        string="Without Ticket",
        readonly=True,
        help="People who came in while a lane stood open to everybody.",
    )
    gone = fields.Integer(
        string="Left",
        readonly=True,
        help="People who went out; counts by hand that were taken back are off.",
    )
    refused = fields.Integer(
        string="Refused Scans", readonly=True, help="Scans that opened nothing."
    )

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT e.id, e.id AS event_id, e.event_time, e.site_id, e.gate_id,
                   e.lane_id, e.company_id, e.direction, e.ticket_id,
                   c.local::date AS day,
                   to_char(c.local, 'HH24:00') AS hour,
                   t.product_id, t.kind, t.channel_id, t.slot_id,
                   CASE WHEN e.phase = 'passed' THEN e.passes ELSE 0 END AS admitted,
                   CASE WHEN e.phase = 'passed' AND e.reentry THEN e.passes
                        ELSE 0 END AS again,
                   CASE WHEN e.phase = 'entry' THEN e.passes ELSE 0 END AS uncounted,
                   CASE WHEN e.phase = 'exit' THEN e.passes
                        WHEN e.phase = 'returned' AND e.direction = 'out'
                            THEN -e.passes
                        ELSE 0 END AS gone,
                   CASE WHEN e.phase = 'returned' AND e.direction = 'in'
                        THEN e.passes ELSE 0 END AS given_back,
                   CASE WHEN e.phase = 'denied' THEN 1 ELSE 0 END AS refused
              FROM scenic_pass_event e
              JOIN scenic_site s ON s.id = e.site_id
              LEFT JOIN scenic_ticket t ON t.id = e.ticket_id
             CROSS JOIN LATERAL (
                   SELECT e.event_time AT TIME ZONE 'UTC' AT TIME ZONE s.tz AS local
               ) c
             WHERE e.phase IN ('passed', 'returned', 'entry', 'exit', 'denied')
               AND e.staff IS NOT TRUE
            """
        )

    def action_open_event(self):
        """Open the fact behind a row."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "scenic.pass.event",
            "res_id": self.event_id.id,
            "view_mode": "form",
        }
