"""A lane without a device: somebody stands there, counts people out, or waves in whom
the scanner admits."""

from __future__ import annotations

import asyncio

from ..model import Direction
from ..watchdog import DEVICE_LOOK, DEVICE_TURN, Beat, no_beat
from .base import Accepted, Caps, Emit, LinkDown, LinkLost, LinkUp


class ManualDriver:
    """A lane driver, see `LaneDriver`. It sees nobody: an admitted visitor is assumed
    to have passed when the lane's time is up. Nothing holds anybody back, so every way
    is free as far as steel goes."""

    caps = Caps.FREE_IN | Caps.FREE_OUT

    def __init__(self) -> None:
        self.turns: Beat = no_beat
        self._emit: Emit | None = None

    async def run(self, emit: Emit) -> None:
        """See `LaneDriver.run`."""
        self._emit = emit
        emit(LinkUp())
        try:
            while True:
                self.turns(DEVICE_TURN)
                await asyncio.sleep(DEVICE_LOOK)
        finally:
            self._emit = None
            emit(LinkDown("stopped"))

    async def allow(self, direction: Direction) -> None:
        """See `LaneDriver.allow`."""
        if self._emit is None:
            raise LinkLost("not running")
        self._emit(Accepted())

    async def rest(self, free: frozenset[Direction]) -> None:
        """See `LaneDriver.rest`."""
        if self._emit is None:
            raise LinkLost("not running")
