from odoo import api, fields, models
from odoo.exceptions import UserError

from .scenic_capacity_level import COLOURS


class ScenicCapacityDay(models.Model):
    """How one day, or one slot, of a capacity pool differs and how it stands.

    Sales need no such row: without one the pool's own capacity holds.
    """

    _name = "scenic.capacity.day"
    _description = "Capacity of a Day"
    _inherit = ["scenic.audited"]
    _order = "date, slot_start, pool_id, id"

    pool_id = fields.Many2one(
        "scenic.capacity.pool",
        string="Capacity Pool",
        required=True,
        index=True,
        ondelete="cascade",
        domain="[('kind', 'in', ('day', 'slot'))]",
    )
    kind = fields.Selection(related="pool_id.kind")
    site_id = fields.Many2one(related="pool_id.site_id", store=True, index=True)
    company_id = fields.Many2one(related="pool_id.company_id", store=True, index=True)
    date = fields.Date(
        compute="_compute_date",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        index=True,
    )
    slot_id = fields.Many2one(
        "scenic.slot", string="Time Slot", index="btree_not_null", ondelete="cascade"
    )
    slot_start = fields.Datetime(related="slot_id.start", store=True)
    capacity_own = fields.Integer(
        string="Own Capacity",
        required=True,
        default=0,
        help="0: as the slot or the pool says.",
    )
    capacity = fields.Integer(compute="_compute_state", inverse="_inverse_capacity")
    closed = fields.Boolean(help="Nothing more is sold for this day or slot.")
    note = fields.Char()
    held = fields.Integer(compute="_compute_state")
    sold = fields.Integer(compute="_compute_state")
    free = fields.Integer(compute="_compute_state", help="Places still on sale.")
    over = fields.Integer(
        compute="_compute_state",
        help="Persons beyond the capacity, by orders that arrived late.",
    )
    rate = fields.Float(string="Taken", compute="_compute_state", aggregator=None)
    level_id = fields.Many2one(
        "scenic.capacity.level", string="Alert Level", compute="_compute_state"
    )
    colour = fields.Selection(COLOURS, compute="_compute_state")

    _unit_unique = models.UniqueIndex(
        "(pool_id, date, COALESCE(slot_id, 0))",
        "This day or slot of the capacity pool is in the list already.",
    )
    _capacity_positive = models.Constraint(
        "CHECK (capacity_own >= 0)", "A capacity cannot be negative."
    )

    @api.depends("slot_id")
    def _compute_date(self):
        for day in self:
            if day.slot_id:
                day.date = day.slot_id.date

    @api.depends("pool_id", "date", "slot_id")
    def _compute_display_name(self):
        for day in self:
            day.display_name = " ".join(
                filter(
                    None,
                    [
                        day.pool_id.name,
                        day.slot_id.display_name
                        or (day.date and fields.Date.to_string(day.date)),
                    ],
                )
            )

    @api.depends("pool_id", "date", "slot_id", "capacity_own", "closed")
    def _compute_state(self):
        states = self.pool_id._state(
            [(day.pool_id.id, day.date, day.slot_id.id) for day in self if day.date]
        )
        nothing = dict.fromkeys(
            ("capacity", "held", "sold", "pending", "free_all", "level_id"), 0
        )
        for day in self:
            state = (
                states.get(
                    (day.pool_id.id, day.date, day.slot_id.id),
                )
                or nothing
            )
            taken = state["held"] + state["sold"] + state["pending"]
            day.capacity = state["capacity"]
            day.held = state["held"] + state["pending"]
            day.sold = state["sold"]
            day.free = 0 if day.closed else max(0, state["free_all"])
            day.over = max(0, taken - state["capacity"])
            day.rate = taken / state["capacity"] if state["capacity"] else 0.0
            day.level_id = state["level_id"]
            day.colour = day.level_id.colour

    def _inverse_capacity(self):
        for day in self:
            day.capacity_own = day.capacity

    @api.constrains("pool_id", "slot_id", "date")
    def _check_unit(self):
        for day in self:
            if day.pool_id.kind not in ("day", "slot") or (
                (day.pool_id.kind == "slot") != bool(day.slot_id)
            ):
                raise UserError(
                    self.env._(
                        "“%(pool)s” has its places by day or by slot: please choose "
                        "the one or the other.",
                        pool=day.pool_id.name,
                    )
                )
            if day.slot_id and (
                day.slot_id.site_id != day.pool_id.site_id
                or day.slot_id.date != day.date
            ):
                raise UserError(
                    self.env._(
                        "Slot %(slot)s is not of “%(pool)s”.",
                        slot=day.slot_id.display_name,
                        pool=day.pool_id.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        # what an inverse would do afterwards, so that the guard sees it
        vals_list = [
            {
                **vals,
                "capacity_own": vals.get("capacity") or vals.get("capacity_own", 0),
            }
            for vals in vals_list
        ]
        for vals in vals_list:
            vals.pop("capacity", None)
        days = super().create(vals_list)
        days._guard_capacity(
            {day: (day._usual_capacity(), day._own_or_usual()) for day in days}
        )
        return days

    def write(self, vals):
        if vals.keys() & {"pool_id", "date", "slot_id"}:
            raise UserError(
                self.env._("Please add another line for another day or slot.")
            )
        if "capacity_own" in vals:
            own = vals["capacity_own"] or 0
            self._guard_capacity(
                {
                    day: (day._own_or_usual(), own or day._usual_capacity())
                    for day in self
                }
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_taken(self):
        self._guard_capacity(
            {day: (day._own_or_usual(), day._usual_capacity()) for day in self}
        )

    def _filtered_audited(self):
        # the list is filled every night; only what differs was decided by somebody
        return self.filtered(lambda day: day.capacity_own or day.closed or day.note)

    def _usual_capacity(self):
        self.ensure_one()
        return self.slot_id.capacity or self.pool_id.capacity

    def _own_or_usual(self):
        self.ensure_one()
        return self.capacity_own or self._usual_capacity()

    def _guard_capacity(self, changes):
        """Refuse to go below what is taken.

        :param dict changes: day → (capacity before, capacity after)
        """
        self.pool_id._lower(
            [
                (day.pool_id, day.date, day.slot_id, after)
                for day, (before, after) in changes.items()
                if after < before
            ]
        )
