from odoo import fields, models


class ScenicVisitorReason(models.TransientModel):
    _name = "scenic.visitor.reason"
    _description = "Reason to Open the Data of a Visitor"

    visitor_id = fields.Many2one("scenic.visitor", required=True, ondelete="cascade")
    action = fields.Selection(
        [
            ("show", "Show Full Number"),
            ("export", "Export"),
            ("erase", "Erase"),
        ],
        required=True,
        default="show",
    )
    file_format = fields.Selection(
        [
            ("html", "Export to Read"),
            ("json", "Export for Another System (JSON)"),
        ],
        string="File Type",
        required=True,
        default="html",
    )
    reason = fields.Char(required=True)

    def action_apply(self):
        """Do it; each of them is written into the audit trail."""
        self.ensure_one()
        if self.action == "show":
            return self.visitor_id.action_show_number(self.reason)
        if self.action == "erase":
            return self.visitor_id.action_erase(self.reason)
        return self.visitor_id.action_export(self.reason, self.file_format)
