from odoo import api, fields, models


class ScenicHeadcount(models.Model):
    """People inside the site of an instant pool, kept by ``sql/inside.sql``.

    It is the lock and the sum of what pass events say; no user writes it.
    """

    _name = "scenic.headcount"
    _description = "People Inside"
    _order = "pool_id"
    _rec_name = "pool_id"
    _log_access = False

    pool_id = fields.Many2one(
        "scenic.capacity.pool",
        string="Capacity Pool",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    site_id = fields.Many2one(related="pool_id.site_id")
    company_id = fields.Many2one(related="pool_id.company_id")
    capacity = fields.Integer(related="pool_id.capacity")
    day = fields.Date(required=True, readonly=True, help="Day at the site.")
    inside = fields.Integer(
        required=True, readonly=True, help="As counted on that day."
    )
    reserved = fields.Integer(
        string="On Their Way In",
        required=True,
        readonly=True,
        help="Admitted, and not through the lane yet.",
    )

    people = fields.Integer(
        string="Inside Now",
        compute="_compute_people",
        help="Nobody before the first who comes in today.",
    )
    places = fields.Integer(
        string="Places Left",
        compute="_compute_people",
        help="How many may still come in, if no alert level stops them before.",
    )

    _pool_unique = models.Constraint(
        "UNIQUE (pool_id)", "The people of this pool are counted already."
    )

    @api.depends("day", "inside", "reserved", "capacity")
    def _compute_people(self):
        for count in self:
            site = count.with_context(tz=count.site_id.tz)
            today = fields.Date.context_today(site)
            count.people = max(0, count.inside) if count.day == today else 0
            count.places = count.capacity - count.people - count.reserved
