"""A visitor: fields, and the encrypted numbers of document and telephone.

Beside it: ``scenic_visitor_register`` (who books), ``_export`` and ``_erase``.
"""

import logging

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.orm.models import NO_ACCESS
from odoo.tools import SQL

from ..exceptions import KeyFileError, VisitorError
from ..tools import id_document
from ..tools.guard import check_reason

DOC_KINDS = [
    ("cn_id", "Resident Identity Card"),
    ("gat_residence", "Residence Permit of Hong Kong, Macao or Taiwan"),
    ("hk_macau_permit", "Travel Permit of Hong Kong or Macao"),
    ("taiwan_permit", "Travel Permit of Taiwan"),
    ("foreign_pr", "Foreign Permanent Resident ID"),
    ("passport", "Passport"),
]
SEXES = [("male", "Male"), ("female", "Female")]
SERVICE = "scenic_ticket_base.group_scenic_customer_service"
SHRED_BATCH = 1000

_logger = logging.getLogger(__name__)


class ScenicVisitor(models.Model):
    """A person with a ticket, known by a document.

    The number of the document and the telephone are encrypted with a key that is not
    in the database. Nobody reads them but by :meth:`action_show_number`, with a
    reason. To find a person there is a keyed hash, which nobody reads at all.
    """

    _name = "scenic.visitor"
    _description = "Visitor"
    _order = "id desc"

    name = fields.Char(string="Full Name", required=True, readonly=True)
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.company,
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", readonly=True, index="btree_not_null"
    )
    # Document
    doc_kind = fields.Selection(DOC_KINDS, string="ID Document", readonly=True)
    doc_last4 = fields.Char(string="Last Four", readonly=True)
    doc_masked = fields.Char(string="Document Number", compute="_compute_doc_masked")
    doc_number = fields.Char(
        string="Full Number",
        store=False,
        compute="_compute_doc_number",
        search="_search_doc_number",
        help="Only to search by: the whole number finds its visitor. It is never "
        "shown.",
    )
    doc_lookup = fields.Char(readonly=True, copy=False, groups=NO_ACCESS)
    doc_cipher = fields.Char(readonly=True, copy=False, groups=NO_ACCESS)
    data_kid = fields.Integer(
        readonly=True,
        copy=False,
        groups=NO_ACCESS,
        index="btree_not_null",
        aggregator=None,
        help="Key that document and telephone are encrypted with.",
    )
    # With the last four a birth date comes close to the number: customer service
    # may see that one as well, with a reason
    birth_date = fields.Date(readonly=True, groups=SERVICE)
    sex = fields.Selection(SEXES, readonly=True)
    # Telephone
    phone_masked = fields.Char(string="Telephone", readonly=True)
    phone_number = fields.Char(
        string="Full Telephone",
        store=False,
        compute="_compute_doc_number",
        search="_search_phone_number",
        help="Only to search by: the whole number finds its visitors. It is never "
        "shown.",
    )
    phone_lookup = fields.Char(
        readonly=True, copy=False, groups=NO_ACCESS, index="btree_not_null"
    )
    phone_cipher = fields.Char(readonly=True, copy=False, groups=NO_ACCESS)
    # Consent
    consent_purpose = fields.Char(readonly=True, help="What the data were given for.")
    consent_date = fields.Datetime(string="Consent on", readonly=True)
    guardian_name = fields.Char(
        string="Guardian", readonly=True, help="Who consented for a person under 14."
    )
    # Blacklist: what a sale and a gate look at; see scenic.blacklist
    blocked_from = fields.Date(
        readonly=True,
        index="btree_not_null",
        help="First day on which the visitor can neither buy nor enter. Empty: not "
        "on the blacklist.",
    )
    blocked_until = fields.Date(readonly=True, help="Last such day. Empty: for good.")
    membership_ids = fields.One2many(
        "scenic.membership", "visitor_id", string="Member Cards", readonly=True
    )
    complaint_ids = fields.One2many(
        "scenic.complaint",
        "visitor_id",
        string="Complaints",
        readonly=True,
        groups="scenic_ticket_base.group_scenic_customer_service,"
        "scenic_ticket_base.group_scenic_supervisor,"
        "scenic_ticket_base.group_scenic_auditor",
    )
    blacklist_ids = fields.One2many(
        "scenic.blacklist",
        "visitor_id",
        readonly=True,
        groups="scenic_ticket_base.group_scenic_customer_service,"
        "scenic_ticket_base.group_scenic_supervisor,"
        "scenic_ticket_base.group_scenic_auditor",
    )
    # Life
    holder_ids = fields.One2many(
        "scenic.ticket.holder", "visitor_id", string="Tickets", readonly=True
    )
    shred_on = fields.Date(
        string="Kept until",
        readonly=True,
        help="When no ticket needs them, name, document and telephone are deleted on "
        "this day.",
    )
    shredded = fields.Boolean(readonly=True)

    _doc_unique = models.UniqueIndex(
        "(company_id, doc_lookup) WHERE doc_lookup IS NOT NULL",
        "This document belongs to a visitor already.",
    )
    _shred_index = models.Index("(shred_on, id) WHERE shredded IS NOT TRUE")

    @api.depends("name", "doc_last4")
    def _compute_display_name(self):
        for visitor in self:
            name = visitor.name or ""
            if visitor.shredded:
                name = self.env._("Deleted visitor %(id)s", id=visitor.id)
            elif visitor.doc_last4:
                name = f"{name} (…{visitor.doc_last4})"
            visitor.display_name = name

    @api.depends("doc_last4")
    def _compute_doc_masked(self):
        for visitor in self:
            visitor.doc_masked = visitor.doc_last4 and f"••••••{visitor.doc_last4}"

    def _compute_doc_number(self):
        self.doc_number = False
        self.phone_number = False

    @api.model
    def _search_doc_number(self, operator, value):
        return self._search_lookup("doc_lookup", operator, value, self._number_lookup)

    @api.model
    def _search_phone_number(self, operator, value):
        return self._search_lookup("phone_lookup", operator, value, self._phone_lookup)

    @api.model
    def _search_lookup(self, name, operator, value, hash_of):
        """Find by one whole number; a list would be a way to guess one."""
        # an error, not NotImplemented: the ORM would try the values one by one
        if operator != "in" or len(value) != 1:
            raise VisitorError(
                self.env._("Please search for one whole number at a time."),
                code="VISITOR_SEARCH",
            )
        [number] = value
        lookup = hash_of(number)
        if not lookup:
            return [("id", "=", False)]
        # sudo: the hash is hidden from everybody; record rules apply to the result
        found_sudo = self.sudo().search([(name, "=", lookup)])
        return [("id", "in", found_sudo.ids)]

    def action_show_number(self, reason):
        """Show document and telephone in full, once; the look is logged.

        :param str reason: why it is needed
        :raise AccessError: for customer service and managers only
        :raise KeyFileError: the key file cannot open them
        """
        self.ensure_one()
        visitor_sudo = self._check_people_right(reason)
        clear = visitor_sudo._open()
        self.env["scenic.audit"]._log("visitor_view", self, reason=reason)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.name,
                "message": "  ".join(filter(None, clear.values()))
                or self.env._("There is no number."),
                "sticky": True,
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _check_people_right(self, reason):
        """Return the visitors as superuser, for whoever may see all of them."""
        self.check_access("read")
        if not self.env.su and not self.env.user.has_group(SERVICE):
            raise AccessError(
                self.env._(
                    "Only customer service and ticketing managers may do this with "
                    "the data of visitors."
                )
            )
        check_reason(self.env, reason)
        # sudo: cipher texts are hidden from everybody; the right was checked
        return self.sudo()

    def _audit_name(self):
        """The audit trail is never erased, so no name stands there."""
        return f"#{self.id}"

    def _lock(self):
        """Lock the rows, waiting for whoever holds them."""
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_visitor WHERE id IN %s ORDER BY id "
                "FOR NO KEY UPDATE",
                tuple(self.ids) or (0,),
            )
        )
        self.invalidate_recordset()

    # ------------------------------------------------------------------
    # Document and telephone
    # ------------------------------------------------------------------

    @api.model
    def _number_lookup(self, number):
        """Return the hash that a visitor is found by, or None for no number."""
        normalised = id_document.normalise(number)
        if not normalised:
            return None
        return self.env["scenic.credential"]._lookup_document(normalised)

    @api.model
    def _phone_lookup(self, phone):
        try:
            normalised = id_document.normalise_phone(phone)
        except id_document.DocumentError:
            return None
        # sudo: the secret of the hash is for nobody's eyes
        return self.env["scenic.signing.key"].sudo()._hash(f"TEL:{normalised}")

    @api.model
    def _seal(self, id_, values, kid=None):
        """Return the columns that hold document and telephone, encrypted.

        :param int kid: the data key to use, by default the newest one
        """
        keys = self.env["scenic.signing.key"]
        kid = kid or keys._data().data_kid
        number, phone = values.get("doc_number"), values.get("phone")
        return {
            "doc_cipher": keys._encrypt(self._place(id_, "doc"), number, kid)
            if number
            else None,
            "phone_cipher": keys._encrypt(self._place(id_, "phone"), phone, kid)
            if phone
            else None,
            "phone_masked": _mask_phone(phone),
            "phone_lookup": self._phone_lookup(phone) if phone else None,
            "data_kid": kid if number or phone else None,
        }

    @api.model
    def _place(self, id_, name):
        """Return what binds a cipher text to its record and column."""
        return f"scenic.visitor,{id_},{name}"

    def _open(self):
        """Return ``{"doc_number": …, "phone": …}`` in clear; callers log it."""
        self.ensure_one()
        keys_sudo = self.env["scenic.signing.key"].sudo()
        visitor_sudo = self.sudo()  # sudo: hidden from everybody, callers answer
        return {
            name: keys_sudo._decrypt(self._place(self.id, place), cipher)
            if cipher
            else None
            for name, place, cipher in (
                ("doc_number", "doc", visitor_sudo.doc_cipher),
                ("phone", "phone", visitor_sudo.phone_cipher),
            )
        }

    # ------------------------------------------------------------------
    # Keys
    # ------------------------------------------------------------------

    @api.model
    def _cron_reencrypt(self, limit=SHRED_BATCH):
        """Encrypt again what was encrypted with an older data key, in batches."""
        keys = self.env["scenic.signing.key"]
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        newest = keys._data().data_kid
        old = [("data_kid", "!=", False), ("data_kid", "!=", newest)]
        if in_cron:
            cron._commit_progress(remaining=self.search_count(old))
        last, unreadable = 0, 0
        while visitors := self.search(
            [*old, ("id", ">", last)], order="id", limit=limit
        ):
            last = visitors[-1].id
            visitors._lock()
            for visitor in visitors.filtered("data_kid"):
                try:
                    clear = visitor._open()
                except KeyFileError:
                    unreadable += 1
                    continue
                visitor.write(visitor._seal(visitor.id, clear, newest))
            self.env.flush_all()
            self.env.invalidate_all()
            if in_cron and not cron._commit_progress(len(visitors)):
                break
        if unreadable:
            _logger.warning(
                "%s visitors have numbers that no key in the key file opens", unreadable
            )

    @api.model
    def _forget_numbers(self):
        """Give up numbers that can never be read again; return how many visitors."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_visitor SET doc_lookup = NULL, doc_cipher = NULL, "
                "phone_lookup = NULL, phone_cipher = NULL, data_kid = NULL "
                "WHERE data_kid IS NOT NULL"
            )
        )
        self.invalidate_model()
        return self.env.cr.rowcount


def _mask_phone(phone):
    if not phone:
        return None
    return f"{phone[: len(phone) - 8]}****{phone[-4:]}"
