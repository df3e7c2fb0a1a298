import math

from odoo import api, fields, models
from odoo.tools import float_is_zero, format_amount

from odoo.addons.scenic_ticket_base.models.scenic_credential import LIVE_STATES
from odoo.addons.scenic_ticket_base.tools.split import split_units

from ..exceptions import (
    WindowError,
    WindowQuantityError,
    WindowRefundError,
    WindowSlotError,
)
from .scenic_ticket import CASHIER_GROUP

# Whoever may read tickets; for others the lines look as without this module.
TICKET_READERS = ",".join(
    f"scenic_ticket_base.group_scenic_{role}"
    for role in ("cashier", "gate_operator", "customer_service", "finance", "auditor")
)
# What the tickets of a line were issued for; frozen once they exist.
FROZEN_FIELDS = {
    "discount",
    "extra_tax_data",
    "order_id",
    "price_unit",
    "product_id",
    "qty",
    "refunded_orderline_id",
    "scenic_change_ticket_id",
    "scenic_refund_ticket_id",
    "scenic_slot_id",
    "scenic_visit_date",
    "tax_ids",
}


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    scenic_visit_date = fields.Date(string="Visit Date", copy=False)
    scenic_slot_id = fields.Many2one(
        "scenic.slot",
        string="Time Slot",
        copy=False,
        index="btree_not_null",
        # an open order keeps no slot alive; what is sold does, by its tickets
        ondelete="set null",
    )
    scenic_ticket_ids = fields.One2many(
        "scenic.ticket",
        "pos_order_line_id",
        string="Tickets",
        readonly=True,
        groups=TICKET_READERS,
    )
    scenic_refunded_ticket_ids = fields.One2many(
        "scenic.ticket",
        "pos_refund_line_id",
        string="Refunded Tickets",
        readonly=True,
        groups=TICKET_READERS,
    )
    scenic_refund_ids = fields.One2many(
        "scenic.refund",
        "pos_line_id",
        string="Ticket Refunds",
        readonly=True,
        groups=TICKET_READERS,
    )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self._scenic_check_slots(vals_list)
        lines = super().create(vals_list)
        lines._scenic_check_order_open()
        return lines

    def write(self, vals):
        if FROZEN_FIELDS.intersection(vals) and not self.env.su:
            self._scenic_check_order_open()
        self._scenic_check_slots([vals])
        result = super().write(vals)
        if "order_id" in vals or "product_id" in vals:
            self._scenic_check_order_open()
        return result

    def _scenic_check_order_open(self):
        """A ticket line neither joins nor changes in an order that is paid."""
        for line in self:
            if (
                line.order_id.state not in ("draft", "cancel")
                and line._scenic_is_ticket()
            ):
                raise WindowError(
                    self.env._(
                        "%(product)s: order %(order)s is paid and its tickets are "
                        "issued. Refund the tickets and sell them again instead of "
                        "changing the order.",
                        product=line.product_id.display_name,
                        order=line.order_id.name,
                    )
                )

    @api.model
    def _scenic_check_slots(self, vals_list):
        """Refuse slots that are not there: a timetable may have dropped one."""
        slot_ids = [
            slot_id for vals in vals_list if (slot_id := vals.get("scenic_slot_id"))
        ]
        if not slot_ids:
            return
        # sudo: whether they exist, for whoever may write the line
        slots_sudo = self.env["scenic.slot"].sudo().browse(slot_ids)
        if (
            any(type(slot_id) is not int for slot_id in slot_ids)
            or slots_sudo.exists() != slots_sudo
        ):
            raise WindowSlotError(
                self.env._(
                    "The time slot chosen is not on sale any more. Touch the visit "
                    "date of the ticket and choose another one."
                )
            )

    # ------------------------------------------------------------
    # TICKETS
    # ------------------------------------------------------------

    def _scenic_is_ticket(self):
        self.ensure_one()
        return self.product_id.service_tracking == "scenic_ticket"

    def _scenic_check_settleable(self):
        """Refuse what cannot become tickets, in words the cashier can act on."""
        self.ensure_one()
        if not float_is_zero(self.qty - round(self.qty), precision_digits=6):
            raise WindowQuantityError(
                self.env._(
                    "%(product)s: tickets are sold to whole persons, not to "
                    "%(quantity)s. Correct the quantity and pay again.",
                    product=self.product_id.display_name,
                    quantity=f"{self.qty:g}",
                )
            )
        if round(self.qty) == 0:
            raise WindowQuantityError(
                self.env._(
                    "%(product)s: the quantity is 0. Enter the number of persons or "
                    "remove the line.",
                    product=self.product_id.display_name,
                )
            )
        if self.qty < 0 and not self.refunded_orderline_id:
            raise WindowQuantityError(
                self.env._(
                    "%(product)s: a negative quantity of tickets cannot be sold. To "
                    "take tickets back, open the order that sold them in the order "
                    "list and refund it there.",
                    product=self.product_id.display_name,
                )
            )
        if self.qty > 0 and self.refunded_orderline_id:
            raise WindowQuantityError(
                self.env._(
                    "%(product)s: the quantity of a refund must be negative.",
                    product=self.product_id.display_name,
                )
            )
        if self.price_unit < 0 or not 0 <= self.discount <= 100:
            raise WindowError(
                self.env._(
                    "%(product)s: the price of a ticket cannot be negative. Correct "
                    "the price or the discount and pay again.",
                    product=self.product_id.display_name,
                )
            )
        self._scenic_check_tax_accounts()

    def _scenic_check_tax_accounts(self):
        """Refuse a tax that Odoo books on the account of the line.

        The liability would no longer be what the tickets are worth.
        """
        # sudo: a cashier may not read how a tax is booked
        taxes_sudo = self.sudo().tax_ids_after_fiscal_position
        astray = taxes_sudo.filtered(
            lambda tax: any(
                part.repartition_type == "tax" and part.factor and not part.account_id
                for part in tax.flatten_taxes_hierarchy().invoice_repartition_line_ids
            )
        )
        if astray:
            raise WindowError(
                self.env._(
                    "%(product)s: the tax %(tax)s has no account, so its amount would "
                    "be booked as ticket money. Ask the accountant to set the account "
                    "on the tax.",
                    product=self.product_id.display_name,
                    tax=", ".join(astray.mapped("name")),
                )
            )

    def _scenic_prepare_booking_line(self, amount_untaxed, amount_total):
        """One line of the booking, at the amounts that will be posted."""
        self.ensure_one()
        return {
            "product_id": self.product_id.id,
            "quantity": round(self.qty),
            "visit_date": self._scenic_effective_visit_date(),
            "slot_id": self._scenic_effective_slot().id or None,
            "price_unit": self.price_unit,
            "amount_untaxed": amount_untaxed,
            "amount_total": amount_total,
        }

    def _scenic_effective_visit_date(self):
        """The day chosen at the window, else the day of the sale at the site."""
        self.ensure_one()
        template = self.product_id.product_tmpl_id
        if not template._pos_is_dated():
            return None
        rule = template.scenic_validity_rule_id
        if rule.mode == "fixed_date":
            return rule.date_from
        site = template.scenic_site_id.with_context(tz=template.scenic_site_id.tz)
        sold_on = fields.Datetime.context_timestamp(
            site, self.order_id.date_order or fields.Datetime.now()
        ).date()
        visit_date = self.scenic_visit_date or sold_on
        if visit_date < sold_on:
            raise WindowError(
                self.env._(
                    "%(product)s: the visit date %(date)s is over. Choose today or a "
                    "later day.",
                    product=self.product_id.display_name,
                    date=fields.Date.to_string(visit_date),
                )
            )
        return visit_date

    def _scenic_effective_slot(self):
        """The time slot chosen at the window, maybe empty.

        Whether it is of this day and site, open and free, the core decides when it
        takes the place; here is refused what the core takes from a late order.
        """
        self.ensure_one()
        # sudo: a slot is what it is, whatever the cashier may read
        slot_sudo = self.sudo().scenic_slot_id
        if not slot_sudo:
            return slot_sudo
        sold_at = self.order_id.date_order or fields.Datetime.now()
        if not self.product_id.product_tmpl_id._pos_is_dated():
            raise WindowSlotError(
                self.env._(
                    "%(product)s: this ticket is not for a day of visit and takes no "
                    "time slot. Remove the line and choose the ticket again.",
                    product=self.product_id.display_name,
                )
            )
        if slot_sudo.company_id != self.order_id.company_id:
            raise WindowSlotError(
                self.env._(
                    "%(product)s: the time slot is not for this ticket. Touch the "
                    "visit date of the ticket and choose another one.",
                    product=self.product_id.display_name,
                )
            )
        if slot_sudo.end <= sold_at:
            raise WindowSlotError(
                self.env._(
                    "%(product)s: the time slot %(slot)s is over. Touch the visit date "
                    "of the ticket and choose another one.",
                    product=self.product_id.display_name,
                    slot=slot_sudo.display_name,
                )
            )
        return slot_sudo

    # ------------------------------------------------------------
    # REFUND
    # ------------------------------------------------------------

    def _scenic_pick_refundable(self, quantity, tickets=None, lock=False):
        """What a refund of ``quantity`` persons pays back, by policy or exception.

        Highest numbers first. Raises :class:`WindowRefundError` with what the cashier
        can do when tickets are used, too late, or a group may not be torn apart.

        :param quantity: persons who paid, a positive integer. Who entered free with
            them is given back with the last of them.
        :param tickets: of this line, as superuser; None: all of it
        :param lock: also lock the tickets of the line until the transaction ends, so
            that a gate cannot use one meanwhile.
        :return: list of :class:`Pick`
        """
        self.ensure_one()
        # sudo: the cashier refunds whatever the window sold, and the rows are locked.
        line_sudo = self.sudo()
        if lock:
            line_sudo.scenic_ticket_ids._lock()
        tickets_sudo = line_sudo.scenic_ticket_ids if tickets is None else tickets
        tickets_sudo = tickets_sudo.sorted("number", reverse=True)
        free = tickets_sudo._pos_free_persons()
        free_sudo = tickets_sudo.filtered(lambda t: free[t] == t.persons)
        picks, refused, left = [], [], quantity
        for ticket_sudo in tickets_sudo - free_sudo:
            if not left:
                break
            pick = ticket_sudo._pos_pick()
            payers = pick.quote["persons"] - free[ticket_sudo]
            if pick.quote["allowed"] and payers > left:
                pick = ticket_sudo._pos_pick(left)
                payers = pick.quote["persons"]
            if pick.quote["allowed"]:
                picks.append(pick)
                left -= payers
            else:
                refused.append(pick)
        if not left:
            rest_sudo = tickets_sudo.filtered(lambda t: t.state in LIVE_STATES)
            picked_sudo = rest_sudo.browse(pick.ticket.id for pick in picks)
            if rest_sudo - free_sudo == picked_sudo:
                free_picks = [ticket_sudo._pos_pick() for ticket_sudo in free_sudo]
                picks += [pick for pick in free_picks if pick.quote["allowed"]]
            return picks
        self._scenic_raise_refused(quantity, quantity - left, refused)

    def _scenic_raise_refused(self, quantity, available, refused):
        """Say why so many persons cannot be refunded, and what can be done."""
        product = self.product_id.display_name
        # sudo: the cashier refunds whatever the window sold
        tickets = self.env["scenic.ticket"].sudo().concat(*(p.ticket for p in refused))
        torn = [pick for pick in refused if pick.persons]
        if torn:
            whole = torn[0].ticket._pos_pick().quote["persons"]
            whole -= torn[0].ticket._pos_free_persons()[torn[0].ticket]
            raise WindowRefundError(
                self.env._(
                    "%(product)s: a group ticket is refunded as a whole. Set the "
                    "quantity to %(persons)s.",
                    product=product,
                    persons=available + whole,
                )
            )
        by_policy = [p for p in refused if p.quote["code"].startswith("REFUND_")]
        if by_policy and not available:
            raise WindowRefundError(by_policy[0].quote["message"])
        if not available:
            raise WindowRefundError(
                self.env._(
                    "%(product)s: nothing to refund. All tickets of this line are "
                    "used, in use at a gate or already refunded: %(tickets)s. A used "
                    "ticket is not refunded.",
                    product=product,
                    tickets=tickets._pos_state_list(),
                )
            )
        raise WindowRefundError(
            self.env._(
                "%(product)s: only %(available)s of %(quantity)s can be refunded; "
                "the others are used or already refunded: %(tickets)s. Set the "
                "quantity to %(available)s.",
                product=product,
                available=available,
                quantity=quantity,
                tickets=tickets._pos_state_list(),
            )
        )

    def _scenic_refund_quote(self, quantity, tickets=None):
        """Answer of ``pos.order.scenic_refund_quote`` for one line; locks nothing.

        :param tickets: see :meth:`_scenic_pick_refundable`
        """
        self.ensure_one()
        try:
            if not math.isfinite(quantity) or quantity <= 0 or quantity % 1:
                raise WindowQuantityError(
                    self.env._(
                        "%(product)s: tickets are refunded to whole persons, not to "
                        "%(quantity)s. Correct the quantity.",
                        product=self.product_id.display_name,
                        quantity=f"{quantity:g}",
                    )
                )
            picks = self._scenic_pick_refundable(int(quantity), tickets)
            sums = self._scenic_refund_sums([pick.quote for pick in picks])
        except WindowError as error:
            return {"message": str(error), "extra_tax_data": False, "fee": False}
        return {
            "message": False,
            "extra_tax_data": self._scenic_refund_tax_data(int(quantity), sums),
            "fee": self._scenic_fee_text(sums),
        }

    def _scenic_refund_sums(self, quotes):
        """Add up what several tickets pay back and keep.

        :param quotes: answers of ``scenic.ticket._refund_quote``, or refunds
        """
        currency = self.currency_id
        sums = {
            name: currency.round(sum(quote[name] for quote in quotes))
            for name in ("value_total", "fee_total", "amount_untaxed", "amount_tax")
        }
        sums["amount_total"] = currency.round(
            sums["amount_untaxed"] + sums["amount_tax"]
        )
        if sums["value_total"] and not sums["amount_total"]:
            raise WindowRefundError(
                self.env._(
                    "%(product)s: the fee is the whole price, so nothing is paid back. "
                    "A supervisor can void the ticket or ask for an exception.",
                    product=self.product_id.display_name,
                )
            )
        return sums

    def _scenic_fee_text(self, sums):
        """What the cashier tells the customer before a refund that costs something."""
        if not sums["fee_total"]:
            return False
        return self.env._(
            "%(product)s: of %(value)s a fee of %(fee)s is kept and %(back)s is paid "
            "back.",
            product=self.product_id.display_name,
            value=format_amount(self.env, sums["value_total"], self.currency_id),
            fee=format_amount(self.env, sums["fee_total"], self.currency_id),
            back=format_amount(self.env, sums["amount_total"], self.currency_id),
        )

    def _scenic_check_refund_terms(self):
        """A refund gives back what was paid: same product, price, discount, taxes."""
        self.ensure_one()
        origin = self.refunded_orderline_id
        if (
            origin.company_id != self.company_id
            or origin.order_id.state not in ("paid", "done")
            or origin.product_id != self.product_id
            or origin.discount != self.discount
            or origin.tax_ids != self.tax_ids
            or origin.currency_id.compare_amounts(origin.price_unit, self.price_unit)
        ):
            raise WindowRefundError(
                self.env._(
                    "%(product)s: tickets are refunded at the price they were sold "
                    "for. Remove the line and choose it again in the order list.",
                    product=self.product_id.display_name,
                )
            )

    def _scenic_refund_tax_data(self, persons, sums):
        """What the tax engine needs to give back exactly what the tickets pay back.

        The unit price alone cannot: three tickets of one line may carry 31.45, 31.44
        and 31.44, and a fee may be kept. Called on the line that sold the tickets; the
        signs are those of a refund line (negative quantity).

        :param int persons: quantity of the refund
        :param dict sums: of :meth:`_scenic_refund_sums`
        """
        self.ensure_one()
        currency = self.currency_id
        untaxed, tax_total = sums["amount_untaxed"], sums["amount_tax"]
        company = self.order_id.company_id
        AccountTax = self.env["account.tax"]
        base_line = AccountTax._prepare_base_line_for_taxes_computation(
            self,
            currency_id=currency,
            quantity=persons,
            price_unit=self.price_unit,
            discount=self.discount,
            tax_ids=self.tax_ids_after_fiscal_position,
            extra_tax_data={},
        )
        AccountTax._add_tax_details_in_base_lines([base_line], company)
        AccountTax._round_base_lines_tax_details([base_line], company)
        taxes = {
            data["tax"].id: data["tax_amount_currency"]
            for data in base_line["tax_details"]["taxes_data"]
        }
        manual_taxes = {}
        for tax_id, amount in self._scenic_split_taxes(taxes, tax_total).items():
            amounts = {"tax_amount_currency": -amount, "tax_amount": -amount}
            if len(taxes) == 1:
                amounts.update(base_amount_currency=-untaxed, base_amount=-untaxed)
            manual_taxes[str(tax_id)] = amounts
        return {
            "currency_id": currency.id,
            "price_unit": self.price_unit,
            "discount": self.discount,
            "quantity": -persons,
            "rate": 1.0,
            "manual_total_excluded_currency": -untaxed,
            "manual_total_excluded": -untaxed,
            "manual_tax_amounts": manual_taxes,
        }

    def _scenic_split_taxes(self, taxes, total):
        """Split the tax paid back over the taxes, in proportion of what they were.

        :param dict taxes: ``{tax id: amount at the full price}``
        """
        currency = self.currency_id
        weights = [round(abs(amount) / currency.rounding) for amount in taxes.values()]
        if not taxes or not any(weights) or min(taxes.values()) < 0:
            # a withholding beside a tax has no proportion: the largest one gives way
            shares = dict(taxes)
            if shares:
                main = max(shares, key=lambda tax_id: abs(shares[tax_id]))
                shares[main] += total - sum(shares.values())
            return {tax_id: currency.round(share) for tax_id, share in shares.items()}
        units = split_units(round(total / currency.rounding), weights)
        return {
            tax_id: currency.round(unit * currency.rounding)
            for tax_id, unit in zip(taxes, units, strict=True)
        }

    def _prepare_base_line_for_taxes_computation(self):
        base_line = super()._prepare_base_line_for_taxes_computation()
        # sudo: whether tickets were paid back decides, not who asks.
        if self.qty < 0 and self.sudo().scenic_refund_ids:
            AccountTax = self.env["account.tax"]
            data = self.extra_tax_data
            if base_line["quantity"] > 0:  # the order as a whole is a refund
                data = AccountTax._reverse_quantity_base_line_extra_tax_data(data)
            base_line.update(
                manual_total_excluded_currency=data["manual_total_excluded_currency"],
                manual_total_excluded=data["manual_total_excluded"],
                manual_tax_amounts=data["manual_tax_amounts"] or None,
            )
        return base_line

    def _scenic_tax_base_line(self):
        """What the amounts of this line are computed from, when it is posted.

        As in Odoo, but for a line that is sold without the account and the name that
        will be posted: no amount depends on them, and each sale would wait for them.
        """
        self.ensure_one()
        line = self.with_context(linked_to_pos=True)
        order = line.order_id
        if order.amount_total < 0 or line.qty < 0 or line.price_unit < 0:
            return line._prepare_base_line_for_taxes_computation()
        return self.env["account.tax"]._prepare_base_line_for_taxes_computation(
            line.with_company(order.company_id),
            partner_id=order.partner_id.commercial_partner_id,
            currency_id=order.currency_id,
            rate=order.currency_rate,
            product_id=line.product_id,
            tax_ids=line.tax_ids_after_fiscal_position,
            price_unit=line.price_unit,
            quantity=line.qty,
            discount=line.discount,
            sign=-1,
        )

    # ------------------------------------------------------------
    # POINT OF SALE
    # ------------------------------------------------------------

    @api.model
    def _load_pos_data_fields(self, config):
        result = super()._load_pos_data_fields(config) + [
            "scenic_visit_date",
            "scenic_slot_id",
        ]
        if self.env.user.has_group(CASHIER_GROUP):
            result += ["scenic_ticket_ids", "scenic_refunded_ticket_ids"]
        return result
