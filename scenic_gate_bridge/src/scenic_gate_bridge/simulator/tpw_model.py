"""A TPW-321ASP swing gate as a pure model: bytes in, bytes out, persons walking."""

from __future__ import annotations

from ..drivers import tpw_codec as codec
from ..model import Direction


class TpwModel:
    """The wings and their controller. Each direction is under control or free, and
    stays so; the gate counts whoever walks, up to six digits, and forgets nothing when
    it is asked."""

    MODULUS = 1_000_000

    def __init__(self, address: int | None = None) -> None:
        self._address = address
        self._parser = codec.FrameParser(codec.FROM_HOST, address)
        self._free: set[Direction] = set()
        self._counters = {Direction.IN: 0, Direction.OUT: 0}
        self.passed = {Direction.IN: 0, Direction.OUT: 0}
        self.releases = 0
        self.refuse = 0  # answer this many commands with a no, without doing them
        self.blind = False  # the sensor sees nobody
        self.swallow = 0  # do this many commands without answering

    def feed(self, data: bytes) -> bytes:
        """What the gate answers to these bytes."""
        answer = b""
        for kind, content in self._parser.feed(data):
            if kind == codec.READ_COUNT:
                answer += self._count(content)
            elif self.refuse:
                self.refuse -= 1
                answer += codec.encode(codec.NO, address=self._address)
            else:
                self._obey(content)
                if self.swallow:
                    self.swallow -= 1
                else:
                    answer += codec.encode(codec.YES, address=self._address)
        return answer

    def _count(self, content: bytes) -> bytes:
        kind, way = codec.COUNT_IN, Direction.IN
        if content == b"1":
            kind, way = codec.COUNT_OUT, Direction.OUT
        return codec.encode(kind, b"%06d" % self._counters[way], self._address)

    def _obey(self, content: bytes) -> None:
        free = set()
        for way, digit in zip((Direction.IN, Direction.OUT), content, strict=True):
            if bytes([digit]) == codec.FREE:
                free.add(way)
        self.releases += bool(free - self._free)
        self._free = free

    def released(self, direction: Direction) -> bool:
        """Whether the wings would let a person through."""
        return direction in self._free

    def is_free(self, direction: Direction) -> bool:
        """Whether everybody gets through; this gate knows no other way."""
        return direction in self._free

    def push(self, direction: Direction, *, force: bool = False) -> bytes | None:
        """A person walks: None when the wings hold, else what the gate says of its own
        accord, which is nothing. `force`: they get through whatever the wings do."""
        if direction not in self._free and not force:
            return None
        self.passed[direction] += 1
        if not self.blind:
            seen = self._counters[direction] + 1
            self._counters[direction] = seen % self.MODULUS
        return b""

    def power_cycle(self) -> None:
        """Come up again, controlled, with counters at nought."""
        self._free.clear()
        self._counters = dict.fromkeys(self._counters, 0)
