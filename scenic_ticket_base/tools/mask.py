"""Take secrets and personal numbers out of what is written down for ever.

The audit trail is never erased, so nothing that a visitor may ask to have erased
may enter it, however it gets there: by a field, or typed into a reason.
"""

import re

HIDDEN = "••••"

# Fields of which nothing is kept.
_SECRET = re.compile(
    r"(password|passwd|secret|token|private|cipher|encrypted|signature|api_?key"
    r"|hash|lookup|photo|image)",
)
# Fields of which the last four characters are kept.
_PERSONAL = re.compile(
    r"(^|_)(doc_?number|document_number|id_?number|id_no|passport\w*|phone\w*|mobile"
    r"|e_?mail\w*|birth\w*|vat|acc_number)$",
)
# Numbers of persons in free text; a digit or letter beside them means another thing.
_NUMBERS = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[1-9][0-9]{16}[0-9Xx]"  # resident identity card, and permits of its form
    r"|[1-9][0-9]{14}"  # its form before 2000
    r"|[A-Z]{3}[0-9]{12}"  # permanent residence of a foreigner, before 2023
    r"|[HM][0-9]{8}(?:[0-9]{2})?"  # travel permit of Hong Kong and Macao
    r"|[A-Z]{1,2}[0-9]{7,8}"  # passport
    r"|(?:\+?86[- ]?)?1[3-9][0-9]{9}"  # mobile telephone
    r"|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"
    r")(?![0-9A-Za-z])"
)


def mask_number(value):
    """Return a number with all but its last four characters hidden."""
    text = str(value)
    return HIDDEN + (text[-4:] if len(text) > 7 else "")


def mask_name(name):
    """Return a person's name with all but its first character hidden."""
    return name[0] + "*" * min(len(name) - 1, 5) if name else ""


def mask_text(text):
    """Return a text in which numbers of persons show their last four only."""
    return _NUMBERS.sub(lambda match: mask_number(match[0]), text)


def mask_values(values):
    """Return a copy of ``{name: value}`` fit to be kept; nested values as well."""
    return {name: _mask(name, value) for name, value in values.items()}


def _mask(name, value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(name, str):
        if _SECRET.search(name):
            return HIDDEN if value else value
        if _PERSONAL.search(name):
            return mask_number(value) if value else value
    if isinstance(value, dict):
        return mask_values(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask(name, item) for item in value]
    if isinstance(value, int | float):
        return value
    return mask_text(str(value))
