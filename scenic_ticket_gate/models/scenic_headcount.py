from odoo import fields, models


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
    inside = fields.Integer(required=True, readonly=True)
    reserved = fields.Integer(
        string="On Their Way In",
        required=True,
        readonly=True,
        help="Admitted, and not through the lane yet.",
    )

    _pool_unique = models.Constraint(
        "UNIQUE (pool_id)", "The people of this pool are counted already."
    )
