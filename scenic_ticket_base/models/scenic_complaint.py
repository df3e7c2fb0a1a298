from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..exceptions import ComplaintError

# From which state a complaint may go to which.
NEXT_STATES = {
    "new": ("in_progress", "closed"),
    "in_progress": ("answered", "closed"),
    "answered": ("in_progress", "closed"),
    "closed": ("in_progress",),
}


class ScenicComplaint(models.Model):
    _name = "scenic.complaint"
    _description = "Complaint"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "priority desc, id desc"

    name = fields.Char(
        string="Complaint",
        required=True,
        readonly=True,
        copy=False,
        index=True,
        default=lambda self: self.env._("New"),
    )
    subject = fields.Char(required=True, tracking=True)
    description = fields.Text(
        required=True,
        help="What happened, in the words of the visitor. No document numbers "
        "please: name the ticket or the visitor instead.",
    )
    category = fields.Selection(
        [
            ("ticket", "Tickets and Prices"),
            ("refund", "Refund or Change"),
            ("gate", "Admission"),
            ("waiting", "Waiting Time"),
            ("staff", "Staff"),
            ("facility", "Facilities"),
            ("safety", "Safety"),
            ("other", "Other"),
        ],
        required=True,
        default="other",
        tracking=True,
    )
    source = fields.Selection(
        [
            ("desk", "Service Desk"),
            ("phone", "Telephone"),
            ("web", "Web"),
            ("letter", "Letter or E-mail"),
            ("hotline", "Public Hotline"),
            ("agency", "Agency"),
        ],
        string="Received by",
        required=True,
        default="desk",
    )
    priority = fields.Selection(
        [("0", "Normal"), ("1", "Urgent")], required=True, default="0"
    )
    # What it is about
    site_id = fields.Many2one("scenic.site", index="btree_not_null", tracking=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", index="btree_not_null"
    )
    visitor_id = fields.Many2one("scenic.visitor", index="btree_not_null")
    booking_id = fields.Many2one("scenic.booking", index="btree_not_null")
    ticket_id = fields.Many2one("scenic.ticket", index="btree_not_null")
    membership_id = fields.Many2one(
        "scenic.membership", string="Member Card", index="btree_not_null"
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    # What is done about it
    state = fields.Selection(
        [
            ("new", "New"),
            ("in_progress", "In Progress"),
            ("answered", "Answered"),
            ("closed", "Closed"),
        ],
        required=True,
        default="new",
        copy=False,
        index=True,
        tracking=True,
        group_expand=True,
    )
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        index="btree_not_null",
        tracking=True,
        domain="[('share', '=', False)]",
    )
    answer = fields.Text(copy=False)
    date_received = fields.Datetime(
        string="Received on", required=True, default=fields.Datetime.now
    )
    date_answered = fields.Datetime(string="Answered on", readonly=True, copy=False)
    date_closed = fields.Datetime(string="Closed on", readonly=True, copy=False)

    @api.depends("name", "subject")
    def _compute_display_name(self):
        for complaint in self:
            complaint.display_name = f"{complaint.name} {complaint.subject or ''}"

    @api.constrains(
        "company_id",
        "site_id",
        "visitor_id",
        "booking_id",
        "ticket_id",
        "membership_id",
    )
    def _check_company(self):
        for complaint in self:
            for name in (
                "site_id",
                "visitor_id",
                "booking_id",
                "ticket_id",
                "membership_id",
            ):
                record = complaint[name]
                if record and record.company_id != complaint.company_id:
                    raise ValidationError(
                        self.env._(
                            "%(record)s belongs to another company than the complaint.",
                            record=record.display_name,
                        )
                    )

    @api.onchange("ticket_id")
    def _onchange_ticket_id(self):
        ticket = self.ticket_id
        if ticket:
            self.booking_id = ticket.booking_id
            self.site_id = ticket.site_id
            self.visitor_id = ticket.visitor_id or self.visitor_id
            self.partner_id = ticket.partner_id or self.partner_id
            self.membership_id = ticket.membership_id

    @api.onchange("membership_id")
    def _onchange_membership_id(self):
        card = self.membership_id
        if card:
            self.site_id = card.site_id
            self.visitor_id = card.visitor_id
            self.partner_id = card.partner_id or self.partner_id

    @api.model_create_multi
    def create(self, vals_list):
        # sudo: the sequence
        sequence_sudo = self.env["ir.sequence"].sudo()
        for values in vals_list:
            values["name"] = sequence_sudo.next_by_code("scenic.complaint")
            if values.get("state", "new") != "new":
                raise ComplaintError(
                    self.env._("A complaint begins as a new one."),
                    code="COMPLAINT_STATE",
                )
        return super().create(vals_list)

    def write(self, vals):
        if "state" in vals:
            self.check_access("write")
            vals = {**vals, **self._check_next_state(vals)}
        return super().write(vals)

    def _check_next_state(self, vals):
        """Check a change of state and return the moments that go with it.

        :raise ComplaintError: the step is left out of the way, or there is no answer
        """
        state = vals["state"]
        selection = dict(self._fields["state"]._description_selection(self.env))
        for complaint in self:
            if state not in (complaint.state, *NEXT_STATES[complaint.state]):
                raise ComplaintError(
                    self.env._(
                        "Complaint %(complaint)s is “%(state)s” and cannot become "
                        "“%(next)s” from there.",
                        complaint=complaint.name,
                        state=selection[complaint.state],
                        next=selection.get(state, state),
                    ),
                    code="COMPLAINT_STATE",
                )
            answer = vals.get("answer", complaint.answer)
            if state in ("answered", "closed") and not (answer or "").strip():
                raise ComplaintError(
                    self.env._(
                        "Please write down what complaint %(complaint)s was answered.",
                        complaint=complaint.name,
                    ),
                    code="COMPLAINT_ANSWER_MISSING",
                )
        now = fields.Datetime.now()
        moments = {
            "answered": {"date_answered": now},
            "closed": {"date_closed": now},
            "in_progress": {"date_closed": False},
        }
        return moments.get(state, {})

    def action_start(self):
        """Take the complaint on; reopen it if it was answered or closed."""
        for complaint in self:
            complaint.write(
                {
                    "state": "in_progress",
                    "user_id": complaint.user_id.id or self.env.uid,
                }
            )

    def action_answer(self):
        """Tell that the visitor was answered."""
        self.write({"state": "answered"})

    def action_close(self):
        """Put the complaint away."""
        self.write({"state": "closed"})

    @api.model
    def _forget(self, visitors):
        """Delete what complaints of shredded visitors say; their figures stay.

        What was written about them goes as well: the tracked subject, messages to the
        visitor, letters that were attached.
        """
        # sudo: whoever may erase a visitor, and the scheduled job
        complaints_sudo = self.sudo().search([("visitor_id", "in", visitors.ids)])
        if not complaints_sudo:
            return
        complaints_sudo.with_context(tracking_disable=True).write(
            {"subject": "—", "description": "—", "answer": "—", "partner_id": False}
        )
        complaints_sudo.message_ids.unlink()
        # sudo: as above
        attachments_sudo = self.env["ir.attachment"].sudo()
        attachments_sudo.search(
            [("res_model", "=", self._name), ("res_id", "in", complaints_sudo.ids)]
        ).unlink()
