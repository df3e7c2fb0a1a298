from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import fields, models

from ..exceptions import ClosureError
from .scenic_booking_change import FREE_CHANGE


class ScenicClosureLine(models.Model):
    _name = "scenic.closure.line"
    _description = "Booking Concerned by a Closure"
    _order = "closure_id, id"
    _rec_name = "booking_line_id"

    closure_id = fields.Many2one(
        "scenic.closure", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    booking_line_id = fields.Many2one(
        "scenic.booking.line",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    booking_id = fields.Many2one(
        "scenic.booking", required=True, readonly=True, index=True, ondelete="restrict"
    )
    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    channel_id = fields.Many2one(
        "scenic.channel", required=True, readonly=True, index=True, ondelete="restrict"
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", readonly=True, index="btree_not_null"
    )
    ticket_count = fields.Integer(string="Tickets", required=True, readonly=True)
    persons = fields.Integer(required=True, readonly=True)
    amount_total = fields.Monetary(
        string="Value without Tax",
        required=True,
        readonly=True,
        help="Untaxed price of what the closure takes away, when it was listed.",
    )
    choice = fields.Selection(
        [
            ("refund", "Money back"),
            ("rebook", "Another date"),
            ("voucher", "Voucher"),
            ("none", "Nothing yet"),
        ],
        string="Gets",
        required=True,
        default="refund",
    )
    new_date = fields.Date(string="Other Date")
    new_slot_id = fields.Many2one(
        "scenic.slot",
        string="Other Time Slot",
        index="btree_not_null",
        ondelete="restrict",
        domain="[('date', '=', new_date)]",
    )
    state = fields.Selection(
        [("todo", "To Do"), ("done", "Done"), ("failed", "Failed")],
        required=True,
        readonly=True,
        default="todo",
        index=True,
    )
    message = fields.Char(string="Result", readonly=True)

    _one_line = models.Constraint(
        "UNIQUE (closure_id, booking_line_id)", "This booking is listed already."
    )

    def write(self, vals):
        self.check_access("write")
        if not self.env.su:
            allowed = {"choice", "new_date", "new_slot_id"}
            if vals.keys() - allowed or any(
                line.closure_id.state != "open" or line.state != "todo" for line in self
            ):
                raise ClosureError(
                    self.env._("This line cannot be changed any more."),
                    code="CLOSURE_STATE",
                )
        return super().write(vals)

    def _tickets(self):
        """Return the living tickets of these lines that the closure concerns."""
        tickets = self.env["scenic.ticket"]
        for line in self:
            tickets |= line._rights().ticket_id
        return tickets

    def _rights(self):
        """Return what the closure takes away from the tickets of one line."""
        self.ensure_one()
        site = self.closure_id.site_id
        return self.booking_line_id.ticket_ids.filtered(
            lambda t: t.state in ("valid", "part_used", "frozen", "expired")
        ).entitlement_ids.filtered(
            lambda right: (
                right.site_id.parent_path.startswith(site.parent_path)
                and right._slots().free
            )
        )

    def _check_choice(self):
        """Check that it is known what the customer gets.

        :raise ClosureError:
        """
        self.ensure_one()
        if self.choice == "rebook" and not self.new_date:
            raise ClosureError(
                self.env._(
                    "Booking %(booking)s: please choose the other date.",
                    booking=self.booking_id.name,
                ),
                code="CLOSURE_DATE",
            )

    # ------------------------------------------------------------------
    # Apply
    # ------------------------------------------------------------------

    def _apply(self):
        """Give one customer what was chosen, and tell him by e-mail.

        :raise ScenicError: it is not possible; nothing was changed
        """
        self.ensure_one()
        rights = self._rights()
        tickets = rights.ticket_id
        reason = self.closure_id._text()
        message = self.env._("Nothing was done.")
        if tickets:
            tickets._lock()
            tickets._check_not_reserved()
            message = getattr(self, f"_apply_{self.choice}")(tickets, rights, reason)
        self.write({"state": "done", "message": message})
        if self.choice != "none" and self.partner_id.email:
            self.env.ref("scenic_ticket_base.mail_template_closure").send_mail(self.id)

    def _apply_none(self, tickets, rights, reason):
        return self.env._("Nothing was done.")

    def _apply_refund(self, tickets, rights, reason):
        """Note what is owed; the channel's document pays it back at once if it can."""
        rights.write({"refund_due": True})
        tickets._write_quiet({"refund_due": "closure", "breakage_at": False})
        tickets._log(reason)
        self.env["scenic.audit"]._log(
            "ticket_change", tickets, reason=reason, after={"refund_due": "closure"}
        )
        documents = tickets._pay_back_due(reason)
        if documents:
            return self.env._("Paid back by %(documents)s", documents=documents)
        return self.env._("Refund due: to be collected where it was bought")

    def _apply_rebook(self, tickets, rights, reason):
        """Move the whole booking line, free of fee and not counted as a change."""
        line = self.booking_line_id
        change = {
            "line_id": line.id,
            "visit_date": self.new_date,
            "slot_id": self.new_slot_id.id or None,
            "price_unit": line.price_unit,
        }
        living = line.ticket_ids.filtered(lambda t: t.state not in ("refunded", "void"))
        for name in ("amount_untaxed", "amount_total"):
            change[name] = line.currency_id.round(sum(living.mapped(name)))
        booking = self.booking_id.with_context(scenic_free_change=FREE_CHANGE)
        booking._amend([change], reason)
        return self.env._(
            "Moved to %(date)s", date=fields.Date.to_string(self.new_date)
        )

    def _apply_voucher(self, tickets, rights, reason):
        """Let the tickets be used on any day for some time from today on."""
        line = self.booking_line_id
        tickets._check_state(("valid", "part_used"))
        site = tickets[0].site_id
        days = self.closure_id.voucher_days
        today = fields.Date.context_today(self.with_context(tz=site.tz))
        zone = ZoneInfo(site.tz)
        end = fields.Datetime.to_datetime(today + timedelta(days=days))
        valid_to = end.replace(tzinfo=zone).astimezone(ZoneInfo("UTC"))
        self.env["scenic.capacity.pool"]._move(line, None)
        line.write({"visit_date": False, "slot_id": False})
        tickets._write_quiet(
            {
                "visit_date": False,
                "slot_id": False,
                "date_first": today,
                "span_days": days,
                "days_added": 0,
            }
        )
        rights.write(
            {
                "valid_from": fields.Datetime.now(),
                "valid_to": valid_to.replace(tzinfo=None),
            }
        )
        line.holder_ids._move()
        tickets._reissue(reason)
        tickets._log(reason)
        self.env["scenic.audit"]._log(
            "ticket_change", tickets, reason=reason, after={"voucher_days": days}
        )
        return self.env._(
            "Voucher until %(date)s",
            date=fields.Date.to_string(today + timedelta(days=days - 1)),
        )
