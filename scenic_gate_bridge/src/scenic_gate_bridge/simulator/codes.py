"""The codes of a park that exists for a rehearsal only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import struct
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SITE = "REHEARSAL"
ZONE = ZoneInfo("Asia/Shanghai")
PRODUCT_CLASS = 7
RETURNS_CLASS = 8  # with free re-entry after an exit that read the code
SPAN = 3  # days: a rehearsal may see midnight
_EPOCH = date(2020, 1, 1)


def first_day() -> date:
    """Yesterday at the park."""
    return datetime.now(UTC).astimezone(ZONE).date() - timedelta(days=1)


def new_barcode(rng: random.Random) -> str:
    """A 1-D ticket number: 20 random digits, 2 check digits (ISO 7064 mod 97-10)."""
    body = rng.randrange(10**19, 10**20)
    return f"{body}{98 - body * 100 % 97:02}"


def signed_qr(
    signer: Ed25519PrivateKey,
    site: str,
    number: int,
    first: date,
    *,
    issue: int = 0,
    product: int = PRODUCT_CLASS,
    span: int = 1,
    persons: int = 1,
) -> str:
    """A QR as the server signs it, under key id 1: of the ticket with this number, for
    `span` days from `first` on. `issue`: how often its code was replaced before."""
    day = (first - _EPOCH).days
    payload = struct.pack(
        ">BQHHBBB", 1 << 4 | 1, issue << 32 | number, product, day, span, persons, 0
    )
    signature = signer.sign(b"SCENIC-T1\0" + site.encode() + payload)
    return "T1" + base64.b32encode(payload + signature).decode()


def look_up(secret: bytes, text: str) -> str:
    """The keyed hash under which a copy knows a code."""
    return hmac.digest(secret, text.encode(), hashlib.sha256)[:16].hex()


class Mint:
    """Signs QR codes, and makes the look-ups under which a device knows its copy."""

    def __init__(self, rng: random.Random) -> None:
        self._signer = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        self._lookup_key = rng.randbytes(32)

    @property
    def public_key(self) -> str:
        """Raw, in base64."""
        raw = self._signer.public_key().public_bytes_raw()
        return base64.b64encode(raw).decode()

    @property
    def lookup_key(self) -> str:
        """The secret of the look-ups, in base64."""
        return base64.b64encode(self._lookup_key).decode()

    def qr(self, number: int, persons: int, product: int = PRODUCT_CLASS) -> str:
        """A signed QR of the ticket with this number."""
        return signed_qr(
            self._signer,
            SITE,
            number,
            first_day(),
            product=product,
            span=SPAN,
            persons=persons,
        )

    def lookup(self, code: str) -> str:
        """The keyed hash of a code."""
        return look_up(self._lookup_key, code)
