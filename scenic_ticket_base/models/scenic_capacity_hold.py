from odoo import api, fields, models, tools


class ScenicCapacityHold(models.Model):
    """Places taken: the truth behind all counts (see ``sql/capacity.sql``)."""

    _name = "scenic.capacity.hold"
    _description = "Places Taken"
    _inherit = ["scenic.bulk"]
    _order = "id desc"

    pool_id = fields.Many2one(
        "scenic.capacity.pool",
        string="Capacity Pool",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="Empty: a reservation of a site without a capacity pool.",
    )
    site_id = fields.Many2one(
        "scenic.site",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    company_id = fields.Many2one(
        related="site_id.company_id", store=True, index=True, precompute=True
    )
    date = fields.Date(required=True, readonly=True, index=True)
    slot_id = fields.Many2one(
        "scenic.slot",
        string="Time Slot",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    channel_id = fields.Many2one(
        "scenic.channel",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    booking_line_id = fields.Many2one(
        "scenic.booking.line",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    booking_id = fields.Many2one(related="booking_line_id.booking_id")
    ticket_id = fields.Many2one(
        "scenic.ticket",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
        help="The ticket that this reservation was made for after its sale.",
    )
    persons = fields.Integer(required=True, readonly=True)
    persons_released = fields.Integer(
        string="Released", required=True, readonly=True, default=0
    )
    over = fields.Integer(
        string="Beyond Capacity",
        required=True,
        readonly=True,
        default=0,
        help="Persons of an order that arrived late for whom no place was free then.",
    )
    state = fields.Selection(
        [("held", "Held"), ("sold", "Sold"), ("released", "Released")],
        required=True,
        readonly=True,
        default="held",
        index=True,
    )

    _persons_range = models.Constraint(
        "CHECK (persons > 0 AND persons_released BETWEEN 0 AND persons "
        "AND over BETWEEN 0 AND persons)",
        "No more places can be released than were taken.",
    )
    _released_state = models.Constraint(
        "CHECK ((state = 'released') = (persons_released = persons))",
        "Places are released when none of them is left.",
    )
    _reserved_index = models.Index(
        "(ticket_id, site_id, date) WHERE ticket_id IS NOT NULL AND state = 'sold'"
    )

    def init(self):
        with tools.file_open("scenic_ticket_base/sql/capacity.sql") as file:
            self.env.cr.execute(file.read())

    @api.depends("pool_id", "site_id", "date", "slot_id")
    def _compute_display_name(self):
        for hold in self:
            place = hold.pool_id.name or hold.site_id.name or ""
            when = hold.slot_id.display_name or fields.Date.to_string(hold.date)
            hold.display_name = f"{place} {when}"

    def _live(self):
        """Return how many places are taken."""
        return sum(
            hold.persons - hold.persons_released
            for hold in self
            if hold.state != "released"
        )

    def _free(self, persons=None):
        """Give places back: so many of each row, or all. Never more than there are."""
        for hold in self:
            if hold.state == "released":
                continue
            left = hold.persons - hold.persons_released
            back = left if persons is None else min(left, persons)
            values = {"persons_released": hold.persons_released + back}
            if back == left:
                values["state"] = "released"
            hold.write(values)
        self.flush_recordset()

    @api.autovacuum
    def _gc_fold(self):
        """Fold what no buyer has folded: past days, mostly."""
        self.env["scenic.capacity.pool"]._fold()
