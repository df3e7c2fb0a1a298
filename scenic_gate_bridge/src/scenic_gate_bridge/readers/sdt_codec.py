"""Frames of the readers for second-generation identity cards (SDT, SAM_V), 115200 8N1.

    host:   AA AA AA 96 69 | len | command | parameter | data | xor
    reader: AA AA AA 96 69 | len | SW1 SW2 SW3 | data | xor

`len` (two bytes, the higher first) counts what follows it; `xor` is over everything
from `len` on. Frames, commands and answers as on softs.im ("身份证阅读器通信协议") and
in five public programs that agree byte for byte; the layout of a card's text likewise.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import xor

PREAMBLE = bytes.fromhex("AAAAAA9669")
TEXT_BYTES = 256
PHOTO_BYTES = 1024
LENGTHS = range(3, 3 + 2 + 2 + TEXT_BYTES + PHOTO_BYTES + 1 + 1)
HEAD = len(PREAMBLE) + 2

RESET = b"\x10\xff"
STATUS = b"\x11\xff"
FIND = b"\x20\x01"
SELECT = b"\x20\x02"
READ = b"\x30\x01"  # text and photo

OK = 0x90
FOUND = 0x9F
NO_CARD = 0x80
SELECT_FAILED = 0x81
READ_FAILED = 0x41
BAD_CHECKSUM = 0x10
BAD_COMMAND = 0x21

NUMBER_AT = 122
FLAG_AT = 248
FLAG_RESIDENT = " "
FLAG_HK_MACAO_TAIWAN = "J"
FLAG_FOREIGNER = "Y"
FLAG_FOREIGNER_OLD = "I"  # 15 characters where the others have 18
_CITIZEN_FORM = re.compile(r"[0-9]{17}[0-9X]")
_FOREIGNER_OLD_FORM = re.compile(r"[A-Z]{3}[0-9]{12}")


def encode(body: bytes) -> bytes:
    """The frame around a command with its data, or around an answer."""
    counted = (len(body) + 1).to_bytes(2, "big") + body
    return PREAMBLE + counted + bytes([reduce(xor, counted)])


class FrameParser:
    """Cuts a stream into the bodies of frames, of either side. Whatever is no frame is
    skipped up to the next preamble; `bad` counts frames that were begun and wrong. Not
    more than one frame is kept in memory."""

    def __init__(self) -> None:
        self.bad = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies of the frames that end in `data`."""
        self._buffer += data
        bodies = []
        while (body := self._next()) is not None:
            bodies.append(body)
        return bodies

    def reset(self) -> None:
        """Forget a frame that has begun: the line is quiet, it will not end."""
        self._buffer.clear()

    def _next(self) -> bytes | None:
        buffer = self._buffer
        while True:
            at = buffer.find(PREAMBLE)
            if at < 0:
                # its end may be the beginning of a preamble
                del buffer[: max(0, len(buffer) - len(PREAMBLE) + 1)]
                return None
            del buffer[:at]
            if len(buffer) < HEAD:
                return None
            length = int.from_bytes(buffer[len(PREAMBLE) : HEAD], "big")
            if length in LENGTHS:
                end = HEAD + length
                if len(buffer) < end:
                    return None
                if reduce(xor, buffer[len(PREAMBLE) : end]) == 0:
                    body = bytes(buffer[HEAD : end - 1])
                    del buffer[:end]
                    return body
            self.bad += 1
            del buffer[:1]


def document_number(data: bytes) -> str | None:
    """The number in the data of a read card, capital letters and digits; None when
    there is none. Nothing else of the card is looked at."""
    text_bytes = int.from_bytes(data[:2], "big")
    photo_bytes = int.from_bytes(data[2:4], "big")
    if text_bytes != TEXT_BYTES or len(data) != 4 + text_bytes + photo_bytes:
        return None
    text = data[4 : 4 + text_bytes]
    old = _characters(text[FLAG_AT : FLAG_AT + 2]) == FLAG_FOREIGNER_OLD
    size, form = (30, _FOREIGNER_OLD_FORM) if old else (36, _CITIZEN_FORM)
    number = _characters(text[NUMBER_AT : NUMBER_AT + size]).strip(" \0").upper()
    return number if form.fullmatch(number) else None


def _characters(raw: bytes) -> str:
    return raw.decode("utf-16-le", "replace")
