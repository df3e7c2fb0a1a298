from odoo import fields, models
from odoo.tools import format_amount


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    credential_ids = fields.One2many(groups="base.group_user")

    # === REFUND === #

    def _pay_back_due(self, reason):
        """Credit what is owed for tickets of sales orders, in the same transaction."""
        by_order = self.grouped(lambda ticket: ticket.booking_id.sale_order_id)
        rest = by_order.pop(self.env["sale.order"], self.browse())
        notes = self.env["account.move"]
        for order, tickets in by_order.items():
            notes |= order._scenic_credit(tickets, reason)
        documents = ", ".join(notes.mapped("name"))
        return ", ".join(
            filter(None, [documents, super(ScenicTicket, rest)._pay_back_due(reason)])
        )

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

    # === LIFE LINE === #

    def _life_line_events(self):
        events = super()._life_line_events()
        order = self.booking_id.sale_order_id
        for invoice in order.invoice_ids.filtered(lambda move: move.state == "posted"):
            events += self._life_line_invoice(invoice)
        return events

    def _life_line_invoice(self, invoice):
        """Return how an invoice or credit note of the order was made and paid."""
        back = invoice.move_type == "out_refund"
        amount = format_amount(self.env, invoice.amount_total, invoice.currency_id)
        yield self._life_event(
            "invoiced",
            invoice.create_date,
            title=self.env._("Credit note") if back else "",
            who=invoice.create_uid,
            document=invoice,
            detail=amount,
            secret=True,
        )
        for payment in invoice._get_reconciled_payments():
            yield self._life_event(
                "paid",
                payment.create_date,
                title=self.env._("Paid back") if back else "",
                who=payment.create_uid,
                where=payment.journal_id.name,
                document=payment,
                detail=format_amount(self.env, payment.amount, payment.currency_id),
                secret=True,
            )
        partials = (
            invoice.line_ids.matched_credit_ids | invoice.line_ids.matched_debit_ids
        )
        if partials and invoice.payment_state in ("paid", "in_payment", "reversed"):
            last = partials.sorted("create_date")[-1]
            yield self._life_event(
                "settled",
                last.create_date,
                title=self.env._("Invoice settled"),
                who=last.create_uid,
                document=invoice,
            )
