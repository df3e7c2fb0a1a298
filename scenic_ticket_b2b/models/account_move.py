from odoo import fields, models

from ..exceptions import (
    AgencyOrderError,
    TicketsIssuedError,
)


class AccountMove(models.Model):
    _inherit = "account.move"

    scenic_refund_ids = fields.One2many(
        "scenic.refund",
        "credit_note_id",
        "Ticket Refunds",
        readonly=True,
        groups="scenic_ticket_base.group_scenic_finance,"
        "scenic_ticket_base.group_scenic_auditor",
    )

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
        a credit note only by refunding its tickets.
        """
        self.ensure_one()
        for order_sudo in self._scenic_ticket_orders():
            # sudo: an accountant need not read bookings
            booking_sudo = order_sudo.scenic_booking_id.sudo()
            if self.move_type == "out_refund":
                allowed = self._scenic_agrees_with_refunds()
            else:
                allowed = order_sudo.state == "sale" and not booking_sudo
            if not allowed:
                raise TicketsIssuedError(
                    self.env._(
                        "%(order)s has tickets: its invoice is posted by confirming "
                        "the order and its credit notes by refunding tickets.",
                        order=order_sudo.name,
                    )
                )

    def _scenic_agrees_with_refunds(self):
        """Tell whether this credit note pays back what its ticket refunds say."""
        self.ensure_one()
        # sudo: whether the refunds agree decides, not who asks
        refunds_sudo = self.sudo().scenic_refund_ids
        lines_sudo = self.sudo().invoice_line_ids.filtered(
            lambda line: line.sale_line_ids.filtered("is_scenic_ticket")
        )
        currency = self.company_currency_id
        return bool(refunds_sudo) and not currency.compare_amounts(
            sum(lines_sudo.mapped("balance")),
            sum(refunds_sudo.mapped("amount_untaxed")),
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

    def _scenic_fit_refunds(self, refunds, whole):
        """Make this draft, the reversal of an invoice, pay back what refunds say.

        :param refunds: ``scenic.refund`` records, as superuser
        :param bool whole: keep the lines that are no tickets
        """
        self.ensure_one()
        if whole and refunds._pay_back_all():
            # the reversal of an invoice is exact, however its taxes were rounded
            return
        by_line = refunds.grouped(
            lambda refund: refund.ticket_id.booking_line_id.sale_line_id
        )
        fitted, gone = {}, self.env["account.move.line"]
        for line in self.invoice_line_ids:
            sale_line = line.sale_line_ids.filtered("is_scenic_ticket")
            mine = by_line.get(sale_line) if sale_line else None
            if mine:
                line._scenic_pay_back(mine)
                fitted[line] = mine
            elif sale_line or not whole:
                gone |= line
        gone.unlink()
        for line, mine in fitted.items():
            line._scenic_check_pays(mine)
