from odoo import fields, models


class PosConfig(models.Model):
    _inherit = "pos.config"

    scenic_printer_id = fields.Many2one(
        "scenic.printer",
        string="Ticket Printer",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        help="Tickets come out of this printer, which a gate bridge works. Empty: out "
        "of the receipt printer.",
    )
