from odoo import fields, models


class ScenicRefund(models.Model):
    _inherit = "scenic.refund"

    credit_note_id = fields.Many2one(
        "account.move",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The credit note that pays the money back.",
    )

    def _pay_back_all(self):
        """Tell whether these refunds pay back their booking lines as they were sold."""
        for line, refunds in self.grouped(
            lambda r: r.ticket_id.booking_line_id
        ).items():
            currency = line.currency_id
            if any(
                currency.compare_amounts(sum(refunds.mapped(name)), line[name])
                for name in ("amount_untaxed", "amount_total")
            ):
                return False
        lines = self.ticket_id.booking_line_id
        return bool(lines) and self.booking_id.line_ids == lines
