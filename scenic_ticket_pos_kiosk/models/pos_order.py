from odoo import fields, models

from odoo.addons.scenic_ticket_base.exceptions import BookingConflictError
from odoo.addons.scenic_ticket_pos.models.pos_order import PAID_STATES

from ..exceptions import KioskError


class PosOrder(models.Model):
    _inherit = "pos.order"

    def write(self, vals):
        # Odoo's kiosk calls an order with nothing to pay "paid" and settles it then;
        # one with tickets is paid when it is settled.
        if (
            vals.get("state") == "paid"
            and self.env.context.get("scenic_self_order")
            and any(line._scenic_lacks_tickets() for line in self.lines)
        ):
            vals = {**vals, "state": "draft"}
        result = super().write(vals)
        if vals.get("state") == "cancel":
            self._scenic_release()
        return result

    # ------------------------------------------------------------
    # Places
    # ------------------------------------------------------------

    def _scenic_hold_kiosk(self):
        """Keep the places of an order before its money is taken, and say what it costs.

        Nobody is there to give money back when the places are gone.

        :raise ScenicError: it cannot be sold as asked
        """
        self.ensure_one()
        self = self.with_company(self.company_id)
        lines = self.lines.filtered(lambda line: line._scenic_is_ticket())
        if self.state in PAID_STATES:
            return
        if not lines:
            self._scenic_release()
            return
        self._scenic_check_cashier()
        for line in lines:
            line._scenic_check_settleable()
        amounts = self._scenic_posted_amounts()
        order_sudo = self.sudo()  # sudo: what was sent is made anew, not trusted
        total = sum(total for _untaxed, total in amounts.values())
        untaxed = sum(untaxed for untaxed, _total in amounts.values())
        order_sudo.amount_total = self.currency_id.round(total)
        order_sudo.amount_tax = self.currency_id.round(total - untaxed)
        order_sudo.scenic_booking_id = self._scenic_hold(lines, amounts)

    def _scenic_hold(self, lines, amounts, confirm=False):
        held_sudo = self._scenic_held()
        try:
            return super()._scenic_hold(lines, amounts, confirm)
        except BookingConflictError:
            if not held_sudo:
                raise
        # the order was changed: what it held goes first, it may be the last place
        held_sudo._cancel(self.env._("Changed at the kiosk"))
        return super()._scenic_hold(lines, amounts, confirm)

    def _scenic_booking_ref(self):
        """Name the order as it stands on the paper, so that the window finds it."""
        if self.config_id.self_ordering_mode != "kiosk":
            return super()._scenic_booking_ref()
        held_sudo = self._scenic_held()
        if held_sudo:
            return held_sudo.external_ref
        # sudo: as in :meth:`_scenic_held`; a name is used once
        before_sudo = self.sudo().scenic_booking_id
        if before_sudo:
            return f"{self.pos_reference}/{before_sudo.id}"
        return self.pos_reference

    def _scenic_held(self):
        """Return the booking that keeps the places, as superuser; maybe none."""
        # sudo: whether there is one, for whoever asks
        return self.sudo().scenic_booking_id.filtered(
            lambda booking: (
                booking.state == "held" and booking.held_until > fields.Datetime.now()
            )
        )

    def _scenic_release(self):
        """Give up the places of orders that nobody will pay."""
        for order in self:
            held_sudo = order._scenic_held()
            if held_sudo:
                held_sudo._cancel(self.env._("Cancelled at the kiosk"))

    # ------------------------------------------------------------
    # Kiosk
    # ------------------------------------------------------------

    def _scenic_check_kiosk_owner(self, config, access_token):
        """Check that an order that is there already is of this kiosk and client.

        :param config: the ``pos.config`` of the kiosk
        :param access_token: as sent; a client that lost the first answer has none, and
            knows its order by the uuid that it made up
        :raise KioskError: it is not
        """
        if self and (
            self.config_id != config
            or (
                access_token
                and not config._scenic_is_token(self.access_token, access_token)
            )
        ):
            config._scenic_raise_unknown()

    def _scenic_kiosk_tickets(self):
        """Return the tickets of a paid order for the printer of the kiosk, once.

        :return: ``{model: rows}`` as the kiosk loads them
        :raise KioskError: KIOSK_UNPAID, or KIOSK_PRINTED: a paper is out already
        """
        self.ensure_one()
        if self.state not in PAID_STATES:
            raise KioskError(
                self.env._(
                    "Order %(order)s is not paid yet.", order=self.pos_reference
                ),
                code="KIOSK_UNPAID",
            )
        tickets_sudo = self._scenic_tickets()
        tickets_sudo._lock()
        if tickets_sudo.collection_ids or any(tickets_sudo.mapped("print_count")):
            raise KioskError(
                self.env._(
                    "The tickets of order %(order)s were printed already. If a paper "
                    "is missing, go to the window with this number.",
                    order=self.pos_reference,
                ),
                code="KIOSK_PRINTED",
            )
        # what is handed out here is not collected at the window once more
        self.env["scenic.collection"]._record(
            tickets_sudo, self.config_id.name, self.uuid
        )
        tickets = self.scenic_count_ticket_print()
        slots_sudo = tickets_sudo.slot_id
        return {
            "scenic.slot": slots_sudo._load_pos_data_read(slots_sudo, self.config_id),
            "pos.order.line": self.lines._load_pos_self_data_read(
                self.lines, self.config_id
            ),
            **tickets,
        }
