from odoo import fields, models


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    # As for bookings: with the token anybody sees the QR code.
    access_token = fields.Char(groups="base.group_user")
    credential_ids = fields.One2many(groups="base.group_user")

    # === PORTAL === #

    def _scenic_entry_counts(self):
        """Entries used and left per component, for the agency's pages.

        :return: list of (component name, used, left)
        """
        self.ensure_one()
        return [
            (
                entitlement.component_id.name,
                entitlement.entries_used,
                entitlement.entries_total - entitlement.entries_used,
            )
            for entitlement in self.entitlement_ids
        ]
