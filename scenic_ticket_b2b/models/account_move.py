from odoo import models

from ..exceptions import (
    AgencyOrderError,
    TicketsIssuedError,
)


class AccountMove(models.Model):
    _inherit = "account.move"

    # === GUARDS === #

    def _post(self, soft=True):
        for move in self.filtered(lambda move: move.is_sale_document()):
            move._scenic_check_post()
        return super()._post(soft)

    def _check_draftable(self):
        res = super()._check_draftable()
        for move in self:
            if orders_sudo := move._scenic_ticket_orders():
                raise TicketsIssuedError(
                    self.env._(
                        "%(move)s belongs to the tickets of %(order)s and stays "
                        "posted. Cancel the order to refund its tickets.",
                        move=move.name,
                        order=", ".join(orders_sudo.mapped("name")),
                    )
                )
        return res

    def _scenic_ticket_orders(self):
        # sudo: billing users need not see sales orders
        return self.sudo().line_ids.sale_line_ids.filtered("is_scenic_ticket").order_id

    def _scenic_check_post(self):
        """Keep the liability account equal to the open tickets.

        The invoice of an order with tickets is posted once, by confirming the order;
        its credit note once, by cancelling it.
        """
        self.ensure_one()
        for order_sudo in self._scenic_ticket_orders():
            booking_sudo = order_sudo.scenic_booking_id.sudo()
            if self.move_type == "out_refund":
                notes_sudo = order_sudo._scenic_ticket_lines().invoice_lines.move_id
                allowed = booking_sudo.state == "cancelled" and not any(
                    note.move_type == "out_refund" and note.state == "posted"
                    for note in notes_sudo - self
                )
            else:
                allowed = order_sudo.state == "sale" and not booking_sudo
            if not allowed:
                raise TicketsIssuedError(
                    self.env._(
                        "%(order)s has tickets: its invoice is posted by confirming "
                        "the order and its credit note by cancelling it.",
                        order=order_sudo.name,
                    )
                )

    # === TICKET MONEY === #

    def _scenic_ticket_amounts(self):
        """What the posted invoice says each ticket line is worth.

        :return: {sale line id: (untaxed amount, total)} in company currency. The
            untaxed amounts are what stands on the liability account, so that tickets
            made of them add up to it.
        """
        self.ensure_one()
        currency = self.company_currency_id
        base_lines, _tax_lines = self._get_rounded_base_and_tax_lines()
        amounts = {}
        ticket_lines = self.env["account.move.line"]
        for base_line in base_lines:
            line = base_line["record"]
            sale_line = line.sale_line_ids.filtered("is_scenic_ticket")
            if not sale_line:
                continue
            line._scenic_check_account(sale_line.product_id)
            ticket_lines |= line
            taxes = sum(
                tax_data["tax_amount"]
                for tax_data in base_line["tax_details"]["taxes_data"]
            )
            untaxed = -line.balance
            amounts[sale_line.id] = (untaxed, currency.round(untaxed + taxes))
        strays = (self.line_ids - ticket_lines).filtered(
            lambda line: line.account_id in ticket_lines.account_id
        )
        if strays:
            raise AgencyOrderError(
                self.env._(
                    "“%(line)s” would be booked on %(account)s beside the tickets. "
                    "Give it an account of its own (a tax without an account goes "
                    "where its product goes).",
                    line=strays[0].name,
                    account=strays[0].account_id.display_name,
                ),
                code="LIABILITY_MIXED",
            )
        return amounts

    def _scenic_settle(self, credit_note):
        """Let the credit note pay what is still open of this invoice."""
        self.ensure_one()
        (self | credit_note).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable" and not line.reconciled
        ).reconcile()
