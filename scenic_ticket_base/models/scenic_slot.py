from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_date, format_time

from ..tools.window import local_day


class ScenicSlot(models.Model):
    _name = "scenic.slot"
    _description = "Time Slot"
    _inherit = ["scenic.audited"]
    _order = "start, id"

    name = fields.Char(string="Label", translate=True)
    site_id = fields.Many2one(
        "scenic.site", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    template_id = fields.Many2one(
        "scenic.slot.template",
        string="Timetable Line",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    date = fields.Date(
        compute="_compute_date",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        index=True,
        help="Day at the site.",
    )
    start = fields.Datetime(required=True)
    end = fields.Datetime(required=True, help="First moment after the slot.")
    capacity = fields.Integer(
        required=True, default=0, help="Places. 0: as the capacity pool says."
    )
    closed = fields.Boolean(help="Nothing more is sold for this slot.")
    held = fields.Integer(compute="_compute_places")
    sold = fields.Integer(compute="_compute_places")
    free = fields.Integer(compute="_compute_places")

    _window = models.Constraint(
        'CHECK (start < "end")', "A time slot must end after it starts."
    )
    _capacity_positive = models.Constraint(
        "CHECK (capacity >= 0)", "A capacity cannot be negative."
    )
    _window_unique = models.Constraint(
        'UNIQUE (site_id, start, "end")', "The site has this time slot already."
    )

    @api.depends("start", "site_id")
    def _compute_date(self):
        for slot in self:
            if slot.start and slot.site_id and not slot.date:
                slot.date = local_day(slot.start, ZoneInfo(slot.site_id.tz))

    @api.depends("start", "end", "name", "site_id.tz", "date")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for slot in self:
            slot.display_name = " ".join(
                filter(
                    None,
                    [
                        format_date(self.env, slot.date),
                        slot._hours_text(),
                        slot.name,
                    ],
                )
            )

    def _compute_places(self):
        """Sum up over the slot pools of the site; free is what the tightest has."""
        pools = self.env["scenic.capacity.pool"].search(
            [("site_id", "in", self.site_id.ids), ("kind", "=", "slot")]
        )
        units = {
            (pool.id, slot.date, slot.id): slot
            for slot in self
            for pool in pools
            if pool.site_id == slot.site_id and isinstance(slot.id, int)
        }
        for slot in self:
            slot.held = slot.sold = slot.free = 0
        seen = set()
        for unit, state in pools._state(list(units)).items():
            slot = units[unit]
            free = 0 if state["closed"] else max(0, state["free_all"])
            slot.held += state["held"] + state["pending"]
            slot.sold += state["sold"]
            slot.free = min(slot.free, free) if slot in seen else free
            seen.add(slot)

    @api.constrains("date", "start", "site_id")
    def _check_date(self):
        for slot in self:
            local = local_day(slot.start, ZoneInfo(slot.site_id.tz))
            # the night of a day belongs to it: 24:30 is half an hour past midnight
            if not 0 <= (local - slot.date).days <= 1:
                raise ValidationError(
                    self.env._(
                        "Slot %(slot)s begins on another day than its date.",
                        slot=slot.display_name,
                    )
                )

    def write(self, vals):
        if vals.keys() & {"site_id", "date", "start", "end"}:
            booked = self._booked()
            if booked:
                raise UserError(
                    self.env._(
                        "Slot %(slot)s is booked: its time cannot change any more. "
                        "Close it and move its visitors.",
                        slot=booked[0].display_name,
                    )
                )
        if "capacity" in vals:
            self._guard_capacity(vals["capacity"])
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_booked(self):
        booked = self._booked()
        if booked:
            raise UserError(
                self.env._(
                    "Slot %(slot)s is booked and cannot be deleted. Close it instead.",
                    slot=booked[0].display_name,
                )
            )

    def _filtered_audited(self):
        # the timetable is audited; what is made of it every night is no decision
        return self.filtered(
            lambda slot: (
                not slot.template_id
                or slot.closed
                or slot.capacity != slot.template_id.capacity
            )
        )

    def _guard_capacity(self, capacity):
        """Refuse a capacity below what is taken in a pool that has no other for it."""
        pools = self.env["scenic.capacity.pool"].search(
            [("site_id", "in", self.site_id.ids), ("kind", "=", "slot")]
        )
        days = self.env["scenic.capacity.day"].search(
            [("slot_id", "in", self.ids), ("capacity_own", ">", 0)]
        )
        other = {(day.pool_id, day.slot_id) for day in days}
        pools._lower(
            [
                (pool, slot.date, slot, capacity or pool.capacity)
                for slot in self
                for pool in pools
                if pool.site_id == slot.site_id
                and (pool, slot) not in other
                and (capacity or pool.capacity) < (slot.capacity or pool.capacity)
            ]
        )

    def _booked(self):
        """Return those that a booking, ticket or reservation refers to."""
        if not self:
            return self
        # sudo: bookings that the user cannot see count as well
        for model in (
            "scenic.booking.line",
            "scenic.ticket",
            "scenic.capacity.hold",
        ):
            self.env[model].sudo().flush_model(["slot_id"])
        rows = self.env.execute_query(
            SQL(
                "SELECT s.id FROM scenic_slot s WHERE s.id IN %s AND ("
                "EXISTS (SELECT FROM scenic_booking_line l WHERE l.slot_id = s.id) "
                "OR EXISTS (SELECT FROM scenic_ticket t WHERE t.slot_id = s.id) "
                "OR EXISTS (SELECT FROM scenic_capacity_hold h "
                "WHERE h.slot_id = s.id))",
                tuple(self.ids) or (0,),
            )
        )
        return self.browse(id_ for (id_,) in rows)

    def _unlink_unused(self):
        """Delete those that nobody has booked."""
        (self - self._booked()).unlink()

    def _hours_text(self):
        """Return the window for a person, by the clock of the site."""
        self.ensure_one()
        if not self.start or not self.end:
            return ""
        return "–".join(
            format_time(
                self.env, moment, tz=self.site_id.tz or "UTC", time_format="HH:mm"
            )
            for moment in (self.start, self.end)
        )
