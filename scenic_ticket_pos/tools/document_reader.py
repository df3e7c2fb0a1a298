"""What a document reader sends as if it were typed (no Odoo in here).

Readers of second-generation identity cards are set up to send the number alone or
several fields with a separator; readers of passports send both machine readable lines.
"""

import re
from typing import NamedTuple

from odoo.addons.scenic_ticket_base.tools import id_document

# what the window may say of a visitor
VISITOR_FIELDS = ("name", "doc_kind", "doc_number", "guardian_name")
# and of a person of a group; role: "guide" leads it
PERSON_FIELDS = (*VISITOR_FIELDS, "phone", "role")
GUIDE = "guide"
# anything longer is no name and no number
MAX_TEXT = 200
_SEPARATORS = re.compile(r"[,，;；|\t\r\n]+")


class Reading(NamedTuple):
    """A document as far as it was recognised.

    kind: of ``id_document.KINDS``, None: not recognised
    number: the number, or the lines of a passport; what was typed if not recognised
    name: as the reader sent it, maybe empty
    """

    kind: str | None
    number: str
    name: str


def read_document(text):
    """Return the :class:`Reading` of a text.

    Only what proves itself by its check characters is recognised.
    """
    if id_document.looks_like_mrz(text):
        return Reading("passport", text, "")
    fields = [field.strip() for field in _SEPARATORS.split(text)]
    for field in fields:
        number = id_document.normalise(field)
        if id_document.is_citizen_number(number):
            names = [f for f in fields if f and not any(c.isdigit() for c in f)]
            return Reading(_kind(number), number, next(iter(names), ""))
    return Reading(None, text.strip(), "")


def _kind(number):
    if number.startswith(("810000", "820000", "830000")):
        return "gat_residence"
    if number.startswith("9"):
        return "foreign_pr"
    return "cn_id"
