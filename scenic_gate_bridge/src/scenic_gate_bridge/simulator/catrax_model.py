"""A Catrax turnstile as a pure model: bytes in, bytes out, persons pushing."""

from __future__ import annotations

from ..drivers import catrax_codec as codec
from ..model import Direction

_SIDES = {b"H": codec.RETURN_1, b"A": codec.RETURN_2}


class CatraxModel:
    """The arm and its controller.

    Where the manual is silent the model takes the worst case for the host: releases add
    up, so whoever sends one twice lets two persons in, and nothing ends by itself.
    `side_in` is the release letter that lets people in.
    """

    def __init__(self, side_in: bytes = b"H") -> None:
        out = b"A" if side_in == b"H" else b"H"
        self._sides = {Direction.IN: side_in, Direction.OUT: out}
        self._parser = codec.FrameParser(codec.FROM_HOST)
        self._credit = {b"H": 0, b"A": 0}
        self._free: set[bytes] = set()
        self.passed = {Direction.IN: 0, Direction.OUT: 0}
        self.releases = 0
        self.refuse = 0  # answer this many commands with NACK, without doing them
        self.blind = False  # the sensor sees nobody
        self.swallow = 0  # do this many commands without answering

    def feed(self, data: bytes) -> bytes:
        """What the device answers to these bytes."""
        answer = b""
        for command in self._parser.feed(data):
            if self.refuse:
                self.refuse -= 1
                answer += codec.encode(codec.NACK)
                continue
            self._obey(command)
            if self.swallow:
                self.swallow -= 1
            else:
                answer += codec.encode(codec.ACK)
        return answer

    def _obey(self, command: bytes) -> None:
        letter, side = command[:1], command[1:]
        if letter in self._credit:
            self._credit[letter] += 1
            self.releases += 1
        elif letter == codec.RELEASE_BOTH:
            for each in self._credit:
                self._credit[each] += 1
            self.releases += 1
        elif letter == codec.CONTROLLED:
            self._credit = dict.fromkeys(self._credit, 0)
            self._free.clear()
        elif letter == codec.FREE:
            self._free.add(side)

    def released(self, direction: Direction) -> bool:
        """Whether the arm would let a person through."""
        side = self._sides[direction]
        return side in self._free or self._credit[side] > 0

    def is_free(self, direction: Direction) -> bool:
        """Whether the arm turns for everybody."""
        return self._sides[direction] in self._free

    def push(self, direction: Direction, *, force: bool = False) -> bytes | None:
        """A person pushes the arm: None when it holds, else what the device reports
        after the half turn. `force`: they get through whatever the arm says."""
        side = self._sides[direction]
        if side not in self._free:
            if self._credit[side]:
                self._credit[side] -= 1
            elif not force:
                return None
        self.passed[direction] += 1
        return b"" if self.blind else codec.encode(_SIDES[side])

    def power_cycle(self) -> None:
        """Come up again, controlled."""
        self._credit = dict.fromkeys(self._credit, 0)
        self._free.clear()
