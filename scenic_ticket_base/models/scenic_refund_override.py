from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL, format_datetime

from ..exceptions import OverrideError
from ..tools.guard import check_groups, check_reason
from ..tools.lock_first import locks_first

VALID_HOURS = 24
# Who takes tickets back, and so may ask for an exception
REFUND_ASKERS = (
    "scenic_ticket_base.group_scenic_cashier",
    "scenic_ticket_base.group_scenic_customer_service",
    "scenic_ticket_base.group_scenic_finance",
)


class ScenicRefundOverride(models.Model):
    """An exception from the refund policy: one person asks, another one agrees.

    It holds for one refund of one ticket and for a day; nobody can agree to what he
    asked for himself.
    """

    _name = "scenic.refund.override"
    _description = "Refund Exception"
    _order = "id desc"
    _rec_name = "ticket_id"

    ticket_id = fields.Many2one(
        "scenic.ticket", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="ticket_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    site_id = fields.Many2one(related="ticket_id.site_id", store=True, index=True)
    persons = fields.Integer(
        required=True,
        readonly=True,
        default=0,
        help="Pay back so many persons, used or not. 0: not by persons.",
    )
    entitlement_ids = fields.Many2many(
        "scenic.entitlement",
        string="Components",
        readonly=True,
        help="Pay back these components, used or not. With neither persons nor "
        "components the whole ticket is paid back.",
    )
    amount_total = fields.Monetary(
        string="Pays Back",
        readonly=True,
        required=True,
        help="Tax included, as it was when it was asked for.",
    )
    reason = fields.Char(required=True, readonly=True)
    requester_id = fields.Many2one(
        "res.users", string="Asked by", required=True, readonly=True, index=True
    )
    date_requested = fields.Datetime(required=True, readonly=True)
    approver_id = fields.Many2one(
        "res.users",
        string="Decided by",
        readonly=True,
        index="btree_not_null",
        help="Another person than the one who asked.",
    )
    date_decided = fields.Datetime(readonly=True)
    valid_until = fields.Datetime(required=True, readonly=True)
    state = fields.Selection(
        [
            ("requested", "Asked for"),
            ("approved", "Agreed"),
            ("refused", "Refused"),
            ("used", "Paid Back"),
        ],
        required=True,
        readonly=True,
        default="requested",
        index=True,
    )

    _two_persons = models.Constraint(
        "CHECK (approver_id IS NULL OR approver_id <> requester_id)",
        "Nobody can agree to an exception that he asked for himself.",
    )
    _approved = models.Constraint(
        "CHECK (state IN ('requested') OR approver_id IS NOT NULL)",
        "An exception needs the person who decided on it.",
    )
    # ------------------------------------------------------------------
    # Ask and decide
    # ------------------------------------------------------------------

    @api.model
    def _request(self, ticket, reason, persons=None, rights=None):
        """Ask for an exception, in the name of the current user.

        :param ticket: one ``scenic.ticket`` that the user may read
        :param str reason: why the rules should not hold this time
        :param int persons: so many persons; None: not by persons
        :param rights: components; None: not by components
        :raise OverrideError: nothing is left to pay back, or nobody may agree
        """
        ticket.ensure_one()
        ticket.check_access("read")
        if not self.env.su:
            check_groups(
                self.env,
                REFUND_ASKERS,
                self.env._("Only those who refund tickets may ask for an exception."),
            )
        check_reason(self.env, reason)
        # sudo: nobody may create exceptions; the right was checked above
        ticket_sudo = ticket.sudo()
        if ticket_sudo._refund_terms()["override"] == "none":
            raise OverrideError(
                self.env._(
                    "The refund policy of ticket %(ticket)s allows no exceptions.",
                    ticket=ticket_sudo.name,
                ),
                code="OVERRIDE_NEVER",
            )
        now = fields.Datetime.now()
        values = {
            "ticket_id": ticket_sudo.id,
            "persons": persons or 0,
            "entitlement_ids": rights.ids if rights else [],
            "amount_total": 0,
            "reason": reason.strip(),
            "requester_id": self.env.uid,
            "date_requested": now,
            "valid_until": now + timedelta(hours=VALID_HOURS),
        }
        # sudo: written for staff whose right was checked above
        override_sudo = self.sudo().create(values)
        plan = self.env["scenic.refund"]._plan(ticket_sudo, override=override_sudo)
        if not plan.decision.allowed:
            ticket_sudo._raise_refund(plan.decision.code)
        override_sudo.amount_total = ticket_sudo._money(plan.decision.amount)
        return self.browse(override_sudo.id)

    def action_approve(self):
        """Agree to exceptions that others asked for."""
        self._decide("approved")

    def action_refuse(self):
        """Refuse exceptions that others asked for."""
        self._decide("refused")

    @locks_first(lambda overrides: [f"override {id_}" for id_ in overrides.ids])
    def _decide(self, state):
        """Decide on open exceptions as the current user.

        :raise AccessError: the user has not the right that the policy asks for
        :raise OverrideError: asked for by the user himself, decided already, too late
        """
        self.check_access("read")
        # sudo: nobody may write exceptions; each is checked against the user
        overrides_sudo = self.sudo()
        overrides_sudo._lock()
        for override_sudo in overrides_sudo:
            role = override_sudo.ticket_id._refund_terms()["override"]
            group = "manager" if role == "manager" else "supervisor"
            if not self.env.user.has_group(f"scenic_ticket_base.group_scenic_{group}"):
                raise AccessError(
                    self.env._(
                        "Only a shift supervisor may decide on this exception, or a "
                        "ticketing manager if the refund policy says so."
                    )
                )
            if override_sudo.requester_id == self.env.user:
                raise OverrideError(
                    self.env._(
                        "You asked for this exception yourself: another person must "
                        "decide on it."
                    ),
                    code="OVERRIDE_SAME_PERSON",
                )
            if override_sudo.state != "requested":
                raise OverrideError(
                    self.env._("This exception was decided on already."),
                    code="OVERRIDE_DECIDED",
                )
            override_sudo._check_time()
            override_sudo.write(
                {
                    "state": state,
                    "approver_id": self.env.uid,
                    "date_decided": fields.Datetime.now(),
                }
            )
        self.env["scenic.audit"]._log(
            "ticket_refund_override",
            overrides_sudo.ticket_id,
            reason="; ".join(overrides_sudo.mapped("reason")),
            after={"exception": state},
        )

    # ------------------------------------------------------------------
    # Use
    # ------------------------------------------------------------------

    def _check_usable(self, tickets):
        """Check, locked, that this exception covers a refund that is made now.

        :raise OverrideError: with a stable code
        """
        self.ensure_one()
        self._lock()
        if tickets != self.ticket_id:
            raise OverrideError(
                self.env._(
                    "This exception is for ticket %(ticket)s.",
                    ticket=self.ticket_id.name,
                ),
                code="OVERRIDE_TICKET",
            )
        if self.state == "used":
            raise OverrideError(
                self.env._("This exception was used already."), code="OVERRIDE_USED"
            )
        if self.state != "approved":
            raise OverrideError(
                self.env._("Nobody has agreed to this exception."),
                code="OVERRIDE_NOT_APPROVED",
            )
        self._check_time()

    def _check_time(self):
        for override in self:
            if override.valid_until <= fields.Datetime.now():
                raise OverrideError(
                    self.env._(
                        "This exception held until %(until)s. Please ask again.",
                        until=format_datetime(
                            self.env, override.valid_until, tz=override.site_id.tz
                        ),
                    ),
                    code="OVERRIDE_EXPIRED",
                )

    def _use(self):
        """Note that the money was paid back: an exception holds once."""
        self.state = "used"

    def _lock(self):
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_refund_override WHERE id IN %s ORDER BY id "
                "FOR NO KEY UPDATE",
                tuple(self.ids) or (0,),
            ),
            log_exceptions=False,
        )
        self.invalidate_recordset()
