from odoo import fields, models


class ScenicSlot(models.Model):
    _name = "scenic.slot"
    _description = "Time Slot"
    _order = "start, id"

    site_id = fields.Many2one(
        "scenic.site", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    date = fields.Date(required=True, index=True, help="Day at the site.")
    start = fields.Datetime(required=True)
    end = fields.Datetime(required=True, help="First moment after the slot.")

    _window = models.Constraint(
        'CHECK (start < "end")', "A time slot must end after it starts."
    )
