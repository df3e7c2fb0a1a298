from odoo import fields, models

from ..exceptions import RevenueError


class AccountMove(models.Model):
    _inherit = "account.move"

    scenic_revenue_entry_ids = fields.One2many(
        "scenic.revenue.entry", "move_id", string="Admissions"
    )

    def _check_draftable(self):
        res = super()._check_draftable()
        # sudo: an accountant need not be able to read admissions
        if self.sudo().scenic_revenue_entry_ids:
            raise RevenueError(
                self.env._(
                    "This journal entry was made from ticket admissions and cannot "
                    "be reset to draft: the tickets would no longer agree with the "
                    "contract liability."
                ),
                code="REVENUE_POSTED",
            )
        return res

    def action_view_scenic_revenue_entries(self):
        """Open the admissions behind this journal entry."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_revenue_entry_action"
        )
        return {**action, "domain": [("move_id", "in", self.ids)], "context": {}}
