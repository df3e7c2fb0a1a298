from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import format_amount

CASHIER_GROUP = "scenic_ticket_base.group_scenic_cashier"


class Pick(NamedTuple):
    """A ticket that a refund at the window takes back.

    persons: so many of a group; None: all that is left, or what the exception says
    quote: what ``scenic.ticket._refund_quote`` says
    """

    ticket: models.Model
    persons: int | None
    override: models.Model
    quote: dict


class ScenicTicket(models.Model):
    _name = "scenic.ticket"
    _inherit = ["scenic.ticket", "pos.load.mixin"]

    pos_order_line_id = fields.Many2one(
        "pos.order.line",
        string="Sold by",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The paid line of the window that this ticket belongs to.",
    )
    pos_order_id = fields.Many2one(
        related="pos_order_line_id.order_id", string="Window Order"
    )
    pos_refund_line_id = fields.Many2one(
        "pos.order.line",
        string="Refunded by",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The line of the refund order that paid this ticket back.",
    )
    # What admits: never stored, and only for those who hand tickets out.
    pos_qr_token = fields.Char(
        string="QR Text", compute="_compute_pos_codes", groups=CASHIER_GROUP
    )
    pos_barcode_number = fields.Char(
        string="Barcode Number", compute="_compute_pos_codes", groups=CASHIER_GROUP
    )

    def _compute_pos_codes(self):
        printable = self.filtered(lambda ticket: ticket._pos_is_printable())
        tokens, numbers = printable._qr_tokens(), printable._barcode_numbers()
        for ticket in self:
            ticket.pos_qr_token = tokens.get(ticket.id)
            ticket.pos_barcode_number = numbers.get(ticket.id)

    def _pos_is_printable(self):
        """Whether the ticket may still admit somebody, so that a code is of use."""
        self.ensure_one()
        return self.state in ("valid", "part_used")

    def _scenic_mail_picture(self):
        """Return the name of the picture of the code in an e-mail."""
        self.ensure_one()
        return f"ticket-{self.name}.png"

    # ------------------------------------------------------------
    # POINT OF SALE
    # ------------------------------------------------------------

    @api.model
    def _load_pos_data_domain(self, data, config):
        # Tickets come with their orders (pos.order.read_pos_data), never in bulk.
        return False

    @api.model
    def _load_pos_data_fields(self, config):
        result = [
            "name",
            "site_id",
            "persons",
            "visit_date",
            "slot_id",
            "date_first",
            "span_days",
            "state",
            "print_count",
            "pos_order_line_id",
            "pos_refund_line_id",
            "pos_change_line_id",
            "write_date",
        ]
        if self.env.user.has_group(CASHIER_GROUP):
            result += ["pos_qr_token", "pos_barcode_number"]
        return result

    def _pos_pick(self, persons=None):
        """What a refund of this ticket at the window would pay back.

        An exception that two persons agreed to goes before the policy.

        :param int persons: so many persons of a group; None: all that is left
        :return: :class:`Pick`
        """
        self.ensure_one()
        override = self.env["scenic.refund.override"]
        quote = self._refund_quote(persons=persons)
        if any(self.entitlement_ids.mapped("entries_reserved")):
            quote.update(allowed=False, code="TICKET_RESERVED")
        elif not quote["allowed"]:
            # sudo: whether there is an exception, for whoever may refund the ticket
            override = override.sudo().search(
                [
                    ("ticket_id", "=", self.id),
                    ("state", "=", "approved"),
                    ("valid_until", ">", fields.Datetime.now()),
                ],
                limit=1,
            )
            granted = override and self._refund_quote(override=override)
            if granted and persons in (None, granted["persons"]):
                quote = granted
            else:
                override = override.browse()
        return Pick(self, persons if not override else None, override, quote)

    def _pos_free_persons(self):
        """Return how many persons of each of these tickets of one line paid nothing.

        With a ticket each they are those at no price, the last of them first.

        :return: dict of the tickets to numbers of persons
        """
        free = sum(self.booking_line_id.mapped("free_persons"))
        if len(self) == 1:
            return {self: free}
        last = self.sorted(lambda t: (not t.amount_total, t.number))[len(self) - free :]
        return {ticket: int(ticket in last) for ticket in self}

    def _pos_state_list(self, limit=5):
        """``0000000012 (Used), …``: enough for the cashier to name them."""
        states = dict(self._fields["state"]._description_selection(self.env))
        names = [f"{ticket.name} ({states[ticket.state]})" for ticket in self[:limit]]
        if len(self) > limit:
            names.append("…")
        return ", ".join(names)

    # ------------------------------------------------------------
    # LIFE LINE
    # ------------------------------------------------------------

    def _life_line_events(self):
        return [
            *super()._life_line_events(),
            *self._life_line_window(self.pos_order_line_id.order_id),
            *self._life_line_window(
                self.pos_refund_line_id.order_id, self.env._("Paid back")
            ),
        ]

    def _life_line_window(self, order, title=""):
        """Return how an order was paid and booked; ``title`` if it pays back."""
        for payment in order.payment_ids:
            amount = format_amount(self.env, payment.amount, order.currency_id)
            yield self._life_event(
                "paid",
                payment.payment_date,
                title=title,
                who=order.user_id,
                where=order.config_id.name,
                device=order.session_id.name,
                document=order,
                detail=f"{payment.payment_method_id.name}: {amount}",
                secret=True,
            )
        invoice = order.account_move
        if invoice:
            yield self._life_event(
                "invoiced",
                invoice.create_date,
                who=invoice.create_uid,
                where=order.config_id.name,
                document=invoice,
            )
        session = order.session_id
        if session.stop_at and session.move_id:
            yield self._life_event(
                "settled",
                session.stop_at,
                title=self.env._("Session booked"),
                who=session.user_id,
                where=order.config_id.name,
                device=session.name,
                document=session.move_id,
            )
