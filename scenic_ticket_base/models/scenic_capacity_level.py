from odoo import fields, models

COLOURS = [("yellow", "Yellow"), ("orange", "Orange"), ("red", "Red")]


class ScenicCapacityLevel(models.Model):
    _name = "scenic.capacity.level"
    _description = "Alert Level"
    _inherit = ["scenic.audited"]
    _order = "scheme_id, percent"

    scheme_id = fields.Many2one(
        "scenic.capacity.scheme",
        string="Alert Scheme",
        required=True,
        index=True,
        ondelete="cascade",
    )
    name = fields.Char(required=True, translate=True)
    percent = fields.Integer(
        string="From %",
        required=True,
        help="The level is reached when so many percent of the capacity are taken.",
    )
    colour = fields.Selection(COLOURS, required=True)
    stops_sale = fields.Boolean(help="At this level nothing more is sold.")
    stops_entry = fields.Boolean(
        help="At this level gates let nobody in. Only for the people inside a site."
    )

    _percent_range = models.Constraint(
        "CHECK (percent BETWEEN 1 AND 100)", "An alert level is at 1 to 100 percent."
    )
    _percent_unique = models.Constraint(
        "UNIQUE (scheme_id, percent)",
        "Two levels of an alert scheme are at the same percentage.",
    )
