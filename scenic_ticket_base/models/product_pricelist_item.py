from odoo import models


class ProductPricelistItem(models.Model):
    _name = "product.pricelist.item"
    _inherit = ["product.pricelist.item", "scenic.audited"]

    def _filtered_audited(self):
        """Return the rules that can decide on the price of a ticket."""
        return self.filtered(lambda item: item._scenic_prices_tickets())

    def _scenic_prices_tickets(self):
        self.ensure_one()
        # sudo: whoever may set a price need not see all the products it is for
        item_sudo = self.sudo()
        products_sudo = item_sudo.env["product.template"].with_context(
            active_test=False
        )
        ticket = ("service_tracking", "=", "scenic_ticket")
        if item_sudo.applied_on == "2_product_category":
            domain = [ticket, ("categ_id", "child_of", item_sudo.categ_id.id)]
            return bool(products_sudo.search_count(domain, limit=1))
        if item_sudo.applied_on == "3_global":
            return True
        template = item_sudo.product_id.product_tmpl_id or item_sudo.product_tmpl_id
        return template.service_tracking == "scenic_ticket"
