"""Packets of the fingerprint sensors R30x, R503 and AS608, 57600 8N1.

    EF 01 | address (4) | kind | length (2) | payload | sum (2)

All numbers have the higher byte first. `length` counts payload and sum; the sum is of
all bytes from `kind` to the end of the payload. Kinds: 01 command, 02 data with more to
come, 07 acknowledgement, 08 the last data. Packets, commands and codes as in the user
manuals of R305, R307 and R503, and in the constants of the public driver
adafruit_fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

START = b"\xef\x01"
ADDRESS = b"\xff\xff\xff\xff"
HEAD = len(START) + len(ADDRESS) + 3
SUM = 2
LONGEST = 256  # bytes of payload
LENGTHS = range(1 + SUM, LONGEST + SUM + 1)
TEMPLATE_BYTES = 512

COMMAND = 0x01
DATA = 0x02
ACK = 0x07
LAST_DATA = 0x08
KINDS = frozenset({COMMAND, DATA, ACK, LAST_DATA})

# the two places in the sensor's memory that a template is made in or compared from
BUFFER_1 = b"\x01"
BUFFER_2 = b"\x02"

TAKE_IMAGE = b"\x01"
MAKE_FEATURES = b"\x02"  # + buffer: of the image
COMPARE = b"\x03"  # the two buffers: one against one
MAKE_TEMPLATE = b"\x05"  # of the features of two presses, into both buffers
SEND_TEMPLATE = b"\x08"  # + buffer: to the host
TAKE_TEMPLATE = b"\x09"  # + buffer: from the host
EMPTY_LIBRARY = b"\x0d"
PARAMETERS = b"\x0f"
PASSWORD = b"\x13"  # + 4 bytes
COUNT = b"\x1d"  # templates that the sensor has stored


class Code(IntEnum):
    """The first byte of an acknowledgement."""

    OK = 0x00
    RECEIVED_BADLY = 0x01
    NO_FINGER = 0x02
    NO_IMAGE = 0x03
    MESSY_IMAGE = 0x06
    TOO_FEW_FEATURES = 0x07
    NO_MATCH = 0x08
    NOT_ONE_FINGER = 0x0A  # the two presses do not make a template
    SEND_FAILED = 0x0D
    TAKE_FAILED = 0x0E
    WRONG_PASSWORD = 0x13
    INVALID_IMAGE = 0x15


POOR = frozenset(
    {Code.NO_IMAGE, Code.MESSY_IMAGE, Code.TOO_FEW_FEATURES, Code.INVALID_IMAGE}
)


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of either side."""

    kind: int
    payload: bytes


def encode(kind: int, payload: bytes) -> bytes:
    """The bytes of a packet."""
    counted = bytes([kind]) + (len(payload) + SUM).to_bytes(2, "big") + payload
    return START + ADDRESS + counted + _sum(counted)


def encode_data(data: bytes, size: int) -> bytes:
    """The packets of a transfer, with `size` bytes in each."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    packets = [encode(DATA, piece) for piece in pieces[:-1]]
    return b"".join((*packets, encode(LAST_DATA, pieces[-1])))


def packet_size(parameters: bytes) -> int | None:
    """Bytes in each packet of a transfer, from the answer to PARAMETERS (16 bytes)."""
    if len(parameters) != 16:
        return None
    return {0: 32, 1: 64, 2: 128, 3: 256}.get(int.from_bytes(parameters[12:14], "big"))


class PacketParser:
    """Cuts a stream into packets of either side. What is none is skipped up to the next
    beginning; `bad` counts packets that were begun and wrong. Not more than one packet
    is kept in memory."""

    def __init__(self) -> None:
        self.bad = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that end in `data`."""
        self._buffer += data
        packets = []
        while (packet := self._next()) is not None:
            packets.append(packet)
        return packets

    def reset(self) -> None:
        """Forget a packet that has begun: the line is quiet, it will not end."""
        self._buffer.clear()

    def _next(self) -> Packet | None:
        buffer, begin = self._buffer, START + ADDRESS
        while True:
            at = buffer.find(begin)
            if at < 0:
                # its end may be the beginning of a packet
                del buffer[: max(0, len(buffer) - len(begin) + 1)]
                return None
            del buffer[:at]
            if len(buffer) < HEAD:
                return None
            kind, length = buffer[len(begin)], int.from_bytes(buffer[HEAD - 2 : HEAD])
            if kind in KINDS and length in LENGTHS:
                end = HEAD + length
                if len(buffer) < end:
                    return None
                if _sum(buffer[len(begin) : end - SUM]) == buffer[end - SUM : end]:
                    payload = bytes(buffer[HEAD : end - SUM])
                    del buffer[:end]
                    return Packet(kind, payload)
            self.bad += 1
            del buffer[:1]


def _sum(counted: bytes | bytearray) -> bytes:
    return (sum(counted) & 0xFFFF).to_bytes(SUM, "big")
