from odoo import fields, models


class ScenicEntitlement(models.Model):
    _inherit = "scenic.entitlement"

    # required: in the arithmetic of a gate NULL would let all pass
    reentries_reserved = fields.Integer(
        string="Free Re-entries under Way",
        required=True,
        readonly=True,
        default=0,
        help="People who were admitted again on the same day and have not passed yet. "
        "They use no entry.",
    )

    _reentries = models.Constraint(
        "CHECK (reentries_reserved >= 0)",
        "More people entered again than were admitted.",
    )
