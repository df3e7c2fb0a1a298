"""A ticket in ESC/POS, and what a printer answers. The commands are python-escpos's;
its `Network` is not used: it blocks, speaks IPv4 only, and takes whatever has arrived
for the answer to its last question, where a printer at work owes several. It neither
asks for the cause of being offline (`DLE EOT 2`) nor whether all is on paper
(`GS r 1`): Epson's public reference has these.

The picture of a ticket comes from the server dot by dot, so neither fonts nor code
pages of the printer matter."""

from __future__ import annotations

import os
import shutil

from escpos import capabilities
from escpos.constants import GS, RT_MASK_NOPAPER, RT_STATUS, RT_STATUS_PAPER
from escpos.printer import Dummy
from PIL import Image

from .state import PrinterState

ASK_OFFLINE = RT_STATUS + b"\x02"  # these two are answered at once
ASK_PAPER = RT_STATUS_PAPER
WHEN_DONE = GS + b"r\x01"  # answered in its turn, after all that was sent before
STRIP = 256  # rows of dots in one command: a printer's buffer is small

if "ESCPOS_CAPABILITIES_PICKLE_DIR" not in os.environ:
    # made anew with each start, and left behind
    shutil.rmtree(capabilities.pickle_dir, ignore_errors=True)


def ticket(width: int, height: int, dots: bytes) -> bytes:
    """Commands that print rows of dots, a bit each, 1 is black, cut the paper, and have
    the printer answer when it has done so. Takes its time: not for the loop."""
    profile = capabilities.Profile()
    media = {"width": {"pixels": width}}
    profile.profile_data = {**profile.profile_data, "media": media}
    printer = Dummy(profile=profile)
    printer.hw("INIT")
    picture = Image.frombytes("1", (width, height), dots, "raw", "1;I")
    printer.image(picture, fragment_height=STRIP)
    printer.cut(feed=False)  # by itself it feeds as far as the knife
    return bytes(printer.output + WHEN_DONE)


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
    if offline & 0x20 or paper & RT_MASK_NOPAPER == RT_MASK_NOPAPER:
        return PrinterState.NO_PAPER
    if offline & 0x40:
        return PrinterState.ERROR
    return PrinterState.READY
