from odoo import fields, models
from odoo.exceptions import UserError


class ScenicPassReview(models.TransientModel):
    _name = "scenic.pass.review"
    _description = "Review of Pass Events"

    event_ids = fields.Many2many("scenic.pass.event", string="Events", required=True)
    decision = fields.Selection(
        [
            ("keep", "Leave it as it is"),
            ("give_back", "Give one entry back to the ticket"),
        ],
        required=True,
        default="keep",
    )
    reason = fields.Char(required=True)

    def action_confirm(self):
        """Carry the decision out; the reason stays in the log."""
        self.ensure_one()
        if self.decision == "keep":
            self.event_ids._mark_reviewed(self.reason)
        elif len(self.event_ids) == 1:
            self.event_ids._give_back(self.reason)
        else:
            raise UserError(
                self.env._(
                    "Entries are given back for one event at a time. Close this "
                    "window and select that one event only."
                )
            )
        return {"type": "ir.actions.act_window_close"}
