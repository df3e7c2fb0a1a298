import logging
from datetime import timedelta
from urllib.parse import urlencode

from odoo import api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError
from odoo.orm.models import NO_ACCESS
from odoo.tools import SQL

from ..exceptions import (
    BookingError,
    KeyFileError,
    ReasonMissingError,
    VisitorError,
)
from ..tools import id_document
from .scenic_credential import LIVE_STATES

DOC_KINDS = [
    ("cn_id", "Resident Identity Card"),
    ("gat_residence", "Residence Permit of Hong Kong, Macao or Taiwan"),
    ("hk_macau_permit", "Travel Permit of Hong Kong or Macao"),
    ("taiwan_permit", "Travel Permit of Taiwan"),
    ("foreign_pr", "Foreign Permanent Resident ID"),
    ("passport", "Passport"),
]
SEXES = [("male", "Male"), ("female", "Female")]
# Below this age a guardian answers (PIPL art. 28 and 31)
GUARDIAN_AGE = 14
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

    def _audit_name(self):
        """The audit trail is never erased, so no name stands there."""
        return f"#{self.id}"

    # ------------------------------------------------------------------
    # Registration
    # ------------------------------------------------------------------

    @api.model
    def _find_or_create(self, values, company):
        """Return the visitor of some values; see :meth:`_find_or_create_many`."""
        return self._find_or_create_many([values], company)

    @api.model
    def _find_or_create_many(self, values_list, company):
        """Return the visitors of a list of values, in its order, as superuser.

        The same document is the same visitor of a company. What is known stays: a
        later name or telephone is taken only where there was none, because whoever
        books may mistype the name of another person.

        :param list values_list: dicts with ``name``, ``doc_kind`` and ``doc_number``
            (or the machine readable lines of a passport as its number), and, as far
            as known, ``phone``, ``birth_date``, ``sex``, ``partner_id``,
            ``consent_purpose``, ``guardian_name``; other entries are ignored
        :param company: ``res.company``
        :return: ``scenic.visitor`` records, one for each of the values
        :raise BookingError: a document (``DOC_…``, ``MRZ_…``), telephone
            (``PHONE_FORMAT``), name (``VISITOR_NAME``) or date is wrong
        """
        # sudo: no user has the right to create visitors or to read the hash
        visitors_sudo = self.sudo()
        today = fields.Date.context_today(self)
        prepared = [
            visitors_sudo._prepare_visitor(values, today) for values in values_list
        ]
        by_lookup = visitors_sudo._by_lookup(
            {values["doc_lookup"] for values in prepared} - {None}, company
        )
        new = {}
        for position, values in enumerate(prepared):
            if values["doc_lookup"] not in by_lookup:
                new.setdefault(values["doc_lookup"] or position, values)
        created = visitors_sudo._insert(list(new.values()), company)
        made = dict(zip(new, created, strict=True))
        result = visitors_sudo
        ids = []
        for position, values in enumerate(prepared):
            visitor_sudo = by_lookup.get(values["doc_lookup"]) or made.get(
                values["doc_lookup"] or position
            )
            if visitor_sudo not in created:
                visitor_sudo._complete(values)
            ids.append(visitor_sudo.id)
        return result.browse(ids)

    @api.model
    def _by_lookup(self, lookups, company):
        if not lookups:
            return {}
        found = self.search(
            [("doc_lookup", "in", list(lookups)), ("company_id", "=", company.id)]
        )
        return {visitor.doc_lookup: visitor for visitor in found}

    @api.model
    def _prepare_visitor(self, values, today):
        """Return checked values, document and telephone still in clear."""
        if not isinstance(values, dict):
            raise BookingError(
                self.env._("A visitor needs a name and a document."),
                code="VISITOR_INVALID",
            )
        values = {**values, "sex": values.get("sex") or None}
        kind, number = values.get("doc_kind"), values.get("doc_number")
        birth_date = self._birth_date(values.get("birth_date"), today)
        try:
            if kind == "passport" and id_document.looks_like_mrz(number):
                mrz = id_document.parse_mrz(number, today)
                number = mrz.number
                values["name"] = values.get("name") or mrz.name
                values["sex"] = mrz.sex or values["sex"]
                birth_date = mrz.birth_date or birth_date
            if number or kind:
                number = id_document.validate(kind, number, today)
                facts = id_document.facts(kind, number)
                birth_date = facts.birth_date or birth_date
                values["sex"] = facts.sex or values["sex"]
            phone = values.get("phone") or None
            if phone:
                phone = id_document.normalise_phone(phone)
        except id_document.DocumentError as error:
            raise self._document_error(error, number) from error
        name = self._text(values.get("name"))
        if not name:
            raise BookingError(
                self.env._("A visitor needs a name."), code="VISITOR_NAME"
            )
        purpose = self._text(values.get("consent_purpose"))
        return {
            "name": name,
            "doc_kind": kind if number else None,
            "doc_number": number or None,
            "doc_lookup": self._number_lookup(number) if number else None,
            "phone": phone,
            "birth_date": birth_date,
            "sex": values["sex"] if values["sex"] in dict(SEXES) else None,
            "partner_id": values.get("partner_id") or None,
            "consent_purpose": purpose or None,
            "consent_date": fields.Datetime.now() if purpose else None,
            "guardian_name": self._text(values.get("guardian_name")) or None,
        }

    @api.model
    def _text(self, value):
        return " ".join(value.split())[:120] if isinstance(value, str) else ""

    @api.model
    def _birth_date(self, value, today):
        try:
            birth_date = fields.Date.to_date(value) or None
        except (ValueError, TypeError) as error:
            raise BookingError(
                self.env._("“%(value)s” is not a date.", value=value),
                code="DOC_BIRTH_DATE",
            ) from error
        if birth_date and not (
            birth_date <= today
            and id_document.age_on(birth_date, today) <= id_document.MAX_AGE
        ):
            raise BookingError(
                self.env._("This birth date is not possible."), code="DOC_BIRTH_DATE"
            )
        return birth_date

    @api.model
    def _document_error(self, error, number):
        """Turn a :class:`DocumentError` into an error for a person."""
        texts = {
            "DOC_KIND": self.env._("Please choose the kind of document."),
            "DOC_EMPTY": self.env._("The number of the document is missing."),
            "DOC_OLD": self.env._(
                "This number has 15 digits: cards of that kind are no longer valid. "
                "Please use the number of 18 characters."
            ),
            "DOC_FORMAT": self.env._(
                "This is not the form of a number of this kind of document."
            ),
            "DOC_REGION": self.env._(
                "The first digits of the number are not those of a region."
            ),
            "DOC_CHECKSUM": self.env._(
                "The last character does not fit the number: please check each digit."
            ),
            "DOC_BIRTH_DATE": self.env._(
                "The number contains a birth date that does not exist."
            ),
            "DOC_FUTURE": self.env._("The birth date in the number is in the future."),
            "DOC_AGE": self.env._(
                "By its number the holder would be older than %(age)s years.",
                age=id_document.MAX_AGE,
            ),
            "MRZ_FORMAT": self.env._(
                "These are not the two lines of 44 characters of a passport."
            ),
            "MRZ_CHECKSUM": self.env._(
                "The lines of the passport were not read right: a check digit does not "
                "fit."
            ),
            "PHONE_FORMAT": self.env._(
                "A telephone number is a mobile number of 11 digits, or starts with + "
                "and the country."
            ),
        }
        text = texts[error.code]
        last = id_document.normalise(number)[-4:] if number else ""
        if last and not error.code.startswith("PHONE"):
            text = self.env._(
                "Document ending in %(last)s: %(text)s", last=last, text=text
            )
        return BookingError(text, code=error.code)

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
    def _insert(self, prepared, company):
        """Create visitors in one statement, so that two of them at once are seen."""
        if not prepared:
            return self.browse()
        self.env.cr.execute(
            SQL(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) "
                "FROM generate_series(1, %s)",
                self._table,
                len(prepared),
            )
        )
        ids = [id_ for (id_,) in self.env.cr.fetchall()]
        rows = []
        for id_, values in zip(ids, prepared, strict=True):
            sealed = self._seal(id_, values)
            rows.append(
                SQL(
                    "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, "
                    "%s, %s, %s, false, %s, %s, now() AT TIME ZONE 'UTC', "
                    "now() AT TIME ZONE 'UTC')",
                    id_,
                    values["name"],
                    company.id,
                    values["partner_id"],
                    values["doc_kind"],
                    (values["doc_number"] or "")[-4:] or None,
                    values["doc_lookup"],
                    sealed["doc_cipher"],
                    sealed["data_kid"],
                    values["birth_date"],
                    values["sex"],
                    sealed["phone_masked"],
                    sealed["phone_lookup"],
                    sealed["phone_cipher"],
                    values["consent_purpose"],
                    values["consent_date"],
                    values["guardian_name"],
                    self._shred_day(company, fields.Date.context_today(self)),
                    self.env.uid,
                    self.env.uid,
                )
            )
        self.env.cr.execute(
            SQL(
                "INSERT INTO scenic_visitor (id, name, company_id, partner_id, "
                "doc_kind, doc_last4, doc_lookup, doc_cipher, data_kid, birth_date, "
                "sex, phone_masked, phone_lookup, phone_cipher, consent_purpose, "
                "consent_date, guardian_name, shred_on, shredded, create_uid, "
                "write_uid, create_date, write_date) VALUES %s "
                "ON CONFLICT (company_id, doc_lookup) WHERE doc_lookup IS NOT NULL "
                "DO NOTHING",
                SQL(", ").join(rows),
            )
        )
        if self.env.cr.rowcount != len(rows):
            # lock: the same person was registered at once; the framework calls again
            raise ConcurrencyError("visitor")
        self.invalidate_model()
        return self.browse(ids)

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

    def _complete(self, values):
        """Add what was not known yet."""
        self.ensure_one()
        missing = {
            name: values[name]
            for name in (
                "partner_id",
                "birth_date",
                "sex",
                "consent_purpose",
                "consent_date",
                "guardian_name",
            )
            if values[name] and not self[name]
        }
        if values["phone"] and not self.phone_lookup:
            # both numbers of a visitor have one key; if the key file has lost that of
            # the document, there is none to take for the telephone
            kid = self.data_kid or None
            if not kid or kid in self.env["scenic.signing.key"]._data().data_keys:
                sealed = self._seal(self.id, {"phone": values["phone"]}, kid)
                sealed.pop("doc_cipher")
                missing.update(sealed)
        if missing:
            self.write(missing)

    def _check_document(self, lookup):
        """Check that a document is that of these visitors.

        :raise BookingError: ``MEDIUM_TAKEN``
        """
        for visitor in self.sudo():  # sudo: the hash is hidden from everybody
            if visitor.doc_lookup and visitor.doc_lookup != lookup:
                raise BookingError(
                    self.env._(
                        "The ticket belongs to the holder of another document, ending "
                        "in %(last)s.",
                        last=visitor.doc_last4,
                    ),
                    code="MEDIUM_TAKEN",
                )

    def _check_guardian(self, company):
        """Check that somebody answers for the children among these visitors.

        An adult among them is taken for the guardian of children without one.

        :raise BookingError: ``GUARDIAN_MISSING``
        """
        today = fields.Date.context_today(self)
        # sudo: birth dates are for customer service, the rule is for everybody
        visitors_sudo = self.sudo()
        children_sudo = visitors_sudo.filtered(
            lambda v: (
                v.birth_date and id_document.age_on(v.birth_date, today) < GUARDIAN_AGE
            )
        )
        adults_sudo = (visitors_sudo - children_sudo).filtered("birth_date")
        for child_sudo in children_sudo.filtered(lambda v: not v.guardian_name):
            if adults_sudo:
                child_sudo.guardian_name = adults_sudo[0].name
            elif company.scenic_guardian_required:
                raise BookingError(
                    self.env._(
                        "A visitor under %(age)s needs the name of a guardian who "
                        "consents, or an adult on the same order.",
                        age=GUARDIAN_AGE,
                    ),
                    code="GUARDIAN_MISSING",
                )

    # ------------------------------------------------------------------
    # Looking at the number
    # ------------------------------------------------------------------

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
        if not (reason or "").strip():
            raise ReasonMissingError(self.env._("Please give a reason."))
        # sudo: cipher texts are hidden from everybody; the right was checked
        return self.sudo()

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
    # Export and erase
    # ------------------------------------------------------------------

    def action_export(self, reason, file_format="html"):
        """Download all that is stored of one visitor.

        :param str reason: why, for the audit trail
        :param str file_format: ``html`` to read or ``json`` for another system
        """
        self.ensure_one()
        self._check_people_right(reason)
        query = urlencode({"reason": reason.strip()})
        return {
            "type": "ir.actions.act_url",
            "url": f"/scenic/visitor/{self.id}/export/{file_format}?{query}",
            "target": "download",
        }

    def _export(self, reason):
        """Return all that is stored of one visitor, numbers in full; it is logged.

        :return: dict of plain values, dates as ISO text
        """
        self.ensure_one()
        visitor_sudo = self._check_people_right(reason)
        exported = visitor_sudo._prepare_export()
        self.env["scenic.audit"]._log("visitor_export", self, reason=reason)
        return exported

    def _render_export(self, exported):
        """Return an export as a page to read, in the language of the reader."""
        return self.env["ir.qweb"]._render(
            "scenic_ticket_base.scenic_visitor_export",
            {
                "exported": exported,
                "html_lang": (self.env.lang or "en_US").replace("_", "-"),
            },
        )

    def _prepare_export(self):
        """Return what :meth:`_export` does; other add-ons add what they know."""
        self.ensure_one()
        clear = self._open()
        plain = {
            name: self[name] or None
            for name in ("name", "doc_kind", "sex", "consent_purpose", "guardian_name")
        }
        days = {
            name: self[name] and self[name].isoformat() or None
            for name in ("birth_date", "consent_date", "shred_on", "create_date")
        }
        tickets = self._tickets()
        looks = self.env["scenic.audit"].search(
            [("res_model", "=", self._name), ("res_id", "=", self.id)]
        )
        labels = {
            name: dict(self._fields[name]._description_selection(self.env)).get(
                self[name]
            )
            for name in ("doc_kind", "sex")
        }
        actions = dict(looks._fields["action"]._description_selection(self.env))
        return {
            "labels": labels,
            "looks": [
                {
                    "time": look.event_time.isoformat(),
                    "user": look.user_id.name,
                    "action": actions[look.action],
                }
                for look in looks
            ],
            "visitor": {**plain, **days, **clear, "company": self.company_id.name},
            "tickets": [
                {
                    "number": ticket.name,
                    "product": ticket.product_id.display_name,
                    "site": ticket.site_id.name,
                    "order": ticket.booking_id.external_ref,
                    "sold": ticket.create_date.isoformat(),
                    "valid_from": ticket.date_first.isoformat(),
                    "valid_until": ticket.date_last.isoformat(),
                    "state": ticket.state,
                    "price": ticket.amount_total,
                    "currency": ticket.currency_id.name,
                    "first_entry": ticket.first_entry_at
                    and ticket.first_entry_at.isoformat()
                    or None,
                }
                for ticket in tickets
            ],
            "bookings_without_ticket": [
                {
                    "order": holder.booking_line_id.booking_id.external_ref,
                    "product": holder.booking_line_id.product_id.display_name,
                    "visit_date": holder.visit_date
                    and holder.visit_date.isoformat()
                    or None,
                    "state": holder.booking_line_id.booking_id.state,
                }
                for holder in self.holder_ids
                if not holder.ticket_id
            ],
            **self._prepare_export_cards(),
        }

    def _prepare_export_cards(self):
        """Return what is stored of a visitor as a member and as a guest."""
        states = {
            model: dict(
                self.env[model]._fields["state"]._description_selection(self.env)
            )
            for model in ("scenic.membership", "scenic.complaint", "scenic.blacklist")
        }
        return {
            "member_cards": [
                {
                    "number": card.name,
                    "product": card.product_id.display_name,
                    "since": card.date_start and card.date_start.isoformat() or None,
                    "until": card.date_end and card.date_end.isoformat() or None,
                    "state": states[card._name][card.state],
                    "visits": card.visit_count,
                    "photo": bool(card.photo_128),
                }
                for card in self.membership_ids
            ],
            "complaints": [
                {
                    "number": complaint.name,
                    "received": complaint.date_received.isoformat(),
                    "subject": complaint.subject,
                    "description": complaint.description,
                    "answer": complaint.answer or None,
                    "state": states[complaint._name][complaint.state],
                }
                for complaint in self.complaint_ids
            ],
            "blacklist": [
                {
                    "from": entry.date_from.isoformat(),
                    "until": entry.date_until and entry.date_until.isoformat() or None,
                    "reason": entry.reason,
                    "state": states[entry._name][entry.state],
                }
                for entry in self.blacklist_ids
            ],
        }

    def _tickets(self):
        """Return all tickets of these visitors."""
        return self.env["scenic.ticket"].search(
            [
                "|",
                ("visitor_id", "in", self.ids),
                ("id", "in", self.holder_ids.ticket_id.ids),
            ]
        )

    def action_erase(self, reason):
        """Delete name, document, telephone and birth date of a visitor at once.

        :raise VisitorError: ``VISITOR_IN_USE``, a ticket still needs them
        """
        visitors_sudo = self._check_people_right(reason)
        visitors_sudo._erase(reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _erase(self, reason):
        self._lock()
        needed = self._needed_by(fields.Date.context_today(self))
        for visitor in self:
            if visitor.id in needed:
                raise VisitorError(
                    self.env._(
                        "%(visitor)s cannot be erased yet, the data are needed for: "
                        "%(what)s. Refund or void it first, or wait until it is over.",
                        visitor=visitor.display_name,
                        what=", ".join(needed[visitor.id]),
                    ),
                    code="VISITOR_IN_USE",
                )
        self.env["scenic.audit"]._log("visitor_erase", self, reason=reason)
        self._shred()

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

    def _needed_by(self, today):
        """Return ``{visitor id: [names of what still needs the data]}``.

        Tickets that may still be used or are in dispute, and orders on hold. Other
        add-ons and models add their own.
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT t.visitor_id, t.name FROM scenic_ticket t "
                "WHERE t.visitor_id IN %(ids)s AND t.state IN %(live)s UNION "
                "SELECT h.visitor_id, COALESCE(t.name, b.name) "
                "FROM scenic_ticket_holder h "
                "JOIN scenic_booking_line l ON l.id = h.booking_line_id "
                "JOIN scenic_booking b ON b.id = l.booking_id "
                "LEFT JOIN scenic_ticket t ON t.id = h.ticket_id "
                "WHERE h.visitor_id IN %(ids)s AND h.live AND ("
                "t.state IN %(live)s OR t.id IS NULL AND b.state = 'held') "
                "ORDER BY 1, 2",
                ids=tuple(self.ids) or (0,),
                live=LIVE_STATES,
            )
        )
        rows += [
            (visitor.id, self.env._("the blacklist"))
            for visitor in self
            if visitor.blocked_from
            and not (visitor.blocked_until and visitor.blocked_until < today)
        ]
        needed = {}
        for visitor_id, name in rows:
            needed.setdefault(visitor_id, []).append(name)
        return needed

    # ------------------------------------------------------------------
    # Shredding
    # ------------------------------------------------------------------

    @api.model
    def _shred_day(self, company, last_day):
        """Return the day on which data that are needed until a day go."""
        return last_day + timedelta(days=company.scenic_shred_days)

    @api.model
    def _cron_shred(self, limit=SHRED_BATCH):
        """Delete the data of persons whose last ticket is over for long enough.

        Who turns out to be needed longer is looked at again on the new day. Each
        batch is committed, so that a run which is cut off goes on where it was.
        """
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        today = fields.Date.context_today(self)
        if in_cron:
            cron._commit_progress(
                remaining=self.search_count(
                    [("shred_on", "<=", today), ("shredded", "=", False)]
                )
            )
        while due := self._lock_due(today, limit):
            kept = due._postpone(today)
            (due - kept)._shred(log=True)
            self.env.invalidate_all()
            if in_cron and not cron._commit_progress(len(due)):
                break

    @api.model
    def _lock_due(self, today, limit):
        """Return locked visitors whose day has come."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM scenic_visitor WHERE shred_on <= %s "
                "AND shredded IS NOT TRUE ORDER BY shred_on, id LIMIT %s "
                "FOR NO KEY UPDATE SKIP LOCKED",
                today,
                limit,
            )
        )
        return self.browse(id_ for (id_,) in self.env.cr.fetchall())

    def _postpone(self, today):
        """Set a later day for those who are still needed, and return them."""
        needed = self._needed_by(today)
        last_days = self._last_days()
        kept = self.browse()
        for visitor in self:
            day = self._shred_day(
                visitor.company_id, last_days.get(visitor.id, today - timedelta(36500))
            )
            if visitor.id in needed:
                day = max(day, today + timedelta(days=1))
            if day > today:
                visitor.shred_on = day
                kept |= visitor
        return kept

    def _last_days(self):
        """Return ``{visitor id: last day on which a ticket can be used or paid back}``.

        That is the last valid day and what the refund terms add to it. Tickets that
        were paid back or voided count until the day of that.
        """
        self.env.flush_all()
        ids = tuple(self.ids) or (0,)
        ticket_day = SQL(
            "CASE WHEN t.state IN ('refunded', 'void') THEN t.write_date::date "
            "ELSE t.date_first + t.span_days + t.days_added - 1 + ceil(COALESCE("
            "(l.refund_terms ->> 'lapse_hours')::float, 0) / 24)::integer END"
        )
        return dict(
            self.env.execute_query(
                SQL(
                    "SELECT visitor_id, max(day) FROM ("
                    "SELECT t.visitor_id, %(day)s AS day FROM scenic_ticket t "
                    "JOIN scenic_booking_line l ON l.id = t.booking_line_id "
                    "WHERE t.visitor_id IN %(ids)s UNION ALL "
                    "SELECT h.visitor_id, COALESCE(h.released_at::date, %(day)s, "
                    "h.visit_date, h.create_date::date) FROM scenic_ticket_holder h "
                    "JOIN scenic_booking_line l ON l.id = h.booking_line_id "
                    "LEFT JOIN scenic_ticket t ON t.id = h.ticket_id "
                    "WHERE h.visitor_id IN %(ids)s) days GROUP BY visitor_id",
                    day=ticket_day,
                    ids=ids,
                )
            )
        )

    def _shred(self, log=False):
        """Delete what tells who these visitors are; tickets and figures stay.

        :param bool log: write it into the audit trail
        """
        if not self:
            return
        self.env.flush_all()
        ids = tuple(self.ids)
        # before the visitors: it is found by their hash
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_credential c SET lookup = 'shredded-' || c.id, "
                "last_four = NULL, rank = NULL, active = false, "
                "state = CASE WHEN c.state = 'replaced' THEN c.state ELSE 'ended' END "
                "FROM scenic_visitor v WHERE v.id IN %s AND c.lookup = v.doc_lookup "
                "AND c.company_id = v.company_id AND c.kind = 'id_document'",
                ids,
            )
        )
        self.env.cr.execute(
            SQL(
                "UPDATE scenic_visitor SET name = '—', doc_last4 = NULL, "
                "doc_lookup = NULL, doc_cipher = NULL, data_kid = NULL, "
                "birth_date = NULL, phone_masked = NULL, phone_lookup = NULL, "
                "phone_cipher = NULL, guardian_name = NULL, partner_id = NULL, "
                "shredded = true, write_uid = %s, "
                "write_date = now() AT TIME ZONE 'UTC' WHERE id IN %s",
                self.env.uid,
                ids,
            )
        )
        self.env["scenic.credential"].invalidate_model()
        self.invalidate_recordset()
        self.env["scenic.membership"]._forget(self)
        if log:
            self.env["scenic.audit"]._log("visitor_shred", self)

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
