import json
import logging
import time
from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

import psycopg2.errors

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_date

from ..exceptions import BookingError, CapacityError
from ..tools.autonomous import has_own_transaction, side_cursor
from .scenic_booking_line import KINDS_WITHOUT_PLACE

_logger = logging.getLogger(__name__)
UTC = ZoneInfo("UTC")
# How long a buyer waits for those who are taking the last places at this moment.
WAIT_SECONDS = 5.0
MAX_AVAILABILITY_DAYS = 400
NEXT_FREE_DAYS = 30


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

    # ------------------------------------------------------------------
    # Taking and giving back
    # ------------------------------------------------------------------

    @api.model
    def _take(self, lines_sudo, state="held", force=False, persons=None):
        """Take the places of booking lines, all or none.

        Called again it takes what a line lacks, for instance after its quantity
        grew. Take as late as possible in the transaction: others who want the last
        places wait for its end.

        :param lines_sudo: ``scenic.booking.line`` records of bookings
        :param str state: ``held`` or, without a hold in between, ``sold``
        :param bool force: a sale that happened already, at a till that was offline:
            places beyond the capacity are recorded as such and nothing is refused
        :param int persons: places to take for each line, by default what its quantity
            and free persons need beyond what the line has
        :return: the ``scenic.capacity.hold`` records, as superuser
        :raise CapacityError: SOLD_OUT, CHANNEL_SOLD_OUT, SALES_STOPPED, SLOT_MISSING,
            SLOT_CLOSED, SLOT_WRONG
        """
        wanted = []
        for line_sudo in lines_sudo._with_places():
            units = self._units(
                line_sudo.product_id.product_tmpl_id,
                line_sudo.visit_date,
                line_sudo.slot_id,
                force=force,
            )
            for pool, day, slot in units:
                holds = line_sudo._capacity_holds().filtered(
                    lambda h, unit=(pool, slot, day): (
                        (h.pool_id, h.slot_id, h.date) == unit
                    )
                )
                count = persons
                if count is None:
                    count = (
                        line_sudo.quantity + line_sudo.free_persons - (holds._live())
                    )
                if count > 0:
                    wanted.append((line_sudo, None, pool, day, slot, count, state))
        return self._take_wanted(wanted, force)

    @api.model
    def _sell(self, lines_sudo):
        """Turn the held places of booking lines into sold ones."""
        holds_sudo = lines_sudo._capacity_holds().filtered(lambda h: h.state == "held")
        holds_sudo.write({"state": "sold"})
        holds_sudo.flush_recordset()

    @api.model
    def _release(self, lines_sudo, persons=None):
        """Give places of booking lines back; they are free with the commit.

        :param int persons: so many places of each line, by default all; more than a
            line has gives back what it has
        """
        lines_sudo._capacity_holds()._free(persons)

    @api.model
    def _move(self, lines_sudo, visit_date, slot=None, persons=None, force=False):
        """Swap the places of booking lines for those of another day or slot.

        Writes nothing on the lines. What fails changes nothing.

        :param date visit_date: the new day, None to give up the old one only
        :param slot: the new ``scenic.slot``
        :param int persons: places that each line needs, by default those it has, or
            without any those of its living tickets
        :raise CapacityError: as :meth:`_take`; DATE_MISSING: a slot without a date
        """
        if slot and not visit_date:
            raise CapacityError(
                self.env._("Please say the visit date."), code="DATE_MISSING"
            )
        slot = slot or self.env["scenic.slot"]
        with self.env.cr.savepoint():
            wanted = []
            for line_sudo in lines_sudo._with_places():
                holds_sudo = line_sudo._capacity_holds()
                count = persons or line_sudo._capacity_persons()
                state = "sold" if line_sudo.booking_id.state == "confirmed" else "held"
                holds_sudo._free()
                units = self._units(
                    line_sudo.product_id.product_tmpl_id, visit_date, slot, force=force
                )
                for pool, day, pool_slot in units:
                    if count > 0:
                        wanted.append(
                            (line_sudo, None, pool, day, pool_slot, count, state)
                        )
            return self._take_wanted(wanted, force)

    @api.model
    def _reserve(self, ticket_sudo, day, slot=None):
        """Take places for a ticket sold without a date, or for a day of a card.

        :return: the holds; one at least at each site of the ticket
        """
        template = ticket_sudo.product_id.product_tmpl_id
        slot = slot or self.env["scenic.slot"]
        line_sudo = ticket_sudo.booking_line_id
        persons = ticket_sudo.persons - ticket_sudo.persons_refunded
        wanted = [
            (line_sudo, ticket_sudo, pool, pool_day, pool_slot, persons, "sold")
            for pool, pool_day, pool_slot in self._units(template, day, slot)
        ]
        holds_sudo = self._take_wanted(wanted, False)
        # a gate looks for the reservation by its site
        for site in template.scenic_component_ids.site_id - holds_sudo.site_id:
            holds_sudo += holds_sudo.create(
                {
                    "site_id": site.id,
                    "date": day,
                    "slot_id": slot.id,
                    "channel_id": ticket_sudo.channel_id.id,
                    "booking_line_id": line_sudo.id,
                    "ticket_id": ticket_sudo.id,
                    "persons": persons,
                    "state": "sold",
                }
            )
        holds_sudo.flush_recordset()
        return holds_sudo

    def _take_wanted(self, wanted, force):
        """Take places and write the holds.

        :param list wanted: ``(line, ticket or None, pool, date, slot, persons,
            state)``
        """
        # sudo: no user has the right to create holds
        holds_sudo = self.env["scenic.capacity.hold"].sudo()
        if not wanted:
            return holds_sudo
        groups = defaultdict(int)
        for line_sudo, _ticket, pool, day, slot, count, _state in wanted:
            groups[pool.id, day, slot.id, line_sudo.booking_id.channel_id.id] += count
        requests = [
            {
                "pool": pool,
                "date": fields.Date.to_string(day),
                "slot": slot or None,
                "channel": channel,
                "persons": count,
            }
            for (pool, day, slot, channel), count in sorted(groups.items())
        ]
        over = dict(
            zip(
                sorted(groups),
                self._claim(requests, force, wanted[0][0].product_id.product_tmpl_id),
                strict=True,
            )
        )
        taken_sudo = holds_sudo
        values = []
        for line_sudo, ticket_sudo, pool, day, slot, count, state in wanted:
            channel = line_sudo.booking_id.channel_id
            key = (pool.id, day, slot.id, channel.id)
            beyond = min(count, over[key])
            over[key] -= beyond
            same_sudo = (
                line_sudo._capacity_holds().filtered(
                    lambda h, pool=pool, day=day, slot=slot, state=state: (
                        h.pool_id == pool
                        and h.date == day
                        and h.slot_id == slot
                        and h.state == state
                    )
                )
                if not ticket_sudo
                else holds_sudo
            )[:1]
            if same_sudo:
                same_sudo.write(
                    {
                        "persons": same_sudo.persons + count,
                        "over": same_sudo.over + beyond,
                    }
                )
                taken_sudo += same_sudo
                continue
            values.append(
                {
                    "pool_id": pool.id,
                    "site_id": pool.site_id.id,
                    "date": day,
                    "slot_id": slot.id,
                    "channel_id": channel.id,
                    "booking_line_id": line_sudo.id,
                    "ticket_id": ticket_sudo.id if ticket_sudo else False,
                    "persons": count,
                    "over": beyond,
                    "state": state,
                }
            )
        taken_sudo += holds_sudo.create(values)
        taken_sudo.flush_recordset()
        return taken_sudo

    # ------------------------------------------------------------------
    # What a line needs
    # ------------------------------------------------------------------

    @api.model
    def _matching(self, template, company=None):
        """Return the pools by day and by slot in which a product takes places."""
        if template.scenic_ticket_kind == "staff":
            return self.browse()
        sites = template.scenic_component_ids.site_id
        above = {
            int(id_)
            for site in sites
            for id_ in (site.parent_path or "").split("/")
            if id_
        }
        # sudo: the rules of a sale do not depend on what the seller may read
        pools_sudo = self.sudo().search(
            [("site_id", "in", list(above)), ("kind", "in", ("day", "slot"))]
        )
        return pools_sudo.filtered(
            lambda p: (
                (p.site_id in sites or p.include_spots)
                and (not p.product_ids or template in p.product_ids)
            )
        )

    @api.model
    def _units(self, template, day, slot, force=False):
        """Return ``[(pool, date, slot)]`` that a visit takes places in.

        A slot is only needed where the day has slots: pools by slot then count, else
        they do not limit that day.

        :raise CapacityError: SLOT_MISSING, SLOT_CLOSED, SLOT_WRONG
        """
        if template.scenic_ticket_kind == "staff" or not (day or slot):
            return []
        sites = template.scenic_component_ids.site_id
        if slot:
            self._check_slot(template, day, slot, force)
        pools = self._matching(template)
        units = []
        for pool in pools:
            if pool.kind == "day":
                units.append((pool, day, self.env["scenic.slot"]))
            elif slot.site_id == pool.site_id:
                units.append((pool, day, slot))
            elif not force and pool._has_slots(day):
                self._raise_slot_missing(pool.site_id, day, slot)
        if not slot and not force and sites._reservation_level(day) == "slot":
            site = sites.filtered(lambda s: s._reservation_level(day) == "slot")[:1]
            self._raise_slot_missing(site, day, slot)
        return units

    def _check_slot(self, template, day, slot, force):
        sites = template.scenic_component_ids.site_id
        above = {
            int(id_) for site in sites for id_ in site.parent_path.split("/") if id_
        }
        if slot.date != day or slot.site_id.id not in above:
            raise CapacityError(
                self.env._(
                    "Slot %(slot)s is not for “%(product)s” on %(date)s.",
                    slot=slot.display_name,
                    product=template.name,
                    date=format_date(self.env, day) if day else "–",
                ),
                code="SLOT_WRONG",
            )
        if force:
            return
        if slot.end <= fields.Datetime.now() or slot.closed:
            raise CapacityError(
                self.env._(
                    "Slot %(slot)s is closed. Please choose another one.",
                    slot=slot.display_name,
                ),
                code="SLOT_CLOSED",
                next_free=None,
            )

    def _has_slots(self, day):
        self.ensure_one()
        return bool(
            self.env["scenic.slot"]
            .sudo()  # sudo: the rules of a sale do not depend on the seller's rights
            .search_count(
                [("site_id", "=", self.site_id.id), ("date", "=", day)], limit=1
            )
        )

    def _raise_slot_missing(self, site, day, slot):
        if slot:
            raise CapacityError(
                self.env._(
                    "%(site)s needs a time slot of its own on %(date)s: please sell "
                    "its ticket separately.",
                    site=site.name,
                    date=format_date(self.env, day),
                ),
                code="SLOT_MISSING",
            )
        raise CapacityError(
            self.env._(
                "%(site)s is visited by time slot on %(date)s: please choose a slot.",
                site=site.name,
                date=format_date(self.env, day),
            ),
            code="SLOT_MISSING",
        )

    # ------------------------------------------------------------------
    # The decision, see sql/capacity.sql
    # ------------------------------------------------------------------

    @api.model
    def _claim(self, requests, force, template):
        """Claim places for this transaction.

        :param list requests: dicts with pool, date, slot, channel, persons; each pool,
            date, slot and channel once
        :return: for each request how many persons are beyond the capacity
        :raise CapacityError:
        """
        self._flush_places()
        until = time.monotonic() + WAIT_SECONDS
        expired = False
        while True:
            answer = self._decide(
                requests,
                lambda xid, own, asked: SQL(
                    "SELECT scenic_capacity_take(%s, %s, %s::xid8, %s, %s)",
                    asked,
                    own,
                    xid,
                    fields.Datetime.now(),
                    force,
                ),
            )
            if answer["status"] == "taken":
                return answer["over"]
            if answer["status"] == "wait":
                if time.monotonic() < until:
                    self._wait_for(answer["owners"], until)
                    continue
                raise CapacityError(
                    self.env._(
                        "The last places are being sold at this moment. Please try "
                        "again in a minute."
                    )
                )
            if not expired and not answer["state"]["closed"]:
                expired = True
                if self._expire_overdue(requests):
                    continue
            self._raise_short(requests[answer["request"]], answer["state"], template)

    def _flush_places(self):
        """Let SQL see what this transaction changed."""
        for name in (
            "scenic.capacity.hold",
            "scenic.capacity.pool",
            "scenic.capacity.day",
            "scenic.capacity.share",
            "scenic.capacity.level",
            "scenic.slot",
        ):
            self.env[name].flush_model()

    def _decide(self, requests, statement):
        """Run a decision where it sees what is committed now.

        Pools and slots that this transaction made itself are unknown there; nobody
        else can know them, so they are decided here.
        """
        cr = self.env.cr
        if not has_own_transaction(cr):
            cr.execute(statement(None, "[]", json.dumps(requests)))
            return cr.fetchone()[0]
        buckets = [
            bucket_of(request["pool"], request["date"], request["slot"])
            for request in requests
            if request.get("date")
        ]
        cr.execute(
            SQL(
                "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock("
                "hashtext('scenic_capacity_owner'), "
                "scenic_capacity_owner(pg_current_xact_id())), ("
                "SELECT COALESCE(jsonb_agg(to_jsonb(o)), '[]')::text FROM ("
                "SELECT bucket, channel_id AS channel, sum(held) AS held, "
                "sum(sold) AS sold FROM scenic_capacity_delta "
                "WHERE (bucket = ANY(%s) OR %s) AND xid = pg_current_xact_id() "
                "AND at = transaction_timestamp() GROUP BY 1, 2) o)",
                buckets,
                len(buckets) < len(requests),
            )
        )
        xid, _lock, own = cr.fetchone()
        with side_cursor(cr.dbname, autocommit=True) as side:
            side.execute(statement(xid, own, json.dumps(requests)))
            answer = side.fetchone()[0]
        unknown = answer.get("unknown")
        if not unknown:
            return answer
        cr.execute(statement(None, "[]", json.dumps([requests[i] for i in unknown])))
        here = cr.fetchone()[0]
        if here["status"] != answer["status"]:
            if "request" in here:
                here["request"] = unknown[here["request"]]
            return here
        if "over" in here:
            for position, over in zip(unknown, here["over"], strict=True):
                answer["over"][position] = over
        return answer

    def _wait_for(self, owners, until):
        """Wait until other transactions are over, or it is too late.

        It is this transaction's own connection that waits, so PostgreSQL finds out
        when they wait for each other.
        """
        cr = self.env.cr
        began = time.monotonic()
        try:
            with cr.savepoint(flush=False):
                cr.execute(
                    "SELECT set_config('lock_timeout', %s, true)",
                    [f"{max(1, round((until - began) * 1000))}ms"],
                )
                for owner in sorted(owners or []):
                    cr.execute(
                        "SELECT pg_advisory_xact_lock_shared("
                        "hashtext('scenic_capacity_owner'), %s)",
                        [owner],
                        log_exceptions=False,
                    )
                cr.execute("SELECT set_config('lock_timeout', '0', true)")
        except psycopg2.errors.LockNotAvailable:
            return
        if time.monotonic() - began < 0.01:
            # it lost its lock by a savepoint that failed, but goes on
            time.sleep(0.02)

    def _expire_overdue(self, requests):
        """Expire bookings of these buckets whose time is over; tell if any was.

        They expire in a transaction of their own: whether this one succeeds does not
        matter to them, and its snapshot is too old to touch them. A booking that is
        being confirmed at this moment is locked and left alone.
        """
        self.env["scenic.booking"].flush_model(["state", "held_until"])
        rows = self.env.execute_query(
            SQL(
                "SELECT b.id FROM scenic_booking b WHERE b.state = 'held' "
                "AND b.held_until <= %s AND EXISTS (SELECT FROM scenic_booking_line l "
                "JOIN scenic_capacity_hold h ON h.booking_line_id = l.id "
                "WHERE l.booking_id = b.id AND h.state = 'held' "
                "AND h.bucket = ANY(%s)) ORDER BY b.id",
                fields.Datetime.now(),
                [bucket_of(r["pool"], r["date"], r["slot"]) for r in requests],
            )
        )
        ids = [id_ for (id_,) in rows]
        if not ids:
            return False
        cr = self.env.cr
        # sudo: whoever wants the places; the time is over for everybody
        mine_sudo = self.env["scenic.booking"].sudo().browse(ids)
        if has_own_transaction(cr):
            try:
                with side_cursor(cr.dbname) as side:
                    side.execute("SELECT set_config('lock_timeout', '2s', true)")
                    # several buyers: one expires, the others find it done
                    side.execute(
                        "SELECT pg_advisory_xact_lock("
                        "hashtext('scenic_capacity_expire'), 0)",
                        log_exceptions=False,
                    )
                    there = api.Environment(side, SUPERUSER_ID, {})["scenic.booking"]
                    known = there.browse(ids).exists()
                    known._expire()
            except psycopg2.OperationalError:
                _logger.info("overdue bookings could not be expired", exc_info=True)
                return False
            mine_sudo = mine_sudo.browse(set(ids) - set(known.ids))
        mine_sudo._expire()
        return True

    def _raise_short(self, request, state, template):
        """Say why there is no place, and what to do."""
        # sudo: the names of a pool that the seller may not be able to read
        pool_sudo = self.sudo().browse(request["pool"])
        channel_sudo = self.env["scenic.channel"].sudo().browse(request["channel"])
        slot_sudo = self.env["scenic.slot"].sudo().browse(request["slot"] or ())
        wanted = request["persons"]
        left = max(0, state["free"])
        day = fields.Date.to_date(request["date"])
        found = self._next_free(template, channel_sudo, day, slot_sudo, wanted)
        values = {
            "pool": pool_sudo.name,
            "when": slot_sudo.display_name or format_date(self.env, day),
            "wanted": wanted,
            "left": left,
            "channel": channel_sudo.name,
            "next": self._next_text(found),
        }
        taken = state["held"] + state["sold"] + state["pending"]
        code = "SOLD_OUT"
        if state["closed"]:
            code = "SLOT_CLOSED" if slot_sudo else "SALES_STOPPED"
            left = 0
            text = self.env._("“%(pool)s” is closed on %(when)s. %(next)s", **values)
        elif state["on_sale"] < state["capacity"] and taken >= state["on_sale"]:
            code = "SALES_STOPPED"
            text = self.env._(
                "“%(pool)s” on %(when)s: sales are stopped, the alert level is "
                "reached. %(next)s",
                **values,
            )
        elif state["free_all"] >= wanted:
            code = "CHANNEL_SOLD_OUT"
            text = self.env._(
                "“%(pool)s” on %(when)s: the channel %(channel)s has %(left)s places "
                "left, %(wanted)s are wanted. Other channels have more. %(next)s",
                **values,
            )
        elif left:
            text = self.env._(
                "“%(pool)s” on %(when)s: only %(left)s places are left, %(wanted)s "
                "are wanted. %(next)s",
                **values,
            )
        else:
            text = self.env._("“%(pool)s” on %(when)s is sold out. %(next)s", **values)
        raise CapacityError(text.strip(), code=code, left=left, next_free=found)

    def _next_text(self, found):
        if not found:
            return self.env._(
                "There is nothing free in the next %(days)s days.", days=NEXT_FREE_DAYS
            )
        # sudo: places are counted for all, whatever the user may read
        slot_sudo = self.env["scenic.slot"].sudo().browse(found["slot_id"] or ())
        return self.env._(
            "Next free: %(when)s.",
            when=slot_sudo.display_name or format_date(self.env, found["date"]),
        )

    def _next_free(self, template, channel, day, slot, persons):
        """Return the first later day or slot with enough places, or None."""
        for entry in self._availability(
            template, channel, day, day + timedelta(days=NEXT_FREE_DAYS)
        ):
            later = (
                entry["date"] > day
                if not slot or entry["slot_id"] is None
                # sudo: places are counted for all, whatever the user may read
                else self.env["scenic.slot"].sudo().browse(entry["slot_id"]).start
                > slot.start
            )
            if (
                later
                and (entry["free"] is None or entry["free"] >= persons)
                and self._is_open(template, entry)
            ):
                return entry
        return None

    def _is_open(self, template, entry):
        """Tell whether a visit could take place then, apart from its places."""
        # sudo: places are counted for all, whatever the user may read
        slot_sudo = self.env["scenic.slot"].sudo().browse(entry["slot_id"] or ())
        try:
            template._scenic_check_date(entry["date"], slot_sudo)
        except BookingError:
            return False
        return True

    # ------------------------------------------------------------------
    # Looking
    # ------------------------------------------------------------------

    @api.model
    def _availability(self, product, channel, date_from, date_to):
        """Tell how many places a product has, day by day and slot by slot.

        Its cost does not depend on how many tickets were sold.

        :param product: ``product.product`` or ``product.template``
        :param channel: ``scenic.channel`` or its code; None: anybody
        :param date date_from: first day
        :param date date_to: last day, at most 400 days later
        :return: list of dicts ``date``, ``slot_id`` (None on a day without slots),
            ``capacity`` and ``free`` (of the tightest pool; None: no limit),
            ``level`` (colour of the highest alert level or None), ``reservation``
            (none, advised, required, slot)
        """
        # sudo: what is on sale does not depend on what the asking user may read
        template = product.sudo()
        if template._name == "product.product":
            template = template.product_tmpl_id
        if isinstance(channel, str):
            channel = self.env["scenic.channel"].sudo().search([("code", "=", channel)])
        date_to = min(date_to, date_from + timedelta(days=MAX_AVAILABILITY_DAYS))
        days = [
            date_from + timedelta(days=offset)
            for offset in range((date_to - date_from).days + 1)
        ]
        if not days:
            return []
        pools = self._matching(template)
        sites = template.scenic_component_ids.site_id
        slot_sites = pools.filtered(lambda p: p.kind == "slot").site_id or (
            sites | sites.parent_id
        )
        # sudo: as above
        slots_sudo = (
            self.env["scenic.slot"]
            .sudo()
            .search(
                [
                    ("site_id", "in", slot_sites.ids),
                    ("date", ">=", days[0]),
                    ("date", "<=", days[-1]),
                ]
            )
        )
        by_day = slots_sudo.grouped("date")
        entries = [
            (day, slot)
            for day in days
            for slot in (by_day.get(day) or [self.env["scenic.slot"]])
        ]
        units = {}
        for day, slot in entries:
            units[day, slot] = [
                (pool.id, day, slot.id if pool.kind == "slot" else False)
                for pool in pools
                if pool.kind == "day" or slot.site_id == pool.site_id
            ]
        states = self._state(
            {unit for found in units.values() for unit in found}, channel
        )
        reservation = sites._reservation_levels(days)
        # sudo: places are counted for all, whatever the user may read
        levels_sudo = self.env["scenic.capacity.level"].sudo()
        closures_sudo = (
            # sudo: places are counted for all, whatever the user may read
            self.env["scenic.closure"].sudo()._during(sites, days[0], days[-1])
        )
        now = fields.Datetime.now()
        result = []
        for day, slot in entries:
            found = [states[unit] for unit in units[day, slot] if unit in states]
            shut = (
                (slot and (slot.closed or slot.end <= now))
                or any(state["closed"] for state in found)
                or any(closure._closes(day, slot) for closure in closures_sudo)
            )
            free = [max(0, state["free"]) for state in found]
            levels = levels_sudo.browse(
                state["level_id"] for state in found if state["level_id"]
            )
            result.append(
                {
                    "date": day,
                    "slot_id": slot.id or None,
                    "capacity": min((s["capacity"] for s in found), default=None),
                    "free": 0 if shut else min(free, default=None),
                    "level": levels.sorted("percent")[-1:].colour or None,
                    "reservation": reservation[day],
                }
            )
        return result

    @api.model
    def _quoted(self, product, channel, day, slot_id=None):
        """Return ``free``, ``level`` and ``reservation`` of one visit, for a quote.

        :return: as :meth:`_availability`; without a slot on a day of slots: of the
            slot that has most room, since all have to come in one
        """
        found = self._availability(product, channel, day, day) if day else []
        entries = [e for e in found if e["slot_id"] == slot_id] if slot_id else found
        best = max(
            entries,
            key=lambda e: float("inf") if e["free"] is None else e["free"],
            default={"free": None, "level": None, "reservation": "none"},
        )
        return {name: best[name] for name in ("free", "level", "reservation")}

    @api.model
    def _state(self, units, channel=None):
        """Return how buckets stand, from what this transaction sees.

        :param units: ``(pool id, date, slot id)``
        :return: dict of ``units`` to the columns of ``scenic_capacity_state``
        """
        units = [unit for unit in units if unit[0] and unit[1]]
        if not units:
            return {}
        self._flush_places()
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT * FROM scenic_capacity_state(%s, %s, %s, "
                "pg_current_xact_id_if_assigned(), '[]')",
                json.dumps(
                    [
                        {
                            "pool": pool,
                            "date": fields.Date.to_string(day),
                            "slot": slot or None,
                        }
                        for pool, day, slot in units
                    ]
                ),
                channel.id if channel else None,
                fields.Datetime.now(),
            )
        )
        states = {(row["pool_id"], row["date"], row["slot_id"]): row for row in rows}
        return {
            unit: states[key]
            for unit in units
            if (key := (unit[0], unit[1], unit[2] or None)) in states
        }

    # ------------------------------------------------------------------
    # Configuration
    # ------------------------------------------------------------------

    @api.model
    def _lower(self, changes):
        """Lower capacities, or refuse if more is taken.

        :param list changes: ``(pool, date, slot, capacity)``; without a date the
            default of the pool
        :raise CapacityError: CAPACITY_TAKEN
        """
        changes = [
            {
                "pool": pool.id,
                "date": fields.Date.to_string(day) if day else None,
                "slot": (slot and slot.id) or None,
                "capacity": capacity,
            }
            for pool, day, slot, capacity in changes
        ]
        if not changes:
            return
        self._flush_places()
        until = time.monotonic() + WAIT_SECONDS
        while True:
            answer = self._decide(
                changes,
                lambda xid, own, asked: SQL(
                    "SELECT scenic_capacity_lower(%s, %s, %s::xid8, %s, %s)",
                    asked,
                    own,
                    xid,
                    fields.Datetime.now(),
                    fields.Date.context_today(self),
                ),
            )
            if answer["status"] == "ok":
                return
            if answer["status"] == "wait" and time.monotonic() < until:
                self._wait_for(answer["owners"], until)
                continue
            break
        if answer["status"] == "wait":
            raise CapacityError(
                self.env._("Places are being sold at this moment. Please try again."),
                code="CAPACITY_TAKEN",
            )
        first = answer["buckets"][0]
        # sudo: places are counted for all, whatever the user may read
        slot_sudo = self.env["scenic.slot"].sudo().browse(first["slot"] or ())
        raise CapacityError(
            self.env._(
                "“%(pool)s” on %(when)s: %(taken)s places are taken, so the capacity "
                "cannot be %(capacity)s. To sell nothing more, close that day or slot.",
                pool=self.browse(first["pool"]).name,
                when=slot_sudo.display_name
                or format_date(self.env, fields.Date.to_date(first["date"])),
                taken=first["taken"],
                capacity=first["capacity"],
            ),
            code="CAPACITY_TAKEN",
        )

    @api.model
    def _fold(self):
        """Fold the changes of all buckets into their counts and drop old claims."""
        cr = self.env.cr
        # pylint: disable-next=no-search-all
        pools = self.with_context(active_test=False).search([]).ids
        lock_and_fold = SQL(
            "SELECT scenic_capacity_lock(%s); "
            "SELECT scenic_capacity_fold(NULL); "
            "DELETE FROM scenic_capacity_claim c "
            "WHERE pg_visible_in_snapshot(c.xid, pg_current_snapshot()) "
            "OR c.xid >= pg_snapshot_xmax(pg_current_snapshot())",
            pools,
        )
        if has_own_transaction(cr):
            with side_cursor(cr.dbname) as side:
                side.execute(lock_and_fold)
        else:
            cr.execute(lock_and_fold)

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


def bucket_of(pool_id, day, slot_id):
    """Return the number of a bucket, as ``scenic_capacity_bucket`` does."""
    if slot_id:
        return (pool_id << 32) + slot_id
    return (pool_id << 32) + fields.Date.to_date(day).toordinal()
