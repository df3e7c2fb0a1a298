from odoo import fields, models


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    pass_event_ids = fields.One2many(
        "scenic.pass.event", "ticket_id", string="Pass Events", readonly=True
    )
