from odoo import api, fields, models

from ..exceptions import ScenicError


class ScenicBookingAmend(models.TransientModel):
    _name = "scenic.booking.amend"
    _description = "Change a Booking"

    booking_id = fields.Many2one(
        "scenic.booking", required=True, readonly=True, ondelete="cascade"
    )
    line_id = fields.Many2one(
        "scenic.booking.line",
        required=True,
        domain="[('booking_id', '=', booking_id)]",
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="booking_id.company_id")
    currency_id = fields.Many2one(related="booking_id.currency_id")
    state = fields.Selection(related="booking_id.state")
    site_id = fields.Many2one(related="line_id.site_id")
    visit_date = fields.Date(
        compute="_compute_now", store=True, readonly=False, precompute=True
    )
    slot_id = fields.Many2one(
        "scenic.slot",
        string="Time Slot",
        compute="_compute_slot_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('date', '=', visit_date), ('company_id', '=', company_id)]",
    )
    quantity = fields.Integer(
        string="Persons Who Pay",
        compute="_compute_now",
        store=True,
        readonly=False,
        precompute=True,
    )
    reason = fields.Char(required=True)
    document_ref = fields.Char(
        string="Document",
        help="Order, invoice or credit note that takes or returns the difference.",
    )
    # What it would cost
    difference_total = fields.Monetary(
        string="Difference",
        compute="_compute_cost",
        help="Above zero the customer pays it, below zero it is paid back.",
    )
    change_fee = fields.Monetary(compute="_compute_cost")
    places_free = fields.Char(compute="_compute_cost", help="On the new day or slot.")
    problem = fields.Char(string="Not Possible", compute="_compute_cost")

    @api.depends("line_id")
    def _compute_now(self):
        for wizard in self:
            line = wizard.line_id
            wizard.visit_date = line.visit_date
            wizard.quantity = line._paying_persons() if line else 0

    @api.depends("line_id", "visit_date")
    def _compute_slot_id(self):
        for wizard in self:
            line = wizard.line_id
            same = line.visit_date == wizard.visit_date
            wizard.slot_id = line.slot_id if same else False

    @api.depends("line_id", "visit_date", "slot_id", "quantity")
    def _compute_cost(self):
        for wizard in self:
            cost, problem = {}, False
            if wizard.line_id:
                try:
                    cost = wizard.booking_id._amend_quote([wizard._prepare_change()])
                except ScenicError as error:
                    problem = str(error)
            wizard.difference_total = cost.get("difference_total", 0)
            wizard.change_fee = cost.get("change_fee", 0)
            wizard.problem = problem
            wizard.places_free = wizard._places_text()

    def _prepare_change(self):
        self.ensure_one()
        return {
            "line_id": self.line_id._origin.id,
            "visit_date": self.visit_date,
            "slot_id": self.slot_id._origin.id or None,
            "quantity": self.quantity,
        }

    def _places_text(self):
        """Return how many places are free on the new day or slot, for a person."""
        self.ensure_one()
        if not self.line_id or not self.visit_date:
            return False
        days = self.env["scenic.capacity.pool"]._availability(
            self.line_id.product_id,
            self.booking_id.channel_id,
            self.visit_date,
            self.visit_date,
        )
        slot_id = self.slot_id._origin.id or False
        for day in days:
            if (day["slot_id"] or False) == slot_id:
                if day["free"] is None:
                    return self.env._("No limit")
                return str(day["free"])
        return False

    def action_apply(self):
        """Change the booking and write the reason into its audit trail."""
        self.ensure_one()
        self.booking_id._check_service_right()
        self.booking_id._amend(
            [self._prepare_change()], self.reason, document_ref=self.document_ref
        )
        return {"type": "ir.actions.act_window_close"}
