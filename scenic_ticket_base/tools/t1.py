"""The signed QR text of a ticket, format T1 (no Odoo in here).

``T1`` + base32 of 16 bytes payload and 64 bytes Ed25519 signature: 130 characters
out of A-Z and 2-7, which survive keyboard-wedge scanners, caps lock and URLs.
The signed text is ``b"SCENIC-T1\\0" + site code + payload``; only the payload and
the signature are transmitted, so a reader must know the code of its site.

The number is that of the medium: the ticket number in the lower 32 bits, and above
it which issue of the ticket's code it is, the first one being 0. The span of 255 days
means "255 or more": who meets it must ask the list of tickets for the last day.
"""

import base64
import re
import struct
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

PREFIX = "T1"
DOMAIN = b"SCENIC-T1\0"
EPOCH = date(2020, 1, 1)
LAST = EPOCH + timedelta(days=2**16 - 1)
FORMAT = 1
TOKEN_LENGTH = 130
MAX_SPAN = 255
PAYLOAD_LENGTH = 16
MAX_INPUT = 512

FLAG_REAL_NAME = 1 << 0
FLAG_BINDING = 1 << 1
FLAG_CONCESSION = 1 << 2
FLAG_REENTRY = 1 << 3

_PAYLOAD = struct.Struct(">BQHHBBB")
_SHAPE = re.compile(r"T1[A-Z2-7]{128}")
_SITE_CODE = re.compile(r"[A-Z0-9]{1,8}")


class T1Error(ValueError):
    """A value does not fit the T1 format; ``field`` names which one."""

    def __init__(self, field, message):
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class T1Payload:
    """What a T1 code says, in plain values."""

    kid: int
    number: int
    product_class: int
    date_first: date
    span_days: int
    persons: int
    flags: int = 0

    def encode(self):
        """Return the 16 bytes.

        :raise T1Error: a value is out of range; nothing ever wraps.
        """
        day = (self.date_first - EPOCH).days
        for field, value, low, high in (
            ("kid", self.kid, 0, 15),
            ("number", self.number, 1, 2**64 - 1),
            ("product_class", self.product_class, 1, 2**16 - 1),
            ("date_first", day, 0, 2**16 - 1),
            ("span_days", self.span_days, 1, MAX_SPAN),
            ("persons", self.persons, 1, 255),
            ("flags", self.flags, 0, 15),
        ):
            if not low <= value <= high:
                raise T1Error(field, f"{field} is {value}, not in {low}..{high}")
        return _PAYLOAD.pack(
            FORMAT << 4 | self.kid,
            self.number,
            self.product_class,
            day,
            self.span_days,
            self.persons,
            self.flags,
        )

    @classmethod
    def decode(cls, payload):
        """Return the values of 16 bytes.

        :raise T1Error: another format, or values that T1 never carries.
        """
        if len(payload) != PAYLOAD_LENGTH:
            raise T1Error("length", f"payload of {len(payload)} bytes")
        head, number, product_class, day, span, persons, flags = _PAYLOAD.unpack(
            payload
        )
        if head >> 4 != FORMAT:
            raise T1Error("format", f"format {head >> 4}, not {FORMAT}")
        decoded = cls(
            kid=head & 15,
            number=number,
            product_class=product_class,
            date_first=EPOCH + timedelta(days=day),
            span_days=span,
            persons=persons,
            flags=flags,
        )
        decoded.encode()
        return decoded


def medium_number(ticket_number, issue):
    """Return the number of the medium of a ticket; issue 0 is the first one.

    :raise T1Error: a value is out of range; nothing ever wraps.
    """
    for field, value, low in (("number", ticket_number, 1), ("issue", issue, 0)):
        if not low <= value < 2**32:
            raise T1Error(field, f"{field} is {value}, not in {low}..{2**32 - 1}")
    return issue << 32 | ticket_number


def split_number(number):
    """Return ``(ticket number, issue)`` of the number of a medium."""
    return number & 0xFFFFFFFF, number >> 32


def normalise(text):
    """Return what a reader meant: no white space, upper case, plain ASCII forms.

    Full-width letters come from keyboard-wedge scanners on a PC whose Chinese
    input method is switched to full width. Anything that is no text, or is over-long,
    gives "".
    """
    if not isinstance(text, str) or len(text) > MAX_INPUT:
        return ""
    text = unicodedata.normalize("NFKC", text)
    return "".join(text.split()).upper()


def is_token(normalised):
    """Tell whether a normalised text has the shape of a T1 code."""
    return _SHAPE.fullmatch(normalised) is not None


def signed_text(site_code, payload):
    """Return the bytes that are signed for a payload issued by a site."""
    if not _SITE_CODE.fullmatch(site_code):
        raise T1Error("site_code", f"site code {site_code!r} is not A-Z0-9, 1 to 8")
    return DOMAIN + site_code.encode("ascii") + payload


def sign(private_key: Ed25519PrivateKey, site_code, payload: T1Payload):
    """Return the 130 characters to print."""
    raw = payload.encode()
    signature = private_key.sign(signed_text(site_code, raw))
    return PREFIX + base64.b32encode(raw + signature).decode("ascii")


def parse(text):
    """Split a code into its values, signed bytes and signature, unverified.

    :param text: as read, white space and case are tolerated
    :return: ``(T1Payload, payload bytes, signature bytes)``
    :raise T1Error: not a T1 code
    """
    token = normalise(text)
    if not is_token(token):
        raise T1Error("shape", "not a T1 code")
    raw = base64.b32decode(token[len(PREFIX) :])
    payload, signature = raw[:PAYLOAD_LENGTH], raw[PAYLOAD_LENGTH:]
    return T1Payload.decode(payload), payload, signature


def verify(public_key: Ed25519PublicKey, site_code, payload, signature):
    """Tell whether the key signed these payload bytes for this site."""
    try:
        public_key.verify(signature, signed_text(site_code, payload))
    except InvalidSignature:
        return False
    return True
