from odoo import api, fields, models
from odoo.tools import SQL


class ScenicZone(models.Model):
    _name = "scenic.zone"
    _description = "Zone"
    _inherit = ["scenic.audited"]
    _order = "site_id, name, id"

    name = fields.Char(required=True, translate=True)
    site_id = fields.Many2one(
        "scenic.site",
        required=True,
        index=True,
        ondelete="restrict",
        help="A ticket must hold an entry for this site to enter the zone.",
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    headcount = fields.Integer(
        string="Inside Now",
        compute="_compute_headcount",
        help="People who came in today minus people who went out, by the clock of "
        "the site.",
    )
    active = fields.Boolean(default=True)

    def write(self, vals):
        res = super().write(vals)
        if "site_id" in vals:
            self.env["scenic.gate"]._update_counted()
        return res

    @api.constrains("site_id")
    def _check_site(self):
        gates = self.env["scenic.gate"].with_context(active_test=False)
        gates.search(
            ["|", ("from_zone_id", "in", self.ids), ("to_zone_id", "in", self.ids)]
        )._check_zones()

    def _compute_headcount(self):
        """Count in one query; never below zero, as exits may be counted better."""
        counts = dict(
            self.env.execute_query(
                SQL(
                    """
                    SELECT z.id, GREATEST(0, i.people - o.people)
                      FROM scenic_zone z
                      JOIN scenic_site s ON s.id = z.site_id
                     CROSS JOIN LATERAL (
                               SELECT date_trunc('day', now() AT TIME ZONE s.tz)
                                          AT TIME ZONE s.tz AT TIME ZONE 'UTC' AS start
                           ) d
                     CROSS JOIN LATERAL (
                               SELECT COALESCE(sum(e.passes), 0) AS people
                                 FROM scenic_pass_event e
                                WHERE e.zone_to_id = z.id AND e.event_time >= d.start
                           ) i
                     CROSS JOIN LATERAL (
                               SELECT COALESCE(sum(e.passes), 0) AS people
                                 FROM scenic_pass_event e
                                WHERE e.zone_from_id = z.id AND e.event_time >= d.start
                           ) o
                     WHERE z.id IN %s
                    """,
                    tuple(self.ids) or (0,),
                )
            )
        )
        for zone in self:
            zone.headcount = counts.get(zone._origin.id, 0)
