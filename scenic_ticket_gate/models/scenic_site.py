from odoo import models


class ScenicSite(models.Model):
    _inherit = "scenic.site"

    def write(self, vals):
        res = super().write(vals)
        if "parent_id" in vals:
            self.env["scenic.gate"]._update_counted()
        return res
