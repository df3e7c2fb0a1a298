"""A ticket as a case at the window: what happened to it and what can be done now."""

from odoo import fields, models
from odoo.tools import format_amount, format_datetime

from odoo.addons.scenic_ticket_base.exceptions import ScenicError
from odoo.addons.scenic_ticket_base.models.scenic_booking_change import Plan

from ..exceptions import WindowChangeError

# The act that puts right what a lane refused for; the others have no remedy here.
REMEDIES = {
    **dict.fromkeys(
        (
            "BLACKOUT",
            "CLOSED_TODAY",
            "EXPIRED",
            "NOT_YET_VALID",
            "SLOT_NOT_YET",
            "SLOT_OVER",
            "TOO_LATE",
            "WRONG_DAY",
        ),
        "change",
    ),
    **dict.fromkeys(("FORGED", "MEDIUM_FROZEN", "UNKNOWN", "VOID"), "reissue"),
}


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    pos_change_line_id = fields.Many2one(
        "pos.order.line",
        string="Change Paid by",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The line of the window that took, or paid back, the difference of the "
        "last change of day or slot.",
    )

    def _pos_case(self):
        """Return this ticket as a case, in the words of the cashier.

        :return: dict of facts, ``refusal`` (of the lane, or False), ``events`` (the
            life line), ``actions``: ``{name: why not, or False}``, and ``remedy``: the
            name of the act that the refusal calls for, or False
        """
        self.ensure_one()
        self.check_access("read")
        # sudo: the right to serve was checked; origin and people of the ticket
        ticket_sudo = self.sudo()
        states = dict(self._fields["state"]._description_selection(self.env))
        moved_sudo = ticket_sudo._pos_moved_together()
        actions = ticket_sudo._pos_actions(self.env.user)
        refusal = self._pos_refusal()
        remedy = refusal and REMEDIES.get(refusal["code"])
        return {
            "id": self.id,
            "name": self.name,
            "product": ticket_sudo._product_name(),
            "product_id": self.product_id.id,
            "site": ticket_sudo.site_id.complete_name,
            "visit": self._pos_visit_text(),
            "visit_date": fields.Date.to_string(self.visit_date) or False,
            "slot_id": self.slot_id.id,
            "persons": self.persons - self.persons_refunded,
            "names": ticket_sudo._pos_names(),
            "state": self.state,
            "state_text": states[self.state],
            "order": ticket_sudo._pos_order_text(),
            "booking": self.booking_id.name,
            "moving": sum(moved_sudo.mapped("persons")),
            "price": format_amount(self.env, self.amount_total, self.currency_id),
            "issue": ticket_sudo._code("qr").issue,
            "refusal": refusal,
            "events": self._pos_events(),
            "actions": actions,
            "remedy": remedy if remedy and not actions[remedy] else False,
        }

    def _pos_order_text(self):
        """Where it was sold, and under which name a person finds that."""
        self.ensure_one()
        order = self.pos_order_line_id.order_id
        name = order.pos_reference or order.name or self.booking_id.external_ref
        return f"{self.channel_id.name} {name}"

    def _pos_refusal(self):
        self.ensure_one()
        refusal = self._last_refusal()
        if not refusal:
            return False
        time = format_datetime(
            self.env, refusal["time"], tz=self.sudo().site_id.tz, dt_format="short"
        )
        return {**refusal, "time": time}

    def _pos_events(self):
        """The life line, newest first, as the window shows it."""
        self.ensure_one()
        events = []
        for event in reversed(self._life_line()):
            day, time = self._life_time(event)
            names = ("kind", "title", "who", "where", "device", "detail", "icon")
            events.append(
                {
                    **{name: event[name] for name in names},
                    "colour": event["colour"],
                    "day": day,
                    "time": time,
                    "document": event["document"] and event["document"]["name"] or "",
                }
            )
        return events

    # ------------------------------------------------------------
    # What can be done
    # ------------------------------------------------------------

    def _pos_actions(self, user):
        """Return ``{act: why not, or False}`` of one ticket, as superuser."""
        self.ensure_one()
        return {
            "collect": self._pos_collect_refusal(),
            "change": self._pos_change_refusal(),
            "reissue": self._pos_reissue_refusal(),
            "reprint": self._pos_reissue_refusal(),
            "refund": self._pos_refund_refusal(),
            "exception": self._pos_exception_refusal(user),
        }

    def _pos_collect_refusal(self):
        if self._pos_is_due():
            return False
        return self.env._("Nothing to collect.")

    def _pos_reissue_refusal(self):
        if not self._pos_is_printable():
            return self._state_message()
        if self._pos_is_due():
            return self.env._("Collect the ticket: it was never printed here.")
        return False

    def _pos_moved_together(self):
        """The tickets that change their day with this one: those of its line."""
        self.ensure_one()
        return self.booking_line_id.ticket_ids.filtered(
            lambda t: t.state not in ("refunded", "void")
        )

    def _pos_change_refusal(self):
        """Why day and slot cannot be changed, before anybody chose another one."""
        self.ensure_one()
        line, tickets = self.booking_line_id, self._pos_moved_together()
        if not self.visit_date or not self.product_id.product_tmpl_id._pos_is_dated():
            return self.env._("This ticket is not for one day of visit.")
        if self.kind in ("member", "staff"):
            return self.env._("The period of a card is not changed here.")
        try:
            self._check_state(("valid",))
            tickets._check_state(("valid",))
            tickets._check_unused()
            plan = Plan(line, tickets, self.visit_date, self.slot_id, line.quantity)
            self.env["scenic.booking.change"]._plan_fee(plan)
        except ScenicError as error:
            return str(error)
        return False

    def _pos_prepare_change(self, visit_date, slot_id):
        """Return the change of this ticket's line, as ``scenic.booking._amend`` wants.

        :raise WindowChangeError: no such day
        """
        self.ensure_one()
        try:
            day = fields.Date.to_date(visit_date)
        except (TypeError, ValueError):
            day = None
        if not day:
            raise WindowChangeError(
                self.env._("The new day is not readable. Choose it again.")
            )
        return {
            "line_id": self.booking_line_id.id,
            "visit_date": day,
            "slot_id": slot_id or None,
        }

    def _pos_check_other_visit(self, change):
        """Refuse a change to what the ticket is for already.

        :raise WindowChangeError: CHANGE_SAME
        """
        self.ensure_one()
        now = (self.visit_date, self.slot_id.id or None)
        if now == (change["visit_date"], change["slot_id"]):
            raise WindowChangeError(
                self.env._("The ticket is for this day and time already."),
                code="CHANGE_SAME",
            )

    def _pos_change_quote(self, visit_date, slot_id):
        """Tell what another day or slot costs at the window; nothing changes.

        :return: as ``scenic.booking._amend_quote``
        :raise WindowChangeError: CHANGE_REFUSED, whatever the day
        """
        self.ensure_one()
        refusal = self._pos_change_refusal()
        if refusal:
            raise WindowChangeError(refusal, code="CHANGE_REFUSED")
        return self.booking_id._amend_quote(
            [self._pos_prepare_change(visit_date, slot_id)]
        )

    def _pos_refund_refusal(self):
        """Why the window pays nothing back for this ticket."""
        self.ensure_one()
        if not self.pos_order_line_id:
            return self.env._(
                "Sold by %(channel)s: customer service pays it back there, to the "
                "account that paid.",
                channel=self.channel_id.name,
            )
        quote = self.pos_order_line_id._scenic_ticket_quote(self)
        return quote["message"]

    def _pos_exception_refusal(self, user):
        """Why no supervisor can grant a refund beyond the policy."""
        self.ensure_one()
        if not self.pos_order_line_id:
            return self._pos_refund_refusal()
        if not self._pos_refund_refusal():
            return self.env._("The policy pays this ticket back already.")
        if self.state in ("refunded", "void", "held"):
            return self._state_message()
        if self._refund_terms()["override"] == "none":
            return self.env._("The refund policy of this ticket allows no exceptions.")
        if not self.env["scenic.window.pin"]._approvers(self, user):
            return self.env._(
                "No supervisor with a window PIN may decide on it. A supervisor sets "
                "the PIN in the menu Window, Window PIN."
            )
        return False

    # ------------------------------------------------------------
    # LIFE LINE
    # ------------------------------------------------------------

    def _life_line_events(self):
        return [
            *super()._life_line_events(),
            *self._life_line_window(
                self.pos_change_line_id.order_id, self.env._("Paid for the change")
            ),
        ]
