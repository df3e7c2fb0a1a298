"""How the number of a card is written, the same for every reader of a park."""

from __future__ import annotations

from ..settings import CardReaderSettings

WIEGAND_BYTES = {26: 3, 34: 4}  # without the two parity bits
NUMBER_BYTES = range(3, 11)


def card_number(raw: bytes, settings: CardReaderSettings) -> str:
    """Capital hexadecimal digits, the most significant byte first."""
    if settings.byte_order == "lsb":
        raw = raw[::-1]
    if settings.wiegand is not None:
        raw = raw[-WIEGAND_BYTES[settings.wiegand] :]
    return raw.hex().upper()


def without_parity(bits: int, data: bytes) -> bytes | None:
    """The bytes of a number that came as so many bits, from the left of `data`; None
    when it is no number that can be told. 26 and 34 bits are those of a Wiegand line:
    even parity over the first half in front, odd over the second half behind."""
    if len(data) * 8 < bits:
        return None
    if bits not in WIEGAND_BYTES:
        whole, rest = divmod(bits, 8)
        return data[:whole] if rest == 0 and whole in NUMBER_BYTES else None
    value = int.from_bytes(data, "big") >> len(data) * 8 - bits
    half = bits // 2
    if (value >> half).bit_count() % 2 or not (value % (1 << half)).bit_count() % 2:
        return None
    number = value >> 1 & (1 << bits - 2) - 1
    return number.to_bytes(WIEGAND_BYTES[bits], "big")
