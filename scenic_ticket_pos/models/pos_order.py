from copy import deepcopy

from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.tools import format_amount

from odoo.addons.scenic_ticket_base.tools.lock_first import lock_first

from ..exceptions import (
    WindowAmountError,
    WindowError,
    WindowRightError,
    WindowShiftError,
    WindowTenderError,
)
from .scenic_ticket import CASHIER_GROUP

PAID_STATES = ("paid", "done")
# of a session whose register is not closed
OPEN_STATES = ("opening_control", "opened", "closing_control")
# What only this module writes: the client may ask for anything.
PROTECTED_FIELDS = {"scenic_booking_id", "scenic_late_shift_id", "scenic_shift_id"}
SHIFT_READERS = ",".join(
    f"scenic_ticket_base.group_scenic_{role}"
    for role in ("cashier", "finance", "auditor")
)


class PosOrder(models.Model):
    _inherit = "pos.order"

    scenic_booking_id = fields.Many2one(
        "scenic.booking",
        string="Ticket Booking",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups=CASHIER_GROUP,
    )
    scenic_shift_id = fields.Many2one(
        "scenic.shift",
        string="Shift",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups=SHIFT_READERS,
    )
    scenic_late_shift_id = fields.Many2one(
        "scenic.shift",
        string="Late for Shift",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups=SHIFT_READERS,
        help="The shift that had been handed over when this order arrived.",
    )
    scenic_ticket_count = fields.Integer(
        string="Tickets", compute="_compute_scenic_ticket_count", groups=CASHIER_GROUP
    )

    def _compute_scenic_ticket_count(self):
        for order in self:
            order.scenic_ticket_count = len(order._scenic_tickets())

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            # The client sends a paid order as "paid" right away. It becomes so in
            # action_pos_order_paid, where its tickets are issued, and nowhere else.
            if vals.get("state") in PAID_STATES and self._scenic_has_ticket_vals(vals):
                vals["state"] = "draft"
        self._scenic_check_protected(vals_list)
        orders = super().create(vals_list)
        orders.filtered(lambda o: o.state in PAID_STATES)._scenic_assign_shift()
        return orders

    def write(self, vals):
        self._scenic_check_protected([vals])
        self._scenic_check_session(vals)
        paid = self.browse()
        if vals.get("state") in PAID_STATES:
            paid = self.filtered(lambda order: order.state not in PAID_STATES)
            for order in paid:
                order._scenic_check_settled()
        if vals.get("state") == "cancel":
            self.lines._scenic_forget_visitors()
        result = super().write(vals)
        paid._scenic_assign_shift()
        return result

    @api.model
    def _scenic_has_ticket_vals(self, vals):
        """Whether the line commands of ``vals`` may hold a ticket product."""
        product_ids = [
            command[2].get("product_id")
            for command in vals.get("lines") or []
            if len(command) > 2 and isinstance(command[2], dict)
        ]
        # sudo: only the kind of product is looked at.
        products_sudo = (
            self.env["product.product"]
            .sudo()
            .browse([product_id for product_id in product_ids if product_id])
        )
        return any(
            product.service_tracking == "scenic_ticket"
            for product in products_sudo.exists()
        )

    def _scenic_check_protected(self, vals_list):
        """Only this module links an order with its booking and its shift."""
        if not self.env.su and any(
            PROTECTED_FIELDS & vals.keys() for vals in vals_list
        ):
            raise WindowRightError(
                self.env._(
                    "The booking and the shift of an order are set by the sale itself."
                )
            )

    def _scenic_check_session(self, vals):
        """An order that counts in a shift stays in the session of the shift."""
        if "session_id" not in vals:
            return
        for order_sudo in self.sudo():  # sudo: whether there is a shift, for any user
            shift_sudo = order_sudo.scenic_shift_id or order_sudo.scenic_late_shift_id
            if shift_sudo and shift_sudo.session_id.id != vals["session_id"]:
                raise WindowShiftError(
                    self.env._(
                        "Order %(order)s counts in shift %(shift)s and cannot move to "
                        "another session.",
                        order=order_sudo.pos_reference or order_sudo.name,
                        shift=shift_sudo.name,
                    ),
                    code="SHIFT_FIXED",
                )

    def _scenic_assign_shift(self):
        """Count what was paid in the shift of its cashier; see ``scenic.shift``."""
        for order in self:
            # sudo: whether it is counted already, for any user
            order_sudo = order.sudo()
            counted = order_sudo.scenic_shift_id or order_sudo.scenic_late_shift_id
            if not counted and order_sudo.session_id.state in OPEN_STATES:
                self.env["scenic.shift"]._assign(order)

    def _scenic_check_settled(self):
        """No paid line without tickets."""
        for line in self.lines.filtered(lambda line: line._scenic_is_ticket()):
            if not line._scenic_is_settled():
                raise WindowError(
                    self.env._(
                        "%(product)s: the tickets of this order are not issued yet. "
                        "Take the payment in the window.",
                        product=line.product_id.display_name,
                    )
                )

    @api.model
    def sync_from_ui(self, orders):
        # A window that lost the answer sends its order again, maybe before the first
        # one is through: the later call waits here and finds the order. A cashier who
        # hands over waits, too, until what he has sold is counted.
        sync = super().sync_from_ui
        names = [f"pos order {order['uuid']}" for order in orders if order.get("uuid")]
        names.append(self.env["scenic.shift"]._lock_name(self.env.user))
        return lock_first(self.env, names, lambda: sync(deepcopy(orders)))

    @api.model
    def _process_order(self, order, existing_order):
        try:
            return super()._process_order(order, existing_order)
        except UniqueViolation as error:
            if error.diag.constraint_name != "pos_order_unique_uuid":
                raise
            # lock: the same order arrived twice at once. Called again, the first one
            # is found and both get the same answer.
            raise ConcurrencyError(f"order {order.get('uuid')}") from error

    # ------------------------------------------------------------
    # SETTLE
    # ------------------------------------------------------------

    def action_pos_order_paid(self):
        self.ensure_one()
        if self.state not in PAID_STATES:
            self._scenic_settle()
        return super().action_pos_order_paid()

    def _scenic_settle(self):
        """Issue the tickets sold and take back the tickets refunded by this order.

        Runs in the transaction that makes the order paid, just before it does: if the
        payment turns out short, or anything else fails, nothing of it remains.
        """
        self.ensure_one()
        self = self.with_company(self.company_id)
        lines = self.lines.filtered(lambda line: line._scenic_is_ticket())
        if not lines:
            return
        self._scenic_check_cashier()
        if self.currency_id != self.company_id.currency_id:
            raise WindowError(
                self.env._(
                    "Tickets are sold in the currency of the company, %(currency)s. "
                    "Choose a point of sale in that currency.",
                    currency=self.company_id.currency_id.name,
                )
            )
        changes = lines._scenic_change_lines()
        lines -= changes
        for line in changes:
            line._scenic_check_change()
        for line in lines:
            line._scenic_check_settleable()
        # What counts as paid are the payments, not a figure that a client writes.
        paid = self._compute_amount_paid()
        if self.currency_id.compare_amounts(self.amount_paid, paid):
            self.amount_paid = paid
        refunds = lines.filtered(lambda line: line.qty < 0)
        self._scenic_check_tender(refunds, changes)
        # The price of a sale comes from its unit price alone, not from what a client
        # claims the taxes to be.
        sales = lines - refunds
        (sales | changes).filtered("extra_tax_data").extra_tax_data = False
        for line in refunds:
            self._scenic_refund_line(line)
        amounts = self._scenic_posted_amounts()
        self._scenic_check_refund_amounts(refunds, amounts)
        self._scenic_check_total(amounts)
        for line in changes:
            fee = line._scenic_change_fee(amounts)
            line._scenic_apply_change(*amounts[line], fee)
        self._scenic_issue(sales, amounts)

    def _scenic_check_cashier(self):
        if self.env.su or self.env.user.has_group(CASHIER_GROUP):
            return
        raise WindowRightError(
            self.env._(
                "%(user)s may not sell, refund or print tickets. Ask the ticketing "
                'manager for the right "Cashier".',
                user=self.env.user.name,
            )
        )

    def _scenic_check_tender(self, refunds, changes):
        """Money goes back the way it came, if this window has that way."""
        # sudo: only the names of the payment methods are looked at.
        sold_sudo = refunds.sudo().refunded_orderline_id
        sold_sudo |= changes.sudo().scenic_change_ticket_id.pos_order_line_id
        origins_sudo = sold_sudo.order_id.payment_ids
        came_sudo = origins_sudo.filtered(lambda p: p.amount > 0).payment_method_id
        here_sudo = came_sudo & self.sudo().config_id.payment_method_ids
        gone_sudo = self.sudo().payment_ids.filtered(lambda p: p.amount < 0)
        if not here_sudo or self.currency_id.compare_amounts(self.amount_paid, 0) >= 0:
            return
        if gone_sudo.payment_method_id - came_sudo:
            raise WindowTenderError(
                self.env._(
                    "The tickets were paid by %(came)s, so the money goes back that "
                    "way. Choose %(came)s.",
                    came=", ".join(here_sudo.mapped("name")),
                )
            )

    def _scenic_refund_line(self, line):
        """Take back the tickets that ``line`` pays back, at what they carry."""
        line._scenic_check_refund_terms()
        origin = line.refunded_orderline_id
        persons = -round(line.qty)
        tickets = line._scenic_refund_tickets(origin)
        picks = origin._scenic_pick_refundable(persons, tickets, lock=True)
        document = self.pos_reference or self.name
        reason = self.env._("Refunded at the window")
        # sudo: the right to refund was checked; nobody may write these records
        whole_sudo = self.env["scenic.ticket"].sudo()
        for pick in picks:
            if pick.persons or pick.override:
                pick.ticket._refund(
                    document,
                    pick.override.reason or reason,
                    persons=pick.persons,
                    override=pick.override or None,
                    pos_line_id=line.id,
                )
            else:
                whole_sudo |= pick.ticket
        if whole_sudo:
            whole_sudo._refund(document, reason, pos_line_id=line.id)
        tickets_sudo = whole_sudo.concat(*(pick.ticket for pick in picks))
        tickets_sudo.with_context(tracking_disable=True).pos_refund_line_id = line
        line_sudo = line.sudo()
        line_sudo.invalidate_recordset(["scenic_refund_ids"])
        sums = origin._scenic_refund_sums(line_sudo.scenic_refund_ids)
        # sudo: as for the tickets; the cashier cannot choose these amounts.
        line_sudo.extra_tax_data = origin._scenic_refund_tax_data(persons, sums)

    def _scenic_posted_amounts(self):
        """What closing the session, or the invoice, posts for each line.

        The same steps as ``pos.session._accumulate_amounts``, so that rounding per
        line or globally, discounts and taxes included in the price end in the same
        cents.

        :return: ``{line: (untaxed, total)}``, negative for what is paid back.
        """
        self.ensure_one()
        AccountTax = self.env["account.tax"]
        base_lines = [line._scenic_tax_base_line() for line in self.lines]
        AccountTax._add_tax_details_in_base_lines(base_lines, self.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, self.company_id)
        result = {}
        for base_line in base_lines:
            details = base_line["tax_details"]
            untaxed = -base_line["sign"] * (
                details["total_excluded_currency"]
                + details["delta_total_excluded_currency"]
            )
            tax = -base_line["sign"] * sum(
                data["tax_amount_currency"] for data in details["taxes_data"]
            )
            result[base_line["record"]] = (
                self.currency_id.round(untaxed),
                self.currency_id.round(untaxed + tax),
            )
        return result

    def _scenic_check_refund_amounts(self, refunds, amounts):
        """A refund posts exactly what its tickets carry, or is not made."""
        for line in refunds:
            untaxed, _total = amounts[line]
            # sudo: the refunds just made
            refunds_sudo = line.sudo().scenic_refund_ids
            carried = sum(refunds_sudo.mapped("amount_untaxed"))
            if self.currency_id.compare_amounts(-untaxed, carried):
                raise WindowAmountError(
                    self.env._(
                        "%(product)s: the refund cannot be rounded together with the "
                        "other lines of this order. Refund the tickets in an order of "
                        "their own.",
                        product=line.product_id.display_name,
                    )
                )

    def _scenic_check_total(self, amounts):
        """What is paid is what the lines cost, whatever total the client sent."""
        total = self.currency_id.round(
            sum(total for _untaxed, total in amounts.values())
        )
        tax = self.currency_id.round(
            sum(total - untaxed for untaxed, total in amounts.values())
        )
        expected = {total}
        if self.config_id.cash_rounding:
            expected.add(self.config_id.rounding_method.round(total))
        if all(
            self.currency_id.compare_amounts(self.amount_total, e) for e in expected
        ):
            raise WindowAmountError(
                self.env._(
                    "The order says %(claimed)s, but its lines come to %(total)s. "
                    "Remove the lines, choose them again and take the payment anew.",
                    claimed=format_amount(
                        self.env, self.amount_total, self.currency_id
                    ),
                    total=format_amount(self.env, total, self.currency_id),
                )
            )
        if self.currency_id.compare_amounts(self.amount_tax, tax):
            self.amount_tax = tax

    def _scenic_issue(self, lines, amounts):
        """Hold and confirm the booking of the lines sold; link tickets and lines."""
        if not lines:
            return
        booking = self.with_context(scenic_pos_line_ids=lines.ids)._scenic_hold(
            lines, amounts, confirm=True
        )
        lines._scenic_forget_visitors()
        # sudo: nobody may write tickets; the right to sell was checked above
        tickets_sudo = booking.sudo().ticket_ids.with_context(tracking_disable=True)
        of_line = tickets_sudo.grouped("booking_line_id")
        booking_lines_sudo = booking.sudo().line_ids.sorted("id")
        for line, booking_line_sudo in zip(lines, booking_lines_sudo, strict=True):
            # those of a booking that was there before, and blanks
            sold_sudo = of_line[booking_line_sudo]
            sold_sudo.filtered(
                lambda t, line=line: t.pos_order_line_id != line
            ).pos_order_line_id = line
        self.sudo().scenic_booking_id = booking

    def _scenic_hold(self, lines, amounts, confirm=False):
        """Take the places of the lines sold; the same once more is the same booking.

        :param bool confirm: the money is taken: issue the tickets, too. Who pays an
            order holds its lock, see :meth:`sync_from_ui`, or is sent back by its row
            in the database.
        """
        return self.env["scenic.booking"]._hold(
            self.config_id._scenic_channel(),
            self._scenic_booking_ref(),
            [line._scenic_prepare_booking_line(*amounts[line]) for line in lines],
            partner=self.partner_id,
            company=self.company_id,
            # what another day costs later is asked of the same list
            pricelist=self.pricelist_id or None,
            # a till that was offline sold it then: its tickets are out already
            sold_at=self.date_order,
            confirm=confirm,
            alone=confirm,
        )

    def _scenic_booking_ref(self):
        """Return the name of the order in its sales channel."""
        return self.uuid

    def _scenic_tickets(self):
        """The tickets that these orders sold, in the order of their numbers."""
        # sudo: whoever may read the order may know how many tickets it sold.
        return self.sudo().lines.scenic_ticket_ids.sorted("number")

    # ------------------------------------------------------------
    # POINT OF SALE
    # ------------------------------------------------------------

    def read_pos_data(self, data, config):
        result = super().read_pos_data(data, config)
        if config:
            tickets = self._scenic_load_tickets(config)
            result["scenic.ticket"] = tickets
            # sudo: the hours of a visit are for whoever may read its order
            slots_sudo = self.sudo().lines.scenic_slot_id
            slots_sudo |= slots_sudo.browse(
                ticket["slot_id"] for ticket in tickets if ticket["slot_id"]
            )
            result["scenic.slot"] = slots_sudo._load_pos_data_read(slots_sudo, config)
        return result

    def _scenic_load_tickets(self, config):
        Ticket = self.env["scenic.ticket"]
        if not Ticket.has_access("read"):
            return []
        lines = self.filtered(lambda order: order.state in PAID_STATES).lines
        tickets = Ticket.search(
            [
                "|",
                "|",
                ("pos_order_line_id", "in", lines.ids),
                ("pos_refund_line_id", "in", lines.ids),
                ("pos_change_line_id", "in", lines.ids),
            ],
            order="number",
        )
        return Ticket._load_pos_data_read(tickets, config)

    def scenic_count_ticket_print(self):
        """Count one print of every ticket of the order that still admits.

        Called by the window before it prints: a ticket is never printed uncounted.

        :return: the tickets as the window loads them, with their new count.
        """
        self.ensure_one()
        self.check_access("read")
        self._scenic_check_cashier()
        # sudo: as there; a change of day or slot prints what it changed
        changed_sudo = self.sudo().lines.scenic_changed_ticket_ids.sorted("number")
        tickets_sudo = (self._scenic_tickets() | changed_sudo).filtered(
            lambda ticket: ticket._pos_is_printable()
        )
        self._scenic_print(tickets_sudo)
        return {"scenic.ticket": self._scenic_load_tickets(self.config_id)}

    @api.model
    def scenic_refund_quote(self, quantities):
        """What refunding so many persons of these lines would give back.

        :param quantities: ``{line id: persons}`` of ticket lines.
        :return: ``{line id: {"message": why not, "extra_tax_data": exact amounts,
            "fee": what is kept, in words}}``; False where there is none.
        """
        self._scenic_check_cashier()
        try:
            wanted = {int(line_id): float(q) for line_id, q in quantities.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise WindowError(
                self.env._("The lines to refund are not readable. Choose them again.")
            ) from error
        lines = self.env["pos.order.line"].browse(wanted).exists()
        lines.check_access("read")
        return {
            line.id: line._scenic_refund_quote(wanted[line.id])
            for line in lines
            if line._scenic_is_ticket()
        }

    def action_view_scenic_tickets(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_ticket_action"
        )
        domain = [("pos_order_line_id", "in", self.lines.ids)]
        return {**action, "domain": domain, "context": {}}
