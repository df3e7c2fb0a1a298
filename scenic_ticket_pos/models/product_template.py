from odoo import api, fields, models

from odoo.addons.scenic_ticket_base.exceptions import BookingError
from odoo.addons.scenic_ticket_base.models.scenic_validity_rule import DAY_MODES

# Best first: a day of slots is as open as the best of them.
PLACE_STATES = ("open", "full", "closed", "over")


class ProductTemplate(models.Model):
    _inherit = "product.template"

    scenic_limited_by = fields.Selection(
        [("day", "Day"), ("slot", "Time Slot")],
        string="Places Counted by",
        compute="_compute_scenic_limited_by",
        compute_sudo=True,
        help="Whether visits with this ticket are limited by day, by time slot on days "
        "that have slots, or not at all.",
    )

    def _compute_scenic_limited_by(self):
        dated = self.filtered(lambda template: template._pos_is_dated())
        (self - dated).scenic_limited_by = False
        limits = self.env["scenic.capacity.pool"]._limits(dated)
        for template in dated:
            template.scenic_limited_by = limits[template]

    def _pos_is_dated(self):
        """Tell whether the window sells this ticket for one day of visit."""
        self.ensure_one()
        return (
            self.service_tracking == "scenic_ticket"
            and self.scenic_validity_rule_id.mode in DAY_MODES
        )

    # ------------------------------------------------------------
    # PLACES
    # ------------------------------------------------------------

    def _pos_places(self, first, last, channel="window"):
        """Tell how many places a point of sale may sell of this ticket.

        :param date first: first day
        :param date last: last day
        :param str channel: code of its ``scenic.channel``
        :return: list of dicts ``date``, ``state`` (open, full, closed, over), ``why``
            (a sentence; False: the state says it all), ``free`` (None: no limit; of
            the slot with most room, since a party comes in one), ``level`` (colour of
            the alert level or None) and ``slots``: the same of each slot, with ``id``
            in place of ``date``; empty where the day is not visited by slot
        """
        self.ensure_one()
        pools = self.env["scenic.capacity.pool"]
        timed_sites = (
            pools._matching(self).filtered(lambda pool: pool.kind == "slot").site_id
        )
        found = {}
        for entry in pools._availability(self, channel, first, last):
            found.setdefault(entry["date"], []).append(entry)
        closures = self.env["scenic.closure"]._during(
            self.scenic_component_ids.site_id, first, last
        )
        return [
            self._pos_day(day, entries, timed_sites, closures)
            for day, entries in found.items()
        ]

    def _pos_day(self, day, entries, timed_sites, closures):
        """Tell the places of one day, see :meth:`_pos_places`."""
        # sudo: what is on sale does not depend on what the cashier may read
        slots_sudo = self.env["scenic.slot"].sudo()
        needs_slot = entries[0]["reservation"] == "slot"
        why = self._pos_refusal(day, slots_sudo, closures)
        slots = []
        if timed_sites or needs_slot:
            slots = [
                self._pos_slot(entry, why, closures)
                for entry in entries
                if entry["slot_id"]
            ]
        if slots:
            best = max(
                slots, key=lambda s: float("inf") if s["free"] is None else s["free"]
            )
        else:
            # slots that limit nothing, maybe all over, say nothing of the day
            best = {"free": entries[0]["day_free"], "level": entries[0]["level"]}
        places = {"free": best["free"], "level": best["level"]}
        here_sudo = slots_sudo.browse(slot["id"] for slot in slots).site_id
        if not why and len(here_sudo & timed_sites) > 1:
            why = self.env._(
                "%(sites)s need a time slot each. Sell their tickets separately.",
                sites=", ".join(here_sudo.mapped("name")),
            )
        if not why and needs_slot and not slots:
            why = self.env._("This day is visited by time slot, and none is on sale.")
        if why:
            state = "closed"
        elif slots:
            state = min((slot["state"] for slot in slots), key=PLACE_STATES.index)
        else:
            state = "full" if best["free"] == 0 else "open"
        if state != "open":
            places["free"] = 0
        return {"date": day, "state": state, "why": why, **places, "slots": slots}

    def _pos_slot(self, entry, day_closed, closures):
        """Tell the places of one slot, see :meth:`_pos_places`."""
        # sudo: as in :meth:`_pos_day`
        slot_sudo = self.env["scenic.slot"].sudo().browse(entry["slot_id"])
        why = False
        if slot_sudo.end <= fields.Datetime.now():
            state = "over"
        elif slot_sudo.closed or day_closed:
            state = "closed"
        elif why := self._pos_refusal(entry["date"], slot_sudo, closures):
            state = "closed"
        else:
            state = "full" if entry["free"] == 0 else "open"
        return {
            "id": slot_sudo.id,
            "state": state,
            "why": why,
            "free": entry["free"] if state == "open" else 0,
            "level": entry["level"],
        }

    def _pos_refusal(self, day, slot, closures):
        """Return why nobody can visit then, apart from places, or False.

        :param closures: the ``scenic.closure`` records around that day
        """
        for closure in closures:
            if closure._closes(day, slot):
                return closure.sudo()._text()  # sudo: said to whoever wants to buy
        try:
            self._scenic_check_hours(day, slot)
        except BookingError as error:
            return str(error)
        return False

    # ------------------------------------------------------------
    # POINT OF SALE
    # ------------------------------------------------------------

    @api.model
    def _load_pos_data_fields(self, config):
        return super()._load_pos_data_fields(config) + [
            "scenic_group_codes",
            "scenic_guide_per",
            "scenic_is_concession",
            "scenic_limited_by",
            "scenic_min_persons",
            "scenic_real_name",
            "scenic_site_id",
            "scenic_ticket_kind",
            "scenic_validity_rule_id",
        ]
