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

    # What a gate needs of the product, so that its one statement reads few tables
    has_entry_rules = fields.Boolean(
        compute="_compute_entry",
        store=True,
        help="Whether an entry depends on what the ticket did before.",
    )
    gate_name = fields.Char(
        compute="_compute_entry",
        store=True,
        help="The product as gates name it: in Chinese, where there is a translation.",
    )

    @api.depends(
        "reentry",
        "reentry_minutes",
        "antipassback",
        "choice_group",
        "product_tmpl_id.scenic_in_sequence",
        "product_tmpl_id.scenic_minutes_from_first",
        "product_tmpl_id.name",
    )
    def _compute_entry(self):
        for component in self:
            product = component.product_tmpl_id.with_context(lang="zh_CN")
            component.gate_name = product.name
            component.has_entry_rules = bool(
                component.reentry != "none"
                or component.reentry_minutes
                or component.antipassback != "off"
                or component.choice_group
                or product.scenic_in_sequence
                or product.scenic_minutes_from_first
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
