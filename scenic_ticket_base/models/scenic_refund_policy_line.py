from odoo import api, fields, models


class ScenicRefundPolicyLine(models.Model):
    _name = "scenic.refund.policy.line"
    _description = "Refund Policy Line"
    _inherit = ["scenic.audited"]
    _order = "policy_id, state desc, unlimited, hours desc, id"
    _rec_name = "policy_id"

    policy_id = fields.Many2one(
        "scenic.refund.policy", required=True, index=True, ondelete="cascade"
    )
    state = fields.Selection(
        [("valid", "Unused"), ("part_used", "Partly Used"), ("expired", "Expired")],
        string="Ticket Is",
        required=True,
        default="valid",
    )
    unlimited = fields.Boolean(
        string="At Any Time", help="The line holds however late it is."
    )
    hours = fields.Float(
        help="The line holds until so many hours before the visit begins; below zero: "
        "after it has begun. For expired tickets: until so many hours after the end "
        "of the validity.",
    )
    allowed = fields.Boolean(string="Refundable", default=True)
    percent = fields.Float(string="Fee (%)", digits=(5, 2))
    fixed = fields.Float(
        string="Fee per Person",
        digits="Product Price",
        help="Tax included, beside the percentage.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.policy_id._check_lines()
        return lines

    def write(self, vals):
        res = super().write(vals)
        self.policy_id._check_lines()
        return res

    def _sorted_by_end(self):
        """Return lines of one state, the one that ends first first."""
        return self.sorted(
            lambda line: (
                line.unlimited,
                line.hours if line.state == "expired" else -line.hours,
            )
        )

    def _text(self):
        """Return the line as a few words that follow “refundable”."""
        self.ensure_one()
        fees = []
        if self.percent:
            fees.append(f"{self.percent:g} %")
        if self.fixed:
            fees.append(f"{self.fixed:.2f}")
        values = {"when": self._when_text(), "fee": " + ".join(fees)}
        if self.percent == 100:
            return self.env._("%(when)s for nothing back", **values)
        if fees:
            return self.env._("%(when)s with a fee of %(fee)s", **values)
        return self.env._("%(when)s in full", **values)

    def _when_text(self):
        hours = f"{abs(self.hours):g}"
        if self.state == "expired":
            if self.unlimited:
                return self.env._("after expiry")
            return self.env._("until %(hours)s h after expiry", hours=hours)
        if self.unlimited and self.state == "part_used":
            when = self.env._("at any time")
        elif self.unlimited:
            when = self.env._("until first use")
        elif self.hours < 0:
            when = self.env._("until %(hours)s h after the visit begins", hours=hours)
        elif self.hours:
            when = self.env._("until %(hours)s h before the visit", hours=hours)
        else:
            when = self.env._("until the visit begins")
        if self.state == "part_used":
            return self.env._("unused parts %(when)s", when=when)
        return when
