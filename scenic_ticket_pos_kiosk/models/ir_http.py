from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _get_translation_frontend_modules_name(cls):
        modules = super()._get_translation_frontend_modules_name()
        return [
            *modules,
            "scenic_ticket_pos_kiosk",
            # installs itself beside Odoo's kiosk, and forgets its own sentences
            "pos_online_payment_self_order",
        ]
