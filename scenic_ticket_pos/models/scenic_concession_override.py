from datetime import timedelta

from odoo import api, fields, models

from odoo.addons.scenic_ticket_base.exceptions import OverrideError
from odoo.addons.scenic_ticket_base.tools.guard import (
    SUPERVISOR,
    check_groups,
    check_reason,
)
from odoo.addons.scenic_ticket_base.tools.lock_first import locks_first
from odoo.addons.scenic_ticket_base.tools.mask import mask_text

from ..tools.document_reader import MAX_TEXT

VALID_HOURS = 24


class ScenicConcessionOverride(models.Model):
    """A concession that a document refutes: the cashier asks, a supervisor decides.

    The order need not be on the server: it may be one that a till took without a
    connection and that was refused when it arrived. The exception is for one line of
    it, and holds once.
    """

    _name = "scenic.concession.override"
    _description = "Concession Exception"
    _order = "id desc"
    _rec_name = "order_ref"

    order_ref = fields.Char(string="Receipt Number", required=True, readonly=True)
    line_uuid = fields.Char(required=True, readonly=True, index=True)
    config_id = fields.Many2one(
        "pos.config",
        string="Window",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    product_id = fields.Many2one(
        "product.product",
        string="Ticket Product",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    persons = fields.Integer(required=True, readonly=True)
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True
    )
    site_id = fields.Many2one(
        "scenic.site", required=True, readonly=True, index=True, ondelete="restrict"
    )
    refusal = fields.Char(
        required=True, readonly=True, help="What the rules say against it."
    )
    reason = fields.Char(required=True, readonly=True)
    requester_id = fields.Many2one(
        "res.users", string="Asked by", required=True, readonly=True, index=True
    )
    approver_id = fields.Many2one(
        "res.users",
        string="Decided by",
        readonly=True,
        index="btree_not_null",
        help="Another person than the one who asked.",
    )
    date_decided = fields.Datetime(readonly=True)
    valid_until = fields.Datetime(required=True, readonly=True)
    order_id = fields.Many2one(
        "pos.order",
        string="Sold by",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    state = fields.Selection(
        [
            ("requested", "Asked for"),
            ("approved", "Agreed"),
            ("refused", "Refused"),
            ("used", "Sold"),
            ("lapsed", "Lapsed"),
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
    _decided = models.Constraint(
        "CHECK (state IN ('requested', 'lapsed') OR approver_id IS NOT NULL)",
        "An exception needs the person who decided on it.",
    )
    _one_open = models.UniqueIndex(
        "(line_uuid) WHERE state IN ('requested', 'approved')",
        "An exception for this line was asked for already.",
    )

    @api.model
    def _request(self, config, choice, line_uuid, order_ref, refusal, reason):
        """Ask for an exception for a line, in the name of the current user.

        Asked again while it is open, the first answer is returned.

        :param choice: ``scenic_eligibility.Choice`` of the line
        :param str refusal: what the rules say against it
        """
        check_reason(self.env, reason)
        # sudo: nobody may create exceptions; callers answer for the right
        open_sudo = self.sudo().search(
            [
                ("line_uuid", "=", line_uuid),
                ("state", "in", ("requested", "approved")),
            ]
        )
        stale_sudo = open_sudo.filtered(
            lambda o: (
                o.valid_until <= fields.Datetime.now()
                or (o.product_id, o.persons) != (choice.product, choice.quantity)
                or o.config_id != config
            )
        )
        if open_sudo - stale_sudo:
            return self.browse((open_sudo - stale_sudo).id)
        stale_sudo.state = "lapsed"
        stale_sudo.flush_recordset()
        site = choice.product.sudo().scenic_site_id
        override_sudo = self.sudo().create(
            {
                "order_ref": order_ref[:MAX_TEXT] or line_uuid,
                "line_uuid": line_uuid,
                "config_id": config.id,
                "product_id": choice.product.id,
                "persons": choice.quantity,
                "company_id": config.company_id.id,
                "site_id": site.id,
                "refusal": mask_text(refusal),
                "reason": mask_text(reason.strip()[:MAX_TEXT]),
                "requester_id": self.env.uid,
                "valid_until": fields.Datetime.now() + timedelta(hours=VALID_HOURS),
            }
        )
        return self.browse(override_sudo.id)

    @api.model
    def _of(self, line):
        """Return the exception that was agreed to for an order line, or none."""
        return self._agreed(
            line.uuid, line.product_id, round(line.qty), line.order_id.config_id
        )

    @api.model
    def _agreed(self, line_uuid, product, persons, config):
        """Return the exception that holds for a line, or none, as superuser."""
        # sudo: whoever sells need not read the rules, nor what others asked for
        if not product.sudo().product_tmpl_id._scenic_concessions():
            return self.sudo().browse()
        return self.sudo().search(
            [
                ("line_uuid", "=", line_uuid),
                ("product_id", "=", product.id),
                ("persons", "=", persons),
                ("config_id", "=", config.id),
                ("state", "=", "approved"),
                ("valid_until", ">", fields.Datetime.now()),
            ],
            limit=1,
        )

    def _use(self, order):
        """Note which order was sold by this exception: it holds once."""
        self.write({"state": "used", "order_id": order.id})

    def action_approve(self):
        """Agree to exceptions that others asked for."""
        self._decide("approved")

    def action_refuse(self):
        """Refuse exceptions that others asked for."""
        self._decide("refused")

    @locks_first(lambda overrides: [f"concession {id_}" for id_ in overrides.ids])
    def _decide(self, state):
        """Decide on open exceptions as the current user.

        :raise AccessError: only a supervisor may do this
        :raise OverrideError: asked for by the user himself, decided already, too late
        """
        self.check_access("read")
        check_groups(
            self.env,
            (SUPERVISOR,),
            self.env._("Only a shift supervisor may decide on this exception."),
        )
        # sudo: nobody may write exceptions; each is checked against the user
        for override_sudo in self.sudo():
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
            if override_sudo.valid_until <= fields.Datetime.now():
                raise OverrideError(
                    self.env._("This exception is too old. Please ask again."),
                    code="OVERRIDE_EXPIRED",
                )
            override_sudo.write(
                {
                    "state": state,
                    "approver_id": self.env.uid,
                    "date_decided": fields.Datetime.now(),
                }
            )
