"""Tells what a text is that a reader read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReadKind(StrEnum):
    """What was read; the names are those of the gate API."""

    QR = "qr"
    BARCODE = "barcode"
    IC_CARD = "ic_card"
    ID_DOCUMENT = "id_document"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Read:
    """What a text turned out to be. `lookup` is None for a text that cannot be a code."""

    kind: ReadKind
    lookup: str | None
    forged: bool = False
