"""Tells how many places are left, day by day and slot by slot; takes none."""

import json
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from ..exceptions import BookingError

MAX_AVAILABILITY_DAYS = 400
NEXT_FREE_DAYS = 30


class ScenicCapacityPool(models.Model):
    _inherit = "scenic.capacity.pool"

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
            ``day_free`` (the same of the day as a whole, whatever its slots),
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
        shut_days = {
            day
            for day in days
            if any(closure._closes(day, slots_sudo[:0]) for closure in closures_sudo)
        }
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
            of_day = [states[u] for u in units[day, slot] if u in states and not u[2]]
            levels = levels_sudo.browse(
                state["level_id"] for state in found if state["level_id"]
            )
            result.append(
                {
                    "date": day,
                    "slot_id": slot.id or None,
                    "capacity": min((s["capacity"] for s in found), default=None),
                    "free": 0 if shut else min(free, default=None),
                    "day_free": (
                        0
                        if day in shut_days or any(s["closed"] for s in of_day)
                        else min((max(0, s["free"]) for s in of_day), default=None)
                    ),
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
    # The next free visit
    # ------------------------------------------------------------------

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
