from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ScenicTicketComponent(models.Model):
    _inherit = "scenic.ticket.component"

    lane_ids = fields.Many2many(
        "scenic.lane",
        "scenic_component_lane_rel",
        "component_id",
        "lane_id",
        string="Lanes for Staff",
        domain="[('site_id', '=', site_id)]",
        help="Where staff cards of this product open. Keep empty for all lanes of the "
        "site. Visitors may use all lanes.",
    )

    @api.constrains("lane_ids", "site_id")
    def _check_lanes(self):
        for component in self:
            wrong = component.lane_ids.filtered(
                lambda lane, site=component.site_id: lane.site_id != site
            )
            if wrong:
                raise ValidationError(
                    self.env._(
                        "Lane “%(lane)s” does not lead to “%(site)s”, which component "
                        "“%(component)s” is for.",
                        lane=wrong[0].name,
                        site=component.site_id.name,
                        component=component.name,
                    )
                )
