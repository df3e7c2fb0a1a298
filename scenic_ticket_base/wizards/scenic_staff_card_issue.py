from odoo import api, fields, models

from ..models.scenic_visitor import DOC_KINDS


class ScenicStaffCardIssue(models.TransientModel):
    _name = "scenic.staff.card.issue"
    _description = "Issue a Staff Card"
    _inherit = ["scenic.secret.input", "scenic.weekday.mixin"]
    _secret_fields = ("doc_number", "card_number")

    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        domain="[('service_tracking', '=', 'scenic_ticket'), "
        "('scenic_ticket_kind', '=', 'staff')]",
        default=lambda self: self._default_product(),
    )
    holder_name = fields.Char(string="Card Holder", required=True)
    employee_no = fields.Char(string="Employee No.")
    doc_kind = fields.Selection(
        DOC_KINDS, string="ID Document", help="Opens the lane when it is read."
    )
    doc_number = fields.Char(
        string="Document Number", compute="_compute_secret", readonly=False
    )
    card_number = fields.Char(
        string="IC Card",
        compute="_compute_secret",
        readonly=False,
        help="Hold the card to the reader, or type its number.",
    )
    date_from = fields.Date(
        string="From", required=True, default=fields.Date.context_today
    )
    date_to = fields.Date(string="Until", required=True)
    hour_from = fields.Float(string="From Hour", default=0.0)
    hour_to = fields.Float(string="To Hour", default=24.0)

    @api.model
    def _default_product(self):
        return self.env["product.product"].search(
            [
                ("service_tracking", "=", "scenic_ticket"),
                ("scenic_ticket_kind", "=", "staff"),
            ],
            limit=1,
        )

    def action_apply(self):
        """Issue the card and open it.

        :raise AccessError: only a ticketing manager may do this
        """
        self.ensure_one()
        cards = self.env["scenic.staff.card"]
        cards._check_manager()
        self.product_id.check_access("read")
        visitor = medium = None
        secrets = self._secrets()
        if secrets.get("doc_number"):
            visitor = {
                "name": self.holder_name,
                "doc_kind": self.doc_kind,
                "doc_number": secrets["doc_number"],
            }
        if secrets.get("card_number"):
            medium = {"kind": "staff_card", "number": secrets["card_number"]}
        card = cards._issue(
            self.product_id, self._prepare_card(), visitor=visitor, medium=medium
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": "scenic.staff.card",
            "res_id": card.id,
            "view_mode": "form",
        }

    def _prepare_card(self):
        return {
            "holder_name": self.holder_name.strip(),
            "employee_no": (self.employee_no or "").strip() or False,
            "date_from": self.date_from,
            "date_to": self.date_to,
            "weekdays": self._weekday_mask(),
            "minute_from": round(self.hour_from * 60),
            "minute_to": round(self.hour_to * 60),
        }
