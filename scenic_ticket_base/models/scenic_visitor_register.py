"""Registers who books: checks name, document and guardian, and finds who is known."""

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.tools import SQL

from ..exceptions import BookingError
from ..tools import id_document
from .scenic_visitor import SEXES

# Below this age a guardian answers (PIPL art. 28 and 31)
GUARDIAN_AGE = 14


class ScenicVisitor(models.Model):
    _inherit = "scenic.visitor"

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
    def _check_values(self, values):
        """Return ``name``, ``doc_kind``, ``doc_number`` and ``guardian_name`` as kept.

        Nothing is kept yet. See :meth:`_find_or_create_many`.
        """
        today = fields.Date.context_today(self)
        # sudo: no user has the right to read the hash
        checked = self.sudo()._prepare_visitor(values, today)
        names = ("name", "doc_kind", "doc_number", "guardian_name")
        return {name: checked[name] for name in names}

    @api.model
    def _birth_date_of(self, values):
        """Return the birth date that a document or a person tells, or None.

        Nothing is kept, and a name is not needed. See :meth:`_find_or_create_many`.

        :raise BookingError: the document is wrong
        """
        today = fields.Date.context_today(self)
        # sudo: no user has the right to read the hash
        return self.sudo()._prepare_visitor(
            {**values, "name": values.get("name") or "?"}, today
        )["birth_date"]

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

    # ------------------------------------------------------------------
    # Checks
    # ------------------------------------------------------------------

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
