from odoo import fields, models

from odoo.addons.scenic_ticket_base.models.scenic_ticket_print import PRINTERS


class ScenicBooking(models.Model):
    _name = "scenic.booking"
    _inherit = ["scenic.booking", "portal.mixin"]

    sale_order_id = fields.Many2one(
        "sale.order", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    # The token opens every QR code of the booking to whoever holds it: it goes out
    # only inside links, and over RPC to those alone who print tickets.
    access_token = fields.Char(groups=",".join(PRINTERS))

    _sale_order_uniq = models.UniqueIndex(
        "(sale_order_id) WHERE sale_order_id IS NOT NULL",
        "This sales order already has its tickets.",
    )

    def _compute_access_url(self):
        super()._compute_access_url()
        for booking in self:
            booking.access_url = f"/scenic/booking/{booking.id}"

    def _payment_state(self):
        """An agency's order is issued when it is placed, and paid as agreed."""
        state = super()._payment_state()
        invoices = self.sale_order_id.invoice_ids.filtered(
            lambda move: move.state == "posted" and move.move_type == "out_invoice"
        )
        settled = ("paid", "in_payment", "reversed")
        if state == "paid" and any(m.payment_state not in settled for m in invoices):
            return "contract"
        return state

    def _scenic_live_tickets(self):
        """Tickets whose codes may be handed out, in the order of their numbers."""
        self.ensure_one()
        return self.ticket_ids.filtered(lambda ticket: ticket._shows_codes()).sorted(
            "number"
        )
