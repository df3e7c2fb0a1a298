"""Frames of the Digicon Catrax serial protocol.

    STX 02 | size, 16 bit little endian = len(command) + 1 | command | BCC

The command is one or two bytes; BCC is the exclusive or of all bytes before it.
"""

from __future__ import annotations

from functools import reduce
from operator import xor

STX = 0x02

RELEASE_H = b"H"  # one pass, right to left by the manual's table
RELEASE_A = b"A"  # one pass, left to right
RELEASE_BOTH = b"D"
CONTROLLED = b"C"
FREE = b"L"  # followed by H or A
PROGRAM = b"S"  # followed by H or A
ACK = b"\x06"
NACK = b"\x15"
RETURN_1 = b"\x1a"  # somebody passed right to left
RETURN_2 = b"\x1b"  # somebody passed left to right

FROM_LANE = frozenset({ACK, NACK, RETURN_1, RETURN_2})
FROM_HOST = frozenset(
    {RELEASE_H, RELEASE_A, RELEASE_BOTH, CONTROLLED}
    | {prefix + side for prefix in (FREE, PROGRAM) for side in (RELEASE_H, RELEASE_A)}
)


def bcc(data: bytes | bytearray) -> int:
    """Exclusive or of all bytes."""
    return reduce(xor, data, 0)


def encode(command: bytes) -> bytes:
    """The frame that carries a command of one or two bytes."""
    if len(command) not in (1, 2):
        raise ValueError("a command has one or two bytes")
    head = bytes([STX]) + (len(command) + 1).to_bytes(2, "little") + command
    return head + bytes([bcc(head)])


class FrameParser:
    """Finds frames in whatever bytes come, split anywhere.

    Only commands in `accept` count. That is what makes it resynchronise for certain:
    since 02 is no command, no candidate that begins in noise can swallow the beginning
    of a true frame (its length byte, its command or its BCC would have to be 02), so a
    frame that arrives whole is always found, whatever came before it.
    """

    def __init__(self, accept: frozenset[bytes]) -> None:
        self._accept = accept
        self._buffer = bytearray()
        self.discarded = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The commands completed by `data`. `discarded` counts bytes of no frame."""
        buffer = self._buffer
        buffer += data
        found: list[bytes] = []
        at = 0
        while True:
            start = buffer.find(STX, at)
            if start < 0:
                self.discarded += len(buffer) - at
                at = len(buffer)
                break
            self.discarded += start - at
            at = start
            taken = self._match(at)
            if taken is None:
                break
            if taken:
                found.append(bytes(buffer[at + 3 : at + taken - 1]))
                at += taken
            else:
                self.discarded += 1
                at += 1
        del buffer[:at]
        return found

    def _match(self, at: int) -> int | None:
        """Length of the frame at `at`; 0 when it is none; None when more bytes must
        come to tell."""
        buffer = self._buffer
        have = len(buffer) - at
        if have >= 2 and buffer[at + 1] not in (2, 3):
            return 0
        if have >= 3 and buffer[at + 2] != 0:
            return 0
        if have < 3:
            return None
        length = 3 + buffer[at + 1]
        if have < length:
            return None
        command = bytes(buffer[at + 3 : at + length - 1])
        whole = buffer[at : at + length]
        if command in self._accept and bcc(whole[:-1]) == whole[-1]:
            return length
        return 0
