"""Frames of readers that send the number of each IC card by themselves.

ASCII (RDM6300 and its kind, EM4100 cards, 9600 8N1), as on forum.hobbycomponents.com:

    02 | 10 hex digits: the 5 bytes of the card | 2 hex digits: their xor | 03

Binary (shop data sheets of two-chip readers):

    02 | len | type: 01 Mifare, 02 EM | number | xor of len to number | 03

`len` counts the whole frame.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import reduce
from operator import xor
from typing import Protocol

STX = 0x02
ETX = 0x03
ASCII_LENGTH = 14
OVERHEAD = 5  # of a binary frame: all but the number
NUMBER_BYTES = range(3, 11)
TYPE_MIFARE = 0x01
TYPE_EM = 0x02

_HEX = re.compile(rb"[0-9A-Fa-f]{12}")


class NumberParser(Protocol):
    """Cuts a stream into the numbers of cards. What is no frame is counted in
    `discarded`, byte by byte; not more than one frame is kept in memory."""

    discarded: int

    @property
    def pending(self) -> bool:
        """Whether a frame has begun."""
        ...

    def feed(self, data: bytes) -> list[bytes]:
        """The numbers that end in `data`, in the order of their bytes on the line."""
        ...

    def flush(self) -> list[bytes]:
        """A frame is sent in one go, and the line is quiet: what has begun will not
        be ended. The numbers that were behind the false beginning."""
        ...


class _Parser(ABC):
    def __init__(self) -> None:
        self.discarded = 0
        self._buffer = bytearray()

    @property
    def pending(self) -> bool:
        """See `NumberParser`."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """See `NumberParser`."""
        numbers = []
        for byte in data:
            self._buffer.append(byte)
            numbers += self._scan()
        return numbers

    def flush(self) -> list[bytes]:
        """See `NumberParser`."""
        numbers = []
        while self._buffer:
            self._skip(1)
            numbers += self._scan()
        return numbers

    def _skip(self, count: int) -> None:
        self.discarded += count
        del self._buffer[:count]

    def _scan(self) -> list[bytes]:
        """Take whole frames off the front of the buffer, and what can begin none."""
        numbers = []
        while self._buffer:
            length = self._length() if self._buffer[0] == STX else 0
            if length is None or len(self._buffer) < length:
                break
            number = self._number(bytes(self._buffer[:length])) if length else None
            if number is None:
                self._skip(1)
            else:
                numbers.append(number)
                del self._buffer[:length]
        return numbers

    @abstractmethod
    def _length(self) -> int | None:
        """How long the frame at the front is; 0: it is none; None: not known yet."""

    @abstractmethod
    def _number(self, frame: bytes) -> bytes | None:
        """The number in a frame; None if the frame is broken."""


class AsciiParser(_Parser):
    """See the module."""

    def _length(self) -> int | None:
        # a second STX means that the first frame was broken off
        return 0 if STX in self._buffer[1:] else ASCII_LENGTH

    def _number(self, frame: bytes) -> bytes | None:
        if frame[-1] != ETX or not _HEX.fullmatch(frame[1:-1]):
            return None
        raw = bytes.fromhex(frame[1:-1].decode())
        return raw[:-1] if reduce(xor, raw) == 0 else None


class BinaryParser(_Parser):
    """See the module."""

    def _length(self) -> int | None:
        if len(self._buffer) < 2:
            return None
        length = self._buffer[1]
        return length if length - OVERHEAD in NUMBER_BYTES else 0

    def _number(self, frame: bytes) -> bytes | None:
        if frame[-1] != ETX or reduce(xor, frame[1:-1]) != 0:
            return None
        return frame[3:-2] if frame[2] in (TYPE_MIFARE, TYPE_EM) else None


def encode_ascii(number: bytes) -> bytes:
    """The frame of an EM4100 card; `number`: 5 bytes."""
    text = f"{number.hex()}{reduce(xor, number):02x}".upper()
    return bytes([STX]) + text.encode() + bytes([ETX])


def encode_binary(number: bytes, kind: int) -> bytes:
    """The frame of a card; `kind`: TYPE_MIFARE or TYPE_EM."""
    body = bytes([len(number) + OVERHEAD, kind]) + number
    return bytes([STX]) + body + bytes([reduce(xor, body), ETX])
