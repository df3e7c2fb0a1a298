from odoo import fields, models


class ScenicChannel(models.Model):
    _name = "scenic.channel"
    _description = "Sales Channel"
    _inherit = ["scenic.audited"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        help="Short word by which add-ons and partners name this channel.",
    )
    kind = fields.Selection(
        [
            ("window", "Window"),
            ("kiosk", "Kiosk"),
            ("web", "Web"),
            ("agency", "Agency"),
            ("ota", "OTA"),
            ("staff", "Staff"),
        ],
        required=True,
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    hold_minutes = fields.Integer(
        required=True,
        default=15,
        help="How long a booking of this channel is held when it does not say so.",
    )
    accepts_late = fields.Boolean(
        help="Orders may arrive after their visit date, from a till that was offline: "
        "their money is taken, so they get their tickets.",
    )

    _code_unique = models.Constraint(
        "UNIQUE (code)", "Another sales channel has this code."
    )
