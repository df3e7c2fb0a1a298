"""Identity documents and telephone numbers, by form alone (no Odoo in here).

A right form proves nothing about the person: it catches misreads and typing errors.
Sources: GB 11643-1999 (citizen number: 6 digits region, 8 birth date, 3 sequence,
check character by ISO 7064 MOD 11-2), ICAO Doc 9303 part 4 (TD3 machine readable
zone, check digits by the weights 7-3-1). The shapes of permits and the layout of the
foreigners' card of 2023 are from general knowledge.
"""

import re
import unicodedata
from datetime import date
from typing import NamedTuple

from stdnum.cn import ric

KINDS = (
    "cn_id",
    "gat_residence",
    "hk_macau_permit",
    "taiwan_permit",
    "foreign_pr",
    "passport",
)
MAX_AGE = 130
MAX_INPUT = 200

# Provinces that issue citizen numbers, and 81 to 83 for the residence permits of
# people from Hong Kong, Macao and Taiwan
_REGIONS = frozenset(
    [
        *range(11, 16),
        *range(21, 24),
        *range(31, 38),
        *range(41, 47),
        *range(50, 55),
        *range(61, 66),
        71,
        *range(81, 84),
    ]
)
_CITIZEN = re.compile(r"[0-9]{17}[0-9X]")
_RESIDENCE = ("810000", "820000", "830000")
_HK_MACAU = re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?")
_TAIWAN = re.compile(r"[0-9]{8}")
_FOREIGN_OLD = re.compile(r"[A-Z]{3}[0-9]{12}")
_PASSPORT = re.compile(r"(?=.*[0-9])[A-Z0-9]{5,17}")
_SEPARATORS = re.compile(r"[\s\-‐-―·.]+")
_MRZ_LINE = re.compile(r"[A-Z0-9<]{44}")
_MAINLAND = re.compile(r"1[3-9][0-9]{9}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class DocumentError(ValueError):
    """A document or telephone number is wrong; ``code`` is stable."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Facts(NamedTuple):
    """What a number says about its holder; None where it says nothing.

    sex: ``male`` or ``female``
    """

    birth_date: date | None
    sex: str | None


class Mrz(NamedTuple):
    """The machine readable zone of a passport."""

    number: str
    issuer: str
    nationality: str
    name: str
    birth_date: date | None
    sex: str | None
    expiry_date: date | None


def normalise(text):
    """Return a number as it is stored: capitals, no blanks, dashes or dots.

    Anything that is no text, or is over-long, gives "".
    """
    if not isinstance(text, str) or len(text) > MAX_INPUT:
        return ""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def identity(number):
    """Return the part of a normalised number that stays with the person.

    The last two of eleven characters of a Hong Kong or Macao permit count its
    renewals.
    """
    if len(number) == 11 and _HK_MACAU.fullmatch(number):
        return number[:9]
    return number


def is_citizen_number(number):
    """Tell whether a normalised text is one of the numbers of 18 characters.

    Citizens, residents of Hong Kong, Macao and Taiwan, and foreigners share the form.
    """
    return (
        _CITIZEN.fullmatch(number) is not None
        and ric.calc_check_digit(number) == number[-1]
    )


def validate(kind, text, today):
    """Return the normalised number of a document.

    :param str kind: one of :data:`KINDS`
    :param text: as read or typed
    :param date today: the day to judge birth dates by
    :raise DocumentError: with one of the codes ``DOC_KIND``, ``DOC_EMPTY``,
        ``DOC_OLD`` (15 digits), ``DOC_FORMAT``, ``DOC_REGION``, ``DOC_CHECKSUM``,
        ``DOC_BIRTH_DATE``, ``DOC_FUTURE``, ``DOC_AGE``
    """
    if kind not in KINDS:
        raise DocumentError("DOC_KIND", f"{kind!r} is no kind of document")
    number = normalise(text)
    if not number:
        raise DocumentError("DOC_EMPTY", "no number")
    _VALIDATORS[kind](number, today)
    return number


def facts(kind, number):
    """Return the :class:`Facts` that a valid, normalised number carries."""
    if kind in ("cn_id", "gat_residence") or (
        kind == "foreign_pr" and len(number) == 18
    ):
        return Facts(
            ric.get_birth_date(number), "male" if int(number[16]) % 2 else "female"
        )
    return Facts(None, None)


def parse_mrz(text, today):
    """Return the :class:`Mrz` of the two lines of a passport, check digits proven.

    :param str text: both lines of 44 characters, in one or two lines
    :param date today: tells the century of the birth date
    :raise DocumentError: ``MRZ_FORMAT``, or ``MRZ_CHECKSUM``
    """
    joined = "".join(text.split()).upper() if isinstance(text, str) else ""
    first, second = joined[:44], joined[44:]
    if (
        not _MRZ_LINE.fullmatch(first)
        or not _MRZ_LINE.fullmatch(second)
        or first[0] != "P"
    ):
        raise DocumentError(
            "MRZ_FORMAT", "not the two lines of 44 characters of a passport"
        )
    for label, field, digit in (
        ("number", second[:9], second[9]),
        ("birth date", second[13:19], second[19]),
        ("expiry date", second[21:27], second[27]),
        ("personal number", second[28:42], second[42]),
        ("line", second[:10] + second[13:20] + second[21:43], second[43]),
    ):
        # an empty personal number may have a filler for its check digit
        if digit == "<" and not field.strip("<"):
            continue
        if digit != mrz_check_digit(field):
            raise DocumentError("MRZ_CHECKSUM", f"check digit of the {label} is wrong")
    surname, _separator, given = first[5:].partition("<<")
    return Mrz(
        number=second[:9].replace("<", ""),
        issuer=first[2:5].replace("<", ""),
        nationality=second[10:13].replace("<", ""),
        name=" ".join(f"{surname}<{given}".replace("<", " ").split()),
        birth_date=_mrz_date(second[13:19], today.year),
        sex={"M": "male", "F": "female"}.get(second[20]),
        expiry_date=_mrz_date(second[21:27], today.year + 50),
    )


def looks_like_mrz(text):
    """Tell whether a text is long enough to be both lines of a passport."""
    return isinstance(text, str) and len("".join(text.split())) == 88


def mrz_check_digit(field):
    """Return the check digit of a field of a machine readable zone."""
    values = (
        int(character, 36) if character != "<" else 0 for character in field.upper()
    )
    return str(sum(v * (7, 3, 1)[i % 3] for i, v in enumerate(values)) % 10)


def normalise_phone(text):
    """Return a telephone number: 11 digits of a mainland mobile, else E.164.

    :raise DocumentError: ``PHONE_FORMAT``
    """
    number = normalise(text).replace("(", "").replace(")", "")
    if number.startswith("00"):
        number = f"+{number[2:]}"
    mainland = number.removeprefix("+86") if number.startswith("+86") else number
    if _MAINLAND.fullmatch(mainland):
        return mainland
    if number.startswith("+") and not number.startswith("+861"):
        if _E164.fullmatch(number):
            return number
    raise DocumentError(
        "PHONE_FORMAT",
        "neither a mobile number of 11 digits nor one that starts with + and a country",
    )


def _check_citizen(number, today):
    if len(number) == 15 and number.isdigit():
        raise DocumentError(
            "DOC_OLD", "15 digits: a number of the old card, which is no longer valid"
        )
    if not _CITIZEN.fullmatch(number):
        raise DocumentError("DOC_FORMAT", "not 17 digits and a digit or X")
    if int(number[:2]) not in _REGIONS:
        raise DocumentError("DOC_REGION", f"there is no region {number[:2]}")
    _check_18(number, today)


def _check_residence(number, today):
    if not _CITIZEN.fullmatch(number):
        raise DocumentError("DOC_FORMAT", "not 17 digits and a digit or X")
    if not number.startswith(_RESIDENCE):
        raise DocumentError(
            "DOC_REGION", "does not start with 810000, 820000 or 830000"
        )
    _check_18(number, today)


def _check_foreign(number, today):
    if _FOREIGN_OLD.fullmatch(number):
        return
    if not _CITIZEN.fullmatch(number) or number[0] != "9":
        raise DocumentError(
            "DOC_FORMAT",
            "neither 18 characters that start with 9 nor 3 letters and 12 digits",
        )
    _check_18(number, today)


def _check_18(number, today):
    if ric.calc_check_digit(number) != number[-1]:
        raise DocumentError("DOC_CHECKSUM", "the check character is wrong")
    # stdnum's own validate() also looks the county up, in a list that knows neither
    # 81 to 83 nor the people who were registered late
    try:
        birth_date = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise DocumentError(
            "DOC_BIRTH_DATE", f"there is no day {number[6:14]}"
        ) from error
    if birth_date > today:
        raise DocumentError("DOC_FUTURE", "the birth date is in the future")
    if age_on(birth_date, today) > MAX_AGE:
        raise DocumentError("DOC_AGE", f"older than {MAX_AGE} years")


def age_on(birth_date, day):
    """Return the completed years of age on a day."""
    return (
        day.year
        - birth_date.year
        - ((day.month, day.day) < (birth_date.month, birth_date.day))
    )


def _check_shape(pattern, message):
    def check(number, _today):
        if not pattern.fullmatch(number):
            raise DocumentError("DOC_FORMAT", message)

    return check


_VALIDATORS = {
    "cn_id": _check_citizen,
    "gat_residence": _check_residence,
    "foreign_pr": _check_foreign,
    "hk_macau_permit": _check_shape(
        _HK_MACAU, "not H or M and 8 digits, with or without 2 more"
    ),
    "taiwan_permit": _check_shape(_TAIWAN, "not 8 digits"),
    "passport": _check_shape(_PASSPORT, "not 5 to 17 letters and digits"),
}


def _mrz_date(text, last_year):
    """Return the day of six digits, in the hundred years up to a year."""
    if not text.isdigit():
        return None  # unknown parts of a birth date are fillers
    year = last_year - (last_year - int(text[:2])) % 100
    try:
        return date(year, int(text[2:4]), int(text[4:]))
    except ValueError:
        return None
