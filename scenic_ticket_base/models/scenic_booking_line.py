from odoo import api, fields, models


class ScenicBookingLine(models.Model):
    _name = "scenic.booking.line"
    _description = "Booking Line"
    _order = "booking_id, id"
    _rec_name = "product_id"

    booking_id = fields.Many2one(
        "scenic.booking", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="booking_id.company_id", store=True, index=True
    )
    currency_id = fields.Many2one(related="booking_id.currency_id")
    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    site_id = fields.Many2one(
        "scenic.site",
        compute="_compute_site_id",
        store=True,
        index=True,
        ondelete="restrict",
        help="Site of the product at the sale.",
    )
    quantity = fields.Integer(string="Persons", required=True, readonly=True)
    visit_date = fields.Date(readonly=True)
    slot_id = fields.Many2one(
        "scenic.slot",
        string="Time Slot",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    free_persons = fields.Integer(
        string="Free Guides",
        required=True,
        readonly=True,
        default=0,
        help="Persons who enter with the group without paying.",
    )
    refund_policy_id = fields.Many2one(
        "scenic.refund.policy",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    refund_terms = fields.Json(
        readonly=True,
        help="The refund policy as it was at the sale; later changes do not count.",
    )
    change_count = fields.Integer(
        string="Changes", required=True, readonly=True, default=0
    )
    renew_membership_id = fields.Many2one(
        "scenic.membership",
        string="Renews Card",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The member card that this line gives another period.",
    )
    staff_card_id = fields.Many2one(
        "scenic.staff.card",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The staff card that this line makes.",
    )
    price_unit = fields.Float(
        string="Unit Price", digits="Product Price", readonly=True
    )
    amount_untaxed = fields.Monetary(
        string="Untaxed Amount", required=True, readonly=True
    )
    amount_total = fields.Monetary(string="Total", required=True, readonly=True)
    ticket_ids = fields.One2many("scenic.ticket", "booking_line_id", string="Tickets")

    _quantity_positive = models.Constraint(
        "CHECK (quantity > 0 AND free_persons >= 0)",
        "A booking line is for one person or more.",
    )
    _amounts_positive = models.Constraint(
        "CHECK (amount_untaxed >= 0 AND amount_total >= 0)",
        "The amounts of a booking line cannot be negative.",
    )

    # not of the site of the product: it may move, what was sold stays where it was
    @api.depends("product_id")
    def _compute_site_id(self):
        for line in self:
            line.site_id = line.product_id.scenic_site_id

    def _windows(self, now):
        """Return the windows of the tickets of this line, sold now.

        See ``product.template._scenic_windows``.
        """
        self.ensure_one()
        if self.renew_membership_id:
            return self.renew_membership_id._renewal_windows(self.product_id)
        if self.staff_card_id:
            return self.staff_card_id._ticket_windows()
        return self.product_id.product_tmpl_id._scenic_windows(
            now, self.visit_date, self.slot_id
        )
