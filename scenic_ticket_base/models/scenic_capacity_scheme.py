from odoo import api, fields, models


class ScenicCapacityScheme(models.Model):
    _name = "scenic.capacity.scheme"
    _description = "Alert Scheme"
    _inherit = ["scenic.audited"]
    _order = "name, id"

    name = fields.Char(required=True, translate=True)
    level_ids = fields.One2many(
        "scenic.capacity.level", "scheme_id", string="Levels", copy=True
    )
    active = fields.Boolean(default=True)
    summary = fields.Char(string="Levels at", compute="_compute_summary")

    @api.depends("level_ids.percent", "level_ids.name")
    def _compute_summary(self):
        for scheme in self:
            scheme.summary = " · ".join(
                f"{level.name or ''} {level.percent} %"
                for level in scheme.level_ids.sorted("percent")
            )
