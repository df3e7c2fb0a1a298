"""The part of a session that one cashier answers for: opened, counted, handed over.

Beside it: ``scenic_shift_sheet`` (what stands on the hand-over sheet).
"""

from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.tools import SQL, format_amount, format_datetime

from ..exceptions import WindowShiftError

COUNTS = [
    ("own", "By the cashier"),
    ("session", "At the closing of the register"),
    ("none", "Not counted"),
]


class ScenicShift(models.Model):
    """The time of one cashier at one point of sale (当班).

    Odoo's session counts one drawer from opening to closing, whoever sells, so the
    shifts lie within a session: the first one takes over the float counted at its
    opening, each later one what the cashier before has counted and left. A shift begins
    by itself with the first thing its cashier does, and ends when it is handed over or
    when the register is closed. From then on neither this class nor the database lets
    anybody change it; what arrives later is shown beside it.

    An order counts for whoever sent it to the server, not for whom the client names.
    Only what is dated before the end of a shift that is handed over already belongs to
    that one, as a late order: the till was offline.
    """

    _name = "scenic.shift"
    _description = "Cashier Shift"
    _order = "id desc"

    name = fields.Char(required=True, readonly=True, index=True)
    number = fields.Integer(
        required=True,
        readonly=True,
        aggregator=None,
        help="1 for the first shift of the session.",
    )
    session_id = fields.Many2one(
        "pos.session", required=True, readonly=True, index=True, ondelete="restrict"
    )
    config_id = fields.Many2one(
        "pos.config",
        string="Window",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    site_id = fields.Many2one(
        "scenic.site",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The site that the window stands at. Supervisors of this site see the "
        "shift.",
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True, ondelete="restrict"
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    user_id = fields.Many2one(
        "res.users",
        string="Cashier",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    state = fields.Selection(
        [("open", "Open"), ("closed", "Handed Over")],
        required=True,
        readonly=True,
        default="open",
        index=True,
    )
    date_open = fields.Datetime(string="Opened", required=True, readonly=True)
    date_close = fields.Datetime(string="Handed Over on", readonly=True, index=True)
    # Whoever changes what a shift consists of changes its row as well, so that nobody
    # can close it on the strength of an older state.
    order_count = fields.Integer(
        string="Orders", required=True, readonly=True, default=0
    )
    move_count = fields.Integer(
        string="Cash Moves", required=True, readonly=True, default=0
    )
    late_count = fields.Integer(
        string="Late Orders",
        compute="_compute_late_count",
        search="_search_late_count",
        help="Orders that were paid before the hand-over and arrived after it.",
    )
    # Counted
    cash_opening = fields.Monetary(
        string="Opening Float",
        required=True,
        readonly=True,
        help="Cash taken over from the opening of the register or the shift before.",
    )
    cash_expected = fields.Monetary(
        readonly=True, help="Opening float, cash payments and cash moves."
    )
    cash_counted = fields.Monetary(readonly=True)
    cash_difference = fields.Monetary(
        readonly=True, help="Counted less expected: below zero, cash is missing."
    )
    other_difference = fields.Monetary(
        readonly=True, help="Of all payment methods but the cash of the drawer."
    )
    amount_sales = fields.Monetary(
        string="Sales", readonly=True, help="Payments taken, all payment methods."
    )
    amount_refunds = fields.Monetary(
        string="Paid Back", readonly=True, help="Below zero; all payment methods."
    )
    ticket_count = fields.Integer(string="Tickets", readonly=True)
    person_count = fields.Integer(string="Persons", readonly=True)
    count_by = fields.Selection(COUNTS, string="Counted", readonly=True)
    remark = fields.Text(readonly=True)
    figures = fields.Json(
        readonly=True, help="What the sheet showed at the hand-over, see _figures()."
    )
    asked = fields.Json(
        readonly=True, help="What was handed over, to tell a repeat from a conflict."
    )

    _number_unique = models.UniqueIndex(
        "(session_id, number)", "This session has a shift of this number."
    )
    _open_unique = models.UniqueIndex(
        "(session_id, user_id) WHERE state = 'open'",
        "This cashier has an open shift in this session.",
    )
    _closed_counted = models.Constraint(
        "CHECK (state = 'open' OR (date_close IS NOT NULL AND count_by IS NOT NULL))",
        "A shift that is handed over says when and who counted.",
    )

    def init(self):
        super().init()
        self.env.cr.execute(
            SQL(
                "DROP TRIGGER IF EXISTS scenic_shift_closed ON scenic_shift; "
                "CREATE TRIGGER scenic_shift_closed BEFORE UPDATE OR DELETE "
                "ON scenic_shift FOR EACH ROW WHEN (OLD.state = 'closed') "
                "EXECUTE FUNCTION scenic_append_only(); "
                "ALTER TABLE scenic_shift ENABLE ALWAYS TRIGGER scenic_shift_closed"
            )
        )

    def _compute_late_count(self):
        counts = self._late_counts([("scenic_late_shift_id", "in", self.ids)])
        for shift in self:
            shift.late_count = counts.get(shift, 0)

    def _search_late_count(self, operator, value):
        if operator != ">" or value != 0:
            return NotImplemented
        counts = self._late_counts([("scenic_late_shift_id", "!=", False)])
        return [("id", "in", [shift.id for shift in counts])]

    @api.model
    def _late_counts(self, domain):
        # sudo: who may see the shift may know how much arrived later
        return dict(
            self.env["pos.order"]
            .sudo()
            ._read_group(domain, ["scenic_late_shift_id"], ["__count"])
        )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    def write(self, vals):
        self.check_access("write")
        self._check_open()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise WindowShiftError(
            self.env._("A shift cannot be deleted."), code="SHIFT_FIXED"
        )

    def _check_open(self):
        for shift in self:
            if shift.state == "closed":
                raise WindowShiftError(
                    self.env._(
                        "Shift %(shift)s was handed over on %(date)s and cannot be "
                        "changed any more. Correct it in the shift that is open now.",
                        shift=shift.name,
                        date=format_datetime(self.env, shift.date_close),
                    ),
                    code="SHIFT_CLOSED",
                )

    # ------------------------------------------------------------
    # OPEN
    # ------------------------------------------------------------

    @api.model
    def _lock_name(self, user):
        """Return what orders and the hand-over of a cashier wait for, one another."""
        return f"shift of user {user.id}"

    @api.model
    def _current(self, session, user):
        """Return the open shift of a cashier, as superuser; opened if there is none."""
        # sudo: nobody may write shifts; they follow from what cashiers do
        shifts_sudo = self.sudo()
        return shifts_sudo.search(
            [
                ("session_id", "=", session.id),
                ("user_id", "=", user.id),
                ("state", "=", "open"),
            ],
            limit=1,
        ) or shifts_sudo._open(session.sudo(), user)

    @api.model
    def _open(self, session, user):
        shifts = self.search([("session_id", "=", session.id)])
        number = len(shifts) + 1
        try:
            return self.create(
                {
                    "name": f"{session.name}-{number}",
                    "number": number,
                    "session_id": session.id,
                    "config_id": session.config_id.id,
                    "site_id": session.config_id.scenic_site_id.id,
                    "company_id": session.company_id.id,
                    "currency_id": session.currency_id.id,
                    "user_id": user.id,
                    "date_open": fields.Datetime.now(),
                    "cash_opening": shifts._cash_untaken(session),
                }
            )
        except UniqueViolation as error:
            # lock: another cashier began at the same moment and took the float. Called
            # again, this one finds it gone.
            raise ConcurrencyError(f"shift {number} of {session.name}") from error

    def _cash_untaken(self, session):
        """Return the cash of the drawer that none of these shifts has taken over.

        :param session: of the shifts, as superuser
        """
        left = sum(
            shift.cash_expected if shift.count_by == "none" else shift.cash_counted
            for shift in self
            if shift.state == "closed"
        )
        return session.currency_id.round(
            session.cash_register_balance_start
            - sum(self.mapped("cash_opening"))
            + left
        )

    @api.model
    def _assign(self, order):
        """Count an order that is paid in the shift that it belongs to.

        :param order: one ``pos.order``
        """
        # sudo: which shift an order counts in is not for the cashier to say
        order_sudo = order.sudo()
        session, named = order_sudo.session_id, order_sudo.user_id
        sender = self.env.user
        if sender.share or sender._is_superuser():
            # a kiosk, a scheduled action: there is no cashier behind it
            sender = named or session.user_id
        late_sudo = self.sudo().search(
            [
                ("session_id", "=", session.id),
                ("user_id", "=", (named or sender).id),
                ("state", "=", "closed"),
                ("date_close", ">", self._paid_at(order_sudo)),
            ],
            order="date_close, id",
            limit=1,
        )
        if late_sudo:
            order_sudo.scenic_late_shift_id = late_sudo
            late_sudo.invalidate_recordset(["late_count", "sheet"])
            return
        shift_sudo = self._current(session, sender)
        shift_sudo.order_count += 1
        order_sudo.scenic_shift_id = shift_sudo

    @api.model
    def _paid_at(self, order_sudo):
        """Return when the cashier took the money, by the clock of the till.

        Change has the date of its arrival: the server adds it.
        """
        payments_sudo = order_sudo.payment_ids.filtered(lambda p: not p.is_change)
        return max([order_sudo.date_order, *payments_sudo.mapped("payment_date")])

    # ------------------------------------------------------------
    # HAND OVER
    # ------------------------------------------------------------

    @api.model
    def _own(self, session):
        """Return the open shift of the current user, as superuser.

        :raise WindowShiftError: there is none
        """
        # sudo: the sums of a shift are its cashier's own
        shift_sudo = self.sudo().search(
            [
                ("session_id", "=", session.id),
                ("user_id", "=", self.env.uid),
                ("state", "=", "open"),
            ]
        )
        if not shift_sudo:
            raise WindowShiftError(
                self.env._(
                    "%(user)s has no open shift at this window: since the last "
                    "hand-over nothing was sold, refunded or moved. There is nothing "
                    "to hand over.",
                    user=self.env.user.name,
                ),
                code="SHIFT_NONE",
            )
        return shift_sudo

    @api.model
    def _hand_over(self, session, shift_id, counted, remark, bills):
        """Close a shift of the current user with what he has counted.

        The same once more gives the first answer.

        :param int shift_id: the shift whose sheet the cashier has seen
        :param dict counted: ``{payment method id: amount}``, all that is counted
        :param str remark: needed for a difference beyond the tolerance of the site
        :param dict bills: ``{value: number}`` of notes and coins; they make up the
            cash that was counted
        :return: the shift, as superuser
        :raise WindowShiftError: with a code that begins with ``SHIFT_``
        """
        # sudo: nobody may write shifts; this one is the user's own
        shift_sudo = self.sudo().search(
            [
                ("id", "=", shift_id),
                ("session_id", "=", session.id),
                ("user_id", "=", self.env.uid),
            ]
        )
        if not shift_sudo:
            shift_sudo = self._own(session)
        asked = {
            "counted": {str(key): amount for key, amount in counted.items()},
            "bills": {str(key): number for key, number in bills.items()},
            "remark": remark,
        }
        if shift_sudo.state == "closed" and shift_sudo.asked == asked:
            return shift_sudo
        shift_sudo._check_open()
        if shift_sudo.id != shift_id:
            raise WindowShiftError(
                self.env._(
                    "This is not the shift that was counted. Discard what you have "
                    "entered and choose Hand Over again."
                ),
                code="SHIFT_OTHER",
            )
        figures = shift_sudo._figures()
        shift_sudo._count(figures, counted, bills)
        shift_sudo._check_remark(figures, remark)
        shift_sudo._close(figures, "own", remark, asked)
        return shift_sudo

    def _count(self, figures, counted, bills=None):
        """Enter what was counted; each tender but customer accounts needs an amount.

        :param dict figures: of :meth:`_figures`, filled in
        """
        self.ensure_one()
        currency = self.currency_id
        for tender in figures["tenders"]:
            if tender["type"] == "pay_later":
                continue
            amount = counted.get(tender["method_id"])
            if amount is None or (tender["drawer"] and amount < 0):
                raise WindowShiftError(
                    self.env._(
                        "%(tender)s: enter the amount that you have counted.",
                        tender=tender["name"],
                    ),
                    code="SHIFT_COUNT",
                )
            tender["counted"] = currency.round(amount)
            tender["difference"] = currency.round(amount - tender["expected"])
            if bills and tender["drawer"]:
                total = sum(value * number for value, number in bills.items())
                if currency.compare_amounts(total, amount):
                    raise WindowShiftError(
                        self.env._(
                            "%(tender)s: the notes and coins come to %(total)s, not to "
                            "%(amount)s. Count them again.",
                            tender=tender["name"],
                            total=format_amount(self.env, total, currency),
                            amount=format_amount(self.env, amount, currency),
                        ),
                        code="SHIFT_BILLS",
                    )
        figures["bills"] = [[v, bills[v]] for v in sorted(bills or {}, reverse=True)]

    def _check_remark(self, figures, remark):
        """Ask for a remark where a difference is beyond the tolerance of the site."""
        if remark:
            return
        for tender in figures["tenders"]:
            difference = tender["difference"] or 0
            if self.currency_id.compare_amounts(abs(difference), self._tolerance()) > 0:
                raise WindowShiftError(
                    self.env._(
                        "%(tender)s: %(counted)s counted, %(expected)s expected, "
                        "%(difference)s difference. Count again, or write down what "
                        "you know about it.",
                        tender=tender["name"],
                        counted=self._money(tender["counted"]),
                        expected=self._money(tender["expected"]),
                        difference=self._money(difference),
                    ),
                    code="SHIFT_REMARK",
                )

    def _tolerance(self):
        """Return the difference that needs no remark, in the currency of the shift."""
        self.ensure_one()
        # sudo: a cashier may be limited to other sites than that of the window
        return self.sudo().site_id.shift_tolerance

    def _money(self, amount):
        self.ensure_one()
        return format_amount(self.env, amount, self.currency_id)

    def _close(self, figures, count_by, remark="", asked=None):
        """Freeze the figures; as superuser."""
        self.ensure_one()
        tenders = figures["tenders"]
        drawer = next((t for t in tenders if t["drawer"]), {})
        self.write(
            {
                "state": "closed",
                "date_close": fields.Datetime.now(),
                "count_by": count_by,
                "remark": remark or False,
                "asked": asked,
                "figures": figures,
                "cash_expected": drawer.get("expected", 0),
                "cash_counted": drawer.get("counted") or 0,
                "cash_difference": drawer.get("difference") or 0,
                "other_difference": self.currency_id.round(
                    sum(t["difference"] or 0 for t in tenders if not t["drawer"])
                ),
                "amount_sales": self.currency_id.round(
                    sum(tender["sales"] for tender in tenders)
                ),
                "amount_refunds": self.currency_id.round(
                    sum(tender["refunds"] for tender in tenders)
                ),
                "ticket_count": sum(row["tickets"] for row in figures["sold"]),
                "person_count": sum(row["persons"] for row in figures["sold"]),
            }
        )
        # one statement: a second one would find the shift closed
        self.flush_recordset()

    # ------------------------------------------------------------
    # CLOSE THE REGISTER
    # ------------------------------------------------------------

    @api.model
    def _close_all(self, session, differences):
        """Close the shifts that are still open when their register is closed.

        What was counted at the closing, less what the other shifts have counted, is
        the count of the one who closes; of several open ones only his is counted.

        :param dict differences: ``{payment method id: amount}`` that the closing found
            beside the cash
        """
        # sudo: nobody may write shifts; the right to close is that of the register
        session = session.sudo()
        shifts_sudo = self.sudo().search(
            [("session_id", "=", session.id)], order="number"
        )
        open_sudo = shifts_sudo.filtered(lambda shift: shift.state == "open")
        if not open_sudo:
            return
        mine_sudo = open_sudo.filtered(lambda shift: shift.user_id == self.env.user)
        last_sudo = mine_sudo or open_sudo[-1:]
        for shift_sudo in open_sudo - last_sudo:
            shift_sudo._close(shift_sudo._figures(), "none", session.closing_notes)
        found = [method_id for method_id, amount in differences.items() if amount]
        figures = last_sudo._figures(found)
        taken = session.cash_register_balance_end_real - shifts_sudo._cash_untaken(
            session
        )
        others = [
            tender
            for shift_sudo in shifts_sudo - last_sudo
            for tender in shift_sudo.figures["tenders"]
        ]
        paid = dict(
            self.env["pos.payment"]
            .sudo()  # sudo: all that was paid in the session
            ._read_group(
                session._get_captured_payments_domain(),
                ["payment_method_id"],
                ["amount:sum"],
            )
        )
        for tender in figures["tenders"]:
            if tender["type"] == "pay_later":
                continue
            amount = taken
            if not tender["drawer"]:
                method = self.env["pos.payment.method"].browse(tender["method_id"])
                amount = paid.get(method.sudo(), 0)
                amount += differences.get(method.id, 0)
                amount -= sum(
                    t["expected"] if t["counted"] is None else t["counted"]
                    for t in others
                    if t["method_id"] == method.id
                )
            tender["counted"] = last_sudo.currency_id.round(amount)
            tender["difference"] = last_sudo.currency_id.round(
                amount - tender["expected"]
            )
        last_sudo._close(figures, "session", session.closing_notes)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_orders(self):
        """Open the orders of the shift, those that arrived later among them."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "point_of_sale.action_pos_pos_form"
        )
        domain = [
            "|",
            ("scenic_shift_id", "in", self.ids),
            ("scenic_late_shift_id", "in", self.ids),
        ]
        return {**action, "domain": domain, "context": {}}

    def action_view_tickets(self):
        """Open the tickets that the shift has sold."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_ticket_action"
        )
        domain = [
            "|",
            ("pos_order_line_id.order_id.scenic_shift_id", "in", self.ids),
            ("pos_order_line_id.order_id.scenic_late_shift_id", "in", self.ids),
        ]
        return {**action, "domain": domain, "context": {}}

    def action_print(self):
        """Print the sheet on A4."""
        self.check_access("read")
        return self.env.ref(
            "scenic_ticket_pos.action_report_scenic_shift"
        ).report_action(self)

    def action_print_strip(self):
        """Print the sheet on a strip of 80 mm."""
        self.check_access("read")
        return self.env.ref(
            "scenic_ticket_pos.action_report_scenic_shift_strip"
        ).report_action(self)

    def action_export(self):
        """Send the sheet as a spreadsheet."""
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_url",
            "url": f"/scenic/shift/{self.id}/xlsx",
            "target": "new",
        }
