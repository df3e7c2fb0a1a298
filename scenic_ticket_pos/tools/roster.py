"""The list of names that a group brings, pasted or as a spreadsheet (no Odoo in here).

Each line is one person. Columns may stand in any order: a document is known by its
check character, a kind of document by its name, a mobile number by its form; the first
other text is the name. Numbers of rows and a line of headings are left out.
"""

import io
import re
import zipfile
from datetime import date, datetime
from typing import NamedTuple

import openpyxl

from odoo.addons.scenic_ticket_base.tools import id_document

from .document_reader import read_document

MAX_ROWS = 1000
MAX_BYTES = 2 * 2**20
MAX_UNPACKED = 40 * 2**20
MAX_COLUMNS = 20
MAX_TEXT = 200
# a spreadsheet keeps 15 digits of a number and makes the others 0
MAX_DIGITS = 15

KIND_WORDS = (
    ("永久居留", "foreign_pr"),
    ("permanent resident", "foreign_pr"),
    ("居住证", "gat_residence"),
    ("residence permit", "gat_residence"),
    ("港澳", "hk_macau_permit"),
    ("回乡证", "hk_macau_permit"),
    ("macao", "hk_macau_permit"),
    ("台胞", "taiwan_permit"),
    ("台湾", "taiwan_permit"),
    ("taiwan", "taiwan_permit"),
    ("护照", "passport"),
    ("passport", "passport"),
    ("身份证", "cn_id"),
    ("identity card", "cn_id"),
)
NO_NAMES = {"男", "女", "m", "f", "male", "female"}
HEADINGS = re.compile(
    r"姓名|名字|证件|号码|^name$|document|^number$|^id( number)?$", re.I
)
_COLUMNS = re.compile(r"[\t,，;；、|]")
_SHORT_NUMBER = re.compile(r"\d{1,4}")
_MOBILE = re.compile(r"(\+86)?1[3-9]\d{9}|\+[1-9]\d{6,14}")
_DIGITS = re.compile(r"\d")


class RosterError(ValueError):
    """The list as a whole cannot be read.

    code: ``ROSTER_EMPTY``, ``ROSTER_LONG`` (too many persons or bytes) or
    ``ROSTER_FILE`` (no spreadsheet)
    """

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Row(NamedTuple):
    """One person; what was not found is "".

    rounded: the spreadsheet kept a number of so many digits as a rounded one
    """

    name: str
    doc_kind: str
    doc_number: str
    phone: str
    rounded: bool = False


def read_text(text):
    """Return the :class:`Row` of each person of a text that was pasted.

    :raise RosterError:
    """
    if len(text) > MAX_BYTES:
        raise RosterError("ROSTER_LONG")
    return _rows(_split(line) for line in text.splitlines())


def read_workbook(data):
    """Return the :class:`Row` of each person on the first sheet of an xlsx file.

    :param bytes data: the file
    :raise RosterError:
    """
    if len(data) > MAX_BYTES:
        raise RosterError("ROSTER_LONG")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_UNPACKED:
            raise RosterError("ROSTER_LONG")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        cells = book.worksheets[0].iter_rows(values_only=True, max_col=MAX_COLUMNS)
        return _rows(cells)
    except RosterError:
        raise
    # whatever a broken file does to the library
    except Exception as error:
        raise RosterError("ROSTER_FILE") from error


def _split(line):
    if _COLUMNS.search(line):
        return _COLUMNS.split(line)
    words = line.split()
    # "Anna Maria Eriksson L898902C3": words without a digit are one name
    return [
        " ".join(word for word in words if not _DIGITS.search(word)),
        *(word for word in words if _DIGITS.search(word)),
    ]


def _rows(lines):
    found = []
    for line in lines:
        texts = [_text(cell) for cell in line]
        fields = [text for text in texts if text and not _SHORT_NUMBER.fullmatch(text)]
        if not fields or _is_heading(fields):
            continue
        if len(found) == MAX_ROWS:
            raise RosterError("ROSTER_LONG")
        found.append(_row(fields)._replace(rounded=any(map(_is_rounded, line))))
    if not found:
        raise RosterError("ROSTER_EMPTY")
    return found


def _text(cell):
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, datetime | date):
        return ""
    return " ".join(str(cell).split())[:MAX_TEXT] if cell is not None else ""


def _is_rounded(cell):
    return (
        isinstance(cell, int | float)
        and not isinstance(cell, bool)
        and abs(cell) >= 10**MAX_DIGITS
    )


def _is_heading(fields):
    return not any(_DIGITS.search(field) for field in fields) and any(
        HEADINGS.search(field) for field in fields
    )


def _row(fields):
    name = kind = number = phone = ""
    for field in fields:
        reading = read_document(field)
        if reading.kind:
            kind, number = reading.kind, reading.number
        elif word_kind := _kind_of_words(field):
            kind = kind or word_kind
        elif _MOBILE.fullmatch(re.sub(r"[\s\-]", "", field)):
            phone = phone or field
        elif _DIGITS.search(field):
            number = number or field
        elif field.lower() not in NO_NAMES:
            name = name or field
    return Row(name, kind or guess_kind(number), number, phone)


def _kind_of_words(field):
    if _DIGITS.search(field):
        return ""
    text = field.lower()
    return next((kind for word, kind in KIND_WORDS if word in text), "")


def guess_kind(number):
    """Return what a number may be that proves nothing by itself.

    Digits alone, whatever their number, are taken for a mistyped citizen number.
    """
    text = id_document.normalise(number)
    for kind, shape in (
        ("cn_id", r"\d{9,}X?"),
        ("hk_macau_permit", r"[HM]\d{8}(\d{2})?"),
        ("taiwan_permit", r"\d{8}"),
        ("foreign_pr", r"[A-Z]{3}\d{12}"),
        ("passport", r"(?=.*\d)(?=.*[A-Z])[A-Z0-9]{5,12}"),
    ):
        if re.fullmatch(shape, text):
            return kind
    return "cn_id"
