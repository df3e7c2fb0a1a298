import json

from odoo import api, fields, models
from odoo.exceptions import AccessError, MissingError
from odoo.fields import Domain

from ..tools.mask import mask_text, mask_values

# The stable words for what may be done, and how a person reads them. Other add-ons'
# words stand here too: a word that an add-on took away with it when it is
# uninstalled would leave facts that nobody can read any more.
ACTIONS = [
    # Configuration
    ("config_create", "Setting Created"),
    ("config_write", "Setting Changed"),
    ("config_unlink", "Setting Deleted"),
    ("rights_change", "Rights Changed"),
    ("key_rotate", "Signing Key Changed"),
    ("window_pin", "Window PIN Set"),
    ("window_pin_lock", "Window PIN Locked"),
    # Bookings
    ("booking_hold", "Booking Held"),
    ("booking_extend", "Hold Extended"),
    ("booking_confirm", "Booking Confirmed"),
    ("booking_amend", "Booking Changed"),
    ("booking_cancel", "Booking Cancelled"),
    ("booking_expire", "Hold Expired"),
    ("blank_lease", "Blanks Lent"),
    ("blank_return", "Blanks Given Back"),
    ("blank_write_off", "Blanks Written Off"),
    ("blank_reinstate", "Blanks Reinstated"),
    ("capacity_override", "Sold beyond the Capacity"),
    ("price_override", "Price Overridden"),
    ("free_ticket", "Free Ticket Sold"),
    ("concession_choice", "Dearer Ticket Chosen"),
    ("concession_override", "Concession Accepted"),
    ("closure", "Site Closed"),
    # Tickets
    ("ticket_change", "Ticket Changed"),
    ("ticket_freeze", "Ticket Frozen"),
    ("ticket_unfreeze", "Ticket Released"),
    ("ticket_void", "Ticket Voided"),
    ("ticket_refund", "Ticket Refunded"),
    ("ticket_refund_override", "Refund Overridden"),
    ("ticket_expire", "Ticket Expired"),
    # Credentials
    ("credential_add", "Medium Added"),
    ("credential_replace", "Medium Replaced"),
    ("credential_freeze", "Medium Frozen"),
    ("credential_unfreeze", "Medium Released"),
    # People
    ("visitor_view", "Full Number Viewed"),
    ("visitor_export", "Visitor Exported"),
    ("visitor_erase", "Visitor Erased"),
    ("visitor_shred", "Visitor Shredded"),
    ("visitor_block", "Visitor Blocked"),
    ("visitor_unblock", "Visitor Unblocked"),
    ("holder_change", "Holder Changed"),
    ("membership_freeze", "Membership Frozen"),
    ("membership_unfreeze", "Membership Released"),
    ("membership_renew", "Membership Renewed"),
    ("membership_replace", "Card Replaced"),
    ("membership_create", "Membership Sold"),
    ("membership_photo", "Photo Changed"),
    ("fingerprint_give", "Consent to Fingerprint"),
    ("fingerprint_withdraw", "Consent to Fingerprint Withdrawn"),
    ("staff_issue", "Staff Card Issued"),
    ("staff_revoke", "Staff Card Revoked"),
    # Money
    ("revenue_post", "Revenue Posted"),
    ("revenue_change", "Revenue Corrected"),
    # Gates
    ("device_key", "Device Key Made"),
    ("device_revoke", "Device Key Revoked"),
    ("device_enable", "Device Enabled"),
    ("device_disable", "Device Disabled"),
    ("lane_mode", "Lane Switched"),
    ("pass_give_back", "Entry Given Back"),
    ("pass_review", "Pass Reviewed"),
    # The trail itself
    ("audit_export", "Audit Trail Exported"),
]
_ACTION_WORDS = dict(ACTIONS)
# How many records the web client names at most when all are selected.
ACTIVE_IDS_LIMIT = 20000
EXPORT_BATCH = 2000


