"""How many blanks a window is lent, and of which tickets."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError

MAX_BLANKS = 500


class PosConfig(models.Model):
    _inherit = "pos.config"

    scenic_blank_size = fields.Integer(
        string="Blanks per Ticket",
        help="How many tickets of each kind the window may have sold without the "
        "server knowing it. 0: nothing is sold without the server.",
    )
    scenic_blank_product_ids = fields.Many2many(
        "product.template",
        "pos_config_scenic_blank_product_rel",
        "config_id",
        "product_tmpl_id",
        string="Tickets Sold Offline",
        domain="[('service_tracking', '=', 'scenic_ticket'), "
        "('scenic_ticket_kind', '=', 'individual')]",
        help="Tickets for one person without a name and without a time slot.",
    )

    _scenic_blank_size_range = models.Constraint(
        f"CHECK (scenic_blank_size BETWEEN 0 AND {MAX_BLANKS})",
        "A window is lent 0 to 500 blanks of a ticket.",
    )

    @api.constrains("scenic_blank_product_ids")
    def _check_scenic_blank_products(self):
        for config in self:
            for template in config.scenic_blank_product_ids:
                why = template._scenic_blank_refusal()
                if why:
                    raise ValidationError(why)

    def _scenic_blank_products(self):
        """Return the ``product.product`` that the window is lent blanks of."""
        self.ensure_one()
        if not self.scenic_blank_size:
            return self.env["product.product"]
        # sudo: what the window sells does not depend on what the cashier may read
        templates_sudo = self.sudo().scenic_blank_product_ids
        return templates_sudo.product_variant_ids.sorted("id").with_user(self.env.user)
