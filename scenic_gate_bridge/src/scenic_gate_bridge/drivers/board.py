"""What lanes have in common whose sensors are wired to the inputs of a Modbus board.

Inputs are polled, and edges count, never levels: the shortest pulse that turnstiles
give is 0.3 s, so one look every 50 ms cannot miss it. When two looks were further apart
than such a pulse, a pass may have gone unseen, and that is told as `Noise`.

A board that lost its power for a moment comes back with all relays off, and on a serial
line nothing tells: so the relays are read back each second, and one that stands
otherwise than it was told begins the link anew.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any

import structlog

from ..model import NONE, Direction
from ..settings import InfraredSettings, ModbusSettings
from ..watchdog import DEVICE_TURN, Beat, no_beat
from .base import (
    CommandRefused,
    CommandUnanswered,
    Emit,
    Fire,
    LinkDown,
    LinkLost,
    LinkUp,
    Noise,
)
from .modbus_board import ModbusBoard

SHORTEST_PULSE = 0.3
MOST_MISSED = 3  # looks without an answer, one after the other
LEAST_INPUTS = 8
READ_BACK = 1.0  # seconds between two looks at the relays
FIRE_OVER = 1.0  # seconds without the fire contact until it is believed


class BoardDriver(ABC):
    """The link, the polling and the fire contact. See `LaneDriver`."""

    def __init__(self, settings: ModbusSettings | InfraredSettings, lane: str) -> None:
        self.turns: Beat = no_beat
        self._wired = settings.wired_inputs
        self._inverted = frozenset(settings.inverted)
        self._count = max(LEAST_INPUTS, *(n + 1 for n in self._wired.values()))
        self._clear_links = settings.clear_links
        self._poll = settings.poll
        self._board = ModbusBoard(settings.link, settings.unit, settings.answer_timeout)
        self._log = structlog.get_logger().bind(lane=lane, device=settings.kind)
        self._lock = asyncio.Lock()
        self._levels: dict[str, bool] | None = None
        self._looked = 0.0
        # relays that nothing but a command turns on or off, as they were told to stand
        self._standing: dict[int, bool] = {}
        self._fire = False
        self._calm_since: float | None = None
        self._free = NONE
        self._emit: Emit | None = None
        self._lost: asyncio.Future[str] | None = None

    # -- what a lane fills in --------------------------------------------------------

    @abstractmethod
    async def _set_relays(self) -> None:
        """Bring the relays to rest, with the lock held; raises CommandUnanswered."""

    @abstractmethod
    async def _unreleased(self) -> None:
        """Wait until nobody can walk on an earlier release any more."""

    @abstractmethod
    def _changed(
        self, before: dict[str, bool] | None, now: dict[str, bool], emit: Emit
    ) -> None:
        """Inputs were read; `before` is None at the start of a link."""

    @abstractmethod
    async def _looked_at(self) -> None:
        """After each look, with the lock held."""

    # -- LaneDriver ------------------------------------------------------------------

    async def run(self, emit: Emit) -> None:
        """See `LaneDriver.run`."""
        reason = "stopped"
        try:
            async with self._board.connected() as lost:
                self._levels = None
                self._emit = emit
                self._lost = lost
                session = asyncio.create_task(self._session(emit))
                try:
                    ends: set[asyncio.Future[Any]] = {session, lost}
                    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                    if session.done():
                        session.result()
                    raise LinkLost(lost.result())
                finally:
                    self._emit = None
                    session.cancel()
                    await asyncio.gather(session, return_exceptions=True)
        except (LinkLost, CommandUnanswered, CommandRefused) as error:
            reason = str(error)
            raise LinkLost(reason) from error
        finally:
            emit(LinkDown(reason))

    async def rest(self, free: frozenset[Direction]) -> None:
        """See `LaneDriver.rest`. While there is a fire nothing is commanded: this is
        only remembered."""
        self._free = free
        async with self._lock:
            if self._emit is None:
                raise LinkLost("no link")
            if self._fire:
                return
            try:
                await self._set_relays()
            except (CommandUnanswered, CommandRefused) as error:
                # a lane that rests otherwise than it should is better begun anew
                if self._lost is not None and not self._lost.done():
                    self._lost.set_result(str(error))
                raise LinkLost(str(error), sent=True) from error
        await self._unreleased()

    # -- the session -----------------------------------------------------------------

    async def _session(self, emit: Emit) -> None:
        if self._clear_links:
            await self._board.clear_links()
        async with self._lock:
            await self._look(emit)
            if not self._fire:
                await self._set_relays()
        polling = asyncio.create_task(self._keep_looking(emit))
        try:
            ready = asyncio.create_task(self._unreleased())
            await asyncio.wait({polling, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if not polling.done():
                emit(LinkUp())
            await polling
        finally:
            polling.cancel()

    async def _keep_looking(self, emit: Emit) -> None:
        missed = 0
        loop = asyncio.get_running_loop()
        read_back = loop.time()
        while True:
            self.turns(DEVICE_TURN)
            await asyncio.sleep(self._poll)
            try:
                async with self._lock:
                    await self._look(emit)
                    if loop.time() - read_back >= READ_BACK:
                        await self._read_back()
                        read_back = loop.time()
                missed = 0
            except CommandUnanswered:
                missed += 1
                if missed == MOST_MISSED:
                    raise

    async def _look(self, emit: Emit) -> None:
        """Read the inputs, with the lock held, and tell what they say."""
        bits = await self._board.inputs(self._count)
        now = asyncio.get_running_loop().time()
        levels = {
            name: bits[number] is not (number in self._inverted)
            for name, number in self._wired.items()
        }
        if self._levels is not None and now - self._looked >= SHORTEST_PULSE:
            emit(Noise())
        before, self._levels, self._looked = self._levels, levels, now
        self._watch_fire(levels.get("fire", False), now, emit)
        self._changed(before, levels, emit)
        await self._looked_at()

    async def _read_back(self) -> None:
        """Compare the relays with what they were told, with the lock held."""
        if self._fire or not self._standing:
            return
        on = await self._board.relays(max(self._standing) + 1)
        if any(on[relay] is not told for relay, told in self._standing.items()):
            raise LinkLost("the board lost its relays")

    def _watch_fire(self, alarm: bool, now: float, emit: Emit) -> None:
        was = self._fire
        if alarm:
            self._calm_since = None
            self._fire = True
        elif was:
            # a bouncing contact is one alarm
            self._calm_since = self._calm_since or now
            self._fire = now - self._calm_since < FIRE_OVER
        if self._fire is not was:
            emit(Fire(self._fire))
