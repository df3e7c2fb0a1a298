"""A capacity pool: its fields, its lists of days, and places sold before it was made.

Beside it: ``scenic_capacity_pool_take`` (places for bookings), ``_claim`` (who gets the
last ones) and ``_availability`` (how many are left).
"""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .scenic_booking_line import KINDS_WITHOUT_PLACE


class ScenicCapacityPool(models.Model):
    """How many people a site takes, by day, by slot or at one moment (承载量).

    A booking line takes places in each pool that it matches: a pool by day on its
    visit date, a pool by slot in its slot. A line matches when a component of its
    product is at the site of the pool, or, if the pool counts spots, at a spot of that
    site; several components in the same pool count a person once. ``sql/capacity.sql``
    says how parallel buyers share the last places.
    """

    _name = "scenic.capacity.pool"
    _description = "Capacity Pool"
    _inherit = ["scenic.audited"]
    _order = "site_id, kind, id"

    name = fields.Char(required=True, translate=True)
    site_id = fields.Many2one(
        "scenic.site", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    kind = fields.Selection(
        [
            ("day", "Places per day"),
            ("slot", "Places per time slot"),
            ("instant", "People inside at one moment"),
        ],
        required=True,
        default="day",
    )
    capacity = fields.Integer(
        required=True,
        help="Places of each day or slot that has no number of its own; for people "
        "inside: how many at most.",
    )
    include_spots = fields.Boolean(
        string="Count Spots",
        help="Tickets that only admit to a spot of this site take a place as well.",
    )
    product_ids = fields.Many2many(
        "product.template",
        string="Only These Products",
        domain="[('service_tracking', '=', 'scenic_ticket')]",
        help="Empty: every ticket product that admits to the site.",
    )
    scheme_id = fields.Many2one(
        "scenic.capacity.scheme",
        string="Alert Scheme",
        index="btree_not_null",
        ondelete="restrict",
    )
    share_ids = fields.One2many(
        "scenic.capacity.share", "pool_id", string="Shares", copy=True
    )
    day_ids = fields.One2many("scenic.capacity.day", "pool_id", string="Days")
    days_shown = fields.Integer(
        string="Days Listed",
        required=True,
        default=60,
        help="For so many days ahead the list of days is filled.",
    )
    active = fields.Boolean(default=True)

    _capacity_positive = models.Constraint(
        "CHECK (capacity >= 0)", "A capacity cannot be negative."
    )
    _days_shown_range = models.Constraint(
        "CHECK (days_shown BETWEEN 0 AND 400)", "At most 400 days can be listed."
    )

    @api.constrains("capacity", "share_ids")
    def _check_shares(self):
        self.share_ids._check_guaranteed()

    @api.model_create_multi
    def create(self, vals_list):
        pools = super().create(vals_list)
        pools._adopt()
        pools._list_days()
        return pools

    def write(self, vals):
        if vals.keys() & {"kind", "site_id"}:
            for pool in self:
                changed = (
                    vals.get("kind", pool.kind) != pool.kind
                    or vals.get("site_id", pool.site_id.id) != pool.site_id.id
                )
                if changed and pool._has_holds():
                    raise ValidationError(
                        self.env._(
                            "Places of “%(pool)s” were sold: its kind and site cannot "
                            "change any more. Archive it and create another one.",
                            pool=pool.name,
                        )
                    )
        if "capacity" in vals:
            self._lower(
                [
                    (pool, None, None, vals["capacity"])
                    for pool in self
                    if pool.kind != "instant" and vals["capacity"] < pool.capacity
                ]
            )
        res = super().write(vals)
        if vals.keys() & {"product_ids", "include_spots", "active", "site_id", "kind"}:
            self._adopt()
        if vals.keys() & {"days_shown", "active", "site_id", "kind"}:
            self._list_days()
        return res

    @api.ondelete(at_uninstall=False)
    def _unlink_except_taken(self):
        for pool in self:
            if pool._has_holds():
                raise UserError(
                    self.env._(
                        "Places of “%(pool)s” were sold, so it cannot be deleted. "
                        "Archive it: then it limits nothing any more.",
                        pool=pool.name,
                    )
                )

    def action_days(self):
        """Open the days or slots of this pool."""
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "scenic_ticket_base.scenic_capacity_day_action"
            ),
            "domain": [("pool_id", "=", self.id)],
            "context": {"default_pool_id": self.id, "search_default_coming": 1},
        }

    def action_holds(self):
        """Open the bookings that take places of this pool."""
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "scenic_ticket_base.scenic_capacity_hold_action"
            ),
            "domain": [("pool_id", "=", self.id)],
        }

    def _has_holds(self):
        # sudo: bookings that the user cannot see count as well
        holds_sudo = self.env["scenic.capacity.hold"].sudo()
        return bool(holds_sudo.search_count([("pool_id", "in", self.ids)], limit=1))

    def _inside(self):
        """Return how many people are inside the site at this moment.

        Only gates know; without them it is nobody.
        """
        self.ensure_one()
        return 0

    def _adopt(self):
        """Count the places of visits to come that were sold without this pool.

        :return: the holds made
        """
        # sudo: nobody may create holds; all bookings count
        holds_sudo = self.env["scenic.capacity.hold"].sudo()
        values = []
        for pool in self.sudo().filtered(lambda p: p.active and p.kind != "instant"):
            today = fields.Date.context_today(pool.with_context(tz=pool.site_id.tz))
            domain = [
                ("booking_id.state", "in", ("held", "confirmed")),
                ("visit_date", ">=", today),
                ("company_id", "=", pool.company_id.id),
                (
                    "product_id.product_tmpl_id.scenic_component_ids.site_id",
                    "child_of" if pool.include_spots else "=",
                    pool.site_id.id,
                ),
                (
                    "product_id.product_tmpl_id.scenic_ticket_kind",
                    "not in",
                    KINDS_WITHOUT_PLACE,
                ),
            ]
            if pool.product_ids:
                domain.append(
                    ("product_id.product_tmpl_id", "in", pool.product_ids.ids)
                )
            if pool.kind == "slot":
                domain.append(("slot_id.site_id", "=", pool.site_id.id))
            # sudo: places are counted for all, whatever the user may read
            lines = self.env["scenic.booking.line"].sudo().search(domain)
            known = holds_sudo.search(
                [
                    ("pool_id", "=", pool.id),
                    ("booking_line_id", "in", lines.ids),
                    ("ticket_id", "=", False),
                ]
            ).booking_line_id
            for line in lines - known:
                persons = line._capacity_persons()
                if persons <= 0:
                    continue
                values.append(
                    {
                        "pool_id": pool.id,
                        "site_id": pool.site_id.id,
                        "date": line.visit_date,
                        "slot_id": line.slot_id.id if pool.kind == "slot" else False,
                        "channel_id": line.booking_id.channel_id.id,
                        "booking_line_id": line.id,
                        "persons": persons,
                        "state": "sold"
                        if line.booking_id.state == "confirmed"
                        else "held",
                    }
                )
        made_sudo = holds_sudo.create(values)
        made_sudo.flush_recordset()
        return made_sudo

    def _list_days(self):
        """Fill the lists of days and slots, for people to look at and change."""
        # sudo: places are counted for all, whatever the user may read
        days_sudo = self.env["scenic.capacity.day"].sudo()
        values = []
        for pool in self.filtered(lambda p: p.active and p.kind in ("day", "slot")):
            today = fields.Date.context_today(pool.with_context(tz=pool.site_id.tz))
            last = today + timedelta(days=pool.days_shown)
            there = {
                (day.date, day.slot_id.id)
                for day in days_sudo.search(
                    [("pool_id", "=", pool.id), ("date", ">=", today)]
                )
            }
            if pool.kind == "day":
                wanted = [
                    (today + timedelta(days=offset), False)
                    for offset in range(pool.days_shown)
                ]
            else:
                slots = self.env["scenic.slot"].search(
                    [
                        ("site_id", "=", pool.site_id.id),
                        ("date", ">=", today),
                        ("date", "<", last),
                    ]
                )
                wanted = [(slot.date, slot.id) for slot in slots]
            values += [
                {"pool_id": pool.id, "date": day, "slot_id": slot}
                for day, slot in wanted
                if (day, slot) not in there
            ]
        # sudo: made by the nightly job and beside each new pool
        return days_sudo.create(values)

    @api.model
    def _cron_days(self):
        """Fill the lists of days, and count what slipped in while a pool was new."""
        pools = self.search([])  # pylint: disable=no-search-all
        pools._list_days()
        pools._adopt()
