from odoo import models


class ProductCategory(models.Model):
    _inherit = "product.category"

    def write(self, vals):
        res = super().write(vals)
        if "property_account_income_categ_id" in vals:
            # see product.template._scenic_has_accounts
            self.env.registry.clear_cache()
        return res
