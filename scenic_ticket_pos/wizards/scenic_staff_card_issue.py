from odoo import models


class ScenicStaffCardIssue(models.TransientModel):
    _inherit = "scenic.staff.card.issue"

    def action_apply(self):
        action = super().action_apply()
        if not self.env.context.get("scenic_window"):
            return action
        # the window has no place for the form of the card
        card = self.env["scenic.staff.card"].browse(action["res_id"])
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": self.env._("Card %(card)s is issued", card=card.name),
                "message": self.env._(
                    "%(holder)s: %(hours)s",
                    holder=card.holder_name,
                    hours=card.hours_text,
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
