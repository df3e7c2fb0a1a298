"""Frames of the TPW-321ASP swing gate (operating manual, appendix C).

    [address] | STX 02 | type | length of the content | content | EOT 04

The address stands in front on RS-232 and RS-485, and not on UDP. The content is ASCII.
There is no check byte: a spoilt digit of a counter cannot be told from a true one.
"""

from __future__ import annotations

from collections.abc import Mapping

STX, EOT = 0x02, 0x04
YES, NO = 0x44, 0xF4
WAYS = 0x14  # mode of entry and of exit, one digit each
COUNT_IN, COUNT_OUT = 0x21, 0x22  # from the gate: a counter, in digits
READ_COUNT = 0x28  # "0" entry, "1" exit

CONTROLLED, FREE = b"0", b"1"
MOST_DIGITS = 10

# type → shortest and longest content
FROM_GATE: Mapping[int, tuple[int, int]] = {
    YES: (0, 0),
    NO: (0, 0),
    COUNT_IN: (1, MOST_DIGITS),
    COUNT_OUT: (1, MOST_DIGITS),
}
FROM_HOST: Mapping[int, tuple[int, int]] = {WAYS: (2, 2), READ_COUNT: (1, 1)}


def encode(kind: int, content: bytes = b"", address: int | None = None) -> bytes:
    """One frame; with `address` in front where the line has addresses."""
    head = b"" if address is None else bytes([address])
    return head + bytes([STX, kind, len(content)]) + content + bytes([EOT])


class FrameParser:
    """Finds frames in whatever bytes come, split anywhere.

    Only the types in `accept`, with digits as their content, count. Since 02 and 04 are
    neither a type nor a digit, and a length of 2 or 4 is followed by a digit, no
    candidate that begins in noise can swallow the beginning of a true frame.
    """

    def __init__(
        self, accept: Mapping[int, tuple[int, int]], address: int | None
    ) -> None:
        self._accept = accept
        self._address = address
        self._buffer = bytearray()
        self.discarded = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Type and content of each frame that `data` completes. `discarded` counts
        bytes of no frame."""
        buffer = self._buffer
        buffer += data
        found: list[tuple[int, bytes]] = []
        at = 0
        while at < len(buffer):
            length = self._match(buffer[at : at + 5 + MOST_DIGITS])
            if length is None:
                break
            if length:
                start = at + (self._address is not None)
                found.append(
                    (buffer[start + 1], bytes(buffer[start + 3 : at + length - 1]))
                )
                at += length
            else:
                self.discarded += 1
                at += 1
        del buffer[:at]
        return found

    def _match(self, part: bytearray) -> int | None:
        """Length of the frame that `part` begins with; 0 when it is none; None when
        more bytes must come to tell."""
        start = 0
        if self._address is not None:
            if part[0] != self._address:
                return 0
            start = 1
        rest = part[start:]
        if rest and rest[0] != STX:
            return 0
        if len(rest) >= 2 and rest[1] not in self._accept:
            return 0
        if len(rest) < 3:
            return None
        shortest, longest = self._accept[rest[1]]
        if not shortest <= rest[2] <= longest:
            return 0
        content, end = rest[3 : 3 + rest[2]], rest[3 + rest[2] : 4 + rest[2]]
        if content and not content.isdigit():
            return 0
        if not end:
            return None
        return start + 4 + rest[2] if end[0] == EOT else 0
