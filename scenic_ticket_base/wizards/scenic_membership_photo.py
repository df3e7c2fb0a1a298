from odoo import fields, models


class ScenicMembershipPhoto(models.TransientModel):
    _name = "scenic.membership.photo"
    _description = "Photo of a Member"

    membership_id = fields.Many2one(
        "scenic.membership", string="Member Card", required=True
    )
    photo = fields.Image(max_width=512, max_height=512)

    def action_apply(self):
        """Keep the photo, or remove the one there is."""
        self.ensure_one()
        self.membership_id.action_set_photo(self.photo)
        # a photo that nobody asked for should not lie about until the cleaner comes
        self.photo = False
        return {"type": "ir.actions.act_window_close"}
