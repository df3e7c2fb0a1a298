from odoo import fields, models


class ScenicBookingCancel(models.TransientModel):
    _name = "scenic.booking.cancel"
    _description = "Cancel a Booking"

    booking_id = fields.Many2one(
        "scenic.booking", required=True, readonly=True, ondelete="cascade"
    )
    reason = fields.Char(required=True)

    def action_apply(self):
        """Cancel the booking and write the reason into its audit trail."""
        self.ensure_one()
        self.booking_id._check_service_right()
        self.booking_id._cancel(self.reason)
        return {"type": "ir.actions.act_window_close"}
