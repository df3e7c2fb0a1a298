"""Digicon Catrax over a serial line, or over a serial server in raw TCP mode.

`H` and `A` release one person; `C` takes that back and ends free turning; `L` leaves a
direction free. A quiet lane is told its rest again every `poll` seconds, which changes
nothing and shows that the device is still there.
"""

from __future__ import annotations

import asyncio

from ..model import Direction
from ..settings import CatraxSettings
from ..watchdog import DEVICE_TURN
from . import catrax_codec as codec
from .base import ALL_CAPS, Emit, Passed
from .framed import FramedDriver


class CatraxDriver(FramedDriver):
    """A lane driver, see `LaneDriver`."""

    caps = ALL_CAPS

    def __init__(self, settings: CatraxSettings, lane: str) -> None:
        super().__init__(settings.link, settings.ack_timeout, lane, "catrax")
        self._poll = settings.poll
        out = "A" if settings.release_in == "H" else "H"
        self._letters = {
            Direction.IN: settings.release_in.encode(),
            Direction.OUT: out.encode(),
        }
        one, two = Direction.IN, Direction.OUT
        if settings.pass_in == "1B":
            one, two = two, one
        self._reports = {codec.RETURN_1: one, codec.RETURN_2: two}
        self._parser = codec.FrameParser(codec.FROM_LANE)

    def _begin(self) -> None:
        self._parser = codec.FrameParser(codec.FROM_LANE)

    def _reading(self, data: bytes, emit: Emit) -> int:
        before = self._parser.discarded
        for command in self._parser.feed(data):
            if command in self._reports:
                direction = self._reports[command]
                if direction is self._released:
                    self._released = None
                emit(Passed(direction))
            else:
                self._answered(command == codec.ACK, emit)
        return self._parser.discarded - before

    async def _release(self, direction: Direction) -> bool:
        self._released = direction
        return await self._command(codec.encode(self._letters[direction]), release=True)

    async def _bring_to_rest(self) -> None:
        await self._repeat(codec.encode(codec.CONTROLLED), sure=True)
        self._released = None
        await self._set_free()

    async def _set_free(self) -> None:
        for direction in sorted(self._free):
            frame = codec.encode(codec.FREE + self._letters[direction])
            await self._repeat(frame, sure=False)

    async def _look_after(self, emit: Emit) -> None:
        while True:
            self.turns(self._poll + DEVICE_TURN)
            await asyncio.sleep(self._poll)
            async with self._lock:
                if self._released is None:
                    await self._set_free()
                    if not self._free:
                        await self._repeat(codec.encode(codec.CONTROLLED), sure=False)
