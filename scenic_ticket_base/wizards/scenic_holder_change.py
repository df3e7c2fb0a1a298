from odoo import fields, models

from ..models.scenic_visitor import DOC_KINDS
from ..tools.guard import SERVICE, SUPERVISOR, check_groups


class ScenicHolderChange(models.TransientModel):
    _name = "scenic.holder.change"
    _description = "Change or Add a Visitor"
    _inherit = ["scenic.secret.input"]
    _secret_fields = ("doc_number", "phone")

    holder_id = fields.Many2one(
        "scenic.ticket.holder", string="Visitor until Now", ondelete="cascade"
    )
    ticket_id = fields.Many2one("scenic.ticket", ondelete="cascade")
    name = fields.Char(string="Full Name")
    doc_kind = fields.Selection(DOC_KINDS, string="ID Document", default="cn_id")
    doc_number = fields.Char(
        string="Document Number",
        compute="_compute_secret",
        readonly=False,
        help="Of a passport its number, or both machine readable lines.",
    )
    phone = fields.Char(string="Telephone", compute="_compute_secret", readonly=False)
    guardian_name = fields.Char(string="Guardian")
    reason = fields.Char(required=True)

    def action_apply(self):
        """Hand the ticket on, or complete the roster of a group."""
        self.ensure_one()
        check_groups(
            self.env,
            (SERVICE, SUPERVISOR),
            self.env._(
                "Only customer service or a shift supervisor may change visitors."
            ),
        )
        ticket = self.ticket_id or self.holder_id.ticket_id
        ticket.check_access("read")
        values = {
            "name": self.name,
            "doc_kind": self.doc_kind,
            "guardian_name": self.guardian_name,
            **self._secrets(),
        }
        if self.holder_id:
            self.holder_id._replace(values, self.reason)
        else:
            holders = self.env["scenic.ticket.holder"]
            holders._complete_roster(ticket.booking_line_id, [values], self.reason)
        # what was typed is stored where it belongs; it does not stay here
        self.unlink()
        return {"type": "ir.actions.act_window_close"}
