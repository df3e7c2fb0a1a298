"""A turnstile worked by dry contacts: relays to it, inputs from it, on a Modbus board.

A pulse on a release relay opens for one person, until they have walked or the
turnstile's own time (`device_timeout`) is up; it cannot be taken back, so bringing such
a lane to rest takes as long. With `hold` the relay is on as long as the way is open:
that can be taken back, and is as soon as somebody walks.
"""

from __future__ import annotations

import asyncio

from ..model import Direction
from ..settings import ModbusSettings
from .base import (
    Accepted,
    Alarm,
    AlarmKind,
    Caps,
    CommandRefused,
    CommandUnanswered,
    Emit,
    Fault,
    LinkLost,
    Passed,
)
from .board import BoardDriver

TRIES = 4
_ALARMS = {kind.value: kind for kind in AlarmKind}


class ModbusDriver(BoardDriver):
    """A lane driver, see `LaneDriver`."""

    def __init__(
        self, settings: ModbusSettings, lane: str, served: frozenset[Direction]
    ) -> None:
        super().__init__(settings, lane)
        self._settings = settings
        caps = Caps(0)
        if all(settings.passes(way) is not None for way in served):
            caps |= Caps.PASS_DONE
        if settings.free_in is not None:
            caps |= Caps.FREE_IN
        if settings.free_out is not None:
            caps |= Caps.FREE_OUT
        self.caps = caps
        self._released: Direction | None = None
        # a process before this one may have released somebody just now
        self._until: float | None = None
        self._spent = asyncio.Event()

    async def allow(self, direction: Direction) -> None:
        """See `LaneDriver.allow`."""
        relay = self._settings.release(direction)
        if relay is None:
            raise CommandRefused(f"no relay release_{direction}")
        loop = asyncio.get_running_loop()
        async with self._lock:
            emit = self._emit
            if emit is None:
                raise LinkLost("no link")
            await self._look(emit)  # who walked before did not walk on this release
            if self._fire:
                raise CommandRefused("fire alarm")
            self._released = direction
            self._spent.clear()
            self._until = loop.time() + self._settings.device_timeout
            try:
                await self._board.flash(relay, self._settings.pulse)
            except CommandRefused:
                self._released, self._until = None, 0.0
                raise
            finally:
                if self._until:
                    # its own time began when it heard of it: at the latest now
                    self._until = loop.time() + self._settings.device_timeout
            emit(Accepted())

    async def _set_relays(self) -> None:
        wanted = dict.fromkeys(self._settings.relays, False)
        for way in self._free:
            relay = self._settings.free(way)
            if relay is not None:
                wanted[relay] = True
        # a relay that releases is turned off by the board itself
        releases = {self._settings.release(way) for way in Direction}
        self._standing = {
            relay: on for relay, on in wanted.items() if on or relay not in releases
        }
        for relay, on in wanted.items():
            await self._surely(relay, on)
        if self._settings.hold or self._released in self._free:
            self._released, self._until = None, 0.0

    async def _surely(self, relay: int, on: bool) -> None:
        for left in reversed(range(TRIES)):
            try:
                await self._board.relay(relay, on)
                return
            except (CommandUnanswered, CommandRefused):
                if not left:
                    raise

    async def _unreleased(self) -> None:
        loop = asyncio.get_running_loop()
        if self._until is None:
            self._until = loop.time()
            if not self._settings.hold:
                self._until += self._settings.device_timeout
        left = self._until - loop.time()
        if left > 0 and not self._spent.is_set():
            try:
                async with asyncio.timeout(left):
                    await self._spent.wait()
            except TimeoutError:
                pass
        if self._emit is None:
            raise LinkLost("link lost", sent=True)
        self._released = None

    def _changed(
        self, before: dict[str, bool] | None, now: dict[str, bool], emit: Emit
    ) -> None:
        fault = now.get("fault", False)
        if before is None or fault is not before.get("fault", False):
            emit(Fault("turnstile", fault))
        if before is None:
            return
        for name, on in now.items():
            if not on or before[name]:
                continue
            if name in ("pass_in", "pass_out"):
                direction = Direction.IN if name == "pass_in" else Direction.OUT
                if direction is self._released:
                    self._spent.set()
                emit(Passed(direction))
            elif name in _ALARMS:
                emit(Alarm(_ALARMS[name]))

    async def _looked_at(self) -> None:
        if self._settings.hold and self._spent.is_set() and self._released is not None:
            # before a second person follows
            relay = self._settings.release(self._released)
            if relay is not None and not self._fire:
                await self._surely(relay, self._released in self._free)
            self._released = None
