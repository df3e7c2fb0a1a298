from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models

from ..exceptions import RevenueError
from ..tools.entry_slots import Slots
from .product_template import REVENUE_TRIGGERS


class ScenicEntitlement(models.Model):
    _name = "scenic.entitlement"
    _description = "Ticket Entitlement"
    _inherit = ["scenic.bulk"]
    _order = "ticket_id, id"

    ticket_id = fields.Many2one(
        "scenic.ticket", required=True, readonly=True, index=True, ondelete="restrict"
    )
    component_id = fields.Many2one(
        "scenic.ticket.component",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    site_id = fields.Many2one(
        "scenic.site", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="ticket_id.company_id", store=True, index=True)
    entries_total = fields.Integer(required=True, readonly=True)
    # required: in a CHECK and in the arithmetic of a gate NULL would let all pass
    entries_reserved = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        help="Granted to a lane, not passed yet.",
    )
    entries_used = fields.Integer(required=True, readonly=True, default=0)
    entries_left = fields.Integer(
        compute="_compute_entries_left", help="Neither used nor reserved."
    )
    entries_refunded = fields.Integer(required=True, readonly=True, default=0)
    unlimited = fields.Boolean(readonly=True)
    daily_entries = fields.Integer(
        string="Entries per Day", required=True, readonly=True, default=0
    )
    validity_rule_id = fields.Many2one(
        "scenic.validity.rule",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="Whose blackout dates apply.",
    )
    weekdays = fields.Integer(
        required=True,
        readonly=True,
        default=127,
        aggregator=None,
        help="Days of the week on which the gate admits, Monday 1, Tuesday 2, "
        "Wednesday 4 and so on, added up.",
    )
    minute_from = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        aggregator=None,
        help="From which minute of the day the gate admits, by the clock of the site.",
    )
    minute_to = fields.Integer(
        required=True,
        readonly=True,
        default=1440,
        aggregator=None,
        help="From which minute of the day the gate does not admit any more.",
    )
    valid_from = fields.Datetime(required=True, readonly=True)
    valid_to = fields.Datetime(
        string="Valid Before", required=True, readonly=True, index=True
    )
    currency_id = fields.Many2one(related="ticket_id.currency_id")
    amount = fields.Monetary(
        string="Untaxed Amount",
        required=True,
        readonly=True,
        help="Part of the ticket price without tax, fixed at sale.",
    )
    amount_refunded = fields.Monetary(
        string="Amount Paid Back",
        required=True,
        readonly=True,
        default=0,
        help="Part of the untaxed amount that was paid back.",
    )
    entries_repaid = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        help="Used entries whose price was paid back by way of exception.",
    )
    entries_lapsed = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        help="Unused entries whose price became revenue when the right lapsed.",
    )
    refund_due = fields.Boolean(
        readonly=True,
        help="What is left of it is owed to the customer, whatever the policy says.",
    )
    revenue_trigger = fields.Selection(
        REVENUE_TRIGGERS,
        string="Revenue Earned by",
        required=True,
        readonly=True,
        default="admission",
        help="As the product had it at the sale.",
    )
    days_recognised = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        aggregator=None,
        help="Days of the validity that earned their part.",
    )
    recognised_until = fields.Date(
        readonly=True, help="Last day that earned its part, or on which it was frozen."
    )
    entries_recognised = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        help="Entries whose revenue was recognised.",
    )
    amount_recognised = fields.Monetary(
        string="Recognised", required=True, readonly=True, default=0
    )

    _entries = models.Constraint(
        "CHECK (entries_used >= 0 AND entries_reserved >= 0 AND entries_total > 0 "
        "AND entries_refunded >= 0 AND (unlimited IS TRUE OR "
        "entries_used + entries_reserved + entries_refunded <= entries_total))",
        "More entries used than the ticket has.",
    )
    _recognised = models.Constraint(
        "CHECK (entries_recognised BETWEEN 0 AND entries_total "
        "AND entries_repaid BETWEEN 0 AND entries_total "
        "AND entries_lapsed BETWEEN 0 AND entries_total)",
        "More revenue recognised than the ticket has entries.",
    )
    _money = models.Constraint(
        "CHECK (amount_refunded >= 0 "
        "AND amount_recognised + amount_refunded <= amount)",
        "More was earned and paid back than was sold.",
    )
    _window = models.Constraint(
        "CHECK (valid_from < valid_to AND weekdays BETWEEN 0 AND 127 "
        "AND minute_from >= 0 AND minute_to <= 1440 AND minute_from < minute_to)",
        "The window must have a length.",
    )

    _earning = models.Index(
        "(id) WHERE revenue_trigger <> 'admission' "
        "AND amount_recognised + amount_refunded < amount"
    )

    @api.depends(
        "entries_total", "entries_used", "entries_reserved", "entries_refunded"
    )
    def _compute_entries_left(self):
        for entitlement in self:
            entitlement.entries_left = (
                entitlement.entries_total
                - entitlement.entries_used
                - entitlement.entries_reserved
                - entitlement.entries_refunded
            )

    @api.depends("component_id.name", "site_id.name")
    def _compute_display_name(self):
        for entitlement in self:
            entitlement.display_name = (
                entitlement.component_id.name or entitlement.site_id.name
            )

    def _days_later(self, name, days):
        """Return a moment of the window so many days later, by the site's clock."""
        self.ensure_one()
        zone = ZoneInfo(self.site_id.tz)
        local = self[name].replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
        moved = (local.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=zone)
        return moved.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    def _cents(self, amount):
        """Return an amount in whole units of the company's currency."""
        return round(amount / self.currency_id.rounding)

    def _slots(self):
        """Return the money of this right, entry by entry."""
        self.ensure_one()
        return Slots(
            amount=self._cents(self.amount),
            entries=self.entries_total,
            used=(
                0 if self.unlimited else max(self.entries_used, self.entries_recognised)
            ),
            refunded=self.entries_refunded,
            repaid=self.entries_repaid,
            lapsed=self.entries_lapsed,
            recognised=self._cents(self.amount_recognised),
            paid_back=self._cents(self.amount_refunded),
            by_entry=self.revenue_trigger == "admission",
        )

    def _choice_is_made(self):
        """Tell whether another component was used that excludes this one."""
        self.ensure_one()
        group = self.component_id.choice_group
        return bool(group) and any(
            other.component_id.choice_group == group and other.entries_used
            for other in self.ticket_id.entitlement_ids - self
        )

    def _check_recognisable(self, recognised, quantity):
        """Check that revenue of more entries can be earned.

        :param int recognised: entries whose revenue was earned so far
        :raise RevenueError: with a stable code
        """
        self.ensure_one()
        left = self.entries_total - self.entries_refunded - recognised
        if self.ticket_id.state == "held" or (
            self.ticket_id.state == "refunded" and quantity > left
        ):
            raise RevenueError(
                self.env._(
                    "Ticket %(ticket)s is not paid or was paid back: it earns nothing.",
                    ticket=self.ticket_id.name,
                ),
                code="REVENUE_NOT_PAID",
            )
        if quantity < 1 or (quantity > left and not self.unlimited):
            raise RevenueError(
                self.env._(
                    "Ticket %(ticket)s: revenue of %(quantity)s more entries was asked "
                    "for, %(left)s are left.",
                    ticket=self.ticket_id.name,
                    quantity=quantity,
                    left=left,
                ),
                code="REVENUE_TOO_MANY",
            )
