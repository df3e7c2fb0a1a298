from odoo import fields, models

from ..tools.guard import SERVICE, SUPERVISOR, check_groups


class ScenicVisitorBlock(models.TransientModel):
    _name = "scenic.visitor.block"
    _description = "Blacklist a Visitor"

    visitor_id = fields.Many2one("scenic.visitor", required=True)
    action = fields.Selection(
        [("block", "Block"), ("lift", "Take off the Blacklist")],
        required=True,
        default="block",
    )
    date_from = fields.Date(string="From", default=fields.Date.context_today)
    date_until = fields.Date(string="Until", help="Last blocked day. Empty: for good.")
    reason = fields.Char(required=True)

    def action_apply(self):
        """Block the visitor or lift the block.

        :raise AccessError: only customer service or a supervisor may do this
        """
        self.ensure_one()
        visitor = self.visitor_id
        visitor.check_access("read")
        check_groups(
            self.env,
            (SERVICE, SUPERVISOR),
            self.env._(
                "Only customer service or a shift supervisor may keep the blacklist."
            ),
        )
        blacklist = self.env["scenic.blacklist"]
        if self.action == "block":
            blacklist._block(visitor, self.reason, self.date_from, self.date_until)
        else:
            blacklist._lift(visitor, self.reason)
        return {"type": "ir.actions.act_window_close"}
