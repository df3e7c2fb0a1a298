"""The few commands of ESC/POS that a ticket needs. The picture of a ticket comes from
the server dot by dot, so neither fonts nor code pages of the printer matter."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

RESET = b"\x1b@"
CUT = b"\x1dV\x42\x00"  # feed the paper to the knife, and cut
WHEN_DONE = b"\x1dr\x01"  # answered in its turn, after all that was sent before
ASK_OFFLINE = b"\x10\x04\x02"  # these two are answered at once
ASK_PAPER = b"\x10\x04\x04"
STRIP = 256  # rows of dots in one command: a printer's buffer is small


class PrinterState(StrEnum):
    """As the server names them."""

    READY = "ready"
    NO_PAPER = "no_paper"
    COVER_OPEN = "cover_open"
    ERROR = "error"
    OFFLINE = "offline"


def picture(width: int, height: int, dots: bytes) -> Iterator[bytes]:
    """Commands that print rows of dots, a bit each, one after the other."""
    row = width // 8
    for top in range(0, height, STRIP):
        count = min(STRIP, height - top)
        head = b"\x1dv0\x00" + row.to_bytes(2, "little") + count.to_bytes(2, "little")
        yield head + dots[top * row : (top + count) * row]


def is_status(byte: int) -> bool:
    """Whether a byte answers ASK_OFFLINE or ASK_PAPER, and not WHEN_DONE."""
    return byte & 0x93 == 0x12


def is_done(byte: int) -> bool:
    """Whether a byte answers WHEN_DONE."""
    return byte & 0x90 == 0x00


def state(offline: int, paper: int) -> PrinterState:
    """What the answers to ASK_OFFLINE and ASK_PAPER say together."""
    if offline & 0x04:
        return PrinterState.COVER_OPEN
    if offline & 0x20 or paper & 0x60:
        return PrinterState.NO_PAPER
    if offline & 0x40:
        return PrinterState.ERROR
    return PrinterState.READY
