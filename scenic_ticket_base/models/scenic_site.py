import pytz

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..tools.window import opening
from .scenic_reservation_rule import RESERVATION_LEVELS


class ScenicSite(models.Model):
    _name = "scenic.site"
    _description = "Scenic Site"
    _inherit = ["scenic.audited"]
    _parent_name = "parent_id"
    _parent_store = True
    _order = "complete_name, id"
    _rec_name = "complete_name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        help="1 to 8 capital letters or digits. It is part of what every ticket "
        "signs, so it cannot change once tickets exist.",
    )
    complete_name = fields.Char(
        compute="_compute_complete_name", recursive=True, store=True
    )
    parent_id = fields.Many2one(
        "scenic.site",
        string="Part of",
        index=True,
        ondelete="restrict",
        domain="[('company_id', '=', company_id)]",
        help="The scenic area that this spot belongs to.",
    )
    parent_path = fields.Char(index=True)
    child_ids = fields.One2many("scenic.site", "parent_id", string="Spots")
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    tz = fields.Selection(
        "_tz_get",
        string="Timezone",
        required=True,
        default="Asia/Shanghai",
        help="Visit dates and windows are judged by this clock.",
    )
    opening_hours_ids = fields.One2many(
        "scenic.opening.hours",
        "site_id",
        copy=True,
        help="Keep empty to use those of the area; where the area has none either, "
        "the site is always open.",
    )
    # stored, for each sale asks
    has_opening_hours = fields.Boolean(compute="_compute_has_opening_hours", store=True)
    pool_ids = fields.One2many(
        "scenic.capacity.pool", "site_id", string="Capacity Pools"
    )
    active = fields.Boolean(default=True)

    _code_unique = models.Constraint(
        "UNIQUE (code, company_id)", "Another site of this company has this code."
    )
    _code_shape = models.Constraint(
        "CHECK (code ~ '^[A-Z0-9]{1,8}$')",
        "A site code is 1 to 8 capital letters or digits, for example YUNXI01.",
    )

    @api.depends("opening_hours_ids")
    def _compute_has_opening_hours(self):
        for site in self:
            site.has_opening_hours = bool(site.opening_hours_ids)

    @api.model
    def _tz_get(self):
        return [(name, name) for name in pytz.common_timezones]

    @api.depends("name", "parent_id.complete_name")
    def _compute_complete_name(self):
        for site in self:
            site.complete_name = " / ".join(
                filter(None, [site.parent_id.complete_name, site.name])
            )

    @api.constrains("parent_id", "company_id")
    def _check_parent(self):
        for site in self:
            if site.parent_id and site.parent_id.company_id != site.company_id:
                raise ValidationError(
                    self.env._("A spot and its area must be of the same company.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        sites = super().create(vals_list)
        self._clear_limits()
        return sites

    def write(self, vals):
        if {"code", "company_id"} & vals.keys():
            for site in self:
                changed = (
                    vals.get("code", site.code) != site.code
                    or vals.get("company_id", site.company_id.id) != site.company_id.id
                )
                if changed and site._has_tickets():
                    raise ValidationError(
                        self.env._(
                            "Tickets of “%(site)s” exist: its code and company "
                            "cannot change any more.",
                            site=site.name,
                        )
                    )
        res = super().write(vals)
        if "parent_id" in vals:
            self._clear_limits()
        return res

    def unlink(self):
        res = super().unlink()
        self._clear_limits()
        return res

    def _clear_limits(self):
        """Forget the cached record rules: they name the spots of a site."""
        self.env.registry.clear_cache()

    def _with_areas(self):
        """Return these sites and the areas that they are in."""
        return self.browse(
            {
                int(id_)
                for site in self
                for id_ in (site.parent_path or "").split("/")
                if id_
            }
        )

    def _opening_rows(self):
        """Return the opening hours that count here, the most special first.

        A spot without hours of its own has those of its area.

        :return: tuple of ``tools.window.Hours``; empty: always open
        """
        site = self
        while site and not site.has_opening_hours:
            site = site.parent_id
        return site.opening_hours_ids._rows() if site else ()

    def _opening_minutes(self, day):
        """Return ``(first, end)``, the minutes of a day in which gates may admit.

        The end is last admission; by the clock of the site.

        :return: None when the site is closed on this day
        """
        self.ensure_one()
        return opening(self._opening_rows(), day)

    def _has_tickets(self):
        """Tell whether any ticket was issued by this site."""
        self.ensure_one()
        # sudo: tickets the user cannot see count as well
        return bool(
            self.env["scenic.ticket"]
            .sudo()
            .search_count([("site_id", "=", self.id)], limit=1)
        )

    def _reservation_level(self, day):
        """Return what a visitor of these sites needs on a day.

        :return: ``none``, ``advised``, ``required`` or ``slot``; of several sites the
            one that asks for most
        """
        return self._reservation_levels([day])[day]

    def _reservation_levels(self, days):
        """Return what :meth:`_reservation_level` says, for many days at once."""
        result = dict.fromkeys(days, "none")
        if not self or not days:
            return result
        self.env["scenic.reservation.rule"].flush_model()
        self.flush_model(["parent_path"])
        rows = self.env.execute_query(
            SQL(
                "SELECT d.day, scenic_reservation_level(s.id, d.day) "
                "FROM unnest(%s::integer[]) AS s(id), unnest(%s::date[]) AS d(day)",
                self.ids,
                list(days),
            )
        )
        for day, level in rows:
            result[day] = max(result[day], level, key=RESERVATION_LEVELS.index)
        return result

    def _closed(self, date, slot=None):
        """Return the ``scenic.closure`` of one of these sites on a day, if any.

        A closed area closes its spots. See ``scenic.closure._on``.
        """
        return self.env["scenic.closure"]._on(self, date, slot)
