from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ScenicCapacityShare(models.Model):
    _name = "scenic.capacity.share"
    _description = "Share of a Channel"
    _inherit = ["scenic.audited"]
    _order = "pool_id, channel_id"
    _rec_name = "channel_id"

    pool_id = fields.Many2one(
        "scenic.capacity.pool", required=True, index=True, ondelete="cascade"
    )
    channel_id = fields.Many2one(
        "scenic.channel",
        required=True,
        index=True,
        ondelete="restrict",
    )
    guaranteed = fields.Integer(
        string="Kept for It",
        required=True,
        default=0,
        help="Places of each day or slot that other channels cannot take.",
    )
    ceiling = fields.Integer(
        string="At Most",
        required=True,
        default=0,
        help="Places of each day or slot that the channel may take. 0: no limit.",
    )
    release = fields.Selection(
        [
            ("never", "Never"),
            ("hours", "Hours before"),
            ("days", "Days before, at midnight"),
        ],
        string="Released to All",
        required=True,
        default="never",
        help="When kept places that the channel did not take are free for all. Hours "
        "count back from the start of the slot or, without slots, of the day.",
    )
    release_before = fields.Integer(
        string="Before",
        required=True,
        default=0,
        help="How many hours or days before.",
    )

    _channel_unique = models.Constraint(
        "UNIQUE (pool_id, channel_id)", "A channel has one share of a capacity pool."
    )
    _amounts = models.Constraint(
        "CHECK (guaranteed >= 0 AND ceiling >= 0)", "A share cannot be negative."
    )
    _ceiling_holds = models.Constraint(
        "CHECK (ceiling = 0 OR guaranteed <= ceiling)",
        "A channel cannot have more places kept than it may take.",
    )
    _release_range = models.Constraint(
        "CHECK (release_before BETWEEN -48 AND 8784)",
        "Kept places are released at most a year before the visit.",
    )

    @api.constrains("guaranteed", "pool_id")
    def _check_guaranteed(self):
        for pool in self.pool_id:
            kept = sum(pool.share_ids.mapped("guaranteed"))
            if kept > pool.capacity:
                raise ValidationError(
                    self.env._(
                        "“%(pool)s” has %(capacity)s places, but %(kept)s are kept for "
                        "channels.",
                        pool=pool.name,
                        capacity=pool.capacity,
                        kept=kept,
                    )
                )
