"""Takes, moves and gives back the places of bookings and tickets."""

from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from ..exceptions import CapacityError
from ..tools.quick_fetch import quick_fetch


class ScenicCapacityPool(models.Model):
    _inherit = "scenic.capacity.pool"

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
                    "company_id": pool.site_id.company_id.id,
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
        taken_sudo.flush_recordset()
        taken_sudo += holds_sudo._bulk_create(values)
        return taken_sudo

    # ------------------------------------------------------------------
    # What a line needs
    # ------------------------------------------------------------------

    @api.model
    def _matching(self, template):
        """Return the pools by day and by slot in which a product takes places."""
        if template.scenic_ticket_kind == "staff":
            return self.browse()
        sites = template.scenic_component_ids.site_id
        # sudo: the rules of a sale do not depend on what the seller may read
        pools_sudo = quick_fetch(
            self.sudo(),
            ["site_id", "kind", "include_spots"],
            SQL(
                "active AND site_id = ANY(%(sites)s) AND kind IN ('day', 'slot') "
                "AND (NOT EXISTS (SELECT FROM %(products)s p WHERE "
                "p.scenic_capacity_pool_id = scenic_capacity_pool.id) "
                "OR EXISTS (SELECT FROM %(products)s p WHERE "
                "p.scenic_capacity_pool_id = scenic_capacity_pool.id "
                "AND p.product_template_id = %(product)s)) ORDER BY id",
                sites=sites._with_areas().ids,
                products=SQL.identifier(self._fields["product_ids"].relation),
                product=template.id,
            ),
        )
        return pools_sudo.filtered(lambda pool: pool._counts(sites))

    @api.model
    def _of_visits(self, sites):
        """Return the pools by day and by slot of sites and of their areas."""
        # sudo: the rules of a sale do not depend on what the seller may read
        return self.sudo().search(
            [
                ("site_id", "in", sites._with_areas().ids),
                ("kind", "in", ("day", "slot")),
            ]
        )

    def _counts(self, sites):
        """Tell whether these sites of a product are counted here."""
        self.ensure_one()
        return self.site_id in sites or bool(
            self.include_spots and self.site_id in sites._with_areas()
        )

    @api.model
    def _limits(self, templates):
        """Tell for many products at once how their visits are counted.

        :return: dict of the products to ``slot`` (on days that have slots), ``day`` or
            False (no limit)
        """
        sites = templates.scenic_component_ids.site_id
        pools_sudo = self._of_visits(sites)
        # sudo: as in :meth:`_of_visits`
        slot_sites = (
            self.env["scenic.reservation.rule"]
            .sudo()
            .search(
                [("site_id", "in", sites._with_areas().ids), ("level", "=", "slot")]
            )
            .site_id
        )
        result, known = {}, {}
        for template in templates:
            places = template.scenic_component_ids.site_id
            # few sites, many products
            if places not in known:
                known[places] = (
                    pools_sudo.filtered(lambda pool, here=places: pool._counts(here)),
                    bool(places._with_areas() & slot_sites),
                )
            pools_here, has_slots = known[places]
            kinds = {
                pool.kind
                for pool in pools_here
                if not pool.product_ids or template in pool.product_ids
            }
            if has_slots:
                kinds.add("slot")
            if template.scenic_ticket_kind == "staff":
                kinds = set()
            result[template] = next((k for k in ("slot", "day") if k in kinds), False)
        return result

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
        areas = template.scenic_component_ids.site_id._with_areas()
        if slot.date != day or slot.site_id not in areas:
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
