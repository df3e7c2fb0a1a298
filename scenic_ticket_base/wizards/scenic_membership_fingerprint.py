from odoo import api, fields, models


class ScenicMembershipFingerprint(models.TransientModel):
    _name = "scenic.membership.fingerprint"
    _description = "Consent to a Fingerprint"

    membership_id = fields.Many2one(
        "scenic.membership", string="Member Card", required=True
    )
    is_given = fields.Boolean(compute="_compute_is_given")
    guardian = fields.Char(help="Who agrees for a member under 14.")

    @api.depends("membership_id")
    def _compute_is_given(self):
        for wizard in self:
            wizard.is_given = bool(wizard.membership_id.fingerprint_date)

    def action_give(self):
        """Record the consent."""
        self.ensure_one()
        self.membership_id.action_give_fingerprint(self.guardian)
        self.guardian = False
        return {"type": "ir.actions.act_window_close"}

    def action_withdraw(self):
        """Record that it was withdrawn."""
        self.ensure_one()
        self.membership_id.action_withdraw_fingerprint()
        return {"type": "ir.actions.act_window_close"}
