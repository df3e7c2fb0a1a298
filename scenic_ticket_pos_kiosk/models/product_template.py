from odoo import api, models
from odoo.fields import Domain


class ProductTemplate(models.Model):
    _inherit = "product.template"

    @api.model
    def _load_pos_self_data_domain(self, data, config):
        domain = super()._load_pos_self_data_domain(data, config)
        return Domain.AND([domain, self._scenic_kiosk_domain(config)])

    @api.model
    def _scenic_kiosk_domain(self, config):
        """Return what is sold with nobody there to look at a document or a face.

        :param config: the ``pos.config``; on the visitor's own telephone there are no
            tickets, as nothing would print them
        """
        sold = Domain("service_tracking", "!=", "scenic_ticket")
        if config.self_ordering_mode == "kiosk":
            sold |= (
                Domain("scenic_ticket_kind", "in", ("individual", "group"))
                & Domain("scenic_real_name", "=", "none")
                & Domain("scenic_is_concession", "=", False)
            )
        # what is paid for a new card means nothing without the card
        # sudo: which products are fees, for whoever asks
        cards_sudo = self.sudo().search(
            [("scenic_replacement_product_id", "!=", False)]
        )
        fees = cards_sudo.scenic_replacement_product_id.product_tmpl_id
        return sold & Domain("id", "not in", fees.ids)
