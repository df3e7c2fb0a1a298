import logging
from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, escape_psql

from ..exceptions import BookingError, MembershipError
from ..tools.guard import check_groups, check_reason
from ..tools.lock_first import locks_first
from ..tools.mask import mask_name
from ..tools.window import day_start
from .scenic_ticket import PEOPLE_READERS

_logger = logging.getLogger(__name__)

PHOTOGRAPHERS = (
    "scenic_ticket_base.group_scenic_cashier",
    "scenic_ticket_base.group_scenic_customer_service",
)


class ScenicMembership(models.Model):
    _name = "scenic.membership"
    _description = "Member Card"
    _inherit = ["scenic.figure.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _figures = (
        "state",
        "date_start",
        "date_end",
        "active_count",
        "frozen_count",
        "visit_count",
        "renewal_count",
        "days_added",
        "amount_total",
        "amount_open",
    )

    name = fields.Char(
        string="Card Number", required=True, readonly=True, copy=False, index=True
    )
    visitor_id = fields.Many2one(
        "scenic.visitor",
        string="Card Holder",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
        groups=PEOPLE_READERS,
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", readonly=True, index="btree_not_null"
    )
    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
        help="What the first period was sold as.",
    )
    site_id = fields.Many2one(
        "scenic.site", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True
    )
    currency_id = fields.Many2one(related="company_id.currency_id", store=True)
    photo = fields.Image(
        max_width=512,
        max_height=512,
        readonly=True,
        copy=False,
        groups=PEOPLE_READERS,
    )
    photo_128 = fields.Image(
        related="photo",
        max_width=128,
        max_height=128,
        store=True,
        string="Thumbnail",
        groups=PEOPLE_READERS,
    )
    ticket_ids = fields.One2many(
        "scenic.ticket", "membership_id", string="Periods", readonly=True
    )
    credential_ids = fields.Many2many(
        "scenic.credential", string="Media", compute="_compute_credential_ids"
    )
    freeze_ids = fields.One2many(
        "scenic.membership.freeze", "membership_id", string="Freezes", readonly=True
    )
    has_open_freeze = fields.Boolean(compute="_compute_has_open_freeze")
    find = fields.Char(
        store=False,
        search="_search_find",
        groups=PEOPLE_READERS,
        help="Finds a card by its number, by what opens it, by the document, the "
        "telephone or the name of its holder.",
    )
    renewal_line_id = fields.Many2one(
        "scenic.booking.line",
        string="Renewal on Hold",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The latest booking line that renews the card. While its booking is "
        "held no other renewal can be sold.",
    )
    replace_count = fields.Integer(
        string="Replacements",
        required=True,
        readonly=True,
        default=0,
        help="How often the card, wristband or document was replaced.",
    )
    # Figures
    state = fields.Selection(
        [
            ("active", "Active"),
            ("frozen", "Frozen"),
            ("lapsed", "Lapsed"),
            ("ended", "Ended"),
        ],
        compute="_compute_figures",
        search="_search_state",
        help="Lapsed: the period is over or its entries are used up, and the card can "
        "be renewed. Ended: all its tickets were paid back or voided.",
    )
    date_start = fields.Date(
        string="Member since", compute="_compute_figures", search="_search_date_start"
    )
    date_end = fields.Date(
        string="Valid until",
        compute="_compute_figures",
        search="_search_date_end",
        help="Last day of the last period.",
    )
    active_count = fields.Integer(
        string="Active Cards", compute="_compute_figures", aggregator="sum"
    )
    frozen_count = fields.Integer(
        string="Frozen Cards", compute="_compute_figures", aggregator="sum"
    )
    visit_count = fields.Integer(
        string="Visits",
        compute="_compute_figures",
        search="_search_visit_count",
        aggregator="sum",
        help="Entries that were passed.",
    )
    renewal_count = fields.Integer(
        string="Renewals",
        compute="_compute_figures",
        search="_search_renewal_count",
        aggregator="sum",
    )
    days_added = fields.Integer(
        string="Days Added by Freezes", compute="_compute_figures", aggregator="sum"
    )
    amount_total = fields.Monetary(
        string="Sold for", compute="_compute_figures", aggregator="sum"
    )
    amount_open = fields.Monetary(
        string="Deferred",
        compute="_compute_figures",
        aggregator="sum",
        help="What is still on the contract liability account for this card.",
    )

    _name_unique = models.Constraint(
        "UNIQUE (name)", "A member card with this number exists already."
    )

    def init(self):
        self.env.cr.execute("CREATE SEQUENCE IF NOT EXISTS scenic_membership_seq")

    # ------------------------------------------------------------------
    # Figures
    # ------------------------------------------------------------------

    @api.depends(
        "ticket_ids.state",
        "ticket_ids.amount_total",
        "ticket_ids.amount_open",
        "ticket_ids.entitlement_ids.entries_used",
        "ticket_ids.entitlement_ids.entries_refunded",
        "ticket_ids.entitlement_ids.valid_from",
        "ticket_ids.entitlement_ids.valid_to",
        "freeze_ids.days_added",
    )
    def _compute_figures(self):
        return super()._compute_figures()

    @api.model
    def _figure_sql(self, alias, name):
        tickets = self.env["scenic.ticket"]
        rights = self.env["scenic.entitlement"]
        freezes = self.env["scenic.membership.freeze"]
        card = SQL.identifier(alias, "id")
        now = fields.Datetime.now()
        ticket_fields = [
            tickets._fields[field]
            for field in ("membership_id", "state", "amount_total", "amount_open")
        ]
        of_card = SQL(
            "FROM scenic_ticket ct WHERE ct.membership_id = %s",
            card,
            to_flush=ticket_fields,
        )
        live = SQL("%s AND ct.state NOT IN ('held', 'refunded', 'void')", of_card)
        with_rights = SQL(
            "FROM scenic_ticket ct JOIN scenic_entitlement ce ON ce.ticket_id = ct.id "
            "JOIN scenic_site cs ON cs.id = ct.site_id WHERE ct.membership_id = %s",
            card,
            to_flush=[
                *ticket_fields,
                *(
                    rights._fields[field]
                    for field in (
                        "ticket_id",
                        "valid_from",
                        "valid_to",
                        "unlimited",
                        "entries_total",
                        "entries_used",
                        "entries_refunded",
                    )
                ),
            ],
        )
        live_rights = SQL(
            "%s AND ct.state NOT IN ('held', 'refunded', 'void')", with_rights
        )
        state = SQL(
            "CASE WHEN NOT EXISTS (SELECT 1 %(live)s) THEN 'ended' "
            "WHEN EXISTS (SELECT 1 %(live)s AND ct.state = 'frozen') THEN 'frozen' "
            "WHEN EXISTS (SELECT 1 %(rights)s AND ce.valid_to > %(now)s "
            "AND ct.state IN ('valid', 'part_used') AND (ce.unlimited IS TRUE OR "
            "ce.entries_used + ce.entries_refunded < ce.entries_total)) "
            "THEN 'active' ELSE 'lapsed' END",
            live=live,
            rights=live_rights,
            now=now,
        )
        match name:
            case "state":
                return state
            case "active_count" | "frozen_count":
                wanted = name.removesuffix("_count")
                return SQL("CASE WHEN (%s) = %s THEN 1 ELSE 0 END", state, wanted)
            case "date_start":
                return SQL(
                    "(SELECT min((ce.valid_from AT TIME ZONE 'UTC' AT TIME ZONE cs.tz)"
                    "::date) %s)",
                    live_rights,
                )
            case "date_end":
                # the window excludes its end
                return SQL(
                    "(SELECT max(((ce.valid_to - interval '1 second') AT TIME ZONE "
                    "'UTC' AT TIME ZONE cs.tz)::date) %s)",
                    live_rights,
                )
            case "visit_count":
                return SQL(
                    "(SELECT COALESCE(sum(ce.entries_used), 0)::integer %s)",
                    with_rights,
                )
            case "renewal_count":
                return SQL("(SELECT GREATEST(count(*) - 1, 0)::integer %s)", live)
            case "days_added":
                return SQL(
                    "(SELECT COALESCE(sum(cf.days_added), 0)::integer "
                    "FROM scenic_membership_freeze cf WHERE cf.membership_id = %s)",
                    card,
                    to_flush=[
                        freezes._fields["membership_id"],
                        freezes._fields["days_added"],
                    ],
                )
            case _:
                column = SQL.identifier("ct", name)
                return SQL("(SELECT COALESCE(sum(%s), 0) %s)", column, of_card)

    def _search_state(self, operator, value):
        return self._search_figure("state", operator, value)

    def _search_date_start(self, operator, value):
        return self._search_figure("date_start", operator, value)

    def _search_date_end(self, operator, value):
        return self._search_figure("date_end", operator, value)

    def _search_visit_count(self, operator, value):
        return self._search_figure("visit_count", operator, value)

    def _search_renewal_count(self, operator, value):
        return self._search_figure("renewal_count", operator, value)

    def _search_find(self, operator, value):
        if operator not in ("ilike", "in"):
            return NotImplemented
        found = self.browse()
        for text in [value] if isinstance(value, str) else value:
            found |= self._find(text)
        return [("id", "in", found.ids)]

    @api.model
    def _find(self, text):
        """Return the cards that a text may mean, within the rights of the caller.

        :param str text: what a reader gives for the medium; or the number of the card,
            of a ticket of it, or of the holder's document; or the holder's telephone;
            or, if it is none of these, part of the name
        """
        text = text.strip() if isinstance(text, str) else ""
        if len(text) < 2:
            return self.browse()
        credentials = self.env["scenic.credential"]
        for kind in (None, "ic_card", "id_document"):
            credentials |= credentials._find_all(text, kind)
        visitors = self.env["scenic.visitor"].search(
            Domain("doc_number", "=", text) | Domain("phone_number", "=", text)
        )
        found = self.search(
            Domain("name", "=ilike", escape_psql(text))
            | Domain("ticket_ids", "in", credentials.ticket_id.ids)
            | Domain("ticket_ids.name", "=", text)
            | Domain("visitor_id", "in", visitors.ids)
        )
        return found or self.search(
            [("visitor_id.name", "ilike", escape_psql(text))], limit=80
        )

    def _window_rows(self):
        """Return what a window shows of cards to choose from, nobody named in full."""
        return [
            {
                "id": card.id,
                "name": card.name,
                "holder": mask_name(card.visitor_id.name),
                "document": card.visitor_id.doc_masked or "",
                "telephone": card.visitor_id.phone_masked or "",
                "product": card.product_id.display_name,
                "state": card.state,
                "date_end": fields.Date.to_string(card.date_end),
                "photo": bool(card.photo_128),
            }
            for card in self
        ]

    @api.depends("ticket_ids.credential_ids")
    def _compute_credential_ids(self):
        for membership in self:
            membership.credential_ids = membership.ticket_ids.credential_ids

    @api.depends("freeze_ids.state")
    def _compute_has_open_freeze(self):
        for membership in self:
            membership.has_open_freeze = bool(membership._open_freeze())

    # ------------------------------------------------------------------
    # Sale and renewal: called by the booking
    # ------------------------------------------------------------------

    @api.model
    def _prepare_renewals(self, lines, company):
        """Check prepared booking lines that renew a card and set their visit date.

        :param list lines: values of booking lines; ``renew_membership_id`` is an id,
            ``visit_date`` becomes the first day of the new period
        :raise BookingError: with the code of the first line that may not renew
        """
        wanted = [line for line in lines if line.get("renew_membership_id")]
        if not wanted:
            return
        ids = [line["renew_membership_id"] for line in wanted]
        # sudo: whoever sells answers for the right, as in scenic.booking
        cards_sudo = self.sudo().browse(id_ for id_ in ids if type(id_) is int)
        if (
            len(cards_sudo) != len(ids)
            or cards_sudo - cards_sudo.exists()
            or cards_sudo.company_id - company
        ):
            raise BookingError(
                self.env._("There is no such member card."), code="MEMBERSHIP_UNKNOWN"
            )
        if len(set(ids)) != len(ids):
            raise BookingError(
                self.env._("A card can be renewed once in a booking."),
                code="RENEWAL_TWICE",
            )
        cards_sudo._lock()
        for line, card_sudo in zip(wanted, cards_sudo, strict=True):
            product = self.env["product.product"].browse(line["product_id"])
            card_sudo._check_renewal(product, line["quantity"])

    def _check_renewal(self, product, quantity):
        """Check that this card can be renewed now with this product.

        :raise BookingError: with a stable code
        """
        self.ensure_one()
        card = self.name
        if product.scenic_ticket_kind != "member" or (
            product.scenic_site_id != self.site_id
        ):
            raise BookingError(
                self.env._(
                    "“%(product)s” is no member card of %(site)s: card %(card)s cannot "
                    "be renewed with it.",
                    product=product.display_name,
                    site=self.site_id.display_name,
                    card=card,
                ),
                code="RENEWAL_PRODUCT",
            )
        if quantity != 1:
            raise BookingError(
                self.env._("Card %(card)s is for one person.", card=card),
                code="RENEWAL_QUANTITY",
            )
        if self.state == "ended":
            raise BookingError(
                self.env._(
                    "Card %(card)s was paid back or voided. Please sell a new one.",
                    card=card,
                ),
                code="MEMBERSHIP_ENDED",
            )
        if self.state == "frozen":
            raise BookingError(
                self.env._(
                    "Card %(card)s is frozen. Release it first, then renew it.",
                    card=card,
                ),
                code="MEMBERSHIP_FROZEN",
            )
        booking = self.renewal_line_id.booking_id
        if booking.state == "held" and not (
            booking.held_until and booking.held_until <= fields.Datetime.now()
        ):
            raise BookingError(
                self.env._(
                    "A renewal of card %(card)s waits for payment: booking "
                    "%(booking)s.",
                    card=card,
                    booking=booking.name,
                ),
                code="RENEWAL_PENDING",
            )
        self._check_renewal_window(product)

    def _check_renewal_window(self, product):
        today = self._today()
        before, after = (
            product.scenic_renew_before_days,
            product.scenic_renew_after_days,
        )
        if before and self.state == "active":
            first = self.date_end - timedelta(days=before)
            if today < first:
                raise BookingError(
                    self.env._(
                        "Card %(card)s is valid until %(end)s and can be renewed from "
                        "%(first)s on.",
                        card=self.name,
                        end=fields.Date.to_string(self.date_end),
                        first=fields.Date.to_string(first),
                    ),
                    code="RENEWAL_EARLY",
                )
        if after and today > self.date_end + timedelta(days=after):
            raise BookingError(
                self.env._(
                    "Card %(card)s ended on %(end)s, too long ago for a renewal. "
                    "Please sell a new one.",
                    card=self.name,
                    end=fields.Date.to_string(self.date_end),
                ),
                code="RENEWAL_LATE",
            )

    @api.model
    def _hold_renewals(self, lines_sudo):
        """Remember which held booking lines renew which cards, and for whom.

        lock: writing the card makes a second renewal of it wait, and then see this
        one.

        :raise BookingError: ``VISITOR_BLOCKED``, ``ID_TAKEN``
        """
        for line_sudo in lines_sudo.filtered("renew_membership_id"):
            card_sudo = line_sudo.renew_membership_id
            card_sudo._write_quiet({"renewal_line_id": line_sudo.id})
            self.env["scenic.ticket.holder"]._register_known(
                [(line_sudo, card_sudo.visitor_id)]
            )

    def _renewal_start(self):
        """Return the first day of another period, were it sold now."""
        self.ensure_one()
        today = self._today()
        if self.state in ("active", "frozen") and self.date_end >= today:
            return self.date_end + timedelta(days=1)
        return today

    def _renewal_windows(self, product):
        """Return the windows of another period, were it sold now.

        It follows the last one, whatever day it is sold on; see
        ``product.template._scenic_windows``.
        """
        self.ensure_one()
        first_day = self._renewal_start()
        sold_at = day_start(first_day, ZoneInfo(product.scenic_site_id.tz))
        return product.product_tmpl_id._scenic_windows(sold_at, first_day)

    @api.model
    def _create_for(self, tickets):
        """Give new member tickets their card: a new one, or the one they renew.

        Called by the booking when it is confirmed, with all its tickets at once; the
        number of queries does not grow with their number.

        :raise BookingError: a card without a holder
        """
        # sudo: no user has the right to create member cards
        tickets_sudo = tickets.sudo().filtered(
            lambda t: t.kind == "member" and not t.membership_id
        )
        renewals_sudo = tickets_sudo.filtered("booking_line_id.renew_membership_id")
        new_sudo = tickets_sudo - renewals_sudo
        if any(not ticket_sudo.visitor_id for ticket_sudo in new_sudo):
            raise BookingError(
                self.env._("A member card needs the name of its holder."),
                code="MEMBER_NAME_MISSING",
            )
        # sudo: no user has the right to create cards
        cards_sudo = self.sudo()._create_cards(new_sudo)
        quiet_sudo = tickets_sudo.with_context(tracking_disable=True)
        for ticket_sudo, card_sudo in zip(
            quiet_sudo & new_sudo, cards_sudo, strict=True
        ):
            ticket_sudo.membership_id = card_sudo
        for ticket_sudo in quiet_sudo & renewals_sudo:
            card_sudo = ticket_sudo.booking_line_id.renew_membership_id
            ticket_sudo.membership_id = card_sudo
            # the card in the member's hand opens the new period, too
            card_sudo._media()._copy_to(ticket_sudo)
            # lock: whoever freezes the card at this moment sees the new period
            card_sudo._write_quiet({"renewal_line_id": False})
            freeze_sudo = card_sudo._open_freeze()
            if freeze_sudo.state == "frozen":
                # paid for before the card was frozen
                ticket_sudo._freeze(freeze_sudo.reason, of_card=True)
        audit = self.env["scenic.audit"]
        audit._log("membership_create", cards_sudo)
        audit._log(
            "membership_renew",
            renewals_sudo.membership_id,
            after={
                ticket_sudo.membership_id.id: {
                    "date_first": fields.Date.to_string(ticket_sudo.date_first),
                    "date_last": fields.Date.to_string(ticket_sudo.date_last),
                    "ticket": ticket_sudo.name,
                }
                for ticket_sudo in renewals_sudo
            },
        )

    @api.model
    def _create_cards(self, tickets_sudo):
        if not tickets_sudo:
            return self.browse()
        self.env.cr.execute(
            SQL(
                "SELECT nextval('scenic_membership_seq') FROM generate_series(1, %s)",
                len(tickets_sudo),
            )
        )
        numbers = [number for (number,) in self.env.cr.fetchall()]
        quiet = self.with_context(
            tracking_disable=True, mail_create_nolog=True, mail_create_nosubscribe=True
        )
        return quiet.create(
            [
                {
                    "name": f"MC-{number:08d}",
                    "visitor_id": ticket_sudo.visitor_id.id,
                    "partner_id": ticket_sudo.partner_id.id,
                    "product_id": ticket_sudo.product_id.id,
                    "site_id": ticket_sudo.site_id.id,
                    "company_id": ticket_sudo.company_id.id,
                }
                for ticket_sudo, number in zip(tickets_sudo, numbers, strict=True)
            ]
        )

    # ------------------------------------------------------------------
    # Freeze
    # ------------------------------------------------------------------

    @locks_first(lambda card: card._lock_names())
    def _freeze(self, reason, date_from=None, date_to=None):
        """Suspend a card: nobody enters with it until :meth:`_unfreeze`.

        :param date date_from: first frozen day, by default today
        :param date date_to: last frozen day; None: until somebody releases it
        :raise MembershipError: the card is not active, or the days make no sense
        """
        card_sudo = self._lock_for_change(reason)
        card_sudo._check_active()
        today = card_sudo._today()
        date_from = date_from or today
        if date_from < today or (date_to and date_to < date_from):
            raise MembershipError(
                self.env._("A freeze begins today or later and ends after that."),
                code="FREEZE_DATES",
            )
        if date_from > card_sudo.date_end:
            raise MembershipError(
                self.env._(
                    "Card %(card)s ends on %(end)s, before the freeze begins.",
                    card=card_sudo.name,
                    end=fields.Date.to_string(card_sudo.date_end),
                ),
                code="FREEZE_DATES",
            )
        freeze_sudo = card_sudo.env["scenic.membership.freeze"].create(
            {
                "membership_id": card_sudo.id,
                "ticket_id": card_sudo._period_on(date_from).id,
                "date_from": date_from,
                "date_to": date_to,
                "reason": reason.strip(),
                "state": "planned",
            }
        )
        if date_from == today:
            card_sudo._start_freeze(freeze_sudo)
        self.env["scenic.audit"]._log(
            "membership_freeze",
            self,
            reason=reason,
            after={
                "date_from": fields.Date.to_string(date_from),
                "date_to": date_to and fields.Date.to_string(date_to),
            },
        )

    def _start_freeze(self, freeze_sudo):
        self._live_tickets()._freeze(freeze_sudo.reason, of_card=True)
        freeze_sudo.state = "frozen"

    @locks_first(lambda card: card._lock_names())
    def _unfreeze(self, reason):
        """Release a frozen card and add the frozen days that its product grants.

        A freeze that has not begun is cancelled.

        :raise MembershipError: the card is not frozen
        """
        card_sudo = self._lock_for_change(reason)
        freeze_sudo = card_sudo._open_freeze()
        if not freeze_sudo:
            raise MembershipError(
                self.env._("Card %(card)s is not frozen.", card=card_sudo.name),
                code="MEMBERSHIP_NOT_FROZEN",
            )
        today, old_end = card_sudo._today(), card_sudo.date_end
        values = {"release_reason": reason.strip(), "date_released": today}
        if freeze_sudo.state == "planned":
            freeze_sudo.write({**values, "state": "cancelled"})
        else:
            days = min(
                (today - freeze_sudo.date_from).days,
                card_sudo._days_to_add(freeze_sudo.ticket_id),
            )
            freeze_sudo.write({**values, "state": "released", "days_added": days})
            card_sudo.ticket_ids.filtered(lambda t: t.state == "frozen")._unfreeze(
                reason, of_card=True
            )
            card_sudo._move_end(freeze_sudo.ticket_id, days)
        self.env["scenic.audit"]._log(
            "membership_unfreeze",
            self,
            reason=reason,
            before={"date_end": fields.Date.to_string(old_end)},
            after={
                "date_end": fields.Date.to_string(card_sudo.date_end),
                "days_added": freeze_sudo.days_added,
            },
        )

    def _days_to_add(self, ticket):
        """Return how many days freezes may still add to a period."""
        # sudo: the freezes of a card whose period the caller has
        earlier_sudo = self.sudo().freeze_ids.filtered(lambda f: f.ticket_id == ticket)
        granted = ticket.product_id.scenic_freeze_days
        return max(granted - sum(earlier_sudo.mapped("days_added")), 0)

    @api.model
    def _cron_freeze(self):
        """Begin the freezes whose day has come and end those whose day is over.

        Each card in a transaction of its own; one that cannot be changed keeps
        nobody else waiting and is tried again.
        """
        cron = self.env["ir.cron"]
        freezes = self.env["scenic.membership.freeze"].search(
            [("state", "in", ("planned", "frozen"))]
        )
        due = freezes.filtered(lambda f: f._is_due())
        cron._commit_progress(remaining=len(due))
        for freeze in due:
            try:
                with self.env.cr.savepoint():
                    freeze._turn()
            except MembershipError as error:
                _logger.warning("card %s: %s", freeze.membership_id.name, error)
            if not cron._commit_progress(1):
                break

    def _move_end(self, ticket_sudo, days):
        """Move the end of a period, and the periods after it, by so many days."""
        if not days:
            return
        later_sudo = self._live_tickets().filtered(
            lambda t: t.date_first > ticket_sudo.date_first
        )
        for entitlement_sudo in ticket_sudo.entitlement_ids:
            entitlement_sudo.valid_to = entitlement_sudo._days_later("valid_to", days)
        for entitlement_sudo in later_sudo.entitlement_ids:
            entitlement_sudo.write(
                {
                    name: entitlement_sudo._days_later(name, days)
                    for name in ("valid_from", "valid_to")
                }
            )
        for moved_sudo in ticket_sudo | later_sudo:
            moved_sudo.with_context(tracking_disable=True).days_added += days

    # ------------------------------------------------------------------
    # Media
    # ------------------------------------------------------------------

    @locks_first(lambda card: card._lock_names())
    def _replace(self, kind, number, reason, document=None):
        """Give the card a new medium; the old one of this kind opens nothing more.

        A card that has no medium of this kind yet gets its first one.

        :param str kind: ``ic_card``, or ``qr`` for the printed codes
        :param str number: of the new IC card; None for codes
        :param document: record or name of what was paid for it
        :return: the new credentials
        :raise MembershipError: the card is over
        :raise CredentialError: ``MEDIUM_TAKEN`` and what else is wrong with a number
        """
        card_sudo = self._lock_for_change(reason)
        tickets_sudo = card_sudo._live_tickets()
        if not tickets_sudo:
            card_sudo._raise_state(card_sudo.state)
        old_sudo = card_sudo._media().filtered(lambda c: c.kind == kind)
        living_sudo = old_sudo.filtered(lambda c: c.ticket_id in tickets_sudo)
        # what opened periods that are over is no longer a medium of this card, too
        (old_sudo - living_sudo)._write_state("replaced")
        if living_sudo:
            media = living_sudo._replace(reason, number)
        else:
            media = tickets_sudo._add_medium(kind, number)
        before = card_sudo.replace_count
        card_sudo._write_quiet({"replace_count": before + bool(old_sudo)})
        self.env["scenic.audit"]._log(
            "membership_replace",
            self,
            reason=reason,
            before={"replace_count": before},
            after={"replace_count": card_sudo.replace_count, "kind": kind},
            document=document,
        )
        return media

    def _media(self):
        """Return the media of the card that were neither replaced nor ended."""
        return self.ticket_ids.credential_ids.filtered("active")

    # ------------------------------------------------------------------
    # What staff does with a card
    # ------------------------------------------------------------------

    def action_set_photo(self, photo):
        """Keep the photo of the holder, or remove it.

        :param photo: base64 of an image, at most 512 pixels of it are kept
        :raise AccessError: only who sells cards or serves members may do this
        """
        self.ensure_one()
        self.check_access("read")
        if not self.env.su:
            check_groups(
                self.env,
                PHOTOGRAPHERS,
                self.env._("Only cashiers and customer service may take photos."),
            )
        # sudo: no user has the right to write cards
        self.sudo()._write_quiet({"photo": photo or False})
        self.env["scenic.audit"]._log(
            "membership_photo", self, after={"removed": not photo}
        )

    @api.model
    def _forget(self, visitors_sudo):
        """Delete what tells who held the cards of these visitors."""
        # sudo: no user has the right to write cards
        cards_sudo = self.sudo().search([("visitor_id", "in", visitors_sudo.ids)])
        cards_sudo.filtered("photo_128")._write_quiet({"photo": False})

    def action_view_tickets(self):
        """Open the periods of the card."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_ticket_action"
        )
        return {
            **action,
            "domain": [("membership_id", "in", self.ids)],
            "context": {},
        }

    # ------------------------------------------------------------------
    # Tools
    # ------------------------------------------------------------------

    def _today(self):
        """Return the day it is at the site of the card."""
        self.ensure_one()
        return fields.Date.context_today(self.with_context(tz=self.site_id.tz))

    def _live_tickets(self):
        """Return the periods that are worth something, the earliest first."""
        return self.ticket_ids.filtered(
            lambda t: t.state in ("valid", "part_used", "frozen")
        ).sorted("date_first")

    def _period_on(self, day):
        """Return the living ticket that covers a day, else the last one."""
        tickets = self._live_tickets()
        covering = tickets.filtered(lambda t: t.date_first <= day <= t.date_last)
        return covering[:1] or tickets[-1:]

    def _open_freeze(self):
        return self.freeze_ids.filtered(lambda f: f.state in ("planned", "frozen"))

    def _check_active(self):
        """Check that the card admits today or will.

        :raise MembershipError: its code names the state
        """
        self.ensure_one()
        if self._open_freeze():
            self._raise_state("frozen")
        if self.state != "active":
            self._raise_state(self.state)

    def _raise_state(self, state):
        selection = dict(self._fields["state"]._description_selection(self.env))
        raise MembershipError(
            self.env._(
                "Card %(card)s is in state “%(state)s”: this is not possible.",
                card=self.name,
                state=selection[state],
            ),
            code=f"MEMBERSHIP_{state.upper()}",
        )

    def _lock_for_change(self, reason):
        """Return the card as superuser, locked with its tickets."""
        self.ensure_one()
        check_reason(self.env, reason)
        # sudo: no user has the right to write cards; callers answer for the right
        card_sudo = self.sudo()
        card_sudo._lock()
        return card_sudo

    def _lock_names(self):
        """Return the names of :func:`~..tools.lock_first.lock_first` for a change."""
        cards_sudo = self.sudo()  # sudo: only the ids
        return [
            *(f"membership {id_}" for id_ in self.ids),
            *cards_sudo.ticket_ids._lock_names(),
        ]

    def _lock(self):
        """Lock the cards' tickets, then the cards.

        lock: a refund and a gate begin at the ticket, too.
        """
        self.ticket_ids._lock()
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_membership WHERE id IN %s ORDER BY id "
                "FOR NO KEY UPDATE",
                tuple(self.ids) or (0,),
            ),
            log_exceptions=False,
        )
        self.invalidate_recordset()

    def _write_quiet(self, values):
        self.with_context(tracking_disable=True).write(values)
        self.flush_recordset()
