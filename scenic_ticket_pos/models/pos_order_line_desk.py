"""Lines that one ticket stands behind: it is refunded, or moved to another day."""

from odoo import api, fields, models
from odoo.tools import float_is_zero, format_amount

from ..exceptions import WindowChangeError, WindowRefundError
from .pos_order_line import TICKET_READERS
from .scenic_ticket import CASHIER_GROUP


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    scenic_refund_ticket_id = fields.Many2one(
        "scenic.ticket",
        string="Refunds Ticket",
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups=TICKET_READERS,
        help="The very ticket that was brought back. Empty: any of the line.",
    )
    scenic_change_ticket_id = fields.Many2one(
        "scenic.ticket",
        string="Changes Ticket",
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups=TICKET_READERS,
        help="Takes or pays back the difference of a change: this ticket and the "
        "others of its line move to the visit date and time slot of this line.",
    )
    scenic_changed_ticket_ids = fields.One2many(
        "scenic.ticket",
        "pos_change_line_id",
        string="Changed Tickets",
        readonly=True,
        groups=TICKET_READERS,
    )

    def _scenic_change_lines(self):
        # sudo: whether there is such a ticket, for whoever settles
        return self.filtered(lambda line: line.sudo().scenic_change_ticket_id)

    def _scenic_is_settled(self):
        """Whether what this line was paid for is done."""
        # sudo: tickets belong to whoever bought them, not to the cashier
        line_sudo = self.sudo()
        if line_sudo.scenic_change_ticket_id:
            return bool(line_sudo.scenic_changed_ticket_ids)
        return bool(line_sudo.scenic_ticket_ids or line_sudo.scenic_refund_ids)

    # ------------------------------------------------------------
    # REFUND OF ONE TICKET
    # ------------------------------------------------------------

    def _scenic_refund_tickets(self, origin):
        """The tickets of ``origin`` that this refund line may take back.

        :raise WindowRefundError: the ticket named was sold by another line
        """
        self.ensure_one()
        # sudo: the cashier refunds whatever the window sold
        ticket_sudo = self.sudo().scenic_refund_ticket_id
        sold_sudo = origin.sudo().scenic_ticket_ids
        if not ticket_sudo:
            return sold_sudo
        if ticket_sudo not in sold_sudo:
            raise WindowRefundError(
                self.env._(
                    "Ticket %(ticket)s was not sold by this line. Remove the line and "
                    "scan the ticket again.",
                    ticket=ticket_sudo.name,
                )
            )
        return ticket_sudo

    def _scenic_ticket_quote(self, ticket_sudo, persons=None):
        """As :meth:`_scenic_refund_quote`, of one ticket that this line sold."""
        self.ensure_one()
        quantity = persons or ticket_sudo._pos_pick().quote["persons"] or 1
        answer = self._scenic_refund_quote(quantity, ticket_sudo)
        return {**answer, "persons": quantity}

    def _scenic_pick_refundable(self, quantity, tickets=None, lock=False):
        if self.sudo().scenic_change_ticket_id:  # sudo: whether there is one
            raise WindowRefundError(
                self.env._(
                    "%(product)s: this line took the difference of a change and is "
                    "not refunded by itself. Scan the ticket and refund that.",
                    product=self.product_id.display_name,
                )
            )
        return super()._scenic_pick_refundable(quantity, tickets, lock)

    # ------------------------------------------------------------
    # CHANGE OF DAY OR SLOT
    # ------------------------------------------------------------

    def _scenic_check_change(self):
        """Refuse a line that cannot carry the difference of a change."""
        self.ensure_one()
        ticket_sudo = self.sudo().scenic_change_ticket_id  # sudo: as it settles
        # as the user: company and sites of the cashier hold here, too
        known = self.env["scenic.ticket"].search([("id", "=", ticket_sudo.id)])
        if (
            not known
            or ticket_sudo.company_id != self.order_id.company_id
            or ticket_sudo.product_id != self.product_id
            or self.qty not in (1, -1)
            or self.price_unit < 0
            or not float_is_zero(self.discount, precision_digits=6)
            or self.refunded_orderline_id
            or self.sudo().scenic_refund_ticket_id
        ):
            raise WindowChangeError(
                self.env._(
                    "%(product)s: this line does not fit the change of a ticket. "
                    "Remove it, scan the ticket and choose the new day again.",
                    product=self.product_id.display_name,
                )
            )

    def _scenic_change_fee(self, amounts):
        """What the order takes as the fee of the change of this line.

        :param dict amounts: ``{line: (untaxed, total)}`` of the order
        """
        self.ensure_one()
        product = self.env.ref("scenic_ticket_pos.product_change_fee")
        ticket_sudo = self.sudo().scenic_change_ticket_id  # sudo: as it settles
        return sum(
            total
            for line, (_untaxed, total) in amounts.items()
            if line.product_id == product
            and line.sudo().scenic_change_ticket_id == ticket_sudo
        )

    def _scenic_apply_change(self, untaxed, total, fee):
        """Move the tickets at the amounts that this line posts.

        Runs in the transaction that makes the order paid: what is moved is paid, and
        the other way round.

        :param float fee: see :meth:`_scenic_change_fee`
        """
        self.ensure_one()
        order = self.order_id
        # sudo: nobody may write tickets; the right to serve was checked
        line_sudo = self.sudo()
        ticket_sudo = line_sudo.scenic_change_ticket_id
        visit = (line_sudo.scenic_visit_date, line_sudo.scenic_slot_id.id)
        cost = ticket_sudo._pos_change_quote(*visit)
        currency = self.currency_id
        asked = {"difference_total": total, "change_fee": fee}
        if any(currency.compare_amounts(cost[name], asked[name]) for name in asked):
            raise WindowChangeError(
                self.env._(
                    "%(product)s: the change costs %(cost)s, but the order says "
                    "%(total)s. Remove its lines, scan the ticket and choose the day "
                    "again.",
                    product=self.product_id.display_name,
                    cost=format_amount(
                        self.env, sum(cost[name] for name in asked), currency
                    ),
                    total=format_amount(self.env, total + fee, currency),
                ),
                code="CHANGE_AMOUNT",
            )
        moved_sudo = ticket_sudo._pos_moved_together()
        booking_line_sudo = ticket_sudo.booking_line_id
        persons = booking_line_sudo._paying_persons() or 1
        change = {
            **ticket_sudo._pos_prepare_change(*visit),
            # to the cent what is posted, so that books and tickets agree
            "price_unit": max(booking_line_sudo.price_unit + total / persons, 0),
            "amount_untaxed": sum(moved_sudo.mapped("amount_untaxed")) + untaxed,
            "amount_total": sum(moved_sudo.mapped("amount_total")) + total,
        }
        document = order.pos_reference or order.name
        ticket_sudo.booking_id._amend(
            [change],
            self.env._("Changed at %(window)s", window=order.config_id.name),
            document_ref=document,
        )
        moved_sudo.with_context(tracking_disable=True).pos_change_line_id = line_sudo

    # ------------------------------------------------------------
    # POINT OF SALE
    # ------------------------------------------------------------

    @api.model
    def _load_pos_data_fields(self, config):
        result = super()._load_pos_data_fields(config)
        if self.env.user.has_group(CASHIER_GROUP):
            result += [
                "scenic_refund_ticket_id",
                "scenic_change_ticket_id",
                "scenic_changed_ticket_ids",
            ]
        return result
