from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_datetime

from ..exceptions import ScenicError


class ScenicProductTrial(models.TransientModel):
    """What a sale would give, without selling: for whoever sets up a product."""

    _name = "scenic.product.trial"
    _description = "Try a Ticket Product on a Date"

    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        domain="[('service_tracking', '=', 'scenic_ticket')]",
    )
    channel_id = fields.Many2one(
        "scenic.channel",
        required=True,
        default=lambda self: self.env["scenic.channel"].search([], limit=1),
    )
    visit_date = fields.Date(default=fields.Date.context_today)
    slot_id = fields.Many2one(
        "scenic.slot",
        string="Time Slot",
        domain="[('site_id', 'in', slot_site_ids), ('date', '=', visit_date)]",
    )
    slot_site_ids = fields.Many2many("scenic.site", compute="_compute_slot_site_ids")
    quantity = fields.Integer(string="Persons", required=True, default=1)
    # Answer
    refusal = fields.Char(string="Not Possible", compute="_compute_answer")
    next_date = fields.Date(string="Next Possible Date", compute="_compute_answer")
    window_text = fields.Char(
        string="Admitted",
        compute="_compute_answer",
        help="From the first to the last moment, by the clock of the site.",
    )
    free_persons = fields.Integer(string="Free Guides", compute="_compute_answer")
    amount_total = fields.Monetary(string="Price", compute="_compute_answer")
    currency_id = fields.Many2one(
        related="product_id.scenic_site_id.company_id.currency_id"
    )
    places = fields.Char(string="Places Left", compute="_compute_answer")
    reservation = fields.Selection(
        [
            ("none", "Not needed"),
            ("advised", "Advised"),
            ("required", "Needed"),
            ("slot", "Needed, for a time slot"),
        ],
        compute="_compute_answer",
    )

    @api.depends("product_id")
    def _compute_slot_site_ids(self):
        for trial in self:
            sites = trial.product_id.scenic_component_ids.site_id
            trial.slot_site_ids = sites | sites.parent_id

    @api.depends("product_id", "channel_id", "visit_date", "slot_id", "quantity")
    @api.depends_context("lang")
    def _compute_answer(self):
        for trial in self:
            trial.update(
                {
                    "refusal": False,
                    "next_date": False,
                    "window_text": False,
                    "free_persons": 0,
                    "amount_total": 0,
                    "places": False,
                    "reservation": False,
                }
            )
            if not (trial.product_id and trial.channel_id):
                continue
            try:
                trial._ask()
            except ScenicError as error:
                trial.refusal = str(error)
                trial.next_date = getattr(error, "next_date", None)

    @api.onchange("product_id")
    def _onchange_product_id(self):
        self.quantity = max(self.quantity, self.product_id.scenic_min_persons, 1)

    @api.onchange("product_id", "visit_date")
    def _onchange_visit_date(self):
        if self.slot_id.date != self.visit_date:
            self.slot_id = False

    def action_next_date(self):
        """Try the next date that is possible."""
        self.ensure_one()
        self.write({"visit_date": self.next_date, "slot_id": False})
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
            "name": self.env._("Try a Date"),
        }

    def _ask(self):
        """Fill in the answer by the services that every channel sells through."""
        template, slot = self.product_id.product_tmpl_id, self.slot_id
        company = template.scenic_site_id.company_id or self.env.company
        if self.visit_date:
            self._ask_places(slot)
        window, _windows = template._scenic_windows(
            fields.Datetime.now(), self.visit_date, slot
        )
        zone = template.scenic_site_id.tz
        self.window_text = self.env._(
            "%(first)s to %(last)s",
            first=self._clock(window.valid_from, zone),
            last=self._clock(window.valid_to, zone, is_end=True),
        )
        quote = self.env["scenic.booking"]._quote(
            self.channel_id.code,
            [
                {
                    "product_id": self.product_id.id,
                    "quantity": self.quantity,
                    "visit_date": self.visit_date,
                    "slot_id": slot.id,
                }
            ],
            company=company,
        )
        self.amount_total = quote["amount_total"]
        self.free_persons = quote["lines"][0]["free_persons"]

    def _clock(self, moment, zone, is_end=False):
        """Return day and time; an end at midnight is 24:00 of the day before."""
        time = format_datetime(self.env, moment, tz=zone, dt_format="HH:mm")
        moment -= timedelta(seconds=is_end)
        day = format_datetime(self.env, moment, tz=zone, dt_format="yyyy-MM-dd")
        return f"{day} {'24:00' if is_end and time == '00:00' else time}"

    def _ask_places(self, slot):
        rows = self.env["scenic.capacity.pool"]._availability(
            self.product_id, self.channel_id, self.visit_date, self.visit_date
        )
        row = next((r for r in rows if (r["slot_id"] or False) == slot.id), None)
        row = row or (rows and rows[0])
        if not row:
            return
        self.reservation = row["reservation"]
        self.places = (
            self.env._("No limit") if row["free"] is None else str(row["free"])
        )
