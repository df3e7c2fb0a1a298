from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _get_translation_frontend_modules_name(cls):
        # the customer display is a page of the web site's kind
        return [*super()._get_translation_frontend_modules_name(), "scenic_ticket_pos"]
