"""A fingerprint sensor of the R30x family as a pure model: bytes in, bytes out.

A finger is a text, and what the sensor makes of it begins with a digest of that text:
two presses of one text are one finger.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field

from ..biometric import r30x_codec as r30x
from ..biometric.r30x_codec import Code

DIGEST_BYTES = 32
SMUDGED = ""  # a finger of which no features can be made


def features(finger: str) -> bytes:
    """What the sensor makes of a finger."""
    digest = hashlib.sha256(finger.encode()).digest()
    return digest.ljust(r30x.TEMPLATE_BYTES, b"\x5a")


@dataclass
class R30xModel:
    """`presses`: what lies on the glass at each look from now on, None for nothing; the
    glass is empty afterwards. `stored`: templates that somebody left in it."""

    password: int = 0
    size_code: int = 2
    stored: int = 0
    presses: deque[str | None] = field(default_factory=deque)
    buffers: dict[int, bytes] = field(default_factory=dict)
    commands: list[int] = field(default_factory=list)
    _image: str | None = None
    _logged_in: bool = False
    _filling: int | None = None
    _data: bytearray = field(default_factory=bytearray)
    _parser: r30x.PacketParser = field(default_factory=r30x.PacketParser)

    def press(self, *fingers: str, looks: int = 1) -> None:
        """Fingers one after the other, each for so many looks, lifted in between."""
        for finger in fingers:
            self.presses += [finger] * looks + [None]

    def feed(self, data: bytes) -> bytes:
        """What the sensor answers."""
        bad = self._parser.bad
        answers = [self._answer(packet) for packet in self._parser.feed(data)]
        if self._parser.bad != bad:
            answers.append(_ack(Code.RECEIVED_BADLY))
        return b"".join(answers)

    def _answer(self, packet: r30x.Packet) -> bytes:
        if packet.kind != r30x.COMMAND:
            self._take_data(packet)
            return b""
        self._filling = None
        command, rest = packet.payload[:1], packet.payload[1:]
        self.commands.append(command[0])
        if command == r30x.PASSWORD:
            self._logged_in = rest == self.password.to_bytes(4, "big")
            return _ack(Code.OK if self._logged_in else Code.WRONG_PASSWORD)
        if not self._logged_in:
            return _ack(Code.WRONG_PASSWORD)
        return self._work(command, rest)

    def _work(self, command: bytes, rest: bytes) -> bytes:
        match command:
            case r30x.PARAMETERS:
                return _ack(Code.OK, self._parameters())
            case r30x.COUNT:
                return _ack(Code.OK, self.stored.to_bytes(2, "big"))
            case r30x.EMPTY_LIBRARY:
                self.stored = 0
                return _ack(Code.OK)
            case r30x.TAKE_IMAGE:
                self._image = self.presses.popleft() if self.presses else None
                return _ack(Code.NO_FINGER if self._image is None else Code.OK)
            case r30x.MAKE_FEATURES:
                if self._image is None:
                    return _ack(Code.INVALID_IMAGE)
                if self._image == SMUDGED:
                    return _ack(Code.MESSY_IMAGE)
                self.buffers[rest[0]] = features(self._image)
                return _ack(Code.OK)
            case r30x.MAKE_TEMPLATE:
                return _ack(Code.OK if self._same() else Code.NOT_ONE_FINGER)
            case r30x.COMPARE:
                score = b"\x00\x64" if self._same() else b"\x00\x00"
                return _ack(Code.OK if self._same() else Code.NO_MATCH, score)
            case r30x.SEND_TEMPLATE:
                return self._send(rest[0])
            case r30x.TAKE_TEMPLATE:
                self._filling = rest[0]
                self._data.clear()
                return _ack(Code.OK)
        return _ack(Code.RECEIVED_BADLY)

    def _parameters(self) -> bytes:
        fields = (
            (0, 2),  # status
            (9, 2),  # system
            (1000, 2),  # room for templates
            (3, 2),  # security level
            (0xFFFFFFFF, 4),
            (self.size_code, 2),
            (6, 2),  # times 9600 baud
        )
        return b"".join(value.to_bytes(size, "big") for value, size in fields)

    def _send(self, buffer: int) -> bytes:
        template = self.buffers.get(buffer)
        if template is None:
            return _ack(Code.SEND_FAILED)
        size = r30x.packet_size(self._parameters())
        assert size is not None
        return _ack(Code.OK) + r30x.encode_data(template, size)

    def _take_data(self, packet: r30x.Packet) -> None:
        if self._filling is None:
            return
        self._data += packet.payload
        if packet.kind == r30x.LAST_DATA:
            self.buffers[self._filling] = bytes(self._data)
            self._filling = None

    def _same(self) -> bool:
        one, two = (self.buffers.get(number) for number in (1, 2))
        return (
            one is not None
            and two is not None
            and len(one) == len(two) == r30x.TEMPLATE_BYTES
            and one[:DIGEST_BYTES] == two[:DIGEST_BYTES]
        )


def _ack(code: Code, data: bytes = b"") -> bytes:
    return r30x.encode(r30x.ACK, bytes([code]) + data)
