"""How the number of a card is written, the same for every reader of a park."""

from __future__ import annotations

from ..settings import CardReaderSettings

WIEGAND_BYTES = {26: 3, 34: 4}  # without the two parity bits


def card_number(raw: bytes, settings: CardReaderSettings) -> str:
    """Capital hexadecimal digits, the most significant byte first."""
    if settings.byte_order == "lsb":
        raw = raw[::-1]
    if settings.wiegand is not None:
        raw = raw[-WIEGAND_BYTES[settings.wiegand] :]
    return raw.hex().upper()
