from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Command, Domain

from ..exceptions import (
    AgencyOrderError,
    TicketsIssuedError,
)


class SaleOrder(models.Model):
    _inherit = "sale.order"

    # Tickets
    scenic_booking_id = fields.Many2one(
        "scenic.booking",
        "Ticket Booking",
        compute="_compute_scenic_booking_id",
        search="_search_scenic_booking_id",
        help="Exists from confirmation on; it cannot be set by hand.",
    )
    scenic_ticket_count = fields.Integer(
        "Tickets", compute="_compute_scenic_ticket_count"
    )
    scenic_usage = fields.Selection(
        [("unused", "Unused"), ("part_used", "Partly Used"), ("used", "Used")],
        "Tickets Used",
        compute="_compute_scenic_ticket_count",
    )
    has_scenic_tickets = fields.Boolean(compute="_compute_has_scenic_tickets")
    scenic_visit_dates = fields.Char(
        "Visit Dates", compute="_compute_scenic_visit_dates"
    )
    # Visit
    scenic_guide_name = fields.Char("Guide", tracking=True)
    scenic_guide_phone = fields.Char("Guide Phone", tracking=True)
    scenic_remark = fields.Char("Remark of the Agency")
    # Sending the portal form
    scenic_form_token = fields.Char(
        "Form Token",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Sent with the portal's order form: the same form makes one order only.",
    )

    _scenic_form_token_uniq = models.UniqueIndex(
        "(partner_id, scenic_form_token) WHERE scenic_form_token IS NOT NULL",
        "This order form was already sent.",
    )

    # === COMPUTE === #

    def _compute_scenic_booking_id(self):
        # sudo: sellers and portal users see the link even without booking rights
        bookings_sudo = (
            self.env["scenic.booking"]
            .sudo()
            .search([("sale_order_id", "in", self._origin.ids)])
        )
        by_order = {booking.sale_order_id.id: booking for booking in bookings_sudo}
        none = self.env["scenic.booking"]
        for order in self:
            booking_sudo = by_order.get(order._origin.id, none)
            order.scenic_booking_id = booking_sudo.sudo(False)

    def _search_scenic_booking_id(self, operator, value):
        if operator not in ("in", "not in"):
            return NotImplemented
        if False in value:
            # sudo: only whether there is a booking
            linked = (
                self.env["scenic.booking"]
                .sudo()
                ._search([("sale_order_id", "!=", False)])
            )
            orders = linked.subselect("sale_order_id")
            with_booking = Domain("id", "in", orders)
            rest = [item for item in value if item]
            domain = ~with_booking
            if rest:
                domain |= self._search_scenic_booking_id("in", rest)
            return domain if operator == "in" else ~domain
        # sudo: sellers need no right on bookings to find the orders of some
        bookings = self.env["scenic.booking"].sudo().browse(value)
        domain = Domain("id", "in", bookings.exists().sale_order_id.ids)
        return domain if operator == "in" else ~domain

    @api.depends("scenic_booking_id")
    def _compute_scenic_ticket_count(self):
        # sudo: plain counts beside the order the user may read
        groups = (
            self.env["scenic.ticket"]
            .sudo()
            ._read_group(
                [("booking_id", "in", self.scenic_booking_id.ids)],
                ["booking_id", "state"],
                ["__count"],
            )
        )
        counts = defaultdict(dict)
        for booking, state, count in groups:
            counts[booking.id][state] = count
        for order in self:
            states = counts[order.scenic_booking_id.id]
            order.scenic_ticket_count = sum(states.values())
            if not states:
                order.scenic_usage = False
            elif set(states) == {"used"}:
                order.scenic_usage = "used"
            elif {"used", "part_used"} & set(states):
                order.scenic_usage = "part_used"
            else:
                order.scenic_usage = "unused"

    @api.depends("order_line.scenic_visit_date")
    def _compute_scenic_visit_dates(self):
        for order in self:
            days = sorted(
                {day for day in order.order_line.mapped("scenic_visit_date") if day}
            )
            order.scenic_visit_dates = " – ".join(
                fields.Date.to_string(day)
                for day in dict.fromkeys(days[:1] + days[-1:])
            )

    @api.depends("order_line.is_scenic_ticket")
    def _compute_has_scenic_tickets(self):
        for order in self:
            order.has_scenic_tickets = any(order.order_line.mapped("is_scenic_ticket"))

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        # Confirmed by a write of its own once the lines are there: see write()
        confirmed = [vals.get("state") == "sale" for vals in vals_list]
        orders = super().create(
            [
                {**vals, "state": "draft"} if is_confirmed else vals
                for vals, is_confirmed in zip(vals_list, confirmed, strict=True)
            ]
        )
        for order, is_confirmed in zip(orders, confirmed, strict=True):
            if is_confirmed:
                order.write({"state": "sale"})
        return orders

    def write(self, vals):
        # Who may not write gets no other answer, whatever the order holds
        self.check_access("write")
        issued = self.filtered("scenic_booking_id")
        if issued:
            issued._scenic_check_write(vals)
        result = super().write(vals)
        if vals.get("state") == "sale":
            self._scenic_issue()
        return result

    def _scenic_check_write(self, vals):
        """Refuse what would part an order from the tickets issued for it."""
        names = ("partner_id", "company_id", "name", "scenic_form_token")
        for order in self:
            for name in names:
                value = order[name]
                if hasattr(value, "_ids"):
                    value = value.id
                if name in vals and (vals[name] or False) != (value or False):
                    raise TicketsIssuedError(
                        self.env._(
                            "%(order)s has issued tickets: its %(field)s is fixed. "
                            "Cancel the order and place a new one.",
                            order=order.name,
                            field=self._fields[name]._description_string(self.env),
                        )
                    )
            state = vals.get("state", order.state)
            if state == order.state:
                continue
            # sudo: the seller needs no right on bookings to cancel an order
            if state != "cancel" or order.scenic_booking_id.sudo().state != "cancelled":
                raise TicketsIssuedError(
                    self.env._(
                        "%(order)s has issued tickets. It can only be cancelled, with "
                        "the button; for new tickets duplicate the order.",
                        order=order.name,
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_tickets(self):
        for order in self:
            if order.scenic_booking_id:
                raise TicketsIssuedError(
                    self.env._(
                        "%(order)s has issued tickets and cannot be deleted.",
                        order=order.name,
                    )
                )

    # === ACTIONS === #

    def action_view_scenic_tickets(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_ticket_action"
        )
        action["domain"] = [("booking_id", "=", self.scenic_booking_id.id)]
        action["context"] = {}
        return action

    def action_draft(self):
        for order in self:
            if order.scenic_booking_id:
                raise TicketsIssuedError(
                    self.env._(
                        "The tickets of %(order)s were issued and refunded: duplicate "
                        "the order to sell again.",
                        order=order.name,
                    )
                )
        return super().action_draft()

    def _confirmation_error_message(self):
        message = super()._confirmation_error_message()
        if not message:
            self._scenic_check()
        return message

    def _action_cancel(self):
        """Cancel the tickets with the order, or refuse both."""
        for order in self:
            if order.scenic_booking_id and order.state == "sale":
                order._scenic_refund()
        return super()._action_cancel()

    # === ISSUE AND REFUND === #

    def _scenic_ticket_lines(self):
        return self.order_line.filtered("is_scenic_ticket")

    def _scenic_check(self):
        """Check that the tickets of this order can be issued.

        :raise AgencyOrderError: with the code of the first reason against it
        """
        self.ensure_one()
        lines = self._scenic_ticket_lines()
        if lines and self.currency_id != self.company_id.currency_id:
            raise AgencyOrderError(
                self.env._(
                    "Tickets are sold in %(currency)s: choose a pricelist in that "
                    "currency.",
                    currency=self.company_id.currency_id.name,
                ),
                code="CURRENCY",
            )
        agency = self.partner_id._scenic_agency()
        for line in lines:
            line._scenic_check_line()
            if agency:
                line._scenic_check_grant(agency)

    def _scenic_issue(self):
        """Invoice and issue the tickets of the confirmed orders among `self`.

        Bound to the state itself, so that no way of confirming leaves a ticket line
        without its tickets: all in the caller's transaction, or an error.
        """
        for order in self:
            if (
                order.state != "sale"
                or not order._scenic_ticket_lines()
                or order.scenic_booking_id
            ):
                continue
            order._scenic_check()
            order._scenic_issue_one()

    def _scenic_issue_one(self):
        self.ensure_one()
        lines = self._scenic_ticket_lines()
        # sudo: sellers and agencies have no accounting rights; the invoice is the one
        # Odoo derives from this very order
        order_sudo = self.sudo().with_company(self.company_id)
        invoice_sudo = order_sudo._create_invoices(final=True)
        invoice_sudo.invoice_date = lines[0].product_id.product_tmpl_id._scenic_today()
        invoice_sudo.action_post()
        amounts = invoice_sudo._scenic_ticket_amounts()
        # sudo: bookings are written by no one but these calls
        Booking = self.env["scenic.booking"].sudo()
        booking_sudo = Booking._hold(
            "agency",
            self.name,
            [line._prepare_scenic_booking_line(*amounts[line.id]) for line in lines],
            partner=self.partner_id.commercial_partner_id,
            company=self.company_id,
        )
        if booking_sudo.sale_order_id or booking_sudo.state != "held":
            raise TicketsIssuedError(
                self.env._("%(order)s already has its tickets.", order=self.name)
            )
        booking_sudo.sale_order_id = self
        booking_lines_sudo = booking_sudo.line_ids.sorted("id")
        for line, booking_line_sudo in zip(lines, booking_lines_sudo, strict=True):
            booking_line_sudo.sale_line_id = line
        self.invalidate_recordset(["scenic_booking_id"])
        booking_sudo._confirm()

    def action_scenic_refund_unused(self):
        """Credit what the refund policy pays back of this order; the rest stays valid.

        The unused persons of a group, the unused parts of a combo, the unused tickets.
        """
        self.ensure_one()
        self.check_access("write")
        # sudo: the right to cancel the order carries the refund of its unused tickets
        tickets_sudo = self.scenic_booking_id.sudo().ticket_ids
        refundable_sudo = tickets_sudo.filtered(
            lambda ticket: ticket._refund_quote()["allowed"]
        )
        if not refundable_sudo:
            raise TicketsIssuedError(
                self.env._(
                    "%(order)s: the refund policy pays nothing back of these tickets.",
                    order=self.name,
                ),
                code="NOTHING_TO_REFUND",
            )
        reason = self.env._(
            "Unused tickets of %(order)s credited by %(user)s",
            order=self.name,
            user=self.env.user.name,
        )
        self._scenic_credit(refundable_sudo, reason)

    def _scenic_refund(self):
        """Take the order's tickets back and post the credit note, or refuse both."""
        self.ensure_one()
        # sudo: the right to cancel the order carries the refund of its unused tickets
        booking_sudo = self.scenic_booking_id.sudo()
        reason = self.env._(
            "Order %(order)s cancelled by %(user)s",
            order=self.name,
            user=self.env.user.name,
        )
        tickets_sudo = booking_sudo.ticket_ids.filtered(lambda t: t.state != "refunded")
        self._scenic_credit(tickets_sudo, reason, whole=True)
        booking_sudo._cancel(reason)

    def _scenic_credit(self, tickets_sudo, reason, whole=False):
        """Refund tickets of this order and post the credit note that pays them back.

        What the policy keeps as a fee is not credited.

        :param bool whole: credit what else the order invoiced, too
        :return: the credit notes
        """
        self.ensure_one()
        # sudo: sellers have no accounting rights; the note is made of the refunds
        order_sudo = self.sudo().with_company(self.company_id)
        lines_sudo = order_sudo._scenic_ticket_lines()
        invoices_sudo = lines_sudo.invoice_lines.move_id.filtered(
            lambda move: move.move_type == "out_invoice" and move.state == "posted"
        )
        notes_sudo = self.env["account.move"].sudo()
        today = lines_sudo[0].product_id.product_tmpl_id._scenic_today()
        for invoice_sudo in invoices_sudo:
            note_sudo = invoice_sudo._reverse_moves(
                [{"ref": reason, "invoice_date": today, "date": today}]
            )
            refunds_sudo = self.env["scenic.refund"].sudo()
            if tickets_sudo:
                refunds_sudo = tickets_sudo._refund(
                    self.name, reason, credit_note_id=note_sudo.id
                ).sudo()
            note_sudo._scenic_fit_refunds(refunds_sudo, whole)
            if note_sudo.invoice_line_ids:
                note_sudo.action_post()
                invoice_sudo._scenic_settle(note_sudo)
                notes_sudo |= note_sudo
            else:
                note_sudo.unlink()
        return notes_sudo

    # === PORTAL ORDER === #

    @api.model
    def _prepare_scenic_order_values(self, agency, items, **details):
        """Values of an agency's order.

        :param agency: the agency's company contact
        :param items: list of (product, persons, visit date or False)
        :param details: further values of the order
        """
        return {
            "partner_id": agency.id,
            "company_id": self.env.company.id,
            "require_signature": False,
            "require_payment": False,
            "order_line": [
                Command.create(
                    {
                        "product_id": product.id,
                        "product_uom_qty": quantity,
                        "scenic_visit_date": visit_date,
                    }
                )
                for product, quantity, visit_date in items
            ],
            **details,
        }

    def _scenic_same_request(self, items):
        """Whether this order was made from exactly these (product, persons, date)."""
        self.ensure_one()

        def _key(product, quantity, visit_date):
            return (product.id, int(quantity), visit_date or None)

        return sorted(_key(*item) for item in items) == sorted(
            _key(line.product_id, line.product_uom_qty, line.scenic_visit_date)
            for line in self._scenic_ticket_lines()
        )

    # === PORTAL PRICES === #

    @api.model
    def _scenic_quote_products(self, agency, grants, visit_date):
        """What each granted product costs the agency for a visit on `visit_date`.

        Prices come from an order that is never saved, so that they cannot differ
        from those of the real one.

        :return: list of dicts, one per product, in the order of the grants:
            product, least (fewest persons), first and last orderable day, orderable
            (on this date), tiers [(from persons, price with taxes)]
        """
        pricelist = agency.property_product_pricelist
        items, owners, rows = [], [], []
        for template in grants.product_tmpl_id:
            today = template._scenic_today()
            own = grants.filtered(
                lambda grant, template=template: grant.product_tmpl_id == template
            )
            needs_date = template._scenic_needs_visit_date()
            on_day = visit_date if needs_date else today
            windows = [grant._window(today) for grant in own]
            fitting = own._covering(on_day)
            least = min((fitting or own).mapped("min_quantity"))
            for product in template.product_variant_ids:
                row = {
                    "product": product,
                    "needs_visit_date": needs_date,
                    "least": least,
                    "first": min(first for first, _last in windows),
                    "last": max(last for _first, last in windows),
                    "orderable": bool(fitting),
                    "tiers": [],
                }
                rows.append(row)
                rules = pricelist._get_applicable_rules(
                    product, template._scenic_price_datetime(on_day)
                )
                steps = {least} | {
                    int(rule.min_quantity)
                    for rule in rules
                    if rule.min_quantity > least
                }
                for step in sorted(steps):
                    items.append((product, step, visit_date if needs_date else False))
                    owners.append(row)
        if not items:
            return rows
        order = self.new(self._prepare_scenic_order_values(agency, items))
        for line, row in zip(order.order_line, owners, strict=True):
            price = line._scenic_unit_price_taxed()
            if not row["tiers"] or row["tiers"][-1][1] != price:
                row["tiers"].append((int(line.product_uom_qty), price))
        return rows

    @api.model
    def _scenic_quote_total(self, agency, items):
        """What an order of `items` would cost.

        :param items: list of (product, persons, visit date or False)
        :return: (total with taxes, [(unit price with taxes, line total)] per item)
        """
        if not items:
            return 0.0, []
        order = self.new(self._prepare_scenic_order_values(agency, items))
        return order.amount_total, [
            (line._scenic_unit_price_taxed(), line.price_total)
            for line in order.order_line
        ]
