"""How a printer is."""

from __future__ import annotations

from enum import StrEnum


class PrinterState(StrEnum):
    """As the server names them."""

    READY = "ready"
    NO_PAPER = "no_paper"
    COVER_OPEN = "cover_open"
    ERROR = "error"
    OFFLINE = "offline"