class ScenicAudit(models.Model):
    """Who did what, when, where and why; written by :meth:`_log` and nobody else.

    Names stand here as they were at the time, and no reference keeps anything from
    being deleted: the trail outlives what it speaks of.
    """

    _name = "scenic.audit"
    _description = "Audit Trail"
    _inherit = ["scenic.append.only"]
    _order = "id desc"
    _rec_name = "name"
    _log_access = False

    event_time = fields.Datetime(
        string="Time", required=True, readonly=True, index=True
    )
    user_id = fields.Many2one(
        "res.users", required=True, readonly=True, index=True, ondelete="restrict"
    )
    login = fields.Char(
        required=True, readonly=True, help="Login of the user at that time."
    )
    action = fields.Selection(ACTIONS, required=True, readonly=True, index=True)
    res_model = fields.Char(string="Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        string="Record ID", model_field="res_model", readonly=True, aggregator=None
    )
    name = fields.Char(
        string="Record", readonly=True, help="Name of the record at that time."
    )
    company_id = fields.Many2one(
        "res.company", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    site_number = fields.Integer(
        string="Site ID",
        readonly=True,
        index="btree_not_null",
        aggregator=None,
        help="Not a reference, so that a site can be deleted and its trail stays.",
    )
    site_name = fields.Char(string="Site", readonly=True)
    reason = fields.Char(readonly=True)
    before = fields.Json(readonly=True)
    after = fields.Json(readonly=True)
    document = fields.Char(
        readonly=True, help="Name of the order, invoice or entry behind it."
    )
    document_model = fields.Char(readonly=True)
    document_id = fields.Many2oneReference(
        string="Document ID",
        model_field="document_model",
        readonly=True,
        aggregator=None,
    )
    device = fields.Char(readonly=True, help="Terminal, till or gate device.")
    remote_addr = fields.Char(string="Address", readonly=True)

    # For a person
    model_name = fields.Char(string="Kind of Record", compute="_compute_model_name")
    changes = fields.Text(
        compute="_compute_changes", help="Values before → after, by field."
    )
    summary = fields.Char(
        string="Before → After",
        compute="_compute_changes",
        help="The changes in one line.",
    )

    _record_index = models.Index("(res_model, res_id, id)")

    @api.depends("res_model")
    def _compute_model_name(self):
        for event in self:
            known = event.res_model in self.env
            event.model_name = (
                # sudo: the name of a model is no secret
                self.env["ir.model"].sudo()._get(event.res_model).name
                if known
                else event.res_model
            )

    @api.depends("res_model", "before", "after")
    @api.depends_context("lang")
    def _compute_changes(self):
        for event in self:
            lines = event._change_lines()
            event.changes = "\n".join(lines)
            event.summary = " · ".join(lines)

    def _change_lines(self):
        """Return one line for each value, in the words of the reader."""
        self.ensure_one()
        before, after = self.before or {}, self.after or {}
        words = self._value_labels()
        lines = []
        for name in {**before, **after}:
            field = (
                self.env[self.res_model]._fields.get(name)
                if self.res_model in self.env
                else None
            )
            label = (
                field._description_string(self.env) if field else words.get(name, name)
            )
            old = self._value_words(field, before.get(name))
            new = self._value_words(field, after.get(name))
            if name not in before:
                lines.append(f"{label}: {new}")
            elif name not in after:
                lines.append(f"{label}: {old} → ")
            else:
                lines.append(f"{label}: {old} → {new}")
        return lines

    def _value_labels(self):
        """Return labels of the values that are no field of their record."""
        return {
            "change_fee": self.env._("Change fee"),
            "difference_total": self.env._("Difference"),
            "difference_untaxed": self.env._("Difference without tax"),
            "exception": self.env._("Exception"),
            "holder": self.env._("Holder"),
            "holders": self.env._("Holders"),
            "kid": self.env._("Key"),
            "kind": self.env._("Kind"),
            "rows": self.env._("Rows"),
        }

    def _value_words(self, field, value):
        if isinstance(value, list):
            return ", ".join(str(self._value_words(field, item)) for item in value)
        if isinstance(value, bool):
            if value:
                return self.env._("Yes")
            return self.env._("No") if not field or field.type == "boolean" else "–"
        if value is None:
            return "–"
        if field and field.type == "selection":
            labels = dict(field._description_selection(self.env))
            return labels.get(value, value)
        if isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False)
        return str(value)

    def action_open_record(self):
        """Open what this was done to, if it still exists and the user may read it."""
        self.ensure_one()
        return self._open(self.res_model, self.res_id)

    def action_open_document(self):
        """Open the document behind this."""
        self.ensure_one()
        return self._open(self.document_model, self.document_id)

    def _open(self, model, res_id):
        record = self.env[model].browse(res_id) if model in self.env else None
        if not record or not record.exists():
            raise MissingError(self.env._("This record does not exist any more."))
        record.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "res_model": model,
            "res_id": res_id,
            "view_mode": "form",
        }

    @api.model
    def _log(
        self,
        action,
        records,
        reason=None,
        before=None,
        after=None,
        document=None,
        device=None,
    ):
        """Write down what was done to records: one statement, however many.

        Secrets are left out and numbers of persons are masked, in the values as in
        the reason. Records that hold a person by name say so with ``_audit_name``.

        :param str action: one of :data:`ACTIONS`
        :param records: what it was done to, of any model; all of them exist
        :param str reason: what the person gave as the reason
        :param dict before: ``{field or word: value}``, the same for all records, or
            ``{record id: {…}}``
        :param dict after: likewise
        :param document: a record, or the name of the document outside Odoo
        :param str device: terminal, till or gate device
        :raise ValueError: the action is not one of the stable words
        """
        self._insert(
            self._prepare_rows(action, records, reason, before, after, document, device)
        )

    @api.model
    def _prepare_rows(
        self, action, records, reason, before, after, document=None, device=None
    ):
        """Return what :meth:`_log` writes down; see there."""
        if action not in _ACTION_WORDS:
            raise ValueError(f"{action!r} is not an action of the audit trail")
        # sudo: the trail tells of records that its reader may not be able to read
        records_sudo = records.sudo()
        user_sudo = self.env.user.sudo()
        common = {
            **self._prepare_now(),
            "login": user_sudo.login,
            "action": action,
            "res_model": records._name,
            "reason": mask_text(reason.strip()) if reason else None,
            "device": device or None,
            **self._prepare_document(document),
        }
        return [
            {
                **common,
                **self._prepare_place(record_sudo),
                "res_id": record_sudo.id,
                "name": self._record_name(record_sudo),
                "before": self._values_of(before, record_sudo),
                "after": self._values_of(after, record_sudo),
            }
            for record_sudo in records_sudo
        ]

    @api.model
    def _record_name(self, record):
        if hasattr(record, "_audit_name"):
            return record._audit_name()
        return mask_text(record.display_name or "")

    @api.model
    def _values_of(self, values, record):
        """Return the values of one record, masked; see :meth:`_log`."""
        if values and all(isinstance(key, int) for key in values):
            values = values.get(record.id)
        return mask_values(values) if values else None

    @api.model
    def _prepare_place(self, record):
        """Return company and site of a record."""
        company = record._name == "res.company" and record
        if not company and "company_id" in record._fields:
            company = record.company_id
        site = record._name == "scenic.site" and record
        for name in ("site_id", "scenic_site_id"):
            if not site and name in record._fields:
                site = record[name]
        return {
            "company_id": (company and company.id) or None,
            "site_number": (site and site.id) or None,
            "site_name": (site and site.display_name) or None,
        }

    # ------------------------------------------------------------------
    # Export
    # ------------------------------------------------------------------

    def action_export(self):
        """Open the export of the selected rows, or of all that the filter shows."""
        self._check_exportable()
        limit = int(
            # sudo: a setting of the web client
            self.env["ir.config_parameter"].sudo().get_param("web.active_ids_limit")
            or ACTIVE_IDS_LIMIT
        )
        domain = self.env.context.get("active_domain") or []
        # the client names that many rows at most: then the filter is what was meant
        if self and len(self) < limit:
            domain = [("id", "in", self.ids)]
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Export the Audit Trail"),
            "res_model": "scenic.audit.export",
            "view_mode": "form",
            "target": "new",
            "context": {"default_domain": domain},
        }

    @api.model
    def _check_exportable(self):
        """Check that the user may take the trail away.

        :raise AccessError:
        """
        self.check_access("read")
        if not self.env.user.has_group("scenic_ticket_base.group_scenic_auditor"):
            raise AccessError(self.env._("Only an auditor may export the audit trail."))

    @api.model
    def _export_columns(self):
        """Return ``[(title, field name)]`` of the export."""
        names = (
            "id",
            "event_time",
            "login",
            "user_id",
            "action",
            "model_name",
            "res_id",
            "name",
            "changes",
            "reason",
            "document",
            "device",
            "site_name",
            "company_id",
            "remote_addr",
        )
        return [(self._fields[n]._description_string(self.env), n) for n in names]

    @api.model
    def _export_rows(self, domain):
        """Yield the rows of the export, newest first, a batch at a time.

        The rules of the user apply. Times are datetimes by the clock of the user.
        """
        names = [name for _title, name in self._export_columns()]
        actions = dict(self._fields["action"]._description_selection(self.env))
        last = None
        while True:
            page = Domain(domain)
            if last:
                page &= Domain("id", "<", last)
            events = self.search(page, order="id desc", limit=EXPORT_BATCH)
            if not events:
                return
            last = events[-1].id
            for event in events:
                yield [event._export_value(name, actions) for name in names]
            # what was read is not kept: the trail may be longer than the memory
            self.env.invalidate_all()

    def _export_value(self, name, actions):
        value = self[name]
        if name == "event_time":
            return fields.Datetime.context_timestamp(self, value).replace(tzinfo=None)
        if name == "action":
            return actions.get(value, value)
        if isinstance(value, models.BaseModel):
            return value.sudo().display_name or ""  # sudo: its name only
        return value or ""
