from odoo import fields, models


class PosConfig(models.Model):
    _inherit = "pos.config"

    scenic_site_id = fields.Many2one(
        "scenic.site",
        string="Scenic Site",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        help="The site that this window stands at: its supervisors see the shifts, and "
        "its tolerance says which difference of the cash needs a remark.",
    )
