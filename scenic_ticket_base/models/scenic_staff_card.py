from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..exceptions import BookingError, MembershipError
from ..tools.guard import check_reason
from ..tools.lock_first import locks_first
from ..tools.window import ALL_DAYS, FULL_DAY, Window, day_start

CHANNEL = "staff"
# Ten years: who needs longer is given another card then.
MAX_DAYS = 3653
MANAGER = "scenic_ticket_base.group_scenic_manager"


class ScenicStaffCard(models.Model):
    """What an employee enters with. It is sold to nobody and counts as no visitor.

    The card is a ticket of a staff product that went through a booking at no price,
    so it has a life line like any other; this record says whose it is and when it
    admits.
    """

    _name = "scenic.staff.card"
    _description = "Staff Card"
    _inherit = ["scenic.figure.mixin", "mail.thread"]
    _order = "id desc"
    _figures = ("state", "entry_count")

    name = fields.Char(
        string="Card Number", required=True, readonly=True, copy=False, index=True
    )
    holder_name = fields.Char(
        string="Card Holder", required=True, readonly=True, tracking=True
    )
    employee_no = fields.Char(
        string="Employee No.", readonly=True, index="btree_not_null"
    )
    visitor_id = fields.Many2one(
        "scenic.visitor",
        string="Identity",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The document that opens the lane, if the card is an ID document.",
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
        "res.company", required=True, readonly=True, index=True
    )
    ticket_id = fields.Many2one(
        "scenic.ticket",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        copy=False,
    )
    date_from = fields.Date(string="Valid from", required=True, readonly=True)
    date_to = fields.Date(
        string="Valid until", required=True, readonly=True, help="Last valid day."
    )
    weekdays = fields.Integer(
        required=True,
        readonly=True,
        default=ALL_DAYS,
        aggregator=None,
        help="Monday 1, Tuesday 2, Wednesday 4 and so on, added up.",
    )
    minute_from = fields.Integer(
        required=True, readonly=True, default=0, aggregator=None
    )
    minute_to = fields.Integer(
        required=True, readonly=True, default=FULL_DAY, aggregator=None
    )
    hours_text = fields.Char(string="Admitted", compute="_compute_hours_text")
    date_revoked = fields.Datetime(string="Revoked on", readonly=True)
    revoke_reason = fields.Char(readonly=True)
    state = fields.Selection(
        [
            ("active", "Active"),
            ("frozen", "Frozen"),
            ("lapsed", "Lapsed"),
            ("revoked", "Revoked"),
        ],
        compute="_compute_figures",
        search="_search_state",
    )
    entry_count = fields.Integer(
        string="Times Entered", compute="_compute_figures", aggregator="sum"
    )

    _name_unique = models.Constraint(
        "UNIQUE (name)", "A staff card with this number exists already."
    )
    _window = models.Constraint(
        "CHECK (date_from <= date_to AND weekdays BETWEEN 1 AND 127 "
        "AND minute_from >= 0 AND minute_to <= 1440 AND minute_from < minute_to)",
        "The card must admit at some time.",
    )

    def init(self):
        self.env.cr.execute("CREATE SEQUENCE IF NOT EXISTS scenic_staff_card_seq")

    @api.depends("ticket_id.state", "date_to", "date_revoked")
    def _compute_figures(self):
        return super()._compute_figures()

    def _search_state(self, operator, value):
        return self._search_figure("state", operator, value)

    @api.model
    def _figure_sql(self, alias, name):
        rights = self.env["scenic.entitlement"]
        tickets = self.env["scenic.ticket"]

        def column(field):
            return SQL.identifier(alias, field, to_flush=self._fields[field])

        if name == "entry_count":
            return SQL(
                "(SELECT COALESCE(sum(ce.entries_used), 0)::integer "
                "FROM scenic_entitlement ce WHERE ce.ticket_id = %s)",
                column("ticket_id"),
                to_flush=[rights._fields["ticket_id"], rights._fields["entries_used"]],
            )
        return SQL(
            "CASE WHEN %(revoked)s IS NOT NULL THEN 'revoked' "
            "WHEN (SELECT ct.state FROM scenic_ticket ct WHERE ct.id = %(ticket)s) "
            "= 'frozen' THEN 'frozen' "
            "WHEN %(end)s < (SELECT (%(now)s::timestamp AT TIME ZONE 'UTC' AT TIME "
            "ZONE cs.tz)::date FROM scenic_site cs WHERE cs.id = %(site)s) "
            "THEN 'lapsed' ELSE 'active' END",
            revoked=column("date_revoked"),
            ticket=SQL("%s", column("ticket_id"), to_flush=tickets._fields["state"]),
            end=column("date_to"),
            site=column("site_id"),
            now=fields.Datetime.now(),
        )

    @api.depends("weekdays", "minute_from", "minute_to")
    @api.depends_context("lang")
    def _compute_hours_text(self):
        for card in self:
            card.hours_text = card._hours_text()

    def _hours_text(self):
        """Return days and hours for a person."""
        self.ensure_one()
        days = self.env["scenic.weekday.mixin"]._mask_text(self.weekdays)
        days = days or self.env._("every day")
        if (self.minute_from, self.minute_to) == (0, FULL_DAY):
            return days
        first, last = (
            f"{minute // 60:02d}:{minute % 60:02d}"
            for minute in (self.minute_from, self.minute_to)
        )
        return f"{days} {first}–{last}"

    # ------------------------------------------------------------------
    # Issue and revoke
    # ------------------------------------------------------------------

    @api.model
    def _issue(self, product, values, visitor=None, medium=None):
        """Make a staff card with its ticket, by a booking at no price.

        Callers answer for the right.

        :param product: ticket product of the kind staff, a ``product.product``
        :param dict values: ``holder_name``, ``employee_no``, ``date_from``,
            ``date_to``, ``weekdays``, ``minute_from``, ``minute_to``
        :param dict visitor: whose ID document opens the lane, as
            ``scenic.visitor._find_or_create`` takes it
        :param dict medium: ``{kind, number}`` of the IC card
        :return: the card in the caller's environment
        :raise MembershipError: neither a document nor an employee number
        :raise BookingError: the product is no staff card
        """
        if not (values.get("employee_no") or visitor):
            raise MembershipError(
                self.env._("A staff card needs an employee number or an ID document."),
                code="STAFF_IDENTITY_MISSING",
            )
        if not (medium or visitor):
            raise MembershipError(
                self.env._("A staff card needs an IC card or an ID document."),
                code="STAFF_MEDIUM_MISSING",
            )
        self._check_period(values)
        site = product.scenic_site_id
        self.env.cr.execute("SELECT nextval('scenic_staff_card_seq')")
        [number] = self.env.cr.fetchone()
        visitor_sudo = self.env["scenic.visitor"]
        if visitor:
            visitor_sudo = visitor_sudo._find_or_create(visitor, site.company_id)
        # sudo: no user has the right to create staff cards
        card_sudo = (
            self.sudo()
            .with_context(mail_create_nosubscribe=True)
            .create(
                {
                    **values,
                    "name": f"SC-{number:08d}",
                    "visitor_id": visitor_sudo.id,
                    "product_id": product.id,
                    "site_id": site.id,
                    "company_id": site.company_id.id,
                }
            )
        )
        line = {
            "product_id": product.id,
            "quantity": 1,
            "visit_date": card_sudo.date_from,
            "price_unit": 0.0,
            "amount_untaxed": 0.0,
            "amount_total": 0.0,
            "staff_card_id": card_sudo.id,
        }
        if medium:
            line["medium"] = medium
        booking = self.env["scenic.booking"]._hold(
            CHANNEL, card_sudo.name, [line], company=site.company_id
        )
        booking._confirm()
        return self.browse(card_sudo.id)

    @api.model
    def _check_period(self, values):
        """Check days and hours of a new card.

        :raise MembershipError: it would admit at no time, or for all time
        """
        first, last = values["date_from"], values["date_to"]
        if not first <= last <= first + timedelta(days=MAX_DAYS):
            raise MembershipError(
                self.env._(
                    "A staff card ends after it begins, and within %(days)s days.",
                    days=MAX_DAYS,
                ),
                code="STAFF_PERIOD",
            )
        minute_from = values.get("minute_from", 0)
        minute_to = values.get("minute_to", FULL_DAY)
        if (
            not 0 < values.get("weekdays", ALL_DAYS) <= ALL_DAYS
            or not 0 <= minute_from < minute_to <= FULL_DAY
        ):
            raise MembershipError(
                self.env._(
                    "Please choose at least one day, and hours between 0:00 and 24:00."
                ),
                code="STAFF_PERIOD",
            )

    @api.model
    def _check_lines(self, lines, company):
        """Check that staff products are in booking lines of staff cards only.

        :param list lines: prepared values of booking lines
        :raise BookingError: with a stable code
        """
        for line in lines:
            product = self.env["product.product"].browse(line["product_id"])
            is_staff = product.scenic_ticket_kind == "staff"
            if is_staff and not line.get("staff_card_id"):
                raise BookingError(
                    self.env._(
                        "“%(product)s” is a staff card: it is issued to an employee, "
                        "not sold.",
                        product=product.display_name,
                    ),
                    code="STAFF_NOT_SOLD",
                )
            if not line.get("staff_card_id"):
                continue
            # sudo: whoever issues answers for the right
            cards_sudo = self.sudo()
            if type(line["staff_card_id"]) is int:
                cards_sudo = cards_sudo.browse(line["staff_card_id"]).exists()
            card_sudo = cards_sudo[:1]
            if (
                not is_staff
                or not card_sudo
                or card_sudo.product_id != product
                or card_sudo.company_id != company
                or card_sudo.ticket_id
                or line["quantity"] != 1
                or line["amount_total"]
            ):
                raise BookingError(
                    self.env._("This is not the line of a new staff card."),
                    code="STAFF_CARD_INVALID",
                )

    @api.model
    def _hold_lines(self, lines_sudo):
        """Register whose document is to open the tickets of held booking lines.

        :raise BookingError: ``VISITOR_BLOCKED``
        """
        for line_sudo in lines_sudo.filtered("staff_card_id.visitor_id"):
            self.env["scenic.ticket.holder"]._register_known(
                [(line_sudo, line_sudo.staff_card_id.visitor_id)]
            )

    def _ticket_windows(self):
        """Return the windows of the ticket of this card.

        Like ``product.template._scenic_windows``, but days and hours are the card's.
        """
        self.ensure_one()
        zone = ZoneInfo(self.site_id.tz)
        after = self.date_to + timedelta(days=1)
        window = Window(
            self.date_from,
            (after - self.date_from).days,
            day_start(self.date_from, zone),
            day_start(after, zone),
            self.weekdays,
            self.minute_from,
            self.minute_to,
        )
        return window, dict.fromkeys(self.product_id.scenic_component_ids, window)

    @api.model
    def _create_for(self, tickets):
        """Tie new staff tickets to their cards; called by the booking."""
        # sudo: no user has the right to write tickets
        for ticket_sudo in tickets.sudo().filtered("booking_line_id.staff_card_id"):
            card_sudo = ticket_sudo.booking_line_id.staff_card_id
            card_sudo.ticket_id = ticket_sudo
            self.env["scenic.audit"]._log(
                "staff_issue",
                card_sudo,
                after={
                    "holder_name": card_sudo.holder_name,
                    "employee_no": card_sudo.employee_no,
                    "date_from": fields.Date.to_string(card_sudo.date_from),
                    "date_to": fields.Date.to_string(card_sudo.date_to),
                    "hours_text": card_sudo.hours_text,
                },
                document=ticket_sudo.booking_id,
            )

    @locks_first(lambda cards: cards.sudo().ticket_id._lock_names())  # sudo: ids
    def _revoke(self, reason):
        """End cards at once: their media open nothing any more.

        A card that was used can be revoked, too.

        :raise MembershipError: revoked already
        """
        check_reason(self.env, reason)
        # sudo: no user has the right to write staff cards; callers answer for it
        cards_sudo = self.sudo()
        tickets_sudo = cards_sudo.ticket_id._lock_for_change(reason)
        cards_sudo.invalidate_recordset()
        for card_sudo in cards_sudo:
            if card_sudo.date_revoked:
                raise MembershipError(
                    self.env._("Card %(card)s was revoked.", card=card_sudo.name),
                    code="STAFF_REVOKED",
                )
        tickets_sudo.filtered(lambda t: t.state not in ("refunded", "void"))._end(
            {"state": "void"},
            self.env._("Staff card revoked: %(reason)s", reason=reason.strip()),
            "ticket_void",
            reason,
        )
        cards_sudo.with_context(tracking_disable=True).write(
            {"date_revoked": fields.Datetime.now(), "revoke_reason": reason.strip()}
        )
        self.env["scenic.audit"]._log("staff_revoke", cards_sudo, reason=reason)

    def action_revoke(self, reason=None):
        """End cards of employees who leave; asks for the reason if there is none.

        :raise AccessError: only a ticketing manager may do this
        """
        self._check_manager()
        if reason is not None:
            return self._revoke(reason)
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "scenic_ticket_base.scenic_staff_card_revoke_action"
            ),
            "context": {"default_card_ids": self.ids},
        }

    def _check_manager(self):
        self.check_access("read")
        if not self.env.su and not self.env.user.has_group(MANAGER):
            raise AccessError(
                self.env._("Only a ticketing manager may issue or revoke staff cards.")
            )

    def action_view_ticket(self):
        """Open the ticket with its media and its life line."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "scenic.ticket",
            "res_id": self.ticket_id.id,
            "view_mode": "form",
        }
