"""Rosters of groups: read, checked and kept for the window, nothing of it in clear."""

import base64
import binascii

from odoo import models

from odoo.addons.scenic_ticket_base.exceptions import KeyFileError
from odoo.addons.scenic_ticket_base.tools import id_document

from ..exceptions import WindowVisitorError
from ..tools import roster
from ..tools.document_reader import VISITOR_FIELDS
from .pos_order_line_visitor import GUIDE

ROW_FIELDS = (*VISITOR_FIELDS, "phone")
MAX_LINES = 200


class PosConfig(models.Model):
    _inherit = "pos.config"

    def scenic_read_roster(self, source, visit):
        """Read the list of names of a group, and check it; keep nothing.

        :param dict source: ``text``, as pasted, or ``file``, an xlsx file in base64
        :param list visit: as for :meth:`scenic_check_roster`
        :return: as :meth:`scenic_check_roster`
        :raise WindowRightError: the user may not sell tickets
        :raise WindowVisitorError: ``ROSTER_EMPTY``, ``ROSTER_LONG``, ``ROSTER_FILE``
        """
        self._scenic_check_seller()
        try:
            rows = self._scenic_roster_rows(source)
        except roster.RosterError as error:
            raise self._scenic_roster_error(error.code) from error
        checked = self.scenic_check_roster(
            visit,
            [{name: getattr(row, name, "") for name in ROW_FIELDS} for row in rows],
        )
        for row, found in zip(rows, checked, strict=True):
            if row.rounded:
                found["code"] = "ROSTER_ROUNDED"
                found["message"] = self.env._(
                    "The spreadsheet has rounded this number. Type it anew, or format "
                    "the column as text before the numbers are entered."
                )
        return checked

    def scenic_check_roster(self, visit, rows):
        """Check persons of a group as typed; keep nothing.

        What was checked once may be taken when it is sold: the sale decides.

        :param list visit: ``[product id, day or False, slot id or False]``
        :param list rows: dicts of ``name``, ``doc_kind``, ``doc_number``,
            ``guardian_name``, ``phone`` and ``role`` ("guide": he has no line number)
        :return: the same as the sale will take them, with ``code`` and ``message`` of
            what is wrong, or False
        :raise WindowRightError: the user may not sell tickets
        :raise WindowVisitorError: these are no persons
        :raise WindowError: this is no visit
        """
        self._scenic_check_seller()
        lines = self.env["pos.order.line"]
        persons = lines._scenic_parse_visitors({"scenic_visitors": rows})
        if len(persons) > roster.MAX_ROWS:
            raise self._scenic_roster_error("ROSTER_LONG")
        product_sudo, day, slot_sudo = self._scenic_roster_visit(visit)
        template_sudo = product_sudo.product_tmpl_id
        checked = []
        for person in persons:
            if (
                not person.get("doc_number")
                and template_sudo.scenic_real_name == "none"
            ):
                person.pop("doc_kind", None)
            found = self._scenic_checked_visitor(person)
            more = {name: person.get(name, "") for name in ("phone", "role")}
            checked.append({**found, **more})
        self._scenic_mark_repeated(checked)
        self._scenic_mark_refused(checked, template_sudo, day, slot_sudo)
        return checked

    def scenic_seal_visitors(self, lines):
        """Encrypt the visitors of order lines, so that an open order can keep them.

        :param list lines: ``[uuid of the line, visitors]``
        :return: list of texts, readable by :meth:`scenic_open_visitors` alone
        :raise WindowRightError: the user may not sell tickets
        :raise WindowVisitorError: these are no visitors
        """
        self._scenic_check_seller()
        order_lines = self.env["pos.order.line"]
        keys_sudo = self.env["scenic.signing.key"].sudo()  # sudo: no user reads keys
        kid = keys_sudo._data().data_kid
        return [
            keys_sudo._encrypt(
                self._scenic_draft_place(uuid),
                order_lines._scenic_pack_visitors(
                    order_lines._scenic_parse_visitors({"scenic_visitors": visitors})
                ),
                kid,
            )
            for uuid, visitors in self._scenic_pairs(lines)
        ]

    def scenic_open_visitors(self, lines):
        """Read what :meth:`scenic_seal_visitors` has encrypted in this company.

        :param list lines: ``[uuid of the line, text]``
        :return: list of visitors; False where the text is not of that line
        :raise WindowRightError: the user may not sell tickets
        """
        self._scenic_check_seller()
        keys_sudo = self.env["scenic.signing.key"].sudo()  # sudo: no user reads keys
        order_lines = self.env["pos.order.line"]
        result = []
        for uuid, sealed in self._scenic_pairs(lines):
            try:
                text = keys_sudo._decrypt(self._scenic_draft_place(uuid), str(sealed))
            except KeyFileError:
                result.append(False)
            else:
                result.append(order_lines._scenic_unpack_visitors(text))
        return result

    # ------------------------------------------------------------
    # Tools
    # ------------------------------------------------------------

    def _scenic_check_seller(self):
        self.ensure_one()
        self.check_access("read")
        self.env["pos.order"]._scenic_check_cashier()

    def _scenic_draft_place(self, uuid):
        """Return what binds the cipher text of a draft to its line and company."""
        return f"pos.config,{self.company_id.id},{uuid},visitors"

    def _scenic_pairs(self, lines):
        """Return the pairs of a line and something that a client sends."""
        if (
            not isinstance(lines, list)
            or len(lines) > MAX_LINES
            or not all(
                isinstance(line, list)
                and len(line) == 2
                and isinstance(line[0], str)
                and len(line[0]) <= 64
                for line in lines
            )
        ):
            raise self._scenic_roster_error("ROSTER_FILE")
        return lines

    def _scenic_roster_rows(self, source):
        """Return the rows of a text or file that a client sends."""
        source = source if isinstance(source, dict) else {}
        if isinstance(source.get("text"), str):
            return roster.read_text(source["text"])
        try:
            return roster.read_workbook(
                base64.b64decode(source.get("file") or "", validate=True)
            )
        except (binascii.Error, TypeError, ValueError) as error:
            if isinstance(error, roster.RosterError):
                raise
            raise roster.RosterError("ROSTER_FILE") from error

    def _scenic_roster_error(self, code):
        texts = {
            "ROSTER_EMPTY": self.env._(
                "There is no name in this list. It has a line for each person, with "
                "name and document."
            ),
            "ROSTER_LONG": self.env._(
                "This list is too long: a list has %(rows)s persons and %(size)s MB at "
                "most. Read it in parts.",
                rows=roster.MAX_ROWS,
                size=roster.MAX_BYTES // 2**20,
            ),
            "ROSTER_FILE": self.env._(
                "This is no list that can be read. Save it as an Excel workbook "
                "(.xlsx), or copy its lines and paste them."
            ),
        }
        return WindowVisitorError(texts[code], code=code)

    def _scenic_roster_visit(self, visit):
        """Return product and slot, as superuser, and day that a client names."""
        product_id, day, slot_id = (
            visit if isinstance(visit, list) and len(visit) == 3 else (None,) * 3
        )
        product_sudo, day = self._scenic_parse_visit([product_id, day])
        # sudo: what is on sale does not depend on what the cashier may read
        slots_sudo = self.env["scenic.slot"].sudo()
        if isinstance(slot_id, int) and not isinstance(slot_id, bool):
            slots_sudo = slots_sudo.browse(slot_id).exists()
        return product_sudo, day, slots_sudo

    def _scenic_mark_repeated(self, checked):
        """Mark rows whose document stands in an earlier row."""
        seen, line = {}, 0
        for row in checked:
            line += row["role"] != GUIDE
            if row["message"] or not row["doc_number"]:
                continue
            document = id_document.identity(id_document.normalise(row["doc_number"]))
            if document not in seen:
                seen[document] = row["role"] != GUIDE and line
                continue
            row["code"] = "ROSTER_TWICE"
            row["message"] = (
                self.env._(
                    "This document stands in line %(line)s already.",
                    line=seen[document],
                )
                if seen[document]
                else self.env._("This document is the guide's.")
            )

    def _scenic_mark_refused(self, checked, template, day, slot):
        """Mark rows of persons who are on record and could not have a ticket."""
        # sudo: no user may read the hash of a document
        visitors_sudo = self.env["scenic.visitor"].sudo()
        by_lookup = {
            visitors_sudo._number_lookup(row["doc_number"]): row
            for row in checked
            if row["doc_number"] and not row["message"]
        }
        known = visitors_sudo._by_lookup(set(by_lookup), self.company_id)
        refusals = self.env["scenic.ticket.holder"]._refusals(
            template, day, slot, visitors_sudo.concat(*known.values())
        )
        for lookup, visitor_sudo in known.items():
            if error := refusals.get(visitor_sudo.id):
                by_lookup[lookup].update(code=error.code, message=str(error))
