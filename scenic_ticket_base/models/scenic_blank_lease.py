"""Blanks: tickets signed in advance and lent to a till that may lose the server.

Beside it: ``scenic_ticket_blank`` (what becomes of one blank) and
``scenic_booking_line_blank`` (how a sale names the blanks it was made with).
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..exceptions import BlankError
from ..tools.guard import check_reason
from ..tools.window import day_start, local_day
from .scenic_channel import MAX_HOLD_MINUTES

MANAGER = "scenic_ticket_base.group_scenic_manager"


class ScenicBlankLease(models.Model):
    """So many blanks of one ticket product for one till and one day (空白票租约).

    The till sells them while it cannot reach the server. Their number is the risk: so
    many tickets at most are out that nobody here knows to be sold. Each blank is a
    ticket with its number and codes, at no price, so gates and their copies admit it
    as any other; what is admitted before the sale arrives stands on the ticket when it
    does. The places of the day are held by a booking of the lease.

    A lease ends with the day of its site. From then on its blanks admit nobody, but
    what was sold before may still arrive.
    """

    _name = "scenic.blank.lease"
    _description = "Leased Blanks"
    _order = "id desc"

    name = fields.Char(string="Lease", required=True, readonly=True, copy=False)
    till = fields.Char(
        required=True, readonly=True, help="The point of sale that sells them."
    )
    device = fields.Char(
        required=True, readonly=True, help="The browser that keeps them."
    )
    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    site_id = fields.Many2one(
        "scenic.site", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True, ondelete="restrict"
    )
    user_id = fields.Many2one(
        "res.users",
        string="Leased by",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    booking_id = fields.Many2one(
        "scenic.booking",
        string="Places Held by",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    day = fields.Date(
        required=True, readonly=True, help="The day of sale, by the clock of the site."
    )
    date_start = fields.Datetime(string="Leased on", required=True, readonly=True)
    date_end = fields.Datetime(
        string="Ends",
        required=True,
        readonly=True,
        index=True,
        help="What the till sells later than this is refused.",
    )
    count = fields.Integer(string="Blanks", required=True, readonly=True)
    state = fields.Selection(
        [
            ("open", "At the Till"),
            ("returned", "Given Back"),
            ("over", "Ended"),
            ("lost", "Written Off"),
        ],
        required=True,
        readonly=True,
        default="open",
        index=True,
    )
    reason = fields.Char(readonly=True, help="Why it was written off or reinstated.")
    ticket_ids = fields.One2many(
        "scenic.ticket", "lease_id", string="Tickets", readonly=True
    )
    left_count = fields.Integer(
        string="Not Sold",
        compute="_compute_counts",
        help="Not known to be sold.",
    )
    sold_count = fields.Integer(string="Sold", compute="_compute_counts")
    spoiled_count = fields.Integer(
        string="Spoiled",
        compute="_compute_counts",
        help="Taken by the till for an order that was given up.",
    )
    admitted_count = fields.Integer(
        string="Admitted, Not Uploaded",
        compute="_compute_counts",
        help="Somebody entered with it, and the till has not told the sale yet.",
    )

    _count_positive = models.Constraint(
        "CHECK (count > 0)", "A lease has one blank or more."
    )

    @api.depends("ticket_ids.blank_state", "ticket_ids.state")
    def _compute_counts(self):
        # sudo: who may see the lease may know how many are left of it
        rows = (
            self.env["scenic.ticket"]
            .sudo()
            ._read_group(
                [("lease_id", "in", self.ids)],
                ["lease_id", "blank_state", "state"],
                ["__count"],
            )
        )
        for lease in self:
            mine = [row[1:] for row in rows if row[0].id == lease._origin.id]
            for name, wanted in (("left", "left"), ("sold", "sold")):
                lease[f"{name}_count"] = sum(
                    count for blank, _state, count in mine if blank == wanted
                )
            lease.spoiled_count = sum(
                count for blank, _state, count in mine if blank == "spoiled"
            )
            lease.admitted_count = sum(
                count
                for blank, state, count in mine
                if blank == "left" and state in ("part_used", "used")
            )

    # ------------------------------------------------------------------
    # Lease
    # ------------------------------------------------------------------

    @api.model
    def _lease(self, channel, till, device, product, count, **values):
        """Lend a till so many blanks of a product until its day is over.

        :param str channel: code of the ``scenic.channel`` that sells them
        :param str till: name of the point of sale
        :param str device: which of its browsers keeps them
        :param product: ``product.product``
        :param values: more values of the lease
        :return: the lease, as superuser
        :raise BlankError: BLANK_PRODUCT, the product cannot be sold so
        :raise BookingError, CapacityError: it cannot be sold today
        """
        # sudo: what can be leased does not depend on what the seller may read
        template_sudo = product.sudo().product_tmpl_id
        site, now = template_sudo.scenic_site_id, fields.Datetime.now()
        zone = ZoneInfo(site.tz)
        day = local_day(now, zone)
        template_sudo._scenic_check_leasable(day)
        visit_date = template_sudo._scenic_blank_date(day)
        template_sudo._scenic_check_date(visit_date)
        left = day_start(day + timedelta(days=1), zone) - now
        minutes = min(max(int(left.total_seconds() // 60), 1), MAX_HOLD_MINUTES)
        # sudo: nobody may create leases; they follow from what tills ask for
        leases_sudo = self.sudo().with_company(self.env.company)
        name = leases_sudo.env["ir.sequence"].next_by_code("scenic.blank.lease")
        booking = self.env["scenic.booking"]._hold(
            channel,
            name,
            [
                {
                    "product_id": product.id,
                    "quantity": count,
                    "visit_date": visit_date,
                    # no money yet: the price is that of the sale
                    "price_unit": 0,
                    "amount_untaxed": 0,
                    "amount_total": 0,
                }
            ],
            minutes=minutes,
        )
        booking_sudo = booking.sudo().with_company(self.env.company)
        lease_sudo = leases_sudo.create(
            {
                "name": name,
                "till": till,
                "device": device,
                "product_id": product.id,
                "site_id": site.id,
                "company_id": booking_sudo.company_id.id,
                "user_id": self.env.uid,
                "booking_id": booking_sudo.id,
                "day": day,
                "date_start": now,
                "date_end": booking_sudo.held_until,
                "count": count,
                **values,
            }
        )
        line_sudo = booking_sudo.line_ids
        prepared = line_sudo._prepare_tickets(now, [1] * count, count, line_sudo)
        for ticket_values, _rights in prepared:
            ticket_values.update(lease_id=lease_sudo.id, blank_state="left")
        line_sudo._create_tickets(prepared)
        lease_sudo._audit("blank_lease", after={"count": count})
        return lease_sudo

    # ------------------------------------------------------------------
    # End
    # ------------------------------------------------------------------

    def _end(self):
        """End leases whose time is over, as superuser: their blanks admit nobody.

        What somebody entered with stays as it is, and what was sold may still come.
        """
        self.ticket_ids._lapse_blanks()
        self.booking_id._expire()
        self.state = "over"
        self.flush_recordset()

    @api.model
    def _cron_end(self):
        """End the leases whose time is over."""
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        over = self.search(
            [("state", "=", "open"), ("date_end", "<=", fields.Datetime.now())]
        )
        for done, lease in enumerate(over, 1):
            lease._end()
            if in_cron and not cron._commit_progress(1, remaining=len(over) - done):
                return

    def _give_back(self, reason):
        """Take back what the till has not sold; as superuser, for the till itself."""
        for lease in self.filtered(lambda lease: lease.state == "open"):
            lease.ticket_ids._return_blanks("returned", reason)
            lease._close("returned")
            lease._audit("blank_return", reason=reason)

    def _write_off(self, reason):
        """Void the blanks of a till that will not come back.

        :raise AccessError: only the manager may
        :raise BlankError: BLANK_LEASE_STATE
        """
        self._check_manager()
        check_reason(self.env, reason)
        for lease_sudo in self.sudo():  # sudo: nobody may write leases
            lease_sudo._check_lease_state(("open", "over"))
            lease_sudo.ticket_ids._return_blanks("lost", reason)
            lease_sudo._close("lost")
            lease_sudo.reason = reason.strip()
            lease_sudo._audit("blank_write_off", reason=reason)

    def _reinstate(self, reason):
        """Let what a till has sold arrive after all: the till was found again.

        The blanks go on admitting nobody until their sale has arrived.

        :raise AccessError: only the manager may
        :raise BlankError: BLANK_LEASE_STATE
        """
        self._check_manager()
        check_reason(self.env, reason)
        for lease_sudo in self.sudo():  # sudo: as in :meth:`_write_off`
            lease_sudo._check_lease_state(("lost",))
            lease_sudo.ticket_ids._reinstate_blanks(reason)
            lease_sudo.write({"state": "over", "reason": reason.strip()})
            lease_sudo._audit("blank_reinstate", reason=reason)

    def _close(self, state):
        """Write how a lease ended, and give up its booking if nothing is left of it."""
        self.state = state
        self.flush_recordset()
        left = self.booking_id.ticket_ids.filtered(lambda t: t.state != "void")
        if self.booking_id.state == "held" and not left:
            self.booking_id._cancel(self.env._("All blanks of the lease were given up"))

    def _check_manager(self):
        self.check_access("read")
        if not (self.env.su or self.env.user.has_group(MANAGER)):
            raise AccessError(
                self.env._("Only the ticketing manager may write blanks off.")
            )

    def _check_lease_state(self, states):
        if self.state not in states:
            selection = dict(self._fields["state"]._description_selection(self.env))
            raise BlankError(
                self.env._(
                    "Lease %(lease)s is in state “%(state)s”: this is not possible.",
                    lease=self.name,
                    state=selection[self.state],
                ),
                code="BLANK_LEASE_STATE",
            )

    def _audit(self, action, **kwargs):
        self.env["scenic.audit"]._log(action, self, **kwargs)

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_view_blanks(self):
        """Open the tickets that are the blanks of these leases."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_ticket_action"
        )
        return {**action, "domain": [("lease_id", "in", self.ids)], "context": {}}
