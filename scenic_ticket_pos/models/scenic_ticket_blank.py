from odoo import fields, models


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    def _pos_is_printable(self):
        return not self._is_unsold_blank() and super()._pos_is_printable()

    def _pos_blank_rows(self, config):
        """Return blanks as a window keeps them: what it shows and prints, and when.

        As superuser, for a browser that may sell them: the codes are in it.
        """
        tokens, numbers = self._qr_tokens(), self._barcode_numbers()
        return [
            {
                **row,
                "number": ticket.number,
                "product_id": ticket.product_id.id,
                "until": fields.Datetime.to_string(ticket.lease_id.date_end),
                "pos_qr_token": tokens[ticket.id],
                "pos_barcode_number": numbers[ticket.id],
            }
            for ticket, row in zip(
                self, self._load_pos_data_read(self, config), strict=True
            )
        ]
