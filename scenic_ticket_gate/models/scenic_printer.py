from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import file_open


class ScenicPrinter(models.Model):
    _inherit = "scenic.printer"
    _audited_fields = ("name", "code", "site_id", "active", "device_id")

    device_id = fields.Many2one(
        "scenic.device",
        index="btree_not_null",
        ondelete="restrict",
        help="The bridge that works the printer: its settings name it by its code.",
    )

    def init(self):
        with file_open("scenic_ticket_gate/sql/print.sql") as file:
            self.env.cr.execute(file.read())

    @api.constrains("device_id", "site_id")
    def _check_device(self):
        for printer in self:
            device = printer.device_id
            if device and device.company_id != printer.company_id:
                raise ValidationError(
                    self.env._(
                        "Printer “%(printer)s” and device “%(device)s” belong to "
                        "different companies.",
                        printer=printer.name,
                        device=device.name,
                    )
                )
