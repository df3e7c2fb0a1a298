"""TPW-321ASP swing gate over RS-232/485, or over a serial server in raw TCP mode.

The gate knows modes of a direction, not persons: to let one in, the direction is set
free, and set back as soon as the gate's own counter of that direction has gone up. Who
slips through meanwhile is counted, too, and reported as tailgating.
"""

from __future__ import annotations

import asyncio

from ..model import Direction
from ..settings import TpwSettings
from ..watchdog import DEVICE_TURN
from . import tpw_codec as codec
from .base import ALL_CAPS, CommandUnanswered, Emit, LinkLost, Noise, Passed
from .framed import FramedDriver

PLAUSIBLE = 50  # persons between two looks at a counter
_COUNTERS = {codec.COUNT_IN: Direction.IN, codec.COUNT_OUT: Direction.OUT}
_READ = {Direction.IN: b"0", Direction.OUT: b"1"}


class TpwDriver(FramedDriver):
    """A lane driver, see `LaneDriver`."""

    caps = ALL_CAPS

    def __init__(self, settings: TpwSettings, lane: str) -> None:
        super().__init__(settings.link, settings.ack_timeout, lane, "tpw-321asp")
        self._settings = settings
        self._begin()

    def _begin(self) -> None:
        self._parser = codec.FrameParser(codec.FROM_GATE, self._settings.address)
        self._seen: dict[Direction, int] = {}
        self._count: tuple[Direction, asyncio.Future[int]] | None = None
        self._emit: Emit = lambda event: None

    def _reading(self, data: bytes, emit: Emit) -> int:
        before = self._parser.discarded
        self._emit = emit
        for kind, content in self._parser.feed(data):
            if kind not in _COUNTERS:
                self._answered(kind == codec.YES, emit)
            elif self._count is not None and self._count[0] is _COUNTERS[kind]:
                if not self._count[1].done():
                    self._count[1].set_result(int(content))
        return self._parser.discarded - before

    def _frame(self, kind: int, content: bytes) -> bytes:
        return codec.encode(kind, content, self._settings.address)

    def _ways(self, free: frozenset[Direction]) -> bytes:
        modes = [
            codec.FREE if way in free else codec.CONTROLLED
            for way in (Direction.IN, Direction.OUT)
        ]
        return self._frame(codec.WAYS, b"".join(modes))

    async def _release(self, direction: Direction) -> bool:
        await self._look()  # who walked before did not walk on this release
        self._released = direction
        return await self._command(self._ways(self._free | {direction}), release=True)

    async def _bring_to_rest(self) -> None:
        await self._repeat(self._ways(self._free), sure=True)
        self._released = None

    async def _look_after(self, emit: Emit) -> None:
        while True:
            async with self._lock:
                await self._look()
            self.turns(DEVICE_TURN)
            await asyncio.sleep(self._settings.poll)

    async def _look(self) -> None:
        """Read both counters, with the lock held, and tell who walked."""
        for way in (Direction.IN, Direction.OUT):
            last, count = self._seen.get(way), await self._read(way)
            if last is not None and count < last:
                count = await self._read(way)  # or it was a late answer
            self._seen[way] = count
            walked = 0 if last is None else count - last
            if not 0 <= walked <= PLAUSIBLE:
                self._log.warning("a counter jumped", way=way.value, persons=walked)
                self._emit(Noise())
                continue
            for _ in range(walked):
                self._emit(Passed(way))
            if walked and self._released is way:
                await self._bring_to_rest()

    async def _read(self, way: Direction) -> int:
        for _ in range(3):
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            self._count = (way, future)
            self._write(self._frame(codec.READ_COUNT, _READ[way]))
            try:
                async with asyncio.timeout(self._ack_timeout):
                    return await future
            except TimeoutError:
                continue
            finally:
                self._count = None
        raise CommandUnanswered("the gate does not tell its counters")

    def _fail_answer(self) -> None:
        super()._fail_answer()
        if self._count is not None and not self._count[1].done():
            self._count[1].set_exception(LinkLost("link lost"))
