"""Tells what a text is that a reader read, as the server does.

Formats: a signed QR is `T1` + base32 (A-Z, 2-7) of 16 bytes payload and 64 bytes
Ed25519 signature over `SCENIC-T1`, NUL, site code, payload; a 1-D number is 20 digits
and two check digits by ISO 7064 mod 97-10; a citizen number has its check character by
ISO 7064 mod 11-2 (GB 11643-1999). Look-ups are keyed hashes: no code and no number is
kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .feed import PublicKey

LONGEST_CODE = 512
LONGEST_DOCUMENT = 200
OPEN_SPAN = 255  # of a QR: this many days or more

_DOMAIN = b"SCENIC-T1\0"
_DIGITS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghijklmnopqrstuv"
)
_EPOCH = date(2020, 1, 1)
_PAYLOAD = struct.Struct(">BQHHBBB")
_TOKEN = re.compile(r"T1[A-Z2-7]{128}")
_BARCODE = re.compile(r"[0-9]{22}")
_CITIZEN = re.compile(r"[0-9]{17}[0-9X]")
_HK_MACAU = re.compile(r"[HM][0-9]{10}")
_CARD = re.compile(r"[0-9A-F]{4,32}")
_DOCUMENT = re.compile(r"(?=.*[0-9])[A-Z0-9]{5,18}")
_SEPARATORS = re.compile(r"[\s\-‐-―·.]+")


class ReadKind(StrEnum):
    """What was read; the names are those of the gate API."""

    QR = "qr"
    BARCODE = "barcode"
    IC_CARD = "ic_card"
    ID_DOCUMENT = "id_document"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SignedTicket:
    """What a genuine QR says. `span` days from `first` on, 255: that many or more;
    `issue`: how often the code of the ticket was replaced before."""

    number: int
    issue: int
    product_class: int
    first: date
    span: int
    persons: int

    def is_open(self, day: date) -> bool:
        """Whether the QR alone says that the ticket is valid on this day."""
        return self.span < OPEN_SPAN and self.first <= day < self.first + timedelta(
            days=self.span
        )


@dataclass(frozen=True, slots=True)
class Read:
    """What a text turned out to be. `lookup` is None for a text that cannot be a
    code; `text` is a QR itself, whose signature nobody looked at yet."""

    kind: ReadKind
    lookup: str | None
    text: str = field(default="", repr=False)


UNKNOWN = Read(ReadKind.UNKNOWN, None)


class CodeReader:
    """Knows the public keys and the secret of the look-ups."""

    def __init__(
        self, lookup_key: bytes, keys: list[PublicKey], site_codes: list[str]
    ) -> None:
        self._lookup_key = lookup_key
        self._keys: dict[int, list[tuple[Ed25519PublicKey, bytes]]] = {}
        for each in keys:
            key = Ed25519PublicKey.from_public_bytes(each.key)
            self._keys.setdefault(each.kid, []).extend(
                (key, _DOMAIN + code.encode()) for code in site_codes
            )

    def read(self, kind: str, value: str) -> Read:
        """Tell what `value` is; `kind` is `auto` or what the reader says it is."""
        found = self._read(kind, value)
        return found if kind in ("auto", found.kind) else UNKNOWN

    def _read(self, kind: str, value: str) -> Read:
        if kind == ReadKind.IC_CARD:
            number = normalise_document(value).replace(":", "")
            return self._medium(ReadKind.IC_CARD, number, _CARD, f"IC:{number}")
        if kind == ReadKind.ID_DOCUMENT:
            return self._document(normalise_document(value))
        text = normalise_code(value)
        if _TOKEN.fullmatch(text):
            return Read(ReadKind.QR, self.lookup(text), text)
        if _BARCODE.fullmatch(text) and int(text) % 97 == 1:
            return Read(ReadKind.BARCODE, self.lookup(text))
        number = normalise_document(value)
        return self._document(number) if is_citizen_number(number) else UNKNOWN

    def signed(self, read: Read) -> SignedTicket | None:
        """What a QR says, None if its signature is wrong. Only of one that the copy
        does not have: a look-up that it has is proof that the server issued it."""
        # five bits a character; the library's own decoder is ten times slower
        raw = int(read.text[2:].translate(_DIGITS), 32).to_bytes(80)
        payload, signature = raw[:16], raw[16:]
        head, number, product, first, span, persons, flags = _PAYLOAD.unpack(payload)
        plausible = head >> 4 == 1 and number and product and span and persons
        if (
            not plausible
            or flags > 15
            or not self._signed(head & 15, payload, signature)
        ):
            return None
        return SignedTicket(
            number=number & 0xFFFFFFFF,
            issue=number >> 32,
            product_class=product,
            first=_EPOCH + timedelta(days=first),
            span=span,
            persons=persons,
        )

    def lookup(self, text: str) -> str:
        """The keyed hash under which a medium is known."""
        data = text.encode("utf-8", "surrogatepass")
        return hmac.digest(self._lookup_key, data, hashlib.sha256)[:16].hex()

    def _document(self, number: str) -> Read:
        # the last two of eleven characters of a Hong Kong or Macao permit count its
        # renewals
        person = number[:9] if _HK_MACAU.fullmatch(number) else number
        return self._medium(ReadKind.ID_DOCUMENT, number, _DOCUMENT, f"ID:{person}")

    def _medium(
        self, kind: ReadKind, number: str, shape: re.Pattern[str], text: str
    ) -> Read:
        return Read(kind, self.lookup(text)) if shape.fullmatch(number) else UNKNOWN

    def _signed(self, kid: int, payload: bytes, signature: bytes) -> bool:
        keys = self._keys.get(kid, [])
        for index, (key, domain) in enumerate(keys):
            try:
                key.verify(signature, domain + payload)
            except InvalidSignature:
                continue
            if index:
                # what signed this ticket signed most of those that come next
                keys.insert(0, keys.pop(index))
            return True
        return False


def normalise_code(text: str) -> str:
    """A code as it was meant: no white space, capitals, plain forms of letters."""
    if len(text) > LONGEST_CODE:
        return ""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def normalise_document(text: str) -> str:
    """The number of a card or document: capitals, no blanks, dashes or dots."""
    if len(text) > LONGEST_DOCUMENT:
        return ""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def is_citizen_number(number: str) -> bool:
    """Whether these are 18 characters with the right check character."""
    if not _CITIZEN.fullmatch(number):
        return False
    total = sum(int(digit) << (17 - at) for at, digit in enumerate(number[:17]))
    return number[17] == "0123456789X"[(12 - total) % 11]
